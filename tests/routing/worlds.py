"""Small made-up queues with known truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simpatico.routing.observations import DEFAULT_AXES, Observations
from simpatico.routing.types import Agent, AxisBelief, Candidate, Observation, RankRequest, Source, StyleBelief


def belief(assertiveness: float, responsiveness: float, sd: float = 0.6, source: Source | None = None) -> StyleBelief:
    """A belief on the two shipped axes."""
    axes = tuple(AxisBelief(name, mean, sd) for name, mean in zip(DEFAULT_AXES, (assertiveness, responsiveness), strict=True))
    return StyleBelief(axes, frozenset({source} if source else ()))


@dataclass(frozen=True)
class Truth:
    """What a queue was made with; ``agents`` is [A, 3]: level and slopes."""

    agents: NDArray[np.float64]
    reasons: NDArray[np.float64]
    cells: NDArray[np.float64]
    rows: tuple[Observation, ...]


def queue(
    seed: int,
    *,
    agents: int = 12,
    calls: int = 600,
    reasons: int = 3,
    level: float = 0.06,
    style: Sequence[float] = (0.06, 0.06),
    cell: float = 0.03,
    noise: float = 0.12,
) -> Truth:
    """Draw a queue from the outcome model itself."""
    rng = np.random.default_rng(seed)
    b = rng.normal(size=(agents, 3)) * np.array((level, *style))
    rho, omega = rng.normal(size=reasons) * 0.05, rng.normal(size=(agents, reasons)) * cell
    rows = []
    for _ in range(calls):
        a, r, m = int(rng.integers(agents)), int(rng.integers(reasons)), rng.normal(size=2) * 0.8
        u = 0.55 + 0.03 * m[0] - 0.02 * m[1] + rho[r] + b[a] @ np.array((1.0, *m)) + omega[a, r] + noise * rng.normal()
        rows.append(Observation(f"a{a}", f"r{r}", belief(*m), float(np.clip(u, 0.0, 1.0))))
    return Truth(b, rho, omega, tuple(rows))


def learned(truth: Truth) -> Observations:
    """The sums of a queue's rows."""
    return Observations.rebuilt(truth.rows)


def candidates(count: int, **load: object) -> tuple[Candidate, ...]:
    """Agents a0, a1, ... in neutral order."""
    return tuple(Candidate(Agent(f"a{i}"), **load) for i in range(count))  # type: ignore[arg-type]


def request(count: int = 12, **fields: object) -> RankRequest:
    """A call for a queue of :func:`queue`."""
    given = {"candidates": candidates(count), "reason": "r1", "live": belief(1.0, -1.0, source=Source.LIVE), **fields}
    return RankRequest("q", **given)  # type: ignore[arg-type]
