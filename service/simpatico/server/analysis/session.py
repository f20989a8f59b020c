"""One call: messages in, answers out, in order. No I/O, no clock, no threads: whoever calls it says what time it is.

Everything that a call may do wrong is an exception of `simpatico.errors` here; the caller ends the call with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from simpatico.audio import ENCODINGS, analysis_rate_hz, check_caller_channel, check_channels, check_rate_hz
from simpatico.config import CallerSettings, LimitSettings
from simpatico.errors import AudioError, RequestError, StreamTooLongError, UnknownCodecError
from simpatico.server.analysis.attention import Moment
from simpatico.server.analysis.convert import analysis_to_proto
from simpatico.server.analysis.gate import RateGate
from simpatico.server.analysis.tracks import Tracks
from simpatico.server.callers.named import NamedCaller, named_caller
from simpatico.types import AudioFormat, CallAnalysis
from simpatico.v1 import analysis_service_pb2 as pb

__all__ = ["Analyzer", "AnalyzerFactory", "CallPlan", "CallSession", "check_call_id", "plan_of"]

MAX_CALL_ID = 128
"""Characters; a UUID has 36, a SIP Call-ID rarely more than 100."""
MAX_LABELS = 16
MAX_LABEL = 128
DEFAULT_INTERIM_PERIOD_S = 1.0

Response = pb.StreamAnalyzeResponse


class Analyzer(Protocol):
    """What measures one call: `simpatico.analysis.CallAnalyzer`, or a stand-in."""

    def feed(self, samples: NDArray[np.float32]) -> list[CallAnalysis]:
        """Take float32 [n, channels]; return the interim results that are due."""

    def finish(self) -> CallAnalysis:
        """Return the final result."""

    @property
    def shared_variance(self) -> Mapping[str, float]:
        """How much of each style axis' error other calls of the caller have too, SD squared."""


@dataclass(frozen=True, slots=True)
class CallPlan:
    """What is to be analysed and how, checked.

    Attributes
    ----------
    encoding
        Of the wire; None for a container file.
    format
        Of the audio; None for a container file, which says so itself.
    caller_channel
        Index, or None when the only channel is the agent's.
    interim_period_s
        Seconds of call time, None for no interim results.
    caller
        Who calls, where the client says so.
    """

    call_id: str
    encoding: str | None = None
    format: AudioFormat | None = None
    caller_channel: int | None = 0
    interim_period_s: float | None = DEFAULT_INTERIM_PERIOD_S
    full_interims: bool = False
    seed: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    caller: NamedCaller | None = None


AnalyzerFactory = Callable[[CallPlan, AudioFormat], Analyzer]


def check_call_id(call_id: str, name: str) -> str:
    """Return a usable call id.

    Raises
    ------
    RequestError
        It is empty, too long, or has control characters in it.
    """
    if 1 <= len(call_id) <= MAX_CALL_ID and call_id.isprintable():
        return call_id
    raise RequestError(
        f"call_id has {len(call_id)} characters{'' if call_id.isprintable() else ', some of them not printable'}: "
        f"1 to {MAX_CALL_ID} printable characters work, for instance a UUID",
        field=name,
    )


def plan_of(start: pb.StartCall, limits: LimitSettings, callers: CallerSettings) -> CallPlan:
    """Return the plan of a live call.

    Raises
    ------
    UnknownCodecError, AudioFormatError, RequestError
        A field is missing or out of range; the error's ``field`` says which.
    """
    encoding, audio = format_of(start.format, "start.format.")
    check_labels(start.labels)
    return CallPlan(
        call_id=start.call_id,
        encoding=encoding,
        format=audio,
        caller_channel=caller_of(start, audio.channels, "start."),
        interim_period_s=_interim_period_s(start.options, limits),
        full_interims=start.options.full_interims,
        seed=check_seed(start.options.seed, "start.options.seed"),
        labels=dict(start.labels),
        caller=named_caller(start, "start.", callers),
    )


def format_of(raw: pb.RawAudioFormat, prefix: str) -> tuple[str, AudioFormat]:
    """Return the encoding on the wire and the format of the audio, checked."""
    try:
        if raw.encoding not in ENCODINGS:
            raise UnknownCodecError(f"encoding {raw.encoding!r} is not known: {', '.join(ENCODINGS)} work", field="encoding")
        rate_hz = check_rate_hz(raw.sample_rate_hz)
        check_channels(raw.channels)
    except AudioError as error:
        error.field = prefix + error.field
        raise
    codec = raw.codec or raw.encoding
    if len(codec) > MAX_LABEL or not codec.isprintable():
        raise RequestError(f"codec has {len(codec)} characters: at most {MAX_LABEL} printable ones work", field=prefix + "codec")
    return raw.encoding, AudioFormat(rate_hz, raw.channels, codec)


def caller_of(message: pb.StartCall | pb.RecordingHeader, channels: int, prefix: str) -> int | None:
    """Return the caller's channel, None when the only channel is the agent's."""
    if message.agent_only:
        if channels != 1 or message.HasField("caller_channel"):
            raise RequestError(
                f"agent_only is for a call of one channel without a caller; this one has {channels} channel(s): say which is the caller's "
                f"instead",
                field=prefix + "agent_only",
            )
        return None
    try:
        return check_caller_channel(message.caller_channel, channels)
    except AudioError as error:
        error.field = prefix + "caller_channel"
        raise


def check_seed(seed: int, name: str) -> int:
    """Return a seed that a random generator takes."""
    if seed < 0:
        raise RequestError(f"seed is {seed}: 0 or more works", field=name)
    return seed


