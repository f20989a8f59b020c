"""Wrong usage as one line: what was given, where, and what would work.

Typer prints a box of several lines, often without the value at fault. Here its errors are put into words once, for every command that there
is and will be. Typer brings its own copy of Click from 0.2x on, so its errors are known by name and attribute rather than imported.
"""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import typer

from simpatico.output import read_and_written

__all__ = ["UsageError", "above_zero", "check_not_read", "confidence", "one_line", "plain_text", "printable", "usage_line", "zero_or_more"]

UsageError: Final[type[Exception]] = typer.BadParameter.__base__  # type: ignore[assignment]
"""What Typer raises for wrong usage: Click's, or its own copy of it."""


LONGEST_LINE = 1000
"""Characters of a message: whatever was given may stand in it."""


def check_not_read(written: Iterable[Path], read: Iterable[str | os.PathLike[str]]) -> None:
    """Refuse to write over what a command reads; raises typer.BadParameter."""
    if (lost := read_and_written(written, read)) is not None:
        raise typer.BadParameter(f"{printable(str(lost))!r} is read in this run and would be lost; name another file", param_hint="--out")


def one_line(text: str) -> str:
    """Return a text without line breaks; of a very long one the beginning and the end, which says what would work."""
    line = " ".join(part.strip() for part in text.splitlines() if part.strip())
    if len(line) <= LONGEST_LINE:
        return line
    return f"{line[: LONGEST_LINE // 2]} ... {line[-LONGEST_LINE // 2 :]}"


def printable(name: str) -> str:
    """Return a file's name with a question mark for what cannot be printed, such as bytes that are no text."""
    return "".join(character if character.isprintable() else "?" for character in name)


def plain_text(text: str | None) -> str | None:
    """Return the value of an option that goes into a message, as it is.

    Raises
    ------
    typer.BadParameter
        It is not text in the encoding of the terminal.
    """
    if text is not None and any("\ud800" <= character <= "\udfff" for character in text):
        raise typer.BadParameter(f"{text[:40]!r} holds bytes that are no text; UTF-8 works")
    return text


def above_zero(value: float) -> float:
    """Return the value of an option that is a length; raises typer.BadParameter for what is none."""
    if 0.0 < value < math.inf:
        return value
    raise typer.BadParameter(f"{value:g} is no length; a number above 0 works")


def zero_or_more(value: float) -> float:
    """As `above_zero`, of an option that may be 0."""
    if 0.0 <= value < math.inf:
        return value
    raise typer.BadParameter(f"{value:g} is no length; 0 or a number above it works")


def confidence(value: float) -> float:
    """Return the confidence of an interval; raises typer.BadParameter for what is none."""
    if 0.5 < value < 1.0:
        return value
    raise typer.BadParameter(f"{value:g} is no confidence of an interval; above 0.5 and below 1 works, 0.95 is usual")


def usage_line(error: Any) -> str:
    """Return what was wrong about the command line, in one line.

    Parameters
    ----------
    error
        A :data:`UsageError`.
    """
    worded = {
        "NoSuchOption": _no_such_option,
        "BadOptionUsage": _option_and_value,
        "MissingParameter": _missing,
        "BadParameter": _bad_value,
    }.get(type(error).__name__, _other)
    return one_line(worded(error))


def _no_such_option(error: Any) -> str:
    there_are = [name for parameter in _command(error).params for name in parameter.opts if name.startswith("--")]
    near = difflib.get_close_matches(error.option_name, there_are, n=2, cutoff=0.6)
    works = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join([*there_are, '--help'])}"
    return f"{_path(error) or 'simpatico itself'} has no option {error.option_name!r}; {works}"


def _option_and_value(error: Any) -> str:
    message = error.format_message().rstrip(".")
    return f"{message}; {error.option_name} alone works" if "not take" in message else f"{message}; {error.option_name} VALUE works"


def _missing(error: Any) -> str:
    parameter = error.param
    return f"{_path(error)} needs {_name(parameter)}, which is missing: {parameter.help}"


def _bad_value(error: Any) -> str:
    where = error.param_hint if isinstance(error.param_hint, str) else _name(error.param)
    causes = getattr(error.__cause__, "errors", None)
    if causes is None:
        return f"{where}: {error.message}"
    first = causes()[0]
    expected = first["msg"].replace("Input should be", "it should be").split(", unable to")[0]
    return f"{where} is {first['input']!r}; {expected}"


def _other(error: Any) -> str:
    """What Typer says, and what there is: the commands of a group, the arguments of a command."""
    message: str = error.format_message().rstrip(".")
    if error.ctx is None:
        return message
    commands = getattr(_command(error), "commands", None)
    if commands is None:
        arguments = [_name(parameter) for parameter in _command(error).params if parameter.param_type_name == "argument"]
        return f"{message}; {_path(error)} takes {' '.join(arguments) or 'options only'}"
    return f"{message}{' There' if message.endswith('?') else '; there'} are {', '.join(commands)}"


def _name(parameter: Any) -> str:
    """Return a parameter's name as a user types it: ``--seed``, ``CALL``."""
    if parameter is None:
        return "a value"
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name.upper()).removesuffix("...")
    return str(max(parameter.opts, key=len))


def _command(error: Any) -> Any:
    return error.ctx.command


def _path(error: Any) -> str:
    """Return the words of the command, without the program's own name."""
    return str(error.ctx.command_path).partition(" ")[2]
