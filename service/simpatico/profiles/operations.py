"""What takes more than one transaction: recording through an outage, replaying a spool, erasing everywhere, anchoring the audit log."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from simpatico.errors import (
    DatabaseAwayError,
    DuplicateCallError,
    OutcomeError,
    RequestConflictError,
    RequestError,
    UnknownAgentError,
    UnknownDecisionError,
)
from simpatico.profiles import audit, callers, calls, counters, decisions, notebook, privacy, retention
from simpatico.profiles.chain import Head
from simpatico.profiles.decision_codec import unpack_outcome
from simpatico.profiles.decision_rows import Prepared
from simpatico.profiles.decisions import Recorded
from simpatico.profiles.record_codec import unpack_record
from simpatico.profiles.records import CallRecord
from simpatico.profiles.spool import Item, Spool, unpack_decision
from simpatico.profiles.store import Store, Work
from simpatico.profiles.texts import NotKept
from simpatico.routing.types import Decision, Outcome

__all__ = [
    "Erasure",
    "Purged",
    "Replay",
    "adopt_left_behind",
    "anchor",
    "detach_call",
    "erase_caller",
    "keep_call",
    "log_decision",
    "log_decisions",
    "object_caller",
    "purge",
    "record_outcome",
    "replay",
    "withdraw_caller",
]

_REFUSED = (UnknownDecisionError, UnknownAgentError, RequestConflictError, OutcomeError, RequestError, DuplicateCallError)


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay did: ``applied`` items are in the database, ``repeated`` changed nothing (they were there already, or their caller no
    longer agrees), ``aside`` were refused and wait, ``dropped`` are given up. ``finished`` is False when the database went away again."""

    applied: int = 0
    repeated: int = 0
    aside: int = 0
    dropped: int = 0
    finished: bool = True


@dataclass(frozen=True, slots=True)
class Erasure:
    """A receipt, with what became of the files: ``spooled`` items that went, and whether deleted content is out of the database's
    files."""

    receipt: privacy.Receipt
    spooled: int
    scrubbed: bool


@dataclass(frozen=True, slots=True)
class Purged:
    """Rows deleted, by table, and whether deleted content is out of the database's files."""

    rows: Mapping[str, int]
    scrubbed: bool


async def record_outcome(
    store: Store, spool: Spool, request_id: str, decision_id: str, outcome: Outcome, taken: str | None, *, now_s: float
) -> Recorded:
    """Record an outcome, in the spool while the database is away, or its decision or another report of it waits there; raises as
    `decisions.record_outcome`."""
    if decisions.is_kept(decision_id) and await asyncio.to_thread(spool.holds, decision_id):
        await asyncio.to_thread(spool.add_outcome, request_id, decision_id, outcome, taken, now_s)
        return Recorded(kept=True)
    try:
        return await store.write("router", decisions.record_outcome, request_id, decision_id, outcome, taken)
    except DatabaseAwayError:
        if not decisions.is_kept(decision_id):
            return Recorded(kept=False)
        await asyncio.to_thread(spool.add_outcome, request_id, decision_id, outcome, taken, now_s)
        return Recorded(kept=True)


async def log_decision(store: Store, spool: Spool, caller_id: str, decision: Decision, *, now_s: float) -> None:
    """Write down a decision for a caller known to have agreed, in the spool while the database is away."""
    try:
        await store.write("router", decisions.log, caller_id, [decision])
    except DatabaseAwayError:
        await asyncio.to_thread(spool.add_decision, caller_id, decision, now_s)


async def log_decisions(store: Store, spool: Spool, items: Sequence[tuple[str, Prepared]], *, now_s: float) -> None:
    """Write down decisions, each with the id of its caller, known to have agreed; in one transaction, or in the spool while the database is
    away."""
    try:
        await store.write("router", decisions.log_batch, items)
    except DatabaseAwayError:
        await asyncio.to_thread(spool.add_decisions, items, now_s)


async def keep_call(
    store: Store, spool: Spool, caller_key: str, record: CallRecord, *, known_as: str | None, now_s: float
) -> NotKept | None:
    """Keep a call if its caller has agreed; in the spool while the database is away, if they were known to have agreed then.

    Parameters
    ----------
    known_as
        The caller's id, for one who had agreed when the caller was looked up; else None.

    Returns
    -------
    NotKept | None
        Why it was not kept; None when it was, or will be unless consent ends before the database is back.

    Raises
    ------
    DuplicateCallError, RequestConflictError
        When another call of that id is held, or waits.
    """
    try:
        return await store.write("router", calls.keep, caller_key, record, known_as=known_as)
    except DatabaseAwayError:
        if known_as is None:
            return NotKept.DATABASE_AWAY
        await asyncio.to_thread(spool.add_call, known_as, record, now_s)
        return None


