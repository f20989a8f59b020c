"""What would have changed the order."""

from __future__ import annotations

import numpy as np
import pytest

from simpatico.errors import NoCandidatesError
from simpatico.routing.explanation import Without, counterfactuals
from simpatico.routing.observations import Observations
from simpatico.routing.policy import Policy
from simpatico.routing.ranking import rank
from simpatico.routing.types import Observation, RankRequest, Source
from simpatico.routing.variance import fit
from tests.routing.worlds import belief, candidates, learned, queue, request

MODEL = fit(learned(queue(0)))
SURE = Policy(exploration=0.0, load_weight=0.0, idle_weight=0.0)


def duel() -> Observations:
    """Agent a0 is good with assertive callers, a1 with the others; on average they are alike."""
    rows = []
    for x in np.linspace(-2, 2, 60):
        rows += [Observation("a0", "", belief(x, 0), 0.5 + 0.2 * x), Observation("a1", "", belief(x, 0), 0.5 - 0.2 * x)]
    return Observations.rebuilt(rows)


def test_who_would_have_come_first_without_the_profile() -> None:
    model = fit(duel())
    asked = RankRequest("q", candidates(2), live=belief(-0.5, 0.0, 0.9, Source.LIVE), profile=belief(1.5, 0.0, 0.5, Source.PROFILE))
    found = {c.without: c for c in counterfactuals(asked, model, SURE, seed=0)}
    assert rank(asked, model, SURE, seed=0).entries[0].agent_id == "a0"
    assert found[Without.PROFILE].agent_ids == ("a1", "a0")
    assert found[Without.PROFILE].first_changes
    assert found[Without.PROFILE].utility_change < -0.1  # by all that is known a1 would have been the worse choice
    assert not found[Without.LIVE].first_changes
    assert found[Without.LIVE].utility_change == 0.0


def test_each_is_the_ranking_of_a_request_without_it() -> None:
    live, profile = belief(1.0, 1.0, source=Source.LIVE), belief(-1.0, 0.5, source=Source.PROFILE)
    for seed in range(10):
        found = {c.without: c for c in counterfactuals(request(live=live, profile=profile), MODEL, seed=seed, shown=12)}
        bare = {
            Without.PROFILE: request(live=live),
            Without.LIVE: request(live=None, profile=profile),
            Without.STYLE: request(live=None),
        }
        for without, other in bare.items():
            assert found[without].agent_ids == tuple(e.agent_id for e in rank(other, MODEL, seed=seed).entries)


def test_only_what_there_was_is_left_out() -> None:
    assert {c.without for c in counterfactuals(request(live=None), MODEL, seed=0)} == {Without.LOAD}
    assert {c.without for c in counterfactuals(request(), MODEL, Policy(use_live=False), seed=0)} == {Without.LOAD}
    assert {c.without for c in counterfactuals(request(), MODEL, SURE, seed=0)} == {Without.LIVE, Without.STYLE}


def test_a_neutral_answer_used_nothing_of_the_caller() -> None:
    assert counterfactuals(request(objected=True), MODEL, seed=0) == ()
    assert counterfactuals(request(), None, seed=0) == ()
    with pytest.raises(NoCandidatesError):
        counterfactuals(RankRequest("q", ()), MODEL, seed=0)
