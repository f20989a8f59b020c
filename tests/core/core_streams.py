"""Signals and streams that the tests of the core share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simpatico.core import FrameExtractor

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATES = (8000, 16000)
EVERY_SETS = (("signals",), ("egemaps",), ("signals", "egemaps"))


def voice(rate_hz: int, seconds: float, seed: int = 0) -> NDArray[np.float32]:
    """A gliding harmonic tone with pauses of exact zeros and a little noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(rate_hz * seconds)) / rate_hz
    phase = 2 * np.pi * np.cumsum(140 + 50 * np.sin(2 * np.pi * 0.7 * t)) / rate_hz
    x = sum(np.cos(k * phase) / k for k in range(1, 20)) * 0.1 + rng.normal(0, 0.003, t.size)
    x[(t % 1.0) > 0.7] = 0.0
    return x.astype(np.float32)


def frames(
    samples: NDArray[np.float32] | NDArray[np.int16],
    rate_hz: int,
    cuts: tuple[int, ...] = (),
    simd: str | None = None,
    sets: tuple[str, ...] = ("signals",),
    reserve_frames: int = 0,
) -> NDArray[np.float32]:
    extractor = FrameExtractor(rate_hz, simd=simd, sets=sets, reserve_frames=reserve_frames)
    parts = [extractor.push(part) for part in np.split(samples, cuts)]
    return np.vstack([*parts, extractor.finish()])
