"""Entrainment: acoustic matching of the pair, descriptor by descriptor, after Levitan & Hirschberg 2011.

Each turn has one value per descriptor (over the utterances of the turn). A party's values are taken relative to that party: as residuals
from the own mean and the own linear drift over the call, in units of the residuals' SD. So neither a louder line nor a deeper voice
counts as distance, and two people who both grow quieter over a call, as people who never met do, do not count as matching. Then, over
pairs of adjacent turns of different parties,

    proximity   = mean distance |x - y| of all other pairs - mean distance of adjacent pairs       (SD of the residuals; above 0:
    neighbours are alike) synchrony   = Pearson correlation of x and y over adjacent pairs                               (-1..1)
    convergence = Pearson correlation of -|x - y| over adjacent pairs with time                    (-1..1; above 0: growing alike)

each against surrogates that shuffle the turns of one party. The p-values are one-sided (surrogates at least as large), adjusted by
Benjamini-Hochberg over the descriptors for each of the three figures separately.

What it cannot see: two voices whose *mean levels* approach each other, because levels are taken out. And a voice that wanders slowly from
turn to turn looks a little like matching: shuffling removes that too (docs/validation.md has the rate).

References
----------
Levitan, R. & Hirschberg, J. (2011). Measuring acoustic-prosodic entrainment with respect to multiple levels and dimensions. Interspeech,
3081-3084. Benjamini, Y. & Hochberg, Y. (1995). Controlling the false discovery rate. J. R. Stat. Soc. B 57(1), 289-300.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simpatico.signals.turn_values import DESCRIPTORS, TurnValues, turn_values
from simpatico.types import ChannelSpeech, Dialogue, Entrainment, Measure, Reason, Role

__all__ = ["DESCRIPTORS", "MIN_TURNS", "adjust", "entrainment"]

MIN_TURNS = 5
"""Fewest turns of each party with a value: 5! = 120 orders are the least that can give a p-value under .05 / 4."""
_MIN_SPREAD = 1e-9
"""Residuals of a smaller SD, in the descriptor's unit, are rounding."""
FEW_TURNS = 100
"""Turns up to which shuffled orders are kept for many calls: 32 of 200 orders of 100 turns are 5 MB."""
_TIE = 1e-9
"""Figures of two orders nearer than this are equal: some orders have the same sum of distances, and rounding must not tell them apart."""
_SHARED_TURN_VARIANCE = 1.45
"""Pairs that follow each other share a turn, so their distances correlate by (sqrt(3)/2 + pi/12 - 1) / (pi/2 - 1) = .22 for normal values;
what that adds to the variance of their correlation with time: 1 + 2 x .22."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Adjacent turns with a value, of descriptors that have values in the same turns.

    ``x`` and ``y`` are the two parties' residuals, float64 [descriptors, turns]; the others index them or say when, pair by pair.
    """

    x: Array
    y: Array
    x_index: NDArray[np.int64]
    y_index: NDArray[np.int64]
    time_s: Array


@dataclass(frozen=True, slots=True)
class _Figures:
    """Proximity, synchrony and convergence of one descriptor: values, standard errors and p-values, float64 [3] each."""

    values: Array
    errors: Array
    p_values: Array


def entrainment(dialogue: Dialogue, channels: Mapping[Role, ChannelSpeech], *, seed: int, surrogates: int) -> tuple[Entrainment, ...]:
    """Measure acoustic matching in each of ``DESCRIPTORS``.

    Parameters
    ----------
    dialogue
        With turns; a turn that is still going on counts with its prosody so far.
    channels
        The channels that exist.
    seed, surrogates
        Of the shuffled turns: the same seed gives the same orders.

    Returns
    -------
    tuple of Entrainment
        One for each descriptor. Missing with ``Reason.ONE_CHANNEL``, ``NO_SPEECH``, ``TOO_FEW_TURNS`` (fewer than five of a party with a
        value, or five adjacent pairs) or ``NO_VARIATION`` (a party's values lie on a line). Evidence is the speech in the turns used.
    """
    speech_s = sum(channel.speech_s for channel in channels.values())
    if len(channels) < 2:
        return tuple(_missing(name, Reason.ONE_CHANNEL, speech_s) for name in DESCRIPTORS)
    if not all(channel.utterances for channel in channels.values()):
        return tuple(_missing(name, Reason.NO_SPEECH, speech_s) for name in DESCRIPTORS)
    turns = turn_values(dialogue)
    figures: dict[int, _Figures | Reason] = {}
    for columns in _alike(turns):
        figures |= _measure(turns, columns, seed, surrogates)
    found = {column: one for column, one in figures.items() if isinstance(one, _Figures)}
    adjusted = np.transpose([adjust(np.array([one.p_values[kind] for one in found.values()])) for kind in range(3)])
    results = {column: _result(column, one, q, turns) for (column, one), q in zip(found.items(), adjusted, strict=True)}
    for column, reason in figures.items():
        if isinstance(reason, Reason):
            results[column] = _missing(DESCRIPTORS[column], reason, turns.speech_s(column))
    return tuple(results[column] for column in range(len(DESCRIPTORS)))


