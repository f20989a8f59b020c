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
    """Adjacent turns with a value: x and y are the two parties' residuals (float64 [turns]), the others index them or say when, pair by
    pair."""

    x: Array
    y: Array
    x_index: NDArray[np.int64]
    y_index: NDArray[np.int64]
    time_s: Array
    speech_s: float


@dataclass(frozen=True, slots=True)
class _Figures:
    """Three figures of one descriptor, each (value, standard error, p-value), or the reason why there are none."""

    values: tuple[tuple[float, float, float], ...]
    speech_s: float
    reason: Reason | None = None


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
    figures = [_measure(turns, column, seed, surrogates) for column in range(len(DESCRIPTORS))]
    present = [index for index, figure in enumerate(figures) if figure.reason is None]
    adjusted = np.array([adjust(np.array([figures[i].values[kind][2] for i in present])) for kind in range(3)])
    q_values = dict(zip(present, adjusted.T, strict=True))
    return tuple(_result(name, figure, q_values.get(index)) for index, (name, figure) in enumerate(zip(DESCRIPTORS, figures, strict=True)))


def adjust(p_values: Array) -> Array:
    """Return Benjamini-Hochberg adjusted p-values, float64 [m]: q_(k) = min over j >= k of p_(j) m / j, at most 1."""
    count = len(p_values)
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * count / np.arange(1, count + 1)
    adjusted = np.empty(count)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted


def _measure(turns: TurnValues, column: int, seed: int, surrogates: int) -> _Figures:
    pairs = _pair_up(turns, column)
    if isinstance(pairs, Reason):
        return _Figures((), turns.speech_s(column), pairs)
    from_x, from_y = _mean_distances(pairs.x, pairs.y), _mean_distances(pairs.y, pairs.x)
    figures = _figures(pairs, float(from_x.sum()) * len(pairs.y), _shuffles(len(pairs.y), surrogates, seed))
    p_values = [float((rows >= rows[0] - _TIE).mean()) for rows in figures]
    proximity, synchrony, convergence = (float(rows[0]) for rows in figures)
    degrees = len(pairs.x_index) - 1
    errors = (
        _proximity_se(pairs, from_x, from_y),
        float((1.0 - synchrony**2) / np.sqrt(degrees)),
        float((1.0 - convergence**2) * np.sqrt(_SHARED_TURN_VARIANCE / degrees)),
    )
    return _Figures(tuple(zip((proximity, synchrony, convergence), errors, p_values, strict=True)), pairs.speech_s)


def _proximity_se(pairs: _Pairs, from_x: Array, from_y: Array) -> float:
    """Return the standard error of a mean of adjacent distances, each relative to the mean distances of its two turns.

    Each party's mean and drift were estimated too: that takes two degrees of freedom of its turns.
    """
    adjacent = np.abs(pairs.x[pairs.x_index] - pairs.y[pairs.y_index])
    relative = adjacent - from_x[pairs.x_index] - from_y[pairs.y_index]
    freedom = (1.0 - 2.0 / len(pairs.x)) * (1.0 - 2.0 / len(pairs.y))
    return float(relative.std(ddof=1) / np.sqrt(len(relative) * freedom))


def _mean_distances(points: Array, others: Array) -> Array:
    """Return the mean of |p - o| over all ``others`` for each of ``points``: sorted, those below and those above are two sums."""
    ranked = np.sort(others)
    sums = np.concatenate([[0.0], np.cumsum(ranked)])
    below = np.searchsorted(ranked, points)
    return np.asarray((points * (2 * below - len(others)) + sums[-1] - 2.0 * sums[below]) / len(others))


