"""Which parts of a recording are measured: all of it, given segments, or sliding windows; on the grid of 10 ms frames."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TypeAlias

from simpatico.errors import ConfigError, RequestError
from simpatico.types import HOP_S

__all__ = ["Segment", "SegmentLike", "Span", "Windows", "as_segments", "spans_of", "whole", "windows_of"]

_DECIMALS = 9
"""Nanoseconds: multiples of a hop are not to show how binary fractions round."""

SegmentLike: TypeAlias = "Segment | Sequence[float | None]"
"""``(start_s, end_s)`` or ``(start_s, end_s, channel)``."""
LONGEST_S = 1e9
"""Thirty years: beyond it a time is a slip, and frames could not be counted."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a recording, in seconds of it; of one channel, or of all when ``channel`` is None.

    ``name`` is what messages call it, "segments[2]" for the third that was given when it has none of its own.
    """

    start_s: float
    end_s: float
    channel: int | None = None
    name: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if not 0 <= self.start_s < self.end_s <= LONGEST_S:
            raise RequestError(
                f"a segment from {self.start_s:g} to {self.end_s:g} s cannot be measured: seconds with 0 <= start < end work, up to "
                f"{LONGEST_S:g}",
                field="segments",
            )
        if self.channel is not None and self.channel < 0:
            raise RequestError(f"a segment of channel {self.channel} cannot be measured: channels count from 0", field="segments")


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows of ``window_s``, a new one every ``hop_s``, as far as they lie wholly inside."""

    window_s: float
    hop_s: float

    def __post_init__(self) -> None:
        for name, value in (("window_s", self.window_s), ("hop_s", self.hop_s)):
            if not HOP_S <= value <= LONGEST_S:
                raise ConfigError(f"{name} is {value:g}: {HOP_S} s (one frame) or more works, up to {LONGEST_S:g}", field=name)


@dataclass(frozen=True, slots=True)
class Span:
    """A segment on the grid: rows ``[first, last)``, to the end of the stream when ``last`` is None.

    ``index`` says which of those asked for it is; ``droppable`` that it is left out when the stream ends before it.
    """

    index: int
    first: int
    last: int | None
    start_s: float
    end_s: float | None
    droppable: bool = False
    name: str = ""


def as_segments(segments: Iterable[SegmentLike]) -> list[Segment]:
    """Check what a caller gives as segments.

    Raises
    ------
    RequestError
        One is not (start_s, end_s) or (start_s, end_s, channel), of numbers, with 0 <= start_s < end_s.
    """
    found: list[Segment] = []
    for given in segments:
        name = f"segments[{len(found)}]"
        if isinstance(given, Segment):
            found.append(given if given.name else replace(given, name=name))
            continue
        try:
            start_s, end_s, channel = given if len(given) > 2 else (*given, None)
            found.append(Segment(float(start_s), float(end_s), None if channel is None else int(channel), name))  # type: ignore[arg-type]
        except (TypeError, ValueError) as exc:
            raise RequestError(f"{name} is {given!r}: (start_s, end_s) or (start_s, end_s, channel) works", field="segments") from exc
    return found


def whole() -> Iterator[Span]:
    """The whole stream as one span."""
    return iter([Span(0, 0, None, 0.0, None)])


def spans_of(segments: Sequence[Segment]) -> Iterator[Span]:
    """Spans in the order of their first row."""
    spans = [Span(index, _row(s.start_s), _row(s.end_s), s.start_s, s.end_s, name=s.name) for index, s in enumerate(segments)]
    return iter(sorted(spans, key=lambda span: span.first))


def windows_of(windows: Windows) -> Iterator[Span]:
    """Spans of windows, for ever."""
    rows = _row(windows.window_s)
    for k in count():
        start_s = round(k * windows.hop_s, _DECIMALS)
        yield Span(k, _row(start_s), _row(start_s) + rows, start_s, round(start_s + windows.window_s, _DECIMALS), droppable=True)


def _row(seconds: float) -> int:
    return math.floor(seconds / HOP_S + 0.5)
