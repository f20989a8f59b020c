"""A recording in memory: one or two channels and who is on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simpatico.audio.formats import roles
from simpatico.types import AudioFormat, Role

__all__ = ["Call"]


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A whole recording.

    Attributes
    ----------
    samples
        float32 [n, channels], full scale 1, at the rate of ``format``; n may be 0.
    format
        As the recording declared it.
    caller_channel
        Index of the caller's channel, None when a lone channel is the agent's.
    """

    samples: NDArray[np.float32]
    format: AudioFormat
    caller_channel: int | None = 0

    def __post_init__(self) -> None:
        if self.samples.ndim != 2 or self.samples.shape[1] != self.format.channels:
            raise ValueError(f"samples have shape {self.samples.shape}: [n, {self.format.channels}] works for this format")
        roles(self.format.channels, self.caller_channel)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.format.sample_rate_hz

    def channel(self, role: Role) -> NDArray[np.float32] | None:
        """Samples [n] of one party, None when it is not on the recording."""
        index = roles(self.format.channels, self.caller_channel).get(role)
        return None if index is None else self.samples[:, index]
