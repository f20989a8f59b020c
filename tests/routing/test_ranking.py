"""Ranking: reproducible, propensities as drawn, skills first, load, neutral whenever the model may not speak."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simpatico.errors import NoCandidatesError, RequestError
from simpatico.routing.policy import Policy
from simpatico.routing.posterior import Posterior
from simpatico.routing.ranking import neutral, propensities, rank
from simpatico.routing.scoring import draws, load_penalty, score
from simpatico.routing.types import (
    MAX_SEED,
    Agent,
    Arm,
    BlockArm,
    Candidate,
    FactorKind,
    NeutralReason,
    RankRequest,
    Source,
)
from simpatico.routing.variance import fit
from tests.routing.worlds import belief, candidates, learned, queue, request

MODEL = fit(learned(queue(0)))
assert MODEL is not None
GOLDEN = [-0.747648760976798, -0.4767829620741876, 0.8322478050767509, 0.4572509811363878]
FREE = Policy(load_weight=0.0, idle_weight=0.0)


def ids(ranking: object) -> list[str]:
    return [e.agent_id for e in ranking.entries]  # type: ignore[attr-defined]


def test_the_same_inputs_give_the_same_answer_and_other_seeds_others() -> None:
    one = rank(request(), MODEL, seed=7)
    assert one == rank(request(), MODEL, seed=7)
    assert len({ids(rank(request(), MODEL, Policy(exploration=1.0), seed=s))[0] for s in range(100)}) > 1
    assert not one.neutral
    assert one.basis == {Source.LIVE}


def test_draws_are_the_ones_of_every_release() -> None:
    # Golden: PCG-64 seeded with 12345, raw output by inversion; computed with NumPy 2.4, SciPy 1.17. A log is replayed with these.
    np.testing.assert_allclose(draws(12345, 4), GOLDEN, rtol=1e-12)
    sample = draws(3, 100_000)
    assert abs(sample.mean()) < 0.013  # 4 standard errors
    assert sample.std() == pytest.approx(1.0, abs=0.01)


def test_agents_come_first_as_often_as_their_propensity_says() -> None:
    asked = request(6, candidates=candidates(6, occupancy=0.5))
    p = {e.agent_id: e.propensity for e in rank(asked, MODEL, seed=0).entries}
    assert sum(p.values()) == pytest.approx(1.0)
    first = [ids(rank(asked, MODEL, seed=s))[0] for s in range(4_000)]
    for agent, chance in p.items():
        assert first.count(agent) / 4_000 == pytest.approx(chance, abs=4.0 * max(float(np.sqrt(chance * (1 - chance) / 4_000)), 1e-3))
    np.testing.assert_allclose(propensities(asked, MODEL, Policy()), [p[f"a{i}"] for i in range(6)], atol=1e-12)


def test_the_propensity_is_the_same_whatever_the_seed() -> None:
    one, other = rank(request(), MODEL, seed=1), rank(request(), MODEL, seed=2)
    assert {e.agent_id: e.propensity for e in one.entries} == {e.agent_id: e.propensity for e in other.entries}


def test_without_exploration_the_best_expectation_is_first() -> None:
    answer = rank(request(), MODEL, replace(FREE, exploration=0.0), seed=1)
    utilities = [e.expected_utility or 0.0 for e in answer.entries]
    assert utilities == sorted(utilities, reverse=True)
    assert [e.propensity for e in answer.entries] == [1.0] + [0.0] * 11


def test_skills_and_languages_come_before_scores_and_nobody_is_cut() -> None:
    people = tuple(
        Candidate(Agent(f"a{i}", frozenset({"tax"}) if i % 2 else frozenset(), frozenset({"cy"}) if i > 5 else frozenset()))
        for i in range(12)
    )
    for seed in range(20):
        answer = rank(request(candidates=people, skills=frozenset({"tax"}), languages=frozenset({"cy"})), MODEL, seed=seed)
        assert set(ids(answer)[:3]) == {"a7", "a9", "a11"}
        assert len(answer.entries) == 12
        assert sum(e.propensity for e in answer.entries[:3]) == pytest.approx(1.0)
        assert {e.propensity for e in answer.entries[3:]} == {0.0}


def test_whoever_is_at_capacity_comes_last() -> None:
    people = tuple(Candidate(Agent(f"a{i}", capacity=2), open_calls=2 if i < 3 else 1) for i in range(6))
    for seed in range(10):
        assert set(ids(rank(request(candidates=people), MODEL, seed=seed))[3:]) == {"a0", "a1", "a2"}


def test_load_is_taken_off() -> None:
    people = (Candidate(Agent("a0"), occupancy=0.9), Candidate(Agent("a1"), occupancy=0.7))
    assert load_penalty(people, Policy(load_weight=0.5)).tolist() == pytest.approx([0.1, 0.0])
    idle = (Candidate(Agent("a0"), idle_s=0.0), Candidate(Agent("a1"), idle_s=100.0), Candidate(Agent("a2"), idle_s=100.0))
    assert load_penalty(idle, Policy(idle_weight=0.04)).tolist() == pytest.approx([0.02, 0.0, 0.0])
    open_calls = (Candidate(Agent("a0", capacity=4), 1), Candidate(Agent("a1", capacity=4), 0))
    assert load_penalty(open_calls, Policy(load_weight=1.0))[0] == pytest.approx(0.25)
    heavy = request(2, candidates=people)
    assert propensities(heavy, MODEL, Policy(load_weight=10.0))[0] < 1e-6
    assert rank(heavy, MODEL, Policy(load_weight=10.0), seed=0).entries[1].load_penalty == pytest.approx(2.0)


def test_an_agent_who_lost_load_never_falls() -> None:
    busy = propensities(request(3, candidates=candidates(3, occupancy=0.8)), MODEL, Policy())
    eased = (Candidate(Agent("a0"), occupancy=0.6), *candidates(3, occupancy=0.8)[1:])
    assert propensities(request(3, candidates=eased), MODEL, Policy())[0] > busy[0]


def test_reasons_sum_to_the_score_and_carry_their_evidence() -> None:
    answer = rank(request(), MODEL, Policy(explained=12), seed=3)
    rows = MODEL.rows([c.agent.agent_id for c in request().candidates])  # type: ignore[union-attr]
    baseline = MODEL.predict(rows, np.array((1.0, 1.0, -1.0)), "r1").baseline  # type: ignore[union-attr]
    scores = score(request(), MODEL, Policy(explained=12), draws(3, 12))  # type: ignore[arg-type]
    value = dict(zip([c.agent.agent_id for c in request().candidates], scores.value, strict=True))
    for entry in answer.entries:
        assert baseline + sum(f.contribution for f in entry.factors) == pytest.approx(value[entry.agent_id])
        sizes = [abs(f.contribution) for f in entry.factors]
        assert sizes == sorted(sizes, reverse=True)
        by_style = [f for f in entry.factors if f.kind is FactorKind.STYLE]
        assert {f.axis for f in by_style} == {"assertiveness", "responsiveness"}
        assert all(f.evidence > 10 for f in by_style)
    assert [bool(e.factors) for e in rank(request(), MODEL, seed=3).entries] == [True] * 3 + [False] * 9


ON = BlockArm("e", 0, Arm.ON, False, True)


@pytest.mark.parametrize(
    ("change", "model", "block", "why"),
    [
        ({"objected": True}, MODEL, None, NeutralReason.OBJECTED),
        ({}, MODEL, replace(ON, arm=Arm.OFF, rank=False), NeutralReason.EXPERIMENT_OFF),
        ({}, None, ON, NeutralReason.NO_OUTCOMES),
        ({}, fit(learned(queue(0, calls=49))), None, NeutralReason.NO_OUTCOMES),
        ({}, replace(MODEL, agent_mean=MODEL.agent_mean * np.nan), None, NeutralReason.NOT_FINITE),
        ({}, replace(MODEL, queue_cov=MODEL.queue_cov * np.inf), None, NeutralReason.NOT_FINITE),
    ],
)
def test_neutral_whenever_the_model_may_not_speak(
    change: dict[str, object], model: Posterior | None, block: BlockArm | None, why: NeutralReason
) -> None:
    asked = request(**change)  # type: ignore[arg-type]
    answer = rank(asked, model, seed=5, block=block)
    assert ids(answer) == [f"a{i}" for i in range(12)]
    assert (answer.neutral, answer.neutral_reason, answer.basis) == (True, why, frozenset())
    assert [e.propensity for e in answer.entries] == [1.0] + [0.0] * 11
    assert propensities(asked, model, Policy(), block=block).tolist() == [1.0] + [0.0] * 11
    assert {e.expected_utility for e in answer.entries} == {None}


def test_a_model_that_turns_non_finite_only_for_this_call_is_neutral_too() -> None:
    broken = replace(MODEL, agent_pull=MODEL.agent_pull * np.nan)
    with np.errstate(invalid="ignore"):
        assert rank(request(), broken, seed=1).neutral_reason is NeutralReason.NOT_FINITE
        assert propensities(request(), broken, Policy())[0] == 1.0


def test_nobody_eligible_is_an_error() -> None:
    for model in (MODEL, None):
        with pytest.raises(NoCandidatesError, match="nobody is eligible"):
            rank(RankRequest("q", ()), model, seed=0)
    assert neutral(request(3), NeutralReason.DEADLINE).neutral_reason is NeutralReason.DEADLINE


@pytest.mark.parametrize("seed", [-1, MAX_SEED + 1, 1.5, True])
def test_a_seed_in_range(seed: int) -> None:
    with pytest.raises(RequestError, match="seed must be a whole number"):
        rank(request(), MODEL, seed=seed)


def test_a_stranger_is_ranked_by_outcomes_alone() -> None:
    answer = rank(request(live=None), MODEL, seed=4)
    assert answer.basis == {Source.PRIOR}
    assert not any(f.kind is FactorKind.STYLE for e in answer.entries for f in e.factors)


def test_a_profile_counts_unless_the_policy_says_not() -> None:
    known = request(profile=belief(-2.0, 2.0, 0.4, Source.PROFILE))
    assert rank(known, MODEL, seed=4).basis == {Source.LIVE, Source.PROFILE}
    assert rank(known, MODEL, Policy(use_profile=False), seed=4) == rank(request(), MODEL, Policy(use_profile=False), seed=4)


PEOPLE = st.tuples(st.integers(0, 30), st.integers(0, 3), st.floats(0, 1e6), st.none() | st.floats(0, 1))
"""Number, open calls, idle seconds, occupancy."""


@settings(max_examples=60)
@given(
    st.integers(0, MAX_SEED),
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(0, 3), st.floats(0, 1e6), st.none() | st.floats(0, 1)),
        min_size=1,
        max_size=15,
        unique_by=lambda t: t[0],
    ),
    st.floats(-10, 10),
    st.text(max_size=5),
)
def test_every_candidate_is_answered_once(seed: int, people: list[tuple[int, int, float, float | None]], style: float, reason: str) -> None:
    listed = tuple(Candidate(Agent(f"a{i}"), calls, idle, share) for i, calls, idle, share in people)
    answer = rank(RankRequest("q", listed, reason, belief(style, -style, source=Source.LIVE)), MODEL, seed=seed)
    assert sorted(ids(answer)) == sorted(c.agent.agent_id for c in listed)
    assert sum(e.propensity for e in answer.entries) == pytest.approx(1.0)
    assert all(e.load_penalty >= 0.0 for e in answer.entries)


@pytest.mark.parametrize("change", [{"version": ""}, {"load_weight": -1.0}, {"exploration": float("nan")}, {"min_calls": -1}])
def test_a_policy_that_cannot_be(change: dict[str, object]) -> None:
    with pytest.raises(RequestError, match=next(iter(change))):
        Policy(**change)  # type: ignore[arg-type]
