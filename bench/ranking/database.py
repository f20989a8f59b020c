"""A database with a thousand agents, a season of outcomes, and callers who have agreed and called before."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from simpatico.profiles import agents, callers, calls, decisions
from simpatico.profiles.fusion import AxisEvidence
from simpatico.profiles.habits import CallTime
from simpatico.profiles.keys import KeyRing, parse_key_ring
from simpatico.profiles.records import CallRecord
from simpatico.profiles.store import BlockingStore, Work
from simpatico.routing.ranking import neutral
from simpatico.routing.types import (
    Agent,
    AxisBelief,
    Candidate,
    Decision,
    NeutralReason,
    Outcome,
    RankRequest,
    Source,
    StyleBelief,
)

__all__ = ["CALLERS", "QUEUE", "agent_name", "caller_key", "fill"]

QUEUE = "sales"
CALLERS = 200
REASONS = ("bill", "delivery", "contract", "fault", "other")
SECRET = "bench MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
SEED = 7


def agent_name(i: int) -> str:
    """Return the id of an agent."""
    return f"agent-{i:05d}"


def caller_key(i: int) -> str:
    """Return the pseudonym of a caller who has agreed."""
    return f"caller-{i:05d}"


def fill(folder: Path, agent_count: int, outcome_count: int) -> list[str]:
    """Make the database in a folder; return the arguments of ``simpatico serve`` that use it."""
    (folder / "secrets").write_text(SECRET + "\n")
    url = f"sqlite:///{folder / 'bench.db'}"
    ring: KeyRing = parse_key_ring(SECRET)
    with BlockingStore(url, ring) as store:
        store.write("bench", _declare, agent_count)
        ids = store.write("bench", _agree)
        for start in range(0, outcome_count, 500):
            store.write("bench", _season, ids, agent_count, start, min(start + 500, outcome_count))
    settings = {"database.url": url, "database.secrets": folder / "secrets", "database.spool": folder / "spool.db"}
    return [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]


def _declare(work: Work, count: int) -> None:
    for i in range(count):
        agents.upsert(work, Agent(agent_name(i), frozenset({"cards"}), frozenset({"en"})))


def _agree(work: Work) -> list[str]:
    found = []
    for i in range(CALLERS):
        profile = callers.grant(work, caller_key(i))
        assert profile.caller_id is not None
        found.append(profile.caller_id)
        style = {"assertiveness": AxisEvidence(0.4, 0.8, 0.1), "responsiveness": AxisEvidence(-0.2, 0.5, 0.1)}
        for k in range(3):
            record = CallRecord(f"past-{i}-{k}", time.time(), CallTime(2, 10), REASONS[k], 180.0, 60.0, "prior-1/1.1.0", style, {})
            calls.keep(work, caller_key(i), record)
    return found


def _season(work: Work, caller_ids: list[str], agent_count: int, start: int, end: int) -> None:
    for i in range(start, end):
        rng = np.random.default_rng((SEED, i))
        taken = i % agent_count
        style = rng.normal(size=2)
        axes = (AxisBelief("assertiveness", float(style[0]), 0.6), AxisBelief("responsiveness", float(style[1]), 0.6))
        belief = StyleBelief(axes, frozenset({Source.PROFILE}))
        request = RankRequest(QUEUE, (Candidate(Agent(agent_name(taken))),), REASONS[i % len(REASONS)], None, belief)
        made = Decision(
            decisions.new_decision_id(kept=True), f"season-{i}", work.now_s, request, neutral(request, NeutralReason.NO_OUTCOMES)
        )
        decisions.log(work, caller_ids[i % CALLERS], [made])
        quality = 0.6 + 0.1 * np.sin(taken) + 0.05 * style[0] * np.cos(taken)
        outcome = Outcome(resolved=bool(rng.random() < quality), csat_5=float(np.clip(rng.normal(1 + 4 * quality, 0.8), 1, 5)))
        decisions.record_outcome(work, f"season-{i}", made.decision_id, outcome, agent_name(taken))
