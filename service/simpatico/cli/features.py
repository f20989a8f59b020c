"""``simpatico features``: recordings in, a table of features out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simpatico.cli.usage import check_not_read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from simpatico.archive import Failure, Measurement, Outcome, Summary, Task

__all__ = ["features"]

EXIT_INPUT = 2
NAMED = 5
"""Files that are named in a message about many."""
EXIT_INTERRUPTED = 130
"""128 + SIGINT, as shells do."""


def features(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Recordings, directories of them, or patterns in quotes ('calls/**/*.wav').")
    ],
    *,
    out: Annotated[Path, typer.Option(help="Table to write: .parquet or .csv.")],
    set_name: Annotated[
        str, typer.Option("--set", metavar="SET", help="egemaps-v02 (88 functionals), lld (25 descriptors per 10 ms) or signals.")
    ] = "egemaps-v02",
    scale: Annotated[
        str,
        typer.Option(metavar="SCALE", help="own, or opensmile to put functionals on openSMILE's scale, for models trained on its figures."),
    ] = "own",
    segments: Annotated[
        Path | None, typer.Option(help="CSV with file,start_s,end_s and perhaps channel: measure these parts instead of whole files.")
    ] = None,
    window: Annotated[float | None, typer.Option(metavar="SECONDS", help="Measure sliding windows of this length.")] = None,
    hop: Annotated[float | None, typer.Option(metavar="SECONDS", help="A new window starts so often (default: the window).")] = None,
    channel: Annotated[list[int] | None, typer.Option(min=0, help="Channel to measure, from 0; repeatable (default: all).")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes (default: as many as there are processors).")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output if it exists.")] = False,
) -> None:
    """Extract features of recordings into one table. A run that was cut off goes on where it stopped."""
    from simpatico.archive import find_left_out, run, written_by
    from simpatico.output import check_output

    measurement = _measurement(set_name, scale, segments, window, hop, channel)
    tasks, failures = _tasks(files, segments)
    check_output(out)
    check_not_read(written_by(out), [*(task.recording.path for task in tasks), *([] if segments is None else [segments])])
    try:
        if left_out := find_left_out(files):
            _say(f"{_files(len(left_out))} of a kind that is not read left out (WAV, FLAC, OGG and MP3 are): {_some(left_out)}")
        with _reporting(len(tasks)) as report:
            for failure in failures:
                _say(failure.error)
            summary = run(tasks, measurement, out, jobs=jobs or _processors(), overwrite=overwrite, failures=failures, report=report)
    except KeyboardInterrupt:
        _say(f"interrupted; what is measured is kept in {out}.partial: the same command goes on from there")
        raise typer.Exit(EXIT_INTERRUPTED) from None
    _print_summary(summary, out)
    if summary.failures:
        raise typer.Exit(EXIT_INPUT)


def _measurement(
    set_name: str, scale: str, segments: Path | None, window: float | None, hop: float | None, channel: list[int] | None
) -> Measurement:
    from simpatico.archive import Measurement
    from simpatico.features import Windows
    from simpatico.features.results import check_set
    from simpatico.features.scale import check_scale

    if window is None and hop is not None:
        raise typer.BadParameter("a hop needs a --window", param_hint="--hop")
    if window is not None and segments is not None:
        raise typer.BadParameter("give either --window or --segments", param_hint="--window")
    if window is not None and set_name == "lld":
        raise typer.BadParameter("descriptors come every 10 ms anyhow: windows are for functionals and signals", param_hint="--window")
    windows = None if window is None else Windows(window, window if hop is None else hop)
    feature_set = check_set(set_name)
    return Measurement(feature_set, windows, tuple(dict.fromkeys(channel)) if channel else None, check_scale(scale, of=feature_set))


def _tasks(files: list[Path], segments: Path | None) -> tuple[list[Task], list[Failure]]:
    from simpatico.archive import find_recordings, tasks_of, tasks_with_segments

    recordings = find_recordings(files)
    return (tasks_of(recordings), []) if segments is None else tasks_with_segments(recordings, segments)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _say(message: str) -> None:
    typer.echo(f"simpatico: {message}", err=True)


def _reporting(total: int) -> AbstractContextManager[Callable[[Outcome], None]]:
    from contextlib import contextmanager

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    @contextmanager
    def reporting() -> Iterator[Callable[[Outcome], None]]:
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("files"), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("Measuring", total=total)

            def report(outcome: Outcome) -> None:
                bar.advance(task)
                if outcome.error:
                    _say(outcome.error)

            yield report

    return reporting()


def _print_summary(summary: Summary, out: Path) -> None:
    rows = "1 row" if summary.rows == 1 else f"{summary.rows} rows"
    lines = [f"{_files(summary.files)}, {rows} in {out}" if summary.files else "no file could be measured, nothing was written"]
    if summary.without_rows:
        lines.append(f"{_files(summary.without_rows)} too short for a row")
    if summary.rows_without_figures:
        hold = "1 row holds" if summary.rows_without_figures == 1 else f"{summary.rows_without_figures} rows hold"
        lines.append(f"{hold} no figures, as there is too little sound (egemaps-v02 needs 60 ms): {_some(summary.without_figures)}")
    if summary.failures:
        kept = f"; {out}.partial keeps the others for another run" if summary.files else ""
        lines.append(f"{_files(len(summary.failures))} failed, listed in {summary.errors_path}{kept}")
    for line in lines:
        _say(line)


def _some(names: Sequence[str]) -> str:
    """A few names, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"
