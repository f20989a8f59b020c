"""F1-F3 and their bandwidths by linear prediction of the long power spectrum of voiced frames, with noise taken out of it.

The autocorrelation is the inverse transform of the power spectrum up to 4 kHz (8 kHz input) or 5.5 kHz (16 kHz), pre-emphasised by
multiplication, so no second FFT and no resampling is needed (selective linear prediction [1]_); Levinson-Durbin; all roots.

Noise: a voice repeats itself after a period T0 and noise does not, so the spectrum of the autocorrelation one period away, which is the
power spectrum times ``cos(w T0)``, holds the voice alone when summed over one F0 about a frequency; over the sum of the plain power it is
the share of voice there (the frequency domain's form of what [2]_ does with lags). Both sums are remembered through a voiced stretch,
each frame counting ``SHARE_MEMORY`` of the one after it. The power is multiplied by a power of the share.

What a line cuts off at the ends of the spectrum is unknown rather than silent: see :mod:`.band_edges`.

Resonances go to the slots F1-F3 by least cost, and a slot stays empty where that is cheaper [3]_. F3 is the mean of what is known of it
by the frames of its voiced stretch so far, each weighed by its error, which goes by the share of voice where it was found [6]_; a
stretch begins with a neutral vocal tract. Bandwidths, which single frames hardly tell, are geometric means over the voiced stretch so
far, beginning with ``WIDTH_PRIOR`` frames of a neutral vocal tract. Nothing looks ahead, and nothing is remembered from one voiced
stretch to the next.

References
----------
.. [1] Makhoul (1975), Linear prediction: a tutorial review, Proc. IEEE 63(4).
.. [2] Boersma (1993), Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio, IFA Proceedings 17.
.. [3] McCandless (1974), An algorithm for automatic formant extraction using linear prediction spectra, IEEE TASSP 22(2).
.. [4] Klatt (1980), Software for a cascade/parallel formant synthesizer, JASA 67(3): bandwidths of vowels.
.. [5] Markel & Gray (1976), Linear Prediction of Speech: formant ``f = arg(z) fs / 2 pi``, bandwidth ``-ln|z| fs / pi``.
.. [6] Kalman (1960), A new approach to linear filtering and prediction problems, J. Basic Engineering 82(1).
"""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np

from .band_edges import completed
from .prediction import ORDER, lags, predictor
from .windows import LONG_BIN_HZ, Float

CEILING_HZ = {8000: 4000.0, 16000: 5500.0}
PRE_EMPHASIS_HZ = 50.0
SHARE_STEP = 4
"""Bins from one place where the share is known to the next: 62.5 Hz; between them its power is interpolated."""
SHARE_MEMORY = 0.7
SHARE_EXPONENT = 1.5
SHARE_FLOOR = 0.03
SUM_FLOOR = 1e-6
"""Of the whole spectrum's power: where less than this lies about a frequency, nothing is said to be voice."""
RANGE_HZ = ((150.0, 1100.0), (600.0, 2800.0), (1500.0, 3500.0))
NEUTRAL_HZ = (500.0, 1500.0, 2600.0)
SPREAD = (0.35, 0.35, 0.18)
"""Of the logarithm of each formant about its neutral place."""
WIDEST_HZ = (400.0, 400.0, 500.0)
"""A root with a wider band is no formant: it shapes the spectrum's tilt."""
NARROWEST_HZ = 30.0
"""No resonance of a vocal tract is narrower; narrower roots (harmonics) count as this wide."""
PLACE_COST, WIDTH_COST, EMPTY_COST = 0.5, 0.3, 3.0
"""Of a squared spread from the neutral place, of each factor e of bandwidth above 100 Hz, of a slot left empty."""
NEUTRAL_WIDTH_HZ = (70.0, 100.0, 160.0)
"""About the middle of what [4]_ has for vowels."""
WIDTH_PRIOR = (30.0, 10.0, 30.0)
"""Frames' worth of it that each voiced stretch begins with."""
THIRD = 2
"""The slot of F3, the formant that noise hides."""
THIRD_ERROR = 0.007
"""SD of the logarithm of F3 of one frame where all of the power about it is voice; it goes with the share to the power of -2."""
THIRD_STEP = 0.1
"""SD of the logarithm's change from frame to frame. Not more is unknown than in a neutral tract: its SPREAD."""


