"""Measures all recordings that are not measured yet, in this process or in several, and writes the table when all are through.

Promises:

1. The table appears at once and whole, or not at all.
2. Its content depends on the recordings and the settings alone: not on the number of processes, nor on how often the work was cut off.
3. A recording that fails is reported, and costs no other.
"""

from __future__ import annotations

import csv
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from simpatico.archive.listing import Failure, Task
from simpatico.archive.parts import PartStore, parts_path, write_part
from simpatico.archive.recordings import printable
from simpatico.archive.tables import open_table, table_format
from simpatico.archive.work import Measurement, Rows, measure_task, task_key
from simpatico.errors import OutputError, SimpaticoError
from simpatico.output import check_output, publish, whole_file

__all__ = ["Outcome", "Summary", "run", "written_by"]

_AHEAD = 4
"""Tasks per process that are handed out before their turn."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one recording went: ``resumed`` when an earlier run had measured it, ``error`` "" when it went well."""

    file: str
    error: str = ""
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class Summary:
    """How all went.

    Attributes
    ----------
    files, rows
        What is in the table.
    without_rows
        How many recordings are too short for a row.
    rows_without_figures, without_figures
        How many rows hold no figure at all, as what they stand for is too short, and the files of these.
    failures
        What could not be measured.
    errors_path
        Where that is listed.
    """

    files: int
    rows: int
    without_rows: int
    rows_without_figures: int
    without_figures: tuple[str, ...]
    failures: tuple[Failure, ...]
    errors_path: Path


def written_by(out: Path) -> tuple[Path, Path, Path]:
    """The files and the folder that a run with this output writes, replaces or deletes."""
    return out, _errors_path(out), parts_path(out)


def _errors_path(out: Path) -> Path:
    return out.with_name(out.name + ".errors.csv")


def run(
    tasks: Sequence[Task],
    measurement: Measurement,
    out: Path,
    *,
    jobs: int = 1,
    overwrite: bool = False,
    failures: Sequence[Failure] = (),
    report: Callable[[Outcome], None] | None = None,
) -> Summary:
    """Measure and write the table.

    Parameters
    ----------
    tasks
        What to measure, in the order of the table.
    out
        Where to; the suffix says the format. Beside it ``OUT.partial`` holds what is measured while it is not finished, and stays when
        recordings failed, so that another run measures only these. ``OUT.errors.csv`` lists them.
    jobs
        Processes.
    overwrite
        Whether an output that exists is replaced.
    failures
        Known beforehand; they are listed with the others.
    report
        Is called once per task, in this process, in the order in which they finish.

    Raises
    ------
    OutputError
        The output exists, cannot be written, or another run is at it.
    ConfigError
        The suffix of the output is neither .csv nor .parquet.
    MissingPackageError
        pyarrow is not installed and the output is Parquet.
    """
    tell = report or (lambda _: None)
    kind = table_format(out)
    _check(out, overwrite)
    with PartStore(out) as store:
        keyed, failed = _keyed(tasks, measurement, tell)
        todo = []
        for key, task in keyed.items():
            if store.holds(key):
                tell(Outcome(task.recording.name, resumed=True))
            else:
                todo.append((key, task))
        for key, error in _all(todo, measurement, store.directory, jobs):
            tell(Outcome(keyed[key].recording.name, error))
            if error:
                failed[keyed[key].recording.name] = error
        listed = (*failures, *(Failure(t.recording.name, failed[t.recording.name]) for t in tasks if t.recording.name in failed))
        good = {key: task for key, task in keyed.items() if task.recording.name not in failed}
        counts = _write(good, store, out, kind, measurement) if good else _Counts()
        errors_path = _errors_path(out)
        _write_errors(errors_path, listed)
        if listed:
            store.tidy()
        else:
            store.remove()
        return Summary(
            len(good), counts.rows, counts.without_rows, sum(counts.blank.values()), tuple(counts.blank), tuple(listed), errors_path
        )


