"""26 mel bands and MFCC 1-4.

References
----------
.. [1] Young et al., The HTK Book: triangular filters on the mel scale, DCT, liftering with L = 22.
.. [2] Eyben et al. (2016), IEEE TAC 7(2): 26 bands from 20 Hz to 8 kHz (here to the Nyquist frequency at 8 kHz).
"""

from __future__ import annotations

import numpy as np

from .windows import BIN_HZ, Float

BANDS = 26
LOW_HZ = 20.0
HIGH_HZ = 8000.0
FIRST_BIN = 2
"""Bins below 62.5 Hz take no part, though 31.25 Hz lies within the first triangle: seen in openSMILE's output."""
LIFTER = 22
LOG_FLOOR = 1e-8 / 32767**2
"""Floor of a band's power before the logarithm, at full scale 1."""


def hz_to_mel(f_hz: Float) -> Float:
    """``1127 ln(1 + f / 700)``."""
    return 1127.0 * np.log1p(np.asarray(f_hz) / 700.0)


def mel_to_hz(mel: Float) -> Float:
    """Inverse of :func:`hz_to_mel`."""
    return 700.0 * np.expm1(np.asarray(mel) / 1127.0)


def edges_mel(rate_hz: int) -> Float:
    """28 points equally spaced in mel from 20 Hz to min(8 kHz, Nyquist): band b rises from point b to b + 1 and falls to b + 2."""
    return np.linspace(hz_to_mel(np.float64(LOW_HZ)), hz_to_mel(np.float64(min(HIGH_HZ, rate_hz / 2))), BANDS + 2)


def centres_hz(rate_hz: int) -> Float:
    """Centre frequencies of the bands, Hz [26]."""
    return mel_to_hz(edges_mel(rate_hz)[1:-1])


def filterbank(rate_hz: int) -> Float:
    """Triangular weights, linear in mel, peak 1, [26, bins]."""
    e = edges_mel(rate_hz)
    z = hz_to_mel(np.arange(round(rate_hz / BIN_HZ) // 2 + 1) * BIN_HZ)
    rise = (z - e[:-2, None]) / np.diff(e)[:-1, None]
    fall = (e[2:, None] - z) / np.diff(e)[1:, None]
    weights = np.clip(np.minimum(rise, fall), 0, None)
    weights[:, :FIRST_BIN] = 0
    return weights


def band_power(magnitudes: Float, rate_hz: int) -> Float:
    """Power in the 26 mel bands [n, 26]."""
    return magnitudes**2 @ filterbank(rate_hz).T


def mfcc(power: Float) -> Float:
    """MFCC 1-4 [n, 4]: ``(1 + L/2 sin(pi k / L)) sqrt(2 / 26) sum_b ln M[b] cos(pi k (b + 1/2) / 26)``."""
    k = np.arange(1, 5)[:, None]
    basis = np.sqrt(2 / BANDS) * np.cos(np.pi / BANDS * k * (np.arange(BANDS) + 0.5)) * (1 + LIFTER / 2 * np.sin(np.pi * k / LIFTER))
    return np.log(np.maximum(power, LOG_FLOOR)) @ basis.T
