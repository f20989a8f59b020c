"""Features of a recording: a file, an open binary file, or samples in memory; long files pass through in blocks.

Every channel is measured by itself, in one pass over the audio for any number of segments.
"""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simpatico.audio import BLOCK_S, AudioSource, ReadLimits, channel_works, check_channels, check_rate_hz, check_samples, open_call
from simpatico.errors import AudioError, AudioFormatError, MalformedAudioError, RequestError
from simpatico.features.results import Features, SetName, check_set
from simpatico.features.scale import ScaleName, check_scale
from simpatico.features.segments import Segment, SegmentLike, Windows, as_segments
from simpatico.features.stream import FeatureStream

if TYPE_CHECKING:
    from simpatico.types import AudioFormat

__all__ = ["MAX_CHANNELS", "Source", "channel_numbers", "extract", "measure", "naming"]

MAX_CHANNELS: Final = 64
"""Channels of a recording: microphone arrays have up to this many; each holds a state of some 32 KiB."""

_BLOCKS_AT_ONCE: Final = 4
"""Blocks measured in one piece: the core takes 16 frames side by side, and 400 are 25 times that; of 100 the last 4 cost as much as 16."""

Source: TypeAlias = AudioSource | tuple[NDArray[np.float32], int]
"""A path, a binary file, or ``(samples, rate_hz)`` with samples [n] or [n, channels]."""

Blocks: TypeAlias = Iterator[NDArray[np.float32]]


def extract(
    source: Source,
    *,
    set: SetName = "egemaps-v02",  # noqa: A002
    start_s: float | None = None,
    end_s: float | None = None,
    channel: int | Sequence[int] | None = None,
    segments: Windows | Iterable[SegmentLike] | None = None,
    raw: AudioFormat | None = None,
    limits: ReadLimits | None = None,
    scale: ScaleName = "own",
) -> tuple[Features, ...]:
    """Extract features.

    Parameters
    ----------
    source
        Path or binary file (WAV, FLAC, OGG, MP3, 8 to 192 kHz), or ``(samples, rate_hz)`` with samples [n] or [n, channels], float
        (full scale 1) or int16. Other rates than 8 and 16 kHz are resampled to 16 kHz, below 16 kHz to 8 kHz.
    set
        "egemaps-v02": the 88 functionals of eGeMAPS; "lld": its 25 smoothed low-level descriptors every 10 ms; "signals": what an
        utterance sounds like, in 15 figures.
    start_s, end_s
        Cut the recording before anything is measured, to the sample; None for its ends.
    channel
        Channel or channels to measure, counted from 0; None for all.
    segments
        Measure these parts instead of the whole: an iterable of ``(start_s, end_s)`` or ``(start_s, end_s, channel)``, or `Windows`.
        They are parts of the uncut recording, on the grid of its 10 ms frames; not together with ``start_s`` or ``end_s``, but for windows.
    raw
        Format of audio without a header.
    limits
        Ceilings; those of `ReadLimits` with `MAX_CHANNELS` channels when None.
    scale
        "own", or "opensmile" for functionals as `on_opensmile_scale` gives them: for models that were trained on openSMILE's.

    Returns
    -------
    tuple of Features
        In the order of ``segments``, for each in the order of ``channel``. NaN where a segment is too short (under 60 ms).

    Raises
    ------
    AudioError
        The source is not audio, truncated, or of a format out of range.
    RequestError
        A segment, a cut or a channel does not exist in it.
    ConfigError
        The set or the scale is not known, or the scale is not one of the set.

    Examples
    --------
    >>> (left, right) = extract("call.wav")
    >>> left["F0semitoneFrom27.5Hz_sma3nz_amean"], left.units[0]
    >>> turns = extract("call.wav", segments=[(0.5, 2.0, 0), (2.2, 4.0, 1)])
    """
    if not (segments is None or isinstance(segments, Windows)) and (start_s is not None or end_s is not None):
        raise RequestError("segments are parts of the uncut recording: give either them or start_s and end_s", field="segments")
    found, duration_s = measure(
        source, set=set, start_s=start_s, end_s=end_s, channel=channel, segments=segments, raw=raw, limits=limits, scale=scale
    )
    if start_s is not None and start_s > 0 and start_s >= duration_s:
        raise RequestError(f"start_s is {start_s:g}: the recording lasts {duration_s:g} s, give a start before its end", field="start_s")
    return found