def adjust(p_values: Array) -> Array:
    """Return Benjamini-Hochberg adjusted p-values, float64 [m]: q_(k) = min over j >= k of p_(j) m / j, at most 1."""
    count = len(p_values)
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * count / np.arange(1, count + 1)
    adjusted = np.empty(count)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted


def _alike(turns: TurnValues) -> list[list[int]]:
    """Return the descriptors in groups that have values in the same turns: what is measured together costs little more than one."""
    groups: dict[bytes, list[int]] = {}
    for column in range(len(DESCRIPTORS)):
        groups.setdefault(np.isfinite(turns.values[:, column]).tobytes(), []).append(column)
    return list(groups.values())


def _measure(turns: TurnValues, columns: list[int], seed: int, surrogates: int) -> dict[int, _Figures | Reason]:
    """Return the figures of descriptors that have values in the same turns."""
    paired = _pair_up(turns, columns)
    if paired is None:
        return dict.fromkeys(columns, Reason.TOO_FEW_TURNS)
    varied, pairs = paired
    found: dict[int, _Figures | Reason] = dict.fromkeys(columns, Reason.NO_VARIATION)
    if varied:
        values, errors, p_values = _compare(pairs, _shuffles(pairs.y.shape[1], surrogates, seed))
        found |= {column: _Figures(values[:, k], errors[:, k], p_values[:, k]) for k, column in enumerate(varied)}
    return found


def _pair_up(turns: TurnValues, columns: list[int]) -> tuple[list[int], _Pairs] | None:
    """Return the adjacent pairs, and which of the descriptors vary in both parties; None when there are too few turns.

    x is the party that spoke first, so that swapping the channels changes nothing.
    """
    usable = np.isfinite(turns.values[:, columns[0]])
    sides = [usable & (turns.party == party) for party in (0, 1)]
    before = np.flatnonzero(usable[:-1] & usable[1:] & (turns.party[:-1] != turns.party[1:]))
    if min(len(before), *(int(side.sum()) for side in sides)) < MIN_TURNS:
        return None
    rests = [_residuals(turns.values[side][:, columns].T, turns.middle_s[side]) for side in sides]
    spreads = [np.sqrt(np.mean(rest * rest, axis=1)) for rest in rests]
    varied = np.flatnonzero(np.minimum(*spreads) > _MIN_SPREAD)
    x, y = (rest[varied] / spread[varied, None] for rest, spread in zip(rests, spreads, strict=True))
    positions = [np.cumsum(side) - 1 for side in sides]
    first_is_x = turns.party[before] == 0
    x_turn, y_turn = np.where(first_is_x, before, before + 1), np.where(first_is_x, before + 1, before)
    time_s = (turns.middle_s[before] + turns.middle_s[before + 1]) / 2
    return [columns[k] for k in varied], _Pairs(x, y, positions[0][x_turn], positions[1][y_turn], time_s)


def _residuals(values: Array, time_s: Array) -> Array:
    """Return values [descriptors, turns] minus their own mean and linear drift."""
    centred, clock = values - values.mean(axis=1, keepdims=True), time_s - time_s.mean()
    slope = np.einsum("ij,j->i", centred, clock) / np.square(clock).sum()
    return np.asarray(centred - slope[:, None] * clock)


def _compare(pairs: _Pairs, orders: NDArray[np.int64]) -> tuple[Array, Array, Array]:
    """Return values, standard errors and p-values, float64 [3, descriptors] each, against the turns in other ``orders`` (the first is
    theirs)."""
    from_x, from_y = _mean_distances(pairs.x, pairs.y), _mean_distances(pairs.y, pairs.x)
    figures = _figures(pairs, from_x.sum(axis=1) * pairs.y.shape[1], orders)
    values = figures[:, :, 0]
    p_values = (figures >= values[:, :, None] - _TIE).mean(axis=2)
    degrees = len(pairs.time_s) - 1
    errors = np.stack(
        [
            _proximity_se(pairs, from_x, from_y),
            (1.0 - values[1] ** 2) / np.sqrt(degrees),
            (1.0 - values[2] ** 2) * np.sqrt(_SHARED_TURN_VARIANCE / degrees),
        ]
    )
    return values, errors, np.asarray(p_values)


def _proximity_se(pairs: _Pairs, from_x: Array, from_y: Array) -> Array:
    """Return the standard error of mean adjacent distances, each relative to the mean distances of its two turns, float64 [descriptors].

    Each party's mean and drift were estimated too: that takes two degrees of freedom of its turns.
    """
    adjacent = np.abs(pairs.x[:, pairs.x_index] - pairs.y[:, pairs.y_index])
    relative = adjacent - from_x[:, pairs.x_index] - from_y[:, pairs.y_index]
    freedom = (1.0 - 2.0 / pairs.x.shape[1]) * (1.0 - 2.0 / pairs.y.shape[1])
    return np.asarray(relative.std(axis=1, ddof=1) / np.sqrt(relative.shape[1] * freedom))


