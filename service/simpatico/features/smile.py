"""eGeMAPS for code that was written for the opensmile Python package: the same names, columns and index, our own measurement.

Change ``import opensmile`` to ``from simpatico import features as opensmile`` and the rest stays. What is there: eGeMAPSv02, functionals
and low-level descriptors, files, signals, folders and indices, channel selection, mix-down. What is not: other feature sets,
configuration files, deltas, the openSMILE objects' own YAML. pandas is imported when the first table is made, never before.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from simpatico.audio import ReadLimits, StreamResampler, check_rate_hz, open_call, read_call
from simpatico.errors import AudioFormatError, ConfigError, MissingPackageError, RequestError
from simpatico.features.extraction import MAX_CHANNELS, channel_numbers, measure, naming
from simpatico.features.results import ROW_S, SetName, names_of
from simpatico.features.scale import ScaleName, check_scale
from simpatico.features.smile_options import ELSEWHERE, FeatureLevel, FeatureSet, NotMeasuredError, check_unused, member_of, workers_of
from simpatico.features.smile_times import Time, one_each, seconds_of
from simpatico.types import HOP_S

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FeatureLevel", "FeatureSet", "Smile"]

_PART: Final = ("start", "end")
"""Levels of an index of parts of one signal."""
_LIMITS: Final = ReadLimits(max_channels=MAX_CHANNELS)
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class _Part:
    """What was measured: the file or None, seconds, and one array [rows, features] per channel, without rows when it was too short."""

    file: str | None
    start_s: float
    end_s: float
    channels: list[NDArray[np.float32]]


class Smile:
    """Feature extractor with the interface of ``opensmile.Smile``.

    Parameters
    ----------
    feature_set
        ``FeatureSet.eGeMAPSv02`` or its name, ours or opensmile's.
    feature_level
        ``FeatureLevel.Functionals`` or ``FeatureLevel.LowLevelDescriptors``, or their names.
    options, logfile, segment, keep_nat
        Taken at opensmile's defaults only: what they ask for does not exist here.
    loglevel
        Taken for the sake of existing code; there is no openSMILE to log.
    channels
        Channel or channels to measure, from 0; negative counts from the last. With a list, columns are (channel, name).
    mixdown
        Measure the mean of the chosen channels.
    sampling_rate
        Rate that signals must have, or None for any.
    resample
        Resample to ``sampling_rate`` instead of refusing.
    num_workers
        Threads that measure several files at once; None for as many as there are processors.
    multiprocessing
        Taken for the sake of existing code; workers are threads, the core releases the GIL.
    verbose
        Show a progress bar over files.
    scale
        Not opensmile's: "own", or "opensmile" to have the 23 functionals that rest on formants and periods mapped by
        `on_opensmile_scale`, for a model that was trained on opensmile's. Descriptors have no such scale.

    Raises
    ------
    ConfigError
        The set, level or scale is not known here, the scale is not one of the level, ``resample`` lacks a rate, or an argument asks
        for what does not exist here.

    Notes
    -----
    A segment under 60 ms gives one row of NaN with a warning, as there.

    Examples
    --------
    >>> smile = Smile(FeatureSet.eGeMAPSv02, FeatureLevel.Functionals)
    >>> smile.process_file("call.wav")["F0semitoneFrom27.5Hz_sma3nz_amean"]
    """

    def __init__(
        self,
        feature_set: FeatureSet | str = FeatureSet.eGeMAPSv02,
        feature_level: FeatureLevel | str = FeatureLevel.Functionals,
        *,
        options: Mapping[str, object] | None = None,
        loglevel: int = 2,
        logfile: str | None = None,
        sampling_rate: int | None = None,
        channels: int | Sequence[int] = 0,
        mixdown: bool = False,
        resample: bool = False,
        segment: object = None,
        keep_nat: bool = False,
        num_workers: int | None = 1,
        multiprocessing: bool = False,  # noqa: ARG002
        verbose: bool = False,
        scale: str = "own",
    ) -> None:
        self.feature_set = member_of(FeatureSet, feature_set)
        self.feature_level = member_of(FeatureLevel, feature_level)
        check_unused(options=options, loglevel=loglevel, logfile=logfile, segment=segment, keep_nat=keep_nat)
        if resample and sampling_rate is None:
            raise ConfigError("resample needs a sampling_rate, for instance 16000", field="sampling_rate")
        self._set: SetName = "lld" if self.feature_level is FeatureLevel.LowLevelDescriptors else "egemaps-v02"
        self.scale: ScaleName = check_scale(scale, of=self._set)
        several = channel_numbers(channels)
        self.channels = several[0] if isinstance(channels, int | np.integer) else several
        self.mixdown = mixdown
        self.sampling_rate = None if sampling_rate is None else check_rate_hz(sampling_rate)
        self.resample = resample
        self.num_workers = workers_of(num_workers)
        self.verbose = verbose

    def __repr__(self) -> str:
        """The configuration, as the constructor takes it."""
        values = {name: getattr(self, name) for name in ("sampling_rate", "channels", "mixdown", "resample", "scale")}
        shown = ", ".join(f"{name}={value!r}" for name, value in values.items())
        return f"Smile(FeatureSet.{self.feature_set.name}, FeatureLevel.{self.feature_level.name}, {shown})"

    if not TYPE_CHECKING:  # a checker would take any name for one that is there

        def __getattr__(self, name: str) -> Any:
            """Say of what opensmile has and is not here that it is not here; ``hasattr`` answers."""
            if name in ELSEWHERE:
                raise NotMeasuredError(f"Smile.{name} of opensmile is not here: {ELSEWHERE[name]}", field=name)
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def feature_names(self) -> list[str]:
        """Names of the features of one channel."""
        return list(names_of(self._set))

    @property
    def num_features(self) -> int:
        """How many features a channel has."""
        return len(names_of(self._set))

    @property
    def num_channels(self) -> int:
        """How many channels are measured."""
        return 1 if self.mixdown or isinstance(self.channels, int) else len(self.channels)

    @cached_property
    def column_names(self) -> pd.Index:
        """Columns of the tables: names, or (channel, name) for several channels."""
        pd = _pandas()
        if self.num_channels == 1:
            return pd.Index(self.feature_names)
        assert not isinstance(self.channels, int)
        return pd.MultiIndex.from_tuples([(channel, name) for channel in self.channels for name in self.feature_names])

    def process_signal(
        self, signal: NDArray[Any], sampling_rate: int, *, file: str | None = None, start: Time = None, end: Time = None
    ) -> pd.DataFrame:
        """Measure a signal.

        Parameters
        ----------
        signal
            [n] or [channels, n], full scale 1.
        sampling_rate
            In Hz.
        file
            Name for the index.
        start, end
            The part to measure.

        Returns
        -------
        DataFrame
            float32 with index (start, end), or (file, start, end) when ``file`` is given.

        Raises
        ------
        AudioError
            The signal, its rate or a channel is out of range.
        RequestError
            ``start`` or ``end`` is not a time, or is negative, or the end comes first.
        """
        _pandas()
        return self._table([self._of_samples(np.atleast_2d(np.asarray(signal)).T, sampling_rate, file, start, end)])

    def process_signal_from_index(self, signal: NDArray[Any], sampling_rate: int, index: pd.Index) -> pd.DataFrame:
        """Measure the parts of a signal that an index (start, end) or (file, start, end) lists. Otherwise as `process_signal`.

        Returns
        -------
        DataFrame
            float32 with an index of the same levels.
        """
        named = index.nlevels != len(_PART)
        if not named and tuple(index.names) != _PART:
            raise RequestError(f"the index has the levels {list(index.names)}: (start, end) and (file, start, end) work", field="index")
        samples, rate_hz, chosen = self._prepared(np.atleast_2d(np.asarray(signal)).T, sampling_rate)
        parts = _entries(index) if named else [(None, *entry) for entry in index]
        found = self._mapped(lambda part: self._measured((samples, rate_hz), rate_hz, chosen, *part), parts)
        return self._table(found, named=named)

    def process_file(self, file: str | Path, *, start: Time = None, end: Time = None, root: str | None = None) -> pd.DataFrame:
        """Measure a file, or the part of it from ``start`` to ``end``; ``root`` is put before a relative path.

        Returns
        -------
        DataFrame
            float32 with index (file, start, end).

        Raises
        ------
        AudioError
            It is not audio that can be read.
        RequestError
            ``start`` or ``end`` is not a time, or is negative, or the end comes first.
        """
        _pandas()
        return self._table([self._of_file(file, start, end, root)])

    def process_files(
        self,
        files: Sequence[str | Path],
        *,
        starts: Time | Sequence[Time] = None,
        ends: Time | Sequence[Time] = None,
        root: str | None = None,
    ) -> pd.DataFrame:
        """Measure files; ``starts`` and ``ends`` are one for all, or one each. Otherwise as `process_file`."""
        if isinstance(files, str | Path):
            raise RequestError(f"files is {str(files)!r}: a list of paths works; process_file measures one", field="files")
        parts = list(zip(files, one_each(starts, len(files), "starts"), one_each(ends, len(files), "ends"), strict=True))
        return self._table(self._mapped(lambda part: self._of_file(part[0], part[1], part[2], root), parts))

    def process_folder(self, root: str | Path, *, filetype: str = "wav", include_root: bool = True) -> pd.DataFrame:
        """Measure the files of a folder whose names end in ``filetype``, in the order of their names. Otherwise as `process_file`."""
        folder = Path(root)
        if not folder.is_dir():
            raise RequestError(f"{folder} is not a folder", field="root")
        suffix = f".{filetype.lower().lstrip('.')}"
        names = sorted(path.name for path in folder.iterdir() if path.name.lower().endswith(suffix) and path.is_file())
        if include_root:
            return self.process_files([str(folder.absolute() / name) for name in names])
        return self.process_files(names, root=str(folder))

    def process_index(
        self, index: pd.Index, *, preserve_index: bool = False, root: str | None = None, cache_root: str | None = None
    ) -> pd.DataFrame:
        """Measure the segments of an index (file) or (file, start, end). Otherwise as `process_file`.

        Parameters
        ----------
        index
            What to measure.
        preserve_index
            Give the table this index, instead of one with the start and end that were measured; functionals only.
        root
            Put before relative paths.
        cache_root
            Taken at opensmile's default only.

        Raises
        ------
        ConfigError
            ``cache_root`` is given, or ``preserve_index`` for descriptors, which have many rows for an entry.
        """
        if cache_root is not None:
            raise ConfigError(f"cache_root={str(cache_root)!r} is not kept here: table.to_pickle and pandas.read_pickle work")
        if preserve_index and self._set == "lld":
            raise ConfigError("preserve_index=True is for one row an entry, and descriptors have many: preserve_index=False works")
        table = self._table(self._mapped(lambda part: self._of_file(part[0], part[1], part[2], root), _entries(index)))
        if preserve_index:
            table.index = index
        return table

    def to_numpy(self, frame: pd.DataFrame) -> NDArray[np.float32]:
        """A table as [channels, features, rows]."""
        values: NDArray[np.float32] = frame.to_numpy(np.float32)
        return values.reshape(len(values), self.num_channels, self.num_features).transpose(1, 2, 0)

    def __call__(self, signal: NDArray[Any], sampling_rate: int) -> NDArray[np.float32]:
        """Measure a signal [n] or [channels, n]: [channels, features, rows]."""
        part = self._of_samples(np.atleast_2d(np.asarray(signal)).T, sampling_rate, None, None, None)
        return np.stack([_filled(rows, self.num_features) for rows in part.channels]).transpose(0, 2, 1)

    def _of_file(self, file: str | Path, start: Time, end: Time, root: str | None) -> _Part:
        if not isinstance(file, str | os.PathLike):
            raise RequestError(f"file is {type(file).__name__}: a path works; samples go to process_signal", field="file")
        path = Path(file) if root is None else Path(root) / file
        with naming(str(path)):
            if self.mixdown or self.sampling_rate is not None:
                call = read_call(path, limits=_LIMITS)
                return self._of_samples(call.samples, call.format.sample_rate_hz, str(file), start, end)
            with open_call(path, limits=_LIMITS) as reader:
                rate_hz, chosen = reader.format.sample_rate_hz, self._chosen(reader.format.channels)
        return self._measured(str(path), rate_hz, chosen, str(file), start, end)

    def _of_samples(self, samples: NDArray[Any], rate_hz: int, file: str | None, start: Time, end: Time) -> _Part:
        """Samples [n, channels]."""
        samples, rate_hz, chosen = self._prepared(samples, rate_hz)
        return self._measured((samples, rate_hz), rate_hz, chosen, file, start, end)

    def _prepared(self, samples: NDArray[Any], rate_hz: int) -> tuple[NDArray[Any], int, list[int]]:
        """Samples [n, channels] mixed down and resampled as asked for, their rate, and which channels of them to measure."""
        if samples.ndim != 2:
            raise AudioFormatError(f"the signal has {samples.ndim} dimensions: [n] and [channels, n] work", field="signal")
        chosen = self._chosen(samples.shape[1])
        if samples.dtype == np.int16:
            samples = samples.astype(np.float32) / 32768
        if self.mixdown:
            samples, chosen = samples[:, chosen].mean(1, keepdims=True, dtype=np.float32), [0]
        if self.sampling_rate is not None and rate_hz != self.sampling_rate:
            if not self.resample:
                raise AudioFormatError(
                    f"the signal has {rate_hz} Hz where {self.sampling_rate} Hz was asked for: resample=True works", field="sampling_rate"
                )
            samples, rate_hz = _resampled(samples[:, chosen], rate_hz, self.sampling_rate), self.sampling_rate
            chosen = list(range(len(chosen)))
        return samples, rate_hz, chosen

    def _measured(self, source: Any, rate_hz: int, chosen: list[int], file: str | None, start: Time, end: Time) -> _Part:
        start_s, end_s = seconds_of(start, rate_hz, 0.0), seconds_of(end, rate_hz, math.inf)
        if not 0 <= start_s <= end_s:
            raise RequestError(f"the part from {start_s:g} to {end_s:g} s cannot be measured: 0 <= start <= end works", field="start")
        channels, stop_s = [np.empty((0, self.num_features), np.float32)] * len(chosen), start_s
        if start_s < end_s:
            found, duration_s = measure(source, set=self._set, channel=chosen, start_s=start_s, end_s=end_s, scale=self.scale)
            by_channel = {f.channel: np.atleast_2d(f.values) for f in found}
            channels, stop_s = [by_channel[channel] for channel in chosen], max(start_s, min(end_s, duration_s))
        channels = [rows[:0] if np.isnan(rows).any() else rows for rows in channels]
        if not all(len(rows) for rows in channels):
            warnings.warn("Segment too short, filling with NaN.", UserWarning, stacklevel=4)
        return _Part(file, start_s, stop_s, channels)

    def _chosen(self, count: int) -> list[int]:
        wanted = [self.channels] if isinstance(self.channels, int) else list(self.channels)
        for channel in wanted:
            if not -count <= channel < count:
                raise AudioFormatError(
                    f"channel {channel} does not exist in audio of {count} channel(s): {-count} to {count - 1} work", field="channels"
                )
        return [channel % count for channel in wanted]

    def _mapped(self, function: Callable[[_Item], _Part], items: Sequence[_Item]) -> list[_Part]:
        from rich.progress import track

        _pandas()  # which may be missing: before the measuring, not after it
        with ThreadPoolExecutor(self.num_workers) as pool:
            found = pool.map(function, items) if self.num_workers > 1 else map(function, items)
            return list(track(found, "Measuring", total=len(items), disable=not self.verbose))

    def _table(self, parts: Sequence[_Part], *, named: bool = True) -> pd.DataFrame:
        pd = _pandas()
        values = [np.concatenate([_filled(rows, self.num_features) for rows in part.channels], axis=1) for part in parts]
        bounds = [_bounds_ns(pd, part, len(rows)) for part, rows in zip(parts, values, strict=True)]
        times = np.concatenate([*bounds, np.empty((0, 2), np.int64)])
        levels: list[Any] = [pd.to_timedelta(times[:, 0], unit="ns"), pd.to_timedelta(times[:, 1], unit="ns")]
        names = ["start", "end"]
        if parts[0].file is not None if parts else named:
            files = [part.file for part, rows in zip(parts, values, strict=True) for _ in rows]
            levels, names = [pd.Index(files, dtype=None if files else "object"), *levels], ["file", *names]
        joined = np.concatenate([*values, np.empty((0, len(self.column_names)), np.float32)])
        return pd.DataFrame(joined, pd.MultiIndex.from_arrays(levels, names=names), self.column_names)


def _entries(index: pd.Index) -> list[Any]:
    """File, start and end of each entry."""
    return [entry if isinstance(entry, tuple) else (entry, None, None) for entry in index]


def _bounds_ns(pd: Any, part: _Part, count: int) -> NDArray[np.int64]:
    """Start and end of each row [count, 2], ns: rows of descriptors every hop, the last up to the end of the part."""
    start, end = (pd.to_timedelta(seconds, unit="s").as_unit("ns").value for seconds in (part.start_s, part.end_s))
    starts = start + np.arange(count) * round(HOP_S * 1e9)
    ends = starts + round(ROW_S * 1e9)
    ends[-1] = end
    return np.stack([starts, ends], axis=1).astype(np.int64)


def _filled(rows: NDArray[np.float32], columns: int) -> NDArray[np.float32]:
    """The rows, or one of NaN when there are none."""
    return rows if len(rows) else np.full((1, columns), np.nan, np.float32)


def _resampled(samples: NDArray[Any], in_hz: int, out_hz: int) -> NDArray[np.float32]:
    """Samples [n, channels] at another rate, one channel at a time."""
    channels = []
    for channel in samples.T.astype(np.float32):
        resampler = StreamResampler(in_hz, out_hz, 1)
        channels.append(np.concatenate([resampler.push(channel[:, None]), resampler.finish()]))
    return np.concatenate(channels, axis=1)


def _pandas() -> Any:
    try:
        import pandas as pd
    except ImportError as exc:
        raise MissingPackageError("tables need pandas, which is not installed: pip install pandas pyarrow") from exc
    return pd
