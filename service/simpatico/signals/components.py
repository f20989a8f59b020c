"""The figures that activity and consistency are made of, before norming: one party, one call.

| feature               | unit | of                                                                        | used by     |
|-----------------------|------|---------------------------------------------------------------------------|-------------|
| speaking_share        | 0..1 | time in utterances / time of the conversation (first to last of both)     | activity    |
| voiced_segments_per_s | 1/s  | voiced segments / time of the conversation                                | activity    |
| energy_cv             | 1    | SD / mean of RMS amplitude over the frames of the utterances              | consistency |
| f0_sd_st              | st   | root mean square distance of F0 from the speaker's own median             | consistency |
| entropy_cv            | 1    | SD / mean of spectral entropy over the frames of the utterances           | consistency |
| voiced_segment_cv     | 1    | SD / mean of the length of voiced segments                                | consistency |

Frames of speech follow each other closely, so they are no independent evidence: every standard error is a delete-one jackknife over
utterances (for the first two over cycles from one onset to the next). The leave-one-out values are kept, so that a sum of several figures
gets the standard error of the sum.

References
----------
Efron, B. & Stein, C. (1981). The jackknife estimate of variance. Annals of Statistics 9(3), 586-596.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simpatico.types import F0_BIN_COUNT, F0_BINS_PER_ST, ChannelSpeech, Dialogue, Measure, Reason, Role

__all__ = [
    "ACTIVITY",
    "CONSISTENCY",
    "MIN_SPEECH_S",
    "MIN_UTTERANCES",
    "Component",
    "activity_components",
    "components",
    "consistency_components",
    "energy_variation",
    "jackknife_se",
]

ACTIVITY = ("speaking_share", "voiced_segments_per_s")
CONSISTENCY = ("energy_cv", "f0_sd_st", "entropy_cv", "voiced_segment_cv")

MIN_UTTERANCES = 3
"""Fewest utterances that give a figure: a jackknife over two has one degree of freedom, and can say "exact" by chance."""
MIN_SPEECH_S = 1.0
"""Least speech that gives a figure, seconds: some four syllables."""
_MIN_VOICED_SEGMENTS = 2
"""Fewest voiced segments that have a spread of length."""

_BIN_CENTRE_ST = (np.arange(F0_BIN_COUNT) + 0.5) / F0_BINS_PER_ST

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Component:
    """A figure, or why there is none.

    Attributes
    ----------
    value
        None exactly when ``reason`` is set.
    without
        float64 [utterances]: the figure without each utterance in turn; empty when there is none.
    evidence_s
        Seconds of speech it rests on.
    reason
        Why it is missing, or None.
    """

    value: float | None
    without: Array
    evidence_s: float
    reason: Reason | None = None

    @classmethod
    def missing(cls, reason: Reason, evidence_s: float) -> Component:
        """Return a figure that could not be had."""
        return cls(None, np.empty(0), evidence_s, reason)

    def measure(self) -> Measure:
        """Return the figure with its jackknife standard error."""
        if self.reason is not None:
            return Measure.missing(self.reason, self.evidence_s)
        return Measure(self.value, jackknife_se(self.without), self.evidence_s)


def jackknife_se(without: Array) -> float | None:
    """Return the delete-one jackknife standard error, sqrt((n - 1) / n sum (v_i - mean)^2); None when a leave-one-out value does not
    exist."""
    n = len(without)
    if n < 2 or not np.isfinite(without).all():
        return None
    return float(np.sqrt((n - 1) / n * np.square(without - without.mean()).sum()))


def components(dialogue: Dialogue, channels: Mapping[Role, ChannelSpeech], role: Role) -> dict[str, Measure]:
    """Return the un-normed figures of one party, to fit norms on or to look at.

    Parameters
    ----------
    dialogue
        Of the same call.
    channels
        The channels that exist.
    role
        Whose figures.

    Returns
    -------
    dict
        A Measure for each name of ``ACTIVITY`` and ``CONSISTENCY``. Of an agent, consistency is never measured
        (``Reason.AGENT_NOT_SCORED``); without both channels there is no conversation to take shares of (``Reason.ONE_CHANNEL``).
    """
    found = activity_components(dialogue, channels, role) | consistency_components(channels, role)
    return {name: component.measure() for name, component in found.items()}


def activity_components(dialogue: Dialogue, channels: Mapping[Role, ChannelSpeech], role: Role) -> dict[str, Component]:
    """Return ``speaking_share`` and ``voiced_segments_per_s`` of one party."""
    channel = channels.get(role)
    speech_s = channel.speech_s if channel is not None else 0.0
    reason = Reason.ONE_CHANNEL if len(channels) < 2 else _too_little(channel)
    if reason is not None or channel is None or dialogue.span_s is None:
        return {name: Component.missing(reason or Reason.NO_SPEECH, speech_s) for name in ACTIVITY}
    first_s, last_s = dialogue.span_s
    onsets_s = np.array([u.start_s for u in channel.utterances])
    onsets_s[0] = first_s  # The first cycle begins with the conversation, the last ends with it.
    cycle_s = np.diff(onsets_s, append=last_s)
    spoken_s = np.array([u.duration_s for u in channel.utterances])
    voiced = np.array([u.prosody.voiced_segments for u in channel.utterances], float)
    return {name: _ratio(part, cycle_s, speech_s) for name, part in zip(ACTIVITY, (spoken_s, voiced), strict=True)}


def consistency_components(channels: Mapping[Role, ChannelSpeech], role: Role) -> dict[str, Component]:
    """Return the four spreads of one party's prosody; they need no partner, and are never measured of an agent."""
    channel = channels.get(role)
    speech_s = channel.speech_s if channel is not None else 0.0
    if role is Role.AGENT:
        reason: Reason | None = Reason.AGENT_NOT_SCORED
    else:
        reason = _too_little(channel)
    if reason is not None or channel is None:
        return {name: Component.missing(reason or Reason.NO_SPEECH, speech_s) for name in CONSISTENCY}
    sums = np.array(
        [
            (
                p.frames,
                p.energy_sum,
                p.energy_sumsq,
                p.entropy_sum,
                p.entropy_sumsq,
                p.voiced_segments,
                p.voiced_segment_sum_s,
                p.voiced_segment_sumsq_s2,
            )
            for p in (u.prosody for u in channel.utterances)
        ],
        float,
    )
    frames, energy, energy2, entropy, entropy2, segments, length, length2 = sums.T
    if segments.sum() < _MIN_VOICED_SEGMENTS:
        lengths = Component.missing(Reason.TOO_LITTLE_SPEECH if segments.sum() else Reason.NO_VOICED_SPEECH, speech_s)
    else:
        lengths = _variation(segments, length, length2, speech_s)
    return {
        "energy_cv": _variation(frames, energy, energy2, speech_s),
        "f0_sd_st": _f0_spread(channel, speech_s),
        "entropy_cv": _variation(frames, entropy, entropy2, speech_s),
        "voiced_segment_cv": lengths,
    }


