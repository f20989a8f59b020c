"""Chunks of one call, interleaved or track by track -> samples of all channels, in order, without a gap.

Rules:
1. ``first_sample`` counts per channel from 0. A chunk starts where its track stands, or the call is at fault.
2. While paused, and for the first chunk of each track after that, a chunk may start later: the samples between are silence.
3. What is sent while paused is counted but never decoded: it is silence too.
4. Tracks sent apart wait for each other, for at most the permitted skew of audio that really came; bridged silence takes no memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from simpatico.audio import Decoder, channel_works
from simpatico.errors import AudioFormatError, MalformedAudioError, SequenceError

__all__ = ["Tracks"]

FIELD = "audio.chunks."
SILENCE_SAMPLES = 8_000
"""Length of the one block of zeros that all bridged silence refers to."""

Samples = NDArray[np.float32]


class Tracks:
    """The tracks of one call.

    Parameters
    ----------
    encoding, channels
        As `simpatico.audio.Decoder` takes them.
    max_skew
        Samples by which one track may run ahead of the other.

    Raises
    ------
    UnknownCodecError, AudioFormatError
        As the decoder does.
    """

    def __init__(self, encoding: str, channels: int, max_skew: int) -> None:
        self._interleaved = Decoder(encoding, channels)
        self._single = Decoder(encoding, 1)
        self._channels = channels
        self._max_skew = max_skew
        self._position = [0] * channels
        self._waiting: list[deque[Samples]] = [deque() for _ in range(channels)]
        self._really_waiting = [0] * channels
        self._paused = False
        self._may_skip: set[int] = set()
        self._silence = np.zeros(SILENCE_SAMPLES, np.float32)

    @property
    def position(self) -> int:
        """Samples that came on the track that is furthest."""
        return max(self._position)

    @property
    def paused(self) -> bool:
        """Nothing is being listened to."""
        return self._paused

    def pause(self) -> None:
        """Listen no more."""
        self._paused = True

    def resume(self) -> None:
        """Listen again; each track may skip once."""
        self._may_skip = set(range(self._channels))
        self._paused = False

    def measure(self, data: bytes, first_sample: int, channel: int | None) -> tuple[int, int]:
        """Check where a chunk stands; return by how many samples it moves its tracks, bridged silence included, and where it ends.

        Raises
        ------
        AudioFormatError
            No such channel.
        MalformedAudioError
            Not whole samples.
        SequenceError
            A gap or an overlap.
        """
        tracks = self._tracks_of(channel)
        decoder = self._interleaved if channel is None else self._single
        whole, rest = divmod(len(data), decoder.frame_bytes)
        if rest:
            raise MalformedAudioError(
                f"a chunk of {len(data)} bytes does not hold whole samples: {decoder.encoding} with {decoder.channels} channel(s) takes "
                f"multiples of "
                f"{decoder.frame_bytes} bytes, {whole * decoder.frame_bytes} would work",
                field=FIELD + "data",
            )
        for track in tracks:
            self._check_order(track, first_sample)
        end = first_sample + whole
        return end - min(self._position[track] for track in tracks), end

    def push(self, data: bytes, first_sample: int, channel: int | None) -> Iterator[Samples]:
        """Take a chunk that was measured, and yield float32 [n, channels] blocks that all tracks have reached.

        Raises
        ------
        MalformedAudioError
            NaN, infinite or absurdly large samples.
        SequenceError
            This track is too far ahead of the other.
        """
        tracks = self._tracks_of(channel)
        decoder = self._interleaved if channel is None else self._single
        samples = self._muted(data, decoder) if self._paused else decoder.decode(data)
        if channel is None and not any(self._waiting) and first_sample == self.position == min(self._position):
            self._position = [first_sample + len(samples)] * self._channels
            self._may_skip.clear()
            if len(samples):
                yield samples
            return
        for column, track in enumerate(tracks):
            self._bridge(track, first_sample)
            self._append(track, samples[:, column])
        if not self._paused:
            self._may_skip.difference_update(tracks)
        yield from self._join()
        self._check_skew()

    def finish(self) -> tuple[int, Iterator[Samples]]:
        """Fill the shorter track with silence; return by how many samples, and the last blocks."""
        end = self.position
        missing = end - min(self._position)
        for track in range(self._channels):
            self._bridge(track, end)
        return missing, self._join()

    def _tracks_of(self, channel: int | None) -> range:
        if channel is None:
            return range(self._channels)
        if channel >= self._channels:
            raise AudioFormatError(
                f"channel {channel} does not exist: the call was started with {self._channels}, so {channel_works(self._channels)}",
                field=FIELD + "channel",
            )
        return range(channel, channel + 1)

    def _check_order(self, track: int, first_sample: int) -> None:
        expected = self._position[track]
        if first_sample == expected or (first_sample > expected and (self._paused or track in self._may_skip)):
            return
        fault = "gap" if first_sample > expected else "overlap"
        raise SequenceError(
            f"a chunk starts at sample {first_sample} where {expected} was expected, {fault} of {abs(first_sample - expected)} samples on "
            f"channel {track}: "
            "send every sample once, in order; send silence for audio that was lost",
            field=FIELD + "first_sample",
        )

    def _bridge(self, track: int, first_sample: int) -> None:
        missing = first_sample - self._position[track]
        whole, rest = divmod(missing, SILENCE_SAMPLES)
        self._waiting[track].extend([self._silence] * whole)
        if rest:
            self._waiting[track].append(self._silence[:rest])
        self._position[track] = first_sample

    def _append(self, track: int, samples: Samples) -> None:
        if len(samples):
            self._waiting[track].append(samples)
            self._position[track] += len(samples)
            self._really_waiting[track] += len(samples)

    def _join(self) -> Iterator[Samples]:
        waiting = self._waiting
        while all(waiting):
            n = min(len(blocks[0]) for blocks in waiting)
            yield np.stack([self._shift(track, n) for track in range(self._channels)], axis=1)

    def _shift(self, track: int, n: int) -> Samples:
        block = self._waiting[track].popleft()
        if len(block) > n:
            self._waiting[track].appendleft(block[n:])
        if block.base is not self._silence and block is not self._silence:
            self._really_waiting[track] -= n
        return block[:n]

    @staticmethod
    def _muted(data: bytes, decoder: Decoder) -> Samples:
        return np.zeros((len(data) // decoder.frame_bytes, decoder.channels), np.float32)

    def _check_skew(self) -> None:
        for track, samples in enumerate(self._really_waiting):
            if samples > self._max_skew:
                raise SequenceError(
                    f"channel {track} is {samples} samples ahead of the other: at most {self._max_skew} work; send the tracks side by side",
                    field=FIELD + "channel",
                )
