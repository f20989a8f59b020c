"""Eligible agents and ranked ones as columns: the same as one object each, and refused by the same rules."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simpatico.errors import RequestError
from simpatico.routing.candidates import Agent, Candidate, Candidates
from simpatico.routing.ranked import Entries
from simpatico.routing.types import Factor, FactorKind, RankedAgent, RankRequest

SHARES = st.none() | st.floats(0.0, 1.0)
SETS = st.frozensets(st.sampled_from(["a", "b"]))
ONE = st.tuples(SETS, SETS, st.integers(1, 3), st.integers(0, 3), st.floats(0.0, 1e6), SHARES)


def made(rows: list[tuple[frozenset[str], frozenset[str], int, int, float, float | None]]) -> tuple[Candidate, ...]:
    return tuple(Candidate(Agent(f"a{i}", row[0], row[1], row[2]), *row[3:]) for i, row in enumerate(rows))


@given(st.lists(ONE, max_size=8), SETS, SETS)
def test_columns_are_the_candidates(rows: list[tuple[frozenset[str], frozenset[str], int, int, float, float | None]], skills: frozenset[str], languages: frozenset[str]) -> None:  # fmt: skip  # noqa: E501
    items = made(rows)
    columns = Candidates.of(items)
    assert columns == items
    assert items == columns
    assert (hash(columns), len(columns), columns[1:]) == (hash(items), len(items), items[1:])
    assert columns.ids == tuple(c.agent.agent_id for c in items)
    assert columns.capacity.tolist() == [c.agent.capacity for c in items]
    lacking = [not (skills <= c.agent.skills and languages <= c.agent.languages) for c in items]
    assert columns.lacking(skills, languages).tolist() == lacking
    loads = [c.open_calls / c.agent.capacity if c.occupancy is None else c.occupancy for c in items]
    assert [columns.load(i) for i in range(len(items))] == loads
    assert columns.declared([replace(c.agent, capacity=9) for c in items]) == tuple(
        replace(c, agent=replace(c.agent, capacity=9)) for c in items
    )


@pytest.mark.parametrize(
    ("open_calls", "idle_s", "occupancy", "message"),
    [
        (-1, 1.0, 0.5, "open_calls must be a whole number from 0 to 1000, got -1"),
        (1001, 1.0, 0.5, "open_calls must be a whole number from 0 to 1000, got 1001"),
        (0, -0.5, 0.5, "idle_s must be a finite number from 0 to 1e\\+08, got -0.5"),
        (0, np.nan, 0.5, "idle_s must be a finite number from 0 to 1e\\+08, got nan"),
        (0, np.inf, 0.5, "idle_s must be a finite number from 0 to 1e\\+08, got inf"),
        (0, 1.0, 1.5, "occupancy must be a finite number from 0 to 1, got 1.5"),
        (0, 1.0, np.nan, "occupancy must be a finite number from 0 to 1, got nan"),
    ],
)
def test_what_one_candidate_cannot_be_a_thousand_cannot(open_calls: int, idle_s: float, occupancy: float, message: str) -> None:
    with pytest.raises(RequestError, match=message) as one:
        Candidate(Agent("a"), open_calls, idle_s, occupancy)
    agents = [Agent("fine"), Agent("a")]
    columns = (np.array([0, open_calls]), np.array([0.0, idle_s]), np.array([0.2, occupancy]))
    with pytest.raises(RequestError) as many:
        Candidates(agents, *columns, np.array([True, True]))
    assert (str(many.value), many.value.field) == (str(one.value), one.value.field)


def test_an_occupancy_that_nobody_said_is_none() -> None:
    columns = Candidates([Agent("a"), Agent("b")], np.zeros(2, np.int64), np.zeros(2), np.array([0.5, np.nan]), np.array([True, False]))
    assert [c.occupancy for c in columns] == [0.5, None]


def test_a_request_holds_columns_and_each_agent_once() -> None:
    asked = RankRequest("q", (Candidate(Agent("a")), Candidate(Agent("b"))))
    assert asked.eligible.ids == ("a", "b")
    assert replace(asked, reason="r").eligible is asked.eligible
    with pytest.raises(RequestError, match="agent 'a' is listed twice"):
        RankRequest("q", Candidates([Agent("a"), Agent("a")], np.zeros(2, np.int64), np.zeros(2)))


def test_entries_are_the_ranked_agents() -> None:
    why = (Factor(FactorKind.LOAD, -0.1, value=0.5),)
    entries = Entries(["a", "b"], np.array([0.75, 0.25]), np.array([0.6, 0.5]), np.array([0.1, 0.2]), np.array([0.0, 0.1]), (why,))
    objects = (RankedAgent("a", 0.75, 0.6, 0.1, 0.0, why), RankedAgent("b", 0.25, 0.5, 0.2, 0.1))
    assert entries == objects
    assert objects == entries
    assert (entries[-1], entries[:1], len(entries), hash(entries)) == (objects[-1], objects[:1], 2, hash(objects))
    with pytest.raises(IndexError):
        entries[2]
    assert Entries.neutral(["a", "b"]) == (RankedAgent("a", 1.0), RankedAgent("b", 0.0))
    assert entries != Entries.neutral(["a", "b"])
