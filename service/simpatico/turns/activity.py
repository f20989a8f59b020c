"""Speech or not, for every 10 ms frame of one channel.

The detector is a linear filter with a threshold. For frame t the evidence of frames t - 40 to t + 18 (:mod:`simpatico.turns.evidence`) is
averaged over a few windows around t, and a logistic regression on these averages gives the log-odds of speech. The windows do what
hysteresis, hangover and bridging of short pauses would do, in one step that can be fitted: how soon humans mark an onset, and how long a
pause they hear through.

The weights are in :mod:`simpatico.turns.activity_weights`; ``python -m bench.fit_speech_activity`` makes them, ``python -m
bench.speech_activity`` says how good they are on speakers that they were not fitted on. They are integers, and so is the evidence: the
log-odds are exact, the same on every machine and for any cutting of the input.

Look-ahead: 0.30 s after the core's frame (0.12 s for the speech level, 0.18 s for the windows).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from simpatico.turns.activity_weights import INTERCEPT, WEIGHTS, WINDOWS
from simpatico.turns.evidence import EVIDENCE_COUNT, LEVEL_LOOK_AHEAD, NO_EVIDENCE, EvidenceTracker

__all__ = ["LOOK_AHEAD_FRAMES", "SpeechDetector", "window_sums"]

_BEFORE: Final = -min(first for first, _ in WINDOWS)
_AFTER: Final = max(last for _, last in WINDOWS)
_TAPS: Final = _BEFORE + 1 + _AFTER
LOOK_AHEAD_FRAMES: Final = LEVEL_LOOK_AHEAD + _AFTER
"""Frames by which decisions lag behind the core's frames."""


def _kernels() -> list[NDArray[np.int64]]:
    """Weights by lag, latest first as ``numpy.convolve`` takes them, one kernel per kind of evidence."""
    kernels = np.zeros((EVIDENCE_COUNT, _TAPS), np.int64)
    for kernel, weights in zip(kernels, WEIGHTS, strict=True):
        for (first, last), weight in zip(WINDOWS, weights, strict=True):
            kernel[_AFTER - last : _AFTER - first + 1] += weight
    return list(kernels)


_KERNELS: Final = _kernels()


def window_sums(evidence: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sum the evidence [k, 3] of a whole channel over each window: int64 [k, 3 x windows], kind by kind. What the weights multiply; for
    fitting."""
    padded = np.concatenate((np.tile(NO_EVIDENCE, (_BEFORE, 1)), evidence, np.tile(NO_EVIDENCE, (_AFTER, 1))))
    total = np.concatenate((np.zeros((1, EVIDENCE_COUNT), np.int64), np.cumsum(padded, axis=0)))
    k = len(evidence)
    sums = [total[_BEFORE + last + 1 : _BEFORE + last + 1 + k] - total[_BEFORE + first : _BEFORE + first + k] for first, last in WINDOWS]
    return np.stack(sums, axis=2).reshape(k, EVIDENCE_COUNT * len(WINDOWS))


class SpeechDetector:
    """Decides for each frame of one channel whether it is speech.

    Parameters
    ----------
    rate_hz
        8000 or 16000.

    Raises
    ------
    ValueError
        When the rate is neither.

    Examples
    --------
    >>> extractor, detector = FrameExtractor(8000), SpeechDetector(8000)
    >>> decided = [detector.push(chunk, extractor.push(chunk)) for chunk in chunks]
    >>> decided += [detector.push(NO_SAMPLES, extractor.finish()), detector.finish()]
    >>> speech = numpy.concatenate(decided)  # one flag per frame
    """

    def __init__(self, rate_hz: int) -> None:
        self._tracker = EvidenceTracker(rate_hz)
        self._window = np.tile(np.array(NO_EVIDENCE, np.int64), (_BEFORE, 1))

    def push(self, samples: NDArray[np.float32], frames: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Take the next samples and core frames; return the decisions that became known.

        Parameters
        ----------
        samples
            float32 [n], full scale 1.
        frames
            float32 [k, len(COLUMNS)]; they may lag behind the samples, not lead.

        Returns
        -------
        NDArray[np.bool_]
            [m] decisions on the next m frames, in order.

        Raises
        ------
        ValueError
            When a shape is wrong, or frames come before their samples.
        """
        return self._decide(self._tracker.push(samples, frames))

    def finish(self) -> NDArray[np.bool_]:
        """Return the decisions still held back; what follows the stream counts as silence."""
        tail = np.tile(np.array(NO_EVIDENCE, np.int64), (_AFTER, 1))
        return self._decide(np.concatenate((self._tracker.finish(), tail)))

    def _decide(self, evidence: NDArray[np.int64]) -> NDArray[np.bool_]:
        window = np.concatenate((self._window, evidence))
        ready = len(window) - _TAPS + 1
        if ready <= 0:
            self._window = window
            return np.zeros(0, np.bool_)
        log_odds = np.full(ready, INTERCEPT, np.int64)
        for kind, kernel in enumerate(_KERNELS):
            log_odds += np.convolve(window[:, kind], kernel, mode="valid")
        self._window = window[ready:]
        return np.asarray(log_odds > 0)
