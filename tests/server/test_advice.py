"""Advice says what is likely, how likely, and otherwise that it is not known."""

from __future__ import annotations

import pytest
from scipy.stats import norm

from simpatico.routing.types import AxisBelief, StyleBelief
from simpatico.server.routing.advice import LIKELY, NOT_KNOWN, advice, probability_above


def belief(*axes: tuple[str, float, float]) -> StyleBelief:
    return StyleBelief(tuple(AxisBelief(*axis) for axis in axes))


@pytest.mark.parametrize(("mean", "sd"), [(0.0, 1.0), (0.5, 0.9), (-2.0, 0.4)])
def test_the_probability_is_the_normals(mean: float, sd: float) -> None:
    assert probability_above(AxisBelief("x", mean, sd)) == pytest.approx(norm.cdf(mean / sd))


def test_what_is_not_likely_enough_is_not_said() -> None:
    for nothing in (None, belief(), belief(("assertiveness", 0.5, 0.9), ("responsiveness", -0.3, 1.0)), belief(("charm", 3.0, 0.1))):
        assert advice(nothing) == NOT_KNOWN


@pytest.mark.parametrize(("side", "words"), [(1.0, "come to the point"), (-1.0, "leave them time")])
def test_each_side_has_its_words_and_its_probability(side: float, words: str) -> None:
    text = advice(belief(("assertiveness", side, 1.0), ("responsiveness", 0.1, 1.0)))
    assert text.startswith(f"Probably: {words}")
    assert "(84 %)" in text  # the normal's share below one SD
    assert advice(belief(("assertiveness", side * norm.ppf(LIKELY) * 0.99, 1.0))) == NOT_KNOWN


def test_both_axes_are_said_in_one_sentence() -> None:
    one, two = "leave them time, and ask before you decide anything for them", "a personal tone is welcome: take up what they say"
    assert advice(belief(("assertiveness", -2.0, 0.5), ("responsiveness", 2.0, 0.5))) == f"Probably: {one} (99 %); {two} (99 %)."