def check_labels(labels: Mapping[str, str]) -> None:
    """Refuse notes that are more than notes."""
    if len(labels) > MAX_LABELS:
        raise RequestError(f"{len(labels)} labels: at most {MAX_LABELS} work", field="start.labels")
    for key, value in labels.items():
        if max(len(key), len(value)) > MAX_LABEL:
            raise RequestError(f"a label has {max(len(key), len(value))} characters: at most {MAX_LABEL} work", field="start.labels")


def _interim_period_s(options: pb.CallOptions, limits: LimitSettings) -> float | None:
    if options.no_interims:
        return None
    period_s = options.interim_period_s or DEFAULT_INTERIM_PERIOD_S
    if not limits.interim_period_s <= period_s <= limits.call_length_s:
        raise RequestError(
            f"interim_period_s is {period_s:g}: this deployment takes {limits.interim_period_s:g} to {limits.call_length_s:g} s, or 0 for "
            f"1 s",
            field="start.options.interim_period_s",
        )
    return period_s


class CallSession:
    """A call that was started.

    Parameters
    ----------
    plan
        What `plan_of` returned.
    factory
        Makes what measures.
    limits
        Of the deployment.
    log_id
        How the log names this call.
    at
        When it was started.
    """

    def __init__(self, plan: CallPlan, factory: AnalyzerFactory, limits: LimitSettings, *, log_id: str, at: Moment) -> None:
        assert plan.format is not None
        assert plan.encoding is not None
        self.plan = plan
        self._rate_hz = plan.format.sample_rate_hz
        self._channels = plan.format.channels
        self._max_samples = int(limits.call_length_s * self._rate_hz) if np.isfinite(limits.call_length_s) else 2**63
        self._length_s = limits.call_length_s
        self._log_id = log_id
        self._limits = limits
        self._gate = RateGate(limits.realtime_factor, limits.burst_s, at)
        self._tracks = Tracks(plan.encoding, self._channels, int(limits.track_skew_s * self._rate_hz))
        self._analyzer = factory(plan, plan.format)
        self.result: tuple[CallAnalysis, Mapping[str, float]] | None = None
        """After `end`: the final result, and what of its error other calls of the caller share."""

    @property
    def seconds(self) -> float:
        """Length of the call so far."""
        return self._tracks.position / self._rate_hz

    def ready(self) -> list[Response]:
        """Return the answer to ``start``."""
        ready = pb.Ready(analysis_rate_hz=analysis_rate_hz(self._rate_hz), log_id=self._log_id, labels=self.plan.labels)
        if math.isfinite(self._limits.realtime_factor):
            ready.realtime_factor, ready.burst_s = self._limits.realtime_factor, self._limits.burst_s
        return [Response(call_id=self.plan.call_id, ready=ready)]

    def audio(self, chunk: pb.AudioChunk, at: Moment) -> list[Response]:
        """Analyse a chunk that came at ``at``; return the interim results that are due.

        Raises
        ------
        AudioError, LimitError
            The chunk cannot be taken; the call is over.
        """
        channel = chunk.channel if chunk.HasField("channel") else None
        advance, end = self._tracks.measure(chunk.data, chunk.first_sample, channel)
        if end > self._max_samples:
            raise StreamTooLongError(
                f"a chunk ends at {end / self._rate_hz:g} s of the call, and {self._length_s:g} s is the limit of this deployment: end "
                f"the call before, "
                "or raise limits.call_length_s",
                field="audio.chunks.first_sample",
            )
        self._gate.take(advance / self._rate_hz / (1 if channel is None else self._channels), at)
        responses: list[Response] = []
        for samples in self._tracks.push(chunk.data, chunk.first_sample, channel):
            responses += self._feed(samples)
        return responses

    def control(self, control: pb.CallControl, at: Moment) -> list[Response]:
        """Pause, resume or mark.

        Raises
        ------
        RequestError
            No action, or one that makes no sense now.
        """
        match control.WhichOneof("action"):
            case "mark":
                if len(control.mark.label) > MAX_LABEL:
                    raise RequestError(
                        f"the label of a mark has {len(control.mark.label)} characters: at most {MAX_LABEL} work",
                        field="control.mark.label",
                    )
                return [self.event("mark", control.mark.label)]
            case "pause":
                self._gate.settle(at)
                self._tracks.pause()
                return [self.event("paused")]
            case "resume":
                if not self._tracks.paused:
                    raise RequestError("resume, but the call is not paused: send pause first", field="control.resume")
                self._gate.save(at)
                self._tracks.resume()
                return [self.event("resumed")]
            case _:
                raise RequestError("control without an action: pause, resume and mark work", field="control")

    def end(self, ended_by: str) -> list[Response]:
        """Return the final result, and what is still due before it."""
        missing, blocks = self._tracks.finish()
        responses = [self.event("padded")] if missing else []
        for samples in blocks:
            responses += self._feed(samples)
        analysis = self._analyzer.finish()
        self.result = analysis, self._analyzer.shared_variance
        final = Response(call_id=self.plan.call_id, final=pb.Final(ended_by=ended_by, labels=self.plan.labels))
        analysis_to_proto(analysis, into=final.final.analysis)
        return [*responses, final]

    def _feed(self, samples: NDArray[np.float32]) -> list[Response]:
        return [self._interim(analysis) for analysis in self._analyzer.feed(samples)]

    def _interim(self, analysis: CallAnalysis) -> Response:
        response = Response(call_id=self.plan.call_id)
        analysis_to_proto(analysis, lists=self.plan.full_interims, into=response.interim.analysis)
        return response

    def event(self, kind: str, label: str = "") -> Response:
        """Return the news that something happened now."""
        return Response(call_id=self.plan.call_id, event=pb.Event(kind=kind, at_s=self.seconds, label=label))
