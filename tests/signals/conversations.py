"""Random conversations for the invariants: any talk on the 10 ms grid, with any prosody, by Hypothesis."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from bench.simulation.build import Conversation, channel, conversation
from simpatico.signals import ACTIVITY, CONSISTENCY, AudioKind, Norm, NormTable
from simpatico.types import F0_BIN_COUNT, ChannelSpeech, Prosody, Role

__all__ = ["KIND", "NORMS", "channels", "moved", "swapped", "talk"]

KIND = AudioKind("narrow", "waveform")
NORMS = NormTable({(role, "narrow", "waveform", name): Norm(0.5, 0.1, 20) for role in Role for name in (*ACTIVITY, *CONSISTENCY)})


@st.composite
def channels(draw: st.DrawFn, role: Role, *, most: int = 25) -> ChannelSpeech:
    """Draw up to ``most`` utterances of 0.1 to 5 s with pauses of 0.2 to 6 s between them, some without voice."""
    frames = draw(st.lists(st.tuples(st.integers(20, 600), st.integers(10, 500)), max_size=most))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    clock, times = 0, []
    for pause, length in frames:
        times.append(((clock + pause) / 100, (clock + pause + length) / 100))
        clock += pause + length
    histogram = rng.integers(0, 5, F0_BIN_COUNT) if times else np.zeros(F0_BIN_COUNT, np.int64)
    return channel(role, times, [_prosody(end - start, rng) for start, end in times], f0_histogram=histogram)


@st.composite
def talk(draw: st.DrawFn) -> Conversation:
    """Draw a conversation of two such channels."""
    return conversation({role: draw(channels(role)) for role in Role})


def swapped(call: Conversation) -> Conversation:
    """Return the same conversation with the two parties' roles exchanged."""
    return conversation({role.other: _as(role.other, speech) for role, speech in call[1].items()})


def moved(call: Conversation, by_s: float) -> Conversation:
    """Return the same conversation, later."""
    later = {
        role: replace(
            speech,
            duration_s=speech.duration_s + by_s,
            utterances=tuple(replace(u, start_s=round(u.start_s + by_s, 2), end_s=round(u.end_s + by_s, 2)) for u in speech.utterances),
        )
        for role, speech in call[1].items()
    }
    return conversation(later)


def _as(role: Role, speech: ChannelSpeech) -> ChannelSpeech:
    return replace(speech, role=role, utterances=tuple(replace(u, role=role) for u in speech.utterances))


def _prosody(length_s: float, rng: np.random.Generator) -> Prosody:
    frames = round(length_s * 100)
    energy, entropy = rng.uniform(0.001, 0.3, frames), rng.uniform(0.1, 0.9, frames)
    segments = rng.uniform(0.03, 0.4, max(1, frames // 30))
    voiced = bool(rng.random() < 0.8)
    return Prosody(
        frames=frames,
        voiced_frames=frames // 2 + 1 if voiced else 0,
        voiced_segments=len(segments) if voiced else 0,
        voiced_segment_sum_s=float(segments.sum()) if voiced else 0.0,
        voiced_segment_sumsq_s2=float(np.square(segments).sum()) if voiced else 0.0,
        syllables=int(rng.integers(0, 8)),
        f0_median_st=float(rng.normal(24, 3)) if voiced else None,
        f0_sd_st=float(rng.uniform(0.5, 4)) if voiced else None,
        energy_sum=float(energy.sum()),
        energy_sumsq=float(np.square(energy).sum()),
        intensity_db=float(rng.normal(-28, 4)),
        entropy_sum=float(entropy.sum()),
        entropy_sumsq=float(np.square(entropy).sum()),
        alpha_ratio_db=float(rng.normal(-10, 3)) if voiced else None,
    )
