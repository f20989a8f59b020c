"""What routing has learned can be rebuilt from the rows alone, also after an erasure; training rows are read without whose they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import update

from simpatico.errors import RequestError
from simpatico.profiles import agents, callers, decisions, lessons, privacy, schema, training
from simpatico.profiles.store import BlockingStore, Work
from simpatico.routing.belief import combine
from simpatico.routing.observations import DEFAULT_AXES, Observations
from simpatico.routing.types import Agent, AxisBelief, Decision, Observation, Outcome, Source, StyleBelief
from simpatico.routing.utility import utility
from tests.profiles.samples import a_decision


def observed(decision: Decision) -> Observation:
    """Return what a decision with an outcome teaches."""
    worth = utility(decision.outcome)
    assert worth is not None
    assert decision.taken is not None
    belief = combine(decision.request.live, decision.request.profile, DEFAULT_AXES)
    return Observation(decision.taken, decision.request.reason, belief, worth.value, worth.weight)


def from_rows(work: Work) -> Observations:
    """Return the sums that the database gives."""
    rows: Iterator[Decision] = decisions.read(work, queue="sales")
    return Observations.rebuilt(observed(d) for d in rows if d.taken is not None and utility(d.outcome) is not None)


def flat(sums: Observations) -> list[object]:
    """Return the sums with their keys, for comparison."""
    return [[agent, reason, pytest.approx(values, abs=1e-9)] for agent, reason, values in sums.to_document()["cells"]]


def test_a_model_is_rebuilt_from_the_rows_alone(store: BlockingStore) -> None:
    live: dict[str, Observations] = {"all": Observations(), "without b": Observations()}
    for caller in ("a", "b"):
        caller_id = store.write("router", callers.grant, caller).caller_id
        for i in range(4):
            made = a_decision(f"{caller}-{i}")
            store.write("router", decisions.log, caller_id, [made])
            store.write("router", decisions.record_outcome, f"{caller}{i}", made.decision_id, Outcome(csat_5=1.0 + i), f"agent-{i % 3}")
            first = observed(store.read(decisions.load, made.decision_id))
            # A later report corrects the first.
            store.write("router", decisions.record_outcome, f"{caller}{i}+", made.decision_id, Outcome(resolved=True))
            second = observed(store.read(decisions.load, made.decision_id))
            assert second != first
            for name, sums in live.items():
                if name == "all" or caller != "b":
                    sums.learn(first)
                    sums.learn(second, replaces=first)
    assert store.read(from_rows).to_document()["cells"] == flat(live["all"])
    store.write("privacy", privacy.erase, "b")
    assert store.read(from_rows).to_document()["cells"] == flat(live["without b"])


def lessons_of(work: Work, after: int = 0) -> dict[str, lessons.Lesson]:
    """Return what reports after a number taught."""
    return {lesson.decision.call_id: lesson for lesson in lessons.read(work, after=after, through=decisions.newest_report(work))}


def test_a_lesson_is_what_the_whole_row_teaches(store: BlockingStore) -> None:
    """Also of rows of builds that did not write it down apart; and only of calls that somebody took."""
    caller_id = store.write("router", callers.grant, "a").caller_id
    for i in range(4):
        made = a_decision(f"call-{i}")
        if i == 1:
            style = StyleBelief((AxisBelief("assertiveness", -0.25, 0.5),), frozenset({Source.LIVE}))
            made = replace(made, request=replace(made.request, reason="", live=style, profile=None))
        store.write("router", decisions.log, caller_id, [made])
        store.write("router", decisions.record_outcome, f"r{i}", made.decision_id, Outcome(csat_5=1.0 + i), "agent-1" if i < 3 else None)
    store.write("router", decisions.record_outcome, "again", made.decision_id, Outcome(resolved=True))
    found = store.read(lessons_of)
    whole = {row.call_id: row for row in store.read(lambda work: list(decisions.read(work)))}
    assert sorted(found) == ["call-0", "call-1", "call-2"]
    for name, lesson in found.items():
        row = whole[name]
        assert lesson.caller_id == caller_id
        assert (lesson.decision.request.candidates, lesson.decision.ranking.entries) == ((), ())
        bare = replace(row, request=replace(row.request, candidates=(), skills=frozenset(), languages=frozenset()), block=None)
        assert replace(lesson.decision, ranking=row.ranking) == bare
        assert observed(lesson.decision) == observed(row)
    old = update(schema.decisions).where(schema.decisions.c.call_id != "call-0").values(lesson=None)
    store.write("admin", lambda work: work.connection.execute(old))
    assert store.read(lessons_of) == found
    assert sorted(store.read(lessons_of, 1)) == ["call-1", "call-2"]


def test_training_rows_are_read_without_whose_they_are(store: BlockingStore) -> None:
    for caller in ("a", "b"):
        store.write("router", callers.grant, caller)
        assert store.write("router", training.set_aside, caller, f"call-{caller}", "norms", {"z": [1.0, len(caller)]})
    store.write("router", training.set_aside, "a", "call-a", "other", {"z": []})
    assert store.read(lambda work: list(training.read(work, "norms"))) == [{"z": [1.0, 1]}] * 2
    with pytest.raises(RequestError, match="content cannot be stored"):
        store.write("router", training.set_aside, "a", "call-a", "norms", {"z": float("nan")})


def test_comments_are_bounded(store: BlockingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agents, "MAX_COMMENTS", 2)
    store.write("admin", agents.upsert, Agent("anna"))
    for _ in range(2):
        store.write("agent", agents.comment, "anna", "supervisor", "x")
    with pytest.raises(RequestError, match="2 comments on this agent are held"):
        store.write("agent", agents.comment, "anna", "supervisor", "x")
