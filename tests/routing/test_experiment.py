"""Blocks: deterministic, balanced in pairs, unmoved by clocks that jump."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simpatico.errors import ScheduleError
from simpatico.routing.experiment import Schedule, block_at
from simpatico.routing.types import Arm

PLAN = Schedule("e1", 1_000_000.0, 1_000_000.0 + 400 * 3600.0, 3600.0, 600.0, seed=11)
GOLDEN = "010101100101100101101010"


def arms(plan: Schedule, queue: str = "q") -> list[Arm]:
    found = [block_at(plan, queue, plan.start_s + i * plan.block_s + 1.0) for i in range(400)]
    return [b.arm for b in found if b is not None]


@given(st.floats(1_000_000.0, 1_000_000.0 + 400 * 3600.0 - 1.0))
def test_a_moment_has_one_block_whatever_was_asked_before(at_s: float) -> None:
    found = block_at(PLAN, "q", at_s)
    assert found == block_at(PLAN, "q", at_s)  # also after the other examples, earlier and later
    assert found is not None
    into_s = at_s - PLAN.start_s - found.block * PLAN.block_s
    assert 0.0 <= into_s <= PLAN.block_s
    assert found.washout == (into_s < PLAN.washout_s)
    assert found.rank == (found.arm is Arm.ON)


def test_every_pair_has_both_arms_and_the_coin_is_fair() -> None:
    order = arms(PLAN)
    assert all({order[2 * i], order[2 * i + 1]} == {Arm.ON, Arm.OFF} for i in range(200))
    first = sum(order[2 * i] is Arm.ON for i in range(200))
    assert 72 <= first <= 128  # 200 coins: four standard errors of 7


def test_seeds_queues_and_experiments_have_coins_of_their_own() -> None:
    others = [arms(replace(PLAN, seed=12)), arms(PLAN, "other"), arms(replace(PLAN, experiment_id="e2"))]
    for other in others:
        same = sum(a is b for a, b in zip(arms(PLAN), other, strict=True)) / 400
        assert 0.3 < same < 0.7


def test_blocks_are_those_of_every_release() -> None:
    # Golden: a running experiment must not change its blocks when the service is upgraded.
    assert "".join("01"[a is Arm.ON] for a in arms(PLAN)[:24]) == GOLDEN


def test_nothing_outside_and_no_odd_last_block() -> None:
    assert block_at(PLAN, "q", PLAN.start_s - 0.001) is None
    assert block_at(PLAN, "q", PLAN.end_s) is None
    odd = replace(PLAN, end_s=PLAN.start_s + 3.5 * 3600.0)
    assert [block_at(odd, "q", odd.start_s + h * 3600.0) is None for h in (0.0, 1.9, 2.1, 3.2)] == [False, False, True, True]


def test_a_a_never_ranks() -> None:
    plan = replace(PLAN, aa=True)
    found = [block_at(plan, "q", plan.start_s + i * 3600.0) for i in range(50)]
    assert {b.arm for b in found if b} == {Arm.ON, Arm.OFF}
    assert not any(b.rank for b in found if b)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"experiment_id": ""}, "experiment_id must be text"),
        ({"start_s": math.nan}, "start_s must be finite"),
        ({"end_s": math.inf}, "end_s must be finite"),
        ({"block_s": 59.0}, "block_s is 59; at least 60 works"),
        ({"washout_s": 3600.0}, r"washout_s is 3600; it must be at least 0 and below block_s \(3600\)"),
        ({"washout_s": -1.0}, "washout_s"),
        ({"end_s": 1_000_000.0 + 7199.0}, r"at least two blocks \(7200 s\)"),
        ({"end_s": 0.0}, "at least two blocks"),
        ({"end_s": 1_000_000.0 + 732 * 86_400.0}, "end_s is 732 days after start_s; at most 731 work"),
        ({"start_s": -1.0}, "start_s is -1; it must be seconds since 1970"),
        ({"seed": -1}, "seed must be a whole number"),
    ],
)
def test_a_schedule_that_cannot_be(change: dict[str, object], message: str) -> None:
    with pytest.raises(ScheduleError, match=message) as raised:
        replace(PLAN, **change)  # type: ignore[arg-type]
    assert raised.value.field in change


@pytest.mark.parametrize("at_s", [math.nan, math.inf])
def test_no_time_is_no_block(at_s: float) -> None:
    with pytest.raises(ScheduleError, match="at_s must be finite"):
        block_at(PLAN, "q", at_s)
