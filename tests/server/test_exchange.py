"""The exchange between processes: values that stand, messages that pass, a process that dies, one that does not read, one alone."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from simpatico.server import exchange as module
from simpatico.server.exchange import MAX_TOPIC_BYTES, MAX_VALUE_BYTES, Exchange, Hub, _Frame, _unpack

SOON_S = 60.0


async def until(true: Callable[[], object]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(SOON_S):
        while not true():
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def joined(count: int) -> AsyncIterator[tuple[Hub, list[Exchange]]]:
    """Yield a hub and exchanges that are joined by it, all in this process."""
    with Hub() as hub:
        members = []
        for _ in range(count):
            number, end = hub.attach()
            members.append(Exchange(number))
            members[-1].join(end)
        try:
            yield hub, members
        finally:
            for member in members:
                await member.close()


async def test_one_process_alone_needs_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socketpair", None)
    alone = Exchange()
    heard: list[bytes] = []
    unlisten = alone.listen("news", heard.append)
    with alone.subscribe("news") as news, alone.hold("call/a") as held:
        assert alone.latest("call/a") == (b"",)
        held.set(b"1")
        held.set(b"2")
        assert alone.latest("call/a") == (b"2",)
        assert alone.latest("call/b") == ()
        alone.publish("news", b"x")
        alone.publish("other", b"y")
        assert await anext(news) == b"x"
    held.set(b"3")
    held.close()
    assert alone.latest("call/a") == ()
    unlisten()
    unlisten()
    alone.publish("news", b"z")
    assert heard == [b"x"]
    await alone.close()
    assert not alone._values
    assert not alone._listeners


async def test_values_and_messages_reach_the_others() -> None:
    async with joined(3) as (_, (a, b, c)):
        with b.subscribe("news") as news:
            held = a.hold("call/é", b"1")
            await until(lambda: b.latest("call/é") == c.latest("call/é") == (b"1",))
            held.set(b"2" * 100_000)
            await until(lambda: c.latest("call/é") == (b"2" * 100_000,))
            for i in range(100):
                c.publish("news", bytes([i]))
            assert [await asyncio.wait_for(anext(news), SOON_S) for _ in range(100)] == [bytes([i]) for i in range(100)]
        held.close()
        await until(lambda: not b.latest("call/é") and not c.latest("call/é"))


async def test_values_of_two_holders_stand_beside_each_other() -> None:
    async with joined(2) as (_, (a, b)):
        with a.hold("call/a", b"1"), b.hold("call/a", b"2") as held:
            await until(lambda: len(a.latest("call/a")) == len(b.latest("call/a")) == 2)
            assert sorted(a.latest("call/a")) == [b"1", b"2"]
            held.close()
            await until(lambda: a.latest("call/a") == b.latest("call/a") == (b"1",))


async def test_a_message_is_heard_by_its_sender_at_once_and_once() -> None:
    async with joined(2) as (_, (a, b)):
        heard: list[tuple[str, bytes]] = []
        a.listen("news", lambda value: heard.append(("a", value)))
        b.listen("news", lambda value: heard.append(("b", value)))
        a.publish("news", b"x")
        assert heard == [("a", b"x")]
        await until(lambda: len(heard) == 2)
        b.publish("news", b"y")
        await until(lambda: len(heard) == 4)
        assert sorted(heard) == [("a", b"x"), ("a", b"y"), ("b", b"x"), ("b", b"y")]


async def test_who_comes_later_knows_what_stands() -> None:
    async with joined(1) as (hub, (a,)):
        held = a.hold("call/a", b"1")
        number, end = hub.attach()
        late = Exchange(number)
        before = late.hold("call/b", b"2")
        late.join(end)
        await until(lambda: late.latest("call/a") == (b"1",) and a.latest("call/b") == (b"2",))
        held.set(b"3")
        await until(lambda: late.latest("call/a") == (b"3",))
        await late.close()
        assert late.latest("call/a") == ()
        assert late.latest("call/b") == (b"2",)
        await until(lambda: not a.latest("call/b"))
        before.close()


async def test_without_the_hub_each_goes_on_alone() -> None:
    with Hub() as hub:
        number, end = hub.attach()
        a = Exchange(number)
        a.join(end)
        number, end = hub.attach()
        b = Exchange(number)
        b.join(end)
        held = a.hold("call/a", b"1")
        await until(lambda: b.latest("call/a"))
    await until(lambda: not b.latest("call/a"))
    held.set(b"2")
    a.publish("news", b"x")
    assert a.latest("call/a") == (b"2",)
    await a.close()
    await b.close()


async def test_a_listener_that_fails_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    alone = Exchange()
    heard: list[bytes] = []

    def fail(_value: bytes) -> None:
        raise RuntimeError("no")

    alone.listen("news", fail)
    alone.listen("news", heard.append)
    alone.publish("news", b"x")
    assert heard == [b"x"]
    assert "a listener failed" in caplog.text


async def test_nobody_waits_for_a_subscription_that_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 3)
    alone = Exchange()
    with alone.subscribe("news") as news:
        for i in range(5):
            alone.publish("news", bytes([i]))
        assert news.lost == 2
        assert [await anext(news) for _ in range(3)] == [b"\x02", b"\x03", b"\x04"]


async def test_of_what_waits_for_a_slow_process_the_newest_is_kept() -> None:
    """A process that does not read is one whose end of the socket nobody empties."""
    with Hub() as hub:
        number, end = hub.attach()
        a = Exchange(number)
        a.join(end)
        _, slow = hub.attach()
        # As much as the sockets between them can hold four times over, however large this machine makes them.
        size = min(MAX_VALUE_BYTES, max(50_000, slow.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) // 10))
        held = a.hold("call/a")
        for i in range(200):
            held.set(bytes([i]) * size)
            await asyncio.sleep(0)
        a.publish("news", b"last")
        buffer, frames = bytearray(), []
        slow.settimeout(SOON_S)
        while not any(frame.value == b"last" for frame in frames):
            buffer += await asyncio.to_thread(slow.recv, 1 << 20)
            frames += list(_unpack(buffer))
        values = [frame.value[:1] for frame in frames if frame.topic == "call/a"]
        assert len(values) < 200
        assert values[-1] == bytes([199])
        slow.close()
        await a.close()


@pytest.mark.parametrize(
    ("topic", "value", "message"),
    [
        ("t" * (MAX_TOPIC_BYTES + 1), b"", r"a topic of 1025 bytes; at most 1024 work"),
        ("é" * MAX_TOPIC_BYTES, b"", r"a topic of 2048 bytes"),
        ("t", bytes(MAX_VALUE_BYTES + 1), r"a value of 1048577 bytes; at most 1048576 work"),
    ],
)
def test_what_is_too_long_is_refused(topic: str, value: bytes, message: str) -> None:
    alone = Exchange()
    with pytest.raises(ValueError, match=message):
        alone.publish(topic, value)
    with pytest.raises(ValueError, match=message):
        alone.hold(topic, value)
    assert alone.latest(topic) == ()


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_frames_survive_any_cutting(size: int) -> None:
    frames = [_Frame(1, 2**63, "tópico", b"x" * 70), _Frame(2, 5), _Frame(3, 0, "n", b"\0\xff")]
    data = b"".join(frame.pack() for frame in frames)
    buffer, found = bytearray(), []
    for start in range(0, len(data), size):
        buffer += data[start : start + size]
        found += list(_unpack(buffer))
    assert found == frames
    assert not buffer


def _member(number: int, end: socket.socket) -> None:
    async def main() -> None:
        exchange = Exchange(number)
        exchange.join(end)
        held = exchange.hold("call/a", b"alive")
        with exchange.subscribe("news") as news:
            exchange.publish("up", b"")
            held.set(await anext(news))
            await asyncio.sleep(1000)

    asyncio.run(main())


async def test_what_a_killed_process_held_is_gone() -> None:
    context: Any = multiprocessing.get_context("spawn")
    async with joined(1) as (hub, (a,)):
        with a.subscribe("up") as up:
            number, end = hub.attach()
            process = context.Process(target=_member, args=(number, end))
            process.start()
            end.close()
            try:
                await asyncio.wait_for(anext(up), 60.0)
                await until(lambda: a.latest("call/a") == (b"alive",))
                a.publish("news", b"told")
                await until(lambda: a.latest("call/a") == (b"told",))
                os.kill(process.pid, signal.SIGKILL)
                await until(lambda: not a.latest("call/a"))
            finally:
                process.kill()
                process.join()
