"""``simpatico routing experiment``: switchback experiments, started and ended beside a running service."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simpatico.cli.memory import ACTOR, AsJson, Assignments, Config, day, open_memory, print_json, print_table, read_settings, when
from simpatico.cli.usage import above_zero, zero_or_more

if TYPE_CHECKING:
    from simpatico.profiles.experiments import Experiment

__all__ = ["experiment"]

DAY_S = 86_400.0

experiment = typer.Typer(help="Switchback experiments: blocks of time in which the model ranks, and blocks in which it does not.")


@experiment.callback(no_args_is_help=True)
def _root() -> None:
    """Switchback experiments: blocks of time in which the model ranks, and blocks in which it does not."""


@experiment.command()
def start(
    experiment_id: Annotated[str, typer.Argument(metavar="ID", help="Name of the experiment, never used before.")],
    *,
    queue: Annotated[str, typer.Option(help="Queue; one experiment at a time runs in it.")],
    days: Annotated[float, typer.Option(callback=above_zero, help="How long it lasts.")],
    begin: Annotated[str | None, typer.Option(help="Day or time of the first block (default: now; UTC where it names no zone).")] = None,
    block_hours: Annotated[float, typer.Option(callback=above_zero, help="Length of a block: several times the longest usual call.")] = 4.0,
    washout_minutes: Annotated[
        float, typer.Option(callback=zero_or_more, help="First part of a block, left out of the estimate: a usual long call.")
    ] = 15.0,
    aa: Annotated[
        bool, typer.Option("--aa", help="Route both arms alike, to see whether the pipeline shows a lift where there is none.")
    ] = False,
    config: Config = None,
    assignments: Assignments = None,
) -> None:
    """Start an experiment. Services that run take it up within routing.renew_s; the coin's seed is drawn here and never shown."""
    from simpatico.profiles import experiments
    from simpatico.routing.experiment import Schedule
    from simpatico.routing.types import MAX_SEED

    settings = read_settings(config, assignments)
    begins_s = day(begin, "begin")
    first_s = time.time() if begins_s is None else begins_s
    seed = secrets.randbelow(MAX_SEED + 1)
    schedule = Schedule(experiment_id, first_s, first_s + days * DAY_S, block_hours * 3600.0, washout_minutes * 60.0, seed, aa)
    with open_memory(settings) as store:
        store.write(ACTOR, experiments.start, experiment_id, queue, experiments.pack_schedule(schedule))
    typer.echo(f"experiment {experiment_id} in {queue}, {when(schedule.start_s)} to {when(schedule.end_s)}")


@experiment.command()
def end(
    experiment_id: Annotated[str, typer.Argument(metavar="ID", help="Of an experiment that was started.")],
    *,
    config: Config = None,
    assignments: Assignments = None,
) -> None:
    """End an experiment; one that has ended stays ended. Services that run stop it within routing.renew_s."""
    from simpatico.profiles import experiments

    with open_memory(read_settings(config, assignments)) as store:
        store.write(ACTOR, experiments.end, experiment_id)
    typer.echo(f"experiment {experiment_id} has ended; simpatico routing lift --experiment {experiment_id} says what came of it")


@experiment.command("list")
def list_all(*, config: Config = None, assignments: Assignments = None, as_json: AsJson = False) -> None:
    """List all experiments, oldest first."""
    from simpatico.profiles import experiments

    with open_memory(read_settings(config, assignments)) as store:
        found = [_document(one) for one in store.read(experiments.list_experiments)]
    if as_json:
        print_json(found)
        return
    columns = ("experiment", "queue", "from", "to", "blocks of", "washout", "arms", "ended")
    print_table("Experiments", columns, (_row(one) for one in found))


def _document(one: Experiment) -> dict[str, Any]:
    """Return an experiment without its seed: who knows it knows every block."""
    config = {name: value for name, value in one.config.items() if name != "seed"}
    return {"experiment_id": one.experiment_id, "queue": one.queue, **config, "ended_at_s": one.ended_at_s}


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    ended = "" if one["ended_at_s"] is None else when(one["ended_at_s"])
    lengths = (f"{one['block_s'] / 3600:g} h", f"{one['washout_s'] / 60:g} min")
    return (one["experiment_id"], one["queue"], when(one["start_s"]), when(one["end_s"]), *lengths, "A/A" if one["aa"] else "on/off", ended)
