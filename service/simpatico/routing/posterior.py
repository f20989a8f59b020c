"""The outcome model: how well each agent does with a caller of a given style and reason, shrunk where little is known.

Everything that turns sums into beliefs about agents lives here. The utility of a call with agent a, reason r and believed style m is::

    u = phi'theta + rho_r + phi'b_a + omega_ar + e        phi = (1, m_1 .. m_K),  e ~ N(0, sigma**2 / w)

    theta     queue: level, and what style does to the outcome whoever answers       wide normal prior
    rho_r     reason: some matters are harder                                        N(0, tau_reason**2)
    b_a       agent: level N(0, tau_agent**2), slope per axis N(0, tau_style_k**2)
    omega_ar  agent with that reason                                                 N(0, tau_cell**2)

A linear mixed model: agent x style is shrunk to the agent, the agent to the queue, by as much as the data say. It is solved exactly, in
three eliminations: cells into agents (rank one), agents into the queue (P x P blocks), the queue by one dense solve. The SDs are found
by :mod:`simpatico.routing.variance`.

**The compatibility prior.** "Match responsiveness, complement assertiveness" needs the agent's own style, which is never measured. What
of it needs no such measurement is kept. Suppose that an agent has a way of dealing with people, z, and the call suffers with the
distance between the caller's style and the one that suits that way: -k_r (m_r - z_r)**2 on responsiveness (like goes with like), -k_a
(m_a + z_a)**2 on assertiveness (opposites). Expanded, the only terms in which agent and style meet are 2 k_r z_r m_r - 2 k_a z_a m_a. So
for z ~ N(0, 1) each axis gives an agent's outcomes a slope of its own, mean 0, SD 2 k, and no axis of the caller meets another of the
agent. That is ``tau_style`` per axis and its diagonal prior. Who suits whom is then learned from outcomes alone.

References
----------
Henderson, C. R. (1975). Best linear unbiased estimation and prediction under a selection model. Biometrics 31(2), 423-447.
Gelman, A. & Hill, J. (2007). Data Analysis Using Regression and Multilevel/Hierarchical Models, chapters 12 and 13.
Dryer, D. C. & Horowitz, L. M. (1997). When do opposites attract? Journal of Personality and Social Psychology 72(3), 592-603.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from simpatico import core
from simpatico.errors import ModelStateError
from simpatico.routing.observations import Observations

__all__ = ["MAX_REASONS", "OTHER_REASON", "Posterior", "Predictions", "Spreads", "solve"]

MAX_REASONS = 32
"""Reasons with an effect of their own; rarer ones are pooled. It bounds the dense solve and the work of a ranking."""
OTHER_REASON = ""
"""Calls whose reason is not known, or too rare."""
LEVEL_PRIOR = (0.6, 0.3)
"""Mean and SD of a queue's mean utility before any outcome: most calls are resolved, most ratings are above the middle. A day's calls
overrule it."""
STYLE_PRIOR_SD = 0.15
"""SD of what style does to the outcome of a queue whoever answers: it cancels in every comparison of agents."""
SMALLEST_SPREAD = 1e-4
"""Keeps precisions finite; a ten-thousandth of the utility scale is no difference."""

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Spreads:
    """The SDs of the model, in units of utility, all above 0.

    Attributes
    ----------
    noise
        Of one call's utility about its expectation.
    agent, cell, reason
        Of agents' levels, of an agent's level with one reason, of reasons.
    style
        Of agents' slopes per SD of each axis. Before any data: 0.05 per axis, so that the best of ten agents for a caller one SD out is
        some 0.08 of utility better than the average one; no call-centre study that we know of gives a figure.
    """

    noise: float = 0.35
    agent: float = 0.08
    cell: float = 0.04
    reason: float = 0.10
    style: tuple[float, ...] = (0.05, 0.05)

    def __post_init__(self) -> None:
        for value in (self.noise, self.agent, self.cell, self.reason, *self.style):
            if not (np.isfinite(value) and value > 0.0):
                raise ModelStateError(f"every spread of the outcome model must be a finite number above 0, got {value!r}", field="spreads")

    @property
    def slopes(self) -> Float:
        """Prior SD of an agent's coefficients: (level, slopes), float64 [P]."""
        spreads: Float = np.maximum(np.array((self.agent, *self.style)), SMALLEST_SPREAD)
        return spreads


