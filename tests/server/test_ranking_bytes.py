"""The answer's bytes, written from columns, are what protobuf writes from objects."""

from __future__ import annotations

import numpy as np
import pytest

from simpatico.routing.candidates import Agent
from simpatico.routing.ranked import Entries
from simpatico.routing.ranking import neutral, rank
from simpatico.routing.roster import Picked, Roster
from simpatico.routing.types import NeutralReason, Ranking
from simpatico.server.routing.convert import _factor, ranking_to_proto
from simpatico.v1 import routing_service_pb2 as pb
from tests.routing.test_ranking import MODEL
from tests.routing.worlds import request


def plainly(ranking: Ranking) -> list[pb.RankedAgent]:
    return [
        pb.RankedAgent(
            agent_id=entry.agent_id,
            propensity=entry.propensity,
            expected_utility=entry.expected_utility,
            sd=entry.sd,
            load_penalty=entry.load_penalty,
            factors=[_factor(factor) for factor in entry.factors],
        )
        for entry in ranking.entries
    ]


@pytest.mark.parametrize("count", [1, 3, 500])
def test_a_ranking_is_the_same_either_way(count: int) -> None:
    ranking = rank(request(count), MODEL, seed=3)
    answer = pb.RankAgentsResponse.FromString(ranking_to_proto("k1", ranking, (), kept=True))
    assert list(answer.agents) == plainly(ranking)
    assert [bool(agent.factors) for agent in answer.agents] == [True] * min(count, 3) + [False] * max(0, count - 3)
    assert (answer.decision_id, answer.kept, answer.seed, list(answer.basis)) == ("k1", True, 3, ["live"])


def test_a_neutral_answer_has_no_figures() -> None:
    ranking = neutral(request(3), NeutralReason.DEADLINE)
    answer = pb.RankAgentsResponse.FromString(ranking_to_proto("n1", ranking, (), kept=False))
    assert list(answer.agents) == plainly(ranking)
    assert not answer.agents[0].HasField("expected_utility")


@pytest.mark.parametrize("name", ["a", "x" * 127, "x" * 128, "\u00e9" * 256, "\U0001f600" * 256])
def test_names_of_any_length(name: str) -> None:
    """Lengths of 128 bytes and more take two bytes themselves."""
    figures = (np.array([1.0]), np.array([-0.5]), np.array([1e-300]), np.array([0.0]))
    ranking = Ranking(Entries([name], *figures), frozenset(), "p", 0)
    (agent,) = pb.RankAgentsResponse.FromString(ranking_to_proto("k1", ranking, (), kept=False)).agents
    assert (agent.agent_id, agent.propensity, agent.expected_utility, agent.sd, agent.load_penalty) == (name, 1.0, -0.5, 1e-300, 0.0)


@pytest.mark.parametrize("ids", [["a"], [f"agent-{i}" for i in range(12)], ["a", "b" * 60, "c" * 127, "d" * 128, "\u00e9" * 256]])
@pytest.mark.parametrize("informed", [True, False])
def test_agents_picked_from_a_roster_are_the_same(ids: list[str], informed: bool) -> None:
    roster = Roster(Agent(name) for name in [*ids, "somebody else"])
    at = np.arange(len(ids))[::-1]
    figures = [np.random.default_rng(i).normal(size=len(ids)) for i in range(4)] if informed else [np.ones(len(ids))]
    plain = Ranking(Entries([ids[i] for i in at], *figures), frozenset(), "p", 0)
    picked = Ranking(Entries(Picked(roster, at), *figures), frozenset(), "p", 0)
    assert ranking_to_proto("k1", picked, (), kept=False) == ranking_to_proto("k1", plain, (), kept=False)
    assert list(pb.RankAgentsResponse.FromString(ranking_to_proto("k1", picked, (), kept=False)).agents) == plainly(plain)
