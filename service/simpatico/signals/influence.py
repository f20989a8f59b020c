"""Influence: how far one party's speaking depends on the other's, by the two-party influence model.

With s = speaking or not in ticks of 0.5 s,

    P(s_i[t] | s[t-1]) = (1 - a) P(s_i[t] | s_i[t-1]) + a P(s_i[t] | s_j[t-1]).

For two-valued s this is a sum of two effects, P(s_i[t] = 1) = c + b_i s_i[t-1] + b_j s_j[t-1] with b_i = (1 - a) D_i and b_j = a D_j,
where D_i and D_j say how strongly each conditional table reacts. The data determine b_i and b_j and no more; ``a`` follows under one
assumption, that both tables react equally strongly, |D_i| = |D_j|:

    a = |b_j| / (|b_i| + |b_j|).

b_j is the slope on the other's last tick *within* each pattern of one's own last three ticks (the eight patterns are strata), b_i the
slope on one's own last tick, less what reaches it through the other. Probabilities are by counts + 1/2.

The plainer estimator (both tables by counts from their margins, ``a`` by EM given the tables) was tried first and is kept in
``bench/simulation/baseline.py``. ``docs/validation.md`` shows the two side by side, ``docs/decisions/0050-influence-estimator.md``
derives why:

- its tables are already mixtures, so that its ``a`` tends to the share of explained *variance*, a^2 / (a^2 + (1-a)^2): .3 becomes .16;
- where only the other follows oneself, it takes that for the other's influence on oneself: a third of p-values under .05 where 5 % belong;
- with one tick of own past, any party whose rhythm is not memoryless, which is everybody, seems to be influenced by whoever follows it,
  because the follower's state tells of that past: up to 95 % of p-values under .05. Three ticks end this.

What is not corrected: where the other's table truly reacts less strongly than the own, the estimate is smaller than the ``a`` of such a
model, because nothing can tell a weak table from a small weight. And with few ticks the weight is above 0 even without any influence, as
every absolute value is: read ``excess``, from which the mean over surrogates is taken off, and ``p_value``.

Surrogates shift the other party in a circle by at least 10 s, which keeps each party's own rhythm and breaks the link. p compares |b_j| /
se(b_j) with its values over surrogates: the slope is known less exactly when the other's state goes with one's own past, which shifting
ends, and an unstudentised comparison takes that for influence.

References
----------
Basu, S., Choudhury, T., Clarkson, B. & Pentland, A. (2001). Learning human interactions with the influence model. MIT Media Lab TR 539.
Mantel, N. & Haenszel, W. (1959). Statistical aspects of the analysis of data from retrospective studies of disease. JNCI 22(4), 719-748.
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

from simpatico.signals.ticks import speaking_ticks
from simpatico.types import ChannelSpeech, Dialogue, Influence, Measure, Reason, Role

__all__ = ["HISTORY_TICKS", "MIN_SHIFT_TICKS", "Fit", "choose_shifts", "fit_shifted", "influence"]

HISTORY_TICKS = 3
"""Ticks of one's own past that are held fixed, 1.5 s. Measured: one is too few (see above), two to five do equally well, at the same
power."""
MIN_SHIFT_TICKS = 20
"""Least shift of a surrogate, 10 s: longer than nearly all turns, so that a shifted party is elsewhere in its own rhythm. A quarter of the
ticks when there are fewer than 80."""
_IGNORANCE_VARIANCE = 1 / 12
"""Variance of a weight of which nothing is known but that it lies in [0, 1]: no standard error is larger than its root, 0.29."""
_NO_SCATTER = 0.25
"""Half of the least scatter (visits x variance of the other's state) of a stratum where the other's state differs at all, which is 1/2."""
_NO_SLOPE = 1e-9
"""Two slopes that together are smaller than this (rounding of exactly balanced counts) say nothing of their ratio."""

Array = NDArray[np.float64]
Ticks = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Fit:
    """The influence model fitted with the other party shifted in several ways.

    Attributes
    ----------
    weight
        float64 [m], in [0, 1]: ``a``.
    se
        float64 [m]: its standard error, at most 0.29.
    strength
        float64 [m], at least 0: |b_j| / se(b_j) as if there were no influence, what p-values compare.
    known
        bool [m]: whether the other's state ever differed while the own past was the same. Without that there is nothing to estimate from.
    """

    weight: Array
    se: Array
    strength: Array
    known: NDArray[np.bool_]


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
        For each role of ``channels``. Missing with ``Reason.ONE_CHANNEL``, ``NO_SPEECH`` (of either party), ``TOO_LITTLE_SPEECH`` (four
        ticks or fewer, or the other's state never differed while the own past was the same) or ``NO_VARIATION`` (a party that always or
        never speaks). About 300 ticks (2.5 minutes) are needed for power; with fewer the standard error says so.
    """
    speech_s = sum(channel.speech_s for channel in channels.values())
    if len(channels) < 2:
        return {role: _missing(Reason.ONE_CHANNEL, speech_s, 0) for role in channels}
    if dialogue.span_s is None or not all(channel.utterances for channel in channels.values()):
        return {role: _missing(Reason.NO_SPEECH, speech_s, 0) for role in channels}
    ticks = {role: speaking_ticks(channel.utterances, dialogue.span_s) for role, channel in channels.items()}
    count = len(ticks[Role.CALLER])
    if count <= HISTORY_TICKS + 1:
        return {role: _missing(Reason.TOO_LITTLE_SPEECH, speech_s, count) for role in channels}
    shifts = choose_shifts(count, surrogates, seed)
    return {role: _measure(ticks[role], ticks[role.other], shifts, speech_s) for role in channels}


@lru_cache(maxsize=64)
def choose_shifts(ticks: int, surrogates: int, seed: int) -> NDArray[np.int64]:
    """Return 0, and up to ``surrogates`` different circular shifts, none nearer to 0 than the least shift, in rising order."""
    least = max(1, min(MIN_SHIFT_TICKS, ticks // 4))
    shifts = np.arange(least, ticks - least + 1)
    if len(shifts) > surrogates:
        shifts = np.sort(np.random.default_rng(seed).choice(shifts, surrogates, replace=False))
    found = np.concatenate([[0], shifts])
    found.setflags(write=False)
    return found


def fit_shifted(own: Ticks, other: Ticks, shifts: NDArray[np.int64]) -> Fit:
    """Fit the model to one party with the other shifted in a circle.

    Parameters
    ----------
    own, other
        bool [n], n > HISTORY_TICKS: speaking, tick by tick; ``own`` speaks in some tick before the last and is silent in some.
    shifts
        int64 [m]: by how many ticks ``other`` is delayed.

    Returns
    -------
    Fit
        Standard errors by the delta method from the binomial variance within each stratum, joined with what is known of any weight, that it
        lies in [0, 1]: 1 / se^2 = 1 / se_delta^2 + 12. So they exist at the edge a = 0, and without any data the answer would be 0.29.
    """
    visits, spoken, with_other, both = _count(own, other, shifts)
    chance = (spoken + 0.5) / (visits + 1.0)
    # Within strata: how the own next tick goes with the other's last one (Mantel & Haenszel 1959).
    size = np.maximum(visits, 1.0)
    scatter = with_other * (1.0 - with_other / size)
    total = scatter.sum(axis=1)
    known = total > _NO_SCATTER
    excess = both - (with_other * (spoken / size)).sum(axis=1)
    noise = (scatter * (chance * (1.0 - chance))).sum(axis=1)
    to_other = np.divide(excess, total, out=np.zeros_like(total), where=known)
    var_other = np.divide(noise, total**2, out=np.full_like(total, np.inf), where=known)
    strength = np.divide(np.abs(excess), np.sqrt(noise), out=np.zeros_like(total), where=known)
    to_own, var_own, path = _own_slope(visits, spoken, with_other)
    # What reaches the own last tick through the other is not one's own.
    through_other = np.where(known, var_other, 0.0)
    weight, se = _share(to_own - path * to_other, to_other, var_own + path**2 * through_other, var_other, -path * through_other)
    return Fit(weight, se, strength, known)


def _count(own: Ticks, other: Ticks, shifts: NDArray[np.int64]) -> tuple[Array, Array, Array, Array]:
    """Count over t = HISTORY_TICKS .. n-1, by cross-correlation: one FFT gives all shifts, rounding makes the counts exact. A circle is
    two lags, n apart.

    Returns float64 arrays: visits [strata] of each pattern of own past, those after which one spoke [strata], those in which the other
    spoke [m, strata], and all in which the other spoke and one spoke next [m]. Patterns are numbers whose last bit is the own last tick.
    """
    ticks, strata = len(own), 1 << HISTORY_TICKS
    windows = np.lib.stride_tricks.sliding_window_view(own[:-1], HISTORY_TICKS)
    pattern = windows @ (1 << np.arange(HISTORY_TICKS)[::-1])
    now = own[HISTORY_TICKS:]
    series = np.zeros((strata + 1, ticks))
    at = np.arange(HISTORY_TICKS - 1, ticks - 1)
    series[pattern, at] = 1.0
    series[strata, at] = now
    length = _fft_length(2 * ticks)
    spectrum = np.fft.rfft(series, length) * np.conj(np.fft.rfft(other.astype(float), length))
    lagged = np.fft.irfft(spectrum, length)
    together: Array = np.rint(lagged[:, shifts] + lagged[:, shifts - ticks]).T
    visits = np.bincount(pattern, minlength=strata).astype(float)
    spoken = np.bincount(pattern, now, strata).astype(float)
    return visits, spoken, together[:, :strata], together[:, strata]


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


def _own_slope(visits: Array, spoken: Array, with_other: Array) -> tuple[float, float, Array]:
    """Return the slope on the own last tick when the other is left out, its variance, and by how much the other's state rises with it
    [m]."""
    speaking = np.arange(len(visits)) % 2 == 1
    count = np.array([visits[~speaking].sum(), visits[speaking].sum()])
    chance = (np.array([spoken[~speaking].sum(), spoken[speaking].sum()]) + 0.5) / (count + 1.0)
    variance = float((chance * (1.0 - chance) / count).sum())
    other = np.stack([with_other[:, ~speaking].sum(axis=1), with_other[:, speaking].sum(axis=1)])
    path = other[1] / count[1] - other[0] / count[0]
    return float(chance[1] - chance[0]), variance, path


def _share(own: Array, other: Array, var_own: Array, var_other: Array, covariance: Array) -> tuple[Array, Array]:
    """Return |other| / (|own| + |other|) and its standard error."""
    both = np.maximum(np.abs(own) + np.abs(other), _NO_SLOPE)
    # d a / d|b_j| = |b_i| / both^2, d a / d|b_i| = -|b_j| / both^2
    with np.errstate(invalid="ignore"):
        variance = (own**2 * var_other + other**2 * var_own - 2.0 * own * other * covariance) / both**4
    usable = np.isfinite(variance) & (both > _NO_SLOPE)
    precision = np.divide(1.0, variance, out=np.zeros_like(both), where=usable)
    return np.abs(other) / both, 1.0 / np.sqrt(precision + 1.0 / _IGNORANCE_VARIANCE)


def _measure(own: Ticks, other: Ticks, shifts: NDArray[np.int64], speech_s: float) -> Influence:
    """Return the fit of the conversation as it was (the first shift, 0) beside those of its surrogates."""
    ticks, count = len(own), len(shifts) - 1
    if any(np.all(part == part[0]) for part in (own[HISTORY_TICKS - 1 : -1], own[HISTORY_TICKS:], other[HISTORY_TICKS - 1 : -1])):
        return _missing(Reason.NO_VARIATION, speech_s, ticks)
    fit = fit_shifted(own, other, shifts)
    if not fit.known[0]:
        return _missing(Reason.TOO_LITTLE_SPEECH, speech_s, ticks)
    weight, se = float(fit.weight[0]), float(fit.se[0])
    chance, chance_se = float(fit.weight[1:].mean()), float(fit.weight[1:].std() / np.sqrt(count))
    p_value = float((fit.strength >= fit.strength[0]).mean())
    return Influence(
        weight=Measure(weight, se, speech_s),
        surrogate_mean=Measure(chance, chance_se, speech_s),
        excess=Measure(weight - chance, float(np.hypot(se, chance_se)), speech_s),
        p_value=Measure(p_value, float(np.sqrt(p_value * (1.0 - p_value) / (count + 1))), speech_s),
        ticks=ticks,
    )


def _missing(reason: Reason, speech_s: float, ticks: int) -> Influence:
    absent = Measure.missing(reason, speech_s)
    return Influence(absent, absent, absent, absent, ticks)
