"""The command line. Commands import what they need when they run, so that ``simpatico --help`` is instant.

Exit codes: 0 success; 1 a defect of ours; 2 wrong usage or input (the message names the value and what would work); 3 the service cannot be
reached or refused.
"""

from __future__ import annotations

import sys
from typing import Annotated, NoReturn

import typer

from simpatico import __version__
from simpatico.cli.analyze import analyze, schema
from simpatico.cli.doctor import doctor
from simpatico.cli.features import features
from simpatico.cli.serve import serve
from simpatico.cli.stream import stream
from simpatico.cli.token import token
from simpatico.errors import RemoteError, SimpaticoError

__all__ = ["EXIT_INPUT", "EXIT_SERVICE", "app", "main"]

EXIT_INPUT = 2
EXIT_REMOTE = 3
EXIT_SERVICE = 3

app = typer.Typer(
    name="simpatico",
    help="Measures how a caller speaks, and estimates the perceived interaction style with its uncertainty.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"simpatico {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.", callback=_version, is_eager=True)] = False,
) -> None:
    pass


app.command()(analyze)
app.command()(schema)
app.command()(features)
app.command()(serve)
app.command()(stream)
app.command()(doctor)
app.add_typer(token, name="token")


def main() -> NoReturn:
    """Run the command line; errors that the user can mend become one line and exit code 2, those of the service exit code 3."""
    try:
        app()
    except RemoteError as error:
        typer.echo(f"simpatico: {error}", err=True)
        sys.exit(EXIT_SERVICE)
    except SimpaticoError as error:
        typer.echo(f"simpatico: {error}", err=True)
        sys.exit(EXIT_REMOTE if isinstance(error, RemoteError) else EXIT_INPUT)
    sys.exit(0)
