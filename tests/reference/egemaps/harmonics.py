"""Harmonics of the long spectrum: HNR, H1-H2, H1-A3, formant amplitudes.

All take ``X`` of :func:`windows.long_magnitudes` [n, bins] (15.625 Hz apart) and the F0 in Hz of the same frames [n], 0 where unvoiced.

References
----------
.. [1] Eyben et al. (2016), IEEE TAC 7(2), appendix: ``HNR = 10 log10(r(T0) / (r(0) - r(T0)))`` on the autocorrelation of the windowed
frame; amplitude of formant i = highest harmonic in [0.8 Fi, 1.2 Fi] over the fundamental.
.. [2] Boersma (1993), IFA Proceedings 17: harmonicity from the autocorrelation.
"""

from __future__ import annotations

import numpy as np

from .windows import LONG_BIN_HZ, Float

HNR_FLOOR_DB = -100.0
"""[1]_; no more than 90 dB above for a perfectly periodic frame."""
PERIOD_SEARCH = 0.2
"""The peak of the autocorrelation is looked for within this share of the period: of 0.08 to 0.25 the nearest to openSMILE on real calls."""
FORMANT_REACH = 0.2
"""[1]_."""
NOT_VOICED_DB = -201.0
"""openSMILE's mark for an amplitude relative to a fundamental that is not there."""
LEVEL_FLOOR = 1e-10
FIRST = 1
"""Index of openSMILE's "H1" counted from the fundamental = 0: its logRelF0-H1-H2 is harmonic 2 over harmonic 3 (seen on vowels of known
harmonics). :func:`true_h1_h2_db` is the fundamental over the second harmonic."""


def autocorrelation(magnitudes: Float) -> Float:
    """Circular autocorrelation of the windowed frames by inverse FFT of the power [n, 2 (bins - 1)]."""
    return np.fft.irfft(magnitudes**2, axis=1)


def hnr_db(acf: Float, f0_hz: Float, rate_hz: int) -> Float:
    """Harmonics-to-noise ratio, dB [n]; 0 in unvoiced frames.

    The window's own autocorrelation is not divided out (unlike [2]_), so a perfectly periodic voice of 100 Hz has 7.1 dB, of 200 Hz 13.4
    dB.
    """
    out = np.zeros(len(f0_hz))
    for j in np.nonzero(f0_hz > 0)[0]:
        period = rate_hz / f0_hz[j]
        low, high = max(2, int(np.floor(period * (1 - PERIOD_SEARCH)))), int(np.ceil(period * (1 + PERIOD_SEARCH)))
        share = np.clip(acf[j, low : high + 1].max() / max(acf[j, 0], 1e-30), 1e-10, 1 - 1e-9)
        out[j] = max(HNR_FLOOR_DB, 10 * np.log10(share / (1 - share)))
    return out


def harmonic_levels_db(magnitudes: Float, f0_hz: float, rate_hz: int) -> Float:
    """Levels of the harmonics of one frame, fundamental first, dB [m].

    The local peak of the spectrum nearest to each multiple of F0, its height by a parabola through three magnitudes (not decibels: on
    real calls
    nine tenths of the frames then equal openSMILE's to 0.002 dB, against one hundredth with the bin's own height or a parabola in dB).
    """
    x = magnitudes
    peaks = np.nonzero((x[1:-1] >= x[:-2]) & (x[1:-1] >= x[2:]))[0] + 1
    bins = np.arange(1, int((rate_hz / 2 - f0_hz / 2) / f0_hz) + 1) * f0_hz / LONG_BIN_HZ
    if len(peaks) == 0:
        return 20 * np.log10(np.maximum(x[np.round(bins).astype(int)], LEVEL_FLOOR))
    left, top, right = x[peaks - 1], x[peaks], x[peaks + 1]
    bend = left - 2 * top + right
    height = np.where(bend < 0, top - (left - right) ** 2 / (8 * np.where(bend < 0, bend, -1)), top)
    return 20 * np.log10(np.maximum(height[np.abs(peaks[None, :] - bins[:, None]).argmin(1)], LEVEL_FLOOR))


def relative_levels(magnitudes: Float, f0_hz: Float, formants_hz: Float, rate_hz: int) -> tuple[Float, Float, Float]:
    """H1-H2, H1-A3 and the amplitudes of F1-F3 over the fundamental.

    Parameters
    ----------
    formants_hz
        F1-F3 of each frame [n, 3]; 0 where there is none.

    Returns
    -------
    h1_h2_db [n], h1_a3_db [n], amplitude_db [n, 3]
        Unvoiced frames have 0, 0 and -201; a formant that is not there has amplitude 0, and so has H1-A3 without F3: zeros take no part
        in means (openSMILE has -201 there, which would).
    """
    n = len(f0_hz)
    h1_h2, h1_a3, amplitude = np.zeros(n), np.zeros(n), np.full((n, 3), NOT_VOICED_DB)
    for j in np.nonzero(f0_hz > 0)[0]:
        h = harmonic_levels_db(magnitudes[j], f0_hz[j], rate_hz)
        a = np.array([formant_level_db(h, f0_hz[j], f) if f > 0 else np.nan for f in formants_hz[j]])
        h1_h2[j] = h[FIRST] - h[FIRST + 1]
        h1_a3[j] = np.nan_to_num(h[FIRST] - a[2], nan=0.0)
        amplitude[j] = np.nan_to_num(a - h[0], nan=0.0)
    return h1_h2, h1_a3, amplitude


def formant_level_db(levels: Float, f0_hz: float, formant_hz: float) -> float:
    """Highest harmonic within 20 % of the formant, or the nearest one when none is."""
    f = np.arange(1, len(levels) + 1) * f0_hz
    near = np.abs(f - formant_hz) <= FORMANT_REACH * formant_hz
    return float(levels[near].max()) if near.any() else float(levels[np.abs(f - formant_hz).argmin()])


def true_h1_h2_db(magnitudes: Float, f0_hz: Float, rate_hz: int) -> Float:
    """Fundamental over second harmonic, dB [n], as the literature defines H1-H2; 0 in unvoiced frames."""
    out = np.zeros(len(f0_hz))
    for j in np.nonzero(f0_hz > 0)[0]:
        h = harmonic_levels_db(magnitudes[j], f0_hz[j], rate_hz)
        out[j] = h[0] - h[1]
    return out
