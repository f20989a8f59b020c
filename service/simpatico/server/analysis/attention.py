"""How long a stream was attended to, which is what its client is held to: while the service does not read, nobody can be heard.

The service does not read a stream while too much of it waits for analysis or for the client, and while the event loop stands still (a
busy or suspended machine). What the client sends meanwhile comes later and all at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Attention", "Moment"]


class Moment(NamedTuple):
    """A time of a stream: ``now_s`` of a monotonic clock, ``attended_s`` of a clock that stands still while the service does not read."""

    now_s: float
    attended_s: float


class Attention:
    """Watches whether a stream is read.

    Parameters
    ----------
    clock
        Seconds of a monotonic clock.
    loop_clock
        Seconds of the clock that the event loop sleeps by.
    """

    def __init__(self, clock: Callable[[], float], loop_clock: Callable[[], float]) -> None:
        self._clock, self._loop_clock = clock, loop_clock
        self._missed_s = 0.0
        self._away_since_s: float | None = clock()
        self._due_s = math.inf

    def begin(self) -> None:
        """Note that the stream is read from now on."""
        self._look_at_the_loop()
        if self._away_since_s is not None:
            self._missed_s += self._clock() - self._away_since_s
            self._away_since_s = None

    def end(self) -> None:
        """Note that something was read, and that no more is read for now."""
        self._look_at_the_loop()
        self._away_since_s = self._clock()

    def sleep(self, seconds: float) -> None:
        """Note that the caller, who calls `moment` when it wakes up, sleeps for ``seconds``: the loop stands still when it is late."""
        self._due_s = self._loop_clock() + seconds

    def moment(self) -> Moment:
        """Return what time it is."""
        self._look_at_the_loop()
        now_s = self._clock()
        return Moment(now_s, (now_s if self._away_since_s is None else self._away_since_s) - self._missed_s)

    def _look_at_the_loop(self) -> None:
        """Count as missed what the loop is late, unless the stream was not read anyway."""
        late_s = self._loop_clock() - self._due_s
        if late_s > 0.0:
            self._due_s += late_s
            if self._away_since_s is None:
                self._missed_s += late_s
