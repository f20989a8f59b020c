"""Streams that end: the service drains, the service ends them, the client goes away."""

from __future__ import annotations

import asyncio
import logging

import pytest

from simpatico.client import CallFailed, CallStream, Chunk, Drain, Final, Ready
from simpatico.errors import RemoteError
from simpatico.server.analysis import stream as stream_module
from tests.server.calls import STEREO, TIMEOUT_S, begin, cut, noise, rest_of
from tests.server.fakes import expected_final
from tests.server.running import Clock, Running, Start


async def test_drain_is_announced_new_calls_are_refused_and_finals_are_sent(start: Start) -> None:
    server = await start(server__drain_grace_s=60.0)
    samples = noise(0.5)
    async with server.client() as client, client.stream() as busy, client.stream() as empty:
        updates = aiter(busy)
        await begin(busy, "open")
        await busy.send(cut("open", samples))
        await anext(updates)
        await begin(empty, "x")
        await empty.end("x")
        nothing_left = aiter(empty)
        assert [type(await anext(nothing_left)) for _ in range(2)] == [Ready, Final]
        draining = asyncio.create_task(server.application.drain())
        assert await anext(nothing_left) == Drain("", 60.0)
        assert await rest_of(empty) == []
        assert await anext(updates) == Drain("open", 60.0)
        await begin(busy, "new")
        refused = await anext(updates)
        server.application.hurry()
        assert await anext(updates) == Final("open", expected_final("open", samples, STEREO), "drain", {})
        assert [u async for u in updates] == []
        await draining
    assert isinstance(refused, CallFailed)
    assert (refused.error.status, refused.error.reason, refused.error.retry_after_s) == ("UNAVAILABLE", "DRAINING", 1.0)


async def test_a_drain_ends_as_soon_as_the_last_call_has(start: Start) -> None:
    server = await start(server__drain_grace_s=60.0)
    async with server.client() as client, client.stream() as stream:
        updates = aiter(stream)
        await begin(stream, "a")
        await anext(updates)
        draining = asyncio.create_task(server.application.drain())
        assert await anext(updates) == Drain("a", 60.0)
        await stream.end("a")
        final = await anext(updates)
        assert isinstance(final, Final)
        assert final.ended_by == "end"
        async with asyncio.timeout(TIMEOUT_S):
            assert [u async for u in updates] == []
            await draining


async def test_hurry_cuts_the_grace_short(start: Start) -> None:
    server = await start(server__drain_grace_s=3600.0)
    async with server.client() as client, client.stream() as stream:
        updates = aiter(stream)
        await begin(stream, "a")
        await anext(updates)
        draining = asyncio.create_task(server.application.drain())
        await anext(updates)
        server.application.hurry()
        async with asyncio.timeout(TIMEOUT_S):
            final = await anext(updates)
            await draining
    assert isinstance(final, Final)
    assert final.ended_by == "drain"


async def test_writing_to_a_stream_that_the_service_ended_says_so(start: Start) -> None:
    """Whether the status itself arrives before a write fails is a race inside gRPC; either way the error is clear."""
    clock = Clock()
    server = await start(clock=clock, stream_length_s=1.0)

    async def write_on(stream: CallStream) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                await stream.mark("a", "still there?")
                await asyncio.sleep(0.02)

    async with server.client() as client, client.stream() as stream:
        await begin(stream, "a")
        await anext(aiter(stream))
        clock.now_s += 2.0
        with pytest.raises(RemoteError, match=r"older than 1 s|the service closed the stream") as caught:
            await write_on(stream)
    assert caught.value.reason in {"STREAM_TOO_LONG", "CLOSED"}


async def test_no_final_is_lost_by_a_client_that_writes_while_the_service_drains(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "LINGER_S", TIMEOUT_S)
    server = await start(server__drain_grace_s=0.1)
    async with server.client() as client, client.stream() as stream:
        for k in range(20):
            await begin(stream, str(k))

        tenth = noise(0.1)

        async def write_on() -> None:
            first = 0
            while True:
                await stream.send([Chunk(str(k), first, tenth.tobytes()) for k in range(20)])
                first += len(tenth)
                await asyncio.sleep(0.001)

        writing = asyncio.create_task(write_on())
        async with asyncio.timeout(TIMEOUT_S):
            while server.application.shared.open_calls < 20:
                await asyncio.sleep(0.01)
        draining = asyncio.create_task(server.application.drain())
        finals = set()
        async with asyncio.timeout(TIMEOUT_S):
            async for update in stream:
                if isinstance(update, Final):
                    assert update.ended_by == "drain"
                    finals.add(update.call_id)
                if len(finals) == 20:
                    break
        assert not writing.done()
        writing.cancel()
        await stream.close()
        await draining
    assert len(finals) == 20


async def test_a_client_that_goes_away_frees_everything_and_leaves_one_line(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    server = await start()
    shared = server.application.shared
    async with server.client() as client, client.stream() as stream:
        updates = aiter(stream)
        for k in range(10):
            await begin(stream, str(k))
            await stream.send(cut(str(k), noise(0.5)))
        await anext(updates)
        async with asyncio.timeout(TIMEOUT_S):
            while shared.open_calls < 10:
                await asyncio.sleep(0.01)
    async with asyncio.timeout(TIMEOUT_S):
        while shared.streams or shared.open_calls:
            await asyncio.sleep(0.01)
    (record,) = (r for r in caplog.records if "cancelled" in r.message)
    assert record.levelname == "INFO"
    assert vars(record)["simpatico_fields"] == {"calls": 10}


async def test_a_client_that_has_its_finals_goes_quietly(server: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    shared = server.application.shared
    async with server.client() as client, client.stream() as stream:
        await begin(stream, "a")
        await stream.send(cut("a", noise(0.5)))
        await stream.end("a")
        async for update in stream:
            if isinstance(update, Final):
                break
    async with asyncio.timeout(TIMEOUT_S):
        while shared.streams:
            await asyncio.sleep(0.01)
    assert not [r for r in caplog.records if "cancelled" in r.message]


async def test_a_deadline_ends_the_stream_and_frees_everything(server: Running) -> None:
    shared = server.application.shared
    async with server.client() as client, client.stream(timeout_s=0.5) as stream:

        async def listen() -> None:
            await begin(stream, "a")
            async for _ in stream:
                pass

        with pytest.raises(RemoteError, match="DEADLINE_EXCEEDED") as caught:
            await listen()
        async with asyncio.timeout(TIMEOUT_S):
            while shared.streams or shared.open_calls:
                await asyncio.sleep(0.01)
    assert caught.value.status == "DEADLINE_EXCEEDED"


async def test_a_new_stream_is_refused_while_draining(start: Start) -> None:
    server = await start(server__drain_grace_s=60.0)
    async with server.client() as client, client.stream() as open_one:
        updates = aiter(open_one)
        await begin(open_one, "a")
        await anext(updates)
        draining = asyncio.create_task(server.application.drain())
        await anext(updates)
        with pytest.raises(RemoteError, match="takes no new calls: connect again") as caught:
            await anext(aiter(client.stream()))
        await open_one.close()
        await draining
    assert (caught.value.status, caught.value.reason, caught.value.retry_after_s) == ("UNAVAILABLE", "DRAINING", 1.0)
