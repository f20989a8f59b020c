"""What comes from outside is refused where it enters."""

from __future__ import annotations

import math

import pytest

from simpatico.errors import OutcomeError, RequestError
from simpatico.routing.types import (
    MAX_CANDIDATES,
    MAX_ID_LENGTH,
    Agent,
    AxisBelief,
    Candidate,
    Decision,
    Observation,
    Outcome,
    Ranking,
    RankRequest,
    StyleBelief,
)

NEUTRAL = StyleBelief((AxisBelief("assertiveness", 0.0, 1.0),))


@pytest.mark.parametrize("agent_id", ["", "x" * (MAX_ID_LENGTH + 1), "k" * 10_000_000, None, 7])
def test_an_id_has_a_sane_length(agent_id: str) -> None:
    with pytest.raises(RequestError, match=r"agent_id must be text of 1 to 256 characters, got .{1,50}$") as raised:
        Agent(agent_id)
    assert raised.value.field == "agent_id"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 11.0, True])
def test_a_belief_is_finite(value: float) -> None:
    with pytest.raises(RequestError, match=r"axis\.mean must be a finite number from -10 to 10"):
        AxisBelief("assertiveness", value, 1.0)


@pytest.mark.parametrize("sd", [0.0, -1.0, math.nan])
def test_a_belief_is_never_certain(sd: float) -> None:
    with pytest.raises(RequestError, match=r"axis\.sd must be a finite number"):
        AxisBelief("assertiveness", 0.0, sd)


def test_a_belief_has_each_axis_once() -> None:
    with pytest.raises(RequestError, match="each axis once"):
        StyleBelief((AxisBelief("a", 0.0, 1.0), AxisBelief("a", 1.0, 1.0)))
    assert NEUTRAL.axis("assertiveness") == AxisBelief("assertiveness", 0.0, 1.0)
    assert NEUTRAL.axis("other") is None


@pytest.mark.parametrize("idle_s", [-1.0, math.nan])
def test_a_clock_that_went_backwards_is_refused(idle_s: float) -> None:
    with pytest.raises(RequestError, match="idle_s must be a finite number from 0"):
        Candidate(Agent("a"), idle_s=idle_s)


def test_load_is_in_range() -> None:
    with pytest.raises(RequestError, match="occupancy"):
        Candidate(Agent("a"), occupancy=1.2)
    with pytest.raises(RequestError, match="open_calls must be a whole number from 0 to 1000, got -1"):
        Candidate(Agent("a"), open_calls=-1)
    with pytest.raises(RequestError, match="capacity must be a whole number"):
        Agent("a", capacity=1.5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"),
    [("csat_5", 0.5), ("csat_5", math.nan), ("handle_s", -1.0), ("handle_s", math.inf), ("resolved", 1), ("bought", "yes")],
)
def test_an_outcome_is_in_range(name: str, value: object) -> None:
    with pytest.raises(OutcomeError, match=name) as raised:
        Outcome(**{name: value})  # type: ignore[arg-type]
    assert raised.value.field == name


def test_a_late_report_adds_and_replaces_but_never_removes() -> None:
    first = Outcome(resolved=True, handle_s=300.0)
    assert first.updated(Outcome(csat_5=4.0, resolved=False)) == Outcome(resolved=False, csat_5=4.0, handle_s=300.0)
    assert first.updated(Outcome()) == first


@pytest.mark.parametrize("utility", [math.nan, -0.01, 1.01])
def test_a_utility_that_is_none_is_not_learned(utility: float) -> None:
    with pytest.raises(OutcomeError, match="utility must be a finite number from 0 to 1"):
        Observation("a", "", NEUTRAL, utility)


def test_eligible_agents_are_listed_once_and_not_without_end() -> None:
    with pytest.raises(RequestError, match="agent 'b' is listed twice"):
        RankRequest("q", tuple(Candidate(Agent(i)) for i in "abcb"))
    with pytest.raises(RequestError, match="at most 5000 can be ranked"):
        RankRequest("q", tuple(Candidate(Agent(str(i))) for i in range(MAX_CANDIDATES + 1)))
    with pytest.raises(RequestError, match="skills has 201 entries"):
        RankRequest("q", (), skills=frozenset(map(str, range(201))))


@pytest.mark.parametrize("at_s", [-1.0, math.nan, math.inf])
def test_a_decision_has_a_time(at_s: float) -> None:
    request = RankRequest("q", (Candidate(Agent("a")),))
    with pytest.raises(RequestError, match="at_s"):
        Decision("d", "c", at_s, request, Ranking((), frozenset(), "v", 1))