def _mean_distances(points: Array, others: Array) -> Array:
    """Return the mean of |p - o| over a row's ``others`` for each of its ``points``: sorted, those below and those above are two sums."""
    count = others.shape[1]
    means = np.empty_like(points)
    for row, (some, ranked) in enumerate(zip(points, np.sort(others, axis=1), strict=True)):
        sums = np.concatenate([[0.0], np.cumsum(ranked)])
        below = np.searchsorted(ranked, some)
        means[row] = (some * (2 * below - count) + sums[-1] - 2.0 * sums[below]) / count
    return means


def _figures(pairs: _Pairs, everything: Array, orders: NDArray[np.int64]) -> Array:
    """Return proximity, synchrony and convergence with the second party's turns in each of ``orders`` [m, turns]; float64 [3,
    descriptors, m].

    ``everything`` is the sum of all distances, float64 [descriptors]. No matrix product here: a row's value must not depend on where in
    the array it stands, or on how many threads a BLAS has.
    """
    x, shuffled = pairs.x[:, pairs.x_index], pairs.y[:, orders]
    distance = shuffled[:, :, pairs.y_index]
    distance -= x[:, None]
    np.abs(distance, out=distance)
    adjacent, total = x.shape[1], pairs.x.shape[1] * pairs.y.shape[1]
    near = distance.sum(axis=2)
    proximity = (everything[:, None] - near) / (total - adjacent) - near / adjacent
    # Sums over pairs of what depends on y alone are sums over the turns of y, each as often as it is in a pair.
    mean_x = x.mean(axis=1, keepdims=True)
    centred = x - mean_x
    times = np.bincount(pairs.y_index, minlength=pairs.y.shape[1]).astype(float)
    beside = np.stack([np.bincount(pairs.y_index, row, pairs.y.shape[1]) for row in centred])
    sum_y, sum_y2 = np.einsum("dij,j->di", shuffled, times), np.einsum("dij,dij,j->di", shuffled, shuffled, times)
    sum_xy = np.einsum("dij,dj->di", shuffled, beside)
    synchrony = _correlation(sum_xy, sum_y2 - sum_y**2 / adjacent, np.square(centred).sum(axis=1, keepdims=True))
    sum_d2 = sum_y2 - 2.0 * (sum_xy + mean_x * sum_y) + np.square(x).sum(axis=1, keepdims=True)
    clock = pairs.time_s - pairs.time_s.mean()
    against = np.einsum("dij,j->di", distance, clock)
    convergence = _correlation(-against, sum_d2 - near**2 / adjacent, np.square(clock).sum())
    return np.stack([proximity, synchrony, convergence])


def _correlation(product: Array, spread: Array, other_spread: Array) -> Array:
    """Return product / sqrt(spread other_spread), sums about the means; 0 where nothing varies."""
    scale = np.sqrt(np.maximum(spread, 0.0) * other_spread)
    correlation = np.zeros_like(product)
    np.divide(product, scale, out=correlation, where=scale > _MIN_SPREAD)
    return correlation


def _shuffles(turns: int, surrogates: int, seed: int) -> NDArray[np.int64]:
    """Return the order as it is and random ones, int64 [1 + surrogates, turns]; kept, because interim results of many calls ask for the
    same again and again."""
    return (_few_turns if turns <= FEW_TURNS else _many_turns)(turns, surrogates, seed)


def _draw_shuffles(turns: int, surrogates: int, seed: int) -> NDArray[np.int64]:
    orders = np.random.default_rng([seed, turns]).random((1 + surrogates, turns)).argsort(axis=1)
    orders[0] = np.arange(turns)
    orders.setflags(write=False)
    return orders


# Orders of long calls are large and seldom asked for by two calls, so only those of one call's descriptors are kept: an hour would fill
# the larger store with 35 MB.
_few_turns = lru_cache(maxsize=32)(_draw_shuffles)
_many_turns = lru_cache(maxsize=4)(_draw_shuffles)


def _result(column: int, figures: _Figures, q_values: Array, turns: TurnValues) -> Entrainment:
    speech_s = turns.speech_s(column)
    measures: list[Measure] = []
    for value, se, q in zip(figures.values.tolist(), figures.errors.tolist(), q_values.tolist(), strict=True):
        measures += [Measure(value, se, speech_s), Measure(q, None, speech_s)]
    return Entrainment(DESCRIPTORS[column], *measures)


def _missing(name: str, reason: Reason, speech_s: float) -> Entrainment:
    absent = Measure.missing(reason, speech_s)
    return Entrainment(name, absent, absent, absent, absent, absent, absent)
