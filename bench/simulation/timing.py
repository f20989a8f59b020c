"""Who speaks when: ticks of the two-party influence model with known weights, and talkers who do not hear each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "FOLLOW",
    "HALF_YIELD",
    "STAY",
    "TICK_S",
    "YIELD",
    "Coupling",
    "follower_ticks",
    "independent_talker",
    "influence_ticks",
    "ticks_to_times",
]

TICK_S = 0.5
_BURN_IN = 60
"""Ticks thrown away before the first: the chain forgets its start within about 20."""

Bools = NDArray[np.bool_]
Times = list[tuple[float, float]]

STAY = (0.12, 0.88)
"""P(speak | own silence), P(speak | own speech) of the own table: spells of speech and of silence last 4 s on average."""
YIELD = (0.88, 0.12)
"""P(speak | other's silence), P(speak | other's speech): speak when the other is silent. Reacts as strongly as STAY."""
FOLLOW = (0.12, 0.88)
"""Speak when the other spoke. Reacts as strongly as STAY."""
HALF_YIELD = (0.69, 0.31)
"""YIELD at half strength: a table that breaks the assumption of equally strong tables."""


@dataclass(frozen=True, slots=True)
class Coupling:
    """One party of the influence model: weight ``a`` of the other, own table and the other's table as (P(speak | 0), P(speak | 1))."""

    a: float
    own: tuple[float, float] = STAY
    other: tuple[float, float] = YIELD


def influence_ticks(first: Coupling, second: Coupling, ticks: int, runs: int, rng: np.random.Generator) -> tuple[Bools, Bools]:
    """Return two arrays bool [runs, ticks], from the model P(s_i[t]) = (1 - a) own(s_i[t-1]) + a other(s_j[t-1])."""
    tables = [(np.array(c.own), np.array(c.other), c.a) for c in (first, second)]
    state = np.zeros((2, runs), np.int64)
    kept = np.empty((2, runs, ticks), np.bool_)
    for tick in range(-_BURN_IN, ticks):
        chance = [(1 - a) * own[state[i]] + a * other[state[1 - i]] for i, (own, other, a) in enumerate(tables)]
        state = (rng.random((2, runs)) < np.array(chance)).astype(np.int64)
        if tick >= 0:
            kept[:, :, tick] = state
    return kept[0], kept[1]


def follower_ticks(led: Bools, party: Coupling, rng: np.random.Generator) -> Bools:
    """Return one party of the influence model, bool [ticks], that hears ``led`` (bool [ticks]), who need not hear it."""
    state, kept = 0, np.zeros(len(led), np.bool_)
    for tick in range(1, len(led)):
        chance = (1 - party.a) * party.own[state] + party.a * party.other[int(led[tick - 1])]
        state = int(rng.random() < chance)
        kept[tick] = state
    return kept


def ticks_to_times(ticks: Bools, *, start_s: float = 0.0) -> Times:
    """Return (start, end) in seconds of each run of speaking ticks, on the 10 ms grid when ``start_s`` is."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], ticks, [False]]).astype(np.int8)))
    return [(round(start_s + a * TICK_S, 2), round(start_s + b * TICK_S, 2)) for a, b in edges.reshape(-1, 2).tolist()]


def independent_talker(duration_s: float, rng: np.random.Generator, *, turn_s: float = 6.0, silence_s: float = 8.0) -> Times:
    """Return the utterances of a talker who takes long turns and hears nobody.

    Turns and the silences between them are gamma distributed (shape 2: neither memoryless nor regular); a turn is cut into utterances of
    about 1.5 s by pauses of 0.2 to 0.8 s, as people do. Such talk is no Markov chain: the model's own assumptions do not hold for it.
    """
    times: Times = []
    clock_s = float(rng.uniform(0.0, silence_s))
    while clock_s < duration_s:
        turn_end_s = min(clock_s + 0.3 + float(rng.gamma(2.0, turn_s / 2.0)), duration_s)
        while clock_s < turn_end_s:
            end_s = min(clock_s + 0.2 + float(rng.lognormal(0.2, 0.6)), turn_end_s)
            if end_s - clock_s >= 0.1:
                times.append((round(clock_s, 2), round(end_s, 2)))
            clock_s = end_s + float(rng.uniform(0.2, 0.8))
        clock_s = turn_end_s + 0.3 + float(rng.gamma(2.0, silence_s / 2.0))
    return times