def _check(out: Path, overwrite: bool) -> None:
    check_output(out)
    if out.exists() and not overwrite:
        raise OutputError(f"{out} exists: --overwrite replaces it, or give another --out", field="out")


def _keyed(tasks: Sequence[Task], measurement: Measurement, tell: Callable[[Outcome], None]) -> tuple[dict[str, Task], dict[str, str]]:
    """Tasks by the name of their part, and the errors of files that are not there."""
    keyed: dict[str, Task] = {}
    failed: dict[str, str] = {}
    for task in tasks:
        try:
            keyed[task_key(task, measurement)] = task
        except (OSError, ValueError) as error:  # ValueError: a NUL byte in the path
            name = task.recording.name
            failed[name] = f"{name} cannot be opened: {getattr(error, 'strerror', None) or error}"
            tell(Outcome(name, failed[name]))
    return keyed, failed


@dataclass
class _Counts:
    """Of the table: rows, recordings without one, and how many of a recording's rows hold no figure."""

    rows: int = 0
    without_rows: int = 0
    blank: dict[str, int] = field(default_factory=dict)

    def add(self, file: str, part: Rows) -> None:
        self.rows += len(part)
        self.without_rows += not len(part)
        if blank := int(np.isnan(part.values).all(axis=1).sum()):
            self.blank[file] = blank


def _write(tasks: dict[str, Task], store: PartStore, out: Path, kind: str, measurement: Measurement) -> _Counts:
    unfinished = store.directory / f"table.{kind}"
    counts = _Counts()
    try:
        with open_table(unfinished, kind, measurement.set, measurement.scale) as table:
            for key, task in tasks.items():
                part = store.read(key)
                counts.add(task.recording.name, part)
                table.add(task.recording.name, part)
        publish(unfinished, out)
    except OSError as exc:
        raise OutputError(
            f"{out} cannot be written: {exc.strerror or exc}; what is measured is kept in {store.directory}, run again", field="out"
        ) from exc
    return counts


def _write_errors(path: Path, failures: Sequence[Failure]) -> None:
    if not failures:
        path.unlink(missing_ok=True)
        return
    with whole_file(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("file", "error"))
        writer.writerows((failure.file, failure.error) for failure in failures)


def _all(todo: Sequence[tuple[str, Task]], measurement: Measurement, directory: Path, jobs: int) -> Iterator[tuple[str, str]]:
    """Keys as they are through, each with its error or ""."""
    if jobs <= 1 or len(todo) <= 1:
        for key, task in todo:
            yield _one(key, task, measurement, directory)
        return
    waiting = iter(todo)
    pool = ProcessPoolExecutor(min(jobs, len(todo)), multiprocessing.get_context("spawn"), _begin_worker)
    try:
        running: set[Future[tuple[str, str]]] = set()
        while True:
            for key, task in islice(waiting, _AHEAD * jobs - len(running)):
                running.add(pool.submit(_one, key, task, measurement, directory))
            if not running:
                break
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    except BrokenProcessPool as exc:
        raise OutputError(
            "a process was killed, for want of memory perhaps; what is measured is kept: run again, with fewer --jobs if it recurs",
            field="jobs",
        ) from exc
    finally:
        pool.shutdown(cancel_futures=True)


def _one(key: str, task: Task, measurement: Measurement, directory: Path) -> tuple[str, str]:
    """Measure a recording and keep its part. Whatever goes wrong with it must not stop the others."""
    try:
        write_part(directory, key, measure_task(task, measurement))
    except SimpaticoError as error:
        name, why = task.recording.name, printable(str(error))
        return key, why if name in why else f"{name}: {why}"
    except Exception as error:
        return key, f"{task.recording.name} cannot be measured, by a defect of ours: {type(error).__name__}: {error}"
    return key, ""


def _begin_worker() -> None:
    """Leave Ctrl-C to the parent, and end with it however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
