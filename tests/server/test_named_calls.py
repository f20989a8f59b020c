"""Calls of named callers over a real connection, with a real database: what is kept of whom, and what becomes of it when they say no."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from simpatico.client import AnalysisClient, Caller, CallFailed, CallStream, Event, Final, Interim, Ready, Update
from simpatico.errors import DatabaseAwayError, RemoteError
from simpatico.profiles import callers, calls, counters
from simpatico.profiles.schema import metadata
from simpatico.profiles.store import Store, Work
from simpatico.server.callers import keeping
from simpatico.server.exchange import Exchange, Hub
from simpatico.v1 import analysis_service_pb2
from simpatico.v1 import caller_service_pb2 as pb
from tests.server.calls import RATE_HZ, TIMEOUT_S, begin, cut, failure, noise, rest_of
from tests.server.running import Running, Start
from tests.server.test_grpc_callers import KEY, ask, database, memory_of  # noqa: F401
from tests.server.test_routing_service import a_call_to_route
from tests.server.test_routing_service import ask as ask_router
from tests.server.tokens import Issuer

ISSUER = Issuer()
TUESDAY_S = 1_790_058_900.0
"""2026-09-22 06:35 UTC."""


@pytest.fixture
async def server(start: Start, database: dict[str, Any]) -> Running:  # noqa: F811
    return await start(**database)


async def grant(server: Running, key: str = KEY) -> None:
    await ask(server, "SetConsent", caller_key=key, consent=pb.CONSENT_GRANTED)


class Talk:
    """A call and what was said about it."""

    def __init__(self, stream: CallStream, call_id: str) -> None:
        self.stream, self.call_id = stream, call_id
        self._updates = aiter(stream)

    async def next(self) -> Update:
        async with asyncio.timeout(TIMEOUT_S):
            return await anext(self._updates)

    async def event(self, *kinds: str) -> str:
        """Return the label of the next event of those kinds ("consent"); everything else but a fault is passed over."""
        while True:
            update = await self.next()
            assert not isinstance(update, CallFailed | Final), update
            if isinstance(update, Event) and update.kind in (kinds or ("consent",)):
                return update.label

    async def final(self, **more: Any) -> Final:
        """End the call and return its final."""
        await self.stream.end(self.call_id, **more)
        while not isinstance(update := await self.next(), Final):
            assert not isinstance(update, CallFailed), update
        return update


@asynccontextmanager
async def talking(server: Running, call_id: str = "live", caller: Caller | None = None, **more: Any) -> AsyncIterator[Talk]:
    """Yield an open call of two seconds of noise, of which the client is told what is known of the caller."""
    caller = Caller(KEY, **more) if caller is None else caller
    async with server.client() as client, client.stream() as stream:
        talk = Talk(stream, call_id)
        await begin(stream, call_id, caller=caller)
        assert isinstance(await talk.next(), Ready)
        await stream.send(cut(call_id, noise(2.0)))
        yield talk


async def held(server: Running, key: str = KEY, store: Store | None = None) -> list[dict[str, Any]]:
    """Return the rows of a caller's calls."""

    def query(work: Work) -> list[dict[str, Any]]:
        profile = callers.lookup(work, key)
        rows = work.connection.execute(text("SELECT * FROM calls WHERE caller_id = :id ORDER BY call_seq"), {"id": profile.caller_id})
        return [dict(row._mapping) for row in rows]

    return await (store or memory_of(server).store).read(query)


