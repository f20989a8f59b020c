"""What is learned as reports come is what would be learned from everything at once, and what is gone is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simpatico.profiles import callers, decisions, privacy
from simpatico.profiles.store import BlockingStore
from simpatico.routing.intent import IntentUnknown, Lean
from simpatico.routing.posterior import Posterior
from simpatico.routing.types import Outcome, RankRequest
from simpatico.server.routing import knowledge
from simpatico.server.routing.learning import Learner
from simpatico.v1 import routing_service_pb2 as pb
from tests.profiles.samples import NOW_S, RING, a_decision
from tests.routing.worlds import candidates
from tests.server.routing_calls import a_call_to_route, ask, grant, ranked, start_with_agents
from tests.server.running import Start
from tests.server.test_grpc_callers import KEY, database  # noqa: F401  # the fixture


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/learning.db"


@pytest.fixture
def store(url: str) -> Iterator[BlockingStore]:
    with BlockingStore(url, RING) as opened:
        yield opened


def caller(store: BlockingStore, key: str) -> str:
    found = store.write("router", callers.grant, key).caller_id
    assert found is not None
    return found


def call(store: BlockingStore, caller_id: str, i: int, *, report: Outcome | None = None, taken: str | None = "agent-1", reason: str = "billing") -> str:  # fmt: skip  # noqa: E501
    made = a_decision(f"call-{i}", at_s=NOW_S + i)
    made = replace(made, request=replace(made.request, reason=reason))
    store.write("router", decisions.log, caller_id, [made])
    if report is not None:
        store.write("router", decisions.record_outcome, f"r{i}", made.decision_id, report, taken)
    return made.decision_id


def same(one: Posterior, other: Posterior) -> bool:
    names = ("queue_mean", "queue_cov", "agent_mean", "cell_y", "agent_calls")
    return one.through == other.through and all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


def test_report_by_report_is_as_good_as_all_at_once(store: BlockingStore, url: str) -> None:
    rng = np.random.default_rng(1)
    who = caller(store, "one")
    learner = Learner(url, RING)
    empty = learner.learn(forget=True)
    assert empty is not None
    assert empty.models == {}
    assert learner.learn() is None, "nothing has changed"
    ids = []
    for round_ in range(5):
        for i in range(round_ * 8, round_ * 8 + 8):
            report = Outcome(resolved=bool(rng.integers(2)), csat_5=float(rng.integers(1, 6)), handle_s=float(rng.uniform(60, 600)))
            ids.append(call(store, who, i, report=report, taken=f"agent-{i % 3}", reason=("billing", "fault")[i % 2]))
        late = ids[rng.integers(len(ids))]
        store.write("router", decisions.record_outcome, f"late-{round_}", late, Outcome(resolved=False), f"agent-{round_ % 3}")
        learned = learner.learn()
        whole = Learner(url, RING).learn()
        assert learned is not None
        assert whole is not None
        assert learned.models["sales"].calls == len(ids)
        assert same(learned.models["sales"], whole.models["sales"])
        assert learner.learn() is None


def test_a_call_that_nobody_took_teaches_when_somebody_did(store: BlockingStore, url: str) -> None:
    who = caller(store, "one")
    learner = Learner(url, RING)
    decision_id = call(store, who, 0, report=Outcome(resolved=True), taken=None)
    first = learner.learn()
    assert first is not None
    assert first.models == {}
    store.write("router", decisions.record_outcome, "later", decision_id, Outcome(), "agent-2")
    then = learner.learn()
    assert then is not None
    assert then.models["sales"].calls == 1


def test_what_was_erased_is_forgotten(store: BlockingStore, url: str) -> None:
    one, two = caller(store, "one"), caller(store, "two")
    for i in range(6):
        call(store, (one, two)[i % 2], i, report=Outcome(resolved=True, bought=True))
    learner = Learner(url, RING)
    before = learner.learn(forget=True)
    assert before is not None
    assert before.models["sales"].calls == 6
    assert before.own[("sales", one, "billing")] == (3, 3)
    store.write("privacy", privacy.erase, "one")
    after = learner.learn(forget=True)
    assert after is not None
    assert after.models["sales"].calls == 3
    assert set(after.own) == {("sales", two, "billing")}
    fresh = Learner(url, RING).learn()
    assert fresh is not None
    assert same(replace(after.models["sales"], through=0), replace(fresh.models["sales"], through=0))


def test_people_who_repeat_themselves_are_read_and_others_are_unknown(store: BlockingStore, url: str) -> None:
    buyers, lookers = [caller(store, f"b{i}") for i in range(20)], [caller(store, f"l{i}") for i in range(20)]
    for i in range(480):
        call(store, (buyers, lookers)[i % 2][i // 2 % 20], i, report=Outcome(bought=i % 2 == 0))
    learned = Learner(url, RING).learn()
    assert learned is not None
    model = learned.intents["sales"]
    assert (model.labels, model.unusable) == (480, None)
    asked = RankRequest("sales", candidates(2), "billing")
    assert learned.intent(asked, buyers[0]).lean is Lean.DECIDE
    assert learned.intent(asked, lookers[0]).lean is Lean.BROWSE
    stranger = learned.intent(asked, None)
    assert (stranger.lean, stranger.why) == (Lean.UNKNOWN, IntentUnknown.UNDECIDED)
    assert stranger.probability == pytest.approx(0.5, abs=0.1)
    nothing = learned.intent(replace(asked, queue="other"), buyers[0])
    assert (nothing.lean, nothing.why) == (Lean.UNKNOWN, IntentUnknown.FEW_LABELS)


async def test_an_outcome_changes_rankings_by_itself(start: Start, database: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr(knowledge, "LEARN_S", 0.05)
    server = await start_with_agents(start, database)
    await grant(server)
    for i in range(50):
        answer = await ranked(server, a_call_to_route(key=KEY, call_id=f"past-{i}"))
        assert answer.neutral_reason == "no_outcomes_yet"
        assert (answer.intent.lean, answer.intent.why) == ("unknown", "too_few_reported_outcomes")
        report = {"decision_id": answer.decision_id, "outcome": pb.Outcome(resolved=i % 2 == 0), "taken_by": ("good", "bad")[i % 2]}
        await ask(server, "RecordOutcome", request_id=f"r{i}", **report)
    while (await ranked(server, a_call_to_route(key=KEY, call_id="now"))).neutral:  # the fixture's guard ends it if it never comes
        await asyncio.sleep(0.05)
