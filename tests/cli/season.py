"""A log of a few hundred calls, made as the service makes it: ranked by the model of the hour, taken, reported."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from simpatico.profiles import callers, decisions, experiments
from simpatico.profiles.store import BlockingStore, Work
from simpatico.routing.experiment import Schedule, block_at
from simpatico.routing.posterior import Posterior
from simpatico.routing.ranking import rank
from simpatico.routing.types import Agent, Candidate, Decision, Outcome, RankRequest, Source
from simpatico.server.routing.learning import models_of
from tests.profiles.samples import NOW_S, RING
from tests.routing.worlds import belief

QUEUE = "sales"
CALLS = 480
EVERY_S = 60.0
RENEWED = 80
"""Calls between two renewals of the model."""
AGENTS = 4
CALLERS = 5
SCHEDULE = Schedule("exp-1", NOW_S + 60 * EVERY_S, NOW_S + 6e7, 900.0, 120.0, seed=3)
SHORT = Schedule("exp-2", NOW_S, NOW_S + 4000.0, 900.0, 0.0, seed=1, aa=True)


@dataclass(frozen=True)
class Season:
    """What the commands should find: decisions as they were made, with outcomes, and the settings that lead to the database."""

    url: str
    settings: tuple[str, ...]
    made: tuple[Decision, ...]


def settings_of(url: str, folder: Path, *more: str) -> tuple[str, ...]:
    """Return options that name a database of the tests' key ring."""
    secrets = folder / "secrets"
    secrets.write_text(f"k1 {base64.b64encode(b'test secret of the deployment, one').decode()}\n")
    pairs = (f"database.url={url}", f"database.secrets={secrets}", f"database.spool={folder / 'spool.db'}", *more)
    return tuple(word for pair in pairs for word in ("--set", pair))


def season(url: str, folder: Path) -> Season:
    """Fill a database."""
    rng = np.random.default_rng(5)
    made: list[Decision] = []
    with BlockingStore(url, RING, clock=lambda: NOW_S) as store:
        ids = [store.write("router", callers.grant, f"customer-{i}").caller_id for i in range(CALLERS)]
        for schedule in (SCHEDULE, SHORT):
            queue = QUEUE if schedule is SCHEDULE else "support"
            store.write("admin", experiments.start, schedule.experiment_id, queue, experiments.pack_schedule(schedule))
        for first in range(0, CALLS, RENEWED):
            model = store.read(_model)
            made += store.write("router", _some_calls, first, model, rng, ids)
    return Season(url, settings_of(url, folder), tuple(made))


def _model(work: Work) -> Posterior | None:
    through = decisions.newest_report(work)
    return models_of(decisions.read(work, through=through), through).get(QUEUE)


def _some_calls(work: Work, first: int, model: Posterior | None, rng: np.random.Generator, ids: list[str]) -> list[Decision]:
    made = []
    for i in range(first, first + RENEWED):
        asked = RankRequest(
            QUEUE,
            tuple(Candidate(Agent(f"a{a}"), occupancy=round(float(rng.uniform(0.5, 0.6)), 3)) for a in range(AGENTS)),
            f"r{i % 2}",
            live=belief(*rng.normal(size=2) * 0.8, source=Source.LIVE),
        )
        at_s = NOW_S + EVERY_S * i
        block = block_at(SCHEDULE, QUEUE, at_s)
        ranking = rank(asked, model, seed=i, block=block)
        taken = ranking.entries[0].agent_id if i % 11 else f"a{int(rng.integers(AGENTS))}"
        outcome = _outcome(asked, taken, rng)
        row = Decision(decisions.new_decision_id(kept=True), f"call-{i}", at_s, asked, ranking, block, taken, outcome)
        decisions.log(work, ids[i % CALLERS], [row])
        for part, (said, by) in enumerate(parts(i, row)):
            decisions.record_outcome(work, f"r{i}.{part}", row.decision_id, said, by)
        made.append(row)
    return made


def parts(i: int, row: Decision) -> list[tuple[Outcome, str | None]]:
    """Return the reports of the i-th call, each with who is said to have taken it: one in four comes in two."""
    if i % 4:
        return [(row.outcome, row.taken)]
    return [(Outcome(csat_5=row.outcome.csat_5), row.taken), (Outcome(handle_s=row.outcome.handle_s), None)]


def _outcome(asked: RankRequest, taken: str, rng: np.random.Generator) -> Outcome:
    """Agent a3 is best by far; a0 and a1 suit opposite styles."""
    assert asked.live is not None
    side = {"a0": 0.8, "a1": -0.8}.get(taken, 0.0) * asked.live.axes[0].mean
    level = 4.4 if taken == "a3" else 3.0
    csat = float(np.clip(level + side + rng.normal() * 0.7, 1.0, 5.0))
    return Outcome(csat_5=round(csat, 2), handle_s=float(rng.integers(100, 400)))
