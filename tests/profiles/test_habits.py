"""Habits: closed forms, invariants, calibration on simulated callers, newcomers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.habits import KINDS, study
from simpatico.errors import RequestError
from simpatico.profiles.habits import (
    HISTORY_CALLS,
    MIN_CALLS,
    NEW_REASON,
    THRESHOLD_BITS,
    CallTime,
    Habits,
    PastCall,
    expected_next,
    population,
    surprise,
)

MONDAY_TEN = CallTime(0, 10)
reasons = st.sampled_from(["billing", "delivery", "complaint", "renewal"])
times = st.builds(CallTime, st.integers(0, 6), st.integers(0, 23))
pasts = st.lists(st.builds(PastCall, reasons, times), max_size=30)


def same(reason: str, count: int) -> list[PastCall]:
    """Return so many calls about one thing at one time."""
    return [PastCall(reason, MONDAY_TEN)] * count


def test_nobody_known_expects_something_new() -> None:
    assert expected_next(Habits(), Habits(), MONDAY_TEN).probabilities == {NEW_REASON: 1.0}


def test_a_newcomer_is_expected_to_do_as_all_do() -> None:
    # Everyone: 6 x a, 2 x b. Counts less 1/2, and (1 + 2/2) calls' worth spread evenly over a, b and anything new, of 9 in all.
    everyone = Habits(reasons={"a": 6, "b": 2})
    expected = {"a": (5.5 + 2 / 3) / 9, "b": (1.5 + 2 / 3) / 9, NEW_REASON: 2 / 3 / 9}
    assert expected_next(Habits(), everyone, MONDAY_TEN).probabilities == pytest.approx(expected)


def test_one_reason_by_hand() -> None:
    # 12 calls, all about a, alone in the deployment: (11.5 + 4.5 / 2) / 16 to a, the rest to anything new. Chain and clock add nothing:
    # the same reason at the same time follows from either model, so their rows do not differ from the mix.
    probabilities = expected_next(Habits.of(same("a", 12)), Habits(), MONDAY_TEN).probabilities
    own = (11.5 + 4.5 * 0.5) / 16
    assert probabilities["a"] >= own - 1e-12
    assert probabilities["a"] + probabilities[NEW_REASON] == pytest.approx(1.0)


@given(pasts, pasts, times)
def test_probabilities_sum_to_one_and_every_reason_is_possible(past: list[PastCall], others: list[PastCall], time: CallTime) -> None:
    expectation = expected_next(Habits.of(past), population([Habits.of(others)]), time)
    assert math.fsum(expectation.probabilities.values()) == pytest.approx(1.0)
    assert all(p > 0.0 for p in expectation.probabilities.values())
    assert list(expectation.probabilities.values()) == sorted(expectation.probabilities.values(), reverse=True)
    assert 0.0 <= expectation.entropy_bits <= math.log2(6) + 1e-9


@given(pasts, pasts, st.builds(PastCall, reasons, times))
def test_figures_of_a_surprise_hang_together(past: list[PastCall], others: list[PastCall], call: PastCall) -> None:
    s = surprise(Habits.of(past), population([Habits.of(others)]), call)
    assert 0.0 <= s.tail_bits <= s.bits + 1e-9
    assert math.isfinite(s.bits)
    assert s.unusual == (s.tail_bits >= THRESHOLD_BITS and s.own_calls >= MIN_CALLS)


@given(pasts.filter(lambda p: len(p) < MIN_CALLS), st.text(min_size=1, max_size=20), times)
def test_a_newcomer_is_never_unusual(past: list[PastCall], reason: str, time: CallTime) -> None:
    everyone = population([Habits.of(same("billing", 200))] * 50)
    s = surprise(Habits.of(past), everyone, PastCall(reason, time))
    assert s.newcomer
    assert not s.unusual


def test_sequences_are_learned() -> None:
    past = [PastCall(reason, MONDAY_TEN) for reason in ["order", "delivery", "billing"] * 12]
    expectation = expected_next(Habits.of(past), Habits(), MONDAY_TEN)
    assert next(iter(expectation.probabilities)) == "order"
    assert expectation.probabilities["order"] > 0.8
    assert (
        surprise(Habits.of(past), Habits(), PastCall("billing", MONDAY_TEN)).bits
        > surprise(Habits.of(past), Habits(), PastCall("order", MONDAY_TEN)).bits + 2
    )


def test_the_clock_is_learned() -> None:
    rng = np.random.default_rng(1)
    past = [PastCall("pills" if hour < 12 else "taxi", CallTime(int(rng.integers(7)), hour)) for hour in rng.choice([9, 20], 60).tolist()]
    habits = Habits.of(past)
    morning, evening = (expected_next(habits, Habits(), CallTime(2, hour)).probabilities for hour in (9, 20))
    assert morning["pills"] > 0.75
    assert evening["taxi"] > 0.75


def test_against_the_own_past_not_the_population() -> None:
    everyone = population([Habits.of(same("billing", 100))] * 20)
    odd_one = Habits.of(same("complaint", 40))
    assert surprise(odd_one, everyone, PastCall("complaint", MONDAY_TEN)).bits < 0.5
    assert surprise(odd_one, everyone, PastCall("delivery", MONDAY_TEN)).unusual


def test_only_the_latest_calls_count() -> None:
    past = [*same("old", 300), *same("new", HISTORY_CALLS)]
    assert Habits.of(past) == Habits.of(same("new", HISTORY_CALLS))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_usual_is_rarely_flagged_and_a_real_change_is_found(kind: str) -> None:
    # 60 callers, 8 draws each: the standard error of a share of 5 % over callers is below 1.5 %, and the bound lies two of them above.
    shares = study(KINDS[kind], 60, 60, seed=7)
    assert np.mean(shares["usual"]) <= 0.05 + 0.03
    if shares["never before"]:
        assert np.mean(shares["never before"]) > 0.5
    newcomers = study(KINDS[kind], MIN_CALLS - 1, 10, seed=7)
    assert all(np.sum(flags) == 0 for flags in newcomers.values())


@pytest.mark.parametrize(("weekday", "hour"), [(7, 0), (-1, 0), (0, 24), (0, -1)])
def test_times_that_cannot_be(weekday: int, hour: int) -> None:
    with pytest.raises(RequestError, match="weekday must be 0 to 6 and hour 0 to 23"):
        CallTime(weekday, hour)


@pytest.mark.parametrize("reason", ["", "x" * 257])
def test_reasons_that_cannot_be(reason: str) -> None:
    with pytest.raises(RequestError, match="1 to 256 characters"):
        PastCall(reason, MONDAY_TEN)
