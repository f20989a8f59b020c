"""Linear prediction of a power spectrum.

References
----------
.. [1] Makhoul (1975), Linear prediction: a tutorial review, Proc. IEEE 63(4).
"""

from __future__ import annotations

import numpy as np

from .windows import Float

ORDER = {8000: 8, 16000: 11}
"""By sample rate: two poles per formant expected below the ceiling, 4 or 5.5 kHz."""
NOISE_FLOOR = 1e-9
"""Added to lag 0, as a share: keeps the recursion well conditioned (-90 dB)."""


def lags(power: Float, order: int) -> Float:
    """Autocorrelation, lags 0 to ``order``, of the spectrum whose power at evenly spaced bins from 0 to half the rate is given; the
    mean power is lag 0."""
    p, top = power.copy(), len(power) - 1
    p[[0, -1]] /= 2
    return np.asarray(np.cos(np.pi * np.outer(np.arange(order + 1), np.arange(top + 1)) / top) @ p / top)


def predictor(r: Float) -> tuple[Float, float]:
    """Coefficients ``1, a_1 .. a_p`` by Levinson-Durbin, and the power of the error of prediction, in units of ``r``."""
    a, error = np.zeros(len(r)), float(r[0] * (1 + NOISE_FLOOR))
    a[0] = 1.0
    for i in range(1, len(r)):
        k = -(r[i] + a[1:i] @ r[i - 1 : 0 : -1]) / error
        a[1:i] += k * a[i - 1 : 0 : -1]
        a[i] = k
        error *= 1 - k * k
    return a, error


def predicted(a: Float, error: float, bins: Float, top: int) -> Float:
    """Power of the predictor's spectrum at bins of ``top`` + 1."""
    response = np.exp(-1j * np.pi * np.outer(bins, np.arange(len(a))) / top) @ a
    return np.asarray(error / np.abs(response) ** 2)
