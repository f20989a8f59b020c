"""The two-party influence model fitted to counts of moves: what :mod:`simpatico.signals.influence` derives, as arithmetic on arrays.

A move is a tick with its past: one's own last ``HISTORY_TICKS`` ticks (a pattern, the stratum), the other's last tick, and whether one
speaks now. All arrays have rows: one for each shift of the other party, or for each block of the call that is left out. Before the rows
there may be further axes, written ``...``: both parties of a call are fitted at once, because NumPy costs per call more than per party.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["HISTORY_TICKS", "NO_IDEA_SE", "Fit", "Moves", "block_moves", "fit", "shifted_moves", "weight_se"]

HISTORY_TICKS = 3
"""Ticks of one's own past that are held fixed, 1.5 s. Measured: one is too few (see :mod:`simpatico.signals.influence`), two to five do
equally well, at the same power (decision 0050)."""
_STRATA = 1 << HISTORY_TICKS
_ALL_STRATA = np.arange(_STRATA)[:, None]
_LAST_SILENT, _LAST_SPOKE = slice(0, None, 2), slice(1, None, 2)
"""Strata are numbers whose last bit is one's own last tick."""
BLOCKS = 20
"""Blocks of the call that the jackknife leaves out in turn; half a minute each in a call of ten minutes, far longer than any memory."""
NO_IDEA_SE = 12**-0.5
"""SD of a weight of which nothing is known but that it lies in [0, 1]: no standard error is larger."""
_NO_SCATTER = 0.25
"""Half of the least scatter (visits x variance of the other's state) of a stratum where the other's state differs at all, which is 1/2."""
_PRIOR_SCATTER = 0.5 * _STRATA
"""Scatter of one imagined visit with the other speaking and one with the other silent to each stratum, after which one speaks equally
often: 1/2 a stratum. It draws the slope to 0 where hardly anything was seen, and is forgotten after some minutes."""
_NO_SLOPE = 1e-9
"""Two slopes that together are smaller than this (rounding of exactly balanced counts) say nothing of their ratio."""

Array = NDArray[np.float64]
Ticks = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Moves:
    """Counts of moves, float64.

    Attributes
    ----------
    visits, spoken
        [..., rows or 1, strata]: moves from each pattern of own past, and those of them after which one spoke.
    with_other
        [..., rows, strata]: moves from each pattern in which the other spoke in the last tick.
    both
        [..., rows]: moves in which the other spoke in the last tick and one speaks now.
    """

    visits: Array
    spoken: Array
    with_other: Array
    both: Array


@dataclass(frozen=True, slots=True)
class Fit:
    """The model fitted to each row of moves.

    Attributes
    ----------
    weight
        float64 [..., rows], in [0, 1]: ``a``.
    strength
        float64 [..., rows], at least 0: |b_j| / se(b_j) as if there were no influence, what p-values compare.
    known
        bool [..., rows]: whether the other's state ever differed while the own past was the same. Without that there is nothing to
        estimate from.
    slopes, variances
        float64 [..., rows] each: (b_i, b_j), and (variance of b_i, variance of b_j, their covariance).
    """

    weight: Array
    strength: Array
    known: NDArray[np.bool_]
    slopes: tuple[Array, Array]
    variances: tuple[Array, Array, Array]

    @property
    def variance(self) -> Array:
        """float64 [..., rows]: of ``a`` by the delta method, from the binomial variance within each stratum; inf where it is not known."""
        own, to_other = self.slopes
        var_own, var_other, covariance = self.variances
        both = np.maximum(np.abs(own) + np.abs(to_other), _NO_SLOPE)
        # d a / d|b_j| = |b_i| / both^2, d a / d|b_i| = -|b_j| / both^2
        variance = (own**2 * var_other + to_other**2 * var_own - 2.0 * own * to_other * covariance) / both**4
        return np.where(self.known & (both > _NO_SLOPE), variance, np.inf)


def shifted_moves(own: Ticks, other: Ticks, shifts: NDArray[np.int64]) -> Moves:
    """Count the moves of ``own`` with ``other`` (bool [..., n] each, n > HISTORY_TICKS) delayed in a circle by each of ``shifts`` (int64
    [rows]).

    By cross-correlation: one FFT gives all shifts, rounding makes the counts exact. A lag in a circle is two lags in a line, n apart.
    """
    ticks = own.shape[-1]
    pattern, now = _patterns(own)
    series = np.zeros((*own.shape[:-1], _STRATA + 2, ticks))
    moves = series[..., HISTORY_TICKS - 1 : ticks - 1]
    moves[..., :_STRATA, :] = pattern[..., None, :] == _ALL_STRATA
    moves[..., _STRATA, :] = now
    series[..., _STRATA + 1, :] = other
    visits = moves[..., :_STRATA, :].sum(axis=-1)
    spoken = (moves[..., :_STRATA, :] * now[..., None, :]).sum(axis=-1)
    length = _fft_length(2 * ticks)
    spectrum = np.fft.rfft(series, length)
    lagged = np.fft.irfft(spectrum[..., :-1, :] * np.conj(spectrum[..., -1:, :]), length)
    together: Array = np.rint(lagged[..., shifts] + lagged[..., shifts - ticks]).swapaxes(-1, -2)
    return Moves(visits[..., None, :], spoken[..., None, :], together[..., :_STRATA], together[..., _STRATA])


