"""One recording in, the rows of the table out."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from simpatico import __version__
from simpatico.archive.listing import Task
from simpatico.core import build_info
from simpatico.features import Features, Windows, extract, names_of
from simpatico.features.results import ROW_S, SetName
from simpatico.features.scale import ScaleName

__all__ = ["Measurement", "Rows", "measure_task", "task_key"]

LAYOUT = 1
"""Of the parts; a change makes parts of earlier versions count as not there."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What is measured of every recording: a feature set, windows or None, channels or None for all, the scale of functionals."""

    set: SetName = "egemaps-v02"
    windows: Windows | None = None
    channels: tuple[int, ...] | None = None
    scale: ScaleName = "own"


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of the table: int32 [n], float64 [n], float64 [n], float32 [n, features]."""

    channel: NDArray[np.int32]
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    values: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.channel)


def task_key(task: Task, measurement: Measurement) -> str:
    """A name for the result: it changes when the file (by size and time of change) or anything that the result rests on does.

    Raises
    ------
    OSError
        There is no such file.
    """
    status = os.stat(task.recording.path)
    windows, segments = measurement.windows, task.segments
    rests_on = [
        *(LAYOUT, __version__, build_info()["simd"], measurement.set, measurement.channels, measurement.scale),
        windows and [windows.window_s, windows.hop_s],
        segments and [[s.start_s, s.end_s, s.channel] for s in segments],
        *(os.fsencode(os.path.abspath(task.recording.path)).hex(), status.st_size, status.st_mtime_ns),
    ]
    return sha256(json.dumps(rests_on).encode()).hexdigest()[:32]


def measure_task(task: Task, measurement: Measurement) -> Rows:
    """Measure one recording.

    Raises
    ------
    SimpaticoError
        See `simpatico.features.extract`.
    """
    segments = measurement.windows if task.segments is None else task.segments
    found = extract(task.recording.path, set=measurement.set, channel=measurement.channels, segments=segments, scale=measurement.scale)
    return _rows(found, len(names_of(measurement.set)))


def _rows(found: Sequence[Features], width: int) -> Rows:
    channel, start_s, end_s, values = [np.empty(0, np.int32)], [np.empty(0)], [np.empty(0)], [np.empty((0, width), np.float32)]
    for features in found:
        starts = features.row_starts_s
        channel.append(np.full(len(starts), features.channel, np.int32))
        start_s.append(starts)
        end_s.append(starts + ROW_S if features.set == "lld" else np.array([features.end_s]))
        values.append(np.atleast_2d(features.values))
    return Rows(np.concatenate(channel), np.concatenate(start_s), np.concatenate(end_s), np.concatenate(values))
