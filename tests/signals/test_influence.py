"""The influence estimator: against plain loops and least squares, against known truth, and where little or nothing is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from bench.simulation.build import Conversation, channel, conversation
from bench.simulation.timing import FOLLOW, Coupling, ticks_to_times
from bench.studies.influence import chain_calls, column, estimates, led_calls
from simpatico.signals.influence import MIN_SHIFT_TICKS, choose_shifts, influence
from simpatico.signals.influence_model import HISTORY_TICKS, NO_IDEA_SE, block_moves, fit, shifted_moves, weight_se
from simpatico.types import Influence, Reason, Role

Ticks = NDArray[np.bool_]


def strength_by_loops(own: Ticks, other: Ticks) -> float:
    """Return |b_j| / se(b_j) stratum by stratum, in the words of Mantel & Haenszel."""
    excess = noise = 0.0
    moments = range(HISTORY_TICKS, len(own))
    for pattern in {tuple(own[t - HISTORY_TICKS : t]) for t in moments}:
        here = [t for t in moments if tuple(own[t - HISTORY_TICKS : t]) == pattern]
        other_before, own_now = np.array([other[t - 1] for t in here], float), np.array([own[t] for t in here], float)
        chance = (own_now.sum() + 0.5) / (len(here) + 1)
        excess += ((other_before - other_before.mean()) * (own_now - own_now.mean())).sum()
        noise += np.square(other_before - other_before.mean()).sum() * chance * (1 - chance)
    return abs(excess) / noise**0.5


def weight_by_least_squares(own: Ticks, other: Ticks) -> float:
    """Return |b_j| / (|b_i| + |b_j|): b_j by ridge regression with a constant per pattern of own past, b_i by counts + 1/2.

    0 where both slopes are, as in exactly balanced counts.
    """
    moments = np.arange(HISTORY_TICKS, len(own))
    past = np.stack([own[moments - k] for k in range(1, HISTORY_TICKS + 1)]).T
    _, pattern = np.unique(past, axis=0, return_inverse=True)
    design = np.column_stack([np.eye(pattern.max() + 1)[pattern], other[moments - 1]])
    # One imagined visit with the other speaking and one with the other silent to each stratum, without difference.
    normal = design.T @ design
    normal[-1, -1] += 0.5 * 2**HISTORY_TICKS
    b_other = np.linalg.solve(normal, design.T @ own[moments])[-1]
    x, y, now = (series.astype(float) for series in (own[moments - 1], other[moments - 1], own[moments]))
    by_state = [(now[x == s].sum() + 0.5) / ((x == s).sum() + 1) for s in (0, 1)]
    b_own = by_state[1] - by_state[0] - b_other * (y[x == 1].mean() - y[x == 0].mean())
    both = abs(b_own) + abs(b_other)
    return float(abs(b_other) / both) if both > 1e-8 else 0.0


ticks = arrays(np.bool_, st.integers(12, 60))


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_fit_is_that_of_plain_loops_and_of_least_squares_at_every_shift(data: st.DataObject) -> None:
    own = data.draw(ticks)
    other = data.draw(arrays(np.bool_, len(own)))
    assume(len(set(own[HISTORY_TICKS - 1 : -1])) == 2)
    shifts = np.arange(0, len(own), 5)
    found = fit(shifted_moves(own, other, shifts))
    for row in np.flatnonzero(found.known):
        delayed = np.roll(other, shifts[row])
        assert found.strength[row] == pytest.approx(strength_by_loops(own, delayed), abs=1e-9)
        assert found.weight[row] == pytest.approx(weight_by_least_squares(own, delayed), abs=1e-6)
    assert ((found.weight >= 0) & (found.weight <= 1)).all()
    assert 0 < weight_se(own, other, found.variance[0]) <= NO_IDEA_SE + 1e-12


@given(st.data())
def test_leaving_out_a_block_is_counting_the_rest(data: st.DataObject) -> None:
    own = data.draw(arrays(np.bool_, st.integers(4, 90)))
    other = data.draw(arrays(np.bool_, len(own)))
    whole, rest = shifted_moves(own, other, np.array([0])), block_moves(own, other)
    blocks = len(rest.both)
    assert blocks == min(20, len(own) - HISTORY_TICKS)
    for name in ("visits", "spoken", "with_other", "both"):
        total, without = getattr(whole, name)[0], getattr(rest, name)
        np.testing.assert_array_equal(without.sum(axis=0), (blocks - 1) * total)
        assert (without <= total).all()
    assert np.ptp(rest.visits.sum(axis=1)) <= 1


def test_nothing_is_known_where_the_other_never_differs_at_the_same_own_past() -> None:
    own = np.array([1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1], bool)
    assert not fit(shifted_moves(own, np.roll(own, -1), np.array([0]))).known[0]


@given(st.integers(5, 3000), st.integers(1, 400), st.integers(0, 5))
def test_shifts_are_different_and_far_enough(count: int, surrogates: int, seed: int) -> None:
    shifts = choose_shifts(count, surrogates, seed)
    least = min(MIN_SHIFT_TICKS, max(1, count // 4))
    assert shifts[0] == 0
    assert 2 <= len(shifts) <= surrogates + 1
    assert len(set(shifts.tolist())) == len(shifts)
    assert shifts[1:].min() >= least
    assert (count - shifts[1:]).min() >= least


@pytest.mark.parametrize(("a", "tolerance"), [(0.1, 0.02), (0.3, 0.02), (0.5, 0.02)])
def test_a_known_weight_is_recovered(a: float, tolerance: float) -> None:
    """Ten minutes, 40 calls: the mean lies within three standard errors of the mean (0.03 / sqrt(40)) and 0.006 of bias."""
    found = estimates(chain_calls(Coupling(a), Coupling(a), 10, 40, np.random.default_rng(7)), Role.CALLER)
    assert column(found, "weight").mean() == pytest.approx(a, abs=tolerance)
    assert (column(found, "p_value") < 0.05).mean() > (0.8 if a == 0.1 else 0.99)


@pytest.mark.parametrize("a", [0.1, 0.5])
def test_the_standard_error_is_the_spread(a: float) -> None:
    """Five minutes, 120 calls: their spread is known to 6.5 %, so 20 % is three standard errors."""
    found = estimates(chain_calls(Coupling(a), Coupling(a), 5, 120, np.random.default_rng(12)), Role.CALLER)
    reported = np.sqrt(np.mean([float(one.weight.se or 0.0) ** 2 for one in found]))
    assert reported == pytest.approx(column(found, "weight").std(), rel=0.2)


def false_positives(found: list[Influence]) -> int:
    return int((column(found, "p_value") < 0.05).sum())


ALLOWED = 23
"""Of 200 at 5 %: more would happen once in 3,000 (binomial), so a failure means a change."""


@pytest.mark.parametrize("minutes", [1, 5])
def test_without_influence_few_p_values_are_small(minutes: int) -> None:
    found = estimates(chain_calls(Coupling(0.0), Coupling(0.0), minutes, 200, np.random.default_rng(8)), Role.CALLER)
    assert false_positives(found) <= ALLOWED
    assert abs(column(found, "excess").mean()) < 0.01


def test_the_follower_is_not_taken_for_the_leader() -> None:
    """The agent follows a caller of long turns who hears nobody: with one tick of own past most such calls show influence on him."""
    found = list(led_calls(Coupling(0.9), 5, 200, np.random.default_rng(9)))
    assert false_positives(estimates(found, Role.CALLER)) <= ALLOWED
    assert false_positives(estimates(found, Role.AGENT)) > 195


def test_influence_has_a_direction() -> None:
    calls = list(chain_calls(Coupling(0.0), Coupling(0.5, other=FOLLOW), 5, 40, np.random.default_rng(10)))
    caller, agent = (column(estimates(calls, role), "weight").mean() for role in (Role.CALLER, Role.AGENT))
    assert caller < 0.06
    assert agent == pytest.approx(0.5, abs=0.03)


def call_of_ticks(caller: list[int], agent: list[int]) -> Conversation:
    sides = {Role.CALLER: caller, Role.AGENT: agent}
    return conversation({role: channel(role, ticks_to_times(np.array(side, bool))) for role, side in sides.items()})


def measured(call: Conversation, surrogates: int = 199) -> dict[Role, Influence]:
    return influence(*call, seed=0, surrogates=surrogates)


def test_a_short_conversation_is_answered_with_how_little_it_says() -> None:
    rng = np.random.default_rng(1)
    caller, agent = ([1, *rng.integers(0, 2, 14).tolist(), 1] for _ in range(2))
    found = measured(call_of_ticks(caller, agent))[Role.CALLER]
    assert found.ticks == 16
    assert found.weight.se == pytest.approx(NO_IDEA_SE, abs=0.05)
    assert found.p_value.value is not None
    assert found.p_value.value * 10 == pytest.approx(round(found.p_value.value * 10))  # 9 shifts of at least 4 ticks, and the call itself.


@pytest.mark.parametrize(
    ("caller", "agent", "reason"),
    [
        ([1, 0, 1, 0], [0, 1, 0, 1], Reason.TOO_LITTLE_SPEECH),
        ([1], [1], Reason.TOO_LITTLE_SPEECH),
        ([1] * 9, [1, 0, 1, 0, 0, 1, 0, 1, 1], Reason.NO_VARIATION),
        ([1, 0, 1, 0, 0, 1, 0, 1, 1], [1] * 9, Reason.NO_VARIATION),
        ([], [1, 0, 1, 0, 1, 0, 1], Reason.NO_SPEECH),
        ([], [], Reason.NO_SPEECH),
    ],
)
def test_where_nothing_can_be_said_a_reason_says_why(caller: list[int], agent: list[int], reason: Reason) -> None:
    found = measured(call_of_ticks(caller, agent))
    for one in found.values():
        assert {m.reason for m in (one.weight, one.surrogate_mean, one.excess, one.p_value)} == {reason}


def test_one_channel_has_no_influence() -> None:
    lone = conversation({Role.AGENT: channel(Role.AGENT, [(0.0, 2.0), (3.0, 4.0)])})
    found = measured(lone)
    assert set(found) == {Role.AGENT}
    assert found[Role.AGENT].weight.reason is Reason.ONE_CHANNEL
    assert found[Role.AGENT].weight.evidence_s == 3.0


def test_the_smallest_p_value_is_one_in_the_number_of_surrogates_and_one() -> None:
    (call,) = chain_calls(Coupling(0.6), Coupling(0.6), 10, 1, np.random.default_rng(13))
    assert [measured(call, surrogates=99)[role].p_value.value for role in Role] == [0.01, 0.01]


def test_figures_hang_together() -> None:
    (call,) = chain_calls(Coupling(0.3), Coupling(0.3), 3, 1, np.random.default_rng(11))
    one = measured(call, surrogates=99)[Role.CALLER]
    parts = [m.value for m in (one.weight, one.surrogate_mean, one.excess, one.p_value)]
    weight, chance, excess, p = (float(part) for part in parts if part is not None)
    assert excess == pytest.approx(weight - chance, abs=1e-12)
    assert p * 100 == pytest.approx(round(p * 100), abs=1e-9)
    assert one.weight.evidence_s == pytest.approx(sum(speech.speech_s for speech in call[1].values()))
    assert measured(call, surrogates=99) == measured(call, surrogates=99)
