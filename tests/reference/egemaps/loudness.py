"""Loudness: sum of the compressed auditory spectrum.

References
----------
.. [1] Hermansky (1990), Perceptual linear predictive (PLP) analysis of speech, JASA 87(4): equal-loudness weighting (after Makhoul) and
   power-law compression.
.. [2] Eyben et al. (2016), IEEE TAC 7(2): sum over 26 mel bands.
"""

from __future__ import annotations

import numpy as np

from .mel import centres_hz
from .windows import Float

EXPONENT = 0.33
"""The cube root of [1]_, as openSMILE rounds it: fitted 0.3300000 on noise."""
HIGH_CUT = 1.7e31
"""Strength of the fall above 4 kHz, (rad/s)^7: [1]_ has ``omega^6 + 9.58e26``; openSMILE's output fits ``1 + omega^7 / 1.7e31`` to 1e-4."""
SCALE = 3.032167e-4
"""Power to openSMILE's loudness unit before compression, fitted on noise."""
FLOOR = 0.9985 / 32767**2
"""Floor of a band's power, full scale 1: about the square of one 16-bit step; silence then has loudness 0.00102 (8 kHz), 0.00103 (16
kHz)."""


def equal_loudness(f_hz: Float) -> Float:
    """Weight of a frequency [Hz], ``(w^2 + 56.8e6) w^4 / ((w^2 + 6.3e6)^2 (w^2 + 0.38e9) (1 + w^7 / 1.7e31))``."""
    w = 2 * np.pi * np.asarray(f_hz)
    return (w**2 + 56.8e6) * w**4 / ((w**2 + 6.3e6) ** 2 * (w**2 + 0.38e9) * (1 + w**7 / HIGH_CUT))


def loudness(power: Float, rate_hz: int) -> Float:
    """``sum_b (SCALE E[b] M[b])^0.33`` [n], openSMILE's unit."""
    return ((np.maximum(power, FLOOR) * equal_loudness(centres_hz(rate_hz)) * SCALE) ** EXPONENT).sum(1)
