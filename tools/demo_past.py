"""The invented past of the demonstration's call centre: calls of callers who agreed, and how they went by a rule that is drawn here.

The service learns from it as from real outcomes. It is written into the database before the service starts, through the same functions
that the service uses.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from simpatico.profiles import agents, callers, decisions
from simpatico.profiles.keys import KeyRing
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

__all__ = ["AGENTS", "QUEUE", "RULE", "Past", "invent"]

QUEUE = "travel"
AGENTS = ("ann", "ben", "cleo", "dan")
RULE = (
    "ann does best with callers who take charge, ben with callers who do not; it makes no difference to cleo and dan",
    "chance that a call is settled: ann 0.60 + 0.20 a, ben 0.60 - 0.20 a, cleo 0.60, dan 0.50; a = the caller's assertiveness in SD",
)
AXES = ("assertiveness", "responsiveness")
CALLS, CALLERS = 600, 80
HEARD_SD = 0.6
"""How well the invented callers' style is known; far better than the bundle that ships can know anybody's."""
SEED = 7


@dataclass(frozen=True)
class Past:
    """What was written: how many calls of how many callers."""

    calls: int
    callers: int


def chance(agent: str, assertiveness: float) -> float:
    """Return the chance that a call is settled: the rule."""
    plain = {"ann": 0.60 + 0.20 * assertiveness, "ben": 0.60 - 0.20 * assertiveness, "cleo": 0.60, "dan": 0.50}
    return min(max(plain[agent], 0.02), 0.98)


def invent(url: str, ring: KeyRing, now_s: float) -> Past:
    """Write the past into a new database."""
    with BlockingStore(url, ring) as store:
        store.write("demo", _write, now_s)
    return Past(CALLS, CALLERS)


def _write(work: Work, now_s: float) -> None:
    luck = random.Random(SEED)
    for name in AGENTS:
        agents.upsert(work, Agent(name))
    styles = [(luck.gauss(0.0, 1.0), luck.gauss(0.0, 1.0)) for _ in range(CALLERS)]
    everybody = [callers.grant(work, f"invented-{i}", "demo").caller_id for i in range(CALLERS)]
    for i in range(CALLS):
        who, taken, name = luck.randrange(CALLERS), luck.choice(AGENTS), f"invented-{i}"
        request = _request(styles[who], luck)
        at_s = now_s - 60.0 * (CALLS - i)
        decision = Decision(decisions.new_decision_id(kept=True), name, at_s, request, neutral(request, NeutralReason.NO_OUTCOMES))
        decisions.log(work, everybody[who], [decision])
        outcome = Outcome(resolved=luck.random() < chance(taken, styles[who][0]))
        decisions.record_outcome(work, name, decision.decision_id, outcome, taken)


def _request(style: tuple[float, float], luck: random.Random) -> RankRequest:
    """Return what the service would have been asked: the caller's style as it was heard, with an error, under the population's prior."""
    information = 1.0 / HEARD_SD**2 - 1.0
    heard = [(true + luck.gauss(0.0, information**-0.5)) * information * HEARD_SD**2 for true in style]
    axes = tuple(AxisBelief(name, mean, HEARD_SD) for name, mean in zip(AXES, heard, strict=True))
    return RankRequest(
        QUEUE, tuple(Candidate(Agent(name), 0, 30.0) for name in AGENTS), "", StyleBelief(axes, frozenset({Source.LIVE})), None
    )