def measure(
    source: Source,
    *,
    set: SetName = "egemaps-v02",  # noqa: A002
    start_s: float | None = None,
    end_s: float | None = None,
    channel: int | Sequence[int] | None = None,
    segments: Windows | Iterable[SegmentLike] | None = None,
    raw: AudioFormat | None = None,
    limits: ReadLimits | None = None,
    scale: ScaleName = "own",
) -> tuple[tuple[Features, ...], float]:
    """As `extract`, but a cut beyond the end gives the features of nothing; with the seconds that were read, up to ``end_s``."""
    cut = _Cut(start_s or 0.0, math.inf if end_s is None else end_s)
    set = check_set(set)  # noqa: A001
    check_scale(scale, of=set)
    parts = segments if segments is None or isinstance(segments, Windows) else as_segments(segments)
    with _opened(source, raw, limits or ReadLimits(max_channels=MAX_CHANNELS)) as (name, rate_hz, channels, blocks):
        chosen = _chosen(channel, channels, parts, name)
        first = cut.first(rate_hz)
        streams = [
            FeatureStream(rate_hz, set=set, segments=own, file=name, channel=c, offset_s=first / rate_hz, scale=scale)
            for c in chosen
            if (own := _of_channel(parts, c)) != []
        ]
        found: list[Features] = []
        read = 0
        for piece, until in _joined(blocks, first, cut.last(rate_hz)):
            read = until
            for stream in streams:
                found += stream.push(np.ascontiguousarray(piece[:, stream.channel]))
        for stream in streams:
            found += stream.finish()
    return _ordered(found, parts, chosen), min(read, cut.last(rate_hz)) / rate_hz


def _joined(blocks: Blocks, first: int, last: int) -> Iterator[tuple[NDArray[np.float32], int]]:
    """Samples ``first`` to ``last`` in pieces of ``_BLOCKS_AT_ONCE`` blocks, each with how many were read by then; no block beyond is."""
    held: list[NDArray[np.float32]] = []
    read = 0
    for block in blocks:
        begin, read = read, read + len(block)
        held.append(block[max(first - begin, 0) : max(last - begin, 0)])
        if len(held) == _BLOCKS_AT_ONCE or read >= last:
            yield np.concatenate(held), read
            held = []
        if read >= last:
            return
    if held:
        yield np.concatenate(held), read


class _Cut:
    """Start and end in seconds, as samples of any rate."""

    def __init__(self, start_s: float, end_s: float) -> None:
        if not (0 <= start_s < end_s):
            raise RequestError(
                f"the cut from {start_s:g} to {end_s:g} s cannot be measured: seconds with 0 <= start < end work", field="start_s"
            )
        self.start_s, self.end_s = start_s, end_s

    def first(self, rate_hz: int) -> int:
        return self._sample(self.start_s, rate_hz)

    def last(self, rate_hz: int) -> int:
        return self._sample(self.end_s, rate_hz)

    @staticmethod
    def _sample(seconds: float, rate_hz: int) -> int:
        return math.floor(min(seconds * rate_hz + 0.5, 2.0**62))


def _chosen(channel: int | Sequence[int] | None, channels: int, parts: Sequence[Segment] | Windows | None, file: str) -> list[int]:
    """Channels to measure, in order; those of segments must be among them."""
    wanted = range(channels) if channel is None else channel_numbers(channel)
    named = [] if parts is None or isinstance(parts, Windows) else [(s.channel, f"{s.name}: ") for s in parts if s.channel is not None]
    for c, whose in (*((c, "") for c in wanted), *named):
        if not 0 <= c < channels:
            where = f"{file}: {whose}" if file else whose
            count = "1 channel" if channels == 1 else f"{channels} channels"
            raise AudioFormatError(f"{where}channel {c} does not exist in audio of {count}: {channel_works(channels)}", field="channel")
    return list(dict.fromkeys(wanted))


