"""What the speech detector decides by: three numbers per 10 ms frame.

The rules:

1. *Speech level.* The level of the loudest speech so far: over frames that are clearly voiced, the maximum of the mean level of the 11
   frames around each, less 0.01 dB for every clearly voiced frame since, so that one loud moment is forgotten after some minutes of speech.
   Until half a second of clearly voiced frames was heard it is not taken to be below the nominal level. It looks 0.12 s ahead, so a first
   word already counts at its onset.
2. *Gain.* Samples are brought near the nominal level in steps of a factor of two, with hysteresis, before webrtcvad sees them: its noise
   and speech models start from fixed levels, and 12 dB more or less cost it five points of F1 (decision 0040). The rest of the detector
   only knows levels relative to speech.
3. *Evidence.* Per frame: webrtcvad's decision in its most selective mode (0 or 1; a frame 40 dB or more below speech is 0 and is not shown
   to it), the core's voicing probability (0 to 255), and the level relative to the speech level in tenths of a dB (-480 to 30).
4. *Steady sound is not speech.* Where the level stays within 4 dB from 0.19 s before to 0.12 s after a frame, the frame counts as silence:
   hiss, hum and tones, however loud, that neither webrtcvad nor anything that waits for a first word can tell from speech at the start of a
   call.

Every number is an integer, held as float64, so all sums are exact in any order, and scaling samples by a power of two is exact too: how the
input is cut changes nothing.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import webrtcvad
from numpy.typing import NDArray

from simpatico.core import INDEX

__all__ = ["EVIDENCE_COUNT", "FRAMES_PER_S", "LEVEL_LOOK_AHEAD", "NO_EVIDENCE", "EvidenceTracker"]

Flags = NDArray[np.bool_]
Integers = NDArray[np.float64]
"""Integers held as float64."""

EVIDENCE_COUNT: Final = 3
FRAMES_PER_S: Final = 100
NO_EVIDENCE: Final = (0.0, 0.0, -480.0)
"""The evidence of a frame of digital silence, and of all time before and after the stream."""
LEVEL_LOOK_AHEAD: Final = 12
"""Frames that the evidence of a frame looks ahead."""

_COLUMNS: Final = [INDEX[name] for name in ("rms_dbfs", "voicing_probability", "f0_hz")]
_SCALE: Final = np.array([10.0, 255.0, 1.0])
_AGGRESSIVENESS: Final = 3
"""webrtcvad's most selective mode: 0.91 F1 alone on the calls of the bench, against 0.81 in mode 2."""
_INAUDIBLE: Final = -400.0
"""Tenths of a dB below the speech level. Showing webrtcvad fainter frames changed no F1 by more than 0.001, and they are half of a call."""
_HALF_WIDTH: Final = 5
"""The level is a mean over 11 frames, about half a syllable: a click does not set it."""
_WIDTH: Final = 2 * _HALF_WIDTH + 1
_CLEARLY_VOICED: Final = 230.0
"""Of 255, so 0.9: voicing probability above which a frame counts as speech for the level. Line noise at 10 dB SNR rarely reaches it."""
_LEAST: Final = -600.0
"""Tenths of a dBFS. What is fainter is not taken for speech, however periodic: some 35 dB under the nominal level, -26 dBov (ITU-T
P.56)."""
_FEW_VOICED: Final = 50
_UNITS_PER_DB: Final = 10 * _WIDTH
"""The level is the sum of 11 levels in tenths of a dB."""
_NOMINAL: Final = -22.0 * _UNITS_PER_DB
"""Nominal level of a loud syllable: what the eight calls have, and about 4 dB above -26 dBov as syllables are above their mean."""
_LOWEST: Final = -50.0 * _UNITS_PER_DB
_DECAY: Final = 1.0
"""Per clearly voiced frame: 1/110 dB."""
_GAIN_STEP: Final = 6.0 * _UNITS_PER_DB
_GAIN_LIMIT: Final = 4.0 * _GAIN_STEP
"""24 dB up or down."""
_SILENCE: Final = -1000.0
"""Tenths of a dB at which levels are cut off: digital silence is -1200."""
_NONE: Final = -1e12
_STEADY: Final = 40.0
"""Tenths of a dB. Of human-marked speech, 1 % is steadier; of white noise, nearly all; of pink noise, some."""
_STEADY_BEFORE: Final = 19
_STEADY_SPAN: Final = _STEADY_BEFORE + 1 + LEVEL_LOOK_AHEAD
"""32 frames, a power of two."""
_RELATIVE_MIN: Final = NO_EVIDENCE[2]
_RELATIVE_MAX: Final = 30.0
_FULL_SCALE_I16: Final = 32768.0


