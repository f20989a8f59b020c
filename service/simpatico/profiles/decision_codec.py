"""Decisions as JSON values and back.

With agents, for exports and rows of builds before `agent_columns`. Of each candidate: id, open calls, idle seconds, occupancy, skills,
languages, capacity. Of each ranked agent: id, propensity, expected utility, sd, load penalty; factors of the first `KEPT_FACTORS` only, the
others' follow from the model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from simpatico.routing.candidates import Candidates
from simpatico.routing.ranked import Entries
from simpatico.routing.types import (
    Agent,
    Arm,
    AxisBelief,
    BlockArm,
    Candidate,
    Factor,
    FactorKind,
    NeutralReason,
    Outcome,
    RankedAgent,
    Ranking,
    RankRequest,
    Source,
    StyleBelief,
)

__all__ = [
    "pack_block",
    "pack_findings",
    "pack_outcome",
    "pack_ranking",
    "pack_request",
    "pack_terms",
    "unpack_block",
    "unpack_factors",
    "unpack_findings",
    "unpack_lesson",
    "unpack_outcome",
    "unpack_ranking",
    "unpack_request",
    "unpack_terms",
]

KEPT_FACTORS = 3
"""Agents at the head of a ranking whose reasons are kept: those that anybody looks at."""
_OUTCOME = ("resolved", "csat_5", "handle_s", "transferred", "repeat_contact", "bought")

Packed = Mapping[str, Any]


def _pack_belief(belief: StyleBelief | None) -> list[Any] | None:
    if belief is None:
        return None
    return [[[axis.name, axis.mean, axis.sd] for axis in belief.axes], sorted(belief.sources)]


def _unpack_belief(packed: Sequence[Any] | None) -> StyleBelief | None:
    if packed is None:
        return None
    return StyleBelief(tuple(AxisBelief(*axis) for axis in packed[0]), frozenset(Source(s) for s in packed[1]))


def _pack_candidates(who: Candidates) -> list[list[Any]]:
    occupancy = [None] * len(who) if who.occupancy is None else [None if math.isnan(x) else x for x in who.occupancy.tolist()]
    tags: dict[frozenset[str], list[str]] = {}  # agents share few sets of skills

    def ordered(values: frozenset[str]) -> list[str]:
        found = tags.get(values)
        if found is None:
            found = tags[values] = sorted(values)
        return found

    return [
        [agent.agent_id, open_calls, idle_s, share, ordered(agent.skills), ordered(agent.languages), agent.capacity]
        for agent, open_calls, idle_s, share in zip(who.agents, who.open_calls.tolist(), who.idle_s.tolist(), occupancy, strict=True)
    ]


def pack_terms(request: RankRequest) -> dict[str, Any]:
    """Return a request without its candidates."""
    return {
        "reason": request.reason,
        "live": _pack_belief(request.live),
        "profile": _pack_belief(request.profile),
        "skills": sorted(request.skills),
        "languages": sorted(request.languages),
        "objected": request.objected,
    }


def pack_request(request: RankRequest) -> dict[str, Any]:
    """Return a request as JSON values; its queue has a column of its own."""
    return {"candidates": _pack_candidates(request.eligible), **pack_terms(request)}


def unpack_request(queue: str, packed: Packed) -> RankRequest:
    """Return what `pack_request` packed."""
    candidates = tuple(
        Candidate(Agent(agent_id, frozenset(skills), frozenset(languages), capacity), open_calls, idle_s, occupancy)
        for agent_id, open_calls, idle_s, occupancy, skills, languages, capacity in packed["candidates"]
    )
    return unpack_terms(queue, packed, candidates)


def unpack_terms(queue: str, packed: Packed, candidates: Sequence[Candidate]) -> RankRequest:
    """Return what `pack_terms` packed, with these candidates."""
    return RankRequest(
        queue,
        candidates,
        packed["reason"],
        _unpack_belief(packed["live"]),
        _unpack_belief(packed["profile"]),
        frozenset(packed["skills"]),
        frozenset(packed["languages"]),
        packed["objected"],
    )


def unpack_lesson(queue: str, packed: Packed) -> RankRequest:
    """Return what models learn of a request, of what `pack_terms` or `pack_request` packed: what was believed, and the reason."""
    return RankRequest(queue, (), packed["reason"], _unpack_belief(packed["live"]), _unpack_belief(packed["profile"]))


def _pack_entries(entries: Sequence[RankedAgent]) -> list[list[Any]]:
    if not isinstance(entries, Entries) or entries.expected_utility is None or entries.sd is None or entries.load_penalty is None:
        return [[e.agent_id, e.propensity, e.expected_utility, e.sd, e.load_penalty] for e in entries]
    figures = (entries.propensity, entries.expected_utility, entries.sd, entries.load_penalty)
    return [list(row) for row in zip(entries.ids, *(column.tolist() for column in figures), strict=True)]


def pack_findings(ranking: Ranking) -> dict[str, Any]:
    """Return a ranking without its entries, but with the reasons of the first ones."""
    entries = ranking.entries
    if isinstance(entries, Entries):  # an entry as an object would have all names looked up
        reasons = [entries.factors[i] if i < len(entries.factors) else () for i in range(min(len(entries), KEPT_FACTORS))]
    else:
        reasons = [entry.factors for entry in entries[:KEPT_FACTORS]]
    return {
        "factors": [[[f.kind, f.contribution, f.evidence, f.axis, f.value] for f in some] for some in reasons],
        "basis": sorted(ranking.basis),
        "seed": ranking.seed,
        "learned": [ranking.learned_through, ranking.learned_calls],
        "assigned": ranking.assigned,
    }


def pack_ranking(ranking: Ranking) -> dict[str, Any]:
    """Return a ranking as JSON values; policy version and neutral reason have columns of their own."""
    return {"entries": _pack_entries(ranking.entries), **pack_findings(ranking)}


def unpack_ranking(policy_version: str, neutral_reason: str | None, packed: Packed) -> Ranking:
    """Return what `pack_ranking` packed; factors beyond the first agents' are not there."""
    factors = unpack_factors(packed)
    entries = tuple(
        RankedAgent(agent_id, propensity, utility, sd, penalty, factors[place] if place < len(factors) else ())
        for place, (agent_id, propensity, utility, sd, penalty) in enumerate(packed["entries"])
    )
    return unpack_findings(policy_version, neutral_reason, packed, entries)


