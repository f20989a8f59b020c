"""``simpatico database``: the tables of the memory."""

from __future__ import annotations

import typer

from simpatico.cli.memory import Assignments, Config, open_memory, read_settings

__all__ = ["database"]

database = typer.Typer(help="Make, upgrade or check the tables of the memory.", no_args_is_help=True)


@database.command()
def upgrade(*, config: Config = None, assignments: Assignments = None) -> None:
    """Make the tables, or bring them up to this build's. The service does it too when it starts."""
    from simpatico.profiles.migrate import newest

    with open_memory(read_settings(config, assignments), upgrade=True):
        typer.echo(f"the tables are of revision {newest()}")


@database.command()
def check(*, config: Config = None, assignments: Assignments = None) -> None:
    """Check that the database can be reached and its tables are this build's. Changes nothing."""
    from simpatico.profiles.callers import held_under
    from simpatico.profiles.migrate import newest

    with open_memory(read_settings(config, assignments)) as store:
        held = store.read(held_under)
    typer.echo(f"the tables are of revision {newest()}, this build's")
    for key_id, count in sorted(held.items()):
        typer.echo(f"{count} callers stand under key {key_id}")