def channel_numbers(channel: int | Sequence[int]) -> list[int]:
    """Return what stands for one channel or several as a list, integers of NumPy included.

    Raises
    ------
    AudioFormatError
        It is something else, as True or 1.0 are.
    """
    try:
        several = [channel] if isinstance(channel, int | np.integer) else list(channel)
        if isinstance(channel, str) or any(isinstance(c, bool | np.bool_) for c in several):
            raise TypeError
        return [operator.index(c) for c in several]
    except TypeError:
        raise AudioFormatError(f"channel is {channel!r}: a channel counted from 0, or several, work", field="channel") from None


def _of_channel(parts: Sequence[Segment] | Windows | None, channel: int) -> Sequence[Segment] | Windows | None:
    if parts is None or isinstance(parts, Windows):
        return parts
    return [part for part in parts if part.channel in {None, channel}]


def _ordered(found: list[Features], parts: Sequence[Segment] | Windows | None, chosen: list[int]) -> tuple[Features, ...]:
    """By segment as asked for, then by channel as asked for."""
    if parts is None or isinstance(parts, Windows):
        return tuple(sorted(found, key=lambda f: (f.start_s, chosen.index(f.channel))))
    places: dict[tuple[float, float], int] = {}
    for place, part in enumerate(parts):
        places.setdefault((part.start_s, part.end_s), place)
    return tuple(sorted(found, key=lambda f: (places[f.start_s, f.end_s], chosen.index(f.channel))))


@contextmanager
def _opened(source: Source, raw: AudioFormat | None, limits: ReadLimits) -> Iterator[tuple[str, int, int, Blocks]]:
    """Name, rate, channels and blocks [k, channels]."""
    if isinstance(source, tuple):
        samples, rate_hz = _samples(source, limits.max_channels)
        step = round(BLOCK_S * rate_hz)
        yield "", rate_hz, samples.shape[1], (samples[k : k + step] for k in range(0, len(samples), step))
        return
    if not (isinstance(source, str | os.PathLike) or hasattr(source, "read")):
        what = "samples without their rate are" if isinstance(source, np.ndarray) else f"{type(source).__name__} is"
        raise AudioFormatError(f"{what} no recording: a path, a file open in binary mode or (samples, rate_hz) works", field="source")
    name = _name(source)
    with naming(name), closing(open_call(source, raw=raw, limits=limits)) as reader:
        yield name, reader.format.sample_rate_hz, reader.format.channels, reader


@contextmanager
def naming(file: str) -> Iterator[None]:
    """Let every error of its audio name the file, once: of many files it must be told which."""
    try:
        yield
    except AudioError as error:
        if not file or file in str(error):
            raise
        raise type(error)(f"{file}: {error}", field=error.field) from error


def _name(source: AudioSource) -> str:
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    name = getattr(source, "name", "")
    return name if isinstance(name, str) else ""


def _samples(source: tuple[NDArray[np.float32], int], max_channels: int) -> tuple[NDArray[np.float32], int]:
    if len(source) != 2:
        raise AudioFormatError(f"a tuple of {len(source)} is no recording: (samples, rate_hz) works")
    if isinstance(source[1], np.ndarray) and np.ndim(source[0]) == 0:
        raise AudioFormatError("the tuple is (rate_hz, samples), as SciPy gives it: (samples, rate_hz) works", field="source")
    samples, rate_hz = np.asarray(source[0]), check_rate_hz(source[1])
    if samples.ndim not in {1, 2} or not (samples.dtype == np.int16 or samples.dtype.kind == "f"):
        raise MalformedAudioError(
            f"samples are {samples.dtype} of shape {list(samples.shape)}: float (full scale 1) or int16 of shape [n] or [n, channels] work"
        )
    with np.errstate(over="ignore"):  # check_samples names the sample that became infinite
        scaled: NDArray[np.float32] = samples.astype(np.float32, copy=False)
    if samples.dtype == np.int16:
        scaled = scaled / np.float32(32768)
    if scaled.ndim == 1:
        scaled = scaled[:, None]
    if scaled.shape[0] <= max_channels < scaled.shape[1]:
        raise AudioFormatError(
            f"samples of shape {list(scaled.shape)} would be {scaled.shape[1]} channels: [n, channels] works, samples.T has that shape",
            field="channels",
        )
    check_channels(scaled.shape[1], most=max_channels)
    return check_samples(scaled), rate_hz
