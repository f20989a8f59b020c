"""Switchback experiments over a real connection: the arm rules the ranking, and the decision says which it was."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from simpatico.profiles import decisions, experiments
from simpatico.routing.experiment import block_at
from simpatico.routing.types import Arm
from simpatico.server.exchange import Exchange
from simpatico.server.routing.knowledge import CHANGED
from simpatico.v1 import routing_service_pb2 as pb
from tests.server.routing_calls import LONG_S, a_call_to_route, ask, grant, ranked, refusal, router_of, start_with_agents, taught
from tests.server.running import Running, Start
from tests.server.test_grpc_callers import KEY, actions, database, memory_of  # noqa: F401  # the fixture

START_S = 1e9
BLOCK_S = 3600.0
PLAN: dict[str, Any] = {
    "experiment_id": "spring",
    "queue": "sales",
    "start_s": START_S,
    "end_s": START_S + 40 * BLOCK_S,
    "block_s": BLOCK_S,
    "washout_s": 600.0,
}


@pytest.fixture
async def server(start: Start, database: dict[str, Any]) -> Running:  # noqa: F811
    return await start_with_agents(start, database)


async def started(server: Running, **changes: Any) -> Any:
    return (await ask(server, "StartExperiment", experiment=pb.Experiment(**PLAN | changes))).experiment


async def at(server: Running, at_s: float, call_id: str) -> Any:
    """Rank a call at a moment, and return the answer and the decision as it was kept."""
    memory = memory_of(server)
    memory.clock = lambda: at_s
    answer = await ranked(server, a_call_to_route(key=KEY, call_id=call_id))
    await router_of(server).journal.written(answer.decision_id)
    return answer, await memory.store.read(decisions.load, answer.decision_id)


async def test_the_arm_rules_and_is_written_down(server: Running) -> None:
    await taught(server)
    await started(server)
    (stored,) = await memory_of(server).store.read(experiments.list_experiments)
    schedule = experiments.schedule_of(stored)
    arms = set()
    for block in range(8):
        for into_s in (10.0, 900.0):
            answer, held = await at(server, START_S + block * BLOCK_S + into_s, f"{block}-{into_s}")
            expected = block_at(schedule, "sales", START_S + block * BLOCK_S + into_s)
            assert held.block == expected
            assert (held.block.experiment_id, held.block.block, held.block.washout) == ("spring", block, into_s < 600.0)
            off = held.block.arm is Arm.OFF
            assert (answer.neutral, answer.neutral_reason) == (off, "experiment_off_block" if off else "")
            arms.add(held.block.arm)
    assert arms == {Arm.ON, Arm.OFF}
    for moment_s in (START_S - 1.0, START_S + 41 * BLOCK_S):
        answer, held = await at(server, moment_s, f"{moment_s}")
        assert (answer.neutral, held.block) == (False, None)
    _, held = await at(server, START_S + 10.0, "the clock went back")
    assert held.block.block == 0


async def test_an_assignment_keeps_to_the_arm_too(server: Running) -> None:
    await taught(server)
    await started(server)
    schedule = router_of(server).knowledge.schedules["sales"]
    off_s = next(s for i in range(2) if (s := START_S + i * BLOCK_S + 900.0) and block_at(schedule, "sales", s).arm is Arm.OFF)  # type: ignore[union-attr]
    memory_of(server).clock = lambda: off_s
    answer = await ask(server, "AssignCallers", calls=[a_call_to_route(key=KEY)], answer_within_s=LONG_S)
    (got,) = answer.assignments
    assert (got.neutral_reason, got.agent_id, got.kept) == ("experiment_off_block", "bad", True)
    await router_of(server).journal.written(got.decision_id)
    held = await memory_of(server).store.read(decisions.load, got.decision_id)
    assert (held.block.arm, held.ranking.assigned) == (Arm.OFF, True)


async def test_in_an_a_a_experiment_both_arms_are_neutral(server: Running) -> None:
    await taught(server)
    assert (await started(server, aa=True)).aa
    found = [await at(server, START_S + block * BLOCK_S + 900.0, f"b{block}") for block in range(4)]
    assert {answer.neutral_reason for answer, _ in found} == {"experiment_off_block"}
    assert {held.block.arm for _, held in found} == {Arm.ON, Arm.OFF}


async def test_it_is_listed_and_ends(server: Running) -> None:
    await grant(server)
    one = await started(server)
    assert one == pb.Experiment(**PLAN)
    two = await started(server, experiment_id="other", queue="support")
    assert list((await ask(server, "ListExperiments")).experiments) == [one, two]
    assert set(router_of(server).knowledge.schedules) == {"sales", "support"}
    await ask(server, "EndExperiment", experiment_id="spring")
    await ask(server, "EndExperiment", experiment_id="spring")
    assert set(router_of(server).knowledge.schedules) == {"support"}
    listed = (await ask(server, "ListExperiments")).experiments
    assert [e.HasField("ended_at_s") for e in listed] == [True, False]
    said = [action for _, action in await actions(server) if action.startswith("experiment")]
    assert said == ["experiment.started", "experiment.started", "experiment.ended"]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"experiment_id": ""}, ("INVALID_ARGUMENT", "SCHEDULE")),
        ({"queue": ""}, ("INVALID_ARGUMENT", "REQUEST")),
        ({"block_s": 10.0}, ("INVALID_ARGUMENT", "SCHEDULE")),
        ({"start_s": float("nan")}, ("INVALID_ARGUMENT", "SCHEDULE")),
        ({"end_s": START_S}, ("INVALID_ARGUMENT", "SCHEDULE")),
        ({"washout_s": BLOCK_S}, ("INVALID_ARGUMENT", "SCHEDULE")),
        ({"experiment_id": "another"}, ("ALREADY_EXISTS", "REQUEST_CONFLICT")),
        ({"queue": "another"}, ("ALREADY_EXISTS", "REQUEST_CONFLICT")),
    ],
)
async def test_experiments_that_cannot_be(server: Running, changes: dict[str, Any], status: tuple[str, str]) -> None:
    await started(server)
    assert await refusal(server, "StartExperiment", experiment=pb.Experiment(**PLAN | changes)) == status
    assert await refusal(server, "EndExperiment", experiment_id="nobody's") == ("INVALID_ARGUMENT", "REQUEST")
    assert len((await ask(server, "ListExperiments")).experiments) == 1
    assert [action for _, action in await actions(server)] == ["experiment.started"]


async def test_other_processes_hear_of_it(server: Running) -> None:
    """Whoever writes an experiment down elsewhere says so on the exchange; it is read a moment later."""
    await memory_of(server).store.write("admin", experiments.start, "spring", "sales", {
        "start_s": START_S, "end_s": START_S + 1e6, "block_s": BLOCK_S, "washout_s": 0.0, "seed": 1, "aa": False})  # fmt: skip
    await memory_of(server).store.write("admin", experiments.start, "broken", "support", {"what": "is this"})
    knowledge = router_of(server).knowledge
    assert knowledge.schedules == {}
    exchange: Exchange = server.application.shared.exchange
    exchange.publish(CHANGED, b"")
    while not knowledge.schedules:  # the fixture's guard ends it if they never come
        await asyncio.sleep(0.02)
    assert set(knowledge.schedules) == {"sales"}, "one that no schedule can be read from is passed over"


async def test_one_that_a_command_started_is_noticed(start: Start, database: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr("simpatico.server.routing.knowledge.LEARN_S", 0.05)
    server = await start_with_agents(start, database)
    config = {"start_s": START_S, "end_s": START_S + 1e6, "block_s": BLOCK_S, "washout_s": 0.0, "seed": 1, "aa": False}
    await memory_of(server).store.write("admin", experiments.start, "spring", "sales", config)
    while set(router_of(server).knowledge.schedules) != {"sales"}:
        await asyncio.sleep(0.02)