@dataclass(frozen=True, slots=True)
class Predictions:
    """What the model expects of some agents for one call; arrays have one entry per agent asked for, in that order.

    Attributes
    ----------
    mean, sd
        Posterior of the expected utility.
    contrast_sd
        SD of how far it lies from what is common to all agents asked for: what is uncertain about the queue as a whole moves no agent
        ahead.
    baseline
        Expected utility of an average agent.
    level, cell
        What of ``mean`` is the agent's own level, and theirs with this reason.
    slopes
        float64 [agents, K]: slope of the agent on each axis.
    calls, cell_calls
        Weighted calls behind ``level`` and ``slopes``, and behind ``cell``.
    """

    mean: Float
    sd: Float
    contrast_sd: Float
    baseline: float
    level: Float
    cell: Float
    slopes: Float
    calls: Float
    cell_calls: Float


@dataclass(frozen=True, eq=False)
class Posterior:
    """The solved model of one queue; frozen, so a ranking may read it while a newer one is being solved. Shapes: A agents, P = 1 + K, G
    = P + reasons.

    Row A of every agents' array is an agent of whom nothing is known. ``through`` is the number of the last report of an outcome among
    those that it was learned from, 0 where reports have no numbers.
    """

    axes: tuple[str, ...]
    spreads: Spreads
    calls: int
    agents: dict[str, int]
    reasons: dict[str, int]
    cell_at: NDArray[np.intp]  # [A + 1, reasons]: index into the cells' arrays; the last of them is an empty cell
    queue_mean: Float  # [G]
    queue_cov: Float  # [G, G]
    agent_mean: Float  # [A + 1, P], at queue_mean
    agent_cov: Float  # [A + 1, P, P], given the queue
    agent_pull: Float  # [A + 1, P, G]: d agent_mean / d queue, negated
    agent_calls: Float  # [A + 1]
    cell_phi: Float  # [cells + 1, P]: sum w phi
    cell_y: Float  # [cells + 1]: sum w u
    cell_shrink: Float  # [cells + 1]: tau**2 / (sigma**2 + n tau**2)
    cell_sd: Float  # [cells + 1]
    through: int = 0

    @cached_property
    def finite(self) -> bool:
        """Whether every figure is usable; a ranking asks this first and is neutral otherwise."""
        parts = (self.queue_mean, self.queue_cov, self.agent_mean, self.agent_cov, self.cell_y)
        return all(bool(np.isfinite(part).all()) for part in parts)

    def rows(self, agent_ids: Sequence[str]) -> NDArray[np.intp]:
        """Index of each agent into the agents' arrays."""
        unknown = len(self.agents)
        return np.fromiter((self.agents.get(agent, unknown) for agent in agent_ids), np.intp, len(agent_ids))

    def predict(self, rows: NDArray[np.intp], phi: Float, reason: str) -> Predictions:
        """Expected utility of giving a call to each of some agents.

        Parameters
        ----------
        rows
            From :meth:`rows`.
        phi
            From :func:`simpatico.routing.observations.design`, float64 [P].
        reason
            A reason without outcomes counts as an average one.
        """
        column = self.reasons.get(reason)
        mean, sd, contrast_sd, level, cell, calls, cell_calls, *slopes = core.expect(self.in_rows, rows.astype(np.int64), phi, column)
        baseline = float(phi @ self.queue_mean[: phi.size])
        if column is not None:
            baseline += float(self.queue_mean[phi.size + column])
        by_axis = np.stack(slopes, axis=1) if slopes else np.zeros((rows.size, 0))
        return Predictions(mean, sd, contrast_sd, baseline, level, cell, by_axis, calls, cell_calls)

    @cached_property
    def in_rows(self) -> core.Model:
        """All that predictions need, in the order in which they read it."""
        count, terms, width = self.agent_pull.shape
        root = _root(self.queue_cov)
        reach = (np.eye(terms, width) - self.agent_pull) @ root
        flat = (self.agent_mean, self.agent_cov.reshape(count, -1), reach.reshape(count, -1), self.agent_calls[:, None])
        cells = (self.cell_phi, self.cell_y[:, None], self.cell_shrink[:, None], self.cell_sd[:, None] ** 2)
        return core.Model(np.hstack(flat), np.hstack(cells), self.queue_mean, root, np.ascontiguousarray(self.cell_at, np.int64))


