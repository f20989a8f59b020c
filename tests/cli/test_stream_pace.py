"""The pace of ``simpatico stream``: what is asked for, as far as the service takes it."""

from __future__ import annotations

import pytest

from simpatico.cli.stream import BURST_USED, CHUNK_S, _due_s
from simpatico.client import Ready
from simpatico.errors import RateLimitError
from simpatico.server.analysis.attention import Moment
from simpatico.server.analysis.gate import RateGate


def at(now_s: float) -> Moment:
    """Return a time before which the stream was always read."""
    return Moment(now_s, now_s)


def ready(factor: float = 0.0, burst_s: float = 0.0) -> Ready:
    return Ready("call", 8000, "log", {}, factor, burst_s)


def test_a_service_without_limit_takes_the_pace_asked_for() -> None:
    assert _due_s(12.0, 4.0, ready()) == 3.0
    assert _due_s(12.0, 0.0, ready()) == 0.0


def test_the_burst_goes_first_then_the_pace_of_the_service() -> None:
    assert _due_s(BURST_USED * 30.0 - CHUNK_S, 0.0, ready(2.0, 30.0)) == pytest.approx(0.0)
    assert _due_s(100.0, 0.0, ready(2.0, 30.0)) == pytest.approx((100.0 + CHUNK_S - BURST_USED * 30.0) / 2.0)
    assert _due_s(100.0, 1.0, ready(2.0, 30.0)) == 100.0


@pytest.mark.parametrize("speed", [0.0, 1.0, 4.0, 1000.0])
@pytest.mark.parametrize(("factor", "burst_s"), [(2.0, 30.0), (1.0, 1.0), (8.0, 0.5)])
def test_an_hour_at_any_speed_is_never_refused(speed: float, factor: float, burst_s: float) -> None:
    gate = RateGate(factor, burst_s, at(0.0))
    for k in range(36_000):
        gate.take(CHUNK_S, at(max(0.0, _due_s(k * CHUNK_S, speed, ready(factor, burst_s)))))


def test_the_gate_would_have_refused_a_faster_one() -> None:
    gate = RateGate(2.0, 30.0, at(0.0))
    for _ in range(299):
        gate.take(CHUNK_S, at(0.0))
    with pytest.raises(RateLimitError):
        gate.take(2 * CHUNK_S, at(0.0))
