"""The features that style is read from: who had the floor, how fast, how lively, how attuned; never how loud or how high.

Three rules:

1. Everything is gain invariant. The level at which a handset, a carrier's gain control and a distance from the mouth deliver a voice says
   nothing about the person.
2. Everything is register invariant. Median F0 differs between the sexes by about ten semitones, far more than within either, so a rule
   such as "low voice = assertive" would mostly read sex (decision 0061). F0 enters only as a range in semitones, which transposing a
   voice leaves alone.
3. Only the caller is described. Agents' turns appear where a feature belongs to the pair (talk share, exchanges, matching), never by
   themselves.

The unit of evidence is one and the same for every feature: seconds of the caller's speech in the call so far. Appended silence changes
none of them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from simpatico.signals import energy_variation
from simpatico.types import F0_BINS_PER_ST, ChannelSpeech, Dialogue, Measure, Reason, Role, Signals

__all__ = ["MATCHED_DESCRIPTORS", "STYLE_FEATURES", "f0_range_st", "style_features"]

F0_RANGE_QUANTILES = (0.20, 0.80)
"""Ends of the F0 range, those of eGeMAPS (Eyben et al. 2016). Further out lie octave errors, creak and voiced noise: on the sixteen
tracks of the eight calls, ours and Praat's autocorrelation tracker differ by more than 2 st in the 10th percentile of five tracks and in
the 20th of two."""
MIN_VOICED_FRAMES = 50
"""Half a second of voiced frames, two or three syllables: below it, the spread of F0 is that of one syllable's contour."""
MATCHED_DESCRIPTORS = ("f0_median_st", "intensity_db", "syllable_rate_hz", "alpha_ratio_db")
"""Descriptors of :class:`simpatico.types.Entrainment` whose proximity is used, each on its own: matching in one does not predict
another."""

STYLE_FEATURES = (
    "talk_share",
    "articulation_rate_hz",
    "energy_cv",
    "interruptions_per_min",
    "f0_range_st",
    "short_exchange_rate",
    "backchannels_per_min",
    *(f"proximity_{name}" for name in MATCHED_DESCRIPTORS),
)
"""Names of the features that :func:`style_features` returns; their units are in :data:`simpatico.features.SCHEMA`."""


def style_features(dialogue: Dialogue, channels: Mapping[Role, ChannelSpeech], signals: Signals) -> dict[str, Measure]:
    """Collect the caller's features of one call.

    Parameters
    ----------
    dialogue
        Who spoke when.
    channels
        By role; without the caller's, every feature is missing.
    signals
        The pair's exchanges and matching.

    Returns
    -------
    dict[str, Measure]
        The names of :data:`STYLE_FEATURES`, always all of them and in that order; each in its unit, with ``evidence_s`` the caller's
        seconds of speech.
    """
    caller = channels.get(Role.CALLER)
    if caller is None:
        return dict.fromkeys(STYLE_FEATURES, Measure.missing(Reason.AGENT_NOT_SCORED))
    speech_s = caller.speech_s
    if speech_s <= 0.0:
        return dict.fromkeys(STYLE_FEATURES, Measure.missing(Reason.NO_SPEECH))
    party = dialogue.taking.parties[Role.CALLER]
    measures = {
        "talk_share": party.talk_share,
        "articulation_rate_hz": party.articulation_rate_hz,
        "energy_cv": energy_variation(caller),
        "interruptions_per_min": party.interruptions_per_min,
        "f0_range_st": f0_range_st(caller.f0_histogram),
        "short_exchange_rate": signals.pair.short_exchange_rate,
        "backchannels_per_min": party.backchannels_per_min,
        **_proximities(signals),
    }
    return {name: Measure(m.value, m.se, speech_s, m.reason) for name, m in measures.items()}


def _proximities(signals: Signals) -> dict[str, Measure]:
    found = {entrainment.descriptor: entrainment.proximity for entrainment in signals.pair.entrainment}
    return {f"proximity_{name}": found.get(name, Measure.missing(Reason.TOO_FEW_TURNS)) for name in MATCHED_DESCRIPTORS}


def f0_range_st(histogram: NDArray[np.int64]) -> Measure:
    """Distance of the 20th and 80th percentile of F0, in semitones, from counts in bins of 0.05 st.

    Parameters
    ----------
    histogram
        int64 [F0_BIN_COUNT], as in :class:`simpatico.types.ChannelSpeech`.

    Returns
    -------
    Measure
        0 to 60 st, exact to one bin; counts are taken as spread evenly over their bin.
    """
    total = int(histogram.sum())
    if total == 0:
        return Measure.missing(Reason.NO_VOICED_SPEECH)
    if total < MIN_VOICED_FRAMES:
        return Measure.missing(Reason.TOO_LITTLE_SPEECH)
    edges = np.concatenate(([0], np.cumsum(histogram)))
    low, high = (_quantile_bin(edges, share * total) for share in F0_RANGE_QUANTILES)
    return Measure((high - low) / F0_BINS_PER_ST)


def _quantile_bin(edges: NDArray[np.int64], count: float) -> float:
    """Position in bins at which ``count`` frames lie below."""
    last = int(np.searchsorted(edges, count, side="left"))
    before, after = float(edges[last - 1]), float(edges[last])
    return last - 1 + (count - before) / (after - before)
