"""Held-out voices in every condition, and the errors of a pitch track against their truth; for ``bench.pitch`` and the tests.

Errors: gross pitch error (GPE), the share of frames voiced in truth and track whose F0 is off by more than 20 %; voicing decision error
(VDE), the share of all frames whose voicing is wrong; F0 frame error (FFE), the share of all frames with either (Chu & Alwan 2009,
"Reducing F0 frame error of F0 tracking algorithms under noisy conditions with an unvoiced/voiced classification frontend", ICASSP).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.synthvoice import FAMILIES, HOP_S, Condition, Truth, babble, conditions, draw_voice, speak, through

__all__ = ["DURATION_S", "HELD_OUT_SEED", "Case", "Score", "cases", "score"]

Array = NDArray[np.float64]

HELD_OUT_SEED = 9000
"""Seeds from here on are for measuring only; ``bench.pitch_fit`` uses others."""
DURATION_S = 6.0
_BASE_HZ = (90.0, 300.0)
_VOICES_PER_CROWD = 4


class Case(NamedTuple):
    """One voice of ``family`` in one condition: float32 samples with their truth."""

    family: str
    condition: Condition
    samples: NDArray[np.float32]
    truth: Truth


def cases(voices: int, rate_hz: int = 8000, families: tuple[str, ...] = FAMILIES) -> Iterator[Case]:
    """``voices`` of each family, their middle F0 spread evenly over 90 to 300 Hz (contours reach 80 to 350), each in every condition."""
    for number, family in enumerate(families):
        seed = HELD_OUT_SEED + 100 * (1 + FAMILIES.index(family))
        crowds = [babble(np.random.default_rng([seed, 1, k]), DURATION_S, family) for k in range(-(-voices // _VOICES_PER_CROWD))]
        for i in range(voices):
            rng = np.random.default_rng([seed, 2, i])
            base_hz = _BASE_HZ[0] * (_BASE_HZ[1] / _BASE_HZ[0]) ** ((i + number / len(families)) / voices)
            utterance = speak(rng, draw_voice(rng, family, base_hz), DURATION_S)
            for j, condition in enumerate(conditions(rate_hz)):
                noise_rng = np.random.default_rng([seed, 3, i, j])
                heard = through(utterance, condition, noise_rng, crowds[i % len(crowds)]).astype(np.float32)
                yield Case(family, condition, heard, utterance.truth)


@dataclass(slots=True)
class Score:
    """Counts of frames, which add up over cases; the figures are in percent."""

    frames: int = 0
    voiced: int = 0
    both: int = 0
    gross: int = 0
    missed: int = 0
    false: int = 0

    def __iadd__(self, other: Score) -> Score:
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))
        return self

    @property
    def gpe(self) -> float:
        """Gross pitch errors, % of frames voiced in both."""
        return 100.0 * self.gross / max(self.both, 1)

    @property
    def vde(self) -> float:
        """Voicing decision errors, % of frames."""
        return 100.0 * (self.missed + self.false) / max(self.frames, 1)

    @property
    def ffe(self) -> float:
        """F0 frame errors, % of frames."""
        return 100.0 * (self.gross + self.missed + self.false) / max(self.frames, 1)

    @property
    def false_alarm(self) -> float:
        """Frames called voiced, % of unvoiced ones."""
        return 100.0 * self.false / max(self.frames - self.voiced, 1)

    @property
    def miss(self) -> float:
        """Frames called unvoiced, % of voiced ones."""
        return 100.0 * self.missed / max(self.voiced, 1)


def score(f0_hz: Array, truth: Truth) -> Score:
    """Errors of a track with one value per 10 ms frame, 0 where unvoiced."""
    if f0_hz.size != truth.voiced.size:
        raise ValueError(f"the track has {f0_hz.size} frames of {HOP_S} s, the truth {truth.voiced.size}")
    said = f0_hz > 0.0
    both = said & truth.voiced
    gross = both & (np.abs(f0_hz / np.where(truth.voiced, truth.f0_hz, 1.0) - 1.0) > 0.2)
    return Score(
        frames=said.size,
        voiced=int(truth.voiced.sum()),
        both=int(both.sum()),
        gross=int(gross.sum()),
        missed=int((truth.voiced & ~said).sum()),
        false=int((said & ~truth.voiced).sum()),
    )