async def dump(server: Running) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table but the counters, after what waits in memory has been written."""
    await memory_of(server).tend()

    def query(work: Work) -> dict[str, list[tuple[Any, ...]]]:
        tables = [name for name in metadata.tables if name != "counters"]
        return {name: sorted(map(tuple, work.connection.execute(text(f"SELECT * FROM {name}"))), key=repr) for name in tables}

    return await memory_of(server).store.read(query)


async def counted(server: Running) -> dict[str, int]:
    await memory_of(server).tend()
    return await memory_of(server).store.read(counters.totals)


async def test_a_call_of_who_agreed_is_kept_with_reason_and_local_time(server: Running) -> None:
    await grant(server)
    caller = Caller(KEY, notice_id="n7", reason="cards", utc_offset_min=120, started_at_s=TUESDAY_S)
    async with talking(server, caller=caller) as talk:
        assert await talk.event() == "granted"
        final = await talk.final()
    assert final.kept is True
    (row,) = await held(server)
    assert (row["call_id"], row["reason"], row["notice_id"], row["weekday"], row["hour"]) == ("live", "cards", "n7", 1, 8)
    assert (row["duration_s"], row["started_at_s"]) == (2.0, TUESDAY_S)
    profile = await ask(server, "GetCaller", caller_key=KEY)
    assert (profile.calls, dict(profile.reasons)) == (1, {"cards": 1})
    async with talking(server, "second") as talk:
        before_s = time.time()
        assert (await talk.final(reason="loans")).kept
    second = (await held(server))[1]
    assert (second["call_id"], second["reason"], second["notice_id"]) == ("second", "loans", None)
    assert abs(second["started_at_s"] - before_s) < TIMEOUT_S
    assert second["hour"] == time.gmtime(second["started_at_s"]).tm_hour


async def test_without_consent_the_database_holds_nothing_new_but_counters(server: Running) -> None:
    """Streamed, ranked, uploaded: by a stranger who is named, by one who is not, and by one who objected."""
    await ask_router(server, "UpsertAgent", agent={"agent_id": "good"})
    await ask(server, "Object", caller_key="objector")
    await grant(server)
    before, counts = await dump(server), await counted(server)
    for key in ("stranger", "objector", ""):
        async with server.client() as client, client.stream() as stream:
            await begin(stream, f"call-{key}", caller=Caller(key, reason="cards") if key else None)
            await stream.send(cut(f"call-{key}", noise(2.0)))
            route = a_call_to_route("good", key=key, call_id=f"call-{key}")
            assert not (await ask_router(server, "RankAgents", call=route)).kept
            await stream.end(f"call-{key}")
            final = (await rest_of(stream))[-1]
            assert isinstance(final, Final)
            assert final.kept is (False if key else None)
            await client.analyze_recording(bytes(3200), call_id="x", raw=("f32", 8000, 1), caller=Caller(key) if key else None)
    assert await dump(server) == before
    new = {name: count - counts.get(name, 0) for name, count in (await counted(server)).items()}
    assert {name: count for name, count in new.items() if count} == {"calls.not_kept": 4, "calls.unnamed": 2, "decisions.not_kept": 3}


async def test_a_recording_is_kept_for_a_router_and_named_by_nobody_else(
    start: Start,
    database: dict[str, Any],  # noqa: F811
    tmp_path: Path,
) -> None:
    server = await start(**database, access__keys=str(ISSUER.public(tmp_path / "keys.json")))
    await ask(server, "SetConsent", ISSUER.token("router"), caller_key=KEY, consent=pb.CONSENT_GRANTED)

    async def upload(role: str, call_id: str, caller: Caller | None) -> None:
        async with AnalysisClient(server.address, token=ISSUER.token(role)) as client:
            await client.analyze_recording(bytes(3200), call_id=call_id, raw=("f32", 8000, 1), caller=caller)

    await upload("router", "by-router", Caller(KEY, reason="cards", started_at_s=0.0))
    for role in ("qa", "researcher"):
        await upload(role, "unnamed", None)
        with pytest.raises(RemoteError, match=r"needs the role router: leave header.caller out") as caught:
            await upload(role, "named", Caller(KEY))
        assert (caught.value.status, caught.value.reason) == ("PERMISSION_DENIED", "FORBIDDEN")
    (row,) = await held(server)
    assert (row["call_id"], row["started_at_s"], row["hour"]) == ("by-router", 0.0, 0)


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
    assert final.kept is False
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


async def away_from(monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone(self: Store, *_: Any, **__: Any) -> Any:
        raise DatabaseAwayError("the database cannot be reached")

    monkeypatch.setattr(Store, "read", gone)
    monkeypatch.setattr(Store, "write", gone)


async def test_an_outage_at_the_end_of_the_call(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    await grant(server)
    async with talking(server) as known, talking(server, "stranger's", Caller("stranger")) as unknown:
        assert (await known.event(), await unknown.event()) == ("granted", "unknown")
        with monkeypatch.context() as patched:
            await away_from(patched)
            assert (await known.final()).kept is True
            assert (await unknown.final()).kept is False
    assert await held(server) == []
    assert memory_of(server).spool.waiting() == 1
    await memory_of(server).tend()
    assert [row["call_id"] for row in await held(server)] == ["live"]


async def test_an_outage_at_the_beginning_is_a_stranger_until_the_end(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    await grant(server)
    with monkeypatch.context() as patched:
        await away_from(patched)
        async with talking(server) as talk:
            assert await talk.event() == "unavailable"
            await talk.stream.consent("live", "granted")
            assert await talk.event("consent_failed") == "DATABASE_AWAY"
            assert (await talk.final()).kept is False
    assert await held(server) == []
    async with talking(server, "second") as talk:
        assert (await talk.final()).kept, "what holds at the end counts"


@pytest.mark.parametrize("on_withdrawal", ["go_on", "end"])
async def test_who_says_no_in_an_outage_is_not_kept_and_the_client_knows_that_it_is_not_done(
    start: Start,
    database: dict[str, Any],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    on_withdrawal: str,
) -> None:
    server = await start(**database, callers__on_withdrawal=on_withdrawal)
    await grant(server)
    async with talking(server) as talk:
        assert await talk.event() == "granted"
        with monkeypatch.context() as patched:
            await away_from(patched)
            await talk.stream.consent("live", "withdrawn")
            assert await talk.event("consent", "consent_failed") == "DATABASE_AWAY"
        assert (await talk.final()).kept is False
    assert memory_of(server).spool.waiting() == 0
    assert await held(server) == []
    assert (await ask(server, "GetCaller", caller_key=KEY)).consent == pb.CONSENT_GRANTED


async def test_what_is_said_counts_more_than_what_is_looked_up_late(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    may, read = asyncio.Event(), Store.read

    async def slow(self: Store, query: Any, *args: Any, **kwargs: Any) -> Any:
        found = await read(self, query, *args, **kwargs)
        if query is callers.lookup:
            await may.wait()
        return found

    monkeypatch.setattr(Store, "read", slow)
    async with talking(server) as talk:
        await asyncio.sleep(0.2)  # it is found that nothing is known
        await talk.stream.consent("live", "granted")
        assert await talk.event() == "granted"
        may.set()
        await talk.stream.mark("live", "here")
        assert await talk.event("mark", "consent") == "here"
        assert (await talk.final()).kept


async def test_what_is_said_in_the_last_moment_counts(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Store.write

    async def slow(self: Store, actor: str, query: Any, *args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(0.3 if query is callers.grant else 0.0)
        return await write(self, actor, query, *args, **kwargs)

    monkeypatch.setattr(Store, "write", slow)
    async with talking(server) as talk:
        await talk.stream.consent("live", "granted")
        assert (await talk.final()).kept


async def test_a_slow_database_delays_neither_ready_nor_results(
    server: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor does it matter whether the client is still there when the call is kept."""
    await grant(server)
    may, keeper = asyncio.Event(), server.application.shared.keeper
    assert keeper is not None
    read, write = Store.read, Store.write

    async def slow_read(self: Store, query: Any, *args: Any, **kwargs: Any) -> Any:
        if query is callers.lookup:
            await may.wait()
        return await read(self, query, *args, **kwargs)

    async def slow_write(self: Store, actor: str, query: Any, *args: Any, **kwargs: Any) -> Any:
        if query is calls.keep:
            await may.wait()
        return await write(self, actor, query, *args, **kwargs)

    monkeypatch.setattr(keeping, "WAIT_S", 0.1)
    monkeypatch.setattr(Store, "read", slow_read)
    monkeypatch.setattr(Store, "write", slow_write)
    async with talking(server) as talk:
        assert isinstance(await talk.next(), Interim)
        assert (await talk.final()).kept is None
    before = len(keeper._tasks)
    async with talking(server, "left") as talk:
        await talk.stream.end("left")
        while len(keeper._tasks) < before + 3:  # looking up, keeping, and what waits for it to say the final
            await asyncio.sleep(0.01)
    may.set()
    monkeypatch.undo()
    await keeper.stop()
    assert {row["call_id"] for row in await held(server)} == {"live", "left"}
    gc.collect()
    assert "never retrieved" not in caplog.text


