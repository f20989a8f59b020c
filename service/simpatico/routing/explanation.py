"""What would have changed the order: the same decision, with the same draws, without part of what was known.

An explanation by what would change the result, as a person may ask for it. Words are made at the edge; here is only which agents
would have come in which order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from simpatico.routing.policy import DEFAULT_POLICY, Policy
from simpatico.routing.posterior import Posterior
from simpatico.routing.ranking import neutral_reason
from simpatico.routing.scoring import Scores, draws, rescore, score
from simpatico.routing.types import BlockArm, RankRequest

__all__ = ["Counterfactual", "Without", "counterfactuals"]


class Without(StrEnum):
    """What is left out. The strings are part of the JSON and gRPC contract."""

    PROFILE = "profile"
    LIVE = "live_evidence"
    STYLE = "style"
    LOAD = "load"


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """The order without something.

    Attributes
    ----------
    without
        What was left out.
    agent_ids
        The first agents that there would have been, best first.
    first_changes
        Whether another agent would have come first.
    utility_change
        Expected utility, by all that is known, of the agent who would have come first, minus that of the one who did.
    """

    without: Without
    agent_ids: tuple[str, ...]
    first_changes: bool
    utility_change: float


def counterfactuals(
    request: RankRequest,
    posterior: Posterior | None,
    policy: Policy = DEFAULT_POLICY,
    *,
    seed: int,
    block: BlockArm | None = None,
    shown: int = 3,
    actual: Scores | None = None,
) -> tuple[Counterfactual, ...]:
    """Rank again without the profile, live evidence, all style, and load; only what there was is left out.

    Parameters
    ----------
    request, posterior, policy, seed, block
        Of the decision.
    shown
        Agents of each order.
    actual
        The decision's own scores, when they are at hand: it is not scored again then.

    Returns
    -------
    tuple of Counterfactual
        Empty when the decision was neutral: nothing of the caller was used.

    Raises
    ------
    NoCandidatesError
        When nobody is eligible.
    """
    if neutral_reason(request, posterior, policy, block) is not None or posterior is None:
        return ()
    actual = actual or score(request, posterior, policy, draws(seed, len(request.candidates)))
    if not np.isfinite(actual.value).all():
        return ()
    agents, first = request.eligible.agents, int(actual.order[0])
    found = []
    for without, other in _scored_without(request, policy, actual):
        order = other.first(shown)
        change = float(actual.predictions.mean[order[0]] - actual.predictions.mean[first])
        found.append(Counterfactual(without, tuple(agents[i].agent_id for i in order), order[0] != first, change))
    return tuple(found)


def _scored_without(request: RankRequest, policy: Policy, actual: Scores) -> Iterator[tuple[Without, Scores]]:
    """Yield the scores without each thing that there was. What beliefs do not differ in is not computed twice."""
    live, profile = policy.use_live and request.live is not None, policy.use_profile and request.profile is not None
    plain = rescore(request, replace(policy, use_live=False, use_profile=False), actual) if live or profile else actual
    if profile:
        yield Without.PROFILE, rescore(request, replace(policy, use_profile=False), actual) if live else plain
    if live:
        yield Without.LIVE, rescore(request, replace(policy, use_live=False), actual) if profile else plain
    if live or profile:
        yield Without.STYLE, plain
    if len(request.candidates) > 1 and (policy.load_weight or policy.idle_weight):
        yield Without.LOAD, replace(actual, penalty=np.zeros_like(actual.penalty))
