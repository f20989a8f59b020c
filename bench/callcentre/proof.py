"""Is the proof of value right? Lift and its interval over many experiments with known truth, A/A, and off-policy evaluation of changed
policies."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy.special import ndtr

from bench.callcentre.floor import Float, Result, simulate
from bench.callcentre.policies import Ours, neutral, oracle
from bench.callcentre.studies import Mean, Season, mean_of, switched
from bench.callcentre.world import Settings, draw_calls, draw_centre, qualities
from simpatico.routing.evaluation import Evaluation, evaluate, logged_choices, target_of
from simpatico.routing.experiment import Schedule, block_at
from simpatico.routing.lift import BlockCall, Lift, lift
from simpatico.routing.policy import Policy
from simpatico.routing.types import Arm, Outcome
from simpatico.routing.utility import Utility, utility

__all__ = ["Changed", "Experiments", "changed_policies", "expected_utility", "experiments"]

BLOCK_S = 3600.0
WASHOUT_S = 900.0
"""Two and a half usual calls."""


def _utilities() -> dict[tuple[bool, float], Utility | None]:
    """Utility of every outcome that occurs here, by (settled, rating; 0 for none)."""
    stars = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)
    return {(good, n): utility(Outcome(resolved=good, csat_5=n or None)) for good in (False, True) for n in stars}


@dataclass(frozen=True)
class Experiments:
    """Many switchback experiments in one call centre with known truth."""

    runs: int
    true_lift: float
    lifts: tuple[Lift, ...]

    @property
    def covered(self) -> float:
        """Share of intervals that hold the truth."""
        return float(
            np.mean([lift.low is not None and lift.high is not None and lift.low <= self.true_lift <= lift.high for lift in self.lifts])
        )

    @property
    def significant(self) -> float:
        """Share of p-values below .05."""
        return float(np.mean([lift.p_value is not None and lift.p_value < 0.05 for lift in self.lifts]))

    @property
    def estimate(self) -> Mean:
        """Mean of the estimates."""
        return mean_of([lift.estimate or 0.0 for lift in self.lifts])

    @property
    def width(self) -> float:
        """Mean half width of the intervals."""
        return float(np.mean([(lift.high or 0.0) - (lift.low or 0.0) for lift in self.lifts])) / 2


def experiments(settings: Settings, runs: int, count: int, seed: int, *, aa: bool = False) -> Experiments:
    """Run ``runs`` experiments in one centre, with other callers and other coins each; the truth is all ON against all OFF on the same
    calls.

    ON routes by the oracle under the service's load penalty: how good the model is, is not in question here.
    """
    centre, calls = draw_centre(settings, runs, seed, alike=True), draw_calls(settings, runs, count, seed)
    end = float(calls.arrival_s.max()) + BLOCK_S
    plans = [Schedule("bench", 0.0, end, BLOCK_S, WASHOUT_S, seed * 100_003 + s, aa) for s in range(runs)]
    arms = np.array([[_ranks(plan, b) for b in range(int(end // BLOCK_S) + 1)] for plan in plans])
    rows = np.arange(runs)
    on = partial(oracle, load_weight=Policy().load_weight)
    mixed = simulate(centre, calls, switched(on, lambda start_s: arms[rows, (start_s // BLOCK_S).astype(np.intp)]))
    values = _utilities()
    lifts = []
    for s, plan in enumerate(plans):
        rated = np.nan_to_num(mixed.rating[s]).tolist()
        found = [
            BlockCall("q", block, values[good, stars])
            for start, good, stars in zip(mixed.start_s[s].tolist(), mixed.settled[s].tolist(), rated, strict=True)
            if (block := block_at(plan, "q", start)) is not None
        ]
        lifts.append(lift(found))
    if aa:
        return Experiments(runs, 0.0, tuple(lifts))
    every_on, every_off = (_mean_utility(simulate(centre, calls, policy)) for policy in (on, neutral))
    return Experiments(runs, every_on - every_off, tuple(lifts))


def _ranks(plan: Schedule, block: int) -> bool:
    found = block_at(plan, "q", block * BLOCK_S)
    return found is not None and found.rank and found.arm is Arm.ON


def _mean_utility(result: Result) -> float:
    values = _utilities()
    got = [
        values[good, stars]
        for good, stars in zip(result.settled.ravel().tolist(), np.nan_to_num(result.rating).ravel().tolist(), strict=True)
    ]
    weight = np.array([u.weight for u in got if u])
    return float(weight @ np.array([u.value for u in got if u])) / float(weight.sum())


def expected_utility(quality: Float, rated: float) -> Float:
    """Expected reported utility of a call whose chance of going well is known: what the estimators are held against."""
    stars = np.arange(1, 6)
    centre = 1 + 4 * quality[..., None]
    above = ndtr(stars[1:] - 0.5 - centre)
    share = np.diff(np.concatenate([np.zeros_like(centre), above, np.ones_like(centre)], axis=-1), axis=-1)
    rating = share @ ((stars - 1) / 4)
    value: Float = (1 - rated) * quality + rated * (0.5 * quality + 0.4 * rating) / 0.9
    return value


@dataclass(frozen=True)
class Changed:
    """One changed policy, evaluated on each run's log: estimates, the truth on the same calls, and what the logged policy got."""

    name: str
    evaluations: tuple[Evaluation, ...]
    truth: Float
    logged: Float

    def error(self, estimator: str) -> Float:
        """Estimate minus truth, by run that was not refused."""
        return np.array([getattr(e, estimator).value - t for e, t in zip(self.evaluations, self.truth, strict=True) if e.refused is None])

    def covered(self, estimator: str) -> int:
        """Intervals that hold the truth."""
        kept = [(getattr(e, estimator), t) for e, t in zip(self.evaluations, self.truth, strict=True) if e.refused is None]
        return sum(e.low <= t <= e.high for e, t in kept)


