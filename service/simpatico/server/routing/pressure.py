"""How long rankings take now, and so whether one more can be in time: what will be late is answered neutrally at once.

Rankings are computed one after another in the event loop's thread, so a backlog makes all of them late; each that is given up early leaves
its time to the others. Three things are known: how much longer than usual the arithmetic took lately, how soon at best one ranking follows
another while some wait (which has everything in it: other calls' audio, decisions being written, the other side of the interpreter's lock),
and how late the event loop is. What was measured long ago counts less and less, and with nothing waiting a ranking is always tried: no
reading can shut the service.

References
----------
Newey, W. K. & Powell, J. L. (1987). Asymmetric least squares estimation and testing. Econometrica 55(4), 819-847.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ["Pressure"]

WEIGHT = 0.1
"""Of the newest reading: the last twenty rankings rule, a tenth of a second of a busy service."""
SHORTER, LONGER = 0.2, 0.05
"""The same of the time from one ranking to the next, by which it is: while some wait for the database, rankings end as seldom as requests
come, and only those that follow at once tell what the service can do. Their ratio makes it the expectile of a fifth."""
HALF_LIFE_S = 1.0
"""In which an old reading loses half of its say."""
USUAL_S, USUAL_AGENT_S = 1.5e-3, 1.5e-6
"""What a ranking with its counterfactuals takes when it comes alone, and each agent on top, seconds: `python -m bench.ranking_threads`,
from 10 to 5,000 agents (decision 0197). Other machines and loads are told from it by a factor, so that rankings of few agents say nothing
wrong of those of many: little of their time is the agents'."""
TICK_S = 0.005
"""How often the loop is asked how late it is, while rankings come."""
QUIET_S = 1.0
"""After so long without a ranking nobody asks any more."""
RESERVE = 0.2
"""Share of the time left that is not counted on: readings are averages."""


class Pressure:
    """For the event loop's thread only.

    Parameters
    ----------
    clock
        Seconds of a monotonic clock; by default the running loop's.
    """

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._factor = 1.0
        self._computed_s = -1e9
        self._between_s = 0.0
        self._measured_s = -1e9
        self._last_done_s = -1e9
        self._was_waiting = False
        self._due_s = -1e9
        self._lag_s = 0.0
        self._asked_s = -1e9
        self.waiting = 0

    def arithmetic_s(self, agents: int) -> float:
        """Return how long the arithmetic of one ranking takes. Without new readings that becomes the usual time again."""
        now_s = self._clock()
        age: float = 0.5 ** ((now_s - self._computed_s) / HALF_LIFE_S)
        return _usual_s(agents) * (1.0 + (self._factor - 1.0) * age)

    def is_late(self, end_s: float, agents: int) -> bool:
        """Whether a ranking that begins now would not be answered before ``end_s``, as far as can be told."""
        if not self.waiting:
            return False
        now_s = self._clock()
        age: float = 0.5 ** ((now_s - self._measured_s) / HALF_LIFE_S)
        each_s: float = max(self.arithmetic_s(agents), self._between_s * age)
        return (self.waiting + 1) * each_s > (end_s - now_s) * (1.0 - RESERVE)

    def began(self) -> None:
        """Count a ranking in."""
        self.waiting += 1

    def computed(self, agents: int, seconds: float) -> None:
        """Note how long the arithmetic took."""
        self._factor += WEIGHT * (seconds / _usual_s(agents) - self._factor)
        self._computed_s = self._clock()

    def ended(self) -> None:
        """Count a ranking out."""
        now_s = self._clock()
        if self._was_waiting:
            longer_s = now_s - self._last_done_s - self._between_s
            self._between_s += (LONGER if longer_s > 0.0 else SHORTER) * longer_s
            self._measured_s = now_s
        self.waiting -= 1
        self._was_waiting, self._last_done_s = self.waiting > 0, now_s

    def lag_s(self) -> float:
        """Return how long a request that is seen now may have waited for the loop; also keeps the loop asked for a while."""
        now_s = self._clock()
        running = now_s - self._asked_s < QUIET_S
        self._asked_s = now_s
        if not running:
            self._lag_s = 0.0
            self._tick_at(now_s + TICK_S)
            return 0.0
        return max(self._lag_s, now_s - self._due_s, 0.0)

    def _tick_at(self, due_s: float) -> None:
        self._due_s = due_s
        asyncio.get_running_loop().call_at(due_s, self._tick)

    def _tick(self) -> None:
        now_s = self._clock()
        self._lag_s = now_s - self._due_s
        if now_s - self._asked_s < QUIET_S:
            self._tick_at(now_s + TICK_S)


def _usual_s(agents: int) -> float:
    return USUAL_S + agents * USUAL_AGENT_S
