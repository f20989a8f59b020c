"""What the processes of one service tell each other while they run: values that stand, and messages that pass. In memory only.

Rules:
1. A value stands under its topic from `hold` until its holder closes it or the holder's process ends, however that happens. `latest` gives
   the values of all processes without waiting: each process has a copy.
2. A message goes to whoever listens to its topic at that moment, in this process before `publish` returns, in the others soon after.
3. A process alone needs nothing else. Several are joined by a `Hub` in their parent, over socket pairs: no name in the file system, nothing
   on disk, nobody else can connect.
4. Nothing here waits for a slow process. For one that does not read, the newest of each value is kept, and the newest messages.
5. Without the hub (the parent has gone) each process goes on alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

__all__ = ["MAX_TOPIC_BYTES", "MAX_VALUE_BYTES", "MAX_WAITING", "Exchange", "Held", "Hub", "Subscription"]

MAX_TOPIC_BYTES = 1024
MAX_VALUE_BYTES = 1 << 20
"""A ranking of 5000 agents has a few hundred kilobytes; a style a few hundred bytes."""
MAX_WAITING = 10_000
"""Messages that wait for one process or one subscription; then the oldest goes. A minute of 150 assignments a second."""
READ_BYTES = 1 << 16
_HEAD = struct.Struct("!BQHI")
_SET, _GONE, _MESSAGE = 1, 2, 3
_PROCESS_SHIFT = 40
"""Keys of values are the process' number and a count of its own, so that they never meet."""

log = logging.getLogger(__name__)
Listener = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class _Frame:
    kind: int
    key: int = 0
    topic: str = ""
    value: bytes = b""

    def pack(self) -> bytes:
        topic = self.topic.encode()
        return _HEAD.pack(self.kind, self.key, len(topic), len(self.value)) + topic + self.value


def _unpack(buffer: bytearray) -> Iterator[_Frame]:
    """Take whole frames off the front of a buffer."""
    start = 0
    while len(buffer) - start >= _HEAD.size:
        kind, key, topic_bytes, value_bytes = _HEAD.unpack_from(buffer, start)
        body = start + _HEAD.size
        end = body + topic_bytes + value_bytes
        if len(buffer) < end:
            break
        yield _Frame(kind, key, buffer[body : body + topic_bytes].decode(), bytes(buffer[body + topic_bytes : end]))
        start = end
    del buffer[:start]


