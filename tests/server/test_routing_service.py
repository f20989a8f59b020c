"""``RoutingService`` over a real connection and a real database: from agents to a ranking that has learned, and what stands in its way."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from simpatico import types as t
from simpatico.client import Interim
from simpatico.errors import DatabaseAwayError
from simpatico.profiles import audit, calls, decisions
from simpatico.profiles.spool import Spool
from simpatico.profiles.store import Store
from simpatico.routing.observations import DEFAULT_AXES
from simpatico.routing.types import Factor, FactorKind
from simpatico.server.access.principals import AccessRole
from simpatico.server.routing import journal, router
from simpatico.server.routing.convert import words
from simpatico.server.routing.learning import models_of
from simpatico.v1 import routing_service_pb2 as pb
from tests.profiles.samples import a_call
from tests.server import test_grpc_callers as callers_test
from tests.server.calls import begin, cut, noise
from tests.server.fakes import FakeAnalyzer
from tests.server.routing_calls import LONG_S, a_call_to_route, ask, grant, ranked, refusal, router_of, start_with_agents, taught
from tests.server.running import Running, Start, let_pass
from tests.server.test_grpc_callers import KEY, actions, database, memory_of  # noqa: F401  # the fixture
from tests.server.tokens import Issuer

ISSUER = Issuer()


@pytest.fixture
async def server(start: Start, database: dict[str, Any]) -> Running:  # noqa: F811
    return await start_with_agents(start, database)


async def test_it_learns_who_settles_calls_and_says_why(server: Running) -> None:
    first = await ranked(server, a_call_to_route())
    assert (first.neutral, first.neutral_reason) == (True, "no_outcomes_yet")
    assert [agent.agent_id for agent in first.agents] == ["bad", "good", "other"]
    await taught(server)
    answer = await ranked(server, a_call_to_route(key=KEY, call_id="now"))
    assert (answer.neutral, answer.neutral_reason, answer.kept, list(answer.basis)) == (False, "", True, ["prior"])
    assert answer.agents[-1].agent_id == "bad"
    chances = {agent.agent_id: agent.propensity for agent in answer.agents}
    assert sum(chances.values()) == pytest.approx(1.0)
    assert chances["good"] > 0.5
    assert chances["bad"] < 0.1
    good = next(agent for agent in answer.agents if agent.agent_id == "good")
    assert good.expected_utility > 0.7
    assert good.factors[0].kind == "agent_outcomes"
    assert good.factors[0].words.startswith("outcomes of all their calls speak for them (")
    await written(server, answer)
    assert [action for _, action in await actions(server)].count("decision.made") == 61


async def written(server: Running, answer: Any) -> None:
    """Wait until a decision is in the database; it is written after the answer."""
    await router_of(server).journal.written(answer.decision_id)


async def test_the_same_caller_is_ranked_from_the_profile_before_they_speak(server: Running) -> None:
    await taught(server)
    assert await memory_of(server).store.write("test", calls.keep, KEY, a_call("earlier")) is None
    answer = await ranked(server, a_call_to_route(key=KEY, call_id="second"))
    assert list(answer.basis) == ["profile"]
    assert {other.without for other in answer.counterfactuals} >= {"profile", "style"}
    await written(server, answer)
    held = await memory_of(server).store.read(decisions.load, answer.decision_id)
    assert held.request.profile is not None
    assert [entry.agent_id for entry in held.ranking.entries] == [agent.agent_id for agent in answer.agents]


class Heard(FakeAnalyzer):
    """Finds a style that a caller may have."""

    def feed(self, samples: NDArray[np.float32]) -> list[t.CallAnalysis]:
        style = t.StyleEstimate((t.AxisEstimate("assertiveness", 0.5, 0.8),), {"amiable": 1.0}, "undetermined", 1.0, None)
        return [replace(analysis, style=style) for analysis in super().feed(samples)]


async def test_a_style_that_cannot_be_is_no_evidence_and_no_error(server: Running) -> None:
    async with server.client() as client, client.stream() as stream:
        await begin(stream, "live", options={"interim_period_s": 1.0})
        await stream.send(cut("live", noise(2.0)))
        updates = aiter(stream)
        while not isinstance(await anext(updates), Interim):
            pass
        assert len((await ranked(server, a_call_to_route(call_id="live"))).agents) == 3


async def test_a_live_call_counts_while_it_is_open_on_one_stream(start: Start, database: dict[str, Any]) -> None:  # noqa: F811
    server = await start(Heard, **database)
    for name in ("good", "bad", "other"):
        await ask(server, "UpsertAgent", agent=pb.Agent(agent_id=name))
    await taught(server)
    async with server.client() as client, client.stream() as one, client.stream() as two:
        await begin(one, "live", options={"interim_period_s": 1.0})
        assert list((await ranked(server, a_call_to_route(call_id="live"))).basis) == ["prior"]
        await one.send(cut("live", noise(2.0)))
        updates = aiter(one)
        while not isinstance(await anext(updates), Interim):
            pass
        answer = await ranked(server, a_call_to_route(call_id="live"))
        assert (list(answer.basis), answer.kept) == (["live"], False)
        assert list((await ranked(server, a_call_to_route(call_id="another"))).basis) == ["prior"]
        await begin(two, "live")
        await anext(aiter(two))
        assert list((await ranked(server, a_call_to_route(call_id="live"))).basis) == ["prior"], "which of the two is not known"


async def test_who_objects_gets_the_neutral_order(server: Running) -> None:
    await taught(server)
    await callers_test.ask(server, "Object", caller_key=KEY)
    answer = await ranked(server, a_call_to_route(key=KEY, call_id="now"))
    assert (answer.neutral, answer.neutral_reason, answer.kept) == (True, "caller_objected", False)
    assert [agent.agent_id for agent in answer.agents] == ["bad", "good", "other"]


async def test_of_who_has_not_agreed_nothing_is_kept(server: Running) -> None:
    answer = await ranked(server, a_call_to_route(key="stranger"))
    assert not answer.kept
    done = await ask(server, "RecordOutcome", request_id="r", decision_id=answer.decision_id, outcome=pb.Outcome(resolved=True))
    assert not done.kept
    assert await actions(server) == []


async def test_late_partial_and_repeated_outcomes(server: Running) -> None:
    await grant(server)
    decision_id = (await ranked(server, a_call_to_route(key=KEY))).decision_id
    report = {"decision_id": decision_id, "outcome": pb.Outcome(resolved=True)}
    assert not (await ask(server, "RecordOutcome", request_id="a", **report)).repeated
    assert (await ask(server, "RecordOutcome", request_id="a", **report)).repeated
    await ask(server, "RecordOutcome", request_id="b", decision_id=decision_id, outcome=pb.Outcome(csat_5=4.0), taken_by="good")
    held = await memory_of(server).store.read(decisions.load, decision_id)
    assert (held.taken, held.outcome.resolved, held.outcome.csat_5) == ("good", True, 4.0)
    other = {**report, "outcome": pb.Outcome(resolved=False)}
    assert await refusal(server, "RecordOutcome", request_id="a", **other) == ("ALREADY_EXISTS", "REQUEST_CONFLICT")
    assert await refusal(server, "RecordOutcome", request_id="c", decision_id=decision_id) == ("INVALID_ARGUMENT", "OUTCOME")
    nan = pb.Outcome(csat_5=float("nan"))
    assert await refusal(server, "RecordOutcome", request_id="c", decision_id=decision_id, outcome=nan) == ("INVALID_ARGUMENT", "OUTCOME")
    wrong = {**report, "taken_by": "somebody"}
    assert await refusal(server, "RecordOutcome", request_id="c", **wrong) == ("NOT_FOUND", "UNKNOWN_AGENT")
    unknown = {**report, "decision_id": "k" + "0" * 32}
    assert await refusal(server, "RecordOutcome", request_id="c", **unknown) == ("NOT_FOUND", "UNKNOWN_DECISION")
    assert await memory_of(server).store.read(decisions.load, decision_id) == held


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"call_id": ""}, ("INVALID_ARGUMENT", "REQUEST")),
        ({"call_id": "a\nb"}, ("INVALID_ARGUMENT", "REQUEST")),
        ({"queue": ""}, ("INVALID_ARGUMENT", "REQUEST")),
        ({"queue": "q" * 257}, ("INVALID_ARGUMENT", "REQUEST")),
        ({"caller_key": "x" * 3_000_000}, ("INVALID_ARGUMENT", "REQUEST")),
        ({"candidates": []}, ("INVALID_ARGUMENT", "NO_CANDIDATES")),
        ({"candidates": [pb.Candidate(agent_id="good")] * 2}, ("INVALID_ARGUMENT", "REQUEST")),
        ({"candidates": [pb.Candidate(agent_id="good", idle_s=-1.0)]}, ("INVALID_ARGUMENT", "REQUEST")),
        ({"candidates": [pb.Candidate(agent_id="good", idle_s=float("nan"))]}, ("INVALID_ARGUMENT", "REQUEST")),
        ({"candidates": [pb.Candidate(agent_id="good", occupancy=1.5)]}, ("INVALID_ARGUMENT", "REQUEST")),
        ({"candidates": [pb.Candidate(agent_id="nobody")]}, ("NOT_FOUND", "UNKNOWN_AGENT")),
        ({"candidates": [pb.Candidate(agent_id=f"a{i}") for i in range(5001)]}, ("INVALID_ARGUMENT", "REQUEST")),
    ],
)
async def test_rankings_that_cannot_be(server: Running, change: dict[str, Any], status: tuple[str, str]) -> None:
    fields = {"call_id": "c", "queue": "sales", "candidates": [pb.Candidate(agent_id="good")]} | change
    assert await refusal(server, "RankAgents", call=pb.CallToRoute(**fields), answer_within_s=LONG_S) == status
    assert await actions(server) == []


@pytest.mark.parametrize("within_s", [-1.0, 61.0, float("nan"), float("inf")])
async def test_times_that_cannot_be(server: Running, within_s: float) -> None:
    assert await refusal(server, "RankAgents", call=a_call_to_route(), answer_within_s=within_s) == ("INVALID_ARGUMENT", "REQUEST")


async def test_when_the_time_is_up_the_answer_is_neutral(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    await taught(server)
    late = asyncio.Event()

    async def slow(self: Store, query: Any, *args: Any) -> Any:
        await late.wait()
        raise DatabaseAwayError("late")

    with monkeypatch.context() as patched:
        patched.setattr(Store, "fetch", slow)
        answer = await ranked(server, a_call_to_route(key=KEY, call_id="now"), 0.01)
        late.set()
    assert (answer.neutral, answer.neutral_reason, answer.kept) == (True, "deadline_passed", False)
    assert [agent.agent_id for agent in answer.agents] == ["bad", "good", "other"]
    assert not (await ranked(server, a_call_to_route(key=KEY, call_id="now"))).neutral


async def test_when_the_arithmetic_is_late_the_decision_is_kept_as_neutral(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    await grant(server)
    swift = router._explained

    def slow(*args: Any) -> Any:
        let_pass(monkeypatch, LONG_S)
        return swift(*args)

    monkeypatch.setattr(router, "_explained", slow)
    answer = await ranked(server, a_call_to_route(key=KEY))
    assert (answer.neutral_reason, answer.kept) == ("deadline_passed", True)


async def test_a_standstill_makes_rankings_neutral_for_a_moment_only(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that stood still in the middle of one takes rankings for slow; while it does, none is made that could tell otherwise."""
    await taught(server)
    router_of(server).pressure.computed(3, 100.0 * LONG_S)
    assert (await ranked(server, a_call_to_route(key=KEY))).neutral_reason == "deadline_passed"
    with monkeypatch.context() as patched:
        let_pass(patched, 60.0)
        assert not (await ranked(server, a_call_to_route(key=KEY))).neutral


