"""Which parts of which recordings are measured: all of each, or those that a table of segments lists.

The table is CSV with a header: ``file``, ``start_s``, ``end_s``, and ``channel`` if the segments belong to one channel each; other columns
do not matter, nor does their order. Commas, semicolons or tabs.
"""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from simpatico.archive.recordings import Recording
from simpatico.errors import RequestError
from simpatico.features import Segment

__all__ = ["Failure", "Task", "read_segments", "tasks_of", "tasks_with_segments"]

REQUIRED = ("file", "start_s", "end_s")
_DELIMITERS = ",;\t"


@dataclass(frozen=True, slots=True)
class Task:
    """One recording and its segments in the order of the table; None for the whole of it or for windows."""

    recording: Recording
    segments: tuple[Segment, ...] | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not be measured, and why."""

    file: str
    error: str


def tasks_of(recordings: Iterable[Recording]) -> list[Task]:
    """Tasks that leave the segments to the settings."""
    return [Task(recording) for recording in recordings]


def tasks_with_segments(recordings: Sequence[Recording], table: Path) -> tuple[list[Task], list[Failure]]:
    """Give every recording its segments.

    Returns
    -------
    tasks
        In the order of the recordings; a recording without segments is left out.
    failures
        Files of the table that are not among the recordings, or whose name fits several.

    Raises
    ------
    RequestError
        The table cannot be read, lacks a column, or a line holds no segment; the message has its number.
    """
    by_name: dict[str, list[Segment]] = {}
    for name, segment in read_segments(table):
        by_name.setdefault(name, []).append(segment)
    lookup = _Lookup(recordings)
    segments: dict[str, list[Segment]] = {}
    failures = []
    for name, listed in by_name.items():
        fits = lookup.find(name)
        if len(fits) == 1:
            segments.setdefault(fits[0].path, []).extend(listed)
        else:
            why = "is not among the recordings given" if not fits else f"fits {len(fits)} recordings; write the path as it was given"
            failures.append(Failure(name, f"{name} has segments in {table} and {why}"))
    return [Task(r, tuple(segments[r.path])) for r in recordings if r.path in segments], failures


class _Lookup:
    """Finds recordings by what a table calls them: the path, the path below the directory given, or the bare name."""

    def __init__(self, recordings: Sequence[Recording]) -> None:
        self._keys: list[dict[str, list[Recording]]] = [{}, {}, {}]
        for recording in recordings:
            for keys, key in zip(
                self._keys, (os.path.normpath(recording.path), recording.relative, os.path.basename(recording.path)), strict=True
            ):
                keys.setdefault(key, []).append(recording)

    def find(self, name: str) -> list[Recording]:
        wanted = os.path.normpath(name)
        return next((keys[wanted] for keys in self._keys if wanted in keys), [])


def read_segments(table: Path) -> Iterator[tuple[str, Segment]]:
    """File and segment of each line.

    Raises
    ------
    RequestError
        See `tasks_with_segments`.
    """
    try:
        # Names of files may hold any bytes: they come back as the operating system's functions give them.
        with table.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            yield from _parsed(file, table)
    except OSError as exc:
        raise RequestError(f"the segments {table} cannot be read: {exc}", field="segments") from exc
    except csv.Error as exc:
        raise RequestError(f"{table} is not CSV: {exc}", field="segments") from exc


def _parsed(file: TextIO, table: Path) -> Iterator[tuple[str, Segment]]:
    header = file.readline()
    file.seek(0)
    reader = csv.DictReader(file, delimiter=max(_DELIMITERS, key=header.count), restval="", strict=True)
    columns = [name.strip() for name in reader.fieldnames or ()]
    reader.fieldnames = columns
    missing = [name for name in REQUIRED if name not in columns]
    if missing or len(set(columns)) < len(columns):
        what = f"lacks {', '.join(missing)}" if missing else "has a column twice"
        raise RequestError(f"{table} {what} in its first line {header.strip()!r}: file,start_s,end_s works", field="segments")
    count = 0
    for row in reader:
        count += 1
        yield row["file"], _segment(row, f"{table}, line {reader.line_num}")
    if not count:
        raise RequestError(f"{table} holds no segment below its header", field="segments")


def _segment(row: dict[str, str], where: str) -> Segment:
    try:
        start_s, end_s, channel = float(row["start_s"]), float(row["end_s"]), (row.get("channel") or "").strip()
        if not (row["file"] and 0 <= start_s < end_s < math.inf):
            raise ValueError
        return Segment(start_s, end_s, int(channel) if channel else None, where)
    except (ValueError, RequestError) as exc:
        given = ", ".join(f"{name}={row[name]!r}" for name in (*REQUIRED, "channel") if name in row)
        raise RequestError(
            f"{where} holds no segment ({given}): a file, seconds with 0 <= start_s < end_s, and a channel from 0 or none work",
            field="segments",
        ) from exc
