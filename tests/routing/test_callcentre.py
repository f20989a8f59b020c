"""The made-up call centre and what it measures, in small; ``python -m bench.routing`` has the full figures."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from bench.callcentre.floor import MEMORY_S, Floor, Moment, simulate
from bench.callcentre.policies import Ours, neutral, oracle, skills_only
from bench.callcentre.proof import changed_policies, expected_utility, experiments
from bench.callcentre.studies import Season, objection, season
from bench.callcentre.world import Settings, draw_calls, draw_centre, qualities
from bench.routing import SPREAD_BOUND
from simpatico.routing.policy import Policy

SMALL = Settings(agents=8, occupancy=0.5, style_effect=0.6, live_sd=0.5)


@pytest.fixture(scope="module")
def past() -> Season:
    return season(SMALL, 4, 1_200, seed=1)


def test_ours_beats_skills_only_when_style_matters(past: Season) -> None:
    assert past.late_gain("ours", "skills only").low > 0.0
    assert past.gain("oracle", "ours").low > 0.0  # nobody beats who knows the truth
    regret = past.regret("ours")
    assert regret[-1].value < regret[0].value


def test_occupancy_spread_is_within_the_bound(past: Season) -> None:
    assert (past.spread("ours") - past.spread("neutral")).mean() < SPREAD_BOUND


@pytest.mark.slow
def test_ours_is_no_worse_when_style_does_not_matter() -> None:
    found = season(Settings(agents=8, style_effect=0.0), 3, 900, seed=2)
    assert found.gain("ours", "skills only").high > 0.0
    assert found.gain("ours", "skills only").value > -0.01
    model = found.ours.models[0]
    assert model is not None
    assert max(model.spreads.style) < 0.05  # below its default: the slopes are shrunk


@pytest.mark.slow
def test_the_lift_is_recovered_and_a_a_shows_none() -> None:
    found = experiments(SMALL, 50, 1_000, seed=3)
    assert found.estimate.low < found.true_lift < found.estimate.high or abs(found.estimate.value - found.true_lift) < 0.01
    assert 0.88 < found.covered <= 1.0  # 95 % of 50: standard error 3.1 %
    alike = experiments(SMALL, 50, 1_000, seed=3, aa=True)
    assert abs(alike.estimate.value) < 2 * alike.estimate.reach
    assert alike.significant < 0.15
    assert alike.covered > 0.88


@pytest.mark.slow
def test_a_changed_policy_is_evaluated_rightly(past: Season) -> None:
    for found in changed_policies(past, 4, 300, seed=5):
        for name in ("ips", "snips", "dr"):
            assert found.covered(name) >= 3, (found.name, name)  # of four
        assert np.abs(found.error("dr")).max() < 0.1  # four standard errors of 300 calls with SD .45


@pytest.mark.slow
def test_an_objection_costs_no_waiting() -> None:
    found = objection(Settings(objecting=0.2, occupancy=0.85), 4, 700, seed=1)
    assert found.calls == 2_800
    assert found.wait_change_s.low < 0.0  # not surely longer
    assert abs(found.wait_against_others_s.value) < 2 * found.wait_against_others_s.reach


def test_the_same_seed_gives_the_same_calls_and_choices() -> None:
    def agents() -> np.ndarray:
        centre, calls = draw_centre(SMALL, 2, 9), draw_calls(SMALL, 2, 150, 9)
        ours = Ours(centre, calls, Policy(min_calls=50), 9)
        return simulate(centre, calls, ours.choose, ours.learn).agent

    np.testing.assert_array_equal(agents(), agents())


def test_the_bench_chooses_as_the_service_ranks() -> None:
    centre, calls = draw_centre(SMALL, 1, 4), draw_calls(SMALL, 1, 250, 4)
    fast = Ours(centre, calls, Policy(), 4)
    whole = Ours(centre, calls, Policy(), 4, log=True)
    chosen = simulate(centre, calls, fast.choose, fast.learn).agent
    np.testing.assert_array_equal(chosen, simulate(centre, calls, whole.choose, whole.learn).agent)
    assert [len(d) for d in whole.decisions] == [250]


def test_nobody_has_two_calls_and_nobody_waits_beside_a_free_agent() -> None:
    centre, calls = draw_centre(SMALL, 3, 5), draw_calls(SMALL, 3, 400, 5)
    for choose in (neutral, partial(skills_only, centre, calls), partial(oracle, load_weight=1.0)):
        found = simulate(centre, calls, choose)
        end = found.start_s + found.handle_s
        assert (found.wait_s >= 0.0).all()
        assert (np.diff(found.start_s, axis=1) >= 0.0).all()
        for s in range(3):
            for a in range(SMALL.agents):
                own = found.agent[s] == a
                assert (found.start_s[s, own][1:] >= end[s, own][:-1] - 1e-6).all()
            for i in np.flatnonzero(found.wait_s[s] > 1e-6):
                busy = (found.start_s[s, :i] <= calls.arrival_s[s, i]) & (end[s, :i] > calls.arrival_s[s, i])
                queued = (found.start_s[s, :i] > calls.arrival_s[s, i]).sum()
                assert busy.sum() == SMALL.agents or queued > 0


def test_neutral_takes_the_longest_idle() -> None:
    moment = Moment(0, np.zeros(1), np.array([[True, True, False]]), np.array([[3.0, 9.0, -4.0]]), np.zeros((1, 3)), np.zeros((1, 3)))
    assert neutral(moment).tolist() == [1]


def test_occupancy_is_exact_whatever_the_steps() -> None:
    def after(steps: int) -> float:
        floor = Floor(np.array([[500.0]]), np.array([[0.3]]), np.zeros((1, 1)), np.zeros(1))
        for to in np.linspace(0.0, 2_000.0, steps + 1)[1:]:
            floor.advance(np.array([to]))
        return float(floor.occupancy[0, 0])

    by_hand = 0.3 * np.exp(-2_000 / MEMORY_S) + np.exp(-1_500 / MEMORY_S) - np.exp(-2_000 / MEMORY_S)
    assert after(1) == pytest.approx(by_hand)
    assert after(37) == pytest.approx(by_hand)


def test_styles_and_beliefs_are_calibrated() -> None:
    calls = draw_calls(Settings(callers=40), 4, 2_000, 6)
    profile = (calls.style - calls.profile) / calls.profile_sd[..., None]
    assert profile.std() == pytest.approx(1.0, abs=0.04)
    slope = float((calls.live * calls.style).sum() / (calls.live**2).sum())
    assert slope == pytest.approx(1.0, abs=0.05)  # a posterior mean is unbiased: E[style | live] = live
    assert (calls.style - calls.live).std() == pytest.approx(0.8, abs=0.02)


def test_expected_utility_is_what_outcomes_average_to() -> None:
    rng = np.random.default_rng(0)
    for chance in (0.2, 0.6, 0.9):
        good = rng.random(200_000) < chance
        stars = (np.clip(np.rint(1 + 4 * chance + rng.normal(size=good.size)), 1, 5) - 1) / 4
        rated = rng.random(good.size) < 0.3
        mean = float(np.where(rated, (0.5 * good + 0.4 * stars) / 0.9, good).mean())
        assert float(expected_utility(np.array(chance), 0.3)) == pytest.approx(mean, abs=0.004)


def test_the_truth_is_not_the_models() -> None:
    centre, calls = draw_centre(SMALL, 2, 7), draw_calls(SMALL, 2, 10, 7)
    chance = qualities(centre, calls, 3)
    assert chance.shape == (2, 8)
    assert ((chance >= 0.02) & (chance <= 0.98)).all()
