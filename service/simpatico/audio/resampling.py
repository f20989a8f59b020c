"""Streaming change of sample rate (soxr, windowed-sinc polyphase), with two promises.

1. Bit-identical output for any cutting of the input. Held by construction: soxr only ever sees quanta of ``QUANTUM_MS``, whatever
   was pushed.
2. n input samples give exactly floor(n * out / in + 1/2) output samples, and output sample k lies at the time of input sample
   k * in / out: the filter's delay is taken out.

Output therefore comes late, by 14 to 90 ms depending on the ratio, and the rest comes with ``finish``.
"""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

from simpatico.audio.formats import check_channels, check_rate_hz

__all__ = ["QUALITY", "QUANTUM_MS", "StreamResampler"]

QUALITY = "HQ"
"""20-bit precision: within 0.01 dB up to 0.91 of the lower Nyquist frequency, aliases below -125 dB (tests/audio/test_resampler.py)."""
QUANTUM_MS = 20
"""Input is passed on in pieces of this length: one packet of telephone audio, so a live stream waits for nothing extra."""


class StreamResampler:
    """Changes the rate of a stream.

    Parameters
    ----------
    in_hz, out_hz
        Rates, 8000 to 192000 Hz. Equal rates pass samples through untouched.
    channels
        1 or 2.

    Raises
    ------
    AudioFormatError
        A rate or the channel count is out of range.
    """

    def __init__(self, in_hz: int, out_hz: int, channels: int) -> None:
        self.in_hz, self.out_hz, self.channels = check_rate_hz(in_hz), check_rate_hz(out_hz), check_channels(channels)
        self._quantum = max(1, self.in_hz * QUANTUM_MS // 1000)
        self._pending = np.empty((self._quantum, channels), np.float32)
        self._held = 0
        self._taken = 0
        self._given = 0
        self._finished = False
        self._soxr = (
            None if in_hz == out_hz else soxr.ResampleStream(float(in_hz), float(out_hz), channels, dtype="float32", quality=QUALITY)
        )

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take samples; return those that are ready.

        Parameters
        ----------
        samples
            float32 [n, channels], n >= 0.

        Returns
        -------
        float32 [m, channels]

        Raises
        ------
        ValueError
            The shape is wrong, or the stream was finished.
        """
        if self._finished:
            raise ValueError("samples pushed after finish: make a new StreamResampler for a new stream")
        if samples.ndim != 2 or samples.shape[1] != self.channels:
            raise ValueError(f"samples have shape {samples.shape}: [n, {self.channels}] works")
        self._taken += len(samples)
        if self._soxr is None:
            return np.array(samples, np.float32)
        return self._joined(self._quanta(np.asarray(samples, np.float32)))

    def finish(self) -> NDArray[np.float32]:
        """End the stream; return the samples still held back, float32 [m, channels]. A second call returns none."""
        if self._soxr is None or self._finished:
            self._finished = True
            return np.empty((0, self.channels), np.float32)
        self._finished = True
        tail = self._soxr.resample_chunk(self._pending[: self._held], last=True)
        owed = (2 * self._taken * self.out_hz + self.in_hz) // (2 * self.in_hz) - self._given
        exact = np.zeros((owed, self.channels), np.float32)
        exact[: len(tail)] = tail[:owed]
        return exact

    def _quanta(self, samples: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Pass on all whole quanta, keep the rest."""
        assert self._soxr is not None
        out: list[NDArray[np.float32]] = []
        start = 0
        while start < len(samples):
            step = min(len(samples) - start, self._quantum - self._held)
            self._pending[self._held : self._held + step] = samples[start : start + step]
            self._held += step
            start += step
            if self._held == self._quantum:
                out.append(np.array(self._soxr.resample_chunk(self._pending)))
                self._held = 0
        return out

    def _joined(self, pieces: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        ready = np.concatenate(pieces) if pieces else np.empty((0, self.channels), np.float32)
        self._given += len(ready)
        return ready