class EvidenceTracker:
    """Turns samples and core frames of one channel into evidence, as a stream. See the module's rules.

    Parameters
    ----------
    rate_hz
        8000 or 16000.

    Raises
    ------
    ValueError
        When the rate is neither.
    """

    def __init__(self, rate_hz: int) -> None:
        if rate_hz not in (8000, 16000):
            raise ValueError(f"speech activity is decided at 8000 or 16000 Hz, got {rate_hz!r}; resample first")
        self._rate_hz = rate_hz
        self._hop = rate_hz // FRAMES_PER_S
        self._vad = webrtcvad.Vad(_AGGRESSIVENESS)
        self._speech_level = _SpeechLevel()
        self._gain = 0
        self._samples = np.zeros(0, np.float32)
        self._level = np.zeros(0)
        """From 0.19 s before the first frame that is not decided."""
        self._voicing = np.zeros(0)

    def push(self, samples: NDArray[np.float32], frames: NDArray[np.float32]) -> Integers:
        """Take samples and core frames, whose samples must have come no later; return the evidence that became known.

        Parameters
        ----------
        samples
            float32 [n], full scale 1.
        frames
            float32 [k, len(COLUMNS)].

        Returns
        -------
        Integers
            [m, 3]: webrtcvad, voicing, relative level of the next m frames.
        """
        if samples.size:
            self._samples = np.concatenate((self._samples, samples))
        if not len(frames):
            return np.zeros((0, EVIDENCE_COUNT))
        level, voicing, f0_hz = np.rint(frames[:, _COLUMNS] * _SCALE).T
        level = np.maximum(level, _SILENCE)
        clear = (voicing >= _CLEARLY_VOICED) & (f0_hz > 0.0) & (level > _LEAST)
        self._level = np.concatenate((self._level if self._level.size else np.full(_STEADY_BEFORE, level[0]), level))
        self._voicing = np.concatenate((self._voicing, voicing))
        return self._evidence(self._speech_level.push(level, clear))

    def finish(self) -> Integers:
        """Return the evidence still held back."""
        self._level = np.concatenate((self._level, np.repeat(self._level[-1:], LEVEL_LOOK_AHEAD)))
        return self._evidence(self._speech_level.finish())

    def _evidence(self, speech_level: Integers) -> Integers:
        """Evidence of the next frames, of which the speech level became known."""
        m = len(speech_level)
        evidence = np.empty((m, EVIDENCE_COUNT))
        if not m:
            return evidence
        level = self._level[_STEADY_BEFORE : _STEADY_BEFORE + m]
        relative = np.floor((level * _WIDTH - speech_level) / _WIDTH)
        evidence[:, 0] = self._webrtc(self._samples[: m * self._hop].reshape(m, -1), relative, self._gains(speech_level))
        evidence[:, 1] = self._voicing[:m]
        evidence[:, 2] = np.minimum(np.maximum(relative, _RELATIVE_MIN), _RELATIVE_MAX)
        evidence[_spread(self._level[: m + _STEADY_SPAN - 1]) < _STEADY] = NO_EVIDENCE
        self._samples, self._level, self._voicing = self._samples[m * self._hop :], self._level[m:], self._voicing[m:]
        return evidence

    def _gains(self, speech_level: Integers) -> Integers:
        """Gain of each frame in steps: kept until the speech level is more than a step away from the nominal one."""
        wanted = np.minimum(np.maximum(_NOMINAL - speech_level, -_GAIN_LIMIT), _GAIN_LIMIT)
        gains, at = np.empty(len(wanted)), 0
        while True:
            off = np.abs(wanted[at:] - self._gain * _GAIN_STEP) > _GAIN_STEP
            run = int(off.argmax()) if off.any() else len(off)
            gains[at : at + run] = self._gain
            at += run
            if at == len(wanted):
                return gains
            self._gain = math.floor(wanted[at] / _GAIN_STEP + 0.5)

    def _webrtc(self, blocks: NDArray[np.float32], relative: Integers, gains: Integers) -> Integers:
        """webrtcvad's decision on each row of ``blocks``; what is inaudible is not shown to it."""
        decisions = np.zeros(len(blocks))
        audible = (relative > _INAUDIBLE).nonzero()[0]
        if not len(audible):
            return decisions
        scale = np.ldexp(np.float32(_FULL_SCALE_I16), gains[audible].astype(np.int32))
        scaled = np.rint(blocks[audible] * scale[:, None])
        pcm = np.minimum(np.maximum(scaled, -_FULL_SCALE_I16), _FULL_SCALE_I16 - 1.0).astype(np.int16).tobytes()
        size, decide, rate_hz = 2 * self._hop, self._vad.is_speech, self._rate_hz
        decisions[audible] = [decide(pcm[at : at + size], rate_hz) for at in range(0, len(pcm), size)]
        return decisions


