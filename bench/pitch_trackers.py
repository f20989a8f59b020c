"""The pitch trackers that ``bench.pitch`` compares: ours, and published ones where their packages are installed.

All search 60 to 500 Hz. The others run with the settings that their authors or packages recommend, at a hop of 5 ms, and are read at the
centre of each 10 ms frame plus an offset; the bench takes for each the offset that suits it best, and none for ours.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simpatico.core import INDEX, FrameExtractor

__all__ = ["FAST", "OURS", "Track", "Tracker", "at_frames", "available", "ours"]

Array = NDArray[np.float64]
Samples = NDArray[np.float32]

F0_MIN_HZ, F0_MAX_HZ = 60.0, 500.0
REFERENCE_HOP_S = 0.005
OURS = "Simpatico"
FAST = ("Praat ac", "RAPT")
"""Those that the criterion names; the others take minutes."""


class Track(NamedTuple):
    """F0 in Hz, 0 where unvoiced, at evenly spaced times in seconds."""

    start_s: float
    step_s: float
    f0_hz: Array


Tracker = Callable[[Samples, int], Track]


def at_frames(track: Track, frames: int, offset_s: float) -> Array:
    """The track's nearest values at the centres of 10 ms frames plus ``offset_s``; 0 outside it."""
    at = (np.arange(frames) + 0.5) * 0.010 + offset_s
    nearest = np.rint((at - track.start_s) / track.step_s).astype(np.intp)
    inside = (nearest >= 0) & (nearest < track.f0_hz.size)
    return np.where(inside, track.f0_hz[np.clip(nearest, 0, track.f0_hz.size - 1)], 0.0)


def ours(samples: Samples, rate_hz: int) -> Track:
    """The C core."""
    extractor = FrameExtractor(rate_hz)
    rows = np.vstack([extractor.push(samples), extractor.finish()])
    return Track(0.005, 0.010, rows[:, INDEX["f0_hz"]].astype(np.float64))


def praat(samples: Samples, rate_hz: int) -> Track:
    """Praat's autocorrelation method with the standard settings of its manual."""
    import parselmouth

    sound = parselmouth.Sound(samples.astype(np.float64), rate_hz)
    pitch = sound.to_pitch_ac(
        time_step=REFERENCE_HOP_S,
        pitch_floor=F0_MIN_HZ,
        max_number_of_candidates=15,
        very_accurate=False,
        silence_threshold=0.03,
        voicing_threshold=0.45,
        octave_cost=0.01,
        octave_jump_cost=0.35,
        voiced_unvoiced_cost=0.14,
        pitch_ceiling=F0_MAX_HZ,
    )
    return Track(float(pitch.x1), float(pitch.dx), np.asarray(pitch.selected_array["frequency"]))


def rapt(samples: Samples, rate_hz: int) -> Track:
    """RAPT as in SPTK, defaults; it knows levels of 16-bit audio only, so each case is brought to a peak of 29000."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pysptk
    scaled = samples * (29000.0 / max(float(np.abs(samples).max()), 1e-9))
    f0 = pysptk.rapt(scaled.astype(np.float32), rate_hz, round(REFERENCE_HOP_S * rate_hz), min=F0_MIN_HZ, max=F0_MAX_HZ, otype="f0")
    return Track(0.0, REFERENCE_HOP_S, np.asarray(f0, dtype=np.float64))


def pyin(samples: Samples, rate_hz: int) -> Track:
    """Probabilistic YIN as in librosa, defaults but for a window of four periods of 60 Hz."""
    import librosa

    frame = 1 << int(np.ceil(np.log2(4.0 * rate_hz / F0_MIN_HZ)))
    hop = round(REFERENCE_HOP_S * rate_hz)
    f0, voiced, _ = librosa.pyin(samples.astype(np.float64), fmin=F0_MIN_HZ, fmax=F0_MAX_HZ, sr=rate_hz, frame_length=frame, hop_length=hop)
    return Track(0.0, REFERENCE_HOP_S, np.where(voiced, np.nan_to_num(f0), 0.0))


def opensmile(samples: Samples, rate_hz: int) -> Track:
    """openSMILE's eGeMAPSv02 descriptors (55 Hz to 1 kHz, hop 10 ms, which cannot be set); semitones above 27.5 Hz."""
    import opensmile as package

    smile = package.Smile(package.FeatureSet.eGeMAPSv02, package.FeatureLevel.LowLevelDescriptors)
    table = smile.process_signal(samples, rate_hz)
    semitones = table["F0semitoneFrom27.5Hz_sma3nz"].to_numpy(dtype=np.float64)
    return Track(0.0, 0.010, np.where(semitones > 0.0, 27.5 * 2.0 ** (semitones / 12.0), 0.0))


_KNOWN: dict[str, tuple[str, Tracker]] = {
    "Praat ac": ("parselmouth", praat),
    "RAPT": ("pysptk", rapt),
    "pyin": ("librosa", pyin),
    "openSMILE": ("opensmile", opensmile),
}


def available(names: tuple[str, ...] = FAST) -> dict[str, Tracker]:
    """Ours, and those of ``names`` whose package is installed."""
    found = {
        name: tracker for name, (package, tracker) in _KNOWN.items() if name in names and importlib.util.find_spec(package) is not None
    }
    return {OURS: ours} | found
