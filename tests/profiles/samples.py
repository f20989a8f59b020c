"""Callers, calls, agents and decisions that many tests use."""

from __future__ import annotations

from typing import Any

from simpatico.profiles.agent_columns import pack_agents
from simpatico.profiles.decision_codec import unpack_ranking, unpack_request
from simpatico.profiles.decisions import new_decision_id
from simpatico.profiles.fusion import AxisEvidence
from simpatico.profiles.habits import CallTime
from simpatico.profiles.keys import KeyRing
from simpatico.profiles.records import CallRecord
from simpatico.routing.types import (
    Agent,
    Arm,
    AxisBelief,
    BlockArm,
    Candidate,
    Decision,
    Factor,
    FactorKind,
    RankedAgent,
    Ranking,
    RankRequest,
    Source,
    StyleBelief,
)

RING = KeyRing({"k1": b"test secret of the deployment, one"})
NOW_S = 1_790_000_000.0
DAY_S = 86_400.0
CALLER = "customer-4711-Aubergine"


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = NOW_S

    def __call__(self) -> float:
        return self.now_s


def a_call(call_id: str = "call-1", *, reason: str = "billing", shift: float = 0.6, model: str = "prior-1/1.1.0") -> CallRecord:
    """Return a call with some evidence on each axis."""
    style = {"assertiveness": AxisEvidence(shift, 0.8, 0.1), "responsiveness": AxisEvidence(-0.2, 0.5, 0.1)}
    return CallRecord(call_id, NOW_S, CallTime(2, 10), reason, 180.0, 60.0, model, style, {"articulation_rate_hz": 4.25}, "notice-7")


def a_decision(
    call_id: str = "call-1", *, queue: str = "sales", agents: int = 3, at_s: float = NOW_S, block: int | None = None, kept: bool = True
) -> Decision:
    """Return a decision over so many agents, with everything set that can be."""
    belief = StyleBelief((AxisBelief("assertiveness", 0.4, 0.8), AxisBelief("responsiveness", -0.1, 0.9)), frozenset({Source.PROFILE}))
    names = [f"agent-{i}" for i in range(agents)]
    candidates = tuple(
        Candidate(Agent(name, frozenset({"cards"}), frozenset({"en"}), 2), i % 2, 10.0 * i, 0.5) for i, name in enumerate(names)
    )
    request = RankRequest(queue, candidates, "billing", None, belief, frozenset({"cards"}), frozenset({"en"}))
    entries = tuple(
        RankedAgent(name, 1.0 / agents, 0.6 - 0.01 * i, 0.1, 0.02 * i, (Factor(FactorKind.STYLE, 0.05, 7.0, "assertiveness", 0.4),))
        for i, name in enumerate(reversed(names))
    )
    ranking = Ranking(entries, frozenset({Source.PROFILE}), "thompson-1", 42, learned_through=17, learned_calls=12, assigned=agents == 2)
    arm = None if block is None else BlockArm("exp-1", block, Arm.ON if block % 2 else Arm.OFF, washout=False, rank=bool(block % 2))
    return Decision(new_decision_id(kept=kept), call_id, at_s, request, ranking, arm)


def as_stored(exported: dict[str, Any]) -> dict[str, Any]:
    """Take the agents of an exported decision, which stand in it as JSON, back into their column of bytes."""
    request = unpack_request(exported["queue"], exported["request"])
    ranking = unpack_ranking(exported["policy_version"], exported["neutral_reason"], exported["ranking"])
    bare = {
        name: {key: value for key, value in exported[name].items() if key != part}
        for name, part in (("request", "candidates"), ("ranking", "entries"))
    }
    return {**exported, **bare, "agents": pack_agents(request.eligible, ranking.entries)}
