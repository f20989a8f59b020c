"""What commands that look into the memory share: its database as the service's settings name it, tables for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from simpatico.config import Settings
    from simpatico.profiles.store import BlockingStore

__all__ = ["ACTOR", "AsJson", "Assignments", "Config", "day", "open_memory", "print_json", "print_table", "read_settings", "when"]

ACTOR = "operator"
"""What the audit log calls whoever has a shell on the deployment and its secrets."""

FILE_COLUMNS = 160
"""Width of a table that goes into a file or a pipe."""

Config = Annotated[Path | None, typer.Option(help="TOML file with the service's settings; SIMPATICO_CONFIG names one too.")]
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A setting, for instance database.url=sqlite:///simpatico.db; repeatable."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def read_settings(config: Path | None, assignments: Sequence[str] | None) -> Settings:
    """Return the service's settings, which must name a database.

    Raises
    ------
    ConfigError
        They do not, or cannot be read.
    """
    from simpatico.cli.serve import assigned
    from simpatico.config import load_settings
    from simpatico.errors import ConfigError

    settings = load_settings(config, assigned(list(assignments or [])))
    if not settings.database.url:
        raise ConfigError(
            "database.url is not set: name the service's settings with --config, or give --set database.url=... and database.secrets=...",
            field="database.url",
        )
    return settings


def open_memory(settings: Settings, *, upgrade: bool = False) -> BlockingStore:
    """Return the memory, to be used in a ``with`` statement; beside a service that runs, too.

    Raises
    ------
    ConfigError, KeyRingError
        The URL or the secrets cannot be used.
    """
    from simpatico.profiles.store import BlockingStore
    from simpatico.server.memory import key_ring

    return BlockingStore(settings.database.url, key_ring(settings.database), upgrade=upgrade)


def print_json(value: object) -> None:
    """Print a value as JSON; NaN has no place in it."""
    import json

    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def print_table(title: str, columns: Iterable[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table with every cell whole, or that it is empty."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=Text(title, style="bold"), title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        # Text, not markup: what stands in the database may hold brackets.
        table.add_row(*(Text(str(cell)) for cell in row))
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, FILE_COLUMNS)
    console.print(table if table.row_count else Text(f"{title}: none"))


def when(at_s: float) -> str:
    """Return a time for people."""
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d %H:%M:%S} UTC"


def day(text: str | None, name: str) -> float | None:
    """Return a day, or a time, as seconds since 1970 (UTC).

    Raises
    ------
    ConfigError
        It is neither.
    """
    from simpatico.errors import ConfigError

    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"--{name} {text!r} is no day or time; 2026-11-22 or 2026-11-22T14:00+01:00 would work", field=name) from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
