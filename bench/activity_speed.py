"""Speed of the way from samples to utterances, beside Silero's and webrtcvad's loops on the same audio in the same run."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import webrtcvad
from numpy.typing import NDArray

from bench.harper_valley import RealCall
from bench.silero import Silero
from simpatico.core import FrameExtractor
from simpatico.turns import ChannelTracker
from simpatico.types import Role

__all__ = ["print_speed"]

ROUNDS = 9


def print_speed(call: RealCall, silero: Silero | None) -> None:
    """Print seconds of audio per second of CPU time: medians of interleaved rounds over both channels of one call."""
    audio, rate_hz = call.samples(), call.sample_rate_hz
    channels = [np.ascontiguousarray(audio[:, k]) for k in (0, 1)]
    seconds = len(audio) * 2 / rate_hz
    tasks: dict[str, Callable[[NDArray[np.float32]], object]] = {
        "core frames": lambda x: _frames(x, rate_hz, 5.0),
        "core frames + utterances, pieces of 5 s": lambda x: _track(x, rate_hz, 5.0),
        "core frames + utterances, pieces of 0.1 s": lambda x: _track(x, rate_hz, 0.1),
        "webrtcvad 3 alone": lambda x: _webrtc(x, rate_hz),
    }
    if silero is not None:
        tasks["Silero, bare loop"] = lambda x: silero.probabilities(x, rate_hz)
    spent: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(ROUNDS):
        for name, task in tasks.items():
            begin = time.process_time()
            for x in channels:
                task(x)
            spent[name].append(time.process_time() - begin)
    print(f"\nSpeed on {call.call_id} (8 kHz, both channels; median of {ROUNDS} interleaved rounds, CPU time, one thread)")
    reference = spent.get("Silero, bare loop")
    for name, times in spent.items():
        ratio = f"{np.median(np.array(reference) / np.array(times)):>8.1f} x Silero" if reference else ""
        print(f"{name:<45}{seconds / np.median(times):>8.0f} x real time{ratio}")


def _frames(samples: NDArray[np.float32], rate_hz: int, piece_s: float) -> None:
    extractor, size = FrameExtractor(rate_hz), round(piece_s * rate_hz)
    for at in range(0, len(samples), size):
        extractor.push(samples[at : at + size])
    extractor.finish()


def _track(samples: NDArray[np.float32], rate_hz: int, piece_s: float) -> None:
    extractor, tracker, size = FrameExtractor(rate_hz), ChannelTracker(Role.CALLER, rate_hz), round(piece_s * rate_hz)
    for at in range(0, len(samples), size):
        piece = samples[at : at + size]
        tracker.push(piece, extractor.push(piece))
    tracker.push(samples[:0], extractor.finish())
    tracker.finish()
    tracker.snapshot()


def _webrtc(samples: NDArray[np.float32], rate_hz: int) -> None:
    vad, size = webrtcvad.Vad(3), 2 * rate_hz // 100
    pcm = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype("<i2").tobytes()
    for at in range(0, len(pcm) - size + 1, size):
        vad.is_speech(pcm[at : at + size], rate_hz)
