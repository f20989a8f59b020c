"""The eight real calls as the speech detector sees them, in several conditions of the line, for fitting and for measuring."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from bench.harper_valley import RealCall, speaker_groups
from simpatico.core import FrameExtractor
from simpatico.turns.activity_weights import WINDOWS
from simpatico.turns.evidence import EVIDENCE_COUNT, NO_EVIDENCE, EvidenceTracker
from simpatico.types import Role

__all__ = ["CONDITIONS", "Channel", "load_channels", "through"]

CONDITIONS = ("clean", "+12 dB", "-12 dB", "white 20 dB", "pink 20 dB", "white 10 dB", "pink 10 dB")
"""As recorded, gained, and with stationary noise at an SNR against the mean power of human-marked speech."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel of one call in one condition. ``group`` numbers the sets of calls that share no speaker.

    ``speech`` and ``counted`` are the human truth per 10 ms frame; ``sums`` [k, 15] is what the detector's weights multiply.
    """

    call_id: str
    role: Role
    group: int
    condition: str
    rate_hz: int
    samples: NDArray[np.float32]
    speech: NDArray[np.bool_]
    counted: NDArray[np.bool_]
    sums: NDArray[np.float64]


def load_channels(calls: list[RealCall], conditions: tuple[str, ...] = CONDITIONS) -> list[Channel]:
    """Return all channels of ``calls`` in all ``conditions``."""
    groups = speaker_groups(calls)
    return [
        channel for call in calls for channel in _channels(call, next(i for i, ids in enumerate(groups) if call.call_id in ids), conditions)
    ]


def _channels(call: RealCall, group: int, conditions: tuple[str, ...]) -> Iterator[Channel]:
    audio = call.samples()
    hop = call.sample_rate_hz // 100
    for index, role in enumerate((Role.CALLER, Role.AGENT)):
        original = np.ascontiguousarray(audio[:, index])
        speech, counted = call.truth(role, len(original) // hop)
        for condition in conditions:
            seed = int(call.call_id[:8], 16) + index
            samples, rate_hz = through(condition, original, np.repeat(speech, hop), seed)
            sums = _window_sums(_evidence(samples, rate_hz))[: len(speech)]
            yield Channel(call.call_id, role, group, condition, rate_hz, samples, speech, counted, sums)


def _evidence(samples: NDArray[np.float32], rate_hz: int) -> NDArray[np.float64]:
    extractor, tracker = FrameExtractor(rate_hz), EvidenceTracker(rate_hz)
    frames = np.concatenate((extractor.push(samples), extractor.finish()))
    return np.concatenate((tracker.push(samples, frames), tracker.finish()))


def _window_sums(evidence: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum the evidence [k, 3] over each window: [k, 3 x windows], kind by kind."""
    before, after, k = -min(first for first, _ in WINDOWS), max(last for _, last in WINDOWS), len(evidence)
    padded = np.concatenate((np.tile(NO_EVIDENCE, (before, 1)), evidence, np.tile(NO_EVIDENCE, (after, 1))))
    total = np.concatenate((np.zeros((1, EVIDENCE_COUNT)), np.cumsum(padded, axis=0)))
    sums = [total[before + last + 1 :][:k] - total[before + first :][:k] for first, last in WINDOWS]
    return np.stack(sums, axis=2).reshape(k, EVIDENCE_COUNT * len(WINDOWS))


def through(condition: str, samples: NDArray[np.float32], speech: NDArray[np.bool_], seed: int) -> tuple[NDArray[np.float32], int]:
    """Return ``samples`` (8 kHz, with a flag per sample) as ``condition`` delivers them, clipped to full scale, and their rate in Hz."""
    if condition == "clean":
        return samples, 8000
    if condition == "16 kHz":
        return soxr.resample(samples, 8000, 16000).astype(np.float32), 16000
    kind, level_db, *_ = condition.split() if condition[0] in "wp" else ("gain", condition.split(maxsplit=1)[0])
    if kind == "gain":
        gained = samples * np.float32(10.0 ** (float(level_db) / 20.0))
        return np.clip(gained, -1.0, 1.0), 8000
    noise = np.random.default_rng(seed).standard_normal(len(samples))
    if kind == "pink":
        spectrum = np.fft.rfft(noise)
        spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), len(samples) * 60.0 / 8000.0))
        noise = np.fft.irfft(spectrum, len(samples))
    speech_rms = np.sqrt(np.mean(np.square(samples[: len(speech)][speech], dtype=np.float64)))
    noise *= speech_rms * 10.0 ** (-float(level_db) / 20.0) / np.std(noise)
    return np.clip(samples + noise, -1.0, 1.0).astype(np.float32), 8000
