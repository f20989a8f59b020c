"""What a caller may ask for: see everything, have it erased, object; and withdrawal, also in the middle of a call.

The log says that these things happened, and never to whom in a way that outlives them: its subject is the caller's `audit_ref`, random, and
after an erasure it leads nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, Table, delete, func, select, update

from simpatico.profiles import audit, counters
from simpatico.profiles.callers import find, insert_caller, new_id, require
from simpatico.profiles.decision_rows import plain
from simpatico.profiles.records import Consent
from simpatico.profiles.schema import PERSONAL, callers, calls, decisions, outcomes, profiles, training
from simpatico.profiles.store import Work

__all__ = ["Receipt", "erase", "export", "object_to", "withdraw"]

EXPORT_FORMAT = 1
"""Version of the export's layout."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof of an erasure, with nothing personal in it.

    Attributes
    ----------
    receipt_id
        Random; the audit log's entry has it too.
    at_s
        When, since 1970 (UTC).
    rows
        Rows deleted, by table; all 0 when nothing was held.
    entry
        Number of the audit log's entry.
    decision_ids
        Decisions that went, for spools on disk; not part of what is shown.
    """

    receipt_id: str
    at_s: float
    rows: Mapping[str, int]
    entry: int
    caller_id: str | None = field(default=None, repr=False)
    decision_ids: tuple[str, ...] = field(default=(), repr=False)


def export(work: Work, caller_key: str) -> dict[str, Any]:
    """Return everything held of a caller, as JSON values; that it was exported is in the audit log.

    Every column of every row is there except the pseudonymous key itself and ids that mean nothing outside the database.

    Raises
    ------
    UnknownCallerError
        When nothing is held.
    """
    row = require(work, caller_key)
    held: dict[str, Any] = {
        "format": EXPORT_FORMAT,
        "exported_at_s": work.now_s,
        "consent": {"state": row.consent, "notice_id": row.notice_id, "at_s": row.consent_at_s, "seen_at_s": row.seen_at_s},
        "profile": next(iter(_rows(work, profiles, row.caller_id)), None),
        "calls": _rows(work, calls, row.caller_id),
        "decisions": [plain(found) for found in _rows(work, decisions, row.caller_id)],
        "outcomes": _outcome_rows(work, row.caller_id),
        "training": _rows(work, training, row.caller_id),
    }
    counts = {name: len(value) for name, value in held.items() if isinstance(value, list)}
    audit.append(work, "caller.exported", row.audit_ref, {"rows": counts})
    return held


def _rows(work: Work, table: Table, caller_id: str) -> list[dict[str, Any]]:
    found = work.connection.execute(select(table).where(table.c.caller_id == caller_id).order_by(*table.primary_key.columns))
    return [{name: value for name, value in row._mapping.items() if name != "caller_id"} for row in found]


def _outcome_rows(work: Work, caller_id: str) -> list[dict[str, Any]]:
    theirs = select(outcomes).join(decisions, decisions.c.decision_id == outcomes.c.decision_id).where(decisions.c.caller_id == caller_id)
    return [dict(row._mapping) for row in work.connection.execute(theirs.order_by(outcomes.c.outcome_seq))]


def erase(work: Work, caller_key: str) -> Receipt:
    """Delete every row of a caller, also an objection, and say so in a receipt. Asking again gives a receipt of nothing.

    Whoever holds a model that learned from the caller's decisions makes it anew without them. Files on disk follow with `Store.scrub` and
    `Spool.forget`; `simpatico.profiles.operations.erase_caller` does all three.
    """
    return _remove(work, find(work, caller_key, lock=True), "caller.erased", keep_row=False)


def withdraw(work: Work, caller_key: str) -> Receipt:
    """End a caller's consent, also during a call: everything held goes, as with `erase`; what the call still brings finds no consent.

    An objection stays: withdrawing less than one has objected to changes nothing.
    """
    row = find(work, caller_key, lock=True)
    if row is not None and row.consent == Consent.OBJECTED:
        return _remove(work, row, "consent.withdrawn", keep_row=True)
    return _remove(work, row, "consent.withdrawn", keep_row=False)


def object_to(work: Work, caller_key: str) -> Receipt:
    """Record an objection: routing is neutral from now on, and everything but the objection goes. One that stands keeps its time."""
    row = find(work, caller_key, lock=True)
    if row is None:
        values = {"consent": Consent.OBJECTED, "notice_id": None, "consent_at_s": work.now_s, "seen_at_s": work.now_s}
        insert_caller(work, caller_key, values)
        row = find(work, caller_key)
    assert row is not None
    if row.consent != Consent.OBJECTED:
        objected = {"consent": Consent.OBJECTED, "notice_id": None, "consent_at_s": work.now_s}
        work.connection.execute(update(callers).where(callers.c.caller_id == row.caller_id).values(objected))
    return _remove(work, row, "consent.objected", keep_row=True)


def _remove(work: Work, row: Row[Any] | None, action: str, *, keep_row: bool) -> Receipt:
    receipt_id = new_id()
    rows = dict.fromkeys((table.name for table in PERSONAL), 0)
    ids: tuple[str, ...] = ()
    if row is not None:
        caller_id = row.caller_id
        theirs = select(decisions.c.decision_id).where(decisions.c.caller_id == caller_id)
        ids = tuple(work.connection.execute(theirs).scalars())
        for table in PERSONAL:
            if table is callers and keep_row:
                continue
            match = table.c.decision_id.in_(theirs) if table is outcomes else table.c.caller_id == caller_id
            rows[table.name] = work.connection.execute(delete(table).where(match)).rowcount
        left = work.connection.execute(select(func.count()).select_from(calls).where(calls.c.caller_id == caller_id)).scalar_one()
        assert left == 0
    counters.count(work, action)
    entry = audit.append(work, action, row.audit_ref if row is not None else "", {"receipt": receipt_id, "rows": rows})
    return Receipt(receipt_id, work.now_s, rows, entry, row.caller_id if row is not None else None, ids)
