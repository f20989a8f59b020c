"""Agents picked from a roster: the same as the agents, and ranked the same."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simpatico.errors import RequestError
from simpatico.routing.candidates import Agent, Candidates
from simpatico.routing.explanation import counterfactuals
from simpatico.routing.ranking import rank_scored
from simpatico.routing.roster import HELD, Picked, Roster
from simpatico.routing.types import RankRequest
from tests.routing.test_ranking import MODEL
from tests.routing.worlds import request

SETS = st.frozensets(st.sampled_from(["a", "b"]))
AGENTS = st.lists(st.tuples(SETS, SETS, st.integers(1, 3)), min_size=1, max_size=8)


@given(AGENTS, st.data())
def test_those_picked_are_the_agents(rows: list[tuple[frozenset[str], frozenset[str], int]], data: st.DataObject) -> None:
    roster = Roster(Agent(f"a{i}", *row) for i, row in enumerate(rows))
    places = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=10))
    picked, wanted = Picked(roster, np.array(places, np.intp)), tuple(roster.agents[i] for i in places)
    assert picked == wanted
    assert (hash(picked), len(picked), picked[:2], [*picked]) == (hash(wanted), len(wanted), wanted[:2], [*wanted])
    assert picked.ids == tuple(agent.agent_id for agent in wanted)
    backwards = np.arange(len(places))[::-1]
    assert picked.take(backwards) == wanted[::-1]
    if len(set(places)) == len(places):
        assert picked.twice is None
    else:
        assert picked.twice == next(i for i, place in enumerate(places) if place in places[:i])


def from_a_roster(asked: RankRequest) -> RankRequest:
    """The same request, of agents in a roster of some more and in another order."""
    plain = asked.eligible
    roster = Roster([Agent("somebody else"), *reversed(plain.agents)])
    at = np.array([roster.ids.index(name) for name in plain.ids], np.intp)
    return dataclasses.replace(asked, candidates=Candidates(Picked(roster, at), plain.open_calls, plain.idle_s, plain.occupancy))


@pytest.mark.parametrize("count", [1, 7, 300])
@pytest.mark.parametrize("skills", [frozenset[str](), frozenset({"billing"})])
def test_a_ranking_is_the_same(count: int, skills: frozenset[str]) -> None:
    plain = dataclasses.replace(request(count), skills=skills)
    picked = from_a_roster(plain)
    assert picked == plain
    (ranking, scores), (other, others) = (rank_scored(one, MODEL, seed=5) for one in (plain, picked))
    assert other == ranking
    assert counterfactuals(picked, MODEL, seed=5, actual=others) == counterfactuals(plain, MODEL, seed=5, actual=scores)


def test_one_who_is_listed_twice_is_named() -> None:
    roster = Roster([Agent("a"), Agent("b")])
    who = Candidates(Picked(roster, np.array([1, 0, 1])), np.zeros(3, np.int64), np.zeros(3))
    with pytest.raises(RequestError, match="agent 'b' is listed twice"):
        RankRequest("q", who)


def test_rows_are_held_for_each_model_and_not_without_end() -> None:
    roster = Roster(Agent(name) for name in (*MODEL.agents, "unknown"))
    first = roster.rows(MODEL)
    assert first.tolist() == [*MODEL.agents.values(), len(MODEL.agents)]
    assert roster.rows(MODEL) is first
    others = [dataclasses.replace(MODEL, through=i + 1) for i in range(HELD)]
    for other in others:
        roster.rows(other)
    assert len(roster._rows) == HELD
    again = roster.rows(MODEL)
    assert again is not first
    assert again.tolist() == first.tolist()
