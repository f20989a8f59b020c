"""Influence: how far one party's speaking depends on the other's, by the two-party influence model.

With s = speaking or not in ticks of 0.5 s,

    P(s_i[t] | s[t-1]) = (1 - a) P(s_i[t] | s_i[t-1]) + a P(s_i[t] | s_j[t-1]).

For two-valued s this is a sum of two effects, P(s_i[t] = 1 | x, y) = c + b_i x + b_j y with b_i = (1 - a) D_i, b_j = a D_j, where D_i and
D_j say how strongly each conditional table reacts. Eight counts n(s_i[t-1], s_j[t-1], s_i[t]) are all that the data say, and only b_i and
b_j follow from them: ``a`` itself needs one assumption, that both tables react equally strongly, |D_i| = |D_j|. Then

    a = |b_j| / (|b_i| + |b_j|),

with b_i, b_j the partial slopes over the four cells, each cell's probability by counts + 1/2. Two properties of the plainer estimator
(both tables by counts, ``a`` by EM given the tables) made this one necessary; ``bench/validation.py`` shows both side by side,
``docs/decisions/0050-influence-estimator.md`` derives them:

- its tables are already mixtures, so its ``a`` tends to the share of explained *variance*, a^2 / (a^2 + (1-a)^2): .3 becomes .16;
- it sees the other's influence where there is only one's own on the other: up to a third of p-values under .05 where 5 % belong.

What is *not* corrected: where the other's table truly reacts less strongly than the own, the estimate is smaller than the ``a`` of such a
model, because the counts cannot tell a weak table from a small weight. And with few ticks the weight is above 0 even without any
influence (an absolute value has no other way to go): read ``excess``, which takes the mean over surrogates off, and ``p_value``.

Surrogates shift the other party in a circle by at least 10 s, which keeps each party's own rhythm and breaks the link. p compares |b_j| /
se(b_j) with its values over surrogates: the slope of a party that follows the other is known less exactly than that of a shifted one, and
an unstudentised comparison takes that for influence.

References
----------
Basu, S., Choudhury, T., Clarkson, B. & Pentland, A. (2001). Learning human interactions with the influence model. MIT Media Lab TR 539.
Pan, W., Dong, W., Cebrian, M., Kim, T., Fowler, J. & Pentland, A. (2012). Modeling dynamical influence in human interaction. IEEE Signal
    Processing Magazine 29(2).
Phipson, B. & Smyth, G. (2010). Permutation p-values should never be zero. Stat. Appl. Genet. Mol. Biol. 9(1), article 39.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simpatico.types import HOP_S, ChannelSpeech, Dialogue, Influence, Measure, Reason, Role, Utterance

__all__ = ["MIN_SHIFT_TICKS", "TICK_S", "Fit", "choose_shifts", "fit_counts", "influence", "shifted_counts", "speaking_ticks"]

TICK_S = 0.5
"""Length of a tick, seconds."""
_TICK_FRAMES = round(TICK_S / HOP_S)
MIN_SHIFT_TICKS = 20
"""Least shift of a surrogate, 10 s: longer than nearly all turns, so that a shifted party is elsewhere in its own rhythm. A quarter of
the ticks when there are fewer than 80."""
_IGNORANCE_VARIANCE = 1 / 12
"""Variance of a weight of which nothing is known but that it lies in [0, 1]: no standard error is larger than its root, 0.29."""
_NO_SLOPE = 1e-9
"""Two slopes that together are smaller than this (rounding of exactly balanced counts) say nothing of their ratio."""

_X = np.array([0.0, 0.0, 1.0, 1.0])
_Y = np.array([0.0, 1.0, 0.0, 1.0])

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fit:
    """The influence model fitted to tables of counts.

    Attributes
    ----------
    weight
        float64 [m], in [0, 1]: ``a``.
    se
        float64 [m]: its standard error, at most 0.29.
    strength
        float64 [m], at least 0: |b_j| / se(b_j), what p-values compare.
    """

    weight: Array
    se: Array
    strength: Array


def influence(dialogue: Dialogue, channels: Mapping[Role, ChannelSpeech], *, seed: int, surrogates: int) -> dict[Role, Influence]:
    """Measure how far each party's speaking depends on the other's.

    Parameters
    ----------
    dialogue
        Who spoke when. Ticks begin with the first onset; an unfinished last tick is left out.
    channels
        The channels that exist.
    seed
        Of the choice of surrogates.
    surrogates
        How many, at most; a short conversation has fewer shifts to offer.

    Returns
    -------
    dict
        For each role of ``channels``. Missing with ``Reason.ONE_CHANNEL``, ``NO_SPEECH`` (of either party), ``TOO_LITTLE_SPEECH`` (fewer
        than two ticks) or ``NO_VARIATION`` (a party that always or never speaks). About 300 ticks (2.5 minutes) are needed for power;
        with fewer the standard error says so.
    """
    speech_s = sum(channel.speech_s for channel in channels.values())
    if len(channels) < 2:
        return {role: _missing(Reason.ONE_CHANNEL, speech_s, 0) for role in channels}
    if dialogue.span_s is None or not all(channel.utterances for channel in channels.values()):
        return {role: _missing(Reason.NO_SPEECH, speech_s, 0) for role in channels}
    ticks = {role: speaking_ticks(channel.utterances, dialogue.span_s) for role, channel in channels.items()}
    count = len(ticks[Role.CALLER])
    if count < 2:
        return {role: _missing(Reason.TOO_LITTLE_SPEECH, speech_s, count) for role in channels}
    shifts = choose_shifts(count, surrogates, seed)
    tables = {role: shifted_counts(ticks[role], ticks[role.other], np.concatenate([[0], shifts])) for role in channels}
    fit = fit_counts(np.concatenate(list(tables.values())))
    found: dict[Role, Influence] = {}
    for role, rows in zip(tables, np.split(np.arange(len(fit.weight)), 2), strict=True):
        own, other = ticks[role], ticks[role.other]
        constant = any(np.all(part == part[0]) for part in (own[:-1], own[1:], other[:-1]))
        missing = _missing(Reason.NO_VARIATION, speech_s, count)
        found[role] = missing if constant else _compare(Fit(fit.weight[rows], fit.se[rows], fit.strength[rows]), speech_s, count)
    return found


def speaking_ticks(utterances: tuple[Utterance, ...], span_s: tuple[float, float]) -> NDArray[np.bool_]:
    """Return for each whole tick of the span whether the party speaks in at least half of it.

    Parameters
    ----------
    utterances
        Of one party, in time order, without overlap, inside the span.
    span_s
        (first onset, last offset) of the conversation, seconds.

    Returns
    -------
    bool [floor(span / 0.5 s)]
        Exact for times on the 10 ms grid, wherever the span begins.
    """
    first = round(span_s[0] / HOP_S)
    edges = np.arange(0, round(span_s[1] / HOP_S) - first + 1, _TICK_FRAMES)
    if not utterances:
        return np.zeros(len(edges) - 1, np.bool_)
    times = np.rint(np.array([(u.start_s, u.end_s) for u in utterances]) / HOP_S).astype(np.int64) - first
    starts, ends = times[:, 0], times[:, 1]
    spoken = np.concatenate([[0], np.cumsum(ends - starts)])
    begun = np.searchsorted(starts, edges, side="right")
    unfinished = np.maximum(ends[begun - 1] - edges, 0) * (begun > 0)
    return np.asarray(np.diff(spoken[begun] - unfinished) * 2 >= _TICK_FRAMES)


@lru_cache(maxsize=64)
def choose_shifts(ticks: int, surrogates: int, seed: int) -> NDArray[np.int64]:
    """Return up to ``surrogates`` different circular shifts, none nearer to 0 than the least shift, in rising order."""
    least = max(1, min(MIN_SHIFT_TICKS, ticks // 4))
    shifts = np.arange(least, ticks - least + 1)
    if len(shifts) > surrogates:
        shifts = np.sort(np.random.default_rng(seed).choice(shifts, surrogates, replace=False))
    shifts.setflags(write=False)
    return shifts


def shifted_counts(own: NDArray[np.bool_], other: NDArray[np.bool_], shifts: NDArray[np.int64]) -> Array:
    """Count transitions of one party against the other, shifted in a circle.

    Parameters
    ----------
    own, other
        bool [n]: speaking, tick by tick.
    shifts
        int64 [m]: by how many ticks ``other`` is delayed.

    Returns
    -------
    float64 [m, 2, 2, 2]
        n(own[t-1], other[t-1], own[t]) over t = 1 .. n-1, by circular cross-correlation: one FFT gives all shifts, rounding makes the
        counts exact.
    """
    ticks = len(own)
    state = 2 * own[:-1] + own[1:]
    moves = np.zeros((4, ticks))
    moves[state, np.arange(ticks - 1)] = 1.0
    spectrum = np.fft.rfft(moves) * np.conj(np.fft.rfft(other.astype(float)))
    together = np.rint(np.fft.irfft(spectrum, ticks)[:, shifts]).T.reshape(-1, 2, 2)
    alone = moves.sum(axis=1).reshape(2, 2) - together
    return np.stack([alone, together], axis=2)


def fit_counts(counts: Array) -> Fit:
    """Fit the model to tables of counts.

    Parameters
    ----------
    counts
        float64 [m, 2, 2, 2], axes own before, other before, own now.

    Returns
    -------
    Fit
        Standard errors by the delta method from the binomial variance of each cell's probability, joined with what is known of any
        weight, that it lies in [0, 1]: 1 / se^2 = 1 / se_delta^2 + 12. So they exist at the edge a = 0, and with no data at all the
        answer is 0.29.
    """
    cells = counts.sum(axis=3).reshape(-1, 4) + 1.0
    speaking = (counts[..., 1].reshape(-1, 4) + 0.5) / cells
    total = cells.sum(axis=1, keepdims=True)
    share = cells / total
    x, y = _X - (share[:, 2:3] + share[:, 3:]), _Y - (share[:, 1:2] + share[:, 3:])
    var_x, var_y = (share * x * x).sum(axis=1, keepdims=True), (share * y * y).sum(axis=1, keepdims=True)
    cov = (share * x * y).sum(axis=1, keepdims=True)
    # Least squares with cell weights: each slope is a weighted sum of the four probabilities.
    determinant = var_x * var_y - cov * cov
    to_own, to_other = share * (var_y * x - cov * y) / determinant, share * (var_x * y - cov * x) / determinant
    own, other = (to_own * speaking).sum(axis=1), (to_other * speaking).sum(axis=1)
    noise = speaking * (1.0 - speaking) / cells
    var_own, var_other = (noise * to_own**2).sum(axis=1), (noise * to_other**2).sum(axis=1)
    cov_slopes = (noise * to_own * to_other).sum(axis=1)
    both = np.maximum(np.abs(own) + np.abs(other), _NO_SLOPE)
    weight = np.abs(other) / both
    # d a / d|b_j| = |b_i| / both^2, d a / d|b_i| = -|b_j| / both^2
    variance = (own**2 * var_other + other**2 * var_own - 2 * own * other * cov_slopes) / both**4
    variance = np.where(both > _NO_SLOPE, variance, np.inf)
    se = 1.0 / np.sqrt(1.0 / variance + 1.0 / _IGNORANCE_VARIANCE)
    return Fit(weight, se, np.abs(other) / np.sqrt(var_other))


def _compare(fit: Fit, speech_s: float, ticks: int) -> Influence:
    """Compare the fit of the first table with those of its surrogates, which follow it."""
    weight, se = float(fit.weight[0]), float(fit.se[0])
    found = Measure(weight, se, speech_s)
    count = len(fit.weight) - 1
    if count == 0:
        short = Measure.missing(Reason.TOO_LITTLE_SPEECH, speech_s)
        return Influence(found, short, short, short, ticks)
    chance, chance_se = float(fit.weight[1:].mean()), float(fit.weight[1:].std() / np.sqrt(count))
    p_value = (1 + int((fit.strength[1:] >= fit.strength[0]).sum())) / (count + 1)
    return Influence(
        weight=found,
        surrogate_mean=Measure(chance, chance_se, speech_s),
        excess=Measure(weight - chance, float(np.hypot(se, chance_se)), speech_s),
        p_value=Measure(p_value, float(np.sqrt(p_value * (1 - p_value) / (count + 1))), speech_s),
        ticks=ticks,
    )


def _missing(reason: Reason, speech_s: float, ticks: int) -> Influence:
    absent = Measure.missing(reason, speech_s)
    return Influence(absent, absent, absent, absent, ticks)
