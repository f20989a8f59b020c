"""Calls that tests make: noise cut into chunks, and what came back for each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from simpatico.client import CallFailed, CallStream, Chunk, Update
from simpatico.errors import RemoteError
from simpatico.types import AudioFormat

RATE_HZ = 8000
STEREO = AudioFormat(RATE_HZ, 2, "f32")
TIMEOUT_S = 60.0
"""Of whatever comes at once where nothing is wrong: the machine may be busy, and nothing is concluded from how long it took."""


def noise(seconds: float, channels: int = 2, seed: int = 0) -> NDArray[np.float32]:
    """Return float32 [n, channels] of reproducible noise."""
    rng = np.random.default_rng(seed)
    return rng.uniform(-0.5, 0.5, (round(seconds * RATE_HZ), channels)).astype(np.float32)


def cut(call_id: str, samples: NDArray[np.float32], size: int = 800) -> list[Chunk]:
    """Return the samples as chunks of f32."""
    return [Chunk(call_id, first, samples[first : first + size].tobytes()) for first in range(0, len(samples), size)]


async def begin(stream: CallStream, call_id: str, channels: int = 2, **more: object) -> None:
    """Start a call of f32 at 8 kHz."""
    await stream.start(call_id, encoding="f32", sample_rate_hz=RATE_HZ, channels=channels, **more)  # type: ignore[arg-type]


async def rest_of(stream: CallStream) -> list[Update]:
    """Close our side and return everything that comes until the service closes its own."""
    await stream.close()
    async with asyncio.timeout(TIMEOUT_S):
        return [update async for update in stream]


def of(updates: Sequence[Update], call_id: str) -> list[Update]:
    """Return what is about one call."""
    return [update for update in updates if update.call_id == call_id]


def failure(updates: Sequence[Update], call_id: str) -> RemoteError:
    """Return the error of a call, which must be the last thing said about it."""
    last = of(updates, call_id)[-1]
    assert isinstance(last, CallFailed), last
    return last.error
