"""Retention: how long each class of data is kept, and the purge that ends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Delete, Select, Table, delete, func, select

from simpatico.errors import RequestError
from simpatico.profiles import audit
from simpatico.profiles.calls import rebuild
from simpatico.profiles.records import Consent
from simpatico.profiles.schema import audit as audit_table
from simpatico.profiles.schema import callers, calls, counters, decisions, outcomes, profiles, training
from simpatico.profiles.store import Work

__all__ = ["Retention", "due", "purge"]

DAY_S = 86_400.0
STEP = 500
"""Rows of a class that go in one transaction: a fraction of a second for whoever wants to write."""
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


def due(work: Work, retention: Retention) -> dict[str, int]:
    """Return how many rows of each table have outlived their class, those that go with an idle caller included. Changes nothing.

    Raises
    ------
    RequestError
        When the clock is behind the newest entry of the audit log: what is old cannot be told with a wrong clock.
    """
    _check_clock(work)
    return {
        table.name: int(work.connection.execute(select(func.count()).select_from(table).where(match)).scalar_one())
        for table, match in _outlived(work, retention).items()
    }


def purge(work: Work, retention: Retention, *, limit: int = STEP) -> Mapping[str, int]:
    """Delete what has outlived its class; profiles are made anew without the calls that go.

    Parameters
    ----------
    limit
        Callers, calls, decisions and training rows that go in this transaction at most, so that others can write between two. It is
        done when nothing went; the audit log then has an entry of nothing.

    Returns
    -------
    Mapping[str, int]
        Rows deleted, by table, those that went with an idle caller included.

    Raises
    ------
    RequestError
        As `due`.
    """
    _check_clock(work)
    outlived = _outlived(work, retention)
    removed = dict.fromkeys((table.name for table in outlived), 0)
    gone = _ids(work, select(callers.c.caller_id).where(outlived[callers]).limit(limit))
    _forget(work, removed, calls.c.caller_id.in_(gone), decisions.c.caller_id.in_(gone), training.c.caller_id.in_(gone))
    for table in (profiles, callers):
        removed[table.name] += _delete(work, delete(table).where(table.c.caller_id.in_(gone)))
    old_calls = work.connection.execute(select(calls.c.call_seq, calls.c.caller_id).where(outlived[calls]).limit(limit)).all()
    old_decisions = _ids(work, select(decisions.c.decision_id).where(outlived[decisions]).limit(limit))
    old_rows = _ids(work, select(training.c.row_id).where(outlived[training]).limit(limit))
    _forget(
        work,
        removed,
        calls.c.call_seq.in_([row.call_seq for row in old_calls]),
        decisions.c.decision_id.in_(old_decisions),
        training.c.row_id.in_(old_rows),
    )
    for caller_id in sorted({row.caller_id for row in old_calls}):
        rebuild(work, caller_id)
    removed[counters.name] += _delete(work, delete(counters).where(outlived[counters]))
    audit.append(work, "retention.purged", "", {"rows": removed})
    return removed


def _check_clock(work: Work) -> None:
    newest_ms = work.connection.execute(select(func.max(audit_table.c.at_ms))).scalar_one()
    if newest_ms is not None and work.now_s + CLOCK_SLACK_S < newest_ms / 1000.0:
        behind_s = newest_ms / 1000.0 - work.now_s
        raise RequestError(f"the clock is {behind_s:.0f} s behind the newest entry of the audit log; set it right first", field="clock")


def _outlived(work: Work, retention: Retention) -> dict[Table, ColumnElement[bool]]:
    """Return which rows of each table have outlived their class, in an order in which they can be deleted."""

    def before(days: float) -> float:
        return work.now_s - days * DAY_S

    # An objection is never idle: forgetting it would undo it.
    idle = (callers.c.consent == Consent.GRANTED) & (callers.c.seen_at_s < before(retention.callers_days))
    theirs = select(callers.c.caller_id).where(idle)
    old = decisions.c.caller_id.in_(theirs) | (decisions.c.at_s < before(retention.decisions_days))
    day = datetime.fromtimestamp(max(before(retention.counters_days), 0.0), UTC).date().isoformat()
    return {
        outcomes: outcomes.c.decision_id.in_(select(decisions.c.decision_id).where(old)),
        decisions: old,
        training: training.c.caller_id.in_(theirs) | (training.c.at_s < before(retention.training_days)),
        calls: calls.c.caller_id.in_(theirs) | (calls.c.kept_at_s < before(retention.calls_days)),
        profiles: profiles.c.caller_id.in_(theirs),
        callers: idle,
        counters: counters.c.day < day,
    }


def _forget(
    work: Work, removed: dict[str, int], of_calls: ColumnElement[bool], of_decisions: ColumnElement[bool], of_training: ColumnElement[bool]
) -> None:
    """Delete those calls, decisions with their outcomes, and training rows, and count them."""
    of_outcomes = outcomes.c.decision_id.in_(select(decisions.c.decision_id).where(of_decisions))
    for table, match in ((outcomes, of_outcomes), (decisions, of_decisions), (training, of_training), (calls, of_calls)):
        removed[table.name] += _delete(work, delete(table).where(match))


def _ids(work: Work, statement: Select[Any]) -> list[str]:
    return list(work.connection.execute(statement).scalars())


def _delete(work: Work, statement: Delete) -> int:
    return int(work.connection.execute(statement).rowcount)
