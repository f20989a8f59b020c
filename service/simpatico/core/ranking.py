"""Arithmetic of rankings in C: what a model expects of each agent, the chance of first place, and candidates read from the wire.

What the figures mean is told where they are used: ``simpatico.routing.posterior``, ``simpatico.routing.propensity``,
``simpatico.server.routing.request_columns``. The C sources are under ``service/core``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from simpatico import _core
from simpatico.core.frames import simd_choice

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float = NDArray[np.float64]
    Int = NDArray[np.int64]

_BEFORE_SLOPES = 7
"""Rows of `expect` but for slopes."""


class Grid(NamedTuple):
    """Over which scores, and how finely, the chance of first place is integrated.

    Attributes
    ----------
    lost
        Of the largest score's probability, what the grid may miss at either end.
    reach_sd
        Whoever lies so many SDs below the grid is left out; at most 8.5.
    tail_sd
        SDs beyond which a normal has ``lost`` divided by the number of scores.
    smallest_sd_ratio
        SDs below this share of the widest are raised to it.
    steps_per_sd, least_steps
        Steps in the narrowest SD, and on the whole grid.
    """

    lost: float
    reach_sd: float
    tail_sd: float
    smallest_sd_ratio: float
    steps_per_sd: float
    least_steps: float


class Model(NamedTuple):
    """A solved outcome model in rows that are read from front to back: A agents, C cells, P coefficients, G of the queue; contiguous.

    Attributes
    ----------
    agents
        float64 [A, P + P P + P G + 1]: coefficients, their covariance given the queue, how far each moves with the queue times ``root``,
        calls.
    cells
        float64 [C, P + 3]: sum w phi, sum w u, shrinkage, variance; the last is an empty cell.
    mean, root
        float64 [G] and [G, G], of the queue; ``root root'`` is its covariance.
    cell_at
        int64 [A, G - P]: the cell of an agent with a reason.
    """

    agents: Float
    cells: Float
    mean: Float
    root: Float
    cell_at: Int


def expect(model: Model, rows: Int, phi: Float, reason: int | None) -> Float:
    """Expect the utility of giving a call to each of some agents.

    Parameters
    ----------
    model
        The outcome model.
    rows
        int64 [n], of the agents in it.
    phi
        float64 [P], the call's regressors; P of at most 16.
    reason
        Its column, or None.

    Returns
    -------
    float64 [7 + P - 1, n]
        Mean, SD, SD of the contrast with the others, the agent's level, what the cell adds, calls, calls of the cell, and the agent's slope
        on each axis.

    Raises
    ------
    ValueError
        The arrays do not fit together, or an agent is beyond them.
    """
    out = np.empty((_BEFORE_SLOPES + phi.size - 1, rows.size))
    _core.expect(*model, rows, phi, -1 if reason is None else reason, out)
    return out


def first_place(mean: Float, sd: Float, grid: Grid, *, simd: str | None = None) -> tuple[Float, tuple[float, float]]:
    """Return the probability that each of independent normal scores is the largest, and between which scores that was integrated.

    Parameters
    ----------
    mean, sd
        float64 [n], of at most 1e150, sd of at least 0. Where every sd is 0 the largest mean has it; among equals, the first.
    grid
        Over which scores.
    simd
        As for `FrameExtractor`; levels differ by rounding alone.

    Returns
    -------
    float64 [n], (float, float)
        At least 0, summing to 1; empty for no scores.

    Raises
    ------
    ValueError
        When a figure is not finite or larger, or an sd is below 0.
    ConfigError
        The SIMD level is not available here.
    """
    out = np.empty(mean.size)
    ends: tuple[float, float] = _core.first_place(np.ascontiguousarray(mean), np.ascontiguousarray(sd), out, grid, simd_choice(simd))
    return out, ends


class CandidateNames:
    """Ids of agents, by which the candidates of a request are found.

    Parameters
    ----------
    ids
        UTF-8 each; of equal ones the last is found.
    """

    def __init__(self, ids: Iterable[bytes]) -> None:
        self._names = _core.Names(ids)

    def read(self, listed: Iterable[bytes]) -> tuple[Int, Int, Float, Float, int] | None:
        """Read serialised ``Candidate`` messages.

        Returns
        -------
        at, open_calls : int64 [n]
            Which of the ids, and calls that each has.
        idle_s, occupancy : float64 [n]
            Occupancy is NaN where it is not said.
        said : int
            Of how many occupancy is said.
        None
            One is written otherwise than serialisers do, or names nobody.

        Raises
        ------
        TypeError
            An item is not bytes.
        """
        messages = tuple(listed)
        columns = np.empty((2, len(messages)), np.int64), np.empty((2, len(messages)))
        (at, open_calls), (idle_s, occupancy) = columns
        said: int = self._names.read(messages, at, open_calls, idle_s, occupancy)
        return None if said < 0 else (at, open_calls, idle_s, occupancy, said)
