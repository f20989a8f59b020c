"""The set ``signals``: what a segment sounds like in a handful of figures that the honest signals and the style model build on.

Each is a ratio or a mean of `describe`'s sufficient statistics, so that segments of any length compare. They are taken over all frames of
the segment, silence included: choose segments of speech when only speech shall count. The honest signals themselves need a conversation
of two and come from ``simpatico analyze``.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simpatico.features.describe import describe
from simpatico.types import HOP_S

__all__ = ["SUMMARY_NAMES", "SUMMARY_UNITS", "summarise"]

_COLUMNS: Final = (
    ("voiced_share", "1"),
    ("voiced_segments_per_s", "Hz"),
    ("voiced_segment_mean_s", "s"),
    ("voiced_segment_cv", "1"),
    ("syllables_per_s", "Hz"),
    ("f0_median_st", "st"),
    ("f0_sd_st", "st"),
    ("intensity_dbfs", "dBFS"),
    ("energy_cv", "1"),
    ("loudness_mean", "1"),
    ("spectral_entropy_mean", "1"),
    ("spectral_entropy_cv", "1"),
    ("alpha_ratio_db", "dB"),
    ("slope_0_500_db_per_hz", "dB/Hz"),
    ("hnr_db", "dB"),
)
SUMMARY_NAMES: Final[tuple[str, ...]] = tuple(name for name, _ in _COLUMNS)
"""Semitones are above 27.5 Hz; F0, ``alpha_ratio_db``, ``slope_0_500_db_per_hz`` and ``hnr_db`` are of voiced frames only; ``*_cv`` are
standard deviation over mean."""
SUMMARY_UNITS: Final[tuple[str, ...]] = tuple(unit for _, unit in _COLUMNS)


def summarise(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Summarise the frames of one segment.

    Parameters
    ----------
    frames
        [k, len(COLUMNS)] the core's frames, in order.

    Returns
    -------
    float32 [len(SUMMARY_NAMES)]
        NaN where there is nothing to rest on: no frame, no voiced frame, no sound.

    Raises
    ------
    ValueError
        When ``frames`` does not have the core's columns.
    """
    p = describe(frames)
    seconds = p.frames * HOP_S
    figures: dict[str, float | None] = {
        "voiced_share": _ratio(p.voiced_frames, p.frames),
        "voiced_segments_per_s": _ratio(p.voiced_segments, seconds),
        "voiced_segment_mean_s": _ratio(p.voiced_segment_sum_s, p.voiced_segments),
        "voiced_segment_cv": _variation(p.voiced_segment_sum_s, p.voiced_segment_sumsq_s2, p.voiced_segments),
        "syllables_per_s": _ratio(p.syllables, seconds),
        "f0_median_st": p.f0_median_st,
        "f0_sd_st": p.f0_sd_st,
        "intensity_dbfs": p.intensity_db,
        "energy_cv": _variation(p.energy_sum, p.energy_sumsq, p.frames),
        "loudness_mean": p.loudness_mean,
        "spectral_entropy_mean": _ratio(p.entropy_sum, p.frames),
        "spectral_entropy_cv": _variation(p.entropy_sum, p.entropy_sumsq, p.frames),
        "alpha_ratio_db": p.alpha_ratio_db,
        "slope_0_500_db_per_hz": p.slope_0_500_db_per_hz,
        "hnr_db": p.hnr_db,
    }
    return np.array([math.nan if figures[name] is None else figures[name] for name in SUMMARY_NAMES], np.float32)


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def _variation(total: float, squares: float, count: int) -> float | None:
    """Coefficient of variation from sums; None when the mean is 0."""
    if count == 0 or total <= 0:
        return None
    mean = total / count
    return math.sqrt(max(0.0, squares / count - mean * mean)) / mean
