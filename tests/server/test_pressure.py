"""Whether one more ranking can be in time: known backlogs, readings that grow old, and never a closed door."""

from __future__ import annotations

import asyncio
import time

import pytest

from simpatico.server.routing.pressure import HALF_LIFE_S, TICK_S, Pressure
from tests.server.running import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock(0.0)


@pytest.fixture
def busy(clock: Clock) -> Pressure:
    """Return the state of a process in which each ranking takes 10 ms, and 5 wait."""
    pressure = Pressure(clock)
    for _ in range(200):
        pressure.began()
        pressure.began()
        pressure.computed(1000, 0.002)
        clock.now_s += 0.01
        pressure.ended()
        pressure.computed(1000, 0.002)
        clock.now_s += 0.01
        pressure.ended()
    for _ in range(5):
        pressure.began()
    return pressure


def test_a_backlog_that_cannot_be_done_in_time_is_late(busy: Pressure, clock: Clock) -> None:
    """6 rankings of 10 ms take 60 ms, 75 with the reserve of a fifth."""
    assert busy.arithmetic_s(1000) == pytest.approx(0.002, rel=0.01)
    assert busy.is_late(clock.now_s + 0.070, 1000)
    assert not busy.is_late(clock.now_s + 0.080, 1000)
    for _ in range(3):
        busy.ended()
    assert not busy.is_late(clock.now_s + 0.050, 1000)


def test_with_nothing_waiting_a_ranking_is_always_tried(busy: Pressure, clock: Clock) -> None:
    for _ in range(5):
        busy.ended()
    assert busy.waiting == 0
    assert not busy.is_late(clock.now_s - 1.0, 1000)


def test_old_readings_count_less(busy: Pressure, clock: Clock) -> None:
    """After a second and a half of silence 10 ms count as under 4, so 6 rankings fit into 30 ms."""
    assert busy.is_late(clock.now_s + 0.030, 1000)
    clock.now_s += 1.5 * HALF_LIFE_S
    assert not busy.is_late(clock.now_s + 0.030, 1000)


def test_that_few_come_is_no_backlog(clock: Clock) -> None:
    """Eight wait for a slow database, each for 40 ms, and requests come every 5 ms, two at a time: no ranking takes longer than 1 ms."""
    pressure = Pressure(clock)
    for _ in range(8):
        pressure.began()
    for _ in range(200):
        for gap_s in (0.009, 0.001):
            clock.now_s += gap_s
            pressure.computed(1000, 0.0005)
            pressure.ended()
            pressure.began()
    assert not pressure.is_late(clock.now_s + 0.045, 1000)
    assert pressure.is_late(clock.now_s + 0.015, 1000)


def test_rankings_of_few_agents_say_nothing_wrong_of_those_of_many(clock: Clock) -> None:
    """Most of what a ranking of ten takes is not theirs: by the time for each agent alone a thousand would have taken 150 ms."""
    pressure = Pressure(clock)
    for _ in range(100):
        pressure.computed(10, 0.0015)
    assert pressure.arithmetic_s(1000) < 0.004
    for _ in range(100):
        pressure.computed(10, 0.015)
    assert pressure.arithmetic_s(1000) == pytest.approx(10 * 0.003, rel=0.1), "a machine that is ten times as slow"


def test_a_standstill_is_forgotten(clock: Clock) -> None:
    """While it is remembered no ranking is tried, so that no new reading would ever correct it."""
    pressure = Pressure(clock)
    pressure.computed(1000, 5.0)
    assert pressure.arithmetic_s(1000) > 0.3
    clock.now_s += 10 * HALF_LIFE_S
    assert pressure.arithmetic_s(1000) < 0.005


def test_more_agents_take_longer(busy: Pressure, clock: Clock) -> None:
    assert not busy.is_late(clock.now_s + 0.090, 1000)
    assert busy.is_late(clock.now_s + 0.090, 20_000)
    assert busy.arithmetic_s(5000) > 2 * busy.arithmetic_s(1000)


async def test_the_loop_says_how_late_it_is() -> None:
    pressure = Pressure()
    assert pressure.lag_s() == 0.0
    time.sleep(0.1 + TICK_S)  # the loop is kept on purpose
    assert pressure.lag_s() >= 0.1
    await asyncio.sleep(0)
    assert pressure.lag_s() >= 0.1, "who waited while the loop was kept is seen just after"
