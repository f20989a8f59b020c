"""The decision log, and the outcomes that are reported to it."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row, bindparam, func, insert, select, update

from simpatico.errors import OutcomeError, RequestConflictError, UnknownAgentError, UnknownDecisionError
from simpatico.profiles import audit, counters
from simpatico.profiles.agent_columns import agent_names
from simpatico.profiles.decision_codec import pack_outcome, unpack_outcome
from simpatico.profiles.decision_rows import KEPT, Prepared, decision_of, is_kept, prepare, to_bytes
from simpatico.profiles.records import Consent, checked_text
from simpatico.profiles.schema import callers, canonical_json, decisions, outcomes
from simpatico.profiles.store import Work
from simpatico.routing.hindsight import Report
from simpatico.routing.types import Decision, Outcome

__all__ = [
    "Prepared",
    "Recorded",
    "audit_subjects",
    "held",
    "is_kept",
    "load",
    "log",
    "log_batch",
    "new_decision_id",
    "newest_report",
    "outcomes_of",
    "prepare",
    "queues",
    "read",
    "record_outcome",
    "reports",
]

NOT_KEPT = "n"
BATCH = 200
"""Decisions fetched at once; one may hold thousands of agents."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a reported outcome: ``kept`` False for a decision that is not kept (its caller has not agreed); ``repeated`` when
    this very report had come before."""

    kept: bool
    repeated: bool = False


def new_decision_id(*, kept: bool) -> str:
    """Return a random id that says whether the decision is kept: nothing is held of the others, so nothing else could."""
    return (KEPT if kept else NOT_KEPT) + secrets.token_hex(16)


def audit_subjects(work: Work, decision_id: str) -> tuple[str, ...]:
    """Return what the audit log calls a decision, under each secret that is held, the active one first.

    Not its id: routers and distributors know that, and after an erasure nothing may lead from what they know into the log.
    """
    return tuple(work.ring.mac("decision-id", decision_id.encode(), key_id=key_id).hex()[:32] for key_id in work.ring.key_ids)


def log(work: Work, caller_id: str | None, items: Sequence[Decision]) -> int:
    """Write down decisions of one caller; returns how many were kept.

    Raises
    ------
    RequestError, UnknownDecisionError
        As `prepare`.
    """
    return log_batch(work, [(caller_id, prepare(item) if caller_id is not None else None) for item in items])


def log_batch(work: Work, items: Sequence[tuple[str | None, Prepared | None]]) -> int:
    """Write down decisions of several callers, given with each caller's id; returns how many were kept.

    Of a caller who has not agreed (or no longer does: erased meanwhile) nothing is kept but a count. A decision that is held already is
    left as it is, so that a spool may be replayed twice. As many statements as for one decision, however many there are.
    """
    agreed = _agreed(work, {caller_id for caller_id, _ in items if caller_id is not None})  # before the audit log, as everybody locks
    wanted = {made.decision_id: (agreed[who], made) for who, made in items if who in agreed and made is not None}
    if unkept := sum(1 for who, _ in items if who not in agreed):
        counters.count(work, "decisions.not_kept", unkept)
    for known in work.connection.execute(_KNOWN, {"ids": list(wanted)}).scalars().all() if wanted else ():
        del wanted[known]
    if wanted:
        work.connection.execute(_INSERT, [{**made.values, "caller_id": row.caller_id} for row, made in wanted.values()])
        audit.append_all(work, [_entry(work, row, made) for row, made in wanted.values()])
    return len(wanted)


_INSERT = insert(decisions)
_KNOWN = select(decisions.c.decision_id).where(decisions.c.decision_id.in_(bindparam("ids", expanding=True)))
_LOCKED = (
    select(callers.c.caller_id, callers.c.consent, callers.c.audit_ref)
    .where(callers.c.caller_id.in_(bindparam("ids", expanding=True)))
    .order_by(callers.c.caller_id)
    .with_for_update(read=True)
)


def _agreed(work: Work, caller_ids: Collection[str]) -> dict[str | None, Any]:
    """Return the rows of callers who have agreed, which nobody changes until this transaction ends."""
    if not caller_ids:
        return {}
    rows = work.connection.execute(_LOCKED, {"ids": sorted(caller_ids)})
    return {row.caller_id: row for row in rows if row.consent == Consent.GRANTED}


def _entry(work: Work, caller: Any, made: Prepared) -> audit.Happening:
    """What the audit log says of a decision."""
    # Under a secret, so that the digest of an erased decision cannot be guessed from its content.
    digest = work.ring.mac("decision", hashlib.sha256(b"".join(to_bytes(made))).digest()).hex()
    detail: dict[str, object] = {"digest": digest, "agents": made.ranked, "neutral": made.values["neutral_reason"] is not None}
    if made.profiled:
        detail["caller"] = caller.audit_ref
    return "decision.made", audit_subjects(work, made.decision_id)[0], detail


def record_outcome(work: Work, request_id: str, decision_id: str, outcome: Outcome, taken: str | None = None) -> Recorded:
    """Write down how a call went; late, in parts, and again as often as need be.

    Parameters
    ----------
    request_id
        Of the report: the same id with the same content changes nothing.
    decision_id
        Of the ranking.
    outcome
        What is known; what it leaves out stays as reported before.
    taken
        The agent who took the call, as the ACD says; None when it does not.

    Raises
    ------
    UnknownDecisionError
        When it is not held: never made, or erased, or purged, or not yet replayed from another machine's spool.
    UnknownAgentError
        When ``taken`` was not among the eligible.
    RequestConflictError
        When the request id came before with other content.
    OutcomeError
        When the report states nothing.
    """
    checked_text(request_id, "request_id")
    checked_text(decision_id, "decision_id", longest=33)
    stated = pack_outcome(outcome)
    if not stated and taken is None:
        raise OutcomeError("the outcome states nothing; give at least one of its fields, or who took the call", field="outcome")
    if decision_id.startswith(NOT_KEPT):
        counters.count(work, "outcomes.not_kept")
        return Recorded(kept=False)
    digest = hashlib.sha256(canonical_json([decision_id, stated, taken]).encode()).hexdigest()
    before = work.connection.execute(select(outcomes.c.digest).where(outcomes.c.request_id == request_id)).one_or_none()
    if before is not None:
        if before.digest != digest:
            raise RequestConflictError(f"request {request_id!r} came before with another outcome; use a new id", field="request_id")
        return Recorded(kept=True, repeated=True)
    _check_taken(work, decision_id, taken)
    work.connection.execute(
        insert(outcomes).values(request_id=request_id, decision_id=decision_id, digest=digest, outcome=stated, taken=taken, at_s=work.now_s)
    )
    if taken is not None:
        work.connection.execute(update(decisions).where(decisions.c.decision_id == decision_id).values(taken=taken))
    counters.count(work, "outcomes.kept")
    return Recorded(kept=True)


def _check_taken(work: Work, decision_id: str, taken: str | None) -> None:
    row = work.connection.execute(_ELIGIBLE, {"decision_id": decision_id}).one_or_none()
    if row is None:
        raise UnknownDecisionError(f"no decision {decision_id!r} is held; it was erased or purged, or never made", field="decision_id")
    if taken is None:
        return
    eligible = {candidate[0] for candidate in row.request["candidates"]} if row.agents is None else set(agent_names(row.agents))
    if taken not in eligible:
        raise UnknownAgentError(f"agent {taken[:40]!r} was not eligible in this decision", field="taken")


_ELIGIBLE = select(decisions.c.request, decisions.c.agents).where(decisions.c.decision_id == bindparam("decision_id"))


def load(work: Work, decision_id: str) -> Decision:
    """Return a decision with what is known of its outcome.

    Raises
    ------
    UnknownDecisionError
        When it is not held.
    """
    row = work.connection.execute(select(decisions).where(decisions.c.decision_id == decision_id)).one_or_none()
    if row is None:
        raise UnknownDecisionError(f"no decision {decision_id[:40]!r} is held", field="decision_id")
    return next(_with_outcomes(work, [row]))


def newest_report(work: Work) -> int:
    """Return the number of the newest report of an outcome, 0 without any; for ``through`` of `read`, and asked for before it."""
    return work.connection.execute(select(func.max(outcomes.c.outcome_seq))).scalar_one() or 0


def read(
    work: Work,
    *,
    queue: str | None = None,
    experiment_id: str | None = None,
    since_s: float = 0.0,
    before_s: float | None = None,
    through: int | None = None,
) -> Iterator[Decision]:
    """Yield decisions in the order of their time, each with what is known of its outcome: for lift, evaluation, replay, and rebuilding a
    model from the rows alone.

    Parameters
    ----------
    queue, experiment_id
        Only those; None for all.
    since_s, before_s
        Made from then on, and before then.
    through
        Who took the call, and its outcome, as reports up to this number say; None for all reports.
    """
    wanted = select(decisions).where(decisions.c.at_s >= since_s)
    if before_s is not None:
        wanted = wanted.where(decisions.c.at_s < before_s)
    if queue is not None:
        wanted = wanted.where(decisions.c.queue == queue)
    if experiment_id is not None:
        wanted = wanted.where(decisions.c.experiment_id == experiment_id)
    last: tuple[float, str] | None = None
    while True:
        page = wanted
        if last is not None:
            at_s, decision_id = last
            later = (decisions.c.at_s > at_s) | ((decisions.c.at_s == at_s) & (decisions.c.decision_id > decision_id))
            page = wanted.where(later)
        rows = work.connection.execute(page.order_by(decisions.c.at_s, decisions.c.decision_id).limit(BATCH)).all()
        yield from _with_outcomes(work, rows, through)
        if len(rows) < BATCH:
            return
        last = (rows[-1].at_s, rows[-1].decision_id)


def held(work: Work) -> set[str]:
    """Return the ids of all decisions that are held."""
    return set(work.connection.execute(select(decisions.c.decision_id)).scalars())


def reports(work: Work, *, queue: str | None = None) -> Iterator[Report]:
    """Yield the reports of outcomes as they came, in order of their numbers."""
    wanted = select(outcomes.c.outcome_seq, outcomes.c.decision_id, outcomes.c.outcome, outcomes.c.taken)
    if queue is not None:
        wanted = wanted.join(decisions, decisions.c.decision_id == outcomes.c.decision_id).where(decisions.c.queue == queue)
    last = 0
    while True:
        rows = work.connection.execute(wanted.where(outcomes.c.outcome_seq > last).order_by(outcomes.c.outcome_seq).limit(10 * BATCH)).all()
        for row in rows:
            yield Report(row.outcome_seq, row.decision_id, unpack_outcome(row.outcome), row.taken)
        if len(rows) < 10 * BATCH:
            return
        last = rows[-1].outcome_seq


def queues(work: Work) -> list[str]:
    """Return the queues that have decisions, by name."""
    return list(work.connection.execute(select(decisions.c.queue).distinct().order_by(decisions.c.queue)).scalars())


def outcomes_of(work: Work, ids: Sequence[str], through: int | None = None) -> tuple[dict[str, Outcome], dict[str, str]]:
    """Return what is known of the outcomes of these decisions, and who took the calls, as reports up to a number say (None: all)."""
    wanted = select(outcomes).where(outcomes.c.decision_id.in_(ids))
    if through is not None:
        wanted = wanted.where(outcomes.c.outcome_seq <= through)
    known: dict[str, Outcome] = {}
    takers: dict[str, str] = {}
    for report in work.connection.execute(wanted.order_by(outcomes.c.outcome_seq)).all():
        known[report.decision_id] = known.get(report.decision_id, Outcome()).updated(unpack_outcome(report.outcome))
        if report.taken is not None:
            takers[report.decision_id] = report.taken
    return known, takers


def _with_outcomes(work: Work, rows: Sequence[Row[Any]], through: int | None = None) -> Iterator[Decision]:
    known, takers = outcomes_of(work, [row.decision_id for row in rows], through)
    for row in rows:
        taken = row.taken if through is None else takers.get(row.decision_id)
        yield replace(decision_of(row._asdict()), taken=taken, outcome=known.get(row.decision_id, Outcome()))
