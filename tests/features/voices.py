"""Voiced sound with pauses for the tests of features: no speech, but with all that descriptors look at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 8000
LENGTH_S = 4.0


def voices(channels: int, rate_hz: int = RATE_HZ, length_s: float = LENGTH_S) -> NDArray[np.float32]:
    """Samples [n, channels]: buzzes that glide, each channel from another pitch, syllables of a quarter second, with a little noise."""
    t = np.arange(int(length_s * rate_hz)) / rate_hz
    noise = np.random.default_rng(7).normal(0, 0.003, (len(t), channels))
    syllables = np.clip(np.sin(2 * np.pi * 2 * t + 0.3), 0, None) ** 0.5
    out = np.zeros((len(t), channels))
    for c in range(channels):
        phase = 2 * np.pi * np.cumsum((100 + 45 * (c % 5)) * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * t))) / rate_hz
        out[:, c] = 0.15 * syllables * sum(np.cos(k * phase) / k for k in range(1, 12))
    return (out + noise).astype(np.float32)
