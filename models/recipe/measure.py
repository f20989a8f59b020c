"""Measure calls with the service's own layers, before there is a bundle.

Both people of a call are measured as if they were the caller: norms and reliabilities of sixteen tracks are less rough than of eight. The
service itself never measures an agent's voice; here nobody is scored, and only medians, deviations and correlations over tracks are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bench.harper_valley import RealCall
from recipe.norms import Track
from simpatico.core import FrameExtractor
from simpatico.signals import AudioKind, NormTable, components, measure
from simpatico.style import style_features
from simpatico.turns import ChannelTracker, dialogue
from simpatico.types import ChannelSpeech, Dialogue, Measure, Role

__all__ = ["KIND", "Heard", "hear", "measure_features", "measure_tracks", "sample_after_speech"]

KIND = AudioKind("narrow", "waveform")
"""The calls: 8 kHz, 16-bit PCM."""
CHANNEL = {Role.CALLER: 0, Role.AGENT: 1}

Samples = NDArray[np.float32]
Heard = dict[Role, ChannelSpeech]


def hear(samples: Samples, rate_hz: int) -> Heard:
    """Run core and tracker over both channels of a call, float32 [n, 2], caller first."""
    heard = {}
    for role, channel in CHANNEL.items():
        extractor, tracker = FrameExtractor(rate_hz), ChannelTracker(role, rate_hz)
        track = np.ascontiguousarray(samples[:, channel])
        tracker.push(track, extractor.push(track))
        tracker.push(track[:0], extractor.finish())
        tracker.finish()
        heard[role] = tracker.snapshot()
    return heard


def converse(heard: Heard) -> Dialogue:
    """Lay the two channels beside each other."""
    return dialogue(heard[Role.CALLER], heard[Role.AGENT])


def measure_features(heard: Heard, *, seed: int = 0) -> dict[str, Measure]:
    """Measure the caller: every style feature, and the parts of the signals."""
    talk = converse(heard)
    signals = measure(talk, heard, KIND, NormTable(), seed=seed)
    return style_features(talk, heard, signals) | components(talk, heard, Role.CALLER)


def swapped(heard: Heard) -> Heard:
    """The same call with the two people's roles exchanged."""
    return {role.other: _as(role.other, speech) for role, speech in heard.items()}


def _as(role: Role, speech: ChannelSpeech) -> ChannelSpeech:
    return replace(speech, role=role, utterances=tuple(replace(u, role=role) for u in speech.utterances))


def measure_tracks(call: RealCall, samples: Samples) -> tuple[Track, Track]:
    """Measure the caller's and the agent's track of ``samples``, which are all or a part of ``call``."""
    heard = hear(samples, call.sample_rate_hz)
    return _track(call, Role.CALLER, heard), _track(call, Role.AGENT, swapped(heard))


def _track(call: RealCall, role: Role, heard: Heard) -> Track:
    values = {name: m.value for name, m in measure_features(heard).items() if m.value is not None}
    return Track(call.call_id, role, call.speakers[role], heard[Role.CALLER].speech_s, values)


def sample_after_speech(speech: Sequence[ChannelSpeech], seconds: float, rate_hz: int) -> int | None:
    """First sample by which ``seconds`` of the given speech have been spoken, all channels together; None when there is less."""
    left_s = seconds
    for start_s, end_s in sorted((u.start_s, u.end_s) for s in speech for u in s.utterances):
        if end_s - start_s >= left_s:
            return round((start_s + left_s) * rate_hz)
        left_s -= end_s - start_s
    return None
