"""``AssignCallers`` over a real connection and a real database: who gets whom, what is kept of it, and what happens when time is short."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from simpatico.errors import DatabaseAwayError
from simpatico.profiles import audit, decisions
from simpatico.profiles.store import Store
from simpatico.routing_client import RoutingClient
from simpatico.server.routing import assigning
from simpatico.v1 import routing_service_pb2 as pb
from tests.server import test_grpc_callers as callers_test
from tests.server.calls import TIMEOUT_S
from tests.server.routing_calls import LONG_S, a_call_to_route, ask, grant, refusal, router_of, start_with_agents, taught
from tests.server.running import Running, Start, let_pass
from tests.server.test_grpc_callers import KEY, actions, database, memory_of  # noqa: F401  # the fixture


@pytest.fixture
async def server(start: Start, database: dict[str, Any]) -> Running:  # noqa: F811
    return await start_with_agents(start, database)


async def assigned(server: Running, *calls: pb.CallToRoute, within_s: float = LONG_S) -> Any:
    async with RoutingClient(server.address) as client:
        return await client.assign_callers(calls, answer_within_s=within_s)


async def test_the_model_chooses_and_each_caller_has_a_decision_of_their_own(server: Running) -> None:
    await taught(server)
    answer = await assigned(server, a_call_to_route(key=KEY, call_id="one"), a_call_to_route(call_id="two"))
    one, two = answer.assignments
    assert {one.agent_id, two.agent_id} == {"good", "other"}, "the bad agent is left, though the distributor would have taken them first"
    assert (one.call_id, one.kept, two.kept) == ("one", True, False)
    assert (one.neutral_reason, one.decision_id[0], two.decision_id[0], list(one.basis)) == ("", "k", "n", ["prior"])
    assert one.propensity > 0.3
    assert 0.0 < one.propensity_se <= 0.06
    assert answer.policy_version == "thompson-1"
    await router_of(server).journal.written(one.decision_id)
    held = await memory_of(server).store.read(decisions.load, one.decision_id)
    assert (held.call_id, held.ranking.assigned, held.ranking.seed, held.taken) == ("one", True, answer.seed, None)
    assert held.ranking.entries[0].agent_id == one.agent_id
    assert held.ranking.entries[0].propensity == one.propensity
    assert sum(entry.propensity for entry in held.ranking.entries) == pytest.approx(1.0)
    report = {"decision_id": one.decision_id, "outcome": pb.Outcome(resolved=True), "taken_by": one.agent_id}
    assert (await ask(server, "RecordOutcome", request_id="x", **report)).kept
    assert not (await ask(server, "RecordOutcome", request_id="y", decision_id=two.decision_id, outcome=pb.Outcome(resolved=True))).kept
    assert (await memory_of(server).store.read(decisions.load, one.decision_id)).taken == one.agent_id


async def test_who_objects_gets_the_agent_of_the_distributor_and_nothing_is_kept(server: Running) -> None:
    await taught(server)
    await callers_test.ask(server, "Object", caller_key="objector")
    answer = await assigned(server, a_call_to_route(key="objector", call_id="one"), a_call_to_route(key=KEY, call_id="two"))
    one, two = answer.assignments
    assert (one.agent_id, one.neutral_reason, one.kept, list(one.basis)) == ("bad", "caller_objected", False, [])
    assert not one.HasField("propensity")
    assert (two.agent_id in ("good", "other"), two.neutral_reason, two.kept) == (True, "", True)


async def test_for_whom_nobody_is_left_there_is_no_decision(server: Running) -> None:
    answer = await assigned(server, a_call_to_route("good", call_id="one"), a_call_to_route("good", call_id="two"))
    one, two = answer.assignments
    assert (one.agent_id, one.neutral_reason) == ("good", "no_outcomes_yet")
    assert (two.HasField("agent_id"), two.decision_id, two.kept) == (False, "", False)


async def test_when_the_choice_is_late_the_distributor_would_have_done_this(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    await taught(server)
    swift, loop, go_on = assigning._chosen, asyncio.get_running_loop(), threading.Event()

    def slow(*args: Any) -> Any:
        loop.call_soon_threadsafe(let_pass, monkeypatch, LONG_S)
        assert go_on.wait(TIMEOUT_S)
        return swift(*args)

    with monkeypatch.context() as patched:
        patched.setattr(assigning, "_chosen", slow)
        calls = (a_call_to_route(key=KEY, call_id="one"), a_call_to_route(call_id="two"))
        answer = await assigned(server, *calls)
    assert [(a.agent_id, a.neutral_reason, a.kept) for a in answer.assignments] == [
        ("bad", "deadline_passed", True), ("good", "deadline_passed", False),
    ]  # fmt: skip
    meanwhile = await assigned(server, *calls)
    assert [(a.agent_id, a.neutral_reason, a.kept) for a in meanwhile.assignments] == [
        ("bad", "overloaded", False), ("good", "overloaded", False),
    ]  # fmt: skip
    go_on.set()
    await asyncio.gather(*router_of(server)._late)
    assert [a.neutral_reason for a in (await assigned(server, *calls)).assignments] == ["", ""]


async def test_what_would_take_too_long_is_not_begun(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    await taught(server)
    monkeypatch.setattr(assigning, "MOST_PAIRS", 5)
    answer = await assigned(server, a_call_to_route(call_id="one"), a_call_to_route(call_id="two"))
    assert [a.neutral_reason for a in answer.assignments] == ["overloaded", "overloaded"]


async def test_while_the_database_is_away_nothing_of_anybody_is_used(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    await taught(server)

    async def away(self: Store, *_: Any, **__: Any) -> Any:
        raise DatabaseAwayError("the database cannot be reached")

    monkeypatch.setattr(Store, "fetch", away)
    answer = await assigned(server, a_call_to_route(key=KEY, call_id="one"))
    assert [(a.agent_id, a.neutral_reason, a.kept) for a in answer.assignments] == [("bad", "store_unavailable", False)]


async def test_assignments_that_cannot_be(server: Running) -> None:
    await grant(server)
    call = a_call_to_route(key=KEY)
    assert await refusal(server, "AssignCallers", calls=[]) == ("INVALID_ARGUMENT", "NO_CANDIDATES")
    assert await refusal(server, "AssignCallers", calls=[call, call]) == ("INVALID_ARGUMENT", "REQUEST")
    assert await refusal(server, "AssignCallers", calls=[call], answer_within_s=-1.0) == ("INVALID_ARGUMENT", "REQUEST")
    many = [a_call_to_route("good", call_id=f"c{i}") for i in range(501)]
    assert await refusal(server, "AssignCallers", calls=many) == ("INVALID_ARGUMENT", "REQUEST")
    assert await refusal(server, "AssignCallers", calls=[a_call_to_route("nobody")]) == ("NOT_FOUND", "UNKNOWN_AGENT")
    assert [action for _, action in await actions(server)] == ["consent.granted"]
    assert await memory_of(server).store.read(lambda work: audit.verify_log(work).ok)
