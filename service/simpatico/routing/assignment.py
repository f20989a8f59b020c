"""Several callers wait and several agents are free: who takes whom.

Rules, in this order:

1. **Nobody waits longer for it.** Who is served now is settled as the ACD would: callers in their order of waiting, each the first agent of
   their own list who is still free. The model only chooses who takes whom among those served.
2. **An objector gets the agent whom the ACD would have given**, taken out before anything is optimised, so that what is left over after
   others chose is never their share. The same for calls that must be neutral for another reason.
3. Skills and languages before scores, as in a ranking.
4. The rest is the assignment with the largest sum of scores (Thompson draws minus load penalties), by Jonker & Volgenant's algorithm as
   ``scipy.optimize.linear_sum_assignment`` has it.

The probability that a pair is made has no closed form. It is the share of redrawn assignments that make it, the actual one included, with
the standard error beside it: good enough to tell how settled a choice was, too rough to divide by, so off-policy evaluation uses
rankings only.

References
----------
Crouse, D. F. (2016). On implementing 2D rectangular assignment algorithms. IEEE Transactions on Aerospace and Electronic Systems 52(4).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from simpatico.errors import NoCandidatesError, RequestError
from simpatico.routing.policy import DEFAULT_POLICY, Policy
from simpatico.routing.posterior import Posterior
from simpatico.routing.ranked import Entries
from simpatico.routing.ranking import neutral_reason
from simpatico.routing.scoring import Scores, draws, score
from simpatico.routing.types import BlockArm, NeutralReason, Ranking, RankRequest, Source

__all__ = ["MAX_WAITING", "Assigned", "Waiting", "assign", "assign_neutrally", "slots_of"]

MAX_WAITING = 500
"""Calls in one request: with 1,000 agents and 100 redraws that is some seconds of work, the most that one request may ask for."""
TIER_COST = 100.0
"""What a lower tier costs: more than any sum of scores within reach, so that rule 3 holds."""
IMPOSSIBLE = 1e6
"""Score of a pair that the ACD does not list."""

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A call that waits: what it would ask a ranking for, and its block of a running experiment."""

    call_id: str
    request: RankRequest
    block: BlockArm | None = None


@dataclass(frozen=True, slots=True)
class Assigned:
    """What one call got.

    Attributes
    ----------
    agent_id
        None when nobody is left for it: it goes on waiting, as it would have with the ACD.
    neutral_reason
        Why the agent is the ACD's choice, or None when the model chose.
    expected_utility, sd, propensity, propensity_se
        None when the model did not choose (or, for the last two, when no redraws were asked for).
    ranking
        The choice as a decision's log keeps it, marked as assigned: the agent first, then the others by the share of redraws that gave them
        the call. None when nobody is left for it.
    """

    call_id: str
    agent_id: str | None
    neutral_reason: NeutralReason | None = None
    expected_utility: float | None = None
    sd: float | None = None
    propensity: float | None = None
    propensity_se: float | None = None
    ranking: Ranking | None = None


def assign(
    waiting: Sequence[Waiting],
    posteriors: Mapping[str, Posterior],
    policy: Policy = DEFAULT_POLICY,
    *,
    seed: int,
    redraws: int = 100,
) -> tuple[Assigned, ...]:
    """Assign waiting calls to free agents.

    Parameters
    ----------
    waiting
        Longest wait first. An agent may be listed by several calls, and takes at most capacity minus open calls of them.
    posteriors
        Outcome models by queue; a queue without one is neutral.
    policy, seed
        As for a ranking.
    redraws
        Assignments drawn to estimate propensities; 0 for none.

    Returns
    -------
    tuple of Assigned
        One for each call, in the order given.

    Raises
    ------
    NoCandidatesError
        When there is no call, or a call lists nobody.
    RequestError
        When there are more than ``MAX_WAITING`` calls, a call twice, or ``redraws`` is below 0.
    """
    _check(waiting, redraws)
    slots = slots_of(waiting)
    plain = _as_the_acd_would(waiting, dict(slots))
    reasons = [neutral_reason(w.request, posteriors.get(w.request.queue), policy, w.block) for w in waiting]
    free = dict(slots)
    result: dict[int, Assigned] = {}
    for i, (agent, why) in enumerate(zip(plain, reasons, strict=True)):
        if agent is None:
            result[i] = Assigned(waiting[i].call_id, None, why)
        elif why is not None:
            result[i] = _as_given(waiting[i], agent, why, policy, seed)
            free[agent] -= 1
    chosen = [i for i in range(len(waiting)) if i not in result]
    if chosen:
        model = [posteriors[waiting[i].request.queue] for i in chosen]
        result.update(_choose([waiting[i] for i in chosen], chosen, model, free, policy, seed, redraws))
    return tuple(result[i] for i in range(len(waiting)))


def assign_neutrally(
    waiting: Sequence[Waiting], why: NeutralReason, policy: Policy = DEFAULT_POLICY, *, seed: int = 0
) -> tuple[Assigned, ...]:
    """Rule 1 alone: what the ACD would have done, marked with the reason. Raises as `assign`."""
    _check(waiting, 0)
    given = _as_the_acd_would(waiting, slots_of(waiting))
    return tuple(
        Assigned(w.call_id, None, why) if agent is None else _as_given(w, agent, why, policy, seed)
        for w, agent in zip(waiting, given, strict=True)
    )