async def adopt_left_behind(spool: Spool, *, now_s: float) -> int:
    """Bring decisions that killed processes had noted down into the spool; returns how many. Raises as `notebook.adopt`."""
    return await asyncio.to_thread(notebook.adopt, spool, now_s=now_s)


async def replay(store: Store, spool: Spool, *, now_s: float) -> Replay:
    """Bring what waits into the database, first in first, then try again what was put aside. Stops when the database is away.

    Safe to repeat, also after a crash, and while another process does the same.
    """
    applied = repeated = refused = 0
    for aside in (False, True):
        after = refused = 0
        while items := await asyncio.to_thread(spool.items, aside=aside, after=after):
            for item in items:
                try:
                    changed = await store.write("spool", _apply, spool, item)
                except DatabaseAwayError:
                    return Replay(applied, repeated, refused, finished=False)
                except _REFUSED:
                    refused += 1
                    await asyncio.to_thread(spool.put_aside, item.seq)
                    continue
                applied, repeated = applied + changed, repeated + (not changed)
                await asyncio.to_thread(spool.remove, [item.seq])
            after = items[-1].seq
    dropped = await asyncio.to_thread(spool.expire, now_s)
    if dropped:
        await store.write("spool", counters.count, "spool.dropped", dropped)
    return Replay(applied, repeated, refused - dropped, dropped)


def _apply(work: Work, spool: Spool, item: Item) -> bool:
    """Apply an item; returns whether that changed anything."""
    if item.caller_id is not None:
        # A call that is detached goes from the spool first, then from the database, where it waits for this lock: whichever comes first,
        # nothing of it stays.
        callers.lock(work, item.caller_id)
        if not spool.has(item.seq):
            return False
    if item.kind == "decision":
        return decisions.log(work, item.caller_id, [unpack_decision(item.decision_id, item.body)]) > 0
    body = json.loads(item.body)
    if item.kind == "call":
        return item.caller_id is not None and calls.keep_known(work, item.caller_id, unpack_record(body)) is None
    recorded = decisions.record_outcome(work, item.id, item.decision_id, unpack_outcome(body["outcome"]), body["taken"])
    return not recorded.repeated


async def erase_caller(store: Store, spool: Spool, actor: str, caller_key: str, *, deep: bool = False) -> Erasure:
    """Erase a caller in the database, in the spool, and in the files; ``deep`` writes the database anew (see `Store.scrub`)."""
    return await _everywhere(store, spool, await store.write(actor, privacy.erase, caller_key), deep=deep)


async def withdraw_caller(store: Store, spool: Spool, actor: str, caller_key: str) -> Erasure:
    """End a caller's consent, also during a call, everywhere."""
    return await _everywhere(store, spool, await store.write(actor, privacy.withdraw, caller_key), deep=False)


async def object_caller(store: Store, spool: Spool, actor: str, caller_key: str) -> Erasure:
    """Record an objection, and remove the rest everywhere."""
    return await _everywhere(store, spool, await store.write(actor, privacy.object_to, caller_key), deep=False)


async def _everywhere(store: Store, spool: Spool, receipt: privacy.Receipt, *, deep: bool) -> Erasure:
    await adopt_left_behind(spool, now_s=receipt.at_s)  # what a killed process noted down is theirs, too
    spooled = await asyncio.to_thread(spool.forget, receipt.caller_id, receipt.decision_ids)
    return Erasure(receipt, spooled, await store.scrub(deep=deep))


async def detach_call(store: Store, spool: Spool, actor: str, caller_key: str, call_id: str, *, now_s: float) -> dict[str, int]:
    """Take out a call that was someone else's, in the spool and in the database; returns and raises as `calls.detach`."""
    caller_id, decision_ids = await store.read(calls.known_of, caller_key, call_id)
    await adopt_left_behind(spool, now_s=now_s)
    spooled = await asyncio.to_thread(spool.forget_call, caller_id, call_id, decision_ids)
    return await store.write(actor, calls.detach, caller_key, call_id, spooled=spooled)


async def purge(store: Store, actor: str, keep: retention.Retention, *, deep: bool = False) -> Purged:
    """Delete what has outlived its class, in steps between which others can write, then remove it from the database's files.

    ``deep`` writes the database anew (see `Store.scrub`). Cut off in the middle, it leaves the rest for the next time.
    """
    total: dict[str, int] = {}
    while True:
        rows = await store.write(actor, retention.purge, keep)
        total = {name: total.get(name, 0) + count for name, count in rows.items()}
        if not any(rows.values()):
            return Purged(total, await store.scrub(deep=deep))


async def anchor(store: Store, path: Path) -> Head:
    """Keep the end of the audit log outside the database; see `chain`. To be called now and then, and before the service stops."""
    latest = await store.read(audit.head)
    await asyncio.to_thread(audit.write_anchor, path, latest)
    return latest
