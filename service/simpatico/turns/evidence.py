"""What the speech detector decides by: three integers per 10 ms frame.

The rules:

1. *Speech level.* The level of the loudest speech so far: over frames that are clearly voiced, the maximum of the mean level of the 11
   frames around each, less 0.01 dB for every clearly voiced frame since, so that one loud moment is forgotten after some minutes of speech.
   Until half a second of clearly voiced frames was heard it is not taken to be below the nominal level. It looks 0.12 s ahead, so a first
   word already counts at its onset.
2. *Gain.* Samples are brought near the nominal level in steps of a factor of two, with hysteresis, before webrtcvad sees them: its noise
   and speech models start from fixed levels, and 12 dB more or less cost it five points of F1 (decision 0040). The rest of the detector
   only knows levels relative to speech.
3. *Evidence.* Per frame: webrtcvad's decision in its most selective mode (0 or 1; a frame of digital zeros is 0 and is not shown to it),
   the core's voicing probability (0 to 255), and the level relative to the speech level in tenths of a dB (-480 to 30).
4. *Steady sound is not speech.* Where the level stays within 4 dB from 0.19 s before to 0.12 s after a frame, the frame counts as silence:
   hiss, hum and tones, however loud, that neither webrtcvad nor anything that waits for a first word can tell from speech at the start of a
   call.

All state is integer arithmetic on quantised levels, and scaling by a power of two is exact: how the input is cut changes nothing.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import webrtcvad
from numpy.typing import NDArray

from simpatico.core import COLUMNS, INDEX

__all__ = ["EVIDENCE_COUNT", "FRAMES_PER_S", "LEVEL_LOOK_AHEAD", "NO_EVIDENCE", "EvidenceTracker"]

Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]

EVIDENCE_COUNT: Final = 3
FRAMES_PER_S: Final = 100
NO_EVIDENCE: Final = (0, 0, -480)
"""The evidence of a frame of digital silence, and of all time before and after the stream."""
LEVEL_LOOK_AHEAD: Final = 12
"""Frames that the evidence of a frame looks ahead."""

_AGGRESSIVENESS: Final = 3
"""webrtcvad's most selective mode: 0.91 F1 alone on the calls of the bench, against 0.81 in mode 2."""
_HALF_WIDTH: Final = 5
"""The level is a mean over 11 frames, about half a syllable: a click does not set it."""
_WIDTH: Final = 2 * _HALF_WIDTH + 1
_CLEARLY_VOICED: Final = 0.9
"""Voicing probability above which a frame counts as speech for the level. Hum and line noise at 10 dB SNR rarely reach it."""
_LEAST_DBFS: Final = -60.0
"""Frames below are not taken for speech, however periodic: some 35 dB under the nominal level of telephone speech, -26 dBov (ITU-T
P.56)."""
_FEW_VOICED: Final = 50
_UNITS_PER_DB: Final = 10 * _WIDTH
"""The level is the sum of 11 levels in tenths of a dB."""
_NOMINAL: Final = -22 * _UNITS_PER_DB
"""Nominal level of a loud syllable: what the eight calls have, and about 4 dB above -26 dBov as syllables are above their mean."""
_LOWEST: Final = -50 * _UNITS_PER_DB
_DECAY: Final = 1
"""Per clearly voiced frame: 1/110 dB."""
_GAIN_STEP: Final = 6 * _UNITS_PER_DB
_GAIN_LIMIT: Final = 4
"""At most 4 steps, 24 dB, up or down."""
_SILENCE: Final = -1000
"""Tenths of a dB at which levels are cut off: digital silence is -1200."""
_NONE: Final = -(1 << 40)
_STEADY: Final = 40
"""Tenths of a dB. Of human-marked speech, 1 % is steadier; of white noise, nearly all; of pink noise, some."""
_STEADY_BEFORE: Final = 19
_STEADY_SPAN: Final = _STEADY_BEFORE + 1 + LEVEL_LOOK_AHEAD
"""32 frames, a power of two."""
_RELATIVE_RANGE: Final = (-480, 30)
_FULL_SCALE_I16: Final = 32768


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
        self._level = np.zeros(0, np.int64)
        """From 0.19 s before the first frame that is not decided."""
        self._voicing = np.zeros(0, np.int64)

    def push(self, samples: NDArray[np.float32], frames: NDArray[np.float32]) -> Integers:
        """Take the next samples, and core frames, which may lag behind them; return the evidence that became known.

        Parameters
        ----------
        samples
            float32 [n], full scale 1.
        frames
            float32 [k, len(COLUMNS)].

        Returns
        -------
        NDArray[np.int64]
            [m, 3]: webrtcvad, voicing, relative level of the next m frames.

        Raises
        ------
        ValueError
            When a shape is wrong, or frames come before their samples.
        """
        if frames.ndim != 2 or frames.shape[1] != len(COLUMNS):
            raise ValueError(f"frames must have the core's {len(COLUMNS)} columns, got an array of shape {frames.shape}")
        if samples.ndim != 1:
            raise ValueError(f"samples must be one channel, got an array of shape {samples.shape}")
        if samples.size:
            self._samples = np.concatenate((self._samples, samples))
        if not len(frames):
            return np.zeros((0, EVIDENCE_COUNT), np.int64)
        if len(self._samples) < (len(self._voicing) + len(frames)) * self._hop:
            raise ValueError(f"{len(frames)} frames came before their samples; push samples no later than the frames made of them")
        probability = frames[:, INDEX["voicing_probability"]]
        level = np.maximum(np.rint(frames[:, INDEX["rms_dbfs"]] * np.float32(10.0)).astype(np.int64), _SILENCE)
        clear = (probability >= _CLEARLY_VOICED) & (frames[:, INDEX["f0_hz"]] > 0.0) & (level > 10 * _LEAST_DBFS)
        before = self._level if self._level.size else np.full(_STEADY_BEFORE, level[0])
        self._level = np.concatenate((before, level))
        self._voicing = np.concatenate((self._voicing, np.rint(probability * np.float32(255.0)).astype(np.int64)))
        return self._evidence(self._speech_level.push(level, clear))

    def finish(self) -> Integers:
        """Return the evidence still held back."""
        self._level = np.concatenate((self._level, np.repeat(self._level[-1:], LEVEL_LOOK_AHEAD)))
        return self._evidence(self._speech_level.finish())

    def _evidence(self, speech_level: Integers) -> Integers:
        """Evidence of the next frames, of which the speech level became known."""
        m = len(speech_level)
        evidence = np.empty((m, EVIDENCE_COUNT), np.int64)
        if not m:
            return evidence
        evidence[:, 0] = self._webrtc(self._samples[: m * self._hop].reshape(m, self._hop), self._gains(speech_level))
        evidence[:, 1] = self._voicing[:m]
        level = self._level[_STEADY_BEFORE : _STEADY_BEFORE + m]
        evidence[:, 2] = np.clip((level * _WIDTH - speech_level) // _WIDTH, *_RELATIVE_RANGE)
        evidence[_spread(self._level[: m + _STEADY_SPAN - 1]) < _STEADY] = NO_EVIDENCE
        self._samples, self._level, self._voicing = self._samples[m * self._hop :], self._level[m:], self._voicing[m:]
        return evidence

    def _gains(self, speech_level: Integers) -> Integers:
        """Gain of each frame in steps: kept until the speech level is more than a step away from the nominal one."""
        wanted = np.clip(_NOMINAL - speech_level, -_GAIN_LIMIT * _GAIN_STEP, _GAIN_LIMIT * _GAIN_STEP)
        gains, at = np.empty(len(wanted), np.int64), 0
        while True:
            off = np.abs(wanted[at:] - self._gain * _GAIN_STEP) > _GAIN_STEP
            run = int(np.argmax(off)) if off.any() else len(off)
            gains[at : at + run] = self._gain
            at += run
            if at == len(wanted):
                return gains
            self._gain = int((wanted[at] + _GAIN_STEP // 2) // _GAIN_STEP)

    def _webrtc(self, blocks: NDArray[np.float32], gains: Integers) -> Integers:
        """webrtcvad's decision on each row of ``blocks``; digital silence is not shown to it."""
        scale = np.ldexp(np.float32(_FULL_SCALE_I16), gains.astype(np.int32))
        pcm = np.clip(np.rint(blocks * scale[:, None]), -_FULL_SCALE_I16, _FULL_SCALE_I16 - 1).astype(np.int16).tobytes()
        decisions, size, decide, rate_hz = np.zeros(len(blocks), np.int64), 2 * self._hop, self._vad.is_speech, self._rate_hz
        for i in np.flatnonzero(blocks.any(axis=1)).tolist():
            decisions[i] = decide(pcm[i * size : (i + 1) * size], rate_hz)
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
        self._level = np.full(_HALF_WIDTH, _SILENCE, np.int64)
        self._clear = np.zeros(0, np.bool_)
        self._voiced = 0
        self._best = _NONE
        self._ahead = LEVEL_LOOK_AHEAD - _HALF_WIDTH

    def push(self, level: Integers, clear: Flags) -> Integers:
        """Take levels (tenths of a dB) and which frames are clearly voiced; return the speech level of the frames 0.12 s before."""
        self._level = np.concatenate((self._level, level))
        self._clear = np.concatenate((self._clear, clear))
        ready = len(self._level) - _WIDTH + 1
        if ready <= 0:
            return np.zeros(0, np.int64)
        total = np.cumsum(self._level)
        around = total[_WIDTH - 1 :].copy()
        around[1:] -= total[:-_WIDTH]
        found = self._track(around, self._clear[:ready])
        self._level, self._clear = self._level[ready:], self._clear[ready:]
        early = min(self._ahead, ready)
        self._ahead -= early
        return found[early:]

    def finish(self) -> Integers:
        """Return the speech level of the last frames."""
        return self.push(np.full(LEVEL_LOOK_AHEAD, _SILENCE, np.int64), np.zeros(LEVEL_LOOK_AHEAD, np.bool_))

    def _track(self, around: Integers, clear: Flags) -> Integers:
        voiced = self._voiced + np.cumsum(clear)
        best = np.maximum.accumulate(np.maximum(np.where(clear, around + _DECAY * voiced, _NONE), self._best))
        self._voiced, self._best = int(voiced[-1]), int(best[-1])
        heard = best - _DECAY * voiced
        known = np.where(voiced < _FEW_VOICED, np.maximum(heard, _NOMINAL), heard)
        return np.asarray(np.maximum(known, _LOWEST))
