"""Frame grid, windows and the two spectra that all descriptors share.

Frame ``j`` of the short window covers samples ``[j H, j H + 2 H)`` (20 ms), of the long window ``[j H, j H + 6 H)`` (60 ms), H = 10 ms.
Both start at the frame's own hop, so a long frame is centred 20 ms after the short frame of the same index.

References
----------
.. [1] Eyben et al. (2016), IEEE TAC 7(2), section 3 and appendix: 20 ms Hamming and 60 ms Gaussian (sigma 0.4) windows every 10 ms.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

HOP_S = 0.010
SHORT_HOPS = 2
"""Length of the short window in hops: 20 ms."""
LONG_HOPS = 6
"""Length of the long window in hops: 60 ms."""
GAUSS_SIGMA = 0.4
"""Standard deviation of the long window, in half window lengths [1]_."""
BIN_HZ = 31.25
"""Bin spacing of the short spectrum at every rate: 8000 / 256 = 16000 / 512."""
LONG_BIN_HZ = 15.625
"""Bin spacing of the long spectrum: 8000 / 512 = 16000 / 1024."""
FULL_SCALE = 32768 / 32767
"""openSMILE reads 16-bit samples as ``integer / 32767``; ours are ``integer / 32768``."""

Float = NDArray[Any]
"""float64 throughout; NumPy's stubs lose the type in most of what follows."""


def hop(rate_hz: int) -> int:
    """Samples per 10 ms.

    Raises
    ------
    ValueError
        For a rate other than 8000 or 16000 Hz.
    """
    if rate_hz not in {8000, 16000}:
        raise ValueError(f"the descriptors are defined at 8000 and 16000 Hz, got {rate_hz}: resample first")
    return rate_hz // 100


def frame_count(samples: int, rate_hz: int, hops: int) -> int:
    """Whole windows of ``hops`` hops that fit: 0 when the signal is shorter than one."""
    return max(0, samples // hop(rate_hz) - hops + 1)


def frames(x: Float, rate_hz: int, hops: int) -> Float:
    """Overlapping frames, [n, hops * H], scaled to openSMILE's full scale."""
    size, step = hops * hop(rate_hz), hop(rate_hz)
    if len(x) < size:
        return np.zeros((0, size))
    return np.lib.stride_tricks.sliding_window_view(np.asarray(x, dtype=np.float64) * FULL_SCALE, size)[::step]


def hamming(size: int) -> Float:
    """Symmetric Hamming window, ``0.54 - 0.46 cos(2 pi n / (N - 1))``."""
    return 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(size) / (size - 1))


def gauss(size: int) -> Float:
    """Gaussian window, ``exp(-((n - c) / (sigma c))^2 / 2)`` with ``c = (N - 1) / 2``."""
    centre = (size - 1) / 2
    return np.exp(-0.5 * ((np.arange(size) - centre) / (GAUSS_SIGMA * centre)) ** 2)


def short_magnitudes(x: Float, rate_hz: int) -> Float:
    """Magnitude spectrum of the Hamming-windowed short frames, zero-padded to 256 (8 kHz) or 512 points.

    Returns
    -------
    float64 [n, 129] at 8 kHz, [n, 257] at 16 kHz; bins 31.25 Hz apart.
    """
    f = frames(x, rate_hz, SHORT_HOPS)
    return np.abs(np.fft.rfft(f * hamming(f.shape[1]), round(rate_hz / BIN_HZ), axis=1))


def long_magnitudes(x: Float, rate_hz: int) -> Float:
    """Magnitude spectrum of the Gauss-windowed long frames, zero-padded to 512 (8 kHz) or 1024 points.

    Returns
    -------
    float64 [n, 257] at 8 kHz, [n, 513] at 16 kHz; bins 15.625 Hz apart.
    """
    f = frames(x, rate_hz, LONG_HOPS)
    return np.abs(np.fft.rfft(f * gauss(f.shape[1]), round(rate_hz / LONG_BIN_HZ), axis=1))
