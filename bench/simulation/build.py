"""From times and prosody to what the signals layer takes: channels and their dialogue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from simpatico.turns import dialogue
from simpatico.types import F0_BIN_COUNT, NO_PROSODY, ChannelSpeech, Dialogue, Prosody, Role, Utterance

__all__ = ["Conversation", "channel", "conversation", "merge_times"]

Conversation = tuple[Dialogue, dict[Role, ChannelSpeech]]

MERGE_S = 0.18
"""Silences shorter than this lie inside an utterance (DESIGN, inter-pausal units)."""


def channel(
    role: Role,
    times: Sequence[tuple[float, float]],
    prosody: Sequence[Prosody] | None = None,
    *,
    duration_s: float | None = None,
    f0_histogram: NDArray[np.int64] | None = None,
) -> ChannelSpeech:
    """Return a channel with utterances at ``times``; without ``prosody`` each has 200 ms voiced segments in two thirds of it, and nothing
    else."""
    sounds = [voiced_prosody(end - start) for start, end in times] if prosody is None else prosody
    utterances = tuple(Utterance(role, start, end, sound) for (start, end), sound in zip(times, sounds, strict=True))
    length_s = duration_s if duration_s is not None else (times[-1][1] if times else 0.0)
    histogram = np.zeros(F0_BIN_COUNT, np.int64) if f0_histogram is None else f0_histogram
    return ChannelSpeech(role, length_s, utterances, histogram)


def voiced_prosody(duration_s: float) -> Prosody:
    """Return prosody that holds counts of frames and voiced segments only."""
    segments = max(1, round(duration_s / 0.3))
    return Prosody(frames=round(duration_s * 100), voiced_segments=segments) if duration_s > 0 else NO_PROSODY


def conversation(channels: Mapping[Role, ChannelSpeech]) -> Conversation:
    """Return the dialogue of the channels with the channels."""
    return dialogue(channels.get(Role.CALLER), channels.get(Role.AGENT)), dict(channels)


def merge_times(times: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Join human-timed segments into utterances: those that overlap or are less than 180 ms apart, rounded to 10 ms."""
    merged: list[tuple[float, float]] = []
    for start, end in sorted((round(a, 2), round(b, 2)) for a, b in times):
        if merged and round(start - merged[-1][1], 2) < MERGE_S:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged
