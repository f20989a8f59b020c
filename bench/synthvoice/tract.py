"""Vocal tract: a cascade of five time-varying resonators, and resonant noise for frication.

References
----------
Klatt, D. H. (1980). Software for a cascade/parallel formant synthesizer. JASA 67(3).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

__all__ = ["cascade", "frication"]

Array = NDArray[np.float64]


def _resonator(centre_hz: float, width_hz: float, rate_hz: float) -> tuple[Array, Array]:
    radius = np.exp(-np.pi * width_hz / rate_hz)
    b, c = 2.0 * radius * np.cos(2.0 * np.pi * centre_hz / rate_hz), -radius * radius
    return np.array([1.0 - b - c]), np.array([1.0, -b, -c])


def cascade(source: Array, formants_hz: Array, step: int, rate_hz: float, scale: float) -> Array:
    """Filter ``source`` [n] through F1-F3 from ``formants_hz`` [k, 3], a row each ``step`` samples, and fixed F4, F5, all times ``scale``.

    Bandwidths follow frequency (50 Hz + 1/20 of it), about what Klatt (1980) tabulates. The filter state carries over from step to step.
    """
    out = np.empty_like(source)
    state = np.zeros((5, 2))
    for k in range(formants_hz.shape[0]):
        x = source[k * step : (k + 1) * step]
        for i, centre in enumerate((*formants_hz[k], 3500.0, 4500.0)):
            centre_hz = min(scale * centre, 0.46 * rate_hz)
            b, a = _resonator(centre_hz, 50.0 + 0.05 * centre_hz, rate_hz)
            x, state[i] = lfilter(b, a, x, zi=state[i])
        out[k * step : (k + 1) * step] = x
    return out


def frication(noise: Array, centre_hz: Array, width_hz: Array, step: int, rate_hz: float) -> Array:
    """White ``noise`` [n] through one resonance that follows the tracks [k], scaled to unit power whatever its width."""
    out = np.empty_like(noise)
    state = np.zeros(2)
    for k in range(centre_hz.size):
        centre = min(float(centre_hz[k]), 0.46 * rate_hz)
        b, a = _resonator(centre, float(width_hz[k]), rate_hz)
        radius2, cosine = float(a[2]), float(a[1])
        power = float(b[0]) ** 2 * (1.0 + radius2) / ((1.0 - radius2) * ((1.0 + radius2) ** 2 - cosine**2))
        y, state = lfilter(b, a, noise[k * step : (k + 1) * step], zi=state)
        out[k * step : (k + 1) * step] = y / np.sqrt(power)
    return out
