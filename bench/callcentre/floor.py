"""The floor: who is free, who waits, who takes the call. Many runs side by side, one call at a time.

Callers are served first come, first served: call i starts when it arrives, or, if all agents are busy, when the first of them is free.
So calls start in order of arrival, and one pass over the calls is the whole simulation. A policy sees the free agents, longest idle
first (the neutral order).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.callcentre.world import Calls, Centre, qualities

__all__ = ["Floor", "Moment", "Result", "simulate"]

Float = NDArray[np.float64]
MEMORY_S = 3600.0
"""Time constant of the occupancy that the ACD reports."""


@dataclass(frozen=True)
class Moment:
    """One call of every run, about to be routed. ``free`` bool [S, A]; ``occupancy``, ``idle_s``, ``quality`` [S, A]; ``start_s`` [S]."""

    index: int
    start_s: Float
    free: NDArray[np.bool_]
    idle_s: Float
    occupancy: Float
    quality: Float


@dataclass(frozen=True)
class Result:
    """What came of it: per call [S, N] the agent, the true chance, whether it went well, rating (nan without), wait and handling time;
    ``worked`` [S, A] is each agent's occupancy over the whole run."""

    agent: NDArray[np.intp]
    quality: Float
    settled: NDArray[np.bool_]
    rating: Float
    wait_s: Float
    handle_s: Float
    start_s: Float
    worked: Float


Choose = Callable[[Moment], NDArray[np.intp]]
Learn = Callable[[NDArray[np.intp], NDArray[np.bool_], Float, Float], None]


@dataclass
class Floor:
    """Agents' state: when each is free [S, A], their recent occupancy, their total work."""

    free_at: Float
    occupancy: Float
    worked_s: Float
    now: Float

    def advance(self, to_s: Float) -> None:
        """Let time pass, exactly: occupancy decays and grows while an agent is busy."""
        step = (to_s - self.now)[:, None]
        busy_until = np.clip(self.free_at, self.now[:, None], to_s[:, None])
        decay = np.exp(-step / MEMORY_S)
        self.occupancy *= decay
        self.occupancy += np.exp(-(to_s[:, None] - busy_until) / MEMORY_S) - decay
        self.now = to_s


def simulate(centre: Centre, calls: Calls, choose: Choose, learn: Learn | None = None) -> Result:
    """Run all calls of all runs under a policy; ``learn`` hears of each outcome at once."""
    runs, count = calls.arrival_s.shape
    agents, settings = centre.level.shape[1], centre.settings
    rows = np.arange(runs)
    floor = Floor(np.zeros((runs, agents)), np.full((runs, agents), settings.occupancy), np.zeros((runs, agents)), np.zeros(runs))
    floor.free_at -= np.random.default_rng(0).random((runs, agents)) * 60.0  # a first order of idleness
    kept: dict[str, list[Float]] = {name: [] for name in ("agent", "quality", "settled", "rating", "wait", "handle", "start")}
    for i in range(count):
        start = np.maximum(calls.arrival_s[:, i], floor.free_at.min(axis=1))
        floor.advance(np.maximum(start, floor.now))
        quality = qualities(centre, calls, i)
        idle = start[:, None] - floor.free_at
        agent = choose(Moment(i, start, idle >= 0.0, idle, floor.occupancy.clip(0.0, 1.0), quality))
        chance = quality[rows, agent]
        settled = calls.luck[:, i] < chance
        stars = np.clip(np.rint(1 + 4 * chance + calls.rating[:, i]), 1, 5)
        rating = np.where(calls.rated[:, i], stars, np.nan)
        # Calls that suit go a little quicker.
        handle = settings.handle_s * np.exp(settings.handle_spread * calls.length[:, i] - 0.3 * (chance - 0.62))
        floor.free_at[rows, agent] = start + handle
        floor.worked_s[rows, agent] += handle
        for name, value in zip(kept, (agent, chance, settled, rating, start - calls.arrival_s[:, i], handle, start), strict=True):
            kept[name].append(np.asarray(value))
        if learn is not None:
            learn(agent, settled, rating, handle)
    parts = [np.stack(values, axis=1) for values in kept.values()]
    return Result(*parts, floor.worked_s / floor.now[:, None])  # type: ignore[arg-type]