def _spread(level: Integers) -> Integers:
    """Largest less smallest of every 32 levels in a row, by doubling; 31 elements fewer than ``level``."""
    high = low = level
    width = 1
    while width < _STEADY_SPAN:
        high, low = np.maximum(high[:-width], high[width:]), np.minimum(low[:-width], low[width:])
        width *= 2
    return high - low


class _SpeechLevel:
    """Rule 1, as a stream: the level of the loudest speech so far for each frame, in units of 1/110 dB."""

    def __init__(self) -> None:
        self._level = np.full(_HALF_WIDTH, _SILENCE)
        self._clear = np.zeros(0, np.bool_)
        self._voiced = 0.0
        self._best = _NONE
        self._ahead = LEVEL_LOOK_AHEAD - _HALF_WIDTH

    def push(self, level: Integers, clear: Flags) -> Integers:
        """Take levels (tenths of a dB) and which frames are clearly voiced; return the speech level of the frames 0.12 s before."""
        self._level = np.concatenate((self._level, level))
        self._clear = np.concatenate((self._clear, clear))
        ready = len(self._level) - _WIDTH + 1
        if ready <= 0:
            return np.zeros(0)
        found = self._track(self._level, self._clear[:ready])
        self._level, self._clear = self._level[ready:], self._clear[ready:]
        early = min(self._ahead, ready)
        self._ahead -= early
        return found[early:]

    def finish(self) -> Integers:
        """Return the speech level of the last frames."""
        return self.push(np.full(LEVEL_LOOK_AHEAD, _SILENCE), np.zeros(LEVEL_LOOK_AHEAD, np.bool_))

    def _track(self, level: Integers, clear: Flags) -> Integers:
        """Speech level at each of ``clear``; ``level`` has 5 more at either end."""
        if not clear.any():
            return np.full(len(clear), self._known(self._best - _DECAY * self._voiced, self._voiced))
        total = np.cumsum(level)
        around = total[_WIDTH - 1 :].copy()
        around[1:] -= total[:-_WIDTH]
        voiced = self._voiced + np.cumsum(clear, dtype=np.float64)
        best = np.maximum.accumulate(np.maximum(np.where(clear, around + _DECAY * voiced, _NONE), self._best))
        self._voiced, self._best = float(voiced[-1]), float(best[-1])
        return self._known(best - _DECAY * voiced, voiced)

    @staticmethod
    def _known(heard: Integers | float, voiced: Integers | float) -> Integers:
        """What the level is taken to be: not below the nominal one before enough was heard, nor below the lowest."""
        return np.asarray(np.maximum(heard, np.where(np.asarray(voiced) < _FEW_VOICED, _NOMINAL, _LOWEST)), dtype=np.float64)