def _root(covariance: Float) -> Float:
    """A matrix whose product with its own transpose is the covariance; what rounding made negative counts as 0."""
    values, vectors = np.linalg.eigh(covariance)
    root: Float = np.ascontiguousarray(vectors * np.sqrt(np.maximum(values, 0.0)))
    return root


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """Sums by (agent, reason) after rare reasons were pooled."""

    agents: dict[str, int]
    reasons: dict[str, int]
    agent: NDArray[np.intp]
    reason: NDArray[np.intp]
    gram: Float
    cross: Float
    square: Float


def _gather(observations: Observations) -> _Cells:
    """Pool rare reasons, and number agents and reasons in order of their names, so that arrival order does not matter."""
    by_reason: dict[str, float] = defaultdict(float)
    for (_, reason), weight in zip(observations.keys, observations.gram[:, 0, 0], strict=True):
        by_reason[reason] += float(weight)
    common = sorted(by_reason, key=lambda name: (-by_reason[name], name))[: MAX_REASONS - 1]
    kept = {reason: reason if reason in common else OTHER_REASON for reason in by_reason}
    agents = {name: i for i, name in enumerate(sorted({agent for agent, _ in observations.keys}))}
    reasons = {name: i for i, name in enumerate(sorted(set(kept.values())))}
    pooled: dict[tuple[int, int], list[int]] = defaultdict(list)
    for i, (agent, reason) in enumerate(observations.keys):
        pooled[agents[agent], reasons[kept[reason]]].append(i)
    order = sorted(pooled)
    pick = np.array([i for key in order for i in pooled[key]], dtype=np.intp)
    starts = np.cumsum([0, *(len(pooled[key]) for key in order)])[:-1].astype(np.intp)
    gram, cross, square = (
        np.add.reduceat(part[pick], starts, axis=0) for part in (observations.gram, observations.cross, observations.square)
    )
    agent, reason = np.array(order, dtype=np.intp).T
    every = {name: reasons[kept[name]] for name in by_reason}
    return _Cells(agents, every, agent, reason, gram, cross, square)


