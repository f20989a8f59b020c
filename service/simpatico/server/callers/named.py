"""Who calls, as a client names them with a call: checked, and not looked up. No I/O."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from simpatico.config import CallerSettings
from simpatico.errors import RequestError
from simpatico.profiles.keys import checked_key
from simpatico.profiles.pseudonyms import check_pseudonym
from simpatico.profiles.texts import Consent, checked_text
from simpatico.v1 import analysis_service_pb2 as pb
from simpatico.v1 import caller_service_pb2 as caller_pb

__all__ = ["NO_MEMORY", "NamedCaller", "named_caller", "said_by"]

UTC_OFFSETS_MIN = (-12 * 60, 14 * 60)
"""Local time around the world, from Baker Island to Kiribati."""
NO_MEMORY = "DATABASE_AWAY"
"""What is said where nothing can be recorded because the deployment has no database."""
_CONSENT = {
    caller_pb.CONSENT_UNKNOWN: Consent.UNKNOWN,
    caller_pb.CONSENT_GRANTED: Consent.GRANTED,
    caller_pb.CONSENT_OBJECTED: Consent.OBJECTED,
}
LATEST_S = 1e11
"""A time after the year 5000 is a mistake of units."""


@dataclass(frozen=True, slots=True)
class NamedCaller:
    """Who calls, and what is known of the call beside its audio.

    Attributes
    ----------
    key
        The tenant's pseudonym.
    notice_id, reason
        None or "" when there is none.
    utc_offset_min
        Minutes by which the caller's time is ahead of UTC.
    started_at_s
        Since 1970, UTC; None for now.
    """

    key: str = field(repr=False)
    notice_id: str | None = None
    reason: str = ""
    utc_offset_min: int = 0
    started_at_s: float | None = None


def named_caller(message: pb.StartCall | pb.RecordingHeader, prefix: str, settings: CallerSettings) -> NamedCaller | None:
    """Return whom a message names, None when nobody.

    Raises
    ------
    RequestError
        A field is out of range; messages never repeat the key.
    """
    if not message.HasField("caller"):
        return None
    caller, prefix = message.caller, prefix + "caller"
    if message.agent_only:
        raise RequestError("a caller is named, but the only channel is the agent's: leave one of the two out", field=prefix)
    checked_key(caller.caller_key, prefix + ".caller_key")
    if settings.identifying_keys == "refuse":
        check_pseudonym(caller.caller_key, prefix + ".caller_key")
    if not caller.notice_id and settings.require_notice:
        raise RequestError(
            "a caller is named without the notice that they were given, which this deployment asks for (callers.require_notice)",
            field=prefix + ".notice_id",
        )
    low, high = UTC_OFFSETS_MIN
    if not low <= caller.utc_offset_min <= high:
        raise RequestError(
            f"utc_offset_min is {caller.utc_offset_min}: {low} to {high} minutes work, 60 for Berlin in winter",
            field=prefix + ".utc_offset_min",
        )
    started_at_s = caller.started_at_s if caller.HasField("started_at_s") else None
    if started_at_s is not None and not (math.isfinite(started_at_s) and 0.0 <= started_at_s <= LATEST_S):
        raise RequestError(f"started_at_s is {started_at_s!r}: seconds since 1970 (UTC) work", field=prefix + ".started_at_s")
    return NamedCaller(
        caller.caller_key,
        checked_text(caller.notice_id, prefix + ".notice_id", empty=True) or None,
        checked_text(caller.reason, prefix + ".reason", empty=True),
        caller.utc_offset_min,
        started_at_s,
    )


def said_by(message: pb.SayConsent, *, named: bool) -> tuple[Consent, str | None]:
    """Return what the caller of a call says, and on which notice.

    Raises
    ------
    RequestError
        It cannot be said.
    """
    if not named:
        raise RequestError("control.consent, but `start` named no caller: name one, or use CallerService", field="control.consent")
    if message.consent not in _CONSENT:
        raise RequestError(
            "consent must be CONSENT_GRANTED, CONSENT_UNKNOWN to withdraw, or CONSENT_OBJECTED", field="control.consent.consent"
        )
    return _CONSENT[message.consent], checked_text(message.notice_id, "control.consent.notice_id", empty=True) or None
