"""Joining beliefs, against densities multiplied on a grid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simpatico.routing.belief import combine, live_belief, population
from simpatico.routing.types import AxisBelief, Source, StyleBelief
from simpatico.types import AxisEstimate, Reason, StyleEstimate

AXES = ("x",)


def one(mean: float, sd: float, source: Source) -> StyleBelief:
    return StyleBelief((AxisBelief("x", mean, sd),), frozenset({source}))


@given(st.floats(-2, 2), st.floats(0.3, 0.99), st.floats(-2, 2), st.floats(0.3, 1.0))
def test_the_populations_prior_is_counted_once(live_mean: float, live_sd: float, profile_mean: float, profile_sd: float) -> None:
    x = np.linspace(-12, 12, 48_001)
    log = -((x - live_mean) ** 2) / (2 * live_sd**2) - (x - profile_mean) ** 2 / (2 * profile_sd**2) + x**2 / 2
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    joined = combine(one(live_mean, live_sd, Source.LIVE), one(profile_mean, profile_sd, Source.PROFILE), AXES).axes[0]
    assert joined.mean == pytest.approx(float(weight @ x), abs=1e-3)  # the grid's step
    assert joined.sd == pytest.approx(float(np.sqrt(weight @ (x - weight @ x) ** 2)), abs=1e-3)


def test_one_source_alone_is_itself_and_none_is_the_population() -> None:
    live, profile = one(0.4, 0.7, Source.LIVE), one(-0.4, 0.9, Source.PROFILE)
    assert combine(None, profile, AXES) == profile
    alone = combine(live, None, AXES)
    assert (alone.axes[0].mean, alone.axes[0].sd) == pytest.approx((0.4, 0.7))
    assert alone.sources == {Source.LIVE}
    assert combine(None, None, AXES) == population(AXES)
    assert population(AXES).sources == frozenset()


def test_axes_are_the_models_and_in_its_order() -> None:
    live = StyleBelief((AxisBelief("other", 2.0, 0.5), AxisBelief("x", 1.0, 0.5)), frozenset({Source.LIVE}))
    joined = combine(live, None, ("y", "x"))
    assert [(a.name, a.sd) for a in joined.axes] == [("y", 1.0), ("x", pytest.approx(0.5))]


def test_a_live_axis_without_evidence_changes_nothing() -> None:
    profile = one(0.4, 0.7, Source.PROFILE)
    assert combine(one(1.0, 1.0, Source.LIVE), profile, AXES).axes == profile.axes


def test_style_of_a_call_becomes_a_belief_when_there_is_any() -> None:
    axes = (AxisEstimate("x", 0.3, 0.9),)
    assert live_belief(StyleEstimate(axes, {}, "undetermined", 12.0)) == one(0.3, 0.9, Source.LIVE)
    assert live_belief(StyleEstimate(axes, {}, "undetermined", 0.0, Reason.NO_SPEECH)) is None