def solve(observations: Observations, spreads: Spreads | None = None) -> Posterior | None:
    """Solve the model for given SDs.

    Returns
    -------
    Posterior or None
        None when nothing has been learned yet.

    Raises
    ------
    ModelStateError
        When the spreads are for another number of axes, or the sums cannot be those of any calls.
    """
    spreads = spreads or Spreads(style=(Spreads().style[0],) * len(observations.axes))
    if len(spreads.style) != len(observations.axes):
        raise ModelStateError(f"{len(observations.axes)} axes need as many style spreads, got {spreads.style!r}", field="spreads")
    if observations.calls <= 0:
        return None
    cells = _gather(observations)
    terms = 1 + len(observations.axes)
    width = terms + max(cells.reasons.values()) + 1
    count, tau = len(cells.agents), max(spreads.cell, SMALLEST_SPREAD)
    noise = spreads.noise**2
    n, phi, y = cells.gram[:, 0, 0], cells.gram[:, :, 0], cells.cross[:, 0]
    shrink = tau**2 / (noise + n * tau**2)
    gram = (cells.gram - shrink[:, None, None] * phi[:, :, None] * phi[:, None, :]) / noise
    cross = (cells.cross - shrink[:, None] * phi * y[:, None]) / noise

    blocks, coupling, right = _agents(cells, gram, cross, width, spreads)
    precision, target = _queue(cells, gram, cross, width, spreads)
    agent_cov = _inverse(blocks)
    pull = agent_cov @ coupling
    precision -= np.einsum("apg,aph->gh", coupling, pull, optimize=True)
    target -= np.einsum("apg,ap->g", pull, right)
    queue_cov = _inverse(precision)
    queue_mean = queue_cov @ target
    agent_mean = np.einsum("apq,aq->ap", agent_cov, right) - pull @ queue_mean
    weight = np.zeros(count + 1)
    np.add.at(weight, cells.agent, n)
    cell_at = np.full((count + 1, width - terms), n.size, dtype=np.intp)
    cell_at[cells.agent, cells.reason] = np.arange(n.size)
    return Posterior(
        axes=observations.axes,
        spreads=spreads,
        calls=observations.calls,
        agents=cells.agents,
        reasons=cells.reasons,
        cell_at=cell_at,
        queue_mean=queue_mean,
        queue_cov=(queue_cov + queue_cov.T) / 2.0,
        agent_mean=agent_mean,
        agent_cov=agent_cov,
        agent_pull=pull,
        agent_calls=weight,
        cell_phi=np.vstack([phi, np.zeros(terms)]),
        cell_y=np.append(y, 0.0),
        cell_shrink=np.append(shrink, tau**2 / noise),
        cell_sd=np.append(np.sqrt(shrink * noise), tau),
    )


def _inverse(matrices: Float) -> Float:
    """Inverse of precisions, which are positive definite unless something was forgotten that was never learned."""
    try:
        np.linalg.cholesky(matrices)
        inverse: Float = np.linalg.inv(matrices).astype(np.float64, copy=False)
    except np.linalg.LinAlgError as exc:
        raise ModelStateError("the sums of the outcome model contradict one another: rebuild them from the outcome rows") from exc
    return inverse


def _agents(cells: _Cells, gram: Float, cross: Float, width: int, spreads: Spreads) -> tuple[Float, Float, Float]:
    """The agents' blocks: precision of b_a given the queue, its coupling to the queue, its right-hand side; the last is an unknown's."""
    count, terms = len(cells.agents), cross.shape[1]
    blocks = np.zeros((count + 1, terms, terms))
    np.add.at(blocks, cells.agent, gram)
    blocks += np.diag(1.0 / spreads.slopes**2)
    coupling = np.zeros((count + 1, terms, width))
    np.add.at(coupling[:, :, :terms], cells.agent, gram)
    np.add.at(coupling.transpose(0, 2, 1), (cells.agent, terms + cells.reason), gram[:, :, 0])
    right = np.zeros((count + 1, terms))
    np.add.at(right, cells.agent, cross)
    return blocks, coupling, right


def _queue(cells: _Cells, gram: Float, cross: Float, width: int, spreads: Spreads) -> tuple[Float, Float]:
    """Precision and right-hand side of the queue's coefficients (theta, rho) before agents are eliminated."""
    terms = cross.shape[1]
    sd = np.full(width, max(spreads.reason, SMALLEST_SPREAD))
    sd[:terms] = STYLE_PRIOR_SD
    sd[0] = LEVEL_PRIOR[1]
    precision = np.diag(1.0 / sd**2)
    target = np.zeros(width)
    target[0] = LEVEL_PRIOR[0] / LEVEL_PRIOR[1] ** 2
    precision[:terms, :terms] += gram.sum(axis=0)
    target[:terms] += cross.sum(axis=0)
    at = terms + cells.reason
    mixed = np.zeros((width, terms))
    np.add.at(mixed, at, gram[:, :, 0])
    precision[:, :terms] += mixed
    precision[:terms, :] += mixed.T
    np.add.at(precision, (at, at), gram[:, 0, 0])
    np.add.at(target, at, cross[:, 0])
    return precision, target
