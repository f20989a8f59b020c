"""What the outcome model holds of one agent, for them to see: how their calls went against an average agent's, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simpatico.routing.posterior import Posterior

__all__ = ["Slope", "Standing", "standing"]


@dataclass(frozen=True, slots=True)
class Slope:
    """How an agent's outcomes change with one SD of the caller's style on an axis, against an average agent's; ``sd`` of the estimate."""

    axis: str
    mean: float
    sd: float


@dataclass(frozen=True, slots=True)
class Standing:
    """An agent in a queue.

    Attributes
    ----------
    queue
        Outcomes are learned per queue.
    calls
        With a known outcome, weighted by how much of it was reported.
    level, level_sd
        Utility (0 to 1) against an average agent of the queue, for a caller of average style.
    slopes
        By axis of the model.
    """

    queue: str
    calls: float
    level: float
    level_sd: float
    slopes: tuple[Slope, ...]


def standing(queue: str, model: Posterior, agent_id: str) -> Standing | None:
    """Return what a queue's model holds of an agent, None when it has seen no call of theirs."""
    row = model.agents.get(agent_id)
    if row is None:
        return None
    pull = model.agent_pull[row]
    # What is uncertain about the queue is uncertain about the agent's distance from it, too.
    sd = np.sqrt(np.diag(model.agent_cov[row] + pull @ model.queue_cov @ pull.T))
    mean = model.agent_mean[row]
    slopes = tuple(Slope(axis, float(mean[k]), float(sd[k])) for k, axis in enumerate(model.axes, start=1))
    return Standing(queue, float(model.agent_calls[row]), float(mean[0]), float(sd[0]), slopes)
