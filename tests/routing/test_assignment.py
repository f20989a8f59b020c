"""Several callers at once: nobody waits longer, objectors get what the ACD gives, the sum is the largest."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simpatico.errors import NoCandidatesError, RequestError
from simpatico.routing.assignment import Waiting, assign
from simpatico.routing.policy import Policy
from simpatico.routing.scoring import score
from simpatico.routing.types import Agent, Arm, BlockArm, Candidate, NeutralReason, Source
from simpatico.routing.variance import fit
from tests.routing.worlds import belief, candidates, learned, queue, request

MODEL = fit(learned(queue(0)))
assert MODEL is not None
MODELS = {"q": MODEL}
SURE = Policy(exploration=0.0, load_weight=0.0, idle_weight=0.0)


def call(i: int, agents: int, style: tuple[float, float] = (0.0, 0.0), **fields: object) -> Waiting:
    return Waiting(f"c{i}", request(agents, live=belief(*style, source=Source.LIVE), **fields))  # type: ignore[arg-type]


def test_the_sum_is_the_largest_of_all_permutations() -> None:
    waiting = [call(i, 5, style) for i, style in enumerate([(1.5, -1.0), (-1.5, 0.5), (0.2, 2.0)])]
    got = assign(waiting, MODELS, SURE, seed=1, redraws=0)
    value = np.array([score(w.request, MODEL, SURE, np.zeros(5)).value for w in waiting])
    best = max(itertools.permutations(range(5), 3), key=lambda p: value[range(3), p].sum())
    assert [a.agent_id for a in got] == [f"a{i}" for i in best]
    assert [a.expected_utility for a in got] == pytest.approx([value[i, p] for i, p in enumerate(best)])
    assert {a.propensity for a in got} == {None}


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 6),
    st.lists(st.tuples(st.booleans(), st.lists(st.integers(0, 5), min_size=1, max_size=6, unique=True)), min_size=1, max_size=8),
    st.integers(0, 2**40),
)
def test_who_is_served_is_who_the_acd_would_serve(capacity: int, calls: list[tuple[bool, list[int]]], seed: int) -> None:
    waiting = []
    for i, (objected, listed) in enumerate(calls):
        people = tuple(Candidate(Agent(f"a{k}", capacity=1 + k % capacity), open_calls=k % 2) for k in listed)
        waiting.append(call(i, 1, candidates=people, objected=objected))
    got = assign(waiting, MODELS, seed=seed, redraws=3)
    room = {c.agent.agent_id: max(0, c.agent.capacity - c.open_calls) for w in waiting for c in w.request.candidates}
    plain = []
    for w in waiting:
        agent = next((c.agent.agent_id for c in w.request.candidates if room[c.agent.agent_id] > 0), None)
        if agent:
            room[agent] -= 1
        plain.append(agent)
    assert [a.call_id for a in got] == [w.call_id for w in waiting]
    taken: dict[str, int] = {}
    for a, w, neutral in zip(got, waiting, plain, strict=True):
        assert (a.agent_id is None) == (neutral is None)
        if a.agent_id is None:
            continue
        assert a.agent_id in {c.agent.agent_id for c in w.request.candidates}
        taken[a.agent_id] = taken.get(a.agent_id, 0) + 1
        if w.request.objected:
            assert (a.agent_id, a.neutral_reason) == (neutral, NeutralReason.OBJECTED)
    for w in waiting:
        for c in w.request.candidates:
            assert taken.get(c.agent.agent_id, 0) <= max(0, c.agent.capacity - c.open_calls)


def test_an_objector_does_not_get_what_others_left() -> None:
    waiting = [call(0, 3), call(1, 3, objected=True), call(2, 3)]
    for seed in range(20):
        assert assign(waiting, MODELS, seed=seed, redraws=0)[1].agent_id == "a1"


def test_skills_before_scores() -> None:
    people = tuple(Candidate(Agent(f"a{i}", frozenset({"tax"} if i == 4 else ()))) for i in range(5))
    waiting = [call(i, 5, candidates=people, skills=frozenset({"tax"} if i == 1 else ())) for i in range(3)]
    assert {assign(waiting, MODELS, seed=s, redraws=0)[1].agent_id for s in range(10)} == {"a4"}


def test_an_agent_with_room_takes_several() -> None:
    people = (Candidate(Agent("a0", capacity=3), open_calls=1), Candidate(Agent("a1")))
    got = assign([call(i, 2, candidates=people) for i in range(4)], MODELS, seed=0)
    assert sorted(a.agent_id or "" for a in got) == ["", "a0", "a0", "a1"]
    assert got[3].agent_id is None


def test_propensities_are_shares_of_redraws() -> None:
    waiting = [call(0, 3), call(1, 3, (2.0, 0.0))]
    got = assign(waiting, MODELS, seed=5, redraws=400)
    made = [assign(waiting, MODELS, seed=s, redraws=0) for s in range(400)]
    for k, a in enumerate(got):
        share = np.mean([m[k].agent_id == a.agent_id for m in made])
        assert a.propensity is not None
        assert a.propensity_se is not None
        assert a.propensity == pytest.approx(share, abs=4 * np.sqrt(2) * a.propensity_se)
    assert got == assign(waiting, MODELS, seed=5, redraws=400)


def test_neutral_calls_keep_their_agent_and_say_why() -> None:
    off = BlockArm("e", 1, Arm.OFF, False, False)
    waiting = [call(0, 3), replace(call(1, 3), block=off), Waiting("c2", replace(call(2, 3).request, queue="unknown"))]
    got = assign(waiting, MODELS, seed=0)
    assert [(a.agent_id, a.neutral_reason) for a in got] == [
        ("a0", None),
        ("a1", NeutralReason.EXPERIMENT_OFF),
        ("a2", NeutralReason.NO_OUTCOMES),
    ]


def test_requests_that_cannot_be() -> None:
    with pytest.raises(NoCandidatesError, match="nobody waits"):
        assign([], MODELS, seed=0)
    with pytest.raises(NoCandidatesError, match="nobody is eligible"):
        assign([call(0, 0)], MODELS, seed=0)
    with pytest.raises(RequestError, match="call 'c1' waits twice"):
        assign([call(1, 2), call(1, 2)], MODELS, seed=0)
    with pytest.raises(RequestError, match="501 calls wait; at most 500"):
        assign([call(i, 1) for i in range(501)], MODELS, seed=0)
    with pytest.raises(RequestError, match="redraws must be at least 0"):
        assign([call(1, 2)], MODELS, seed=0, redraws=-1)
    assert candidates(0) == ()
