"""What can honestly be measured of a bundle without labelled calls: reliability, how often it stays silent, and what must not move it.

There is no accuracy here, and no figure below is one: nobody has said what style these callers have.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.harper_valley import RealCall
from recipe.measure import KIND, Samples, hear, measure_features, sample_after_speech
from recipe.norms import Track
from recipe.reliability import Reliability, spearman_brown
from simpatico.signals import robust_z
from simpatico.style import UNDETERMINED, Bundle
from simpatico.types import Measure, Role, StyleEstimate

__all__ = [
    "axis_reliability",
    "draw",
    "group_correlations",
    "invariance",
    "reliability_table",
    "silence_under_the_model",
    "undetermined_on_calls",
]

SPEECH_S = (3.0, 10.0, 30.0)
"""Seconds of the caller's speech at which the calls are cut."""
MODEL_SPEECH_S = (3.0, 10.0, 30.0, 120.0, 600.0)
SIMULATED_CALLERS = 2000
"""Gives a share to within about one point (one standard error)."""
SEED = 20261122
GAIN_DB = 12.0
SILENCE_S = 10.0
FRAME = 80
"""Samples of a 10 ms frame at 8 kHz."""


def estimate(bundle: Bundle, samples: Samples, rate_hz: int) -> StyleEstimate:
    """Estimate the style of the caller in a call."""
    return bundle.estimate(measure_features(hear(samples, rate_hz)), kind=KIND)


def undetermined_on_calls(bundle: Bundle, calls: Sequence[tuple[RealCall, Samples]]) -> dict[str, Any]:
    """Share of the calls without a label, and the median posterior SD, after so much of the caller's speech."""
    found: dict[str, Any] = {}
    for seconds in (*SPEECH_S, math.inf):
        estimates = []
        for call, samples in calls:
            end = len(samples)
            if math.isfinite(seconds):
                cut = sample_after_speech([hear(samples, call.sample_rate_hz)[Role.CALLER]], seconds, call.sample_rate_hz)
                if cut is None:
                    continue
                end = cut
            estimates.append(estimate(bundle, samples[:end], call.sample_rate_hz))
        found[f"{seconds:g} s" if math.isfinite(seconds) else "whole call"] = _summary(bundle, estimates)
    return found


def _summary(bundle: Bundle, estimates: Sequence[StyleEstimate]) -> dict[str, Any]:
    if not estimates:
        return {"calls": 0, "undetermined_share": None, "median_sd": None, "largest_leading_probability": None}
    return {
        "calls": len(estimates),
        "undetermined_share": _digits(np.mean([e.label == UNDETERMINED for e in estimates])),
        "median_sd": {axis: _digits(np.median([e.axes[a].sd for e in estimates])) for a, axis in enumerate(bundle.axes)},
        "largest_leading_probability": _digits(max(max(e.probabilities.values()) for e in estimates)),
    }


def silence_under_the_model(bundle: Bundle) -> dict[str, Any]:
    """Share without a label among callers drawn from the bundle's own assumptions: what it expects of itself, not evidence about people."""
    rng = np.random.default_rng(SEED)
    found = {}
    for seconds in MODEL_SPEECH_S:
        _, z = draw(bundle, rng, seconds, SIMULATED_CALLERS)
        estimates = []
        for row in z:
            features = {}
            for feature, value in zip(bundle.config.features, row, strict=True):
                norm = bundle.norms.norms[Role.CALLER, KIND.bandwidth, KIND.codec_family, feature.name]
                features[feature.name] = Measure(norm.median + norm.sd * float(value), None, seconds)
            estimates.append(bundle.estimate(features, kind=KIND))
        found[f"{seconds:g} s"] = _summary(bundle, estimates)
    return found


def draw(
    bundle: Bundle, rng: np.random.Generator, seconds: float, count: int
) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.float64]]:
    """Draw callers from the factor model of :mod:`recipe.graph`, the error of the norms included.

    Returns
    -------
    tuple
        The traits by axis, float64 [count], and the z scores of features, float64 [count, F].
    """
    trait = {axis: rng.standard_normal(count) for axis in bundle.axes}
    shared: dict[str, NDArray[np.float64]] = {}
    columns = []
    for feature in bundle.config.features:
        row = next(r for r in bundle.config.norms.rows if r.role is Role.CALLER and r.feature == feature.name)
        norm = bundle.norms.norms[row.key]
        assert feature.evidence is not None
        r, rho = feature.evidence.r, row.evidence_s / (row.evidence_s + feature.half_evidence_s)
        unique = rho * (1.0 - r**2)
        own = (1.0 - feature.shared_share) * unique + (1.0 - rho) * row.evidence_s / seconds + norm.z_se(1.0) ** 2
        if feature.group is not None and feature.group not in shared:
            shared[feature.group] = rng.standard_normal(count)
        group = shared[feature.group] if feature.group is not None else np.zeros(count)
        z = (
            r * math.sqrt(rho) * trait[feature.axis]
            + math.sqrt(feature.shared_share * unique) * group
            + math.sqrt(own) * rng.standard_normal(count)
        )
        columns.append(z)
    return trait, np.column_stack(columns)


