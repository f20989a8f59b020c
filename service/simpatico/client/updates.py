"""What the service says of calls on a stream, in Simpatico's own types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from simpatico.errors import RemoteError
from simpatico.server.analysis.convert import analysis_from_proto
from simpatico.types import CallAnalysis
from simpatico.v1 import analysis_service_pb2 as pb

__all__ = ["CallFailed", "Drain", "Event", "Final", "Interim", "Ready", "RecordingResult", "Update", "recording_result", "update_of"]


@dataclass(frozen=True, slots=True)
class Ready:
    """A call is open. ``log_id`` is how the service's log names it.

    Audio may come at ``realtime_factor`` times real time (0 for any pace), and ``burst_s`` seconds of it at once on top.
    """

    call_id: str
    analysis_rate_hz: int
    log_id: str
    labels: Mapping[str, str]
    realtime_factor: float = 0.0
    burst_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Interim:
    """What is known of a call so far."""

    call_id: str
    analysis: CallAnalysis


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened ``at_s`` seconds into a call: "mark", "paused", "resumed", "padded", "consent" or "consent_failed"."""

    call_id: str
    kind: str
    at_s: float
    label: str


@dataclass(frozen=True, slots=True)
class Final:
    """A call's result.

    ``ended_by`` is "end", "closed" or "drain"; ``kept`` says whether a named caller's call is remembered (None: not known in time, or none
    was named), ``not_kept_reason`` why not.
    """

    call_id: str
    analysis: CallAnalysis
    ended_by: str
    labels: Mapping[str, str]
    kept: bool | None = None
    not_kept_reason: str = ""


@dataclass(frozen=True, slots=True)
class RecordingResult:
    """A recording's result. ``kept`` and ``not_kept_reason`` are as in `Final`; None and "" where no caller was named."""

    analysis: CallAnalysis
    kept: bool | None = None
    not_kept_reason: str = ""


@dataclass(frozen=True, slots=True)
class CallFailed:
    """A call has ended by a fault; others on the stream go on."""

    call_id: str
    error: RemoteError


@dataclass(frozen=True, slots=True)
class Drain:
    """The service stops in ``grace_s`` seconds. ``call_id`` is "" on a stream without open calls."""

    call_id: str
    grace_s: float


Update: TypeAlias = Ready | Interim | Event | Final | CallFailed | Drain


def _kept(message: pb.Final | pb.AnalyzeRecordingResponse) -> bool | None:
    return message.kept if message.HasField("kept") else None


def _final(call_id: str, final: pb.Final) -> Final:
    return Final(call_id, analysis_from_proto(final.analysis), final.ended_by, dict(final.labels), _kept(final), final.not_kept_reason)


def recording_result(response: pb.AnalyzeRecordingResponse) -> RecordingResult:
    """Return the answer to an upload in own types."""
    return RecordingResult(analysis_from_proto(response.analysis), _kept(response), response.not_kept_reason)


_UPDATES: dict[str, Callable[[str, Any], Update]] = {
    "ready": lambda call_id, ready: Ready(
        call_id, ready.analysis_rate_hz, ready.log_id, dict(ready.labels), ready.realtime_factor, ready.burst_s
    ),
    "interim": lambda call_id, interim: Interim(call_id, analysis_from_proto(interim.analysis)),
    "event": lambda call_id, event: Event(call_id, event.kind, event.at_s, event.label),
    "final": _final,
    "error": lambda call_id, error: CallFailed(call_id, _call_error(error)),
    "drain": lambda call_id, drain: Drain(call_id, drain.grace_s),
}


def update_of(response: pb.StreamAnalyzeResponse) -> Update | None:
    """Return the response in own types; None for a kind that this version does not know."""
    kind = response.WhichOneof("response")
    return None if kind is None else _UPDATES[kind](response.call_id, getattr(response, kind))


def _call_error(error: pb.CallError) -> RemoteError:
    retry_after_s = error.retry_after_s if error.HasField("retry_after_s") else None
    field = error.violations[0].field if error.violations else ""
    return RemoteError(error.message, status=error.status, reason=error.reason, field=field, retry_after_s=retry_after_s)