async def test_a_client_that_goes_away_keeps_nothing_and_a_drain_does(server: Running) -> None:
    await grant(server)
    async with talking(server) as talk:
        assert await talk.event() == "granted"
    async with talking(server, "drained") as talk:
        assert await talk.event() == "granted"
        draining = asyncio.create_task(server.application.drain(0.0))
        while not isinstance(update := await talk.next(), Final):
            pass
        assert (update.ended_by, update.kept) == ("drain", True)
        await draining
    store = Store(memory_of(server).url, memory_of(server).ring)
    assert [row["call_id"] for row in await held(server, store=store)] == ["drained"]
    await store.close()


async def test_two_calls_of_one_id_are_not_mixed(server: Running, caplog: pytest.LogCaptureFixture) -> None:
    await grant(server)
    for reason, kept in (("cards", True), ("loans", False)):
        async with talking(server, reason=reason) as talk:
            assert (await talk.final()).kept is kept
    assert [row["reason"] for row in await held(server)] == ["cards"]
    assert "another one of its id is" in caplog.text
    assert (await counted(server))["calls.duplicate"] == 1


async def test_the_log_knows_no_caller(server: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="simpatico")
    async with talking(server, "private-id") as talk:
        await talk.event()
        await talk.stream.consent("private-id", "granted")
        await talk.event()
        await talk.final()
    said = [f"{record.getMessage()} {record.__dict__}" for record in caplog.records if record.name.startswith("simpatico")]
    assert any("call ended" in line for line in said)
    assert not [line for line in said if KEY in line or "private-id" in line]


