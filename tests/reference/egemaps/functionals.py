"""The 88 functionals.

Every figure is a sum, an extremum, a run length or a percentile over the frames of a segment: one pass, no return to the audio.

References
----------
.. [1] Eyben et al. (2016), IEEE TAC 7(2), section 3.
"""

from __future__ import annotations

import numpy as np

from . import extrema, names
from .descriptors import Descriptors
from .smoothing import sma3_nonzero
from .windows import HOP_S, Float

PERCENTILES = (20, 50, 80)
"""By linear interpolation between order statistics, ``(n - 1) p``."""
MIN_RUN_FRAMES = 3
"""Shorter runs are no segments."""


def functionals(d: Descriptors) -> dict[str, float]:
    """All 88, by openSMILE's name, in its order. What has no frames to rest on is 0, as in openSMILE."""
    out: dict[str, float] = {}
    for key, contour in (("F0semitoneFrom27.5Hz_sma3nz", d.voiced[:, 0][d.voiced[:, 0] != 0]), ("loudness_sma3", d.short[:, 0])):
        out |= {f"{key}_{k}": v for k, v in _full(contour).items()}
    for name, contour in zip(names.SHORT[5:], d.short[:, 5:].T, strict=True):
        out |= _moments(name, contour)
    for name, contour in zip(names.VOICED[1:] + names.FORMANT, np.concatenate([d.voiced[:, 1:], d.formant], axis=1).T, strict=True):
        out |= _moments(name, contour[contour != 0])
    for name, masked in zip(names.VOICED_FORMS, _over(d, d.voicing), strict=True):
        out |= _moments(name, masked[masked != 0])
    for name, masked in zip(names.UNVOICED_FORMS, _over(d, ~d.voicing), strict=False):
        out[f"{name}_amean"] = _mean(masked[masked != 0])
    out |= _temporal(d)
    return {name: out[name] for name in names.FUNCTIONAL_NAMES}


def _over(d: Descriptors, mask: Float) -> list[Float]:
    """The raw short descriptors with frames outside the mask set to 0, smoothed within the runs that are left."""
    return [sma3_nonzero(column[: len(mask)] * mask) for column in d.short_raw[:, 1:].T]


def _mean(x: Float) -> float:
    return float(x.mean()) if len(x) else 0.0


def _moments(name: str, x: Float) -> dict[str, float]:
    """Mean, and standard deviation (of the population) over the mean."""
    mean = _mean(x)
    return {f"{name}_amean": mean, f"{name}_stddevNorm": float(x.std() / mean) if mean != 0 else 0.0}


def _full(x: Float) -> dict[str, float]:
    p = np.percentile(x, PERCENTILES) if len(x) else np.zeros(3)
    rising, rising_spread, falling, falling_spread = extrema.slopes(x).moments()
    return {
        **{k.removeprefix("_"): v for k, v in _moments("", x).items()},
        **{f"percentile{q}.0": float(v) for q, v in zip(PERCENTILES, p, strict=True)},
        "pctlrange0-2": float(p[2] - p[0]),
        "meanRisingSlope": rising,
        "stddevRisingSlope": rising_spread,
        "meanFallingSlope": falling,
        "stddevFallingSlope": falling_spread,
    }


def runs_s(mask: Float) -> Float:
    """Lengths of the runs of True of at least 3 frames, from the first frame to the last: ``(frames - 1) * 10 ms``."""
    edge = np.diff(np.concatenate([[0], mask.astype(int), [0]]))
    length = np.nonzero(edge == -1)[0] - np.nonzero(edge == 1)[0]
    return (length[length >= MIN_RUN_FRAMES] - 1) * HOP_S


def _temporal(d: Descriptors) -> dict[str, float]:
    voiced, unvoiced = runs_s(d.voicing), runs_s(~d.voicing)
    loud = d.short[:, 0]
    peaks = sum(kind > 0 for _, kind in extrema.extrema(loud)) if len(loud) else 0
    return {
        "loudnessPeaksPerSec": peaks / (len(loud) * HOP_S) if len(loud) else 0.0,
        "VoicedSegmentsPerSec": len(voiced) / (len(d.voicing) * HOP_S) if len(d.voicing) else 0.0,
        "MeanVoicedSegmentLengthSec": _mean(voiced),
        "StddevVoicedSegmentLengthSec": float(voiced.std()) if len(voiced) else 0.0,
        "MeanUnvoicedSegmentLength": _mean(unvoiced),
        "StddevUnvoicedSegmentLength": float(unvoiced.std()) if len(unvoiced) else 0.0,
        "equivalentSoundLevel_dBp": d.level_db,
    }
