"""``WatchAssignments``: who comes is told before the call connects, once, to whom it concerns, and in time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from simpatico.errors import RemoteError, SlowWatcherError
from simpatico.profiles import calls
from simpatico.routing_client import RoutingClient
from simpatico.server import app
from simpatico.server.exchange import Exchange, Hub
from simpatico.server.routing import desk
from simpatico.server.routing.advice import NOT_KNOWN
from simpatico.v1 import routing_service_pb2 as pb
from tests.profiles.samples import a_call
from tests.server import test_grpc_callers as callers_test
from tests.server.routing_calls import LONG_S, a_call_to_route, ask, grant, ranked, refusal, router_of, start_with_agents
from tests.server.running import Running, Start
from tests.server.test_grpc_app import reason_of
from tests.server.test_grpc_callers import KEY, database, memory_of  # noqa: F401  # the fixture
from tests.server.tokens import Issuer

ISSUER = Issuer()


@pytest.fixture
async def server(start: Start, database: dict[str, Any]) -> Running:  # noqa: F811
    return await start_with_agents(start, database)


@asynccontextmanager
async def watching(server: Running, agent_id: str, token: str | None = None) -> AsyncIterator[AsyncIterator[pb.WatchAssignmentsResponse]]:
    """Watch an agent; what is said from the moment of entering on is seen."""
    before = len(router_of(server).desk._watchers)
    async with RoutingClient(server.address, token=token) as client:
        messages = client.watch_assignments(agent_id)
        first = asyncio.ensure_future(anext(messages))
        while len(router_of(server).desk._watchers) == before and not first.done():
            await asyncio.sleep(0.005)

        async def all_of() -> AsyncIterator[pb.WatchAssignmentsResponse]:
            yield await first
            async for message in messages:
                yield message

        try:
            yield all_of()
        finally:
            first.cancel()


async def takes(server: Running, decision_id: str, agent_id: str, request_id: str, **outcome: Any) -> Any:
    report = {"decision_id": decision_id, "taken_by": agent_id, "outcome": pb.Outcome(**outcome)}
    return await ask(server, "RecordOutcome", request_id=request_id, **report)


async def known_caller(server: Running) -> None:
    """Let a caller have called about billing twelve times."""
    await grant(server)
    for i in range(12):
        assert await memory_of(server).store.write("test", calls.keep, KEY, a_call(f"past-{i}", shift=4.0)) is None
    await router_of(server).knowledge.renew()


async def test_the_desktop_is_told_who_comes_before_the_call_connects(server: Running) -> None:
    await known_caller(server)
    async with watching(server, "good") as messages:
        usual = await ranked(server, a_call_to_route(key=KEY, call_id="usual", reason="billing"))
        await takes(server, usual.decision_id, "good", "r1")
        told = await anext(messages)
        assert (told.call_id, told.decision_id, told.reason, told.over) == ("usual", usual.decision_id, "billing", False)
        assert list(told.basis) == ["profile"]
        assert {axis.name for axis in told.style} == {"assertiveness", "responsiveness"}
        assert told.advice.startswith("Probably: come to the point")
        assert told.HasField("surprise")
        assert (told.surprise.unusual, told.surprise.bits < 1.0) == (False, True)
        assert (told.intent.lean, told.intent.why) == ("unknown", "too_few_reported_outcomes")
        odd = await ranked(server, a_call_to_route(key=KEY, call_id="odd", reason="never heard of"))
        await takes(server, odd.decision_id, "good", "r2")
        told = await anext(messages)
        assert told.surprise.bits > 2.0
        assert KEY.encode() not in told.SerializeToString()


async def test_of_a_stranger_only_the_reason_is_told(server: Running) -> None:
    answer = await ranked(server, a_call_to_route(reason="billing"))
    async with watching(server, "good") as messages:
        assert not (await takes(server, answer.decision_id, "good", "r1")).kept
        told = await anext(messages)
    assert (told.reason, list(told.style), list(told.basis), told.advice) == ("billing", [], [], NOT_KNOWN)
    assert not told.HasField("surprise")


async def test_of_an_objector_only_the_reason_is_told(server: Running) -> None:
    await known_caller(server)
    await callers_test.ask(server, "Object", caller_key=KEY)
    answer = await ranked(server, a_call_to_route(key=KEY, reason="billing"))
    async with watching(server, "good") as messages:
        await takes(server, answer.decision_id, "good", "r1")
        told = await anext(messages)
    assert (told.reason, list(told.style), told.advice, told.HasField("surprise")) == ("billing", [], NOT_KNOWN, False)


async def test_an_assigned_call_is_told_too(server: Running) -> None:
    answer = await ask(server, "AssignCallers", calls=[a_call_to_route(call_id="one")], answer_within_s=LONG_S)
    (got,) = answer.assignments
    async with watching(server, got.agent_id) as messages:
        await takes(server, got.decision_id, got.agent_id, "r1")
        assert (await anext(messages)).call_id == "one"


async def test_what_stands_is_told_to_who_comes_back_and_ends_with_the_outcome(server: Running) -> None:
    await grant(server)
    answer = await ranked(server, a_call_to_route(key=KEY))
    await takes(server, answer.decision_id, "good", "r1")
    async with watching(server, "good") as one, watching(server, "good") as two:
        assert (await anext(one)).decision_id == (await anext(two)).decision_id == answer.decision_id
        await takes(server, answer.decision_id, "good", "r2", resolved=True)
        over = await anext(one)
        assert (over.over, over.decision_id, over.call_id, over.advice) == (True, answer.decision_id, "c", "")
    async with watching(server, "good") as later:
        other = await ranked(server, a_call_to_route(call_id="next"))
        await takes(server, other.decision_id, "good", "r3")
        assert (await anext(later)).call_id == "next", "nothing else stands"


@pytest.mark.parametrize("key", ["", KEY])
async def test_the_same_report_again_changes_nothing_and_another_agent_ends_the_first(server: Running, key: str) -> None:
    await grant(server)
    answer = await ranked(server, a_call_to_route(key=key))
    async with watching(server, "good") as good, watching(server, "bad") as bad:
        for request_id in ("r1", "r1", "r2"):
            await takes(server, answer.decision_id, "good", request_id)
        assert not (await anext(good)).over
        await takes(server, answer.decision_id, "bad", "r3")
        assert (await anext(good)).over
        assert not (await anext(bad)).over
        await takes(server, answer.decision_id, "good", "r1")
        await takes(server, answer.decision_id, "bad", "r4", resolved=True)
        assert (await anext(bad)).over, "the first report, repeated late, did not take the call back"


async def test_of_a_caller_who_withdraws_nothing_stands(server: Running) -> None:
    await known_caller(server)
    answers = [await ranked(server, a_call_to_route(key=KEY, call_id=name, reason="billing")) for name in ("one", "two")]
    await takes(server, answers[0].decision_id, "good", "r1")
    await callers_test.ask(server, "SetConsent", caller_key=KEY, consent=1)
    async with watching(server, "good") as messages:
        told = await anext(messages)
        assert (told.call_id, list(told.style), told.advice, told.HasField("surprise")) == ("one", [], NOT_KNOWN, False)
    assert await refusal(server, "RecordOutcome", request_id="r2", decision_id=answers[1].decision_id, taken_by="good") == (
        "NOT_FOUND", "UNKNOWN_DECISION",
    )  # fmt: skip


async def test_an_agent_may_watch_themselves_alone(start: Start, database: dict[str, Any], tmp_path: Path) -> None:  # noqa: F811
    server = await start(**database, access__keys=str(ISSUER.public(tmp_path / "keys.json")))
    for name in ("ann", "bob"):
        await ask(server, "UpsertAgent", ISSUER.token("admin"), agent=pb.Agent(agent_id=name))
    ann = ISSUER.odd(roles=["agent"], agent="ann")
    router = ISSUER.token("router")
    answer = await ask(server, "RankAgents", router, call=a_call_to_route("ann", "bob"), answer_within_s=LONG_S)
    for token in (ann, router, ISSUER.token("qa")):
        async with watching(server, "ann", token) as messages:
            await ask(server, "RecordOutcome", router, request_id="r", decision_id=answer.decision_id, taken_by="ann")
            assert (await anext(messages)).decision_id == answer.decision_id
    nameless, both = ISSUER.odd(roles=["agent"]), ISSUER.odd(roles=["agent", "researcher"], agent="ann")
    for token in (ann, nameless, both, ISSUER.token("researcher"), ISSUER.token("privacy"), ISSUER.token("admin")):
        async with watching(server, "bob", token) as messages:
            with pytest.raises(RemoteError) as caught:
                await anext(messages)
        assert (caught.value.status, caught.value.reason) == ("PERMISSION_DENIED", "FORBIDDEN")
    assert (await ask(server, "GetAgent", ann, agent_id="ann")).agent.agent_id == "ann"
    await ask(server, "CommentAgent", ann, agent_id="ann", author="agent", text="I was ill")
    for fields in ({"agent_id": "bob", "author": "agent"}, {"agent_id": "ann", "author": "supervisor"}):
        assert await refusal(server, "CommentAgent", ann, text="x", **fields) == ("PERMISSION_DENIED", "FORBIDDEN")
    assert await refusal(server, "GetAgent", ann, agent_id="bob") == ("PERMISSION_DENIED", "FORBIDDEN")
    assert await refusal(server, "ListAgents", ann) == ("PERMISSION_DENIED", "FORBIDDEN")


async def test_nobody_can_be_watched_who_is_not_declared(server: Running) -> None:
    async with watching(server, "nobody") as messages:
        with pytest.raises(RemoteError) as caught:
            await anext(messages)
    assert (caught.value.status, caught.value.reason) == ("NOT_FOUND", "UNKNOWN_AGENT")


async def test_who_does_not_read_is_dropped_and_told_so(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "WAITING", 4)
    with router_of(server).desk.watch("good") as watcher:
        for i in range(5):
            answer = await ranked(server, a_call_to_route(call_id=f"c{i}"))
            await takes(server, answer.decision_id, "good", f"r{i}")
        with pytest.raises(SlowWatcherError, match="4 announcements wait to be read"):
            await anext(watcher)
    assert router_of(server).desk._watchers == set()
    async with watching(server, "good") as messages:
        assert {(await anext(messages)).call_id for _ in range(5)} == {f"c{i}" for i in range(5)}, "watching again tells what stands"


async def test_a_client_that_stops_reading_gets_its_status_in_the_end(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "WAITING", 8)
    async with server.channel() as channel:
        stream = channel.unary_stream(
            "/simpatico.v1.RoutingService/WatchAssignments",
            request_serializer=pb.WatchAssignmentsRequest.SerializeToString,
        )(pb.WatchAssignmentsRequest(agent_id="good"))
        watchers = router_of(server).desk._watchers
        while not watchers:
            await asyncio.sleep(0.005)
        message = pb.WatchAssignmentsResponse(reason="x" * 60_000)
        for i in range(400):  # gRPC itself takes some into its buffers
            if not watchers:
                break
            message.decision_id = f"d{i}"
            server.application.shared.exchange.publish("coming/good", message.SerializeToString())
            await asyncio.sleep(0.002)
        assert not watchers

        async def read_all() -> None:
            while True:
                await stream.read()

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await read_all()
        assert (caught.value.code().name, reason_of(caught.value)) == ("RESOURCE_EXHAUSTED", "SLOW_WATCHER")


async def test_so_many_may_watch_and_draining_ends_it(start: Start, database: dict[str, Any]) -> None:  # noqa: F811
    server = await start_with_agents(start, database, limits__watchers=1)
    async with watching(server, "good") as one:
        async with watching(server, "bad") as two:
            with pytest.raises(RemoteError) as caught:
                await anext(two)
        assert (caught.value.status, caught.value.reason) == ("RESOURCE_EXHAUSTED", "SESSION_LIMIT")
        router_of(server).desk.drain()
        with pytest.raises(RemoteError) as caught:
            await anext(one)
    assert (caught.value.status, caught.value.reason) == ("UNAVAILABLE", "DRAINING")


async def test_the_report_may_reach_another_process(start: Start, database: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    numbers = itertools.count(1)
    monkeypatch.setattr(app, "Exchange", lambda: Exchange(next(numbers)))
    with Hub() as hub:
        one, two = await start_with_agents(start, database), await start(**database)
        for server in (one, two):
            server.application.shared.exchange.join(hub.attach()[1])
        await router_of(two).knowledge.renew()
        answer = await ranked(one, a_call_to_route())
        async with watching(two, "good") as there, watching(one, "good") as here:
            await takes(two, answer.decision_id, "good", "r1")
            assert (await anext(there)).decision_id == (await anext(here)).decision_id == answer.decision_id
            async with watching(two, "good") as later:
                assert (await anext(later)).decision_id == answer.decision_id
            await takes(two, answer.decision_id, "good", "r2", resolved=True)
            assert (await anext(there)).over
            assert (await anext(here)).over
        for server in (one, two):
            await server.application.stop()
