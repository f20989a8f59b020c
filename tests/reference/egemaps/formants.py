"""F1-F3 and their bandwidths by linear prediction of the short power spectrum.

The autocorrelation is the inverse transform of the short power spectrum up to 4 kHz (8 kHz input) or 5.5 kHz (16 kHz), pre-emphasised by
multiplication, so no second FFT and no resampling is needed (selective linear prediction [1]_); Levinson-Durbin; all roots.

References
----------
.. [1] Makhoul (1975), Linear prediction: a tutorial review, Proc. IEEE 63(4).
.. [2] Markel & Gray (1976), Linear Prediction of Speech: formant ``f = arg(z) fs / 2 pi``, bandwidth ``-ln|z| fs / pi``.
.. [3] Boersma & Weenink, Praat manual, "Sound: To Formant (burg)": five formants up to 5.5 kHz, pre-emphasis from 50 Hz, 50 Hz margins.
"""

from __future__ import annotations

import numpy as np

from .windows import BIN_HZ, Float

CEILING_HZ = {8000: 4000.0, 16000: 5500.0}
ORDER = {8000: 8, 16000: 11}
"""Two poles per formant expected below the ceiling."""
PRE_EMPHASIS_HZ = 50.0
MARGIN_HZ = 50.0
"""Roots nearer than this to 0 or the ceiling are not formants [3]_."""
WIDEST_HZ = 1000.0
"""A root with a wider band shapes the spectrum's tilt and is no formant: without this limit such roots pose as F2 or F3 of steep 16 kHz
spectra."""
NOISE_FLOOR = 1e-9
"""Added to lag 0, as a share: keeps the recursion well conditioned (-90 dB)."""


def formants(magnitudes: Float, rate_hz: int) -> tuple[Float, Float]:
    """Frequencies and bandwidths of the three lowest resonances.

    Returns
    -------
    frequency_hz, bandwidth_hz
        [n, 3]; 0 where there is no such resonance or the frame is digital silence.
    """
    acf = autocorrelation(magnitudes, rate_hz)
    frequency, bandwidth = np.zeros((len(acf), 3)), np.zeros((len(acf), 3))
    for j, r in enumerate(acf):
        if r[0] <= 0:
            continue
        f, b = resonances(predictor(r), 2 * CEILING_HZ[rate_hz])
        count = min(3, len(f))
        frequency[j, :count], bandwidth[j, :count] = f[:count], b[:count]
    return frequency, bandwidth


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
    """Frequencies, ascending, and bandwidths of the complex roots between the margins and narrower than 1 kHz, Hz."""
    z = np.roots(a)
    z = z[z.imag > 0]
    f = np.angle(z) * effective_rate_hz / (2 * np.pi)
    b = -np.log(np.maximum(np.abs(z), 1e-9)) * effective_rate_hz / np.pi
    keep = (f > MARGIN_HZ) & (f < effective_rate_hz / 2 - MARGIN_HZ) & (b < WIDEST_HZ)
    order = np.argsort(f[keep])
    return f[keep][order], b[keep][order]
