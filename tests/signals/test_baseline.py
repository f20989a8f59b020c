"""The plainer influence estimator of the benches (EM), so that what is said about it is true."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bench.simulation.baseline import ITERATIONS, count_moves, em_weights, log_likelihood
from bench.simulation.timing import FOLLOW, YIELD, Coupling, influence_ticks

GRID = np.linspace(0.0, 1.0, 501)

counts = arrays(np.float64, (2, 2, 2), elements=st.integers(0, 60).map(float)).filter(lambda c: c.sum() > 10)


@given(counts)
def test_the_log_likelihood_is_concave_in_the_weight(table: np.ndarray) -> None:
    values = np.array([log_likelihood(table[None], a)[0] for a in GRID[::10]])
    assert (np.diff(values, 2) <= 1e-7).all()


@settings(deadline=None)
@given(counts)
@example(np.array([[[28.0, 45.0], [36.0, 0.0]], [[51.0, 0.0], [60.0, 44.0]]]))
def test_em_reaches_the_top_of_the_likelihood(table: np.ndarray) -> None:
    """EM creeps where the top is at an end: after k steps from 1/2 it is n ln(2) / k below it at most (Csiszar & Tusnady 1984)."""
    best = max(log_likelihood(table[None], a)[0] for a in GRID[::5])
    below = best - log_likelihood(table[None], float(em_weights(table[None])[0]))[0]
    assert below <= table.sum() * np.log(2.0) / ITERATIONS


def test_moves_are_counted_with_the_other_delayed() -> None:
    own, other = np.array([1, 0, 0, 1, 1], bool), np.array([0, 1, 1, 0, 1], bool)
    expected = np.zeros((2, 2, 2))
    for t in range(1, 5):
        expected[int(own[t - 1]), int(other[(t - 1 - 2) % 5]), int(own[t])] += 1
    np.testing.assert_array_equal(count_moves(own, other, np.array([2]))[0], expected)


@pytest.mark.parametrize("a", [0.2, 0.3, 0.5])
@pytest.mark.parametrize("reaction", [YIELD, FOLLOW])
def test_em_tends_to_the_share_of_variance_and_not_of_weight(a: float, reaction: tuple[float, float]) -> None:
    """Decision 0050 on 80 000 moves, within 0.02: (r^2 + r c) / (1 + r^2 + 2 r c), r = +-a / (1 - a), c the parties' correlation."""
    own, other = influence_ticks(Coupling(a, other=reaction), Coupling(a), 801, 100, np.random.default_rng(3))
    ratio = a / (1 - a) * (1 if reaction is FOLLOW else -1)
    together = ratio * np.corrcoef(own.ravel(), other.ravel())[0, 1]
    moves = sum(count_moves(one, two, np.array([0])) for one, two in zip(own, other, strict=True))
    found = em_weights(moves)[0]
    assert found == pytest.approx((ratio**2 + together) / (1 + ratio**2 + 2 * together), abs=0.02)