BAD: list[tuple[dict[str, Any], str]] = [
    ({"caller_key": ""}, "start.caller.caller_key"),
    ({"caller_key": "x" * 257}, "start.caller.caller_key"),
    ({"caller_key": "x" * 3_000_000}, "start.caller.caller_key"),
    ({"notice_id": "n" * 257}, "start.caller.notice_id"),
    ({"notice_id": "a\0b"}, "start.caller.notice_id"),
    ({"reason": "r" * 257}, "start.caller.reason"),
    ({"utc_offset_min": 841}, "start.caller.utc_offset_min"),
    ({"utc_offset_min": -721}, "start.caller.utc_offset_min"),
    ({"started_at_s": -1.0}, "start.caller.started_at_s"),
    ({"started_at_s": float("nan")}, "start.caller.started_at_s"),
    ({"started_at_s": 1e12}, "start.caller.started_at_s"),
]


@pytest.mark.parametrize(("change", "field"), BAD)
async def test_callers_that_cannot_be_named(server: Running, change: dict[str, Any], field: str) -> None:
    before = await dump(server)
    fields = {"key": KEY} | {("key" if name == "caller_key" else name): value for name, value in change.items()}
    async with server.client() as client, client.stream() as stream:
        await begin(stream, "live", caller=Caller(**fields))
        error = failure(await rest_of(stream), "live")
        assert (error.status, error.reason, error.field) == ("INVALID_ARGUMENT", "REQUEST", field)
        assert len(str(error)) < 300
        assert "xxxx" not in str(error)
        with pytest.raises(RemoteError) as caught:
            await client.analyze_recording(bytes(3200), call_id="a", raw=("f32", 8000, 1), caller=Caller(**fields))
    assert caught.value.field == field.replace("start.", "header.")
    assert await dump(server) == before


async def test_an_agents_channel_has_no_caller(server: Running) -> None:
    async with server.client() as client, client.stream() as stream:
        await begin(stream, "live", channels=1, caller_channel=None, caller=Caller(KEY))
        assert failure(await rest_of(stream), "live").field == "start.caller"


async def test_a_deployment_may_ask_for_the_notice(start: Start, database: dict[str, Any]) -> None:  # noqa: F811
    server = await start(**database, callers__require_notice=True)
    async with server.client() as client, client.stream() as stream:
        await begin(stream, "without", caller=Caller(KEY))
        await begin(stream, "with", caller=Caller(KEY, notice_id="n"))
        await begin(stream, "unnamed")
        updates = await rest_of(stream)
    error = failure(updates, "without")
    assert (error.field, "callers.require_notice" in str(error)) == ("start.caller.notice_id", True)
    assert {update.call_id for update in updates if isinstance(update, Final)} == {"with", "unnamed"}


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


async def test_an_objection_is_not_undone_in_the_call(server: Running) -> None:
    await ask(server, "Object", caller_key=KEY)
    async with talking(server) as talk:
        assert await talk.event() == "objected"
        await talk.stream.consent("live", "granted")
        assert await talk.event("consent_failed") == "CONSENT"
        assert (await talk.final()).kept is False


async def test_without_a_database_a_named_call_is_a_call(start: Start) -> None:
    server = await start()
    async with talking(server) as talk:
        await talk.stream.consent("live", "granted")
        assert await talk.event("consent_failed") == "DATABASE_AWAY"
        assert (await talk.final()).kept is None


async def test_a_defect_of_ours_is_in_the_log_and_the_call_goes_on(
    server: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def defect(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("a defect")

    for name in ("lookup", "grant"):
        monkeypatch.setattr(callers, name, defect)
    monkeypatch.setattr(keeping.calls, "record_of", defect)
    async with talking(server) as talk:
        assert await talk.event() == "unavailable"
        await talk.stream.consent("live", "granted")
        assert await talk.event("consent_failed") == "INTERNAL"
        final = await talk.final()
    assert (final.kept, final.analysis.call.duration_s) == (False, 2.0)
    for said in ("could not be looked up", "could not be recorded", "could not be kept"):
        assert said in caplog.text


async def test_counts_outlast_an_outage_and_a_stop(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = memory_of(server)
    memory.tally.add("calls.unnamed", 3)
    with monkeypatch.context() as patched:
        await away_from(patched)
        await memory.tend()
    memory.tally.add("calls.unnamed")
    await server.application.stop()
    store = Store(memory.url, memory.ring)
    assert await store.read(counters.totals) == {"calls.unnamed": 4}
    await store.close()
