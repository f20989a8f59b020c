"""Recordings in memory and pipes that cannot seek."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

Encode = Callable[..., bytes]


class Pipe(io.RawIOBase):
    """Gives bytes forward only, at most ``at_most`` at a time, like a pipe or socket."""

    def __init__(self, data: bytes, at_most: int = 1000) -> None:
        super().__init__()
        self._data = io.BytesIO(data)
        self._at_most = at_most

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def read(self, size: int = -1) -> bytes:
        return self._data.read(self._at_most if size < 0 else min(size, self._at_most))


@pytest.fixture
def pipe() -> Callable[..., Pipe]:
    """Make a pipe of bytes."""
    return Pipe


@pytest.fixture
def encode() -> Encode:
    """Encode samples [n, channels] into a container with libsndfile, an independent implementation of all formats."""

    def encoded(
        samples: NDArray[np.float64], rate_hz: int = 8000, container: str = "WAV", subtype: str = "PCM_16", **options: object
    ) -> bytes:
        file = io.BytesIO()
        soundfile.write(file, samples, rate_hz, format=container, subtype=subtype, **options)
        return file.getvalue()

    return encoded


@pytest.fixture(scope="session")
def two_tones() -> NDArray[np.float64]:
    """Give 2.5 s at 8 kHz, a tone on each channel with pauses, float64 [20000, 2]."""
    at_s = np.arange(20_000) / 8000.0
    gate = (np.sin(2.0 * np.pi * 1.5 * at_s) > -0.5).astype(float)
    return np.stack([0.4 * np.sin(2.0 * np.pi * 300.0 * at_s) * gate, 0.3 * np.sin(2.0 * np.pi * 1100.0 * at_s)], axis=1)
