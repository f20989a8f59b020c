"""Lift: by hand, coverage where calls of a block are alike, refusals, who did not report."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simpatico.errors import RequestError
from simpatico.routing.lift import MIN_PAIRS, BlockCall, LiftRefused, block_calls, lift
from simpatico.routing.ranking import rank
from simpatico.routing.types import Arm, BlockArm, Decision, Outcome
from simpatico.routing.utility import Utility, utility
from tests.routing.worlds import request


def block(number: int, *, on: bool, washout: bool = False) -> BlockArm:
    return BlockArm("e", number, Arm.ON if on else Arm.OFF, washout, on)


def made(pairs: int, effect: float, rng: np.random.Generator, *, block_sd: float = 0.05, per_block: int = 20) -> list[BlockCall]:
    """Calls whose blocks share good and bad luck, with a trend over the day that would fool who does not pair."""
    calls = []
    for pair in range(pairs):
        first = bool(rng.integers(2))
        for half in range(2):
            on = first == (half == 0)
            level = 0.5 + 0.1 * np.sin(pair / 3.0) + block_sd * rng.normal() + effect * on
            values = np.clip(level + 0.2 * rng.normal(size=rng.poisson(per_block)), 0, 1)
            calls += [BlockCall("q", block(2 * pair + half, on=on), Utility(float(u), 1.0)) for u in values]
    return calls


def test_a_case_by_hand() -> None:
    calls = []
    for pair, (on, off) in enumerate([(0.6, 0.5), (0.7, 0.4), (0.5, 0.5), (0.6, 0.4), (0.8, 0.6), (0.4, 0.5)]):
        calls += [
            BlockCall("q", block(2 * pair, on=True), Utility(on, 1.0)),
            BlockCall("q", block(2 * pair + 1, on=False), Utility(off, 1.0)),
        ]
    got = lift(calls)
    d = np.array([0.1, 0.3, 0.0, 0.2, 0.2, -0.1])
    assert got.estimate == pytest.approx(d.mean())
    reach = 2.570581835636314 * d.std(ddof=1) / np.sqrt(6)  # t with 5 degrees of freedom
    assert (got.low, got.high) == (pytest.approx(d.mean() - reach), pytest.approx(d.mean() + reach))
    # Of the 64 ways to flip the signs, those with |sum| >= 0.7: the 0 flips freely (x2), so count subsets of the others.
    signs = np.array(np.meshgrid(*[(-1, 1)] * 6)).reshape(6, -1)
    assert got.p_value == pytest.approx((np.abs(d @ signs) >= 0.7 - 1e-9).mean())
    assert (got.pairs, got.calls_on, got.calls_off) == (6, 6, 6)


@pytest.mark.parametrize("effect", [0.0, 0.04])
def test_the_interval_covers_though_calls_of_a_block_are_alike(effect: float) -> None:
    rng = np.random.default_rng(3)
    results = [lift(made(14, effect, rng)) for _ in range(300)]
    covered = np.mean([r.low <= effect <= r.high for r in results])  # type: ignore[operator]
    assert 0.915 < covered < 0.985  # 95 % of 300: standard error 1.3 %
    naive = []
    for _ in range(100):
        calls = made(14, effect, rng)
        on, off = ([c.utility.value for c in calls if c.block.arm is arm and c.utility] for arm in Arm)
        se = np.sqrt(np.var(on) / len(on) + np.var(off) / len(off))
        naive.append(abs(np.mean(on) - np.mean(off) - effect) < 1.96 * se)
    assert np.mean(naive) < 0.85  # what counting calls would claim to be 95 %
    if effect == 0.0:
        assert np.mean([r.p_value < 0.05 for r in results]) < 0.09  # type: ignore[operator]


def test_washout_is_left_out_and_counted() -> None:
    calls = made(10, 0.0, np.random.default_rng(0))
    spoiled = [BlockCall("q", block(i, on=True, washout=True), Utility(1.0, 1.0)) for i in range(40)]
    got = lift(calls + spoiled)
    assert got.washed_out == 40
    assert replace(got, washed_out=0) == lift(calls)


def test_partial_outcomes_weigh_less() -> None:
    calls = made(10, 0.0, np.random.default_rng(0))
    doubt = [BlockCall("q", block(i, on=True), Utility(1.0, 1e-9)) for i in (0, 1, 2, 3) if calls]
    doubt = [d for d in doubt if any(c.block.block == d.block.block and c.block.arm is Arm.ON for c in calls)]
    assert lift(calls + doubt).estimate == pytest.approx(lift(calls).estimate, abs=1e-6)


def test_too_few_pairs_are_refused() -> None:
    got = lift(made(MIN_PAIRS - 1, 0.0, np.random.default_rng(0)))
    assert (got.estimate, got.low, got.p_value, got.refused) == (None, None, None, LiftRefused.TOO_FEW_PAIRS)
    assert got.mean_on is not None
    nothing = lift([])
    assert (nothing.refused, nothing.mean_on, nothing.pairs) == (LiftRefused.TOO_FEW_PAIRS, None, 0)
    one_arm = [c for c in made(20, 0.0, np.random.default_rng(0)) if c.block.arm is Arm.ON]
    assert lift(one_arm).pairs == 0


def test_who_does_not_report_is_counted_by_arm() -> None:
    calls = made(10, 0.0, np.random.default_rng(0))
    on = [c.block for c in calls if c.block.arm is Arm.ON]
    silent = [BlockCall("q", b, None) for b in on[:80]]
    got = lift(calls + silent)
    assert (got.missing_on, got.missing_off, got.attrition_differs) == (80, 0, True)
    assert not lift(calls + silent[:3]).attrition_differs
    assert not lift(calls).attrition_differs


def test_one_experiment_and_a_sane_confidence() -> None:
    calls = made(6, 0.0, np.random.default_rng(0))
    other = replace(calls[0], block=replace(calls[0].block, experiment_id="f"))
    with pytest.raises(RequestError, match=r"one experiment, got calls of \['e', 'f'\]"):
        lift([*calls, other])
    with pytest.raises(RequestError, match=r"confidence must be above 0\.5 and below 1, got 95"):
        lift(calls, confidence=95)


def test_a_log_is_read_by_intention() -> None:
    asked = request(3)
    answer = rank(asked, None, seed=0)
    rows = [
        Decision("d1", "c1", 1.0, asked, answer, block(0, on=True), "a1", Outcome(resolved=True)),
        Decision("d2", "c2", 1.0, asked, answer, block(1, on=False), None, Outcome(handle_s=5.0)),
        Decision("d3", "c3", 1.0, asked, answer),
    ]
    found = block_calls(rows, lambda row: utility(row.outcome))
    assert found == [BlockCall("q", block(0, on=True), Utility(1.0, 0.5)), BlockCall("q", block(1, on=False), None)]