def formants(magnitudes: Float, f0_hz: Float, rate_hz: int) -> tuple[Float, Float]:
    """Frequencies and bandwidths of F1-F3.

    Parameters
    ----------
    magnitudes
        Of :func:`windows.long_magnitudes` [n, bins].
    f0_hz
        Of the same frames [n], 0 where unvoiced.

    Returns
    -------
    frequency_hz, bandwidth_hz
        [n, 3]; 0 where there is no such resonance, in unvoiced frames and in digital silence.
    """
    frequency, bandwidth = np.zeros((len(f0_hz), 3)), np.zeros((len(f0_hz), 3))
    for stretch in stretches(f0_hz):
        power, share = voice_power(magnitudes[stretch], f0_hz[stretch], rate_hz)
        for j, p in zip(stretch, power, strict=True):
            if p.any():
                a, _ = predictor(lags(completed(p, rate_hz), ORDER[rate_hz]))
                frequency[j], bandwidth[j] = slots(*resonances(a, 2 * CEILING_HZ[rate_hz]))
        frequency[stretch, THIRD] = followed(frequency[stretch, THIRD], share)
        bandwidth[stretch] = steadied(bandwidth[stretch])
    return frequency, bandwidth


def stretches(f0_hz: Float) -> list[Float]:
    """Indices of the frames of each voiced stretch."""
    voiced = np.nonzero(f0_hz > 0)[0]
    return [s for s in np.split(voiced, np.nonzero(np.diff(voiced) > 1)[0] + 1) if len(s)]


def voice_power(magnitudes: Float, f0_hz: Float, rate_hz: int) -> tuple[Float, Float]:
    """Pre-emphasised power of the voice at every other bin in the frames of one voiced stretch [n, top / 2 + 1], and its share of all
    power at the places where that is known [n, places]."""
    top = round(CEILING_HZ[rate_hz] / LONG_BIN_HZ)
    a = np.exp(-np.pi * PRE_EMPHASIS_HZ / CEILING_HZ[rate_hz])
    power = magnitudes[:, : top + 1] ** 2 * (1 + a * a - 2 * a * np.cos(np.pi * np.arange(top + 1) / top))
    share = voice_share(power, f0_hz)
    return _every_other(power) * voice_weight(share, top + 1), share


def voice_share(power: Float, f0_hz: Float) -> Float:
    """Share of the power that is voice about every SHARE_STEP-th bin in the frames of one voiced stretch [n, places]."""
    n, bins = power.shape
    centre = np.arange(0, bins, SHARE_STEP)
    share = np.zeros((n, len(centre)))
    periodic, whole, total = np.zeros(len(centre)), np.zeros(len(centre)), 0.0
    for j in range(n):
        width = f0_hz[j] / LONG_BIN_HZ
        weighted = power[j] * np.cos(2 * np.pi * np.arange(bins) / width)
        periodic = SHARE_MEMORY * periodic + _sum_about(weighted, centre, width)
        whole = SHARE_MEMORY * whole + _sum_about(power[j], centre, width)
        total = SHARE_MEMORY * total + power[j].sum()
        share[j] = np.clip(periodic / np.maximum(whole, max(SUM_FLOOR * total, 1e-30)), SHARE_FLOOR, 1)
    return share


def voice_weight(share: Float, bins: int) -> Float:
    """The share to the power of SHARE_EXPONENT at every other of so many bins [n, bins // 2 + 1]."""
    at, places = np.arange(0, bins, 2), np.arange(0, bins, SHARE_STEP)
    return np.array([np.interp(at, places, row**SHARE_EXPONENT) for row in share])


def _sum_about(x: Float, centre: Float, width: float) -> Float:
    """Sum over ``width`` bins (less at the ends) about each centre, parts of bins in proportion."""
    sums, edges = np.concatenate([[0.0], np.cumsum(x)]), np.arange(len(x) + 1)
    low, high = (np.clip(centre + 0.5 + side * width / 2, 0, len(x)) for side in (-1, 1))
    return np.asarray(np.interp(high, edges, sums) - np.interp(low, edges, sums))