def invariance(bundle: Bundle, calls: Sequence[tuple[RealCall, Samples]]) -> dict[str, Any]:
    """Largest move of any call's posterior mean, in SD, under changes that are none of the caller's doing."""
    changes: dict[str, Callable[[Samples], Samples]] = {
        f"gain_{-GAIN_DB:g}_db": lambda x: x * np.float32(10.0 ** (-GAIN_DB / 20.0)),
        f"gain_+{GAIN_DB:g}_db": lambda x: x * np.float32(10.0 ** (GAIN_DB / 20.0)),
        f"silence_of_{SILENCE_S:g}_s_appended": lambda x: np.concatenate([x, np.zeros((int(SILENCE_S * 8000), 2), np.float32)]),
    }
    # Cut to whole frames: a rest of speech below one frame at the very end would become a frame when silence follows.
    calls = [(call, samples[: len(samples) - len(samples) % FRAME]) for call, samples in calls]
    plain = [estimate(bundle, samples, call.sample_rate_hz) for call, samples in calls]
    found: dict[str, Any] = {}
    for name, change in changes.items():
        moved = [estimate(bundle, change(samples), call.sample_rate_hz) for call, samples in calls]
        found[name] = {
            axis: _digits(max(abs(before.axes[a].mean - after.axes[a].mean) for before, after in zip(plain, moved, strict=True)))
            for a, axis in enumerate(bundle.axes)
        }
    return found


def axis_reliability(bundle: Bundle, first: Sequence[Track], second: Sequence[Track]) -> dict[str, Any]:
    """Correlation of the posterior means of a track's two halves over all tracks, and what Spearman-Brown makes of it for a whole track."""
    halves = [[_means(bundle, track) for track in tracks] for tracks in (first, second)]
    roles = np.array([track.role.value for track in first])
    found = {}
    for axis in bundle.axes:
        x, y = (np.array([means[axis] for means in half]) for half in halves)
        for role in np.unique(roles):
            x[roles == role] -= np.median(x[roles == role])
            y[roles == role] -= np.median(y[roles == role])
        r = float(np.corrcoef(x, y)[0, 1])
        found[axis] = {"tracks": len(x), "halves_r": _digits(r), "whole_track": _digits(spearman_brown(max(r, 0.0), 2.0))}
    return found


def _means(bundle: Bundle, track: Track) -> dict[str, float]:
    features = {name: Measure(value, None, track.speech_s) for name, value in track.features.items()}
    return {axis.name: axis.mean for axis in bundle.estimate(features, kind=KIND).axes}


def group_correlations(bundle: Bundle, tracks: Sequence[Track]) -> dict[str, Any]:
    """Correlations of the callers' and agents' z scores within each group of features, beside what the bundle assumes they share."""
    found: dict[str, Any] = {}
    features = [f for f in bundle.config.features if f.group is not None]
    for j, one in enumerate(features):
        for other in features[j + 1 :]:
            if one.group == other.group:
                x, y = _pairs(bundle, tracks, one.name, other.name)
                r = _digits(np.corrcoef(x, y)[0, 1]) if len(x) > 2 and x.std() > 0.0 and y.std() > 0.0 else None
                found[f"{one.name} with {other.name}"] = {"tracks": len(x), "measured_r": r, "assumed_shared": one.shared_share}
    return found


def _pairs(bundle: Bundle, tracks: Sequence[Track], one: str, other: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    both = [t for t in tracks if one in t.features and other in t.features]
    columns = []
    for name in (one, other):
        norm = bundle.norms.norms[Role.CALLER, KIND.bandwidth, KIND.codec_family, name]
        z = np.array([robust_z(t.features[name], norm) for t in both])
        for role in Role:
            mine = np.array([t.role is role for t in both])
            z[mine] -= np.median(z[mine]) if mine.any() else 0.0
        columns.append(z)
    return columns[0], columns[1]


def reliability_table(reliabilities: Mapping[str, Reliability]) -> dict[str, Any]:
    """The reliabilities as plain data."""
    return {
        name: {
            "tracks": r.tracks,
            "halves_r": None if r.halves_r is None else _digits(r.halves_r),
            "whole_track_measured": None if r.measured is None else _digits(r.measured),
            "believed_before": r.believed,
            "used": _digits(r.used),
        }
        for name, r in reliabilities.items()
    }


def _digits(value: float | np.floating[Any]) -> float:
    return float(f"{float(value):.3g}")
