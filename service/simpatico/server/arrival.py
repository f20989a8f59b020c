"""When an RPC came: before its message was read, which may wait for others' a long time on a busy service.

gRPC takes RPCs in one after another, each in a round of the event loop, and keeps the rest where nobody sees them. A loop that does
milliseconds of work in every round therefore takes in no more than it has done, and what waits outside grows unseen. Who has such work
to do waits for `all_in` first.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

__all__ = ["Arrivals", "arrived_s"]

QUIET_ROUNDS = 12
"""Rounds of the loop in which nothing came: an RPC that waits outside takes two or three to come in, through a thread of gRPC's."""
LONGEST_S = 0.01
"""How long it is waited for more, at most: they may come faster than they are taken in."""

_arrived_s: ContextVar[float] = ContextVar("arrived_s")


def arrived_s() -> float:
    """Return when the RPC that this task serves came, by the event loop's clock; now, where nobody noted it."""
    return _arrived_s.get(asyncio.get_running_loop().time())


class Arrivals:
    """RPCs that came to one process."""

    def __init__(self) -> None:
        self._count = 0

    def note(self) -> None:
        """Note that the RPC that this task serves has come now."""
        self._count += 1
        _arrived_s.set(asyncio.get_running_loop().time())

    async def all_in(self, longest_s: float = LONGEST_S) -> None:
        """Wait until no more RPCs come in, or for ``longest_s``."""
        loop = asyncio.get_running_loop()
        end_s, quiet, count = loop.time() + longest_s, 0, self._count
        while quiet < QUIET_ROUNDS and loop.time() < end_s:
            await asyncio.sleep(0)
            quiet = quiet + 1 if self._count == count else 0
            count = self._count