def unpack_factors(packed: Packed) -> tuple[tuple[Factor, ...], ...]:
    """Return the reasons of the first agents, of what `pack_findings` packed."""
    return tuple(tuple(Factor(FactorKind(kind), *rest) for kind, *rest in held) for held in packed["factors"])


def unpack_findings(policy_version: str, neutral_reason: str | None, packed: Packed, entries: Sequence[RankedAgent]) -> Ranking:
    """Return what `pack_findings` packed, with these entries."""
    neutral = None if neutral_reason is None else NeutralReason(neutral_reason)
    basis = frozenset(Source(s) for s in packed["basis"])
    through, calls = packed.get("learned", (0, 0))  # decisions of before these were written down
    return Ranking(entries, basis, policy_version, packed["seed"], neutral, through, calls, packed.get("assigned", False))


def pack_block(block: BlockArm | None) -> list[Any] | None:
    """Return where in an experiment a decision fell, as JSON values."""
    return None if block is None else [block.experiment_id, block.block, block.arm, block.washout, block.rank]


def unpack_block(packed: Sequence[Any] | None) -> BlockArm | None:
    """Return what `pack_block` packed."""
    return None if packed is None else BlockArm(packed[0], packed[1], Arm(packed[2]), packed[3], packed[4])


def pack_outcome(outcome: Outcome) -> dict[str, Any]:
    """Return what an outcome states."""
    return {name: value for name in _OUTCOME if (value := getattr(outcome, name)) is not None}


def unpack_outcome(packed: Packed) -> Outcome:
    """Return what `pack_outcome` packed."""
    return Outcome(**packed)
