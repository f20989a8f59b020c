"""Switchback experiments as the service runs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import insert, select, update

from simpatico.errors import RequestConflictError, RequestError, ScheduleError
from simpatico.profiles import audit
from simpatico.profiles.records import checked_json, checked_text
from simpatico.profiles.schema import experiments
from simpatico.profiles.store import Work
from simpatico.routing.experiment import Schedule

__all__ = [
    "Experiment",
    "end",
    "list_experiments",
    "pack_schedule",
    "running",
    "schedule_of",
    "start",
]


@dataclass(frozen=True, slots=True)
class Experiment:
    """A switchback experiment: ``config`` is routing's description as JSON values; ``ended_at_s`` None while it runs."""

    experiment_id: str
    queue: str
    config: Mapping[str, Any]
    started_at_s: float
    ended_at_s: float | None = None


def pack_schedule(schedule: Schedule) -> dict[str, Any]:
    """Return a schedule as an experiment's ``config``; its id has a column of its own."""
    return {name: value for name, value in asdict(schedule).items() if name != "experiment_id"}


def schedule_of(experiment: Experiment) -> Schedule:
    """Return what `pack_schedule` packed.

    Raises
    ------
    ScheduleError
        When the config is something else, or describes no experiment that can be run.
    """
    try:
        return Schedule(experiment.experiment_id, **experiment.config)
    except TypeError as error:
        raise ScheduleError(f"experiment {experiment.experiment_id!r} is stored without a schedule: {error}", field="config") from error


def start(work: Work, experiment_id: str, queue: str, config: Mapping[str, Any]) -> Experiment:
    """Start an experiment.

    Raises
    ------
    RequestConflictError
        When the queue runs one already, or the id was used before.
    RequestError
        When the description cannot be stored.
    """
    checked_text(experiment_id, "experiment_id")
    checked_text(queue, "queue")
    if (other := running(work, queue)) is not None:
        raise RequestConflictError(f"queue {queue!r} runs experiment {other.experiment_id!r}; end it first", field="queue")
    if work.connection.execute(select(experiments).where(experiments.c.experiment_id == experiment_id)).one_or_none():
        raise RequestConflictError(f"experiment {experiment_id!r} was run before; use a new id", field="experiment_id")
    values = {"experiment_id": experiment_id, "queue": queue, "config": checked_json(config, "config"), "started_at_s": work.now_s}
    work.connection.execute(insert(experiments).values(values))
    audit.append(work, "experiment.started", experiment_id)
    return Experiment(experiment_id, queue, dict(config), work.now_s)


def end(work: Work, experiment_id: str) -> None:
    """End an experiment; one that has ended stays ended. The end is never before the start, whatever the clock says.

    Raises
    ------
    RequestError
        When there is none of that id.
    """
    row = work.connection.execute(select(experiments).where(experiments.c.experiment_id == experiment_id)).one_or_none()
    if row is None:
        raise RequestError(f"there is no experiment {experiment_id[:40]!r}", field="experiment_id")
    if row.ended_at_s is None:
        ended = max(work.now_s, row.started_at_s)
        work.connection.execute(update(experiments).where(experiments.c.experiment_id == experiment_id).values(ended_at_s=ended))
        audit.append(work, "experiment.ended", experiment_id)


def running(work: Work, queue: str) -> Experiment | None:
    """Return the experiment that a queue runs, if any."""
    row = work.connection.execute(select(experiments).where(experiments.c.queue == queue, experiments.c.ended_at_s.is_(None))).one_or_none()
    return None if row is None else Experiment(*row)


def list_experiments(work: Work) -> list[Experiment]:
    """Return all experiments, oldest first."""
    return [Experiment(*row) for row in work.connection.execute(select(experiments).order_by(experiments.c.started_at_s))]
