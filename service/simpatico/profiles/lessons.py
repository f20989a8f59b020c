"""What decisions and the reports about them taught, read without the agents who were eligible: with a thousand of them a row has 70 kB, of
which models learn from 200 bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import case, select

from simpatico.profiles.decision_codec import unpack_lesson
from simpatico.profiles.decisions import outcomes_of
from simpatico.profiles.schema import decisions, outcomes
from simpatico.profiles.store import Work
from simpatico.routing.types import Decision, Outcome, Ranking

__all__ = ["Lesson", "read"]

BATCH = 500
"""Lessons fetched at once."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """A decision with what is known of its outcome, without candidates and ranking, and whose call it was."""

    decision: Decision
    caller_id: str


def read(work: Work, *, after: int, through: int) -> Iterator[Lesson]:
    """Yield the decisions that reports with numbers above ``after``, up to ``through``, are about, and whose call somebody took, with what
    all reports up to ``through`` say of them; in no order."""
    about = select(outcomes.c.decision_id).where(outcomes.c.outcome_seq > after, outcomes.c.outcome_seq <= through).distinct()
    ids = list(work.connection.execute(about).scalars())
    for start in range(0, len(ids), BATCH):
        yield from _read(work, ids[start : start + BATCH], through)


def _read(work: Work, ids: Sequence[str], through: int) -> Iterator[Lesson]:
    known, takers = outcomes_of(work, ids, through)
    row = decisions.c
    # Rows of builds before `agents` have those in their request, and what is learned of it apart; still older ones only have the request.
    lesson = case((row.lesson.is_(None), row.request), else_=row.lesson).label("lesson")
    wanted = select(row.decision_id, row.caller_id, row.call_id, row.at_s, row.queue, row.policy_version, lesson)
    for found in work.connection.execute(wanted.where(row.decision_id.in_(sorted(takers.keys())))):
        request, ranking = unpack_lesson(found.queue, found.lesson), Ranking((), frozenset(), found.policy_version, 0)
        name = found.decision_id
        made = Decision(name, found.call_id, found.at_s, request, ranking, None, takers[name], known.get(name, Outcome()))
        yield Lesson(made, found.caller_id)
