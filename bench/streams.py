"""What a thousand live channels cost: each of them moved on by 100 ms through one batch call, beside one long file.

``python -m bench.streams [RECORDING] [--streams 1000] [--rounds 7]``. A round measures, in CPU time of one thread, ten times in turn: the
recording as one stream in chunks of 10 s, a tick in which every channel gets the next 100 ms by one ``advance``, and one by a ``push``
for each. So whatever slows the machine for more than some hundredths of a second slows all three. Every channel is at another place of the
recording, so that speech and pauses mix as they do in a service, and each has run a second before, so that all have the history of a
running call. "Python" is a batch that brings nothing, its cost shared by as many frames: what lists, checks, buffers and arrays take of
the batch. A ratio is that of the batch to the file of the same round: its median over rounds, least and greatest.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.speed import RATES_HZ, SAMPLE, load, pin_threads
from simpatico.core import SETS, FrameExtractor, advance, simd_levels

Samples = NDArray[np.float32]

TICK_S = 0.1
TICKS = 10
WARM_TICKS = 10
DISTINCT_TICKS = 30  # then a channel starts over
FILE_S = 60.0
FILE_CHUNK_S = 10.0
RESERVE_FRAMES = 256  # of the long file: what its lanes need to be full
KIB = 1024


def cpu_s(work: Callable[[], object]) -> float:
    """CPU time of a piece of work."""
    start = time.process_time()
    work()
    return time.process_time() - start


def long_file(x: Samples, rate_hz: int, simd: str, sets: Sequence[str]) -> Callable[[], int]:
    """One stream over the whole recording."""
    chunk = round(FILE_CHUNK_S * rate_hz)

    def run() -> int:
        extractor = FrameExtractor(rate_hz, simd=simd, sets=sets, reserve_frames=RESERVE_FRAMES)
        return sum(len(extractor.push(x[i : i + chunk])) for i in range(0, x.size, chunk)) + len(extractor.finish())

    return run


class Channels:
    """Channels at different places of a recording, warm."""

    def __init__(self, x: Samples, rate_hz: int, simd: str, sets: Sequence[str], count: int) -> None:
        tick = round(TICK_S * rate_hz)
        places = np.linspace(0, x.size - DISTINCT_TICKS * tick, count).astype(int)
        self._chunks = [[x[at + n * tick : at + (n + 1) * tick] for at in places] for n in range(DISTINCT_TICKS)]
        self._empty = [x[:0]] * count
        self._done = 0
        self.extractors = [FrameExtractor(rate_hz, simd=simd, sets=sets) for _ in places]
        for _ in range(WARM_TICKS):
            self.together()

    def _next(self) -> list[Samples]:
        self._done += 1
        return self._chunks[self._done % DISTINCT_TICKS]

    def together(self) -> None:
        """Move on by a tick in one call."""
        advance(self.extractors, self._next())

    def nothing(self) -> None:
        """A call that brings nothing: what Python costs."""
        advance(self.extractors, self._empty)

    def one_by_one(self) -> None:
        """Move on by a tick in a call for each channel."""
        for extractor, samples in zip(self.extractors, self._next(), strict=True):
            extractor.push(samples)


def row(x: Samples, rate_hz: int, simd: str, sets: Sequence[str], options: argparse.Namespace) -> str:
    """One line of the table."""
    file, channels = long_file(x, rate_hz, simd, sets), Channels(x, rate_hz, simd, sets, options.streams)
    file_frames, tick_frames = file(), options.streams * round(TICK_S * 100) * TICKS
    works = (file, channels.together, channels.one_by_one, channels.nothing)
    turns = np.array([[[cpu_s(work) for work in works] for _ in range(TICKS)] for _ in range(options.rounds)])
    times = turns.sum(axis=1) / np.array([TICKS * file_frames, tick_frames, tick_frames, tick_frames])
    ns = np.median(times, axis=0) * 1e9
    least, batch, greatest = np.quantile(times[:, 1] / times[:, 0], (0.0, 0.5, 1.0))
    push = np.median(times[:, 2] / times[:, 0])
    size_kib = channels.extractors[0].state_bytes / KIB
    return (
        f"{rate_hz:6} {simd:10} {'+'.join(sets):16}"
        + f"{ns[0]:10.0f}{ns[1]:10.0f}{ns[2]:10.0f}{ns[3]:9.0f}"
        + f"{batch:9.2f}{least:7.2f} -{greatest:5.2f}{push:9.2f}{size_kib:9.1f}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recording", nargs="?", type=Path, default=SAMPLE)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    pin_threads()
    print(f"{options.streams} channels, {TICKS} ticks of 100 ms a round, {options.rounds} rounds; CPU ns per frame, and ratios to the file")
    print(f"{'':34}{'file':>10}{'batch':>10}{'push each':>10}{'Python':>9}{'batch':>9}{'least - most':>14}{'push':>9}{'KiB each':>9}")
    for rate_hz in RATES_HZ:
        x = load(options.recording, rate_hz, FILE_S)
        for simd in simd_levels():
            for sets in (*((name,) for name in SETS), SETS):
                print(row(x, rate_hz, simd, sets, options), flush=True)


if __name__ == "__main__":
    main()
