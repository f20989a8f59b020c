"""The utility's rules, one test or more for each."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simpatico.errors import OutcomeError, RequestError
from simpatico.routing.types import Outcome
from simpatico.routing.utility import HandleNorm, Utility, UtilityWeights, fit_handle_norm, utility

NORM = HandleNorm(300.0, 0.5)
handles = st.floats(0.0, 86_400.0)
ratings = st.floats(1.0, 5.0)


@st.composite
def weightings(draw: st.DrawFn) -> UtilityWeights:
    resolved, csat = draw(st.floats(0.05, 5.0)), draw(st.just(0.0) | st.floats(1e-6, 5.0))
    return UtilityWeights(resolved, csat, draw(st.floats(0.0, 1.0)) * (resolved + csat) / 3.0)


def test_a_case_by_hand() -> None:
    # Settled, CSAT 3 -> 0.5, usual handle time -> credit 2/3: 0.5 + 0.4 x 0.5 + 0.1 x 2/3.
    got = utility(Outcome(resolved=True, csat_5=3.0, handle_s=300.0), NORM)
    assert got == Utility(pytest.approx(0.5 + 0.2 + 0.2 / 3), pytest.approx(1.0))


@given(handles)
def test_rule_1_handle_time_never_stands_alone(handle_s: float) -> None:
    assert utility(Outcome(handle_s=handle_s), NORM) is None
    assert utility(Outcome(handle_s=handle_s, bought=True), NORM) is None  # bought has no weight by default


@given(handles, handles, st.one_of(st.none(), ratings), weightings())
def test_rule_2_settled_beats_unsettled_however_long_it_took(
    slow_s: float, quick_s: float, csat: float | None, weights: UtilityWeights
) -> None:
    settled = utility(Outcome(resolved=True, csat_5=csat, handle_s=slow_s), NORM, weights)
    unsettled = utility(Outcome(resolved=False, csat_5=csat, handle_s=quick_s), NORM, weights)
    assert settled is not None
    assert unsettled is not None
    assert settled.value > unsettled.value


@given(handles, handles, ratings)
def test_rule_2_being_quick_earns_the_unsettled_and_the_unhappy_nothing(one_s: float, other_s: float, csat: float) -> None:
    assert utility(Outcome(resolved=False, csat_5=csat, handle_s=one_s), NORM) == utility(
        Outcome(resolved=False, csat_5=csat, handle_s=other_s), NORM
    )
    if csat < 4.0:
        assert utility(Outcome(csat_5=csat, handle_s=one_s), NORM) == utility(Outcome(csat_5=csat), NORM)
    else:
        weighed = utility(Outcome(csat_5=csat, handle_s=one_s), NORM)
        assert weighed is not None
        assert weighed.weight == pytest.approx(0.5)


def test_rule_3_the_credit_saturates() -> None:
    at = {z: NORM.credit(300.0 * math.exp(0.5 * z)) for z in (-9, -1, 0, 2, 9)}
    assert at == {-9: 1.0, -1: pytest.approx(1.0), 0: pytest.approx(2 / 3), 2: pytest.approx(0.0), 9: 0.0}
    assert NORM.credit(0.0) == 1.0


def test_rule_4_the_weight_of_handle_time_is_bounded() -> None:
    UtilityWeights(0.5, 0.25, 0.25)
    with pytest.raises(RequestError, match=r"handle time weighs 50% of the utility; at most 25%") as raised:
        UtilityWeights(0.3, 0.2, 0.5)
    assert raised.value.field == "handle"


@pytest.mark.parametrize("passed", [{"transferred": True}, {"repeat_contact": True}])
def test_rule_5_settled_means_settled(passed: dict[str, bool]) -> None:
    said = Outcome(resolved=True, csat_5=2.0, handle_s=60.0)
    assert utility(said.updated(Outcome(**passed)), NORM) == utility(said.updated(Outcome(resolved=False)), NORM) != utility(said, NORM)
    assert utility(Outcome(**passed)) == Utility(0.0, 0.5)


@given(
    st.builds(
        Outcome,
        resolved=st.none() | st.booleans(),
        csat_5=st.none() | ratings,
        handle_s=st.none() | handles,
        transferred=st.none() | st.booleans(),
        repeat_contact=st.none() | st.booleans(),
        bought=st.none() | st.booleans(),
    ),
    weightings(),
)
def test_always_between_0_and_1_and_weight_is_the_share_known(outcome: Outcome, weights: UtilityWeights) -> None:
    got = utility(outcome, NORM, weights)
    if got is not None:
        assert 0.0 <= got.value <= 1.0
        assert 0.0 < got.weight <= 1.0


def test_better_is_never_worse() -> None:
    base = Outcome(resolved=True, csat_5=3.0, handle_s=400.0)
    values = [utility(base.updated(Outcome(csat_5=c)), NORM) for c in (1.0, 2.0, 3.0, 4.0, 5.0)]
    assert [v.value for v in values if v] == sorted(v.value for v in values if v)


@pytest.mark.parametrize("weights", [(0.0, 0.0, 0.0, 0.0), (-1.0, 2.0, 0.0, 0.0), (math.nan, 1.0, 0.0, 0.0), (math.inf, 1.0, 0.0, 0.0)])
def test_weights_that_cannot_be(weights: tuple[float, float, float, float]) -> None:
    with pytest.raises(RequestError, match="weight"):
        UtilityWeights(*weights)


def test_norms_are_recovered_and_need_calls() -> None:
    times = np.exp(np.random.default_rng(0).normal(math.log(240.0), 0.4, 4_000))
    norm = fit_handle_norm(times.tolist())
    assert norm is not None
    assert norm.median_s == pytest.approx(240.0, rel=0.03)  # standard error 0.8 %
    assert norm.spread == pytest.approx(0.4, rel=0.06)
    assert fit_handle_norm([300.0] * 19) is None
    constant = fit_handle_norm([300.0] * 20)
    assert constant is not None
    assert (constant.median_s, constant.spread) == (pytest.approx(300.0), 0.05)
    assert fit_handle_norm([]) is None


@pytest.mark.parametrize("bad", [math.nan, -1.0, math.inf])
def test_norms_of_hostile_times(bad: float) -> None:
    with pytest.raises(OutcomeError, match="handle_s must be finite and at least 0"):
        fit_handle_norm([300.0] * 30 + [bad])
    with pytest.raises(RequestError, match="median_s"):
        HandleNorm(bad, 0.5)
