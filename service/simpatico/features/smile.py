"""eGeMAPS for code that was written for the opensmile Python package: the same names, columns and index, our own measurement.

Change ``import opensmile`` to ``from simpatico import features as opensmile`` and the rest stays. What is there: eGeMAPSv02, functionals
and low-level descriptors, files, signals, folders and indices, channel selection, mix-down. What is not: other feature sets,
configuration files, deltas. pandas is imported when the first table is made, never before.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from simpatico.audio import ReadLimits, StreamResampler, check_rate_hz, open_call, read_call
from simpatico.errors import AudioFormatError, ConfigError, MissingPackageError, RequestError
from simpatico.features.extraction import MAX_CHANNELS, channel_numbers, measure
from simpatico.features.results import ROW_S, SetName, names_of
from simpatico.features.scale import ScaleName, check_scale
from simpatico.features.smile_options import FeatureLevel, FeatureSet, check_unused, member_of, workers_of
from simpatico.types import HOP_S

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FeatureLevel", "FeatureSet", "Smile"]

Time: TypeAlias = "float | str | pd.Timedelta | None"
"""Seconds as a number, "1.5s" or "500ms" (a string without unit counts samples), a Timedelta; None or NaT for the end of the signal."""

_UNITS_S: Final = {"s": 1.0, "sec": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "m": 60.0, "min": 60.0, "h": 3600.0}
_TIME: Final = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-z]*)\s*", re.IGNORECASE)
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
        `on_opensmile_scale`, for a model that was trained on opensmile's. Descriptors are never mapped.

    Raises
    ------
    ConfigError
        The set, level or scale is not known here, ``resample`` lacks a rate, or an argument asks for what does not exist here.

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
        self.scale: ScaleName = check_scale(scale)
        several = channel_numbers(channels)
        self.channels = several[0] if isinstance(channels, int | np.integer) else several
        self.mixdown = mixdown
        self.sampling_rate = None if sampling_rate is None else check_rate_hz(sampling_rate)
        self.resample = resample
        self.num_workers = workers_of(num_workers)
        self.verbose = verbose
        self._set: SetName = "lld" if self.feature_level is FeatureLevel.LowLevelDescriptors else "egemaps-v02"

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
        return self._table([self._of_samples(np.atleast_2d(np.asarray(signal)).T, sampling_rate, file, start, end)])

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
        parts = list(zip(files, _each(starts, len(files), "starts"), _each(ends, len(files), "ends"), strict=True))
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

    def process_index(self, index: pd.Index, *, root: str | None = None) -> pd.DataFrame:
        """Measure the segments of an index (file) or (file, start, end). Otherwise as `process_file`."""
        parts = [entry if isinstance(entry, tuple) else (entry, None, None) for entry in index]
        return self._table(self._mapped(lambda part: self._of_file(part[0], part[1], part[2], root), parts))

    def to_numpy(self, frame: pd.DataFrame) -> NDArray[np.float32]:
        """A table as [channels, features, rows]."""
        values: NDArray[np.float32] = frame.to_numpy(np.float32)
        return values.reshape(len(values), self.num_channels, self.num_features).transpose(1, 2, 0)

    def __call__(self, signal: NDArray[Any], sampling_rate: int) -> NDArray[np.float32]:
        """Measure a signal [n] or [channels, n]: [channels, features, rows]."""
        part = self._of_samples(np.atleast_2d(np.asarray(signal)).T, sampling_rate, None, None, None)
        return np.stack([_filled(rows, self.num_features) for rows in part.channels]).transpose(0, 2, 1)

    def _of_file(self, file: str | Path, start: Time, end: Time, root: str | None) -> _Part:
        path = Path(file) if root is None else Path(root) / file
        if self.mixdown or self.sampling_rate is not None:
            call = read_call(path, limits=_LIMITS)
            return self._of_samples(call.samples, call.format.sample_rate_hz, str(file), start, end)
        with open_call(path, limits=_LIMITS) as reader:
            rate_hz, chosen = reader.format.sample_rate_hz, self._chosen(reader.format.channels)
        return self._measured(str(path), rate_hz, chosen, str(file), start, end)

    def _of_samples(self, samples: NDArray[Any], rate_hz: int, file: str | None, start: Time, end: Time) -> _Part:
        """Samples [n, channels]."""
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
        return self._measured((samples, rate_hz), rate_hz, chosen, file, start, end)

    def _measured(self, source: Any, rate_hz: int, chosen: list[int], file: str | None, start: Time, end: Time) -> _Part:
        start_s, end_s = _seconds(start, rate_hz, 0.0), _seconds(end, rate_hz, math.inf)
        if not 0 <= start_s <= end_s:
            raise RequestError(f"the part from {start_s:g} to {end_s:g} s cannot be measured: 0 <= start <= end works", field="start")
        channels, stop_s = [np.empty((0, self.num_features), np.float32)] * len(chosen), start_s
        if start_s < end_s:
            scale: ScaleName = self.scale if self._set == "egemaps-v02" else "own"
            found, duration_s = measure(source, set=self._set, channel=chosen, start_s=start_s, end_s=end_s, scale=scale)
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

        with ThreadPoolExecutor(self.num_workers) as pool:
            found = pool.map(function, items) if self.num_workers > 1 else map(function, items)
            return list(track(found, "Measuring", total=len(items), disable=not self.verbose))

    def _table(self, parts: Sequence[_Part]) -> pd.DataFrame:
        pd = _pandas()
        values = [np.concatenate([_filled(rows, self.num_features) for rows in part.channels], axis=1) for part in parts]
        bounds = [_bounds_ns(pd, part, len(rows)) for part, rows in zip(parts, values, strict=True)]
        times = np.concatenate([*bounds, np.empty((0, 2), np.int64)])
        levels: list[Any] = [pd.to_timedelta(times[:, 0], unit="ns"), pd.to_timedelta(times[:, 1], unit="ns")]
        names = ["start", "end"]
        if not parts or parts[0].file is not None:
            files = [part.file for part, rows in zip(parts, values, strict=True) for _ in rows]
            levels, names = [pd.Index(files, dtype=None if files else "object"), *levels], ["file", *names]
        joined = np.concatenate([*values, np.empty((0, len(self.column_names)), np.float32)])
        return pd.DataFrame(joined, pd.MultiIndex.from_arrays(levels, names=names), self.column_names)


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


def _seconds(time: Time, rate_hz: int, default: float) -> float:
    """Seconds of what opensmile takes as a time."""
    if time is None or time != time or (isinstance(time, str) and time.strip().lower() in {"", "nat", "nan"}):  # noqa: PLR0124
        return default
    if isinstance(time, str):
        match = _TIME.fullmatch(time)
        unit = match[2].lower() if match else "?"
        if match is None or unit not in {"", *_UNITS_S}:
            raise RequestError(f"{time!r} is not a time: seconds as a number, '1.5s', '250ms' or samples as '4000' work", field="start")
        return float(match[1]) * _UNITS_S[unit] if unit else float(match[1]) / rate_hz
    if isinstance(time, np.timedelta64):
        return float(time / np.timedelta64(1, "ns")) * 1e-9
    return float(time.total_seconds() if isinstance(time, timedelta) else time)


def _each(times: Time | Sequence[Time], count: int, name: str) -> list[Time]:
    """One time per file."""
    found: list[Any] = [times] * count if isinstance(times, str) or not isinstance(times, Iterable) else list(times)
    if len(found) != count:
        raise RequestError(f"{name} has {len(found)} entries for {count} files: one each or one for all work", field=name)
    return found


def _pandas() -> Any:
    try:
        import pandas as pd
    except ImportError as exc:
        raise MissingPackageError("tables need pandas, which is not installed: pip install pandas pyarrow") from exc
    return pd
