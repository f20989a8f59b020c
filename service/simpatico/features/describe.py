"""What one utterance sounds like, as sufficient statistics of its frames.

Everything is computed from the complete frames of the utterance at once, in float64 and in time order, so the result depends on the frames
alone and never on how they arrived.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simpatico.core import COLUMNS, INDEX
from simpatico.features.syllables import SILENCE_DBFS, syllable_nuclei
from simpatico.types import F0_BIN_COUNT, F0_BINS_PER_ST, F0_REFERENCE_HZ, HOP_S, Prosody

__all__ = ["describe", "f0_histogram"]

Vector = NDArray[np.float64]


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
    column = {
        name: np.ascontiguousarray(frames[:, INDEX[name]], dtype=np.float64)
        for name in ("rms_dbfs", "loudness", "f0_hz", "spectral_entropy")
    }
    level_dbfs, f0_hz, entropy = column["rms_dbfs"], column["f0_hz"], column["spectral_entropy"]
    amplitude = np.where(level_dbfs > SILENCE_DBFS, np.power(10.0, level_dbfs / 20.0), 0.0)
    energy_sumsq = float(np.sum(amplitude * amplitude))
    voiced = f0_hz > 0.0
    runs_s = _run_lengths(voiced) * HOP_S
    f0_st = _semitones(f0_hz[voiced])
    return Prosody(
        frames=len(frames),
        voiced_frames=int(np.count_nonzero(voiced)),
        voiced_segments=len(runs_s),
        voiced_segment_sum_s=float(np.sum(runs_s)),
        voiced_segment_sumsq_s2=float(np.sum(runs_s * runs_s)),
        syllables=len(syllable_nuclei(level_dbfs, f0_hz)),
        f0_median_st=float(np.median(f0_st)) if f0_st.size else None,
        f0_sd_st=float(np.std(f0_st)) if f0_st.size else None,
        energy_sum=float(np.sum(amplitude)),
        energy_sumsq=energy_sumsq,
        intensity_db=float(10.0 * np.log10(energy_sumsq / len(frames))) if energy_sumsq > 0.0 else None,
        loudness_mean=float(np.mean(column["loudness"])),
        entropy_sum=float(np.sum(entropy)),
        entropy_sumsq=float(np.sum(entropy * entropy)),
        alpha_ratio_db=_voiced_mean(frames, "alpha_ratio_db", voiced),
        slope_0_500_db_per_hz=_voiced_mean(frames, "slope_0_500_db_per_hz", voiced),
        hnr_db=_voiced_mean(frames, "hnr_db", voiced),
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
    edges = np.flatnonzero(np.diff(flags.astype(np.int8), prepend=0, append=0))
    return (edges[1::2] - edges[::2]).astype(np.float64)


def _voiced_mean(frames: NDArray[np.float32], name: str, voiced: NDArray[np.bool_]) -> float | None:
    if not voiced.any():
        return None
    return float(np.mean(np.ascontiguousarray(frames[:, INDEX[name]], dtype=np.float64)[voiced]))
