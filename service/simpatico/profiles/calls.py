"""Calls of callers who agreed: kept, taken out again, and added up to a profile."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, delete, func, insert, select

from simpatico.errors import DuplicateCallError, UnknownCallError
from simpatico.profiles import audit, counters
from simpatico.profiles.callers import find, pack_habits, require, touch
from simpatico.profiles.fusion import DEFAULT_STABILITY, AxisEvidence, fuse_calls
from simpatico.profiles.habits import HISTORY_CALLS, CallTime, Habits, PastCall
from simpatico.profiles.record_codec import pack_record
from simpatico.profiles.records import CallRecord, Consent, checked_text
from simpatico.profiles.schema import callers, calls, decisions, outcomes, profiles, training
from simpatico.profiles.store import Work
from simpatico.profiles.texts import NotKept
from simpatico.style import AxisPrior
from simpatico.types import CallAnalysis, Role

__all__ = ["detach", "keep", "keep_known", "known_of", "rebuild", "record_of"]

_FIGURES = ("activity", "consistency")
"""Signals of the caller that are kept. Influence and mirroring are of the pair."""


def record_of(
    analysis: CallAnalysis,
    *,
    prior: Mapping[str, AxisPrior],
    shared_variance: Mapping[str, float],
    started_at_s: float,
    time: CallTime,
    reason: str = "",
    notice_id: str | None = None,
) -> CallRecord:
    """Reduce a call's analysis to what is kept of it.

    Parameters
    ----------
    analysis
        The final one.
    prior
        What the analysis started from, by axis (none: the population's); it is taken out again.
    shared_variance
        From `Bundle.shared_variance`, by axis.
    started_at_s, time, reason, notice_id
        As in `CallRecord`.
    """
    style = {
        axis.name: AxisEvidence.of(axis, prior.get(axis.name, AxisPrior()), shared_variance.get(axis.name, math.inf))
        for axis in analysis.style.axes
    }
    figures: dict[str, float] = {}
    signals = analysis.signals.parties.get(Role.CALLER)
    turns = analysis.dialogue.taking.parties.get(Role.CALLER)
    measures = {} if signals is None else {name: getattr(signals, name) for name in _FIGURES}
    if turns is not None:
        measures["articulation_rate_hz"] = turns.articulation_rate_hz
    figures = {name: measure.value for name, measure in measures.items() if measure.value is not None}
    return CallRecord(
        call_id=analysis.call.call_id,
        started_at_s=started_at_s,
        time=time,
        reason=reason,
        duration_s=analysis.call.duration_s,
        speech_s=analysis.style.evidence_s,
        model=f"{analysis.model.name}/{analysis.model.version}",
        style=style,
        figures=figures,
        notice_id=notice_id,
    )


def keep(work: Work, caller_key: str, record: CallRecord, *, known_as: str | None = None) -> NotKept | None:
    """Keep a call if the caller has agreed; else count it and keep nothing.

    Consent is looked at now, in this transaction: one that was withdrawn during the call holds. The same record may come again.

    Parameters
    ----------
    known_as
        The caller's id as it was looked up during the call, or None. A caller who has another one now withdrew meanwhile, and agreed
        again: that starts from nothing, without this call.

    Returns
    -------
    NotKept | None
        Why it was not kept; None when it was.

    Raises
    ------
    DuplicateCallError
        When another call of that id is held.
    """
    row = find(work, caller_key, lock=True)
    if known_as is not None and (row is None or row.caller_id != known_as):
        return _count_out(work, NotKept.OBJECTED if row is not None and row.consent == Consent.OBJECTED else NotKept.WITHDRAWN)
    return _keep(work, row, record, caller_key)


def keep_known(work: Work, caller_id: str, record: CallRecord) -> NotKept | None:
    """Keep a call of a caller who had agreed under this id when it ended: what a spool brings. Else as `keep`."""
    wanted = select(callers).where(callers.c.caller_id == caller_id).with_for_update()
    return _keep(work, work.connection.execute(wanted).one_or_none(), record, None)


def _keep(work: Work, row: Row[Any] | None, record: CallRecord, caller_key: str | None) -> NotKept | None:
    if row is None or row.consent != Consent.GRANTED:
        return _count_out(work, NotKept.OBJECTED if row is not None and row.consent == Consent.OBJECTED else NotKept.NO_CONSENT)
    values = pack_record(record)
    held = work.connection.execute(select(calls).where(calls.c.call_id == record.call_id)).one_or_none()
    if held is not None:
        if held.caller_id == row.caller_id and all(getattr(held, name) == value for name, value in values.items()):
            return None
        raise DuplicateCallError(f"another call {record.call_id!r} is held; call ids must differ", field="call_id")
    work.connection.execute(insert(calls).values(caller_id=row.caller_id, kept_at_s=work.now_s, **values))
    touch(work, row, caller_key)
    rebuild(work, row.caller_id)
    counters.count(work, "calls.kept")
    return None


def _count_out(work: Work, reason: NotKept) -> NotKept:
    counters.count(work, "calls.not_kept")
    return reason


def rebuild(work: Work, caller_id: str, *, stability: float = DEFAULT_STABILITY) -> None:
    """Make the profile anew from the calls that are held: the latest 200, style from those of the latest call's bundle."""
    newest = select(calls).where(calls.c.caller_id == caller_id).order_by(calls.c.call_seq.desc()).limit(HISTORY_CALLS)
    rows = work.connection.execute(newest).all()[::-1]
    work.connection.execute(delete(profiles).where(profiles.c.caller_id == caller_id))
    if not rows:
        return
    model = rows[-1].model
    evidence: dict[str, list[AxisEvidence]] = {}
    for row in rows:
        for name, (shift, information, shared) in row.style.items() if row.model == model else ():
            evidence.setdefault(name, []).append(AxisEvidence(shift, information, math.inf if shared is None else shared))
    fused = {name: fuse_calls(items, stability=stability) for name, items in evidence.items()}
    past = [PastCall(row.reason, CallTime(row.weekday, row.hour)) for row in rows if row.reason]
    total = work.connection.execute(select(func.count()).where(calls.c.caller_id == caller_id)).scalar_one()
    work.connection.execute(
        insert(profiles).values(
            caller_id=caller_id,
            model=model,
            style={name: [p.mean, p.sd, p.calls, p.stability] for name, p in fused.items()},
            habits=pack_habits(Habits.of(past)),
            calls=total,
        )
    )


def known_of(work: Work, caller_key: str, call_id: str) -> tuple[str, tuple[str, ...]]:
    """Return our id of a caller, and the ids of the decisions that are held of a call of theirs.

    Raises
    ------
    UnknownCallerError
        When nothing is held of the caller.
    """
    caller_id: str = require(work, caller_key).caller_id
    checked_text(call_id, "call_id")
    theirs = select(decisions.c.decision_id).where(decisions.c.caller_id == caller_id, decisions.c.call_id == call_id)
    return caller_id, tuple(work.connection.execute(theirs).scalars())


def detach(work: Work, caller_key: str, call_id: str, *, spooled: int = 0) -> dict[str, int]:
    """Take out a call that was someone else's, with all that hangs on it, and make the profile anew without it.

    Nothing of it stays: whose it was is not known, nor whether they agreed. `simpatico.profiles.operations.detach_call` reaches the spool
    as well.

    Parameters
    ----------
    spooled
        How much of the call was taken out of the spool before.

    Returns
    -------
    dict[str, int]
        Rows removed, by table, and ``spooled`` as "spool".

    Raises
    ------
    UnknownCallerError
        When nothing is held of the caller.
    UnknownCallError
        When neither the caller's profile nor the spool had such a call.
    """
    row = require(work, caller_key, lock=True)
    checked_text(call_id, "call_id")
    removed = {**forget_call(work, row.caller_id, call_id), "spool": spooled}
    if not any(removed.values()):
        raise UnknownCallError("this caller's profile has no such call", field="call_id")
    rebuild(work, row.caller_id)
    audit.append(work, "call.detached", row.audit_ref, {"rows": removed})
    return removed


def forget_call(work: Work, caller_id: str, call_id: str) -> dict[str, int]:
    """Delete every row of one call of a caller."""
    theirs = select(decisions.c.decision_id).where(decisions.c.caller_id == caller_id, decisions.c.call_id == call_id)
    removed = {"outcomes": work.connection.execute(delete(outcomes).where(outcomes.c.decision_id.in_(theirs))).rowcount}
    for table in (decisions, training, calls):
        gone = delete(table).where(table.c.caller_id == caller_id, table.c.call_id == call_id)
        removed[table.name] = work.connection.execute(gone).rowcount
    return removed
