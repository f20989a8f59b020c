"""Influence: how far one party's speaking depends on the other's, by the two-party influence model.

With s = speaking or not in ticks of 0.5 s,

    P(s_i[t] | s[t-1]) = (1 - a) P(s_i[t] | s_i[t-1]) + a P(s_i[t] | s_j[t-1]).

For two-valued s this is a sum of two effects, P(s_i[t] = 1) = c + b_i s_i[t-1] + b_j s_j[t-1] with b_i = (1 - a) D_i and b_j = a D_j,
where D_i and D_j say how strongly each conditional table reacts. The data determine b_i and b_j and no more; ``a`` follows under one
assumption, that both tables react equally strongly, |D_i| = |D_j|:

    a = |b_j| / (|b_i| + |b_j|).

b_j is the slope on the other's last tick *within* each pattern of one's own last three ticks (the eight patterns are strata), b_i the
slope on one's own last tick (probabilities by counts + 1/2), less what reaches it through the other. One imagined visit of each kind to
each stratum draws b_j to 0 where hardly anything was seen (two people who strictly alternate show almost nothing of influence).

The plainer estimator (both tables by counts from their margins, ``a`` by EM given the tables) was tried first and is kept in
``bench/simulation/baseline.py``. ``docs/validation.md`` shows the two side by side, ``docs/decisions/0050-influence-estimator.md``
derives why:

- its tables are already mixtures, so that its ``a`` tends to the share of explained *variance*, a^2 / (a^2 + (1-a)^2) without other
  links: .3 becomes .16 to .21;
- where only the other follows oneself, it takes that for the other's influence on oneself: up to 42 % of p-values under .05;
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

import math
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simpatico.signals.influence_model import HISTORY_TICKS, fit, shifted_moves, weight_se
from simpatico.signals.ticks import speaking_ticks
from simpatico.types import ChannelSpeech, Dialogue, Influence, Measure, Reason, Role

__all__ = ["MIN_SHIFT_TICKS", "choose_shifts", "influence"]

MIN_SHIFT_TICKS = 20
"""Least shift of a surrogate, 10 s: longer than nearly all turns, so that a shifted party is elsewhere in its own rhythm. A quarter of the
ticks when there are fewer than 80."""

Ticks = NDArray[np.bool_]


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
    moving = _moving(ticks)
    found = {role: _missing(Reason.NO_VARIATION, speech_s, count) for role in channels}
    if moving:
        own, other = np.array([ticks[role] for role in moving]), np.array([ticks[role.other] for role in moving])
        found |= zip(moving, _measure(own, other, choose_shifts(count, surrogates, seed), speech_s), strict=True)
    return found


def _moving(ticks: Mapping[Role, Ticks]) -> list[Role]:
    """Return the roles of whom there is something to explain: both parties changed between speaking and silence, before and after."""
    before = {role: _varies(own[HISTORY_TICKS - 1 : -1]) for role, own in ticks.items()}
    return [role for role, own in ticks.items() if before[role] and before[role.other] and _varies(own[HISTORY_TICKS:])]


def _varies(ticks: Ticks) -> bool:
    return bool(ticks.any()) and not ticks.all()


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


def _measure(own: Ticks, other: Ticks, shifts: NDArray[np.int64], speech_s: float) -> list[Influence]:
    """Return for each row of ``own`` and ``other`` the fit of the conversation as it was (the first shift, 0) beside those of its
    surrogates."""
    found = fit(shifted_moves(own, other, shifts))
    errors = weight_se(own, other, found.variance[:, 0])
    p_values = (found.strength >= found.strength[:, :1]).mean(axis=1)
    return [
        _influence(weights, se, p_value, speech_s, own.shape[1]) if known else _missing(Reason.TOO_LITTLE_SPEECH, speech_s, own.shape[1])
        for weights, se, p_value, known in zip(found.weight, errors.tolist(), p_values.tolist(), found.known[:, 0], strict=True)
    ]


def _influence(weights: NDArray[np.float64], se: float, p_value: float, speech_s: float, ticks: int) -> Influence:
    """Return the figures of one party from its weight and, behind it, those of the surrogates."""
    weight, surrogates = float(weights[0]), weights[1:]
    chance, chance_se = float(surrogates.mean()), float(surrogates.std() / np.sqrt(len(surrogates)))
    return Influence(
        weight=Measure(weight, se, speech_s),
        surrogate_mean=Measure(chance, chance_se, speech_s),
        excess=Measure(weight - chance, float(np.hypot(se, chance_se)), speech_s),
        p_value=Measure(p_value, math.sqrt(p_value * (1.0 - p_value) / len(weights)), speech_s),
        ticks=ticks,
    )


def _missing(reason: Reason, speech_s: float, ticks: int) -> Influence:
    absent = Measure.missing(reason, speech_s)
    return Influence(absent, absent, absent, absent, ticks)
