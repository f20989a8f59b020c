"""What the 88 functionals of a segment cost, once its rows are measured: nanoseconds of CPU a row, by length of segment.

``python -m bench.functionals [--rounds 51]``. Rows are those of a sample call, one channel, again and again. ``add`` takes all rows of a
segment in one call, ``read`` gives its figures; the last column is both as a share of measuring the same rows, in the same round.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from bench.speed import pin_threads
from simpatico.core import FrameExtractor, Functionals

SAMPLE = Path(__file__).parents[1] / "audio_samples" / "booking.wav"
SEGMENTS = ((1, "1 s"), (5, "5 s"), (10, "10 s"), (60, "60 s"), (600, "10 min"), (3600, "1 h, histograms"))
"""Seconds and what the table calls them."""

Rows = NDArray[np.float32]


def cpu_ns(work: Callable[[], object]) -> int:
    start = time.process_time_ns()
    work()
    return time.process_time_ns() - start


def measure(samples: Rows, rate_hz: int) -> Rows:
    extractor = FrameExtractor(rate_hz, sets=("egemaps",))
    return np.vstack([extractor.push(samples), extractor.finish()])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=51)
    rounds = parser.parse_args().rounds
    pin_threads()
    recording, rate_hz = soundfile.read(SAMPLE, dtype="float32", always_2d=True)
    samples = np.ascontiguousarray(recording[:, 0])
    once = measure(samples, rate_hz)
    functionals = Functionals()
    print(f"{'segment':>16} {'rows':>7} {'add ns':>7} {'read ns':>8} {'both':>6} {'of measuring':>13}")
    for seconds, name in SEGMENTS:
        rows = np.resize(once, (100 * seconds, once.shape[1]))
        costs = []
        for _ in range(rounds if seconds <= 60 else max(3, rounds // 10)):
            frame = cpu_ns(lambda: measure(samples, rate_hz)) / len(once)
            for _ in range(2):  # the second time counts: the first brings code and rows back into the caches
                functionals.reset()
                add, read = cpu_ns(lambda rows=rows: functionals.add(rows)), cpu_ns(functionals.read)  # type: ignore[misc]
            costs.append((add / len(rows), read / len(rows), frame))
        add_ns, read_ns, _ = np.median(costs, axis=0)
        share = np.median([(add + read) / frame for add, read, frame in costs])
        print(f"{name:>16} {len(rows):>7} {add_ns:>7.0f} {read_ns:>8.0f} {add_ns + read_ns:>6.0f} {share:>12.1%}")


if __name__ == "__main__":
    main()