def block_moves(own: Ticks, other: Ticks) -> Moves:
    """Count the moves of ``own`` and ``other`` (bool [..., n] each) as they were, without each of up to ``BLOCKS`` blocks of the call in
    turn."""
    pattern, now = _patterns(own)
    count, outer = pattern.shape[-1], pattern.shape[:-1]
    block = np.arange(count) * BLOCKS // count
    beside = other[..., HISTORY_TICKS - 1 : -1]
    cell = ((block * _STRATA + pattern) * 2 + beside) * 2 + now
    size = BLOCKS * _STRATA * 4
    offset = size * np.arange(math.prod(outer)).reshape(*outer, 1)
    cells = np.bincount((cell + offset).ravel(), minlength=size * offset.size).reshape(*outer, BLOCKS, _STRATA, 2, 2)
    left_out = cells if count >= BLOCKS else cells.take(block, axis=-4)
    rest = (cells.sum(axis=-4, keepdims=True) - left_out).astype(float)
    return Moves(rest.sum(axis=(-2, -1)), rest[..., 1].sum(axis=-1), rest[..., 1, :].sum(axis=-1), rest[..., 1, 1].sum(axis=-1))


def fit(moves: Moves) -> Fit:
    """Fit the model to each row."""
    chance = (moves.spoken + 0.5) / (moves.visits + 1.0)
    # Within strata: how the own next tick goes with the other's last one (Mantel & Haenszel 1959).
    size = np.maximum(moves.visits, 1.0)
    scatter = moves.with_other * (1.0 - moves.with_other / size)
    total = scatter.sum(axis=-1)
    known = total > _NO_SCATTER
    total = np.where(known, total, 1.0)
    excess = np.where(known, moves.both - (moves.with_other * (moves.spoken / size)).sum(axis=-1), 0.0)
    noise = np.where(known, (scatter * (chance * (1.0 - chance))).sum(axis=-1), 1.0)
    # The variance is that of the slope without the imagined visits: what they draw to 0 is not known any better.
    to_other, var_other = excess / (total + _PRIOR_SCATTER), noise / total**2
    to_own, var_own, path = _own_slope(moves)
    # What reaches the own last tick through the other is not one's own.
    own = to_own - path * to_other
    size_other = np.abs(to_other)
    weight = size_other / np.maximum(np.abs(own) + size_other, _NO_SLOPE)
    variances = var_own + path**2 * var_other, var_other, -path * var_other
    return Fit(weight, np.abs(excess) / np.sqrt(noise), known, (own, to_other), variances)


def weight_se(own: Ticks, other: Ticks, variance: Array) -> Array:
    """Return the standard error of the weights of ``own`` and ``other`` (bool [..., n] each) as they were, float64 [...].

    The larger of the delta method's ``variance`` [...] (too small for large weights) and of the jackknife over blocks (too small by chance
    when there are few moves), joined with what is known of any weight, that it lies in [0, 1]: 1 / se^2 = 1 / variance + 12.
    """
    weights = fit(block_moves(own, other)).weight
    count = weights.shape[-1]
    jackknife = np.square(weights - weights.mean(axis=-1, keepdims=True)).sum(axis=-1) * (count - 1) / count
    return np.asarray(1.0 / np.sqrt(1.0 / np.maximum(variance, jackknife) + 1.0 / NO_IDEA_SE**2))


def _patterns(own: Ticks) -> tuple[NDArray[np.int64], Ticks]:
    """Return the stratum of each move, and whether one speaks now."""
    ticks, pattern = own.shape[-1], own[..., :-HISTORY_TICKS].astype(np.int64)
    for later in range(1, HISTORY_TICKS):
        pattern = pattern * 2 + own[..., later : ticks - HISTORY_TICKS + later]
    return pattern, own[..., HISTORY_TICKS:]


def _own_slope(moves: Moves) -> tuple[Array, Array, Array]:
    """Return the slope on the own last tick when the other is left out, its variance, and by how much the other's state rises with it."""
    sides = (_LAST_SILENT, _LAST_SPOKE)
    count = [np.maximum(moves.visits[..., side].sum(axis=-1), 1.0) for side in sides]
    chance = [(moves.spoken[..., side].sum(axis=-1) + 0.5) / (n + 1.0) for side, n in zip(sides, count, strict=True)]
    variance = sum(p * (1.0 - p) / n for p, n in zip(chance, count, strict=True))
    other = [moves.with_other[..., side].sum(axis=-1) / n for side, n in zip(sides, count, strict=True)]
    return chance[1] - chance[0], np.asarray(variance), other[1] - other[0]


@lru_cache(maxsize=256)
def _fft_length(least: int) -> int:
    """Return the next length with no prime factor above 5: an FFT of a prime length takes ten times as long."""
    length = least
    while True:
        rest = length
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return length
        length += 1
