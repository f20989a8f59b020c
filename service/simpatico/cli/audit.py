"""``simpatico audit``: is the audit log what was written?"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simpatico.cli.memory import AsJson, Assignments, Config, open_memory, print_json, print_table, read_settings

if TYPE_CHECKING:
    from simpatico.profiles.chain import Head, Report

__all__ = ["EXIT_TAMPERED", "audit"]

EXIT_TAMPERED = 4
"""The log is not what was written: a code that nothing else ends with."""

audit = typer.Typer(help="Check the audit log.", no_args_is_help=True)


@audit.callback()
def _root() -> None:
    """Check the audit log."""


@audit.command()
def verify(
    *,
    config: Config = None,
    assignments: Assignments = None,
    anchors: Annotated[
        Path | None, typer.Option(help="File of anchors, for instance a copy from elsewhere (default: database.anchors).")
    ] = None,
    no_anchors: Annotated[
        bool, typer.Option("--no-anchors", help="Check without anchors: an older state of the whole database is then not found.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Find entries that were changed, dropped, moved, forged or cut off at the end. Exit code 0: intact; 4: it is not what was written."""
    from simpatico.profiles.audit import verify_log

    settings = read_settings(config, assignments)
    path = None if no_anchors else anchors or settings.database.anchors
    with open_memory(settings) as store:
        # Before the log: an anchor taken meanwhile would say more than was read.
        held = [] if path is None else _anchors(path)
        report = store.read(verify_log, held)
    if as_json:
        print_json(_document(report))
    else:
        _print(report, path)
    if not report.ok:
        raise typer.Exit(EXIT_TAMPERED)


def _anchors(path: Path) -> list[Head]:
    from simpatico.errors import AuditError
    from simpatico.profiles.audit import read_anchors

    if not path.exists():
        raise AuditError(
            f"there are no anchors in {str(path)!r}: the service writes them within database.tend_s of its start, so somebody took them "
            "away, or the service never ran with them; --no-anchors checks without",
            field="anchors",
        )
    return read_anchors(path)


def _document(report: Report) -> dict[str, Any]:
    return {"ok": report.ok, **asdict(report)}


def _print(report: Report, path: Path | None) -> None:
    if not report.ok:
        print_table(
            "The audit log is not what was written", ("entry", "what", "in words"), [(f.seq, f.kind, f.message) for f in report.faults]
        )
    typer.echo(f"{report.entries} entries, the last {report.head}")
    if path is None:
        typer.echo("anchors: none; an older state of the whole database would not be found")
    else:
        typer.echo(f"anchors: {report.anchors} from {path}")
    if report.unsealed:
        typer.echo(f"{report.unsealed} seals are of secrets that are no longer held: these entries were checked by their hashes only")
    typer.echo("intact" if report.ok else f"NOT INTACT: {len(report.faults)} faults")
