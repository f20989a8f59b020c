"""What is measured of routing in the made-up call centre; every study returns figures, ``tables`` makes them readable.

Intervals are 95 % t intervals over runs (independent seeds), of paired differences where policies are compared: all policies meet the
same callers with the same luck.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from bench.callcentre.floor import Float, Moment, Result, simulate
from bench.callcentre.policies import Ours, neutral, oracle, skills_only
from bench.callcentre.world import Calls, Centre, Settings, draw_calls, draw_centre
from simpatico.routing.policy import Policy

__all__ = ["Mean", "Objection", "Season", "mean_of", "objection", "season"]

QUARTERS = 4


@dataclass(frozen=True)
class Mean:
    """A mean over runs and half the width of its 95 % interval."""

    value: float
    reach: float

    @property
    def low(self) -> float:
        """Lower end."""
        return self.value - self.reach

    @property
    def high(self) -> float:
        """Upper end."""
        return self.value + self.reach

    def text(self, digits: int = 2, scale: float = 100.0) -> str:
        """For a table cell; in points (hundredths) unless scaled otherwise."""
        return f"{scale * self.value:.{digits}f} ± {scale * self.reach:.{digits}f}"


def mean_of(values: Sequence[float] | Float) -> Mean:
    """Mean and interval of one figure per run."""
    figures = np.asarray(values, dtype=np.float64)
    reach = float(stdtrit(figures.size - 1, 0.975)) * float(figures.std(ddof=1)) / figures.size**0.5
    return Mean(float(figures.mean()), reach)


@dataclass(frozen=True)
class Season:
    """A season of calls under several policies: by name the results, and the runs' models of ours."""

    centre: Centre
    calls: Calls
    results: dict[str, Result]
    ours: Ours

    def quality(self, name: str) -> Float:
        """Mean chance that a call goes well by run and quarter of the season, float64 [S, 4]."""
        quality = self.results[name].quality
        count = quality.shape[1] // QUARTERS * QUARTERS
        parts: Float = quality[:, :count].reshape(quality.shape[0], QUARTERS, -1).mean(axis=2)
        return parts

    def regret(self, name: str) -> list[Mean]:
        """What the policy lost against the oracle in each quarter."""
        lost = self.quality("oracle") - self.quality(name)
        return [mean_of(lost[:, k]) for k in range(QUARTERS)]

    def gain(self, name: str, over: str) -> Mean:
        """Mean quality over the season against another policy."""
        return mean_of((self.quality(name) - self.quality(over)).mean(axis=1))

    def late_gain(self, name: str, over: str) -> Mean:
        """The same in the last quarter."""
        return mean_of((self.quality(name) - self.quality(over))[:, -1])

    def spread(self, name: str) -> Float:
        """SD of agents' occupancy, by run."""
        spread: Float = self.results[name].worked.std(axis=1)
        return spread


def season(settings: Settings, runs: int, count: int, seed: int, *, without_style: bool = False) -> Season:
    """Run a season under neutral, skills only, ours, and the oracle; with ``without_style`` also ours with style switched off."""
    centre, calls = draw_centre(settings, runs, seed), draw_calls(settings, runs, count, seed)
    policy = Policy()
    ours = Ours(centre, calls, policy, seed)
    results = {
        "neutral": simulate(centre, calls, neutral),
        "skills only": simulate(centre, calls, partial(skills_only, centre, calls)),
        "ours": simulate(centre, calls, ours.choose, ours.learn),
        "oracle": simulate(centre, calls, partial(oracle, load_weight=policy.load_weight)),
    }
    if without_style:
        plain = Ours(centre, calls, Policy(use_live=False, use_profile=False), seed)
        results["ours, style unused"] = simulate(centre, calls, plain.choose, plain.learn)
    return Season(centre, calls, results, ours)


@dataclass(frozen=True)
class Objection:
    """What an objection costs, by run: seconds of waiting, and chance of going well."""

    calls: int
    objecting: int
    wait_neutral_s: Mean
    wait_change_s: Mean
    wait_against_others_s: Mean
    quality_change: Mean
    quality_change_by_skills: Mean


def objection(settings: Settings, runs: int, count: int, seed: int) -> Objection:
    """Route everybody but objectors by ours, and hold objectors against the same calls in a world where all are routed neutrally.

    Whoever is routed better leaves other agents free: for comparison also a world where all but objectors are routed by skills only.
    """
    centre, calls = draw_centre(settings, runs, seed), draw_calls(settings, runs, count, seed)
    ours = Ours(centre, calls, Policy(), seed)
    mixed, plain = simulate(centre, calls, ours.choose, ours.learn), simulate(centre, calls, neutral)
    theirs = calls.objected

    def skilled(moment: Moment) -> NDArray[np.intp]:
        return np.where(theirs[:, moment.index], neutral(moment), skills_only(centre, calls, moment))

    by_skills = simulate(centre, calls, skilled)

    def by_run(values: Float, which: NDArray[np.bool_]) -> Float:
        means: Float = np.where(which, values, 0.0).sum(axis=1) / which.sum(axis=1)
        return means

    change = mixed.wait_s - plain.wait_s
    return Objection(
        theirs.size,
        int(theirs.sum()),
        mean_of(by_run(plain.wait_s, theirs)),
        mean_of(by_run(change, theirs)),
        mean_of(by_run(change, theirs) - by_run(change, ~theirs)),
        mean_of(by_run(mixed.quality - plain.quality, theirs)),
        mean_of(by_run(by_skills.quality - plain.quality, theirs)),
    )


def switched(on: Callable[[Moment], NDArray[np.intp]], ranks: Callable[[Float], NDArray[np.bool_]]) -> Callable[[Moment], NDArray[np.intp]]:
    """A policy that is ``on`` where ``ranks`` (by start time) says so, and neutral elsewhere."""
    return lambda moment: np.where(ranks(moment.start_s), on(moment), neutral(moment))
