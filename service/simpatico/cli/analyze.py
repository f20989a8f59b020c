"""``simpatico analyze`` and ``simpatico schema``: a recording in, the document or a table out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simpatico.cli.usage import check_not_read, printable

if TYPE_CHECKING:
    from simpatico.types import CallAnalysis

__all__ = ["analyze", "schema"]


def analyze(
    call: Annotated[
        Path, typer.Argument(metavar="CALL", help="Recording: WAV, FLAC, OGG or MP3, one or two channels; - for standard input.")
    ],
    caller_channel: Annotated[
        int, typer.Option(min=-1, help="Channel of the caller, counted from 0; -1 when the only channel is the agent's.")
    ] = 0,
    json_output: Annotated[bool, typer.Option("--json", help="Print the JSON document instead of a table.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write the JSON document to this file, at once and whole.")] = None,
    bundle: Annotated[Path | None, typer.Option(help="Directory of a model bundle (default: the one shipped).")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the surrogates.")] = 0,
) -> None:
    """Analyse one recorded call."""
    from simpatico.cli.render import print_analysis
    from simpatico.output import check_output, whole_file
    from simpatico.reports import to_json

    if out is not None:
        check_output(out)
        check_not_read([out], [] if str(call) == "-" else [call])
    analysis = _analyze_file(call, caller_channel=caller_channel, bundle=bundle, seed=seed)
    if out is not None:
        with whole_file(out) as file:
            file.write(to_json(analysis) + "\n")
    if json_output:
        typer.echo(to_json(analysis))
    else:
        print_analysis(analysis)


def _analyze_file(call: Path, *, caller_channel: int, bundle: Path | None, seed: int) -> CallAnalysis:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from simpatico.analysis import AnalysisOptions, CallAnalyzer
    from simpatico.audio import open_call
    from simpatico.style import load_bundle

    model = load_bundle(bundle)
    console = Console(stderr=True)
    source = sys.stdin.buffer if str(call) == "-" else call
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed:.0f} s of call"),
        TimeElapsedColumn(),
    )
    with (
        open_call(source, caller_channel=None if caller_channel < 0 else caller_channel) as recording,
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar,
    ):
        name = "stdin" if str(call) == "-" else printable(call.name)
        options = AnalysisOptions(seed=seed, interim_period_s=None)
        analyzer = CallAnalyzer(name, recording.format, recording.caller_channel, model, options)
        task = bar.add_task(f"Analysing {name}", total=recording.duration_s)
        for block in recording:
            analyzer.feed(block)
            bar.advance(task, len(block) / recording.format.sample_rate_hz)
        return analyzer.finish()


def schema() -> None:
    """Print the JSON Schema of the document that analyze --json writes."""
    from simpatico.reports import load_schema

    typer.echo(json.dumps(load_schema(), indent=2, ensure_ascii=False))