def changed_policies(past: Season, runs: int, count: int, seed: int) -> list[Changed]:
    """Log new calls under the models of a past season, then ask what other policies would have been worth."""
    settings = past.centre.settings
    centre = replace(past.centre, **{name: getattr(past.centre, name)[:runs] for name in ("level", "way", "skills", "reason")})
    calls = draw_calls(settings, runs, count, seed + 1)
    logging = Policy(exploration=1.0)
    ours = Ours(centre, calls, logging, seed, frozen=past.ours.models[:runs], log=True)
    simulate(centre, calls, ours.choose, ours.learn)
    quality = np.stack([qualities(centre, calls, i) for i in range(count)], axis=1)  # [S, N, A]
    value = expected_utility(quality, settings.rated)
    targets = {
        "half the exploration": replace(logging, exploration=0.5),
        "load counts double": replace(logging, load_weight=2 * logging.load_weight),
        "without style": replace(logging, use_live=False, use_profile=False),
        "no exploration": replace(logging, exploration=0.0),
    }
    return [_changed(name, policy, ours, value) for name, policy in targets.items()]


def _changed(name: str, policy: Policy, ours: Ours, value: Float) -> Changed:
    evaluations, truth, logged = [], [], []
    for s, decisions in enumerate(ours.decisions):
        target = target_of(ours.models[s], policy)
        choices, followed = logged_choices(decisions, target, lambda decision: utility(decision.outcome))
        evaluations.append(evaluate(choices, followed=followed))
        worth, got = [], []
        for i, decision in enumerate(decisions):
            if not decision.ranking.neutral:
                agents = [int(c.agent.agent_id[1:]) for c in decision.request.candidates]
                worth.append(float(target(decision) @ value[s, i, agents]))
                got.append(float(value[s, i, int(decision.ranking.entries[0].agent_id[1:])]))
        truth.append(float(np.mean(worth)))
        logged.append(float(np.mean(got)))
    return Changed(name, tuple(evaluations), np.array(truth), np.array(logged))
