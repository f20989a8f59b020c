"""F1-F3 and their bandwidths by linear prediction of the short power spectrum.

The autocorrelation is the inverse transform of the short power spectrum up to 4 kHz (8 kHz input) or 5.5 kHz (16 kHz), pre-emphasised by
multiplication, so no second FFT and no resampling is needed (selective linear prediction [1]_); Levinson-Durbin; all roots.

In voiced frames noise is taken out of the spectrum first. Between harmonics there is only noise, so the long power spectrum weighted by
``cos(w T0)`` (which is the spectrum of the autocorrelation one period away: noise is not alike there) over the plain one, each summed over
one F0 around a frequency, is the share of it that is voice; the short spectrum is multiplied by a power of that share. Resonances go to the
slots F1-F3 by least cost, with a slot left empty where that is cheaper [4]_; bandwidths are averaged over time.

References
----------
.. [1] Makhoul (1975), Linear prediction: a tutorial review, Proc. IEEE 63(4).
.. [2] Markel & Gray (1976), Linear Prediction of Speech: formant ``f = arg(z) fs / 2 pi``, bandwidth ``-ln|z| fs / pi``.
.. [3] Boersma & Weenink, Praat manual, "Sound: To Formant (burg)": five formants up to 5.5 kHz, pre-emphasis from 50 Hz, 50 Hz margins.
.. [4] McCandless (1974), An algorithm for automatic formant extraction using linear prediction spectra, IEEE TASSP 22(2): slots.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from .windows import BIN_HZ, LONG_BIN_HZ, Float

CEILING_HZ = {8000: 4000.0, 16000: 5500.0}
ORDER = {8000: 8, 16000: 11}
"""Two poles per formant expected below the ceiling."""
PRE_EMPHASIS_HZ = 50.0
MARGIN_HZ = 50.0
"""Roots nearer than this to 0 or the ceiling are not formants [3]_."""
SHARE_REACH = 8
"""Frames to either side over whose voiced ones the share of voice is measured."""
SHARE_EXPONENT = 1.5
SHARE_FLOOR = 0.03
RANGE_HZ = ((150.0, 1100.0), (600.0, 2800.0), (1500.0, 3500.0))
NEUTRAL_HZ = (500.0, 1500.0, 2600.0)
SPREAD = (0.35, 0.35, 0.18)
"""Of the logarithm of each formant about its neutral place."""
WIDEST_HZ = (400.0, 400.0, 500.0)
"""A root with a wider band is no formant."""
PLACE_COST, WIDTH_COST, EMPTY_COST = 0.5, 0.3, 3.0
"""Of a squared spread from the neutral place, of each factor e of bandwidth above 100 Hz, of a slot left empty."""
WIDTH_REACH = 18
"""Frames to either side over whose voiced ones the logarithm of bandwidth is averaged."""
NOISE_FLOOR = 1e-9
"""Added to lag 0, as a share: keeps the recursion well conditioned (-90 dB)."""


def formants(magnitudes: Float, long_magnitudes: Float, f0_hz: Float, rate_hz: int) -> tuple[Float, Float]:
    """Frequencies and bandwidths of F1-F3.

    Returns
    -------
    frequency_hz, bandwidth_hz
        [n, 3]; 0 where there is no such resonance or the frame is digital silence.
    """
    frequency, bandwidth = np.zeros((len(magnitudes), 3)), np.zeros((len(magnitudes), 3))
    top = round(CEILING_HZ[rate_hz] / BIN_HZ)
    share = voice_share(long_magnitudes, f0_hz, rate_hz)
    acf = autocorrelation(magnitudes[:, : top + 1] * share ** (SHARE_EXPONENT / 2), rate_hz)
    for j, r in enumerate(acf):
        if r[0] > 0:
            frequency[j], bandwidth[j] = slots(*resonances(predictor(r), 2 * CEILING_HZ[rate_hz]))
    return frequency, steadied(bandwidth, f0_hz)


def voice_share(long_magnitudes: Float, f0_hz: Float, rate_hz: int) -> Float:
    """Share of the power that is voice, by bin of the short spectrum [n, top + 1]; 1 in unvoiced frames."""
    top = round(CEILING_HZ[rate_hz] / LONG_BIN_HZ)
    power = long_magnitudes[:, : top + 1] ** 2
    bins = np.arange(top + 1)
    voiced = np.nonzero(f0_hz > 0)[0]
    periodic, whole = np.zeros((2, len(f0_hz), top // 2 + 1))
    for j in voiced:
        width = f0_hz[j] / LONG_BIN_HZ
        periodic[j] = _local_mean(power[j] * np.cos(2 * np.pi * bins / width), width)
        whole[j] = _local_mean(power[j], width)
    share = np.ones((len(f0_hz), top // 2 + 1))
    for j in voiced:
        near = voiced[np.abs(voiced - j) <= SHARE_REACH]
        share[j] = np.clip(periodic[near].sum(0) / np.maximum(whole[near].sum(0), 1e-30), SHARE_FLOOR, 1)
    return share


def _local_mean(x: Float, width: float) -> Float:
    """Mean over ``width`` bins (less at the ends) around every second one, ends interpolated."""
    sums = np.concatenate([[0.0], np.cumsum(x)])
    centre, edges = np.arange(0, len(x), 2), np.arange(len(x) + 1)
    low, high = (np.clip(centre + 0.5 + side * width / 2, 0, len(x)) for side in (-1, 1))
    return (np.interp(high, edges, sums) - np.interp(low, edges, sums)) / (high - low)


def slots(f: Float, b: Float) -> tuple[Float, Float]:
    """Which resonances are F1-F3: the cheapest ascending choice, 0 where a slot stays empty [3]."""
    best, found = np.inf, (-1, -1, -1)
    cost = [[_cost(slot, x, w) for x, w in zip(f, b, strict=True)] for slot in range(3)]
    for choice in product(range(-1, len(f)), repeat=3):
        taken = [k for k in choice if k >= 0]
        if any(low >= high for low, high in zip(taken, taken[1:], strict=False)):
            continue
        total = sum(EMPTY_COST if k < 0 else cost[slot][k] for slot, k in enumerate(choice))
        if total < best:
            best, found = total, choice
    return np.array([f[k] if k >= 0 else 0.0 for k in found]), np.array([b[k] if k >= 0 else 0.0 for k in found])


def _cost(slot: int, f: float, b: float) -> float:
    low, high = RANGE_HZ[slot]
    if not (low < f < high and b < WIDEST_HZ[slot]):
        return np.inf
    place = np.log(f / NEUTRAL_HZ[slot]) / SPREAD[slot]
    return float(PLACE_COST * place**2 + WIDTH_COST * np.log(max(b, 30.0) / 100.0))


def steadied(bandwidth: Float, f0_hz: Float) -> Float:
    """Geometric mean over the voiced frames near each voiced one that have a bandwidth; a frame without stays 0 [n, 3]."""
    out, voiced = bandwidth.copy(), f0_hz > 0
    for slot in range(3):
        there = np.nonzero(voiced & (bandwidth[:, slot] > 0))[0]
        for j in there:
            out[j, slot] = np.exp(np.log(bandwidth[there[np.abs(there - j) <= WIDTH_REACH], slot]).mean())
    return out


def held(frequency: Float, f0_hz: Float) -> Float:
    """Where to look for levels: in voiced frames an empty slot has the last frequency found, or the neutral one [n, 3]."""
    out, last = frequency.copy(), np.array(NEUTRAL_HZ)
    for j in np.nonzero(f0_hz > 0)[0]:
        last = out[j] = np.where(frequency[j] > 0, frequency[j], last)
    return out


def autocorrelation(magnitudes: Float, rate_hz: int) -> Float:
    """Lags 0 to ORDER of the pre-emphasised spectrum below the ceiling [n, order + 1]."""
    top = round(CEILING_HZ[rate_hz] / BIN_HZ)
    w = np.pi * np.arange(top + 1) / top
    a = np.exp(-2 * np.pi * PRE_EMPHASIS_HZ / (2 * CEILING_HZ[rate_hz]))
    power = magnitudes[:, : top + 1] ** 2 * (1 + a * a - 2 * a * np.cos(w))
    power[:, [0, top]] /= 2
    r = power @ np.cos(np.arange(ORDER[rate_hz] + 1)[None, :] * w[:, None])
    r[:, 0] *= 1 + NOISE_FLOOR
    return r


def predictor(r: Float) -> Float:
    """Levinson-Durbin: ``1, a_1 .. a_p`` of the inverse filter from lags 0 to p."""
    a = np.zeros(len(r))
    a[0], error = 1.0, r[0]
    for i in range(1, len(r)):
        k = -(a[:i] @ r[i:0:-1]) / error
        a[1 : i + 1] += k * a[i - 1 :: -1][:i]
        error *= 1 - k * k
    return a


def resonances(a: Float, effective_rate_hz: float) -> tuple[Float, Float]:
    """Frequencies, ascending, and bandwidths of the complex roots between the margins, Hz."""
    z = np.roots(a)
    z = z[z.imag > 0]
    f = np.angle(z) * effective_rate_hz / (2 * np.pi)
    b = -np.log(np.maximum(np.abs(z), 1e-9)) * effective_rate_hz / np.pi
    keep = (f > MARGIN_HZ) & (f < effective_rate_hz / 2 - MARGIN_HZ)
    order = np.argsort(f[keep])
    return f[keep][order], b[keep][order]