def _every_other(power: Float) -> Float:
    """Every other bin with half of its neighbours [n, top / 2 + 1]: two bins' worth, as a window of half the length would have it."""
    odd = np.pad(power[:, 1::2] / 2, ((0, 0), (1, 1)))
    return power[:, ::2] + odd[:, :-1] + odd[:, 1:]


def slots(f: Float, b: Float) -> tuple[Float, Float]:
    """Which resonances are F1-F3: the cheapest ascending choice, 0 where a slot stays empty [3]_."""
    best, found = np.inf, (-1, -1, -1)
    cost = [[_cost(slot, x, w) for x, w in zip(f, b, strict=True)] for slot in range(3)]
    for choice in product(range(-1, len(f)), repeat=3):
        taken = [k for k in choice if k >= 0]
        if any(low >= high for low, high in pairwise(taken)):
            continue
        total = sum(EMPTY_COST if k < 0 else cost[slot][k] for slot, k in enumerate(choice))
        if total < best:
            best, found = total, choice
    width = np.maximum(b, NARROWEST_HZ)
    return np.array([f[k] if k >= 0 else 0.0 for k in found]), np.array([width[k] if k >= 0 else 0.0 for k in found])


def _cost(slot: int, f: float, b: float) -> float:
    low, high = RANGE_HZ[slot]
    if not (low < f < high and b < WIDEST_HZ[slot]):
        return np.inf
    place = np.log(f / NEUTRAL_HZ[slot]) / SPREAD[slot]
    return float(PLACE_COST * place**2 + WIDTH_COST * np.log(max(b, NARROWEST_HZ) / 100.0))


def steadied(bandwidth: Float) -> Float:
    """Geometric mean of each slot's bandwidths so far in a voiced stretch; a frame without stays 0 [n, 3]."""
    out = bandwidth.copy()
    for slot in range(3):
        there = bandwidth[:, slot] > 0
        total = WIDTH_PRIOR[slot] * np.log(NEUTRAL_WIDTH_HZ[slot]) + np.cumsum(np.log(bandwidth[there, slot]))
        out[there, slot] = np.exp(total / (WIDTH_PRIOR[slot] + np.arange(1, there.sum() + 1)))
    return out


def followed(frequency: Float, share: Float) -> Float:
    """F3 in the frames of one voiced stretch as all frames so far tell it [n] (a scalar Kalman filter [6]_); a frame without stays 0."""
    out = frequency.copy()
    known, variance = np.log(NEUTRAL_HZ[THIRD]), SPREAD[THIRD] ** 2
    for j in range(len(frequency)):
        variance = min(variance + THIRD_STEP**2, SPREAD[THIRD] ** 2)
        if frequency[j] > 0:
            place = int(frequency[j] / (SHARE_STEP * LONG_BIN_HZ) + 0.5)
            gain = variance / (variance + (THIRD_ERROR / share[j, place] ** 2) ** 2)
            known += gain * (np.log(frequency[j]) - known)
            variance *= 1 - gain
            out[j] = np.exp(known)
    return out


def held(frequency: Float, f0_hz: Float) -> Float:
    """Where to look for levels: in voiced frames an empty slot has the last frequency of its stretch, or the neutral one [n, 3]."""
    out = frequency.copy()
    for stretch in stretches(f0_hz):
        last = np.array(NEUTRAL_HZ)
        for j in stretch:
            last = out[j] = np.where(frequency[j] > 0, frequency[j], last)
    return out


def resonances(a: Float, effective_rate_hz: float) -> tuple[Float, Float]:
    """Frequencies, ascending, and bandwidths of the complex roots, Hz [5]_."""
    z = np.roots(a)
    z = z[z.imag > 0]
    f = np.angle(z) * effective_rate_hz / (2 * np.pi)
    order = np.argsort(f)
    return f[order], (-np.log(np.maximum(np.abs(z), 1e-9)) * effective_rate_hz / np.pi)[order]
