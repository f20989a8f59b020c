"""The token bucket against what it promises: over any time, no more than factor times that time plus the burst."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simpatico.errors import RateLimitError
from simpatico.server.analysis.attention import Moment
from simpatico.server.analysis.gate import RateGate

steps = st.lists(st.tuples(st.floats(0, 20), st.floats(0, 1), st.floats(0, 20)), max_size=50)


def at(now_s: float) -> Moment:
    """Return a time before which the stream was always read."""
    return Moment(now_s, now_s)


@given(steps, st.floats(1, 4), st.floats(1, 30))
def test_no_more_than_the_promise_passes(steps: list[tuple[float, float, float]], factor: float, burst_s: float) -> None:
    gate, now_s, attended_s, passed_s = RateGate(factor, burst_s, at(0.0)), 0.0, 0.0, 0.0
    for wait_s, read, audio_s in steps:
        now_s, attended_s = now_s + wait_s, attended_s + read * wait_s
        try:
            gate.take(audio_s, Moment(now_s, attended_s))
        except RateLimitError:
            continue
        passed_s += audio_s
        assert passed_s <= factor * now_s + burst_s + 1e-6


@given(st.floats(1, 4), st.floats(1, 30), st.integers(1, 200))
def test_real_time_always_passes(factor: float, burst_s: float, chunks: int) -> None:
    gate = RateGate(factor, burst_s, at(0.0))
    for k in range(chunks):
        gate.take(0.1, at(0.1 * (k + 1)))


def test_the_error_says_when_and_then_it_passes() -> None:
    gate = RateGate(2.0, 10.0, at(0.0))
    gate.take(10.0, at(0.0))
    with pytest.raises(
        RateLimitError, match=r"4 s of audio came where 0 s were left: .* 2 times real time and 10 s .* send it 2 s later"
    ) as caught:
        gate.take(4.0, at(0.0))
    assert caught.value.retry_after_s == 2.0
    gate.take(4.0, at(2.0))


def test_more_than_the_burst_never_passes_and_the_error_does_not_say_when() -> None:
    with pytest.raises(RateLimitError) as caught:
        RateGate(2.0, 10.0, at(0.0)).take(10.1, at(0.0))
    assert caught.value.retry_after_s is None


def test_idle_time_earns_no_more_than_the_burst_but_a_pause_does() -> None:
    idle = RateGate(1.0, 10.0, at(0.0))
    idle.take(10.0, at(0.0))
    with pytest.raises(RateLimitError):
        idle.take(10.1, at(1000.0))
    paused = RateGate(1.0, 10.0, at(0.0))
    paused.settle(at(100.0))
    paused.save(at(400.0))
    with pytest.raises(RateLimitError):
        paused.take(310.1, at(400.0))
    paused.take(310.0, at(400.0))


def test_what_came_while_the_service_did_not_read_is_taken_at_once() -> None:
    """A client at the fastest pace, with its burst used up, goes on sending for 20 s that the service is away."""
    gate = RateGate(2.0, 30.0, at(0.0))
    gate.take(24.0, at(0.0))
    for _ in range(40):
        gate.take(1.0, Moment(20.0, 0.0))
    with pytest.raises(RateLimitError, match=r"6.01 s of audio came where 6 s were left"):
        gate.take(6.01, Moment(20.0, 0.0))
    attended = RateGate(2.0, 30.0, at(0.0))
    attended.take(24.0, at(0.0))
    with pytest.raises(RateLimitError, match=r"30.1 s of audio came where 30 s were left"):
        attended.take(30.1, at(20.0))


def test_what_was_kept_of_a_stall_lasts_until_it_is_spent() -> None:
    gate = RateGate(1.0, 10.0, at(0.0))
    gate.settle(Moment(100.0, 0.0))
    gate.settle(Moment(500.0, 400.0))
    gate.take(110.0, Moment(500.0, 400.0))
    with pytest.raises(RateLimitError):
        gate.take(10.1, Moment(1500.0, 1400.0))


def test_a_clock_that_goes_back_earns_nothing() -> None:
    gate = RateGate(1.0, 1.0, at(100.0))
    gate.take(1.0, at(100.0))
    with pytest.raises(RateLimitError):
        gate.take(0.5, at(50.0))
    with pytest.raises(RateLimitError):
        gate.take(0.5, at(100.0))


def test_infinity_lets_everything_through() -> None:
    gate = RateGate(float("inf"), 1.0, at(0.0))
    gate.settle(at(1.0))
    gate.save(at(2.0))
    gate.take(1e9, at(2.0))
