"""The clock of attention against streams that are read, not read, and held up by the loop."""

from __future__ import annotations

import pytest

from simpatico.server.analysis.attention import Attention
from tests.server.running import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def attention(clock: Clock) -> Attention:
    return Attention(clock, clock)


def passed(attention: Attention, clock: Clock, seconds: float) -> tuple[float, float]:
    """Let time pass; return how much by each clock."""
    before = attention.moment()
    clock.now_s += seconds
    after = attention.moment()
    return after.now_s - before.now_s, after.attended_s - before.attended_s


def test_time_counts_only_while_the_stream_is_read(attention: Attention, clock: Clock) -> None:
    assert passed(attention, clock, 3.0) == (3.0, 0.0)
    attention.begin()
    assert passed(attention, clock, 5.0) == (5.0, 5.0)
    attention.end()
    assert passed(attention, clock, 7.0) == (7.0, 0.0)
    attention.begin()
    assert passed(attention, clock, 1.0) == (1.0, 1.0)


def test_time_in_which_the_loop_stands_still_does_not_count(attention: Attention, clock: Clock) -> None:
    attention.begin()
    attention.sleep(1.0)
    assert passed(attention, clock, 21.0) == (21.0, 1.0)
    assert passed(attention, clock, 1.0) == (1.0, 0.0), "it has still not come round"
    attention.sleep(1.0)
    assert passed(attention, clock, 1.0) == (1.0, 1.0)


def test_a_late_loop_is_not_counted_again_when_the_stream_was_not_read_anyway(attention: Attention, clock: Clock) -> None:
    attention.begin()
    attention.sleep(1.0)
    clock.now_s += 1.0
    attention.end()
    assert passed(attention, clock, 20.0) == (20.0, 0.0)
    attention.begin()
    attention.sleep(1.0)
    assert passed(attention, clock, 1.0) == (1.0, 1.0)
