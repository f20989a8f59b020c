"""What the callers of live calls say about being remembered, in the call and beside it: what becomes of the call."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from simpatico.client import Caller, CallFailed, Final
from simpatico.profiles import callers
from simpatico.profiles.store import Store
from simpatico.server.callers import keeping
from simpatico.server.exchange import Exchange, Hub
from simpatico.v1 import analysis_service_pb2
from simpatico.v1 import caller_service_pb2 as pb
from tests.server.calls import RATE_HZ, begin, cut, failure, noise, rest_of
from tests.server.named_calls import Talk, away_from, dump, grant, held, talking
from tests.server.running import Running, Start
from tests.server.test_grpc_callers import KEY, ask, database, memory_of  # noqa: F401
from tests.server.test_routing_service import a_call_to_route
from tests.server.test_routing_service import ask as ask_router


@pytest.fixture
async def server(start: Start, database: dict[str, Any]) -> Running:  # noqa: F811
    return await start(**database)


async def test_consent_given_in_the_call_begins_keeping(server: Running) -> None:
    async with talking(server) as talk:
        assert await talk.event() == "unknown"
        await talk.stream.consent("live", "granted", "n9")
        assert await talk.event() == "granted"
        assert (await talk.final()).kept
    assert [row["call_id"] for row in await held(server)] == ["live"]
    assert (await ask(server, "GetCaller", caller_key=KEY)).notice_id == "n9"


@pytest.mark.parametrize("said", ["withdrawn", "objected"])
@pytest.mark.parametrize("by", ["stream", "rpc"])
async def test_who_says_no_in_the_call_leaves_nothing_of_it(server: Running, said: str, by: str) -> None:
    await grant(server)
    async with talking(server, "before") as talk:
        assert (await talk.final()).kept
    async with talking(server) as talk:
        assert await talk.event() == "granted"
        route = a_call_to_route("good", key=KEY, call_id="live")
        await ask_router(server, "UpsertAgent", agent={"agent_id": "good"})
        assert (await ask_router(server, "RankAgents", call=route, answer_within_s=30.0)).kept
        if by == "stream":
            await talk.stream.consent("live", said)
        elif said == "objected":
            await ask(server, "Object", caller_key=KEY)
        else:
            await ask(server, "SetConsent", caller_key=KEY, consent=pb.CONSENT_UNKNOWN)
        assert await talk.event() == {"withdrawn": "unknown", "objected": "objected"}[said]
        await talk.stream.send([type(c)(c.call_id, c.first_sample + 2 * RATE_HZ, c.data) for c in cut("live", noise(2.0))])
        final = await talk.final()
    assert (final.kept, final.not_kept_reason) == (False, said)
    assert final.analysis.call.duration_s == 4.0, "the call went on"
    left = await dump(server)
    assert [name for name in left if left[name] and name not in {"agents", "audit", "audit_head", "callers", "alembic_version"}] == []
    assert len(left["callers"]) == (said == "objected")
    assert all("live" not in repr(row) for rows in left.values() for row in rows)


async def test_consent_that_ended_in_the_call_stays_ended_for_it_though_given_anew(server: Running) -> None:
    await grant(server)
    async with talking(server) as talk:
        await talk.event()
        for said, told in (("withdrawn", "unknown"), ("granted", "granted")):
            await talk.stream.consent("live", said)
            assert await talk.event() == told
        assert (await talk.final()).kept is False
    async with talking(server, "next") as talk:
        assert (await talk.final()).kept
    assert [row["call_id"] for row in await held(server)] == ["next"]


async def test_erasure_reaches_a_call_that_is_going_on(server: Running) -> None:
    await grant(server)
    async with talking(server) as talk:
        assert await talk.event() == "granted"
        await ask(server, "EraseCaller", caller_key=KEY)
        assert await talk.event() == "unknown"
        assert (await talk.final()).kept is False
    left = await dump(server)
    assert [name for name in left if left[name] and name not in {"audit", "audit_head"}] == []


async def test_a_deployment_may_end_such_calls_and_the_others_go_on(start: Start, database: dict[str, Any]) -> None:  # noqa: F811
    server = await start(**database, callers__on_withdrawal="end")
    await grant(server)
    async with server.client() as client, client.stream() as stream:
        talk = Talk(stream, "live")
        for call_id, key in (("live", KEY), ("other", "somebody")):
            await begin(stream, call_id, caller=Caller(key))
            await stream.send(cut(call_id, noise(2.0)))
        assert {await talk.event(), await talk.event()} == {"granted", "unknown"}
        await ask(server, "Object", caller_key=KEY)
        updates = await rest_of(stream)
    error = failure(updates, "live")
    assert (error.status, error.reason) == ("FAILED_PRECONDITION", "CONSENT")
    assert "callers.on_withdrawal" in str(error)
    last = updates[-1]
    assert isinstance(last, Final)
    assert (last.call_id, last.kept) == ("other", False)
    assert await held(server) == []


async def test_another_process_hears_of_a_withdrawal(start: Start, database: dict[str, Any]) -> None:  # noqa: F811
    """Two services on one database, joined as the workers of one are; and one that is not joined, as on another machine."""
    with Hub() as hub:
        servers = []
        for joined in (True, True, False):
            server = await start(**database)
            if joined:
                number, end = hub.attach()
                server.application.shared.exchange._keys = Exchange(number)._keys
                server.application.shared.exchange.join(end)
            servers.append(server)
        one, two, far = servers
        await grant(one)
        async with talking(one, "near") as near, talking(far, "far") as away:
            assert await near.event() == await away.event() == "granted"
            await ask(two, "SetConsent", caller_key=KEY, consent=pb.CONSENT_UNKNOWN)
            assert await near.event() == "unknown"
            await grant(two)
            assert await near.event() == "granted"
            assert (await near.final()).kept is False
            assert (await away.final()).kept is False, "it finds another caller than the one that it looked up"
        assert await held(one) == []
        for server in servers[:2]:
            await server.application.shared.exchange.close()


@pytest.mark.parametrize("said", ["withdrawn", "objected", "erased"])
async def test_a_machine_that_was_told_nothing_finds_out(
    start: Start,
    database: dict[str, Any],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    said: str,
) -> None:
    """Two services that share nothing but the database; another caller's call goes on as it was, also through an outage."""
    monkeypatch.setattr(keeping, "LOOK_S", 0.05)
    one, far = await start(**database), await start(**database)
    await grant(one)
    await grant(one, "other")
    async with talking(far, "told nothing") as talk, talking(far, "of the other", Caller("other")) as other:
        assert await talk.event() == await other.event() == "granted"
        with monkeypatch.context() as patched:
            away_from(patched)
            await asyncio.sleep(0.2)
        if said == "withdrawn":
            await ask(one, "SetConsent", caller_key=KEY, consent=pb.CONSENT_UNKNOWN)
        else:
            await ask(one, {"objected": "Object", "erased": "EraseCaller"}[said], caller_key=KEY)
        assert await talk.event() == ("objected" if said == "objected" else "unknown")
        if said != "objected":
            await grant(one)
        assert (await talk.final()).kept is False
        assert (await other.final()).kept
    assert (await held(one), [row["call_id"] for row in await held(one, "other")]) == ([], ["of the other"])


