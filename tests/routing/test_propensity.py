"""The probability of first place, against closed forms, finer grids and draws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.stats import norm

from simpatico.core import SIMD_VARIABLE, simd_levels
from simpatico.errors import ConfigError
from simpatico.routing import propensity
from simpatico.routing.propensity import LOST, first_place


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0.01, 0.5), st.floats(0.01, 0.5))
def test_two_agents_in_closed_form(m1: float, m2: float, s1: float, s2: float) -> None:
    got = first_place(np.array((m1, m2)), np.array((s1, s2)))
    assert got[0] == pytest.approx(norm.cdf((m1 - m2) / math.hypot(s1, s2)), abs=1e-6)


def test_equals_share_alike() -> None:
    np.testing.assert_allclose(first_place(np.full(7, 0.3), np.full(7, 0.1)), np.full(7, 1 / 7), atol=1e-9)


@pytest.mark.parametrize(("count", "ratio"), [(3, 1), (20, 3), (20, 10), (20, 60), (300, 3), (1000, 10)])
def test_the_stated_error_holds_against_a_grid_ten_times_finer(monkeypatch: pytest.MonkeyPatch, count: int, ratio: float) -> None:
    rng = np.random.default_rng(count)
    mean, sd = rng.normal(size=count) * 0.05, 0.1 * ratio ** -rng.random(count)
    coarse = first_place(mean, sd)
    monkeypatch.setattr(propensity, "STEPS_PER_SD", 20.0)
    monkeypatch.setattr(propensity, "LEAST_STEPS", 240)
    np.testing.assert_allclose(coarse, first_place(mean, sd), atol=1e-6)


@pytest.mark.parametrize("seed", range(12))
def test_it_holds_for_many_alike_whose_largest_spreads_less_than_any(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 3000))
    mean, sd = rng.normal(0.6, 0.08 * math.exp(rng.uniform(-5.0, 2.0)), count), np.full(count, math.exp(rng.normal(-3.0, 1.0)))
    coarse = first_place(mean, sd)
    monkeypatch.setattr(propensity, "STEPS_PER_SD", 20.0)
    monkeypatch.setattr(propensity, "LEAST_STEPS", 240)
    np.testing.assert_allclose(coarse, first_place(mean, sd), atol=1e-6)


@pytest.mark.parametrize("seed", range(12))
def test_hardly_anything_is_beyond_the_grid(seed: int) -> None:
    rng = np.random.default_rng(100 + seed)
    count = int(rng.integers(2, 1500))
    mean, sd = rng.normal(0.6, 0.08 * rng.uniform(0.01, 5.0), count), np.exp(rng.normal(-3.0, rng.uniform(0.0, 1.0), count))
    floor, top = propensity._integrated(mean, sd)[1]
    assert norm.logcdf((floor - mean) / sd).sum() <= math.log(LOST) * (1.0 - 1e-9)
    assert norm.sf((top - mean) / sd).sum() <= LOST * (1.0 + 1e-9)
    assert norm.logcdf((floor + 0.25 * (top - floor) - mean) / sd).sum() > math.log(LOST) + 1.0
    assert norm.sf((top - 0.25 * (top - floor) - mean) / sd).sum() > 10.0 * LOST


def test_draws_come_first_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    mean, sd = rng.normal(size=15) * 0.05, rng.uniform(0.02, 0.1, 15)
    p = first_place(mean, sd)
    count = 200_000
    won = np.bincount((mean + sd * rng.normal(size=(count, 15))).argmax(axis=1), minlength=15)
    chi2 = float(((won - count * p)[p > 1e-3] ** 2 / (count * p)[p > 1e-3]).sum())
    assert chi2 < 40.0  # chi squared with at most 14 degrees of freedom exceeds 40 once in 4,000


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(0, 2)), max_size=40))
@example([(0.0, 0.0), (0.0, 2.2e-309)])
@example([(0.0, 0.0), (0.0, 5e-324)])
@example([(0.0, 0.0), (0.0, 2e-306), (1e-308, 1e-306)])
def test_it_is_a_distribution(pairs: list[tuple[float, float]]) -> None:
    mean, sd = np.array([m for m, _ in pairs], dtype=float), np.array([s for _, s in pairs], dtype=float)
    p = first_place(mean, sd)
    assert (p >= 0.0).all()
    assert p.sum() == pytest.approx(1.0 if pairs else 0.0)


def test_without_spread_the_best_has_it_and_among_equals_the_first() -> None:
    assert first_place(np.array((0.1, 0.3, 0.3)), np.zeros(3)).tolist() == [0.0, 1.0, 0.0]
    assert first_place(np.array((0.1,)), np.array((0.2,))).tolist() == [1.0]


def test_far_ahead_and_far_behind() -> None:
    p = first_place(np.array((0.0, 50.0, -50.0)), np.array((0.1, 0.1, 0.1)))
    np.testing.assert_allclose(p, (0.0, 1.0, 0.0), atol=1e-12)


@pytest.mark.parametrize(("mean", "sd"), [(math.nan, 0.1), (math.inf, 0.1), (0.0, math.nan), (0.0, -0.1)])
def test_figures_that_cannot_be(mean: float, sd: float) -> None:
    with pytest.raises(ValueError, match="finite and sds at least 0"):
        first_place(np.array((0.0, mean)), np.array((0.1, sd)))


@pytest.mark.parametrize("ratio", [1.0, 10.0])
@pytest.mark.parametrize("simd", simd_levels())
def test_the_definition(monkeypatch: pytest.MonkeyPatch, ratio: float, simd: str) -> None:
    monkeypatch.setenv(SIMD_VARIABLE, simd)
    rng = np.random.default_rng(8)
    for count in (2, 3, 17, 400):  # whole vectors, and not
        mean, sd = rng.normal(size=count) * 0.05, 0.1 * ratio ** -rng.random(count)
        x = np.linspace((mean - 9.0 * sd).max(), (mean + 9.0 * sd).max(), 6001)
        z = (x[:, None] - mean) / sd
        density = np.exp(norm.logpdf(z) + norm.logcdf(z).sum(axis=1, keepdims=True) - norm.logcdf(z)) / sd
        wanted = density.sum(axis=0) / density.sum()
        np.testing.assert_allclose(first_place(mean, sd), wanted, atol=1e-6)


def test_a_level_that_this_machine_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SIMD_VARIABLE, "z80")
    with pytest.raises(ConfigError, match=r"SIMPATICO_SIMD='z80' is not a SIMD level"):
        first_place(np.zeros(2), np.ones(2))
