"""Answers on their way to a client that may be slow. No I/O.

Nothing is lost but interim results: once `SOFT_LIMIT` answers wait, a newer interim of a call takes the place of the one before. So what
waits is bounded by the number
of calls and by what the client itself asked for; when that reaches `HARD_LIMIT`, nothing more is read from the client until it reads.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from simpatico.v1 import analysis_service_pb2 as pb

__all__ = ["HARD_LIMIT", "SOFT_LIMIT", "Outbox"]

SOFT_LIMIT = 256
"""Answers; at one interim per second, four minutes of one call, or half a second of five hundred."""
HARD_LIMIT = 4 * SOFT_LIMIT


class Outbox:
    """A queue with one reader."""

    def __init__(self) -> None:
        self._queue: OrderedDict[int, pb.StreamAnalyzeResponse] = OrderedDict()
        self._interims: dict[str, int] = {}
        self._next = 0
        self._closed = False
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, response: pb.StreamAnalyzeResponse) -> None:
        """Queue an answer."""
        if response.WhichOneof("response") == "interim":
            before = self._interims.get(response.call_id)
            if before is not None and len(self._queue) >= SOFT_LIMIT:
                del self._queue[before]
            self._interims[response.call_id] = self._next
        self._queue[self._next] = response
        self._next += 1
        self._changed.set()
        if len(self._queue) >= HARD_LIMIT:
            self._room.clear()

    def close(self) -> None:
        """Say that nothing more will be put."""
        self._closed = True
        self._changed.set()

    async def get(self) -> pb.StreamAnalyzeResponse | None:
        """Return the next answer, or None after the last."""
        while not self._queue:
            if self._closed:
                return None
            self._changed.clear()
            await self._changed.wait()
        number, response = self._queue.popitem(last=False)
        if self._interims.get(response.call_id) == number:
            del self._interims[response.call_id]
        if len(self._queue) < HARD_LIMIT:
            self._room.set()
        return response

    async def room(self) -> None:
        """Wait until the client has read enough."""
        await self._room.wait()
