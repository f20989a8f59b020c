"""What the speech detector decides by: three numbers per 10 ms frame.

The rules:

1. *Speech level.* The level of the loudest speech so far: over frames that are clearly voiced, the maximum of the mean level of the 11
   frames around each, less 0.01 dB for every clearly voiced frame since, so that one loud moment is forgotten after some minutes of speech.
   Until half a second of clearly voiced frames was heard it is not taken to be below the nominal level. It looks 0.12 s ahead, so a first
   word already counts at its onset.
2. *Gain.* Samples are brought to the nominal level before webrtcvad sees them: its noise and speech models start from fixed levels, and 12
   dB more or less cost it five points of F1 (decision 0040). Once half a second of clearly voiced frames was heard, the gain is what makes
   the speech level the nominal one, and webrtcvad starts again with it, on the second before; from there on the gain of the input no longer
   matters but for rounding. The gain is kept until it is more than 6 dB off, because those models need levels that stay. The rest of the
   detector only knows levels relative to speech.
3. *Evidence.* Per frame: webrtcvad's decision in its most selective mode (0 or 1; a frame 40 dB or more below speech is 0 and is not shown
   to it), the core's voicing probability (0 to 255), and the level relative to the speech level in tenths of a dB (-480 to 30).
4. *Steady sound is not speech.* Where the level stays within 4 dB from 0.19 s before to 0.12 s after a frame, the frame counts as silence:
   hiss, hum and tones, however loud, that neither webrtcvad nor anything that waits for a first word can tell from speech at the start of a
   call.

Every number is an integer, held as float64, so all sums are exact in any order; a gain has so few bits that its products with samples are
exact too: how the input is cut changes nothing.
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
_NOMINAL: Final = -20.0 * _UNITS_PER_DB
"""Nominal level of a loud syllable, some 6 dB above -26 dBov as syllables are above their mean. 2 dB more or less cost
a little in noise (decision 0040)."""
_LOWEST: Final = -50.0 * _UNITS_PER_DB
_DECAY: Final = 1.0
"""Per clearly voiced frame: 1/110 dB."""
_GAIN_LIMIT: Final = _NOMINAL - _LOWEST
"""30 dB up or down."""
_GAIN_SLACK: Final = 6.0 * _UNITS_PER_DB
"""How far from the one wanted a gain may be before it changes. With 3 and 9 dB instead no F1 changed by more than 0.003."""
_GAIN_BITS: Final = 20
"""Gains are multiples of 2**-20: of 25 bits at most, so that the product with the 24 bits of a sample is exact in float64."""
_REHEARD_FRAMES: Final = 100
"""What webrtcvad hears again when it starts again, for its noise model: a second. With three no F1 changed by more than 0.004."""
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
        self._gain, self._factor = 0.0, 1.0
        """In units of the level, and what samples are multiplied with."""
        self._known = False
        """Whether the gain rests on enough speech."""
        self._recent = np.zeros((0, self._hop), np.float32)
        """Until it does: what is to be heard again, and its level."""
        self._recent_level = np.zeros(0)
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
        return self._evidence(*self._speech_level.push(level, clear))

    def finish(self) -> Integers:
        """Return the evidence still held back."""
        self._level = np.concatenate((self._level, np.repeat(self._level[-1:], LEVEL_LOOK_AHEAD)))
        return self._evidence(*self._speech_level.finish())

    def _evidence(self, speech_level: Integers, unknown: int) -> Integers:
        """Evidence of the next frames, of which the speech level became available; for the first ``unknown`` it rests on too little."""
        m = len(speech_level)
        evidence = np.empty((m, EVIDENCE_COUNT))
        if not m:
            return evidence
        level = self._level[_STEADY_BEFORE : _STEADY_BEFORE + m]
        relative = np.floor((level * _WIDTH - speech_level) / _WIDTH)
        evidence[:, 0] = self._voice_activity(self._samples[: m * self._hop].reshape(m, -1), level, speech_level, unknown)
        evidence[:, 1] = self._voicing[:m]
        evidence[:, 2] = np.minimum(np.maximum(relative, _RELATIVE_MIN), _RELATIVE_MAX)
        evidence[_spread(self._level[: m + _STEADY_SPAN - 1]) < _STEADY] = NO_EVIDENCE
        self._samples, self._level, self._voicing = self._samples[m * self._hop :], self._level[m:], self._voicing[m:]
        return evidence

    def _voice_activity(self, blocks: NDArray[np.float32], level: Integers, speech_level: Integers, unknown: int) -> Integers:
        """webrtcvad's decisions on the next frames, starting again where the speech level becomes known."""
        if self._known:
            return self._webrtc(blocks, level, speech_level)
        decisions = self._webrtc(blocks[:unknown], level[:unknown], speech_level[:unknown])
        self._recent = np.concatenate((self._recent, blocks[:unknown]))[-_REHEARD_FRAMES:]
        self._recent_level = np.concatenate((self._recent_level, level[:unknown]))[-_REHEARD_FRAMES:]
        if unknown == len(blocks):
            return decisions
        self._known, self._vad = True, webrtcvad.Vad(_AGGRESSIVENESS)
        first = speech_level[unknown]
        self._set_gain(float(min(max(_NOMINAL - first, -_GAIN_LIMIT), _GAIN_LIMIT)))
        self._webrtc(self._recent, self._recent_level, np.full(len(self._recent), first))
        self._recent, self._recent_level = self._recent[:0], self._recent_level[:0]
        return np.concatenate((decisions, self._webrtc(blocks[unknown:], level[unknown:], speech_level[unknown:])))

    def _set_gain(self, gain: float) -> None:
        self._gain = gain
        self._factor = math.ldexp(round(math.ldexp(10.0 ** (gain / (20.0 * _UNITS_PER_DB)), _GAIN_BITS)), -_GAIN_BITS)

    def _factors(self, speech_level: Integers) -> NDArray[np.float64]:
        """What to multiply each frame with: a gain is kept until further than the slack from the one wanted."""
        wanted = np.minimum(np.maximum(_NOMINAL - speech_level, -_GAIN_LIMIT), _GAIN_LIMIT)
        factors, at = np.empty(len(wanted)), 0
        while True:
            off = np.abs(wanted[at:] - self._gain) > _GAIN_SLACK
            run = int(off.argmax()) if off.any() else len(off)
            factors[at : at + run] = self._factor
            at += run
            if at == len(wanted):
                return factors
            self._set_gain(float(wanted[at]))

    def _webrtc(self, blocks: NDArray[np.float32], level: Integers, speech_level: Integers) -> Integers:
        """webrtcvad's decision on each row of ``blocks``; what is inaudible is not shown to it."""
        decisions, factors = np.zeros(len(blocks)), self._factors(speech_level)
        audible = (level * _WIDTH - speech_level > _INAUDIBLE * _WIDTH).nonzero()[0]
        if not len(audible):
            return decisions
        scaled = blocks[audible] * (_FULL_SCALE_I16 * factors[audible, None])
        np.rint(scaled, out=scaled)
        np.minimum(np.maximum(scaled, -_FULL_SCALE_I16, out=scaled), _FULL_SCALE_I16 - 1.0, out=scaled)
        pcm = scaled.astype(np.int16).tobytes()
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

    def push(self, level: Integers, clear: Flags) -> tuple[Integers, int]:
        """Take levels (tenths of a dB) and which frames are clearly voiced; return the speech level of the frames 0.12 s before, and for
        how many of them, the first ones, too little was heard to know it."""
        self._level = np.concatenate((self._level, level))
        self._clear = np.concatenate((self._clear, clear))
        ready = len(self._level) - _WIDTH + 1
        if ready <= 0:
            return np.zeros(0), 0
        found, unknown = self._track(self._level, self._clear[:ready])
        self._level, self._clear = self._level[ready:], self._clear[ready:]
        early = min(self._ahead, ready)
        self._ahead -= early
        return found[early:], max(unknown - early, 0)

    def finish(self) -> tuple[Integers, int]:
        """Return the same of the last frames."""
        return self.push(np.full(LEVEL_LOOK_AHEAD, _SILENCE), np.zeros(LEVEL_LOOK_AHEAD, np.bool_))

    def _track(self, level: Integers, clear: Flags) -> tuple[Integers, int]:
        """Speech level at each of ``clear``, and for how many it is not known; ``level`` has 5 more at either end."""
        if not clear.any():
            known = self._voiced >= _FEW_VOICED
            heard = max(self._best - _DECAY * self._voiced, _LOWEST if known else _NOMINAL)
            return np.full(len(clear), heard), 0 if known else len(clear)
        total = np.cumsum(level)
        around = total[_WIDTH - 1 :].copy()
        around[1:] -= total[:-_WIDTH]
        voiced = self._voiced + np.cumsum(clear, dtype=np.float64)
        best = np.maximum.accumulate(np.maximum(np.where(clear, around + _DECAY * voiced, _NONE), self._best))
        self._voiced, self._best = float(voiced[-1]), float(best[-1])
        found, unknown = np.maximum(best - _DECAY * voiced, _LOWEST), int(voiced.searchsorted(_FEW_VOICED))
        found[:unknown] = np.maximum(found[:unknown], _NOMINAL)
        return found, unknown
