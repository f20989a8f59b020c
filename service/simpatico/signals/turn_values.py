"""One value per turn and descriptor, over the utterances of the turn: what entrainment compares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simpatico.types import Dialogue, Prosody, Utterance

__all__ = ["DESCRIPTORS", "TurnValues", "turn_values"]

DESCRIPTORS = ("f0_median_st", "intensity_db", "syllable_rate_hz", "alpha_ratio_db")
"""What is compared.

f0_median_st
    Mean of the utterances' median F0, weighted by voiced frames; semitones above 27.5 Hz.
intensity_db
    Mean power of the turn, dBFS.
syllable_rate_hz
    Syllable nuclei per second of utterance; none when no nucleus was found, as in a short "mm".
alpha_ratio_db
    Mean spectral tilt over voiced frames: energy of 50-1000 Hz against 1-5 kHz.
"""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TurnValues:
    """The turns of a dialogue, in time order.

    Attributes
    ----------
    party
        int64 [turns]: 0 for the party that had the first turn, 1 for the other. Not the role, so that swapped channels give the same
        numbers.
    middle_s
        float64 [turns]: middle of the turn, from the start of the first one, to the millisecond: when in the audio the conversation began
        does not move a bit.
    spoken_s
        float64 [turns]: seconds of speech in it.
    values
        float64 [turns, descriptors]; NaN where a turn has none.
    """

    party: NDArray[np.int64]
    middle_s: Array
    spoken_s: Array
    values: Array

    def speech_s(self, column: int) -> float:
        """Seconds of speech in the turns that have a value of one descriptor."""
        return float(self.spoken_s[np.isfinite(self.values[:, column])].sum())


def turn_values(dialogue: Dialogue) -> TurnValues:
    """Aggregate the utterances of each turn.

    Returns
    -------
    TurnValues
        Empty arrays for a dialogue without turns.
    """
    turns = dialogue.turns
    party = np.array([turn.role is not turns[0].role for turn in turns], np.int64)
    middle_s = np.array([round((turn.start_s + turn.end_s) / 2 - turns[0].start_s, 3) for turn in turns], float)
    owner = np.array([index for index, turn in enumerate(turns) for _ in turn.utterances], np.int64)
    rows = np.array([_row(dialogue.utterances[u]) for turn in turns for u in turn.utterances], float).reshape(-1, 8)
    sums = [np.asarray(np.bincount(owner, column, len(turns)), np.float64) for column in rows.T]
    spoken_s, syllables, voiced, f0, tilted, alpha, frames, power = sums
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(syllables > 0, syllables / spoken_s, np.nan)
        values = np.column_stack([f0 / voiced, 10.0 * np.log10(power / frames), rate, alpha / tilted])
    values[~np.isfinite(values)] = np.nan
    return TurnValues(party, middle_s, spoken_s, values)


def _row(utterance: Utterance) -> tuple[float, ...]:
    """Return the sums an utterance adds to its turn; what it has no value of adds nothing, weight included."""
    p: Prosody = utterance.prosody
    voiced = p.voiced_frames if p.f0_median_st is not None else 0
    tilted = p.voiced_frames if p.alpha_ratio_db is not None else 0
    frames = p.frames if p.intensity_db is not None else 0
    return (
        utterance.duration_s,
        p.syllables,
        voiced,
        voiced * (p.f0_median_st or 0.0),
        tilted,
        tilted * (p.alpha_ratio_db or 0.0),
        frames,
        frames * 10.0 ** ((p.intensity_db or 0.0) / 10.0),
    )
