"""The command line. Commands import what they need when they run, so that ``simpatico --help`` is instant.

Exit codes: 0 success; 1 a defect of ours; 2 wrong usage or input (the message names the value and what would work); 3 the service cannot be
reached or refused; 130 interrupted.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Annotated, NoReturn

import typer

from simpatico import __version__
from simpatico.cli.analyze import analyze, schema
from simpatico.cli.audit import audit
from simpatico.cli.database import database
from simpatico.cli.doctor import doctor
from simpatico.cli.features import features
from simpatico.cli.purge import purge
from simpatico.cli.routing import routing
from simpatico.cli.serve import serve
from simpatico.cli.stream import stream
from simpatico.cli.token import token
from simpatico.cli.usage import UsageError, one_line, usage_line
from simpatico.errors import DatabaseAwayError, RemoteError, SimpaticoError

__all__ = ["EXIT_INPUT", "EXIT_SERVICE", "app", "main"]

EXIT_INPUT = 2
EXIT_SERVICE = 3
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
EXIT_INTERRUPTED = 130
"""128 + SIGINT, as shells do."""

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
app.add_typer(routing, name="routing")
app.add_typer(audit, name="audit")
app.command()(purge)
app.add_typer(database, name="database")


def main() -> NoReturn:
    """Run the command line; what the user can mend becomes one line and exit code 2, what the service or database refuses code 3."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of files may be in no encoding, and a terminal may know no box characters
        sys.stdout.reconfigure(errors="replace")
    try:
        code = typer.main.get_command(app).main(prog_name="simpatico", standalone_mode=False)
        sys.stdout.flush()  # what cannot be written is to be said here
    except UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # the help is printed already
            sys.exit(EXIT_INPUT)
        _end(usage_line(error), EXIT_INPUT)
    except (RemoteError, DatabaseAwayError) as error:
        _end(str(error), EXIT_SERVICE)
    except SimpaticoError as error:
        _end(str(error), EXIT_INPUT)
    except OSError as error:
        if error.errno in NO_ROOM:
            _end(f"what was to be written cannot be: {error.strerror}; make room, or write elsewhere", EXIT_INPUT)
        if error.filename is None:
            raise
        _end(f"{os.fsdecode(error.filename)!r} cannot be used: {error.strerror}; another path may work", EXIT_INPUT)
    except typer.Abort:
        _end("interrupted", EXIT_INTERRUPTED)
    sys.exit(code or 0)


def _end(message: str, code: int) -> NoReturn:
    typer.echo(f"simpatico: {one_line(message)}", err=True)
    sys.exit(code)
