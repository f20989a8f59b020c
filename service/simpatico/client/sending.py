"""What a client says of calls, and of their callers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from simpatico.v1 import analysis_service_pb2 as pb
from simpatico.v1 import caller_service_pb2 as caller_pb

__all__ = ["CONSENTS", "Caller", "Chunk", "raw_format"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Audio of a call: whole samples from ``first_sample`` on, of all channels, or of ``channel`` alone."""

    call_id: str
    first_sample: int
    data: bytes
    channel: int | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, for a deployment that remembers callers who agreed.

    Parameters
    ----------
    key
        The tenant's pseudonym, 1 to 256 bytes; never a telephone number or a name.
    notice_id
        The notice that the caller was given, or "".
    reason
        Call reason, or "".
    utc_offset_min
        Minutes by which the caller's local time is ahead of UTC.
    started_at_s
        When the call began, seconds since 1970; None for now.
    """

    key: str = field(repr=False)
    notice_id: str = ""
    reason: str = ""
    utc_offset_min: int = 0
    started_at_s: float | None = None

    def message(self) -> pb.NamedCaller:
        """Return what goes over the wire."""
        return pb.NamedCaller(
            caller_key=self.key,
            notice_id=self.notice_id,
            reason=self.reason,
            utc_offset_min=self.utc_offset_min,
            started_at_s=self.started_at_s,
        )


CONSENTS: Mapping[str, caller_pb.Consent.ValueType] = {
    "granted": caller_pb.CONSENT_GRANTED,
    "withdrawn": caller_pb.CONSENT_UNKNOWN,
    "objected": caller_pb.CONSENT_OBJECTED,
}
"""What a caller may say about being remembered."""


def raw_format(encoding: str, sample_rate_hz: int, channels: int, codec: str) -> pb.RawAudioFormat:
    """Return the format of raw audio."""
    return pb.RawAudioFormat(encoding=encoding, sample_rate_hz=sample_rate_hz, channels=channels, codec=codec)
