"""Shape of the short power spectrum: alpha ratio, Hammarberg index, spectral slopes, spectral flux.

All take the magnitudes ``X`` of :func:`windows.short_magnitudes` [n, bins], bins 31.25 Hz apart, and look no higher than 5 kHz.

References
----------
.. [1] Eyben et al. (2016), IEEE TAC 7(2).
.. [2] Hammarberg, Fritzell, Gauffin, Sundberg & Wedin (1980), Acta Oto-Laryngologica 90.
.. [3] Tamarit, Goudbeek & Scherer (2008), spectral slope measurements in emotionally expressive speech.
"""

from __future__ import annotations

import numpy as np

from .windows import BIN_HZ, Float

SPLIT_ALPHA_BIN = 32
"""1000 Hz: the first bin of the upper band."""
SPLIT_HAMMARBERG_BIN = 64
"""2000 Hz: the first bin of the upper band."""
TOP_BIN = 160
"""5000 Hz: the last bin of the upper bands; at 8 kHz they end at 4000 Hz."""
FLUX_BINS = 160
"""Flux takes bins below 5000 Hz; at 8 kHz all 129."""
POWER_FLOOR = 1e-14
"""-140 dB: floor of the power whose logarithm the slopes are fitted to."""


def alpha_ratio_db(magnitudes: Float) -> Float:
    """``10 log10(sum P[1-5 kHz] / sum P[0-1 kHz))``, dB [n]; 0 for a frame of digital silence.

    The published text gives the reciprocal; openSMILE's output, and so all data in the field, is high over low, growing with vocal effort.
    """
    power = magnitudes**2
    low = power[:, :SPLIT_ALPHA_BIN].sum(1)
    high = power[:, SPLIT_ALPHA_BIN : TOP_BIN + 1].sum(1)
    return _ratio_db(high, low, 10)


def hammarberg_db(magnitudes: Float) -> Float:
    """``20 log10(max X[0-2 kHz) / max X[2-5 kHz])``, dB [n] [2]_; 0 for a frame of digital silence."""
    low = magnitudes[:, :SPLIT_HAMMARBERG_BIN].max(1, initial=0)
    high = magnitudes[:, SPLIT_HAMMARBERG_BIN : TOP_BIN + 1].max(1, initial=0)
    return _ratio_db(low, high, 20)


def _ratio_db(numerator: Float, denominator: Float, factor: int) -> Float:
    sound = (numerator > 0) & (denominator > 0)
    return np.where(sound, factor * np.log10(np.where(sound, numerator, 1) / np.where(sound, denominator, 1)), 0.0)


def slope_db_per_hz(magnitudes: Float, low_hz: float, high_hz: float) -> Float:
    """Least-squares slope of the log power spectrum in a band, dB per Hz [n].

    With ``S`` the power in dB and ``f`` the frequency of the K + 1 bins from ``low_hz`` to ``high_hz``, both included,
    ``(K sum(f S) - sum(f) sum(S)) / (K sum(f^2) - sum(f)^2)``. The count K is one less than the number of terms: openSMILE divides by
    the width
    of the band, so its slopes carry a term of ``-0.0008`` (0-500) or ``-0.00055`` (500-1500) times the mean level in dB, and silence has
    a slope of 0.112. :func:`true_slope_db_per_hz` is without.
    """
    f, s, width = _band(magnitudes, low_hz, high_hz)
    return (width * (s @ f) - f.sum() * s.sum(1)) / (width * (f**2).sum() - f.sum() ** 2)


def true_slope_db_per_hz(magnitudes: Float, low_hz: float, high_hz: float) -> Float:
    """The slope by least squares as the textbook has it, dB per Hz [n]; independent of level."""
    f, s, _ = _band(magnitudes, low_hz, high_hz)
    f = f - f.mean()
    return s @ f / (f**2).sum()


def _band(magnitudes: Float, low_hz: float, high_hz: float) -> tuple[Float, Float, float]:
    bins = np.arange(round(low_hz / BIN_HZ), round(high_hz / BIN_HZ) + 1)
    return bins * BIN_HZ, 10 * np.log10(np.maximum(magnitudes[:, bins] ** 2, POWER_FLOOR)), (high_hz - low_hz) / BIN_HZ


def flux(magnitudes: Float) -> Float:
    """``sqrt(mean_k (X_j[k] - X_{j-1}[k])^2)`` over bins below 5 kHz [n]; 0 in the first frame. Linear in amplitude."""
    used = magnitudes[:, :FLUX_BINS]
    return np.sqrt((np.diff(used, axis=0, prepend=used[:1]) ** 2).mean(1))
