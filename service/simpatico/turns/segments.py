"""Inter-pausal units from the frame decisions of one channel, as a stream.

Rules:

1. A unit runs from a speech frame to the last speech frame before a silence of 180 ms or more, or before the end of the stream.
2. A unit that reaches 30 s is cut there, at an exact frame count, and the next frame of speech starts a new one: no unit, and so no memory,
   grows without bound.
3. What is too short to be an utterance is not decided here: see :mod:`simpatico.turns.tracker`.

180 ms: the usual threshold lies between 180 and 200 ms, above the closures of plosives and below most pauses (Heldner & Edlund
2010, section 3.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["MAX_UNIT_FRAMES", "MIN_SILENCE_FRAMES", "Segmenter", "Span"]

MIN_SILENCE_FRAMES: Final = 18
MAX_UNIT_FRAMES: Final = 3000


@dataclass(frozen=True, slots=True)
class Span:
    """Frames ``start`` to ``end``, the latter not included."""

    start: int
    end: int


class Segmenter:
    """Cuts a stream of frame decisions into units; ``open`` is the unit in progress, up to its last speech frame so far."""

    def __init__(self) -> None:
        self.position = 0
        self.open: Span | None = None

    def push(self, speech: NDArray[np.bool_]) -> list[Span]:
        """Take the next decisions, bool [m]; return the units that ended, in order."""
        ended: list[Span] = []
        edges = [0, *((speech[1:] != speech[:-1]).nonzero()[0] + 1).tolist(), len(speech)]
        for start, end in pairwise(edges):
            if start < end and speech[start]:
                self._speak(self.position + start, self.position + end, ended)
        self.position += len(speech)
        if self.open is not None and self.position - self.open.end >= MIN_SILENCE_FRAMES:
            ended.append(self.open)
            self.open = None
        return ended

    def finish(self) -> list[Span]:
        """Return the unit in progress, if any: the stream ends here."""
        ended = [] if self.open is None else [self.open]
        self.open = None
        return ended

    def _speak(self, start: int, end: int, ended: list[Span]) -> None:
        """One run of speech frames."""
        if self.open is not None and (start - self.open.end >= MIN_SILENCE_FRAMES or start - self.open.start >= MAX_UNIT_FRAMES):
            ended.append(self.open)
            self.open = None
        begin = start if self.open is None else self.open.start
        while end - begin > MAX_UNIT_FRAMES:
            ended.append(Span(begin, begin + MAX_UNIT_FRAMES))
            begin += MAX_UNIT_FRAMES
        self.open = Span(begin, end)
