"""Evidence fusion: closed forms, invariants and refusals."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simpatico.style.posterior import AxisPosterior, AxisPrior, fuse, orthant_probabilities, probability_positive
from simpatico.types import AxisEstimate

QUADRANTS = {
    "driving": {"assertiveness": 1, "responsiveness": -1},
    "expressive": {"assertiveness": 1, "responsiveness": 1},
    "amiable": {"assertiveness": -1, "responsiveness": 1},
    "analytical": {"assertiveness": -1, "responsiveness": -1},
}
numbers = st.floats(-5.0, 5.0)
evidence = st.lists(st.tuples(numbers, st.floats(0.0, 4.0)), max_size=8)


def test_one_observation_against_the_textbook() -> None:
    # theta ~ N(0, 1), z = 0.5 theta + e, e ~ N(0, 0.75), z = 2: precision 1 + 0.25/0.75 = 4/3, mean (0.5 * 2 / 0.75) / (4/3) = 1.
    result = fuse([0.5 * 2.0 / 0.75], [0.25 / 0.75])
    assert result.mean == pytest.approx(1.0, abs=1e-15)
    assert result.sd == pytest.approx(math.sqrt(3.0 / 4.0), abs=1e-15)


def test_product_with_a_profile_against_the_textbook() -> None:
    # N(1, 0.5**2) x a likelihood of mean 3 and precision 4 = N(2, 1/8).
    result = fuse([12.0], [4.0], prior=AxisPrior(1.0, 0.5))
    assert result.mean == pytest.approx(2.0, abs=1e-15)
    assert result.sd == pytest.approx(math.sqrt(1.0 / 8.0), abs=1e-15)


def test_no_evidence_is_the_prior() -> None:
    assert fuse([], []) == AxisPosterior(0.0, 1.0, ())
    assert fuse([0.0], [0.0], prior=AxisPrior(0.7, 0.4)) == AxisPosterior(0.7, 0.4, (0.0,))


@given(evidence, numbers, st.floats(0.05, 3.0))
def test_contributions_sum_to_the_way_travelled(parts: list[tuple[float, float]], prior_mean: float, prior_sd: float) -> None:
    result = fuse([s for s, _ in parts], [i for _, i in parts], prior=AxisPrior(prior_mean, prior_sd))
    assert math.fsum(result.contributions) == pytest.approx(result.mean - prior_mean, abs=1e-12)


@given(evidence, st.tuples(numbers, st.floats(1e-6, 4.0)))
def test_more_evidence_is_a_smaller_sd(parts: list[tuple[float, float]], more: tuple[float, float]) -> None:
    before = fuse([s for s, _ in parts], [i for _, i in parts])
    longer = [*parts, more]
    assert fuse([s for s, _ in longer], [i for _, i in longer]).sd < before.sd


@given(evidence, evidence, numbers, st.floats(0.05, 3.0))
def test_two_calls_in_turn_equal_both_at_once(
    first: list[tuple[float, float]], second: list[tuple[float, float]], mean: float, sd: float
) -> None:
    between = fuse([s for s, _ in first], [i for _, i in first], prior=AxisPrior(mean, sd))
    in_turn = fuse([s for s, _ in second], [i for _, i in second], prior=AxisPrior(between.mean, between.sd))
    at_once = fuse([s for s, _ in first + second], [i for _, i in first + second], prior=AxisPrior(mean, sd))
    assert in_turn.mean == pytest.approx(at_once.mean, abs=1e-9)
    assert in_turn.sd == pytest.approx(at_once.sd, abs=1e-9)


def test_probability_positive_at_known_points() -> None:
    assert probability_positive(0.0, 0.3) == 0.5
    assert probability_positive(1.959963984540054, 1.0) == pytest.approx(0.975, abs=1e-12)
    assert probability_positive(-20.0, 1.0) == pytest.approx(2.753624118606234e-89, rel=1e-9)  # 1 - Phi(20) would be 0


@given(numbers, numbers, st.floats(0.01, 1.0), st.floats(0.01, 1.0))
def test_probabilities_sum_to_one_and_mirror(a: float, r: float, sd_a: float, sd_r: float) -> None:
    def quadrants(mean_a: float, mean_r: float) -> dict[str, float]:
        return orthant_probabilities(
            {"assertiveness": AxisPosterior(mean_a, sd_a, ()), "responsiveness": AxisPosterior(mean_r, sd_r, ())}, QUADRANTS
        )

    here, opposite = quadrants(a, r), quadrants(-a, -r)
    assert sum(here.values()) == pytest.approx(1.0, abs=1e-12)
    for one, other in (("driving", "amiable"), ("expressive", "analytical")):
        assert here[one] == pytest.approx(opposite[other], abs=1e-15)


def test_the_prior_gives_every_quadrant_a_quarter() -> None:
    prior = AxisPosterior(0.0, 1.0, ())
    assert orthant_probabilities({"assertiveness": prior, "responsiveness": prior}, QUADRANTS) == dict.fromkeys(QUADRANTS, 0.25)


def test_three_axes_have_eight_octants() -> None:
    labels = {"".join("-+"[s > 0] for s in signs): dict(zip("abc", signs, strict=True)) for signs in itertools.product((-1, 1), repeat=3)}
    posteriors = {"a": AxisPosterior(1.0, 1.0, ()), "b": AxisPosterior(0.0, 1.0, ()), "c": AxisPosterior(-2.0, 1.0, ())}
    found = orthant_probabilities(posteriors, labels)
    assert sum(found.values()) == pytest.approx(1.0, abs=1e-12)
    assert found["++-"] == pytest.approx(0.8413447460685429 * 0.5 * 0.9772498680518208, abs=1e-12)


@pytest.mark.parametrize(
    ("mean", "sd", "match"),
    [
        (math.nan, 1.0, "mean of a prior must be finite, got nan"),
        (0.0, 0.0, r"sd of a prior must be a finite number above 0, got 0\.0"),
        (0.0, math.inf, "sd of a prior must be a finite number above 0, got inf"),
    ],
)
def test_impossible_priors_are_refused(mean: float, sd: float, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        AxisPrior(mean, sd)


def test_what_a_call_says_about_the_next() -> None:
    axis = AxisEstimate("a", 1.0, 0.6)
    prior = AxisPrior.from_estimate(axis, stability=0.5)
    assert prior.mean == pytest.approx(0.5)
    assert prior.sd == pytest.approx(math.sqrt(0.25 * 0.36 + 0.75))
    assert AxisPrior.from_estimate(axis, stability=0.0) == AxisPrior()
    assert AxisPrior.from_estimate(axis, stability=1.0).sd == pytest.approx(0.6)
    with pytest.raises(ValueError, match=r"between 0 and 1, got 1\.5"):
        AxisPrior.from_estimate(axis, stability=1.5)


def test_malformed_evidence_is_refused() -> None:
    with pytest.raises(ValueError, match="of one length, got 2 and 1"):
        fuse([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="must not be negative"):
        fuse([1.0], [-0.5])