def _as_given(waiting: Waiting, agent: str, why: NeutralReason, policy: Policy, seed: int) -> Assigned:
    ids = waiting.request.eligible.ids
    entries = Entries.neutral([agent, *(other for other in ids if other != agent)])
    return Assigned(waiting.call_id, agent, why, ranking=Ranking(entries, frozenset(), policy.version, seed, why, assigned=True))


def _check(waiting: Sequence[Waiting], redraws: int) -> None:
    if not waiting:
        raise NoCandidatesError("nobody waits: an assignment needs at least one call", field="waiting")
    if len(waiting) > MAX_WAITING:
        raise RequestError(f"{len(waiting)} calls wait; at most {MAX_WAITING} can be assigned at once", field="waiting")
    calls = [w.call_id for w in waiting]
    if len(set(calls)) != len(calls):
        twice = next(c for c in calls if calls.count(c) > 1)
        raise RequestError(f"call {twice!r} waits twice; list each once", field="waiting")
    if redraws < 0:
        raise RequestError(f"redraws must be at least 0, got {redraws}", field="redraws")


def slots_of(waiting: Sequence[Waiting]) -> dict[str, int]:
    """Calls that each agent may still take; where calls disagree about an agent, the smaller."""
    slots: dict[str, int] = {}
    for w in waiting:
        who = w.request.eligible
        for agent, room in zip(who.ids, np.maximum(who.capacity - who.open_calls, 0).tolist(), strict=True):
            slots[agent] = min(room, slots.get(agent, room))
    return slots


def _as_the_acd_would(waiting: Sequence[Waiting], free: dict[str, int]) -> list[str | None]:
    """Rule 1."""
    given: list[str | None] = []
    for w in waiting:
        agent = next((name for name in w.request.eligible.ids if free[name] > 0), None)
        if agent is not None:
            free[agent] -= 1
        given.append(agent)
    return given


def _choose(
    waiting: Sequence[Waiting],
    places: Sequence[int],
    models: Sequence[Posterior],
    free: Mapping[str, int],
    policy: Policy,
    seed: int,
    redraws: int,
) -> dict[int, Assigned]:
    """Rules 3 and 4, among calls that can all be served (the ACD's choice serves them all)."""
    columns = [agent for agent, room in free.items() for _ in range(min(room, len(waiting)))]
    column_of = {agent: i for i, agent in reversed(list(enumerate(columns)))}
    scores = [score(w.request, model, policy, np.zeros(len(w.request.candidates))) for w, model in zip(waiting, models, strict=True)]
    base, spread = _matrix(waiting, scores, columns, column_of)
    shape = base.shape
    normals = draws(seed, (1 + redraws) * base.size).reshape(1 + redraws, *shape)
    made = np.array([linear_sum_assignment(base + spread * z, maximize=True)[1] for z in normals])
    found: dict[int, Assigned] = {}
    for row, (w, place) in enumerate(zip(waiting, places, strict=True)):
        times = Counter(columns[column] for column in made[:, row].tolist())
        agent = columns[made[0, row]]
        at, p = w.request.eligible.ids.index(agent), times[agent] / (1 + redraws)
        found[place] = Assigned(
            w.call_id,
            agent,
            None,
            float(scores[row].predictions.mean[at]),
            float(scores[row].predictions.sd[at]),
            p if redraws else None,
            math.sqrt(max(p * (1.0 - p), 0.25 / (1 + redraws)) / (1 + redraws)) if redraws else None,
            _ranking(w.request, scores[row], agent, {name: count / (1 + redraws) for name, count in times.items()}, policy, seed),
        )
    return found


def _ranking(request: RankRequest, scores: Scores, agent: str, shares: Mapping[str, float], policy: Policy, seed: int) -> Ranking:
    ids, model = request.eligible.ids, scores.model
    chances = np.array([shares.get(name, 0.0) for name in ids])
    order = np.lexsort((-chances, np.array(ids) != agent))
    predicted = (chances[order], scores.predictions.mean[order], scores.predictions.sd[order], scores.penalty[order])
    basis = scores.belief.sources or frozenset({Source.PRIOR})
    entries = Entries([ids[i] for i in order.tolist()], *predicted)
    return Ranking(entries, basis, policy.version, seed, learned_through=model.through, learned_calls=model.calls, assigned=True)


def _matrix(
    waiting: Sequence[Waiting], scores: Sequence[Scores], columns: Sequence[str], column_of: Mapping[str, int]
) -> tuple[Float, Float]:
    """Score without draw, and spread, of every call (row) with every free slot (column)."""
    base = np.full((len(waiting), len(columns)), -IMPOSSIBLE)
    spread = np.zeros_like(base)
    width = Counter(columns)
    for row, (w, s) in enumerate(zip(waiting, scores, strict=True)):
        value = s.predictions.mean - s.penalty - TIER_COST * s.tier
        for i, agent in enumerate(w.request.eligible.ids):
            at = column_of.get(agent)
            if at is not None:
                to = at + width[agent]
                base[row, at:to] = value[i]
                spread[row, at:to] = s.spread[i]
    return base, spread
