"""Live calls of named callers whose database is away, slow, absent or faulty, and those that end before they are kept."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from simpatico.client import Caller, Final, Interim
from simpatico.profiles import callers, calls, counters
from simpatico.profiles.store import Store
from simpatico.routing.types import Outcome
from simpatico.server.callers import keeping
from simpatico.v1 import caller_service_pb2 as pb
from tests.server.named_calls import away_from, grant, held, talking
from tests.server.running import Running, Start
from tests.server.test_grpc_callers import KEY, ask, database, memory_of  # noqa: F401


@pytest.fixture
async def server(start: Start, database: dict[str, Any]) -> Running:  # noqa: F811
    return await start(**database)


async def test_an_outage_at_the_end_of_the_call(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    await grant(server)
    async with talking(server) as known, talking(server, "stranger's", Caller("stranger")) as unknown:
        assert (await known.event(), await unknown.event()) == ("granted", "unknown")
        with monkeypatch.context() as patched:
            away_from(patched)
            assert (await known.final()).kept is True
            final = await unknown.final()
            assert (final.kept, final.not_kept_reason) == (False, "database_away")
    assert await held(server) == []
    assert memory_of(server).spool.waiting() == 1
    await memory_of(server).tend()
    assert [row["call_id"] for row in await held(server)] == ["live"]


async def test_an_outage_at_the_beginning_is_a_stranger_until_the_end(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    await grant(server)
    with monkeypatch.context() as patched:
        away_from(patched)
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
            away_from(patched)
            await talk.stream.consent("live", "withdrawn")
            assert await talk.event("consent", "consent_failed") == "DATABASE_AWAY"
        final = await talk.final()
        assert (final.kept, final.not_kept_reason) == (False, "withdrawn")
    assert memory_of(server).spool.waiting() == 0
    assert await held(server) == []
    assert (await ask(server, "GetCaller", caller_key=KEY)).consent == pb.CONSENT_GRANTED


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

    finish, over = keeping.NamedCall.finish, list[keeping.NamedCall]()

    async def finished(self: keeping.NamedCall, *args: Any) -> keeping.Keeping:
        over.append(self)
        return await finish(self, *args)

    monkeypatch.setattr(keeping.NamedCall, "finish", finished)
    monkeypatch.setattr(keeping, "WAIT_S", 0.1)
    monkeypatch.setattr(Store, "read", slow_read)
    monkeypatch.setattr(Store, "write", slow_write)
    async with talking(server) as talk:
        assert isinstance(await talk.next(), Interim)
        final = await talk.final()
        assert (final.kept, final.not_kept_reason) == (None, "")
    async with talking(server, "left") as talk:
        await talk.stream.end("left")
        while len(over) < 2:  # the fixture's guard ends it if that never comes
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


async def test_without_a_database_a_named_call_is_a_call(start: Start) -> None:
    server = await start()
    async with talking(server) as talk:
        await talk.stream.consent("live", "granted")
        assert await talk.event("consent_failed") == "DATABASE_AWAY"
        final = await talk.final()
        assert (final.kept, final.not_kept_reason) == (False, "no_database")


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
        away_from(patched)
        await memory.tend()
    memory.tally.add("calls.unnamed")
    await server.application.stop()
    store = Store(memory.url, memory.ring)
    assert await store.read(counters.totals) == {"calls.unnamed": 4}
    await store.close()


@pytest.mark.parametrize("waits", ["nothing", "a report", "a count"])
async def test_an_outage_and_its_end_are_in_the_log_with_the_cause(
    start: Start,
    database: dict[str, Any],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    waits: str,
) -> None:
    """Also when nothing waits for the database and there are no anchors, so that nothing but the look itself would find out."""
    del database["database__anchors"]
    server = await start(**database)
    memory = memory_of(server)
    if waits == "a report":
        memory.spool.add_outcome("r", "d-1", Outcome(csat_5=2.0), None, memory.clock())
    elif waits == "a count":
        memory.tally.add("calls.unnamed")
    caplog.set_level("INFO", "simpatico.server.memory")
    caplog.clear()
    with monkeypatch.context() as patched:
        away_from(patched)
        await memory.tend()
        await memory.tend()
    away = ("WARNING", "the database is away: the database cannot be reached")
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [away, away]
    caplog.clear()
    await memory.tend()
    await memory.tend()
    assert [record.getMessage() for record in caplog.records if "database" in record.getMessage()] == ["the database is back"]
