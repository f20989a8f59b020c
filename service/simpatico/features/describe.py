"""What one utterance sounds like, as sufficient statistics of its frames.

Everything is computed from the complete frames of the utterance at once, in float64 and in time order, so the result depends on the frames
alone and never on how they arrived.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simpatico.core import COLUMNS, INDEX
from simpatico.features.syllables import SILENCE_DBFS, syllable_nuclei
from simpatico.types import F0_BIN_COUNT, F0_BINS_PER_ST, F0_REFERENCE_HZ, HOP_S, Prosody

__all__ = ["describe", "f0_histogram"]

Vector = NDArray[np.float64]
_COLUMNS: Final = [
    INDEX[name] for name in ("rms_dbfs", "loudness", "f0_hz", "spectral_entropy", "alpha_ratio_db", "slope_0_500_db_per_hz", "hnr_db")
]


def describe(frames: NDArray[np.float32]) -> Prosody:
    """Summarise the frames of one utterance.

    Parameters
    ----------
    frames
        [k, len(COLUMNS)] the core's frames, in order.

    Returns
    -------
    Prosody
        With the units of its fields. Standard deviations are of the population (divided by n).

    Raises
    ------
    ValueError
        When ``frames`` does not have the core's columns.
    """
    _check(frames)
    if len(frames) == 0:
        return Prosody()
    level_dbfs, loudness, f0_hz, entropy, *of_voiced = np.ascontiguousarray(frames[:, _COLUMNS].T, dtype=np.float64)
    amplitude = np.where(level_dbfs > SILENCE_DBFS, np.power(10.0, level_dbfs / 20.0), 0.0)
    energy_sumsq = float(np.sum(amplitude * amplitude))
    voiced = f0_hz > 0.0
    runs_s = _run_lengths(voiced) * HOP_S
    median_st, sd_st = _centre_and_spread(_semitones(f0_hz[voiced]))
    alpha_ratio_db, slope_0_500, hnr_db = (_mean(values[voiced]) for values in of_voiced)
    return Prosody(
        frames=len(frames),
        voiced_frames=int(np.count_nonzero(voiced)),
        voiced_segments=len(runs_s),
        voiced_segment_sum_s=float(np.sum(runs_s)),
        voiced_segment_sumsq_s2=float(np.sum(runs_s * runs_s)),
        syllables=len(syllable_nuclei(level_dbfs, f0_hz)),
        f0_median_st=median_st,
        f0_sd_st=sd_st,
        energy_sum=float(np.sum(amplitude)),
        energy_sumsq=energy_sumsq,
        intensity_db=10.0 * math.log10(energy_sumsq / len(frames)) if energy_sumsq > 0.0 else None,
        loudness_mean=_mean(loudness),
        entropy_sum=float(np.sum(entropy)),
        entropy_sumsq=float(np.sum(entropy * entropy)),
        alpha_ratio_db=alpha_ratio_db,
        slope_0_500_db_per_hz=slope_0_500,
        hnr_db=hnr_db,
    )


def f0_histogram(frames: NDArray[np.float32]) -> NDArray[np.int64]:
    """Count the voiced frames by F0.

    Parameters
    ----------
    frames
        [k, len(COLUMNS)] the core's frames.

    Returns
    -------
    NDArray[np.int64]
        [F0_BIN_COUNT] counts; bin b holds F0 of b / 20 to (b + 1) / 20 st above 27.5 Hz, the outer bins everything beyond.

    Raises
    ------
    ValueError
        When ``frames`` does not have the core's columns.
    """
    _check(frames)
    f0_hz = np.ascontiguousarray(frames[:, INDEX["f0_hz"]], dtype=np.float64)
    bins = np.floor(_semitones(f0_hz[f0_hz > 0.0]) * F0_BINS_PER_ST).astype(np.int64)
    return np.bincount(np.clip(bins, 0, F0_BIN_COUNT - 1), minlength=F0_BIN_COUNT).astype(np.int64)


def _check(frames: NDArray[np.float32]) -> None:
    if frames.ndim != 2 or frames.shape[1] != len(COLUMNS):
        raise ValueError(f"frames must have the core's {len(COLUMNS)} columns, got an array of shape {frames.shape}")


def _semitones(f0_hz: Vector) -> Vector:
    return np.asarray(12.0 * np.log2(f0_hz / F0_REFERENCE_HZ), dtype=np.float64)


def _run_lengths(flags: NDArray[np.bool_]) -> Vector:
    """Lengths of the runs of True, in order."""
    padded = np.zeros(len(flags) + 2, np.bool_)
    padded[1:-1] = flags
    edges = (padded[1:] != padded[:-1]).nonzero()[0]
    return np.asarray(edges[1::2] - edges[::2], dtype=np.float64)


def _mean(values: Vector) -> float | None:
    return float(np.sum(values)) / len(values) if len(values) else None


def _centre_and_spread(values: Vector) -> tuple[float, float] | tuple[None, None]:
    """Median, and standard deviation of the population."""
    mean = _mean(values)
    if mean is None:
        return None, None
    ordered, middle = np.sort(values), len(values) // 2
    median = ordered[middle] if len(values) % 2 else (ordered[middle - 1] + ordered[middle]) / 2.0
    return float(median), math.sqrt(float(np.sum((values - mean) ** 2)) / len(values))
