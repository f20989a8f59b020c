"""What this project makes of a channel, and how that compares with what is true of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bench.harper_valley import RealCall
from simpatico.core import FrameExtractor
from simpatico.turns import ChannelTracker, dialogue
from simpatico.turns.activity import SHIPPED, ActivityWeights
from simpatico.types import F0_BIN_COUNT, HOP_S, ChannelSpeech, Dialogue, Role, Utterance

__all__ = ["agreement", "frame_flags", "human_dialogue", "ours", "scripted", "without_noise"]


def ours(role: Role, samples: NDArray[np.float32], rate_hz: int, weights: ActivityWeights = SHIPPED) -> ChannelSpeech:
    """Return the utterances that the service would find."""
    extractor, tracker = FrameExtractor(rate_hz), ChannelTracker(role, rate_hz, weights)
    tracker.push(samples, np.concatenate((extractor.push(samples), extractor.finish())))
    tracker.finish()
    return tracker.snapshot()


def frame_flags(times: list[tuple[float, float]], frames: int) -> NDArray[np.bool_]:
    """Return bool [frames]: whether the centre of each 10 ms frame lies in one of ``times`` (seconds)."""
    centre_s = (np.arange(frames) + 0.5) * HOP_S
    flags = np.zeros(frames, bool)
    for start_s, end_s in times:
        flags |= (centre_s >= start_s) & (centre_s < end_s)
    return flags


def scripted(role: Role, times: list[tuple[float, float]]) -> ChannelSpeech:
    """Return utterances at known times."""
    utterances = tuple(Utterance(role, start, end) for start, end in times)
    return ChannelSpeech(role, times[-1][1] if times else 0.0, utterances, np.zeros(F0_BIN_COUNT, np.int64))


def human_dialogue(call: RealCall) -> Dialogue:
    """Return the dialogue that the same rules make of the human segments."""
    speech = {role: scripted(role, [(s.start_s, s.end_s) for s in call.segments[role] if not s.noise]) for role in Role}
    return dialogue(speech[Role.CALLER], speech[Role.AGENT])


def without_noise(speech: ChannelSpeech, call: RealCall) -> ChannelSpeech:
    """Drop the utterances that lie for the most part in segments marked as noise, as their frames are not counted either."""

    def inside_s(u: Utterance) -> float:
        return sum(max(0.0, min(u.end_s, s.end_s) - max(u.start_s, s.start_s)) for s in call.segments[speech.role] if s.noise)

    return replace(speech, utterances=tuple(u for u in speech.utterances if inside_s(u) <= u.duration_s / 2.0))


def agreement(true: Dialogue, found: Dialogue) -> float:
    """Agreement of the order of turns, 0 to 1.

    2 m / (a + b) for a true and b found turns, m of which pair up in order (longest common subsequence): same party, and overlapping in
    time.
    """
    a, b = true.turns, found.turns
    best = np.zeros((len(a) + 1, len(b) + 1), np.int64)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            same = x.role is y.role and min(x.end_s, y.end_s) > max(x.start_s, y.start_s)
            best[i + 1, j + 1] = best[i, j] + 1 if same else max(best[i, j + 1], best[i + 1, j])
    return float(2 * best[-1, -1] / (len(a) + len(b))) if a or b else 1.0
