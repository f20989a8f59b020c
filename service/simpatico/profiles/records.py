"""What goes into the memory and comes out of it: frozen dataclasses that refuse what cannot be true."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from simpatico.errors import RequestError
from simpatico.profiles.fusion import AxisEvidence, AxisProfile
from simpatico.profiles.habits import CallTime, Habits, PastCall
from simpatico.profiles.schema import canonical_json
from simpatico.profiles.texts import Consent, checked_text
from simpatico.routing.types import AxisBelief, Source, StyleBelief

__all__ = ["CallRecord", "CallerProfile", "Consent", "checked_json", "checked_text"]

MAX_FIGURES = 64
"""Figures of one call."""
_LATEST_S = 1e11
"""A time after the year 5000 is a mistake of units."""


def checked_json(value: Mapping[str, object], name: str) -> dict[str, object]:
    """Return a copy of the mapping if it can be stored as JSON.

    Raises
    ------
    RequestError
        When it holds NaN, an infinity, or what JSON has no word for.
    """
    try:
        canonical_json(value)
    except (ValueError, TypeError) as error:
        raise RequestError(
            f"{name} cannot be stored: {str(error)[:100]}; use finite numbers, text, lists and objects", field=name
        ) from error
    return dict(value)


def _finite(value: float, name: str, low: float = -math.inf, high: float = math.inf) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not (math.isfinite(value) and low <= value <= high):
        raise RequestError(f"{name} must be a finite number from {low:g} to {high:g}, got {value!r}", field=name)


@dataclass(frozen=True, slots=True)
class CallRecord:
    """What is kept of a call: of the caller alone. Figures of the pair (floor-transfer offset) and of the agent have no place here.

    Parameters
    ----------
    call_id
        The deployment's.
    started_at_s
        Since 1970, UTC.
    time
        The same in the caller's local time.
    reason
        Call reason, or "" when it is not known.
    duration_s, speech_s
        Of the call, and of the caller's speech.
    model
        Name and version of the bundle, "prior-1/1.1.0".
    style
        By axis, what the call said apart from any prior.
    figures
        By name with unit, what was measured of the caller; at most 64.
    notice_id
        The notice that the caller was given, or None.

    Raises
    ------
    RequestError
        When a text or number is out of its range.
    """

    call_id: str
    started_at_s: float
    time: CallTime
    reason: str
    duration_s: float
    speech_s: float
    model: str
    style: Mapping[str, AxisEvidence]
    figures: Mapping[str, float] = field(default_factory=dict)
    notice_id: str | None = None

    def __post_init__(self) -> None:
        checked_text(self.call_id, "call_id")
        checked_text(self.reason, "reason", empty=True)
        checked_text(self.model, "model")
        if self.notice_id is not None:
            checked_text(self.notice_id, "notice_id")
        _finite(self.started_at_s, "started_at_s", 0.0, _LATEST_S)
        _finite(self.duration_s, "duration_s", 0.0, 1e7)
        _finite(self.speech_s, "speech_s", 0.0, 1e7)
        if len(self.figures) > MAX_FIGURES:
            raise RequestError(f"{len(self.figures)} figures; at most {MAX_FIGURES} are kept", field="figures")
        for name, value in self.figures.items():
            checked_text(name, "figures")
            _finite(value, f"figures.{name}")

    @property
    def past(self) -> PastCall | None:
        """The call as habits see it; None when its reason is not known."""
        return PastCall(self.reason, self.time) if self.reason else None


@dataclass(frozen=True, slots=True)
class CallerProfile:
    """What is known of a caller when a call begins.

    Attributes
    ----------
    consent
        UNKNOWN for whoever has no row.
    caller_id
        Ours, inside the database; None without a row.
    audit_ref
        What the audit log calls this caller: random, and meaningless once the row is gone.
    notice_id
        Of the consent, or None.
    calls
        Kept calls.
    model
        The bundle that ``axes`` are of; "" without calls.
    axes
        Style over calls.
    habits
        Counts over calls with a known reason.
    """

    consent: Consent = Consent.UNKNOWN
    caller_id: str | None = None
    audit_ref: str = ""
    notice_id: str | None = None
    calls: int = 0
    model: str = ""
    axes: Mapping[str, AxisProfile] = field(default_factory=dict)
    habits: Habits = field(default_factory=Habits)

    @property
    def belief(self) -> StyleBelief | None:
        """What routing may expect of the next call; None for a stranger or without consent."""
        if self.consent is not Consent.GRANTED or not any(axis.calls for axis in self.axes.values()):
            return None
        priors = {name: axis.prior() for name, axis in sorted(self.axes.items())}
        return StyleBelief(tuple(AxisBelief(name, p.mean, p.sd) for name, p in priors.items()), frozenset({Source.PROFILE}))