def _pair_up(turns: TurnValues, column: int) -> _Pairs | Reason:
    """Return the adjacent pairs of one descriptor; x is the party that spoke first, so that swapping the channels changes nothing."""
    values = turns.values[:, column]
    usable = np.isfinite(values)
    sides = [usable & (turns.party == party) for party in (0, 1)]
    if min(int(side.sum()) for side in sides) < MIN_TURNS:
        return Reason.TOO_FEW_TURNS
    before = np.flatnonzero(usable[:-1] & usable[1:] & (turns.party[:-1] != turns.party[1:]))
    if len(before) < MIN_TURNS:
        return Reason.TOO_FEW_TURNS
    residuals = [_residuals(values[side], turns.middle_s[side]) for side in sides]
    if residuals[0] is None or residuals[1] is None:
        return Reason.NO_VARIATION
    positions = [np.cumsum(side) - 1 for side in sides]
    first_is_x = turns.party[before] == 0
    x_turn, y_turn = np.where(first_is_x, before, before + 1), np.where(first_is_x, before + 1, before)
    time_s = (turns.middle_s[before] + turns.middle_s[before + 1]) / 2
    return _Pairs(residuals[0], residuals[1], positions[0][x_turn], positions[1][y_turn], time_s, turns.speech_s(column))


def _residuals(values: Array, time_s: Array) -> Array | None:
    """Return values minus their own mean and linear drift, in SD of what remains; None when nothing remains."""
    centred, clock = values - values.mean(), time_s - time_s.mean()
    rest = centred - clock * (clock @ centred) / (clock @ clock)
    spread = float(np.sqrt(np.mean(rest * rest)))
    return rest / spread if spread > _MIN_SPREAD else None


def _figures(pairs: _Pairs, everything: float, orders: NDArray[np.int64]) -> tuple[Array, Array, Array]:
    """Return proximity, synchrony and convergence with the second party's turns in each of ``orders`` [m, turns]; float64 [m] each.

    ``everything`` is the sum of all distances.

    No matrix product here: a row's value must not depend on where in the array it stands, or on how many threads a BLAS has.
    """
    x, shuffled = pairs.x[pairs.x_index], pairs.y[orders]
    distance = shuffled[:, pairs.y_index]
    distance -= x
    np.abs(distance, out=distance)
    adjacent, total = x.size, pairs.x.size * pairs.y.size
    near = distance.sum(axis=1)
    proximity = (everything - near) / (total - adjacent) - near / adjacent
    # Sums over pairs of what depends on y alone are sums over the turns of y, each as often as it is in a pair.
    centred = x - x.mean()
    times = np.bincount(pairs.y_index, minlength=pairs.y.size).astype(float)
    sum_y, sum_y2 = np.einsum("ij,j->i", shuffled, times), np.einsum("ij,ij,j->i", shuffled, shuffled, times)
    sum_xy = np.einsum("ij,j->i", shuffled, np.bincount(pairs.y_index, centred, pairs.y.size))
    synchrony = _correlation(sum_xy, sum_y2 - sum_y**2 / adjacent, float(np.square(centred).sum()))
    sum_d2 = sum_y2 - 2.0 * (sum_xy + x.mean() * sum_y) + float(np.square(x).sum())
    clock = pairs.time_s - pairs.time_s.mean()
    against = np.einsum("ij,j->i", distance, clock)
    convergence = _correlation(-against, sum_d2 - near**2 / adjacent, float(np.square(clock).sum()))
    return proximity, synchrony, convergence


def _correlation(product: Array, spread: Array, other_spread: float) -> Array:
    """Return product / sqrt(spread other_spread), sums about the means, float64 [m]; 0 where nothing varies."""
    scale = np.sqrt(np.maximum(spread, 0.0) * other_spread)
    correlation = np.zeros(len(product))
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


def _result(name: str, figures: _Figures, q_values: Array | None) -> Entrainment:
    if q_values is None or figures.reason is not None:
        return _missing(name, figures.reason or Reason.TOO_FEW_TURNS, figures.speech_s)
    measures: list[Measure] = []
    for (value, se, _), q in zip(figures.values, q_values, strict=True):
        measures += [Measure(value, se, figures.speech_s), Measure(float(q), None, figures.speech_s)]
    return Entrainment(name, *measures)


def _missing(name: str, reason: Reason, speech_s: float) -> Entrainment:
    absent = Measure.missing(reason, speech_s)
    return Entrainment(name, absent, absent, absent, absent, absent, absent)
