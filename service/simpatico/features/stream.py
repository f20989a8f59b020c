"""One channel's features as a stream: samples in, the features of each segment out as soon as its last frame is known.

One pass over the audio serves any number of segments, overlapping or not, and how the samples were cut never changes a figure. A live
sliding window is a stream with `Windows`; a file is a stream that ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from simpatico.audio import StreamResampler, analysis_rate_hz, check_samples
from simpatico.core import EXACT_FRAMES, FUNCTIONAL_NAMES, FrameExtractor, Functionals, smooth_lld
from simpatico.errors import RequestError
from simpatico.features.results import EDGE_ROWS, LLD_NAMES, MIN_ROWS, Features, SetName, check_set
from simpatico.features.scale import ScaleName, check_scale, on_opensmile_scale
from simpatico.features.segments import SegmentLike, Span, Windows, as_segments, spans_of, whole, windows_of
from simpatico.features.summary import summarise
from simpatico.types import HOP_S

__all__ = ["EXACT_ROWS", "FeatureStream"]

EXACT_ROWS: Final = EXACT_FRAMES
"""Percentiles and slopes of a segment are exact up to this length, 10.9 minutes (`Functionals`). Rows of shorter segments are also
kept until their end, 7 MB a channel at most, instead of a state of 1.2 MB for every window that is open."""

_RESERVE_FRAMES: Final = 256
"""Rows that wait in the core, 27 KB: blocks of a second then fill the vector lanes, which saves a fifth of the time (`bench.speed`)."""

Rows = NDArray[np.float32]


class _Gathering(Protocol):
    """What is open for one segment: takes its rows in order, gives its figures once."""

    def add(self, rows: Rows) -> None: ...

    def values(self) -> NDArray[np.float32]: ...


class _Kept:
    """Keeps the rows; the arrays are shared with other segments that overlap."""

    def __init__(self) -> None:
        self.parts: list[Rows] = []

    def add(self, rows: Rows) -> None:
        self.parts.append(rows)

    def count(self) -> int:
        return sum(len(rows) for rows in self.parts)

    def joined(self, columns: int) -> Rows:
        return np.concatenate(self.parts) if self.parts else np.empty((0, columns), np.float32)


class _LongFunctionals:
    """Functionals of a segment that is long or whose length is not known."""

    def __init__(self) -> None:
        self._functionals = Functionals(EXACT_ROWS)
        self._count = 0

    def add(self, rows: Rows) -> None:
        self._functionals.add(rows)
        self._count += len(rows)

    def values(self) -> NDArray[np.float32]:
        return self._functionals.read() if self._count >= MIN_ROWS else _nothing()


class _ShortFunctionals(_Kept):
    """Functionals of a segment whose rows are kept; all of a stream share one state."""

    def __init__(self, functionals: Functionals) -> None:
        super().__init__()
        self._functionals = functionals

    def values(self) -> NDArray[np.float32]:
        if self.count() < MIN_ROWS:
            return _nothing()
        self._functionals.reset()
        for rows in self.parts:
            self._functionals.add(rows)
        return self._functionals.read()


class _Contours(_Kept):
    """Smoothed descriptors."""

    def __init__(self, columns: int) -> None:
        super().__init__()
        self._columns = columns

    def values(self) -> NDArray[np.float32]:
        if self.count() < MIN_ROWS:
            return np.empty((0, len(LLD_NAMES)), np.float32)
        return smooth_lld(self.joined(self._columns))[:-EDGE_ROWS]


class _Summary(_Kept):
    """The set ``signals``."""

    def __init__(self, columns: int) -> None:
        super().__init__()
        self._columns = columns

    def values(self) -> NDArray[np.float32]:
        return summarise(self.joined(self._columns))


def _nothing() -> NDArray[np.float32]:
    return np.full(len(FUNCTIONAL_NAMES), np.nan, np.float32)


class FeatureStream:
    """Measures one channel as its samples come.

    Parameters
    ----------
    sample_rate_hz
        Rate of the samples, 8000 to 192000 Hz. Measured is at 8 or 16 kHz; other rates are resampled.
    set
        "egemaps-v02", "lld" or "signals".
    segments
        What to measure: `Windows`, or an iterable of ``(start_s, end_s)`` in any order; None for the whole stream.
    file, channel
        Labels of the results.
    offset_s
        Where in its recording the stream begins; added to the times of the whole stream and of windows.
    scale
        "own", or "opensmile" for functionals as `on_opensmile_scale` gives them.

    Raises
    ------
    AudioFormatError
        The rate is out of range.
    ConfigError
        The set or the scale is not known, or the scale is not one of the set.
    RequestError
        A segment is empty or negative.

    Notes
    -----
    The pitch tracker looks ahead, so a segment is known about 0.4 s after its end. Memory does not grow with the stream for
    "egemaps-v02", but for segments of given bounds of up to `EXACT_ROWS`; "lld" and "signals" keep the rows of open segments.

    Examples
    --------
    >>> live = FeatureStream(8000, segments=Windows(5.0, 1.0))
    >>> for chunk in chunks:  # float32 or int16 [n], any n
    ...     for found in live.push(chunk):
    ...         print(found.start_s, found["loudness_sma3_amean"])
    >>> last = live.finish()
    """

    def __init__(
        self,
        sample_rate_hz: int,
        *,
        set: SetName = "egemaps-v02",  # noqa: A002
        segments: Windows | Iterable[SegmentLike] | None = None,
        file: str = "",
        channel: int = 0,
        offset_s: float = 0.0,
        scale: ScaleName = "own",
    ) -> None:
        self._set = check_set(set)
        self._scale = check_scale(scale, of=self._set)
        self.channel = channel
        self._file, self._offset_s = file, offset_s
        rate_hz = analysis_rate_hz(sample_rate_hz)
        self._rate_hz = sample_rate_hz
        self._resampler = None if rate_hz == sample_rate_hz else StreamResampler(sample_rate_hz, rate_hz, 1)
        columns = ("signals",) if self._set == "signals" else ("egemaps",)
        self._extractor = FrameExtractor(rate_hz, sets=columns, reserve_frames=_RESERVE_FRAMES)
        self._plan = _spans(segments)
        self._next = next(self._plan, None)
        self._open: list[tuple[Span, _Gathering]] = []
        self._shared: Functionals | None = None
        self._rows = 0
        self._taken = 0
        self._finished = False

    @property
    def duration_s(self) -> float:
        """Seconds pushed so far."""
        return self._taken / self._rate_hz

    def push(self, samples: NDArray[np.float32] | NDArray[np.int16]) -> list[Features]:
        """Take samples [n]; return the segments that became known, in the order of their ends.

        Raises
        ------
        MalformedAudioError
            A sample is NaN, infinite or far above full scale, or the shape or type is wrong. Nothing of it was taken.
        RequestError
            The stream has ended.
        """
        if self._finished:
            raise RequestError("samples after finish(): a stream measures one recording, make a new FeatureStream", field="samples")
        if self._resampler is None:
            rows = self._extractor.push(samples)
        else:
            wide = samples.astype(np.float32) / 32768 if samples.dtype == np.int16 else samples
            wide = check_samples(wide.astype(np.float32, copy=False)[:, None], first=self._taken)
            rows = self._extractor.push(np.ascontiguousarray(self._resampler.push(wide)[:, 0]))
        self._taken += len(samples)
        return self._take(rows)

    def finish(self) -> list[Features]:
        """End the stream; return the segments still open, in the order in which they were asked for. Windows that it cut off are left out.

        Called again it gives nothing.

        Raises
        ------
        RequestError
            A given segment reaches more than one frame (10 ms) beyond the end.
        """
        if self._finished:
            return []
        self._finished = True
        found = []
        if self._resampler is not None:
            found += self._take(self._extractor.push(np.ascontiguousarray(self._resampler.finish()[:, 0])))
        found += self._take(self._extractor.finish())
        left = self._open + [(span, self._gathering(span)) for span in self._rest()]
        left = [(span, gathering) for span, gathering in left if not span.droppable]
        for span, _ in left:
            if span.end_s is not None and span.end_s > self.duration_s + HOP_S:
                raise RequestError(
                    f"{span.name}, {span.start_s:g} to {span.end_s:g} s, reaches beyond the end of "
                    f"{self._file or 'the recording'}, which lasts {self.duration_s:g} s: give segments inside it",
                    field="segments",
                )
        self._open = []
        found += [self._features(span, gathering) for span, gathering in left]
        return found

    def _rest(self) -> Iterator[Span]:
        """Spans that never opened; windows go on for ever, and none of them counts."""
        if self._next is None or self._next.droppable:
            return iter(())
        first, self._next = self._next, None
        return chain([first], self._plan)

    def _take(self, rows: Rows) -> list[Features]:
        begin, end = self._rows, self._rows + len(rows)
        self._rows = end
        while self._next is not None and self._next.first < end:
            self._open.append((self._next, self._gathering(self._next)))
            self._next = next(self._plan, None)
        done: list[tuple[int, Span, _Gathering]] = []
        still: list[tuple[Span, _Gathering]] = []
        for span, gathering in self._open:
            last = end if span.last is None else min(span.last, end)
            gathering.add(rows[max(span.first, begin) - begin : max(last, begin) - begin])
            if span.last is not None and span.last <= end:
                done.append((span.last, span, gathering))
            else:
                still.append((span, gathering))
        self._open = still
        return [self._features(span, gathering) for _, span, gathering in sorted(done, key=lambda item: (item[0], item[1].index))]

    def _gathering(self, span: Span) -> _Gathering:
        if self._set == "signals":
            return _Summary(len(self._extractor.columns))
        if self._set == "lld":
            return _Contours(len(self._extractor.columns))
        if span.last is None or span.last - span.first > EXACT_ROWS:
            return _LongFunctionals()
        if self._shared is None:
            self._shared = Functionals(EXACT_ROWS)
        return _ShortFunctionals(self._shared)

    def _features(self, span: Span, gathering: _Gathering) -> Features:
        values = gathering.values()
        if self._scale == "opensmile":
            values = on_opensmile_scale(values, self._rate_hz)
        values.setflags(write=False)
        start_s, end_s = span.start_s, self.duration_s if span.end_s is None else span.end_s
        return Features(self._set, self._file, self.channel, start_s + self._offset_s, end_s + self._offset_s, values)


def _spans(segments: Windows | Iterable[SegmentLike] | None) -> Iterator[Span]:
    if segments is None:
        return whole()
    if isinstance(segments, Windows):
        return windows_of(segments)
    return spans_of(as_segments(segments))
