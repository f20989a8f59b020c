"""What routing has learned can be rebuilt from the rows alone, also after an erasure; training rows are read without whose they are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simpatico.errors import RequestError
from simpatico.profiles import agents, callers, decisions, experiments, privacy, training
from simpatico.profiles.store import BlockingStore, Work
from simpatico.routing.belief import combine
from simpatico.routing.observations import DEFAULT_AXES, Observations
from simpatico.routing.types import Agent, Decision, Observation, Outcome
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
    store.write("router", experiments.save_model, "sales", live["all"].to_document(), 16)
    kept = store.read(experiments.load_model, "sales")
    assert kept is not None
    assert Observations.from_document(kept.state).to_document() == live["all"].to_document()
    assert store.read(from_rows).to_document()["cells"] == flat(live["all"])
    store.write("privacy", privacy.erase, "b")
    stale = store.read(experiments.load_model, "sales")
    assert stale is not None
    assert stale.stale
    assert store.read(from_rows).to_document()["cells"] == flat(live["without b"])


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
