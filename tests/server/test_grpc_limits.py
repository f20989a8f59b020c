"""Limits of StreamAnalyze over real sockets: speed, length, numbers, idleness, slow analysis and slow readers."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import grpc
import pytest

from simpatico.client import CallFailed, Chunk, Event, Final, Interim, Ready
from simpatico.errors import RemoteError
from simpatico.server.analysis.open_call import JOB_BYTES
from simpatico.server.analysis.outbox import HARD_LIMIT
from simpatico.server.analysis.session import CallPlan
from simpatico.server.analysis.stream import Stream
from simpatico.types import AudioFormat
from simpatico.v1 import analysis_service_pb2 as pb
from tests.server.calls import RATE_HZ, STEREO, TIMEOUT_S, begin, cut, failure, noise, of, rest_of
from tests.server.fakes import FakeAnalyzer, expected_final
from tests.server.running import Clock, Running, Start


def waits(go_on: threading.Event) -> Callable[[str], None]:
    """Return what makes an analyzer wait until it may go on."""

    def wait(call_id: str) -> None:
        assert go_on.wait(TIMEOUT_S), call_id

    return wait


async def settled(number: Callable[[], int], *, above: int) -> int:
    """Return the number once it is above something, and then has been the same for a while."""
    before, same = 0, 0
    async with asyncio.timeout(TIMEOUT_S):
        while same < 10:
            await asyncio.sleep(0.05)
            same = same + 1 if number() == before > above else 0
            before = number()
    return before


def weight(server: Running) -> int:
    """Return the bytes that wait for analysis on all streams."""
    return sum(call.lane.weight for stream in server.application.shared.streams for call in stream._calls.values())


async def test_audio_faster_than_allowed(start: Start) -> None:
    clock = Clock()
    server = await start(clock=clock, realtime_factor=2.0, burst_s=5.0)
    samples = noise(8.0)
    async with server.client() as client, client.stream() as stream:
        updates = aiter(stream)
        for call_id in ("fast", "slow"):
            await begin(stream, call_id, options={"no_interims": True})
            await stream.send([Chunk(call_id, 0, samples[: 5 * RATE_HZ].tobytes())])
            await stream.mark(call_id, "taken")
            ready = await anext(updates)
            assert isinstance(ready, Ready)
            assert (ready.realtime_factor, ready.burst_s) == (2.0, 5.0)
            assert isinstance(await anext(updates), Event)
        await stream.send([Chunk("fast", 5 * RATE_HZ, samples[5 * RATE_HZ :].tobytes())])
        failed = await anext(updates)
        clock.now_s += 1.5
        await stream.send([Chunk("slow", 5 * RATE_HZ, samples[5 * RATE_HZ :].tobytes())])
        await stream.end("slow")
        assert await anext(updates) == Final("slow", expected_final("slow", samples, STEREO), "end", {})
    assert isinstance(failed, CallFailed)
    assert (failed.error.status, failed.error.reason) == ("RESOURCE_EXHAUSTED", "RATE_LIMIT")
    assert failed.error.retry_after_s == 1.5
    with pytest.raises(
        RemoteError, match=r"3 s of audio came where 0 s were left: .* 2 times real time and 5 s at once .* send it 1.5 s later"
    ):
        raise failed.error


async def test_calls_that_are_too_long(start: Start) -> None:
    server = await start(call_length_s=2.0)
    async with server.client() as client, client.stream() as stream:
        await begin(stream, "a")
        await stream.send(cut("a", noise(2.1)))
        await begin(stream, "b")
        await stream.pause("b")
        await stream.send([Chunk("b", 10**18, b"")])
        updates = await rest_of(stream)
    for call_id, seconds in (("a", "2.1"), ("b", "1.25e.14")):
        error = failure(updates, call_id)
        assert (error.status, error.reason) == ("RESOURCE_EXHAUSTED", "STREAM_TOO_LONG")
        with pytest.raises(RemoteError, match=f"{seconds} s of the call, and 2 s is the limit .* raise limits.call_length_s"):
            raise error


async def test_too_many_calls_on_a_stream_and_in_the_process(start: Start) -> None:
    server = await start(calls=3, calls_per_stream=2)
    async with server.client() as client, client.stream() as one, client.stream() as other:
        for call_id in ("1", "2", "3"):
            await begin(one, call_id)
        first = [await anext(aiter_) for aiter_ in [aiter(one)] * 3]
        for call_id in ("4", "5"):
            await begin(other, call_id)
        second = [await anext(aiter_) for aiter_ in [aiter(other)] * 2]
        updates = await rest_of(one)
    with pytest.raises(RemoteError, match="2 calls are open on this stream"):
        raise failure(first, "3")
    error = failure(second, "5")
    assert (error.status, error.reason, error.retry_after_s) == ("RESOURCE_EXHAUSTED", "SESSION_LIMIT", 5.0)
    with pytest.raises(RemoteError, match=r"3 calls are open, .* raise limits.calls"):
        raise error
    assert len([u for u in updates if isinstance(u, Final)]) == 2
    async with asyncio.timeout(TIMEOUT_S):
        while server.application.shared.open_calls:
            await asyncio.sleep(0.01)


async def test_too_many_streams(start: Start) -> None:
    server = await start(streams=1)
    async with server.client() as client, client.stream() as one:
        await begin(one, "a")
        await anext(aiter(one))  # admitted: only now may the other come
        async with client.stream() as other:
            with pytest.raises(RemoteError, match=r"1 streams are open, .* raise limits.streams") as caught:
                await anext(aiter(other))
        assert isinstance((await rest_of(one))[-1], Final)
    assert (caught.value.status, caught.value.reason, caught.value.retry_after_s) == ("RESOURCE_EXHAUSTED", "SESSION_LIMIT", 5.0)


async def test_idle_calls_are_given_up_and_paused_ones_later(start: Start) -> None:
    clock = Clock()
    server = await start(clock=clock, call_idle_s=1.0, call_paused_s=500.0)
    async with server.client() as client, client.stream() as stream:
        updates = aiter(stream)
        await begin(stream, "idle")
        await begin(stream, "paused")
        await stream.pause("paused")
        for _ in range(3):
            await anext(updates)
        clock.now_s += 100.0
        async with asyncio.timeout(TIMEOUT_S):
            idle = await anext(updates)
        clock.now_s += 1000.0
        async with asyncio.timeout(TIMEOUT_S):
            paused = await anext(updates)
    for failed, call_id, message in (
        (idle, "idle", "for 1 s: .* limits.call_idle_s"),
        (paused, "paused", "for 500 s: .* limits.call_paused_s"),
    ):
        assert isinstance(failed, CallFailed)
        assert (failed.call_id, failed.error.status, failed.error.reason) == (call_id, "DEADLINE_EXCEEDED", "IDLE_TIMEOUT")
        with pytest.raises(RemoteError, match=message):
            raise failed.error


async def test_an_idle_call_is_given_up_on_a_busy_stream(start: Start) -> None:
    clock = Clock()
    server = await start(clock=clock, call_idle_s=100.0)
    async with server.client() as client, client.stream() as stream:
        updates = aiter(stream)
        await begin(stream, "idle")
        await begin(stream, "busy")
        for _ in range(2):
            await anext(updates)
        for _ in range(2):
            clock.now_s += 60.0
            await stream.mark("busy", "still here")
        seen = []
        async with asyncio.timeout(TIMEOUT_S):
            while not seen or not isinstance(seen[-1], CallFailed):
                seen.append(await anext(updates))
        await stream.end("busy")
        assert [type(update) for update in await rest_of(stream)][-1:] == [Final]
    failed = seen[-1]
    assert isinstance(failed, CallFailed)
    assert (failed.call_id, failed.error.reason) == ("idle", "IDLE_TIMEOUT")


async def test_a_stall_of_the_service_counts_against_nobody(start: Start) -> None:
    """As when the machine is suspended: what the client sent meanwhile at the fastest pace comes at once, and no time-out has passed."""
    burst_s = idle_s = 1.0
    stall_s = 3.0
    server = await start(realtime_factor=2.0, burst_s=burst_s, call_idle_s=idle_s, stream_idle_s=2.0)
    samples = noise(2.0 * (stall_s - idle_s))
    async with server.client() as client, client.stream() as stream:
        updates = aiter(stream)
        await begin(stream, "a", options={"no_interims": True})
        assert isinstance(await anext(updates), Ready)
        time.sleep(stall_s)  # the loop is kept on purpose
        for chunk in cut("a", samples, RATE_HZ // 10):
            await stream.send([chunk])
        await stream.end("a")
        assert await anext(updates) == Final("a", expected_final("a", samples, STEREO), "end", {})


@pytest.mark.parametrize(
    ("limits", "status", "reason", "message"),
    [
        ({"stream_idle_s": 1.0}, "DEADLINE_EXCEEDED", "IDLE_TIMEOUT", "nothing came on the stream for 1 s"),
        ({"stream_length_s": 1.0}, "RESOURCE_EXHAUSTED", "STREAM_TOO_LONG", "older than 1 s"),
    ],
)
async def test_faults_of_the_stream_end_it_with_a_status(
    start: Start, limits: dict[str, float], status: str, reason: str, message: str
) -> None:
    clock = Clock()
    server = await start(clock=clock, **limits)
    async with server.client() as client, client.stream() as stream:
        updates = aiter(stream)
        await begin(stream, "a")
        await anext(updates)
        clock.now_s += 1.5
        with pytest.raises(RemoteError, match=message) as caught:
            async with asyncio.timeout(TIMEOUT_S):
                await anext(updates)
    assert (caught.value.status, caught.value.reason) == (status, reason)
    assert server.application.shared.open_calls == 0


async def test_the_service_stops_reading_when_analysis_cannot_keep_up(start: Start) -> None:
    """With one slow call, no more than the backlog and one message are taken; when it goes on, nothing is lost."""
    go_on = threading.Event()
    plans: list[CallPlan] = []

    def factory(plan: CallPlan, audio: AudioFormat) -> FakeAnalyzer:
        plans.append(plan)
        return FakeAnalyzer(plan, audio, waits(go_on))

    server = await start(factory, backlog_bytes=200_000)
    samples = noise(60.0)
    async with server.client() as client, client.stream() as stream:
        await begin(stream, "a", options={"no_interims": True})

        async def send() -> None:
            for chunk in cut("a", samples, 8000):
                await stream.send([chunk])

        sending = asyncio.create_task(send())
        waiting = await settled(lambda: weight(server), above=200_000)
        assert 200_000 < waiting <= 200_000 + 2 * 64_000 + JOB_BYTES
        go_on.set()
        await sending
        updates = await rest_of(stream)
    assert updates[-1] == Final("a", expected_final("a", samples, STEREO), "closed", {})


async def test_a_call_is_not_idle_while_the_service_does_not_read(start: Start) -> None:
    clock, go_on = Clock(), threading.Event()

    def factory(plan: CallPlan, audio: AudioFormat) -> FakeAnalyzer:
        return FakeAnalyzer(plan, audio, waits(go_on))

    server = await start(factory, clock=clock, backlog_bytes=10_000, call_idle_s=1.0)
    samples = noise(2.0)
    async with server.client() as client, client.stream() as stream:
        await begin(stream, "a", options={"no_interims": True})
        for chunk in cut("a", samples, 4000):
            await stream.send([chunk])
        assert await settled(lambda: weight(server), above=10_000), "the service does not read"
        clock.now_s += 100.0
        await asyncio.sleep(0.6)  # more than twice as long as it takes until the service looks at the time
        go_on.set()
        updates = await rest_of(stream)
    assert updates[-1] == Final("a", expected_final("a", samples, STEREO), "closed", {})


async def test_the_service_stops_reading_when_the_client_does_not(start: Start) -> None:
    """Of marks, none may be dropped, so no more of them are taken than may wait: for the client, and for analysis before that.

    Without a socket, whose buffers would take thousands.
    """
    before_analysis = 100
    server = await start(backlog_bytes=before_analysis * JOB_BYTES)
    marks = 3 * HARD_LIMIT
    taken, written = 0, list[str]()
    client_reads = asyncio.Event()

    async def read() -> object:
        nonlocal taken
        taken += 1
        await asyncio.sleep(0)
        if taken == 1:
            raw = pb.RawAudioFormat(encoding="l16", sample_rate_hz=RATE_HZ, channels=1)
            return pb.StreamAnalyzeRequest(start=pb.StartCall(call_id="a", format=raw))
        if taken > marks + 1:
            return grpc.aio.EOF
        return pb.StreamAnalyzeRequest(control=pb.CallControl(call_id="a", mark=pb.Mark(label=str(taken - 2))))

    async def write(response: pb.StreamAnalyzeResponse) -> None:
        await client_reads.wait()
        if response.HasField("event"):
            written.append(response.event.label)

    running = asyncio.create_task(Stream(server.application.shared, read, write).run())
    outside = 5  # start and ready, one being read, one being written, one over the backlog
    assert HARD_LIMIT < await settled(lambda: taken, above=HARD_LIMIT) <= HARD_LIMIT + before_analysis + outside
    client_reads.set()
    await asyncio.wait_for(running, TIMEOUT_S)
    assert written == [str(k) for k in range(marks)]


async def test_a_client_that_does_not_read_gets_the_newest_interims_and_every_final(start: Start) -> None:
    server = await start()
    samples = noise(600.0, channels=1)
    async with server.client() as client, client.stream() as stream:
        for call_id in ("a", "b"):
            await begin(stream, call_id, channels=1, options={"full_interims": True, "interim_period_s": 0.5})
        chunks = [cut(call_id, samples, 8000) for call_id in ("a", "b")]
        for pair in zip(*chunks, strict=True):
            await stream.send(pair)
        updates = await rest_of(stream)
    mono = AudioFormat(RATE_HZ, 1, "f32")
    finals = {u.call_id: u.analysis for u in updates if isinstance(u, Final)}
    assert finals == {call_id: expected_final(call_id, samples, mono) for call_id in ("a", "b")}
    for call_id in ("a", "b"):
        times = [u.analysis.call.duration_s for u in of(updates, call_id) if isinstance(u, Interim)]
        assert times == sorted(times)
        assert times[-1] == 600.0
