"""RoutingService on each database: whoever may not, or asks for what cannot be, gets the right status, and no row of any table changes."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from simpatico.profiles import agents as agents_table
from simpatico.profiles import audit, decisions, experiments
from simpatico.profiles.store import Work
from simpatico.routing.types import Agent
from simpatico.server.access.methods import MAY_CALL
from simpatico.server.access.principals import AccessRole
from simpatico.server.routing import service as service_module
from simpatico.server.routing.service import ROUTING_SERVICE
from simpatico.v1 import routing_service_pb2 as pb
from simpatico.v1 import routing_service_pb2_grpc as rpc
from tests.profiles.conftest import url  # noqa: F401  # a fixture
from tests.server.routing_calls import LONG_S, ask, router_of
from tests.server.running import Running, Start
from tests.server.test_caller_refusals import dump, guarded
from tests.server.test_grpc_app import reason_of
from tests.server.test_grpc_callers import KEY, memory_of
from tests.server.tokens import Issuer

ISSUER, STRANGER = Issuer(), Issuer()
NAN, INF = float("nan"), float("inf")
ROUTER, ADMIN, QA = (ISSUER.token(role, lifetime_s=86_400.0) for role in ("router", "admin", "qa"))
"""Made when the tests are collected, long before the last of them runs."""
METHODS = [method.removeprefix(f"/{ROUTING_SERVICE}/") for method in MAY_CALL if method.startswith(f"/{ROUTING_SERVICE}/")]
LARGE = "k" * 10_000_000


@pytest.fixture
async def server(start: Start, url: str, tmp_path: Path) -> Running:  # noqa: F811
    """Return a service that asks who calls, with something in every table."""
    running = await guarded(start, url, tmp_path, ISSUER)
    await memory_of(running).store.write("test", fill_more)
    await router_of(running).knowledge.renew()
    return running


def fill_more(work: Work) -> None:
    for name in ("agent-0", "agent-1", "agent-2"):
        agents_table.upsert(work, Agent(name))
    agents_table.comment(work, "agent-1", "agent", "I was ill")
    experiments.start(
        work, "spring", "support", {"start_s": 0.0, "end_s": 1e6, "block_s": 3600.0, "washout_s": 0.0, "seed": 1, "aa": False}
    )


def call(*names: str, **more: Any) -> pb.CallToRoute:
    listed = [pb.Candidate(agent_id=name, idle_s=1.0) for name in names or ("agent-0", "agent-1")]
    return pb.CallToRoute(**{"call_id": "c", "caller_key": KEY, "queue": "sales", "candidates": listed} | more)


async def a_decision_id(server: Running) -> str:
    (made,) = await memory_of(server).store.read(lambda work: list(decisions.read(work)))
    return made.decision_id


GOOD: dict[str, dict[str, Any]] = {
    "RankAgents": {"call": call(), "answer_within_s": LONG_S},
    "AssignCallers": {"calls": [call()], "answer_within_s": LONG_S},
    "RecordOutcome": {"request_id": "r9", "outcome": pb.Outcome(resolved=True), "taken_by": "agent-1"},
    "UpsertAgent": {"agent": pb.Agent(agent_id="agent-9")},
    "ListAgents": {},
    "GetAgent": {"agent_id": "agent-1"},
    "CommentAgent": {"agent_id": "agent-1", "author": "agent", "text": "no"},
    "StartExperiment": {
        "experiment": pb.Experiment(experiment_id="x", queue="sales", start_s=0.0, end_s=1e6, block_s=3600.0, washout_s=60.0)
    },
    "ListExperiments": {},
    "EndExperiment": {"experiment_id": "spring"},
    "WatchAssignments": {"agent_id": "agent-1"},
}
"""What each method would do something with."""


async def refused(server: Running, method: str, token: str | None, **changes: Any) -> tuple[str, str]:
    fields = GOOD[method] | changes
    if method == "RecordOutcome" and "decision_id" not in fields:
        fields["decision_id"] = await a_decision_id(server)
    async with server.channel() as channel:
        metadata = [("authorization", f"Bearer {token}")] if token else None
        asked = getattr(rpc.RoutingServiceStub(channel), method)(getattr(pb, f"{method}Request")(**fields), metadata=metadata)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await (asked.read() if method == "WatchAssignments" else asked)
    named = "grpc-status-details-bin" in dict(caught.value.trailing_metadata() or ())  # gRPC itself gives none
    return caught.value.code().name, reason_of(caught.value) if named else ""


def test_every_method_is_tried() -> None:
    assert sorted(GOOD) == sorted(METHODS)


async def test_strangers_and_other_roles_change_nothing(server: Running) -> None:
    before = await dump(server)
    expired, foreign = ISSUER.token(*AccessRole, now_s=time.time() - 7200), STRANGER.token(*AccessRole)
    for method in METHODS:
        for token in (None, expired, foreign, ISSUER.token(*AccessRole, audience="elsewhere"), "x"):
            assert await refused(server, method, token) == ("UNAUTHENTICATED", "UNAUTHENTICATED"), method
        for role in set(AccessRole) - set(MAY_CALL[f"/{ROUTING_SERVICE}/{method}"]):  # type: ignore[call-overload]
            assert await refused(server, method, ISSUER.token(role)) == ("PERMISSION_DENIED", "FORBIDDEN"), (method, role)
    assert await dump(server) == before


@pytest.mark.parametrize("method", ["RankAgents", "AssignCallers"])
@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"call_id": ""}, ("INVALID_ARGUMENT", "REQUEST")),
        ({"queue": ""}, ("INVALID_ARGUMENT", "REQUEST")),
        ({"queue": "a\0b"}, ("INVALID_ARGUMENT", "REQUEST")),
        ({"reason": "x" * 257}, ("INVALID_ARGUMENT", "REQUEST")),
        ({"caller_key": "k" * 257}, ("INVALID_ARGUMENT", "REQUEST")),
        ({"caller_key": LARGE}, ("RESOURCE_EXHAUSTED", "")),
        ({"caller_key": LARGE[:5_000_000]}, ("RESOURCE_EXHAUSTED", "MESSAGE_TOO_LARGE")),
        ({"candidates": []}, ("INVALID_ARGUMENT", "NO_CANDIDATES")),
        ({"candidates": [pb.Candidate(agent_id="agent-1")] * 2}, ("INVALID_ARGUMENT", "REQUEST")),
        ({"candidates": [pb.Candidate(agent_id="nobody")]}, ("NOT_FOUND", "UNKNOWN_AGENT")),
        ({"candidates": [pb.Candidate(agent_id="")]}, ("INVALID_ARGUMENT", "REQUEST")),
        ({"candidates": [pb.Candidate(agent_id="agent-1", idle_s=NAN)]}, ("INVALID_ARGUMENT", "REQUEST")),
        ({"candidates": [pb.Candidate(agent_id="agent-1", idle_s=-5.0)]}, ("INVALID_ARGUMENT", "REQUEST")),
        ({"candidates": [pb.Candidate(agent_id="agent-1", idle_s=INF)]}, ("INVALID_ARGUMENT", "REQUEST")),
        ({"candidates": [pb.Candidate(agent_id="agent-1", occupancy=NAN)]}, ("INVALID_ARGUMENT", "REQUEST")),
        ({"candidates": [pb.Candidate(agent_id="agent-1", occupancy=1.01)]}, ("INVALID_ARGUMENT", "REQUEST")),
        ({"candidates": [pb.Candidate(agent_id="agent-1", open_calls=2**32 - 1)]}, ("INVALID_ARGUMENT", "REQUEST")),
        ({"skills": [""]}, ("INVALID_ARGUMENT", "REQUEST")),
        ({"languages": [f"l{i}" for i in range(201)]}, ("INVALID_ARGUMENT", "REQUEST")),
        ({"utc_offset_min": 841}, ("INVALID_ARGUMENT", "REQUEST")),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_calls_that_cannot_be(server: Running, method: str, changes: dict[str, Any], status: tuple[str, str]) -> None:
    before = await dump(server)
    odd = call(**changes)
    fields = {"call": odd} if method == "RankAgents" else {"calls": [odd]}
    assert await refused(server, method, ROUTER, **fields) == status
    await router_of(server).journal.close()
    assert await dump(server) == before


@pytest.mark.parametrize("within_s", [NAN, INF, -0.001, 60.001])
async def test_deadlines_that_cannot_be(server: Running, within_s: float) -> None:
    before = await dump(server)
    for method in ("RankAgents", "AssignCallers"):
        assert await refused(server, method, ROUTER, answer_within_s=within_s) == ("INVALID_ARGUMENT", "REQUEST")
    assert await dump(server) == before


async def test_without_a_deadline_the_deployments_holds_and_the_rpcs_own_counts(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """0 is what a missing field reads as. An RPC without a deadline may take as long as the request says; one of its own rules.

    Here 19 of its 20 s are left for the way back, which may be a busy machine's.
    """
    monkeypatch.setattr(service_module, "WAY_S", 19.0)
    monkeypatch.setattr(service_module, "WAY_SHARE", 0.95)
    answer = await ask(server, "RankAgents", ROUTER, call=call(caller_key=""))
    assert answer.neutral_reason in ("no_outcomes_yet", "deadline_passed")
    service = server.application
    assert service.shared.settings.routing.answer_within_s == 0.05
    async with server.channel() as channel:
        stub = rpc.RoutingServiceStub(channel)

        async def never(*_: Any) -> Any:
            await asyncio.Event().wait()

        router_of(server).knowledge.find = never  # type: ignore[method-assign]
        request = pb.RankAgentsRequest(call=call(), answer_within_s=60.0)
        answer = await stub.RankAgents(request, timeout=20.0, metadata=[("authorization", f"Bearer {ROUTER}")])
    assert (answer.neutral_reason, answer.kept) == ("deadline_passed", False)
    for task in tuple(router_of(server)._late):
        task.cancel()


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"request_id": ""}, ("INVALID_ARGUMENT", "REQUEST")),
        ({"request_id": "x" * 257}, ("INVALID_ARGUMENT", "REQUEST")),
        ({"decision_id": ""}, ("INVALID_ARGUMENT", "REQUEST")),
        ({"decision_id": "k" + "0" * 32}, ("NOT_FOUND", "UNKNOWN_DECISION")),
        ({"taken_by": "nobody"}, ("NOT_FOUND", "UNKNOWN_AGENT")),
        ({"outcome": pb.Outcome(), "taken_by": ""}, ("INVALID_ARGUMENT", "OUTCOME")),
        ({"outcome": pb.Outcome(csat_5=NAN)}, ("INVALID_ARGUMENT", "OUTCOME")),
        ({"outcome": pb.Outcome(csat_5=5.5)}, ("INVALID_ARGUMENT", "OUTCOME")),
        ({"outcome": pb.Outcome(handle_s=-1.0)}, ("INVALID_ARGUMENT", "OUTCOME")),
        ({"outcome": pb.Outcome(handle_s=INF)}, ("INVALID_ARGUMENT", "OUTCOME")),
        ({"request_id": "r1"}, ("ALREADY_EXISTS", "REQUEST_CONFLICT")),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_reports_that_cannot_be(server: Running, changes: dict[str, Any], status: tuple[str, str]) -> None:
    before = await dump(server)
    assert await refused(server, "RecordOutcome", ROUTER, **changes) == status
    assert await dump(server) == before


async def test_a_report_that_is_replayed_changes_nothing(server: Running) -> None:
    report = GOOD["RecordOutcome"] | {"decision_id": await a_decision_id(server)}
    assert not (await ask(server, "RecordOutcome", ROUTER, **report)).repeated
    once = await dump(server)
    for _ in range(3):
        assert (await ask(server, "RecordOutcome", ROUTER, **report)).repeated
    assert await refused(server, "RecordOutcome", ROUTER, outcome=pb.Outcome(resolved=False)) == ("ALREADY_EXISTS", "REQUEST_CONFLICT")
    assert await dump(server) == once


@pytest.mark.parametrize(
    ("method", "token", "changes", "status"),
    [
        ("UpsertAgent", ADMIN, {"agent": pb.Agent(agent_id="a" * 257)}, ("INVALID_ARGUMENT", "REQUEST")),
        ("UpsertAgent", ADMIN, {"agent": pb.Agent(agent_id="a\0b")}, ("INVALID_ARGUMENT", "REQUEST")),
        ("UpsertAgent", ADMIN, {"agent": pb.Agent(agent_id="a", skills=["x" * 257])}, ("INVALID_ARGUMENT", "REQUEST")),
        ("UpsertAgent", ADMIN, {"agent": pb.Agent(agent_id="a", capacity=1001)}, ("INVALID_ARGUMENT", "REQUEST")),
        ("UpsertAgent", ADMIN, {"agent": pb.Agent(agent_id=LARGE)}, ("RESOURCE_EXHAUSTED", "")),
        ("ListAgents", ROUTER, {"limit": 1001}, ("INVALID_ARGUMENT", "REQUEST")),
        ("GetAgent", QA, {"agent_id": "nobody"}, ("NOT_FOUND", "UNKNOWN_AGENT")),
        ("GetAgent", QA, {"agent_id": ""}, ("INVALID_ARGUMENT", "REQUEST")),
        ("CommentAgent", QA, {"agent_id": "nobody"}, ("NOT_FOUND", "UNKNOWN_AGENT")),
        ("CommentAgent", QA, {"author": "boss"}, ("INVALID_ARGUMENT", "REQUEST")),
        ("CommentAgent", QA, {"text": ""}, ("INVALID_ARGUMENT", "REQUEST")),
        ("CommentAgent", QA, {"text": "x" * 4001}, ("INVALID_ARGUMENT", "REQUEST")),
        ("WatchAssignments", QA, {"agent_id": "nobody"}, ("NOT_FOUND", "UNKNOWN_AGENT")),
        ("WatchAssignments", QA, {"agent_id": ""}, ("INVALID_ARGUMENT", "REQUEST")),
        ("EndExperiment", ADMIN, {"experiment_id": "none"}, ("INVALID_ARGUMENT", "REQUEST")),
        (
            "StartExperiment",
            ADMIN,
            {"experiment": pb.Experiment(experiment_id="x", block_s=NAN)},
            ("INVALID_ARGUMENT", "SCHEDULE"),
        ),
    ],
    ids=lambda value: str(value)[:30] if not isinstance(value, str) else value[:12],
)
async def test_agents_and_experiments_that_cannot_be(
    server: Running, method: str, token: str, changes: dict[str, Any], status: tuple[str, str]
) -> None:
    before = await dump(server)
    assert await refused(server, method, token, **changes) == status
    assert await dump(server) == before


async def test_a_clock_that_goes_backwards_leaves_everything_in_order(server: Running) -> None:
    memory = memory_of(server)
    ids = []
    for at_s in (2e9, 1e9, 1.5e9, 0.0):
        memory.clock = lambda at_s=at_s: at_s  # type: ignore[misc]
        answer = await ask(server, "RankAgents", ROUTER, call=call(call_id=f"c{at_s}"), answer_within_s=LONG_S)
        assert (answer.kept, answer.neutral_reason) == (True, "no_outcomes_yet")
        await router_of(server).journal.written(answer.decision_id)
        report = {"request_id": f"t{at_s}", "decision_id": answer.decision_id, "outcome": pb.Outcome(resolved=True), "taken_by": "agent-1"}
        assert (await ask(server, "RecordOutcome", ROUTER, **report)).kept
        ids.append(answer.decision_id)
    rows = {row.decision_id: row for row in await memory.store.read(lambda work: list(decisions.read(work)))}
    assert [rows[decision_id].at_s for decision_id in ids] == [2e9, 1e9, 1.5e9, 0.0]
    assert all(rows[decision_id].outcome.resolved for decision_id in ids)
    assert await memory.store.read(lambda work: audit.verify_log(work).ok)
    await router_of(server).knowledge.renew()
    assert router_of(server).knowledge.learned.models["sales"].calls == 5


async def test_a_model_with_figures_that_are_none_ranks_nobody(server: Running) -> None:
    """NaN in what was learned: the distributor's own order, marked so, and the decision says it."""
    knowledge = router_of(server).knowledge
    model = knowledge.learned.models["sales"]
    broken = replace(model, calls=1000, queue_mean=model.queue_mean * math.nan)
    knowledge.learned = replace(knowledge.learned, models={"sales": broken})
    answer = await ask(server, "RankAgents", ROUTER, call=call(), answer_within_s=LONG_S)
    assert (answer.neutral_reason, [agent.agent_id for agent in answer.agents]) == ("model_not_finite", ["agent-0", "agent-1"])
    (given,) = (await ask(server, "AssignCallers", ROUTER, calls=[call(call_id="d")], answer_within_s=LONG_S)).assignments
    assert (given.neutral_reason, given.agent_id) == ("model_not_finite", "agent-0")
