"""What a voice says: phrases of syllables, as control tracks sampled every 5 ms.

A plan is random but speech-like: syllables of an optional consonant and a vowel or diphthong, phrases of four to twelve syllables, pauses
between phrases. Formants glide from target to target; the source fades in and out at voicing boundaries.

References
----------
Peterson, G. E., & Barney, H. L. (1952). Control methods used in a study of the vowels. JASA 24(2), table II (men).
Hillenbrand, J., et al. (1995). Acoustic characteristics of American English vowels. JASA 97(5), table V (men).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["STEP_S", "VOWELS", "Plan", "make_plan"]

Array = NDArray[np.float64]

STEP_S = 0.005
"""Control step of all tracks, seconds."""

VOWELS = {
    "peterson": (
        (270, 2290, 3010), (390, 1990, 2550), (530, 1840, 2480), (660, 1720, 2410), (730, 1090, 2440),
        (570, 840, 2410), (440, 1020, 2240), (300, 870, 2240), (640, 1190, 2390), (490, 1350, 1690),
    ),
    "hillenbrand": (
        (342, 2322, 3000), (427, 2034, 2684), (476, 2089, 2691), (580, 1799, 2605), (588, 1952, 2601), (768, 1333, 2522),
        (652, 997, 2538), (497, 910, 2459), (469, 1122, 2434), (378, 997, 2343), (623, 1200, 2550), (474, 1379, 1710),
    ),
}  # fmt: skip
"""Formant targets F1-F3 in Hz."""

_NASALS = ((250, 1000, 2200), (270, 1500, 2500))
_LIQUIDS = ((350, 1100, 2700), (330, 1200, 1600), (290, 700, 2300), (280, 2200, 2900))

# Fricative noise: centre and bandwidth in Hz, level relative to a vowel in dB (Jongman, Wayland & Wong 2000 give -10 to -25 dB).
_FRICATIVES = ((5500.0, 2200.0, -12.0), (3000.0, 1400.0, -10.0), (1800.0, 6000.0, -22.0), (2300.0, 5000.0, -18.0))


@dataclass(frozen=True, slots=True)
class Plan:
    """Control tracks, one row each 5 ms; ``phrases`` are (first, last + 1) rows.

    Source amplitude ``voicing`` (0 to 1), formants F1-F3 [k, 3], level (1 = a vowel's), centre and bandwidth of frication, level of
    aspiration.
    """

    voicing: Array
    formants_hz: Array
    fric_level: Array
    fric_centre_hz: Array
    fric_width_hz: Array
    aspiration: Array
    phrases: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class _Segment:
    duration_s: float
    formants: tuple[float, ...]
    voicing: float = 0.0
    fric: tuple[float, float, float] = (2500.0, 4000.0, -120.0)
    aspiration_db: float = -120.0


def _db(level: float) -> float:
    return float(10.0 ** (level / 20.0))


def _vowel(rng: np.random.Generator, table: str) -> list[_Segment]:
    vowels = VOWELS[table]
    length = float(np.clip(rng.lognormal(np.log(0.13), 0.45), 0.06, 0.45))
    level = _db(float(rng.uniform(-5.0, 0.0)))
    first = vowels[rng.integers(len(vowels))]
    if rng.random() < 0.35:
        return [_Segment(0.5 * length, first, level), _Segment(0.5 * length, vowels[rng.integers(len(vowels))], level)]
    return [_Segment(length, first, level)]


def _consonant(rng: np.random.Generator, near: tuple[float, ...]) -> list[_Segment]:
    kind = rng.choice(6, p=(0.13, 0.17, 0.22, 0.2, 0.16, 0.12))
    fric = _FRICATIVES[rng.integers(len(_FRICATIVES))]
    if kind == 0:
        return []
    if kind == 1:
        return [_Segment(rng.uniform(0.05, 0.1), _NASALS[rng.integers(2)], _db(rng.uniform(-12, -6)))]
    if kind == 2:
        return [_Segment(rng.uniform(0.04, 0.09), _LIQUIDS[rng.integers(4)], _db(rng.uniform(-9, -3)))]
    if kind == 3:
        return [_Segment(rng.uniform(0.06, 0.16), near, 0.0, fric, -45.0)]
    if kind == 4:  # stop: closure, burst, aspiration
        burst = (rng.uniform(1500.0, 4500.0), 3000.0, rng.uniform(-16.0, -8.0))
        return [
            _Segment(rng.uniform(0.04, 0.09), near),
            _Segment(rng.uniform(0.01, 0.015), near, 0.0, burst),
            _Segment(rng.uniform(0.015, 0.06), near, 0.0, aspiration_db=rng.uniform(-30, -18)),
        ]
    return [_Segment(rng.uniform(0.05, 0.1), near, _db(rng.uniform(-14, -8)), (fric[0], fric[1], fric[2] - 4.0))]  # voiced fricative


def _phrase(rng: np.random.Generator, table: str) -> list[_Segment]:
    segments: list[_Segment] = []
    for _ in range(int(rng.integers(4, 13))):
        vowel = _vowel(rng, table)
        segments += _consonant(rng, vowel[0].formants) + vowel
    if rng.random() < 0.5:
        segments += _consonant(rng, segments[-1].formants)
    return segments


def make_plan(rng: np.random.Generator, duration_s: float, table: str, pause_s: tuple[float, float] = (0.2, 0.8)) -> Plan:
    """A plan of exactly ``duration_s``, cut off wherever it then is; ``table`` names the vowel targets, pauses last ``pause_s``."""
    segments = [_Segment(rng.uniform(*pause_s), (500.0, 1500.0, 2500.0))]
    bounds: list[tuple[int, int]] = []
    total = segments[0].duration_s
    while total < duration_s:
        phrase = _phrase(rng, table)
        bounds.append((len(segments), len(segments) + len(phrase)))
        pause = _Segment(float(rng.uniform(*pause_s)), phrase[-1].formants, aspiration_db=float(rng.choice((-120.0, -40.0))))
        segments += [*phrase, pause]
        total = sum(s.duration_s for s in segments)
    ends = np.cumsum([s.duration_s for s in segments])
    steps = round(duration_s / STEP_S)
    at = np.minimum(np.searchsorted(ends, np.arange(steps) * STEP_S, side="right"), len(segments) - 1)
    starts = np.concatenate([[0.0], ends]) / STEP_S
    phrases = tuple((int(starts[a]), int(min(starts[b], steps))) for a, b in bounds if starts[a] < steps)

    def track(values: list[float]) -> Array:
        return np.array(values, dtype=np.float64)[at]

    formants = np.array([s.formants for s in segments])[at]
    return Plan(
        voicing=_smooth(track([s.voicing for s in segments]), 5),
        formants_hz=np.stack([_smooth(formants[:, i], 9) for i in range(3)], axis=1),
        fric_level=_smooth(track([_db(s.fric[2]) for s in segments]), 3),
        fric_centre_hz=track([s.fric[0] for s in segments]),
        fric_width_hz=track([s.fric[1] for s in segments]),
        aspiration=_smooth(track([_db(s.aspiration_db) for s in segments]), 3),
        phrases=phrases,
    )


def _smooth(track: Array, width: int) -> Array:
    window = np.hanning(width + 2)[1:-1]
    padded = np.pad(track, width // 2, mode="edge")
    return np.convolve(padded, window / window.sum(), mode="valid")[: track.size]
