"""The plainer influence estimator, for comparison: both tables by counts + 1/2 from their margins, the weight by EM given the tables.

Not used by the service: ``docs/decisions/0050-influence-estimator.md`` says why.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["ITERATIONS", "count_moves", "em_weights", "log_likelihood", "tables"]

ITERATIONS = 200
"""EM steps. On the conversations of the studies the weight is then within 0.02 of where EM ends, and 0.003 on average; with few moves and a
top at 0 or 1 it can be 0.2 away, as EM nears an end like one over the number of steps."""

Array = NDArray[np.float64]


def count_moves(own: NDArray[np.bool_], other: NDArray[np.bool_], shifts: NDArray[np.int64]) -> Array:
    """Return n(own before, other before, own now), float64 [m, 2, 2, 2], with ``other`` delayed in a circle by each of ``shifts`` [m]."""
    counts = np.zeros((len(shifts), 2, 2, 2))
    for row, shift in enumerate(shifts):
        before = np.roll(other, shift)[:-1]
        np.add.at(counts[row], (own[:-1].astype(int), before.astype(int), own[1:].astype(int)), 1.0)
    return counts


def tables(counts: Array) -> tuple[Array, Array]:
    """Return P(own now | own before) and P(own now | other before) for each cell, float64 [m, 2, 2, 2], from counts [m, own, other,
    now]."""
    own = counts.sum(axis=2) + 0.5
    other = counts.sum(axis=1) + 0.5
    own, other = own / own.sum(axis=2, keepdims=True), other / other.sum(axis=2, keepdims=True)
    return np.broadcast_to(own[:, :, None, :], counts.shape), np.broadcast_to(other[:, None, :, :], counts.shape)


def log_likelihood(counts: Array, weight: float) -> Array:
    """Return the log likelihood of one weight, float64 [m]; concave in the weight."""
    own, other = tables(counts)
    return np.asarray((counts * np.log((1.0 - weight) * own + weight * other)).sum(axis=(1, 2, 3)))


def em_weights(counts: Array) -> Array:
    """Return the weight by EM, float64 [m]: a <- mean over transitions of the probability that the other's table was the one that acted."""
    own, other = tables(counts)
    total = counts.sum(axis=(1, 2, 3))
    weight = np.full(len(counts), 0.5)
    for _ in range(ITERATIONS):
        a = weight[:, None, None, None]
        weight = (counts * a * other / ((1.0 - a) * own + a * other)).sum(axis=(1, 2, 3)) / total
    return weight
