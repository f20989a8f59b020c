"""Retention: how long each class of data is kept, and the purge that ends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import delete, func, select

from simpatico.errors import RequestError
from simpatico.profiles import audit
from simpatico.profiles.calls import mark_stale, rebuild
from simpatico.profiles.records import Consent
from simpatico.profiles.schema import audit as audit_table
from simpatico.profiles.schema import callers, calls, counters, decisions, outcomes, training
from simpatico.profiles.store import Work

__all__ = ["Retention", "purge"]

DAY_S = 86_400.0
CLOCK_SLACK_S = 3_600.0
"""A clock this much behind the newest entry of the audit log is wrong, and must not decide what is old."""


@dataclass(frozen=True, slots=True)
class Retention:
    """Days by class, above 0. What is older goes.

    Attributes
    ----------
    calls_days
        Per-call aggregates, counted from the call's end.
    decisions_days
        Decisions with their outcomes.
    training_days
        What was set aside for training.
    callers_days
        Callers who agreed and did not call since; everything of theirs goes with them. Objections stay: forgetting one would undo it.
    counters_days
        Daily counts.
    """

    calls_days: float = 365.0
    decisions_days: float = 365.0
    training_days: float = 365.0
    callers_days: float = 730.0
    counters_days: float = 1_825.0

    def __post_init__(self) -> None:
        for name in ("calls_days", "decisions_days", "training_days", "callers_days", "counters_days"):
            days = getattr(self, name)
            if not 0.0 < days <= 1e5:
                raise RequestError(f"retention.{name} must be above 0 and at most 100000 days, got {days!r}", field=f"retention.{name}")


def purge(work: Work, retention: Retention) -> Mapping[str, int]:
    """Delete what has outlived its class; profiles are made anew without the calls that go.

    Returns
    -------
    Mapping[str, int]
        Rows deleted, by table.

    Raises
    ------
    RequestError
        When the clock is behind the newest entry of the audit log: what is old cannot be told with a wrong clock.
    """
    newest_ms = work.connection.execute(select(func.max(audit_table.c.at_ms))).scalar_one()
    if newest_ms is not None and work.now_s + CLOCK_SLACK_S < newest_ms / 1000.0:
        behind_s = newest_ms / 1000.0 - work.now_s
        raise RequestError(f"the clock is {behind_s:.0f} s behind the newest entry of the audit log; set it right first", field="clock")

    def before(days: float) -> float:
        return work.now_s - days * DAY_S

    gone = select(callers.c.caller_id).where(callers.c.consent == Consent.GRANTED, callers.c.seen_at_s < before(retention.callers_days))
    idle = [row.caller_id for row in work.connection.execute(gone)]
    for caller_id in idle:
        mark_stale(work, caller_id)
    removed = {"callers": len(idle)}
    for caller_id in idle:
        # What hangs on the row goes with it.
        work.connection.execute(delete(callers).where(callers.c.caller_id == caller_id))
    old = select(calls.c.caller_id).where(calls.c.kept_at_s < before(retention.calls_days)).distinct()
    touched = [row.caller_id for row in work.connection.execute(old)]
    removed["calls"] = _delete(work, delete(calls).where(calls.c.kept_at_s < before(retention.calls_days)))
    for caller_id in touched:
        rebuild(work, caller_id)
    stale = select(decisions.c.decision_id).where(decisions.c.at_s < before(retention.decisions_days))
    removed["outcomes"] = _delete(work, delete(outcomes).where(outcomes.c.decision_id.in_(stale)))
    removed["decisions"] = _delete(work, delete(decisions).where(decisions.c.at_s < before(retention.decisions_days)))
    removed["training"] = _delete(work, delete(training).where(training.c.at_s < before(retention.training_days)))
    from datetime import UTC, datetime

    day = datetime.fromtimestamp(max(before(retention.counters_days), 0.0), UTC).date().isoformat()
    removed["counters"] = _delete(work, delete(counters).where(counters.c.day < day))
    audit.append(work, "retention.purged", "", {"rows": removed})
    return removed


def _delete(work: Work, statement: object) -> int:
    return int(work.connection.execute(statement).rowcount)  # type: ignore[call-overload]
