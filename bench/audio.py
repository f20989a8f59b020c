"""Speed of the audio layer: seconds of two-channel call per CPU second, each step by itself: ``python -m bench.audio``.

Sixty seconds of a sample call, repeated; median and worst of runs in one process, one thread.
"""

from __future__ import annotations

import io
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from simpatico.audio import Decoder, QualityMeter, StreamResampler, open_call, read_call

SAMPLE = Path(__file__).parents[1] / "audio_samples" / "booking.wav"
SECONDS = 60
RUNS = 7


def main() -> None:
    """Print the table."""
    call = np.resize(read_call(SAMPLE).samples, (SECONDS * 8000, 2))
    at = {8000: call} | {rate: soxr.resample(call, 8000, rate).astype(np.float32) for rate in (16_000, 44_100, 48_000)}
    steps: dict[str, Callable[[], object]] = {
        "decode mu-law, packets of 20 ms": decoding("mulaw", b"\xd5" * (SECONDS * 16_000)),
        "decode L16, packets of 20 ms": decoding("l16", bytes(SECONDS * 32_000)),
    }
    for container, subtype in [("WAV", "PCM_16"), ("WAV", "ULAW"), ("FLAC", "PCM_16"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")]:
        steps[f"read {container} {subtype}, 8 kHz"] = reading(call, container, subtype)
    for in_hz, out_hz in [(44_100, 16_000), (48_000, 16_000), (16_000, 8000)]:
        steps[f"resample {in_hz} -> {out_hz} Hz, 100 ms"] = resampling(at[in_hz], in_hz, out_hz)
    for rate_hz, samples in at.items():
        steps[f"quality flags at {rate_hz} Hz, 100 ms"] = judging(samples, rate_hz)
    took: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(RUNS):
        for name, step in steps.items():
            start = time.process_time()
            step()
            took[name].append(time.process_time() - start)
    print(f"{'seconds of call (two channels) per CPU second':46} {'median':>9} {'worst':>9}")
    for name, times in took.items():
        print(f"{name:46} {SECONDS / statistics.median(times):9,.0f} {SECONDS / max(times):9,.0f}")


def decoding(encoding: str, data: bytes) -> Callable[[], object]:
    """Decode packets of 20 ms."""
    decoder = Decoder(encoding, 2)
    packet = 160 * decoder.frame_bytes
    return lambda: [decoder.decode(data[at : at + packet]) for at in range(0, len(data), packet)]


def reading(samples: NDArray[np.float32], container: str, subtype: str) -> Callable[[], object]:
    """Read a recording held in memory."""
    file = io.BytesIO()
    soundfile.write(file, samples, 8000, format=container, subtype=subtype)

    def step() -> None:
        file.seek(0)
        with open_call(file) as reader:
            for _ in reader:
                pass

    return step


def resampling(samples: NDArray[np.float32], in_hz: int, out_hz: int) -> Callable[[], object]:
    """Resample in pieces of 100 ms."""

    def step() -> None:
        resampler = StreamResampler(in_hz, out_hz, 2)
        for at in range(0, len(samples), in_hz // 10):
            resampler.push(samples[at : at + in_hz // 10])
        resampler.finish()

    return step


def judging(samples: NDArray[np.float32], rate_hz: int) -> Callable[[], object]:
    """Meter both channels in pieces of 100 ms, with flags."""
    level = np.full(10, -30.0, np.float32)
    flags = np.arange(10) < 5

    def step() -> None:
        for channel in (0, 1):
            meter = QualityMeter(rate_hz, "l16")
            for at in range(0, len(samples), rate_hz // 10):
                meter.update_samples(samples[at : at + rate_hz // 10, channel])
                meter.update_speech(level, flags)

    return step


if __name__ == "__main__":
    main()