def energy_variation(channel: ChannelSpeech) -> Measure:
    """Return ``energy_cv`` of the caller's channel alone, as :func:`components` has it."""
    reason = _too_little(channel)
    if reason is not None:
        return Measure.missing(reason, channel.speech_s)
    sums = np.array([(p.frames, p.energy_sum, p.energy_sumsq) for p in (u.prosody for u in channel.utterances)], float)
    frames, energy, energy2 = sums.T
    return _variation(frames, energy, energy2, channel.speech_s).measure()


def _too_little(channel: ChannelSpeech | None) -> Reason | None:
    if channel is None:
        return Reason.ONE_CHANNEL
    if not channel.utterances:
        return Reason.NO_SPEECH
    if len(channel.utterances) < MIN_UTTERANCES or channel.speech_s < MIN_SPEECH_S:
        return Reason.TOO_LITTLE_SPEECH
    return None


def _ratio(part: Array, whole: Array, evidence_s: float) -> Component:
    """Return sum(part) / sum(whole) with its leave-one-out values."""
    with np.errstate(divide="ignore", invalid="ignore"):
        without = (part.sum() - part) / (whole.sum() - whole)
    return Component(float(part.sum() / whole.sum()), without, evidence_s)


def _variation(count: Array, total: Array, square: Array, evidence_s: float) -> Component:
    """Return the coefficient of variation, SD / mean, from counts, sums and sums of squares per utterance."""
    if count.sum() == 0 or total.sum() <= 0:
        return Component.missing(Reason.NO_SPEECH, evidence_s)
    value = _cv(count.sum(), total.sum(), square.sum())
    return Component(float(value), _cv(count.sum() - count, total.sum() - total, square.sum() - square), evidence_s)


def _cv(count: Array, total: Array, square: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total / count
        return np.asarray(np.sqrt(np.maximum(square / count - mean * mean, 0.0)) / mean)


def _f0_spread(channel: ChannelSpeech, evidence_s: float) -> Component:
    """Return the root mean square distance of F0 from the speaker's median, exact to the histogram's 0.05 st.

    The histogram belongs to the channel, so the leave-one-out values take each utterance's share of the squared distance from its own
    median and SD.
    """
    voiced = int(channel.f0_histogram.sum())
    if voiced == 0:
        return Component.missing(Reason.NO_VOICED_SPEECH, evidence_s)
    median_bin = int(np.searchsorted(np.cumsum(channel.f0_histogram), (voiced + 1) // 2))
    median_st = float(_BIN_CENTRE_ST[median_bin])
    value = float(np.sqrt((channel.f0_histogram * np.square(_BIN_CENTRE_ST - median_st)).sum() / voiced))
    rows = [(p.voiced_frames, p.f0_median_st, p.f0_sd_st or 0.0) for p in (u.prosody for u in channel.utterances)]
    count = np.array([n if median is not None else 0 for n, median, _ in rows], float)
    square = np.array([0.0 if median is None else n * (sd * sd + (median - median_st) ** 2) for n, median, sd in rows])
    total = square.sum()
    if value == 0.0 or total == 0.0:
        return Component(value, np.full(len(rows), value), evidence_s)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.sqrt(np.maximum(total - square, 0.0) / (count.sum() - count) * count.sum() / total)
    return Component(value, value * relative, evidence_s)
