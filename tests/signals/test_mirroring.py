"""Exchanges of short utterances, counted by hand."""

from __future__ import annotations

import pytest

from bench.simulation.build import channel, conversation
from simpatico.signals.mirroring import short_exchange_rate
from simpatico.types import Measure, Reason, Role

Times = list[tuple[float, float]]


def rate(caller: Times | None, agent: Times | None) -> Measure:
    sides = {Role.CALLER: caller, Role.AGENT: agent}
    return short_exchange_rate(*conversation({role: channel(role, times) for role, times in sides.items() if times is not None}))


@pytest.mark.parametrize(
    ("caller", "agent", "exchanges"),
    [
        ([(0.0, 0.5), (30.0, 60.0)], [(0.7, 1.2)], 1),  # OK? - OK.
        ([(0.0, 0.5), (1.3, 1.6), (30.0, 60.0)], [(0.7, 1.2)], 2),  # OK? - OK. - yup
        ([(0.0, 0.5), (30.0, 60.0)], [(1.5, 2.0)], 1),  # One second of gap is still an exchange,
        ([(0.0, 0.5), (30.0, 60.0)], [(1.51, 2.0)], 0),  # more is none.
        ([(0.0, 0.99), (30.0, 60.0)], [(1.0, 1.99)], 1),  # Under 1 s is short,
        ([(0.0, 1.0), (30.0, 60.0)], [(1.1, 1.5)], 0),  # 1 s is not.
        ([(0.0, 0.5), (30.0, 60.0)], [(0.3, 0.9)], 1),  # An overlap is an exchange too.
        ([(0.0, 0.5), (0.8, 1.2), (30.0, 60.0)], [(20.0, 20.5)], 0),  # One party's own two are none.
        ([(0.0, 0.5), (30.0, 60.0)], [(0.0, 0.5)], 0),  # What begins together answers nothing,
        ([(0.0, 0.5), (0.8, 1.2), (30.0, 60.0)], [(0.0, 0.5)], 1),  # and is answered once.
    ],
)
def test_exchanges_are_counted_per_minute(caller: Times, agent: Times, exchanges: int) -> None:
    """All in one minute; the error is that of a Poisson count under Jeffreys' prior."""
    found = rate(caller, agent)
    assert found.value == pytest.approx(exchanges)
    assert found.se == pytest.approx((exchanges + 0.5) ** 0.5)
    assert found.evidence_s == pytest.approx(sum(b - a for a, b in caller + agent))


@pytest.mark.parametrize(
    ("caller", "agent", "reason"),
    [
        ([], [], Reason.NO_SPEECH),
        ([(0.0, 1.0)], [], Reason.NO_SPEECH),
        ([(0.0, 1.0)], None, Reason.ONE_CHANNEL),
        (None, [], Reason.ONE_CHANNEL),
    ],
)
def test_without_two_voices_there_is_no_rate(caller: Times | None, agent: Times | None, reason: Reason) -> None:
    assert rate(caller, agent).reason is reason