async def test_a_machine_that_was_told_nothing_ends_the_call_where_that_is_the_rule(
    start: Start,
    database: dict[str, Any],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keeping, "LOOK_S", 0.05)
    one, far = await start(**database), await start(**database, callers__on_withdrawal="end")
    await grant(one)
    async with talking(far) as talk:
        assert await talk.event() == "granted"
        await ask(one, "SetConsent", caller_key=KEY, consent=pb.CONSENT_UNKNOWN)
        while not isinstance(update := await talk.next(), CallFailed):
            pass
        assert update.error.reason == "CONSENT"


async def test_an_objection_is_not_undone_in_the_call(server: Running) -> None:
    await ask(server, "Object", caller_key=KEY)
    async with talking(server) as talk:
        assert await talk.event() == "objected"
        await talk.stream.consent("live", "granted")
        assert await talk.event("consent_failed") == "CONSENT"
        final = await talk.final()
        assert (final.kept, final.not_kept_reason) == (False, "objected")


async def test_what_is_said_counts_more_than_what_is_looked_up_late(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    may, looked_up, read = asyncio.Event(), asyncio.Event(), Store.read

    async def slow(self: Store, query: Any, *args: Any, **kwargs: Any) -> Any:
        found = await read(self, query, *args, **kwargs)
        if query is callers.lookup:
            looked_up.set()
            await may.wait()
        return found

    monkeypatch.setattr(Store, "read", slow)
    async with talking(server) as talk:
        await looked_up.wait()  # it is found that nothing is known
        await talk.stream.consent("live", "granted")
        assert await talk.event() == "granted"
        may.set()
        await talk.stream.mark("live", "here")
        assert await talk.event("mark", "consent") == "here"
        assert (await talk.final()).kept


async def test_what_is_said_in_the_last_moment_counts(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is written down only when the call is over."""
    over, write, finish = asyncio.Event(), Store.write, keeping.NamedCall.finish

    async def slow(self: Store, actor: str, query: Any, *args: Any, **kwargs: Any) -> Any:
        if query is callers.grant:
            await over.wait()
        return await write(self, actor, query, *args, **kwargs)

    async def finished(self: keeping.NamedCall, *args: Any) -> keeping.Keeping:
        asyncio.get_running_loop().call_soon(over.set)
        return await finish(self, *args)

    monkeypatch.setattr(Store, "write", slow)
    monkeypatch.setattr(keeping.NamedCall, "finish", finished)
    async with talking(server) as talk:
        await talk.stream.consent("live", "granted")
        assert (await talk.final()).kept


async def test_consents_that_cannot_be_said(server: Running) -> None:
    pb_ = analysis_service_pb2
    before = await dump(server)
    cases: list[tuple[str, Caller | None, Any, str]] = [
        ("unnamed", None, pb.CONSENT_GRANTED, "control.consent"),
        ("unspecified", Caller(KEY), pb.CONSENT_UNSPECIFIED, "control.consent.consent"),
        ("unknown", Caller(KEY), 77, "control.consent.consent"),
    ]
    async with server.client() as client, client.stream() as stream:
        for call_id, caller, consent, _ in cases:
            await begin(stream, call_id, caller=caller)
            control = pb_.CallControl(call_id=call_id, consent=pb_.SayConsent(consent=consent))
            await stream._write(pb_.StreamAnalyzeRequest(control=control))
        await begin(stream, "reason")
        await stream.end("reason", reason="r" * 257)
        updates = await rest_of(stream)
    assert [failure(updates, call_id).field for call_id, *_ in cases] == [field for *_, field in cases]
    assert failure(updates, "reason").field == "end.reason"
    assert await dump(server) == before
