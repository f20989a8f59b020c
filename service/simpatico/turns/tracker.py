"""One channel's utterances with their prosody, from samples and core frames, as a stream.

Rules:

1. Units (:mod:`simpatico.turns.segments`) shorter than 0.1 s are dropped: no syllable is that short.
2. A unit shorter than 0.5 s with fewer than 3 voiced frames is a noise burst (a click, a breath, a knock) and is dropped: every word has a
   voiced vowel.
3. The prosody of an utterance is computed once, from all its frames together, so how the stream was cut changes nothing. For that the
   frames of the utterance in progress are kept: at most 30 s of them. Nothing else per frame is.
4. :meth:`ChannelTracker.snapshot` is what :meth:`~ChannelTracker.finish` would leave if the stream ended with the last decided frame. Until
   somebody speaks on it holds the same objects, so that who asks often can tell by identity that nothing new is to be worked out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simpatico.core import COLUMNS
from simpatico.features import describe, f0_histogram
from simpatico.turns.activity import SHIPPED, ActivityWeights, SpeechDetector
from simpatico.turns.evidence import FRAMES_PER_S
from simpatico.turns.segments import Segmenter, Span
from simpatico.types import F0_BIN_COUNT, ChannelSpeech, Role, Utterance

__all__ = ["ChannelTracker"]

MIN_UTTERANCE_FRAMES: Final = 10
MAX_BURST_FRAMES: Final = 50
"""A knock or a breath lasts less; whispered or unvoiced speech of half a second and more is kept."""
MIN_VOICED_FRAMES: Final = 3
"""30 ms: the shortest vowels last about 40."""


@dataclass(frozen=True, slots=True, eq=False)
class _Heard:
    """Everything up to the end of the unit in ``span``."""

    span: Span | None
    utterances: tuple[Utterance, ...]
    f0_histogram: NDArray[np.int64]


class ChannelTracker:
    """Follows one channel.

    Parameters
    ----------
    role
        Whose channel it is.
    rate_hz
        8000 or 16000.
    weights
        Of the speech detector; other than the shipped ones only in measurements.

    Raises
    ------
    ValueError
        When the rate is neither.
    """

    def __init__(self, role: Role, rate_hz: int, weights: ActivityWeights = SHIPPED) -> None:
        self._role = role
        self._detector = SpeechDetector(rate_hz, weights)
        self._segmenter = Segmenter()
        self._rows = np.zeros((0, len(COLUMNS)), np.float32)
        self._first_row = 0
        self._held: list[NDArray[np.float32]] = []
        self._frames = 0
        self._ended = self._latest = _Heard(None, (), np.zeros(F0_BIN_COUNT, np.int64))
        self._finished = False

    def push(self, samples: NDArray[np.float32], frames: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Take the next samples and core frames.

        Parameters
        ----------
        samples
            float32 [n], full scale 1.
        frames
            float32 [k, len(COLUMNS)]; they may lag behind the samples, not lead.

        Returns
        -------
        NDArray[np.bool_]
            [m] speech decisions on the next m frames, in order; they lag behind ``frames``.

        Raises
        ------
        ValueError
            When a shape is wrong, frames come before their samples, or the stream is finished.
        """
        if self._finished:
            raise ValueError(f"{len(samples)} samples and {len(frames)} frames came after finish; start a new tracker for a new stream")
        speech = self._detector.push(samples, frames)
        self._held.append(frames)
        self._frames += len(frames)
        if len(speech):
            self._take(speech)
        return speech

    def finish(self) -> NDArray[np.bool_]:
        """End the stream; return the decisions on its last frames. Further calls return none."""
        if self._finished:
            return np.zeros(0, np.bool_)
        speech = self._detector.finish()
        self._finished = True
        self._take(speech)
        return speech

    def snapshot(self) -> ChannelSpeech:
        """Return what is known so far, with the utterance in progress; changes nothing."""
        current = self._segmenter.open
        heard = self._ended if current is None else self._through(current)
        return ChannelSpeech(self._role, self._frames / FRAMES_PER_S, heard.utterances, heard.f0_histogram)

    def _take(self, speech: NDArray[np.bool_]) -> None:
        """Keep the utterances that ended with the next decisions, and forget the frames that no later one can need."""
        self._rows = np.concatenate((self._rows, *self._held))
        self._held = []
        spans = self._segmenter.push(speech)
        for span in spans + self._segmenter.finish() if self._finished else spans:
            self._ended = self._through(span)
        current = self._segmenter.open
        needed = self._segmenter.position if current is None else current.start
        self._rows, self._first_row = self._rows[needed - self._first_row :], needed

    def _through(self, span: Span) -> _Heard:
        """Everything up to the end of the first unit that has not ended before; worked out once for each of its ends."""
        if self._latest.span != span:
            rows = self._rows[span.start - self._first_row : span.end - self._first_row]
            found = self._describe(span, rows)
            if found is None:
                self._latest = _Heard(span, self._ended.utterances, self._ended.f0_histogram)
            else:
                self._latest = _Heard(span, (*self._ended.utterances, found), self._ended.f0_histogram + f0_histogram(rows))
        return self._latest

    def _describe(self, span: Span, rows: NDArray[np.float32]) -> Utterance | None:
        length = span.end - span.start
        if length < MIN_UTTERANCE_FRAMES:
            return None
        prosody = describe(rows)
        if length < MAX_BURST_FRAMES and prosody.voiced_frames < MIN_VOICED_FRAMES:
            return None
        return Utterance(self._role, span.start / FRAMES_PER_S, span.end / FRAMES_PER_S, prosody)
