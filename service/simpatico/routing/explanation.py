"""What would have changed the order: the same decision, with the same draws, without part of what was known.

An explanation by what would change the result, as a person may ask for it. Words are made at the edge; here is only which agents
would have come in which order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from simpatico.routing.policy import DEFAULT_POLICY, Policy
from simpatico.routing.posterior import Posterior
from simpatico.routing.ranking import neutral_reason
from simpatico.routing.scoring import draws, score
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
) -> tuple[Counterfactual, ...]:
    """Rank again without the profile, live evidence, all style, and load; only what there was is left out.

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
    live, profile = policy.use_live and request.live is not None, policy.use_profile and request.profile is not None
    changed: dict[Without, Policy] = {}
    if profile:
        changed[Without.PROFILE] = replace(policy, use_profile=False)
    if live:
        changed[Without.LIVE] = replace(policy, use_live=False)
    if profile or live:
        changed[Without.STYLE] = replace(policy, use_profile=False, use_live=False)
    if len(request.candidates) > 1 and (policy.load_weight or policy.idle_weight):
        changed[Without.LOAD] = replace(policy, load_weight=0.0, idle_weight=0.0)
    normals = draws(seed, len(request.candidates))
    actual = score(request, posterior, policy, normals)
    if not np.isfinite(actual.value).all():
        return ()
    first = int(actual.order[0])
    found = []
    for without, other in changed.items():
        order = score(request, posterior, other, normals).order
        change = float(actual.predictions.mean[order[0]] - actual.predictions.mean[first])
        agents = tuple(request.candidates[i].agent.agent_id for i in order[:shown].tolist())
        found.append(Counterfactual(without, agents, int(order[0]) != first, change))
    return tuple(found)