class _Link:
    """One end of a socket pair, in an event loop."""

    def __init__(self, end: socket.socket, deliver: Callable[[_Frame], None]) -> None:
        self._end = end
        self._deliver = deliver
        self._values: dict[int, _Frame] = {}
        self._messages: deque[_Frame] = deque(maxlen=MAX_WAITING)
        self._something = asyncio.Event()

    def send(self, frame: _Frame) -> None:
        """Send when the other side reads; a newer frame of a value takes the place of one that waits."""
        if frame.kind == _MESSAGE:
            self._messages.append(frame)
        else:
            self._values[frame.key] = frame
        self._something.set()

    async def run(self) -> None:
        """Carry frames until the other side has gone."""
        reader, writer = await asyncio.open_connection(sock=self._end)
        sending = asyncio.create_task(self._write(writer))
        buffer = bytearray()
        try:
            while data := await reader.read(READ_BYTES):
                buffer += data
                for frame in _unpack(buffer):
                    self._deliver(frame)
        except ConnectionError:
            pass  # the other process was killed
        finally:
            sending.cancel()
            writer.transport.abort()

    async def _write(self, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                await self._something.wait()
                self._something.clear()
                waiting = [*self._values.values(), *self._messages]
                self._values.clear()
                self._messages.clear()
                writer.write(b"".join(frame.pack() for frame in waiting))
                await writer.drain()


class Held:
    """A value that stands. Made by `Exchange.hold`; use it as a context manager, or close it."""

    def __init__(self, exchange: Exchange, key: int, topic: str) -> None:
        self._exchange, self._key, self._topic = exchange, key, topic

    def set(self, value: bytes) -> None:
        """Replace the value; nothing after `close`."""
        self._exchange._set(self._key, self._topic, value)

    def close(self) -> None:
        """Take the value away. May be called again."""
        self._exchange._drop(self._key)

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Subscription:
    """Messages of a topic from now on, as an asynchronous iterator; use it as a context manager, or close it.

    Attributes
    ----------
    lost
        Messages that were dropped, the oldest first, because nobody took them.
    """

    def __init__(self, exchange: Exchange, topic: str) -> None:
        self.lost = 0
        self._waiting: deque[bytes] = deque()
        self._something = asyncio.Event()
        self._unlisten = exchange.listen(topic, self._put)

    def _put(self, value: bytes) -> None:
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.popleft()
            self.lost += 1
        self._waiting.append(value)
        self._something.set()

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> bytes:
        while not self._waiting:
            self._something.clear()
            await self._something.wait()
        return self._waiting.popleft()

    def close(self) -> None:
        """Listen no more. May be called again."""
        self._unlisten()

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Exchange:
    """One process' part. For the event loop's thread only.

    Parameters
    ----------
    number
        Of the process, unlike that of any other process of the service.
    """

    def __init__(self, number: int = 0) -> None:
        self._keys = itertools.count(number << _PROCESS_SHIFT)
        self._own: set[int] = set()
        self._topics: dict[int, str] = {}
        self._values: dict[str, dict[int, bytes]] = {}
        self._listeners: dict[str, list[Listener]] = {}
        self._link: _Link | None = None
        self._carrying: asyncio.Task[None] | None = None

    def join(self, end: socket.socket) -> None:
        """Join the other processes over what `Hub.attach` gave; inside a running event loop."""
        self._link = _Link(end, self._receive)
        for key in self._own:
            self._link.send(_Frame(_SET, key, self._topics[key], self._values[self._topics[key]][key]))
        self._carrying = asyncio.create_task(self._carry(self._link))

    async def close(self) -> None:
        """Leave the other processes; what was held here stands no more there."""
        if self._carrying is not None:
            self._carrying.cancel()
            await asyncio.wait((self._carrying,))
            self._carrying = None

    def hold(self, topic: str, value: bytes = b"") -> Held:
        """Let a value stand under a topic, beside those that others hold there.

        Parameters
        ----------
        topic
            At most 1024 bytes of UTF-8.
        value
            At most 1 MiB.

        Raises
        ------
        ValueError
            It is longer.
        """
        _check(topic, value)
        key = next(self._keys)
        self._own.add(key)
        self._set(key, topic, value)
        return Held(self, key, topic)

    def latest(self, topic: str) -> tuple[bytes, ...]:
        """Return the values that stand under a topic, of all processes."""
        return tuple(self._values.get(topic, {}).values())

    def publish(self, topic: str, value: bytes) -> None:
        """Tell whoever listens to the topic now, in every process. Raises as `hold`."""
        _check(topic, value)
        if self._link is not None:
            self._link.send(_Frame(_MESSAGE, 0, topic, value))
        self._tell(topic, value)

    def listen(self, topic: str, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with every message of the topic from now on; return what ends that."""
        listeners = self._listeners.setdefault(topic, [])
        listeners.append(listener)

        def unlisten() -> None:
            with contextlib.suppress(ValueError):
                listeners.remove(listener)
            if not listeners and self._listeners.get(topic) is listeners:
                del self._listeners[topic]

        return unlisten

    def subscribe(self, topic: str) -> Subscription:
        """Return the messages of the topic from now on."""
        return Subscription(self, topic)

    def _set(self, key: int, topic: str, value: bytes) -> None:
        _check(topic, value)
        if key not in self._own:
            return
        self._keep(key, topic, value)
        if self._link is not None:
            self._link.send(_Frame(_SET, key, topic, value))

    def _drop(self, key: int) -> None:
        if key in self._own:
            self._own.remove(key)
            self._forget(key)
            if self._link is not None:
                self._link.send(_Frame(_GONE, key))

    def _keep(self, key: int, topic: str, value: bytes) -> None:
        self._topics[key] = topic
        self._values.setdefault(topic, {})[key] = value

    def _forget(self, key: int) -> None:
        topic = self._topics.pop(key, None)
        if topic is not None:
            del self._values[topic][key]
            if not self._values[topic]:
                del self._values[topic]

    def _tell(self, topic: str, value: bytes) -> None:
        for listener in tuple(self._listeners.get(topic, ())):
            try:
                listener(value)
            except Exception:
                log.exception("a listener failed")

    def _receive(self, frame: _Frame) -> None:
        if frame.kind == _SET:
            self._keep(frame.key, frame.topic, frame.value)
        elif frame.kind == _GONE:
            self._forget(frame.key)
        else:
            self._tell(frame.topic, frame.value)

    async def _carry(self, link: _Link) -> None:
        try:
            await link.run()
        finally:
            self._link = None
            for key in self._topics.keys() - self._own:
                self._forget(key)


def _check(topic: str, value: bytes) -> None:
    if len(topic.encode()) > MAX_TOPIC_BYTES:
        raise ValueError(f"a topic of {len(topic.encode())} bytes; at most {MAX_TOPIC_BYTES} work")
    if len(value) > MAX_VALUE_BYTES:
        raise ValueError(f"a value of {len(value)} bytes; at most {MAX_VALUE_BYTES} work")


class Hub:
    """Passes frames between processes, on a thread of their parent. Use it as a context manager."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="simpatico-exchange", daemon=True)
        self._links: set[_Link] = set()
        self._held: dict[int, tuple[_Link, _Frame]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Hub:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def attach(self) -> tuple[int, socket.socket]:
        """Return the number of a new process and its end of a connection; close that here once the process has it."""
        ours, theirs = socket.socketpair()
        self._loop.call_soon_threadsafe(self._add, ours)
        return next(self._numbers), theirs

    def _add(self, end: socket.socket) -> None:
        link = _Link(end, lambda frame: self._pass_on(link, frame))
        self._links.add(link)
        for _, frame in self._held.values():
            link.send(frame)
        task = asyncio.ensure_future(self._serve(link))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, link: _Link) -> None:
        try:
            await link.run()
        finally:
            self._links.discard(link)
            for key in [key for key, (holder, _) in self._held.items() if holder is link]:
                self._pass_on(link, _Frame(_GONE, key))

    def _pass_on(self, sender: _Link, frame: _Frame) -> None:
        if frame.kind == _SET:
            self._held[frame.key] = (sender, frame)
        elif frame.kind == _GONE:
            self._held.pop(frame.key, None)
        for link in self._links - {sender}:
            link.send(frame)

    async def _stop(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
