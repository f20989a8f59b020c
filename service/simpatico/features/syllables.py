"""Syllable nuclei without words: speech rate from the intensity contour.

After de Jong & Wempe (2009): a nucleus is a peak of intensity that (1) lies within 25 dB of the utterance's loudest point, (2) has a dip of
at least 2 dB on both sides, and (3) is voiced, give or take a frame. The contour is the power of the core's 10 ms frames, each a window of
20 ms, smoothed over five of them with a Hann window: together the 64 ms of Praat's intensity at a pitch floor of 50 Hz, which the authors
used. Longer smoothing misses syllables of fast speech, shorter counts glottal pulses; ``python -m bench.syllables`` has the figures.

References
----------
de Jong, N. H. & Wempe, T. (2009). Praat script to detect syllable nuclei and measure speech rate automatically. Behavior Research Methods
41(2), 385-390.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["syllable_nuclei"]

MIN_DIP_DB = 2.0
"""De Jong & Wempe 2009: the dip on either side of a nucleus."""
MAX_BELOW_PEAK_DB = 25.0
"""De Jong & Wempe's script, version 2: peaks further below the loudest one are not vowels."""
SILENCE_DBFS = -120.0
"""The core's floor of ``rms_dbfs``: digital silence."""
SMOOTHING = np.hanning(7)[1:-1] / np.hanning(7).sum()
"""Five frames. Of 5, 7, 9 and 11 it counts syllables of synthetic speech best (bench.syllables)."""


def syllable_nuclei(rms_dbfs: NDArray[np.floating], f0_hz: NDArray[np.floating]) -> NDArray[np.int64]:
    """Find the syllable nuclei of one utterance.

    Parameters
    ----------
    rms_dbfs
        [k] level of each 10 ms frame, dBFS; -120 is digital silence.
    f0_hz
        [k] fundamental frequency, Hz; 0 = unvoiced.

    Returns
    -------
    NDArray[np.int64]
        Frame indices of the nuclei, in order. What lies before and after the utterance counts as silence.

    Raises
    ------
    ValueError
        When the two arrays are not one-dimensional and of one length.
    """
    if rms_dbfs.ndim != 1 or rms_dbfs.shape != f0_hz.shape:
        raise ValueError(f"level and F0 must be vectors of one length, got shapes {rms_dbfs.shape} and {f0_hz.shape}")
    if rms_dbfs.size == 0:
        return np.zeros(0, np.int64)
    power = np.power(10.0, rms_dbfs.astype(np.float64) / 10.0)
    contour = 10.0 * np.log10(np.convolve(power, SMOOTHING, mode="full")[2:-2] + 10.0 ** (SILENCE_DBFS / 10.0))
    peaks = _prominent_peaks(contour.tolist(), MIN_DIP_DB)
    floor_db = contour.max() - MAX_BELOW_PEAK_DB
    return np.array([i for i in peaks if contour[i] >= floor_db and f0_hz[max(i - 1, 0) : i + 2].max() > 0.0], dtype=np.int64)


def _prominent_peaks(contour: list[float], dip: float) -> list[int]:
    """Return the indices of the maxima between which the contour falls, and from which it then rises, by at least ``dip``; its ends count
    as deep."""
    peaks: list[int] = []
    rising, best, at, low = True, -np.inf, 0, np.inf
    for i, level in enumerate(contour):
        if rising:
            if level > best:
                best, at = level, i
            elif level <= best - dip:
                peaks.append(at)
                rising, low = False, level
        elif level < low:
            low = level
        elif level >= low + dip:
            rising, best, at = True, level, i
    if rising:
        peaks.append(at)
    return peaks
