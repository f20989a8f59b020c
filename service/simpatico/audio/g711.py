"""G.711 expansion tables, computed from the formulas of the Recommendation.

Both laws are piecewise-linear with 8 chords of 16 steps: a code is sign, 3 bits of exponent, 4 bits of mantissa. The tables hold the
decoder output on the 16-bit scale (14-bit mu-law and 13-bit A-law values, shifted up), divided by 32768, so that G.711 and linear PCM share
one full scale. Mu-law reaches +-32124, A-law +-32256; A-law has no zero, its silence is the constant +-8.

References
----------
ITU-T Recommendation G.711 (11/88), tables 1a to 2b.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["ALAW", "ALAW_IDLE", "FULL_SCALE_I16", "MULAW", "MULAW_PEAK"]

FULL_SCALE_I16 = 32768.0
"""What a 16-bit sample is divided by."""
_MULAW_BIAS = 0x84
"""Bias of 33 on the 14-bit scale (G.711, 3.2), shifted to 16 bits."""
_ALAW_TOGGLE = 0x55
"""Even bits are inverted on the line (G.711, 3.1)."""


def _fields(codes: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Exponent and mantissa of codes whose line inversion has been undone."""
    return (codes >> 4) & 0x07, codes & 0x0F


def _mulaw_table() -> NDArray[np.float32]:
    codes = ~np.arange(256, dtype=np.int32) & 0xFF
    exponent, mantissa = _fields(codes)
    magnitude = (((mantissa << 3) + _MULAW_BIAS) << exponent) - _MULAW_BIAS
    return _scaled(np.where(codes & 0x80, -magnitude, magnitude))


def _alaw_table() -> NDArray[np.float32]:
    codes = np.arange(256, dtype=np.int32) ^ _ALAW_TOGGLE
    exponent, mantissa = _fields(codes)
    lowest = (mantissa << 4) + 8
    magnitude = np.where(exponent == 0, lowest, (lowest + 0x100) << np.maximum(exponent - 1, 0))
    return _scaled(np.where(codes & 0x80, magnitude, -magnitude))


def _scaled(values: NDArray[np.int32]) -> NDArray[np.float32]:
    table = (values / FULL_SCALE_I16).astype(np.float32)
    table.flags.writeable = False
    return table


MULAW = _mulaw_table()
"""float32 [256]: mu-law code -> sample, full scale 1."""
ALAW = _alaw_table()
"""float32 [256]: A-law code -> sample, full scale 1."""
MULAW_PEAK = float(MULAW.max())
"""Largest mu-law sample, 0.98: the lowest full scale of any codec here."""
ALAW_IDLE = float(np.abs(ALAW).min())
"""Magnitude that A-law gives to digital silence."""