async def test_what_would_be_late_is_neutral_at_once_and_nothing_is_looked_up(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    await grant(server)

    async def looked_up(*_: Any) -> Any:
        raise AssertionError("there is no time for this")

    monkeypatch.setattr(router_of(server).knowledge, "find", looked_up)
    monkeypatch.setattr(router_of(server).pressure, "is_late", lambda *_: True)
    answer = await ranked(server, a_call_to_route(key=KEY))
    assert (answer.neutral_reason, answer.kept, answer.decision_id[0]) == ("overloaded", False, "n")
    assert [agent.agent_id for agent in answer.agents] == ["bad", "good", "other"]
    assert not answer.HasField("intent")
    assert router_of(server).pressure.waiting == 0


async def test_when_too_many_decisions_wait_to_be_written_no_more_are_made(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    await grant(server)
    monkeypatch.setattr(journal, "MAX_BEHIND", 0)
    assert (await ranked(server, a_call_to_route(key=KEY))).neutral_reason == "overloaded"
    assert (await ranked(server, a_call_to_route())).neutral_reason == "no_outcomes_yet", "of a stranger nothing is written"
    (given,) = (await ask(server, "AssignCallers", calls=[a_call_to_route(key=KEY)], answer_within_s=LONG_S)).assignments
    assert not given.kept


async def test_while_the_database_is_away_rankings_are_neutral_and_outcomes_wait(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    await taught(server)
    before = (await ranked(server, a_call_to_route(key=KEY, call_id="now"))).decision_id
    await router_of(server).journal.written(before)

    async def away(self: Store, *_: Any, **__: Any) -> Any:
        raise DatabaseAwayError("the database cannot be reached")

    with monkeypatch.context() as patched:
        patched.setattr(Store, "read", away)
        patched.setattr(Store, "fetch", away)
        patched.setattr(Store, "write", away)
        answer = await ranked(server, a_call_to_route(key=KEY, call_id="later"))
        assert (answer.neutral, answer.neutral_reason, answer.kept) == (True, "store_unavailable", False)
        done = await ask(server, "RecordOutcome", request_id="x", decision_id=before, outcome=pb.Outcome(resolved=True), taken_by="good")
        assert done.kept
        assert await refusal(server, "ListAgents") == ("UNAVAILABLE", "DATABASE_AWAY")
        with pytest.raises(DatabaseAwayError):
            await router_of(server).knowledge.renew()
        assert memory_of(server).spool.waiting() == 1
    await memory_of(server).tend()
    assert memory_of(server).spool.waiting() == 0
    assert (await memory_of(server).store.read(decisions.load, before)).outcome.resolved is True


async def test_agents_are_listed_shown_and_heard(server: Running) -> None:
    assert not (await ask(server, "UpsertAgent", agent=pb.Agent(agent_id="good", skills=["b", "a"], languages=["en"], capacity=2))).created
    listed = (await ask(server, "ListAgents", limit=2)).agents
    assert [agent.agent_id for agent in listed] == ["bad", "good"]
    assert [agent.agent_id for agent in (await ask(server, "ListAgents", after="good")).agents] == ["other"]
    assert listed[1] == pb.Agent(agent_id="good", skills=["a", "b"], languages=["en"], capacity=2)
    await ask(server, "CommentAgent", agent_id="good", author="agent", text="I was ill that week")
    shown = await ask(server, "GetAgent", agent_id="good")
    assert (shown.agent, shown.calls_taken, shown.comments[0].text) == (listed[1], 0, "I was ill that week")
    assert [action for _, action in await actions(server)] == ["agent.read"]
    for method, fields in (("GetAgent", {}), ("CommentAgent", {"author": "agent", "text": "x"})):
        assert await refusal(server, method, agent_id="nobody", **fields) == ("NOT_FOUND", "UNKNOWN_AGENT")
    assert await refusal(server, "CommentAgent", agent_id="good", author="boss", text="x") == ("INVALID_ARGUMENT", "REQUEST")
    assert await refusal(server, "UpsertAgent", agent=pb.Agent(agent_id="")) == ("INVALID_ARGUMENT", "REQUEST")
    assert await refusal(server, "UpsertAgent", agent=pb.Agent(agent_id="x", capacity=1001)) == ("INVALID_ARGUMENT", "REQUEST")
    assert await refusal(server, "ListAgents", limit=1001) == ("INVALID_ARGUMENT", "REQUEST")


async def test_an_agent_sees_how_their_calls_went_and_what_was_learned_of_them(server: Running) -> None:
    await taught(server, 60)
    good, bad, other = [await ask(server, "GetAgent", agent_id=name) for name in ("good", "bad", "other")]
    assert (good.calls_taken, good.calls_with_outcome, good.resolved_share, good.csat_5_mean) == (30, 30, 1.0, 5.0)
    assert (bad.resolved_share, bad.csat_5_mean, bad.HasField("handle_s_mean")) == (0.0, 1.0, False)
    assert (other.calls_taken, other.HasField("resolved_share"), list(other.learned)) == (0, False, [])
    (best,), (worst,) = good.learned, bad.learned
    assert (best.queue, best.calls, [slope.axis for slope in best.slopes]) == ("sales", pytest.approx(27.0), list(DEFAULT_AXES))
    assert best.level > best.level_sd > 0.0, "of two agents, so it is not sure"
    assert worst.level < -worst.level_sd
    answer = await ranked(server, a_call_to_route(key=KEY, call_id="now"))
    factors = {agent.agent_id: {factor.kind: factor.contribution for factor in agent.factors} for agent in answer.agents}
    assert factors["good"]["agent_outcomes"] == pytest.approx(best.level), "the same that a ranking goes by"


async def test_skills_come_first(server: Running) -> None:
    await taught(server)
    await ask(server, "UpsertAgent", agent=pb.Agent(agent_id="bad", skills=["loans"]))
    answer = await ranked(server, a_call_to_route(skills=["loans"]))
    assert answer.agents[0].agent_id == "bad"


async def test_roles(start: Start, database: dict[str, Any], tmp_path: Path) -> None:  # noqa: F811
    server = await start(**database, access__keys=str(ISSUER.public(tmp_path / "keys.json")))
    call = a_call_to_route("a")
    allowed = {"RankAgents": {"router"}, "AssignCallers": {"router"}, "RecordOutcome": {"router"}, "UpsertAgent": {"admin"}}
    allowed |= {"ListAgents": {"router", "qa", "admin"}, "StartExperiment": {"admin"}, "EndExperiment": {"admin"}}
    allowed |= {"ListExperiments": {"researcher", "admin"}, "GetAgent": {"qa", "admin", "agent"}}
    allowed |= {"CommentAgent": {"qa", "admin", "agent"}}
    for method, roles in allowed.items():
        fields = {"call": call} if method == "RankAgents" else {}
        for role in AccessRole:
            if role not in roles:
                assert await refusal(server, method, ISSUER.token(role), **fields) == ("PERMISSION_DENIED", "FORBIDDEN")
    await ask(server, "UpsertAgent", ISSUER.token("admin"), agent=pb.Agent(agent_id="a"))
    assert (await ask(server, "RankAgents", ISSUER.token("router"), call=call, answer_within_s=LONG_S)).agents[0].agent_id == "a"


async def test_the_last_decisions_are_written_before_the_service_stops(server: Running, database: dict[str, Any]) -> None:  # noqa: F811
    await grant(server)
    ids = [(await ranked(server, a_call_to_route(key=KEY, call_id=f"c{i}"))).decision_id for i in range(5)]
    await server.application.stop()
    memory = memory_of(server)
    store = Store(database["database__url"], memory.ring)
    assert [row.decision_id for row in await store.read(lambda work: list(decisions.read(work)))] == ids
    assert await store.read(lambda work: audit.verify_log(work).ok)
    await store.close()
    assert Spool(Path(database["database__spool"])).waiting() == 0


@pytest.mark.parametrize("kind", FactorKind)
def test_every_reason_has_words(kind: FactorKind) -> None:
    texts = {words(Factor(kind, sign, 7.0, "assertiveness", 0.4)) for sign in (0.1, -0.1)}
    assert len(texts) == 2
    assert all(0 < len(text) < 120 for text in texts)


def test_without_outcomes_there_is_no_model() -> None:
    assert models_of([]) == {}
