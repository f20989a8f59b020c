"""Speech or not, for every 10 ms frame of one channel.

The detector is a linear filter with a threshold. For frame t the evidence of frames t - 18 to t + 18 (:mod:`simpatico.turns.evidence`) is
averaged over a few windows around t, and a logistic regression on these averages gives the log-odds of speech. The windows do what
hysteresis, hangover and bridging of short pauses would do, in one step that can be fitted: how soon humans mark an onset, and how long a
pause they hear through.

The weights are in :mod:`simpatico.turns.activity_weights`; ``python -m bench.fit_speech_activity`` makes them, ``python -m
bench.speech_activity`` says how good they are on speakers that they were not fitted on. They are integers, and so is the evidence: the
log-odds are exact, the same on every machine and for any cutting of the input.

Look-ahead: 0.30 s after the core's frame (0.12 s for the speech level, 0.18 s for the windows). Frames are taken 25 at a time, at fixed
places of the stream, because NumPy costs per call more than per frame: a decision is known 0.30 to 0.54 s after the core's frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simpatico.core import COLUMNS
from simpatico.turns.activity_weights import INTERCEPT, WEIGHTS, WINDOWS
from simpatico.turns.evidence import EVIDENCE_COUNT, FRAMES_PER_S, LEVEL_LOOK_AHEAD, NO_EVIDENCE, EvidenceTracker, Integers

__all__ = ["BATCH_FRAMES", "LOOK_AHEAD_FRAMES", "SHIPPED", "ActivityWeights", "SpeechDetector"]


@dataclass(frozen=True)
class ActivityWeights:
    """A fitted linear filter over the evidence.

    Attributes
    ----------
    windows
        First and last frame of each window, relative to the frame decided.
    weights
        Per kind of evidence and window, the weight of each frame.
    intercept
        Log-odds without evidence, less the threshold, in the unit of the weights: a frame is speech when the total is above 0.
    """

    windows: tuple[tuple[int, int], ...]
    weights: tuple[tuple[int, ...], ...]
    intercept: int

    def __post_init__(self) -> None:
        if len(self.weights) != EVIDENCE_COUNT or any(len(row) != len(self.windows) for row in self.weights):
            raise ValueError(
                f"{EVIDENCE_COUNT} rows of {len(self.windows)} weights, one for each window, work; got {[len(r) for r in self.weights]}"
            )

    @cached_property
    def before(self) -> int:
        """Frames before the one decided that are looked at."""
        return -min(first for first, _ in self.windows)

    @cached_property
    def after(self) -> int:
        """Frames after the one decided that are looked at."""
        return max(last for _, last in self.windows)

    @cached_property
    def kernels(self) -> tuple[Integers, ...]:
        """Weights by lag, latest first as ``numpy.convolve`` takes them, one kernel per kind of evidence."""
        kernels = np.zeros((EVIDENCE_COUNT, self.before + 1 + self.after), np.float64)
        for kernel, weights in zip(kernels, self.weights, strict=True):
            for (first, last), weight in zip(self.windows, weights, strict=True):
                kernel[self.after - last : self.after - first + 1] += weight
        return tuple(kernels)


SHIPPED: Final = ActivityWeights(WINDOWS, WEIGHTS, INTERCEPT)
"""What the service uses."""
LOOK_AHEAD_FRAMES: Final = LEVEL_LOOK_AHEAD + SHIPPED.after
"""Frames after the one decided that a decision rests on."""
BATCH_FRAMES: Final = 25
"""Frames are taken in multiples of it."""


class SpeechDetector:
    """Decides for each frame of one channel whether it is speech.

    Parameters
    ----------
    rate_hz
        8000 or 16000.
    weights
        Other than the shipped ones only in measurements.

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

    def __init__(self, rate_hz: int, weights: ActivityWeights = SHIPPED) -> None:
        self._tracker = EvidenceTracker(rate_hz)
        self._weights = weights
        self._hop = rate_hz // FRAMES_PER_S
        self._samples_ahead = 0
        self._held_samples: list[NDArray[np.float32]] = []
        self._held_frames: list[NDArray[np.float32]] = []
        self._held = 0
        self._window = np.tile(np.array(NO_EVIDENCE, np.float64), (weights.before, 1))

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
        if frames.ndim != 2 or frames.shape[1] != len(COLUMNS):
            raise ValueError(f"frames must have the core's {len(COLUMNS)} columns, got an array of shape {frames.shape}")
        if samples.ndim != 1:
            raise ValueError(f"samples must be one channel, got an array of shape {samples.shape}")
        ahead = self._samples_ahead + len(samples) - len(frames) * self._hop
        if ahead < 0:
            raise ValueError(f"{len(frames)} frames came {-ahead} samples early; push samples no later than the frames made of them")
        self._samples_ahead = ahead
        self._held_samples.append(samples)
        self._held_frames.append(frames)
        self._held += len(frames)
        return self._advance(self._held - self._held % BATCH_FRAMES)

    def finish(self) -> NDArray[np.bool_]:
        """Return the decisions still held back; what follows the stream counts as silence."""
        rest = self._advance(self._held)
        tail = np.tile(np.array(NO_EVIDENCE, np.float64), (self._weights.after, 1))
        return np.concatenate((rest, self._decide(np.concatenate((self._tracker.finish(), tail)))))

    def _advance(self, count: int) -> NDArray[np.bool_]:
        """Take the first ``count`` of the frames held."""
        if not count:
            return np.zeros(0, np.bool_)
        samples, frames = np.concatenate(self._held_samples), np.concatenate(self._held_frames)
        taken = count * self._hop
        self._held_samples, self._held_frames, self._held = [samples[taken:]], [frames[count:]], len(frames) - count
        return self._decide(self._tracker.push(samples[:taken], frames[:count]))

    def _decide(self, evidence: Integers) -> NDArray[np.bool_]:
        window = np.concatenate((self._window, evidence))
        ready = len(window) - self._weights.before - self._weights.after
        if ready <= 0:
            self._window = window
            return np.zeros(0, np.bool_)
        log_odds = np.full(ready, self._weights.intercept, np.float64)
        for kind, kernel in enumerate(self._weights.kernels):
            log_odds += np.convolve(window[:, kind], kernel, mode="valid")
        self._window = window[ready:]
        return np.asarray(log_odds > 0)
