"""Who decides: neutral (longest idle), skills only, an oracle, and the service's own ranking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from bench.callcentre.floor import Float, Moment
from bench.callcentre.world import Calls, Centre
from simpatico.routing.belief import combine
from simpatico.routing.observations import DEFAULT_AXES, Observations
from simpatico.routing.policy import Policy
from simpatico.routing.posterior import Posterior
from simpatico.routing.ranking import neutral_reason, rank
from simpatico.routing.scoring import draws, score
from simpatico.routing.types import MAX_SEED, Agent, AxisBelief, Candidate, Decision, Observation, Outcome, RankRequest, Source, StyleBelief
from simpatico.routing.utility import utility
from simpatico.routing.variance import fit

__all__ = ["Ours", "neutral", "oracle", "skills_only"]

REFIT = 1.15
"""The model is fitted again when it has a seventh more calls: what a service does every few minutes early on, and daily later."""
FIRST_FIT = 50


def neutral(moment: Moment) -> NDArray[np.intp]:
    """The longest idle."""
    return np.where(moment.free, moment.idle_s, -1.0).argmax(axis=1)


def skills_only(centre: Centre, calls: Calls, moment: Moment) -> NDArray[np.intp]:
    """The longest idle who has the skill, if any has."""
    skilled = centre.skills[np.arange(moment.start_s.size), :, calls.reason[:, moment.index]]
    return np.where(moment.free, moment.idle_s + 1e9 * skilled, -1.0).argmax(axis=1)


def oracle(moment: Moment, load_weight: float) -> NDArray[np.intp]:
    """The best by the truth, under the same load penalty as ours."""
    return np.where(moment.free, moment.quality - load_weight * moment.occupancy, -np.inf).argmax(axis=1)


def _belief(mean: Float, sd: float, source: Source) -> StyleBelief:
    first, second = float(mean[0]), float(mean[1])
    return StyleBelief((AxisBelief(DEFAULT_AXES[0], first, sd), AxisBelief(DEFAULT_AXES[1], second, sd)), frozenset({source}))


@dataclass
class Ours:
    """The service's ranking and learning, one model for each run.

    ``frozen`` keeps the models as given; ``log`` keeps whole decisions, with propensities (slower). ``policy`` is the service's.
    """

    centre: Centre
    calls: Calls
    policy: Policy
    seed: int = 0
    frozen: Sequence[Posterior | None] | None = None
    log: bool = False
    decisions: list[list[Decision]] = field(default_factory=list)

    def __post_init__(self) -> None:
        runs, agents = self.centre.level.shape
        self.observations = [Observations() for _ in range(runs)]
        self.models: list[Posterior | None] = list(self.frozen) if self.frozen else [None] * runs
        self.due = [FIRST_FIT] * runs
        self.asked: list[RankRequest | None] = [None] * runs
        self.beliefs: list[StyleBelief | None] = [None] * runs
        self.decisions = [[] for _ in range(runs)]
        names = [frozenset(f"r{r}" for r in range(self.centre.settings.reasons) if row[r]) for run in self.centre.skills for row in run]
        self.agents = [[Agent(f"a{a:02}", names[s * agents + a]) for a in range(agents)] for s in range(runs)]

    def request(self, s: int, moment: Moment) -> RankRequest:
        """What the ACD would ask for run ``s``."""
        i, calls = moment.index, self.calls
        free = np.flatnonzero(moment.free[s])
        free = free[np.argsort(-moment.idle_s[s, free], kind="stable")]
        listed = tuple(Candidate(self.agents[s][a], 0, float(moment.idle_s[s, a]), float(moment.occupancy[s, a])) for a in free.tolist())
        reason = f"r{calls.reason[s, i]}"
        if calls.objected[s, i]:
            return RankRequest("q", listed, reason, skills=frozenset({reason}), objected=True)
        known = calls.profile_sd[s, i] < 1.0
        return RankRequest(
            "q",
            listed,
            reason,
            _belief(calls.live[s, i], self.centre.settings.live_sd, Source.LIVE),
            _belief(calls.profile[s, i], float(calls.profile_sd[s, i]), Source.PROFILE) if known else None,
            frozenset({reason}),
        )

    def choose(self, moment: Moment) -> NDArray[np.intp]:
        """The agent ranked first, in every run."""
        first = np.empty(len(self.models), dtype=np.intp)
        for s, model in enumerate(self.models):
            asked = self.request(s, moment)
            self.asked[s], self.beliefs[s] = asked, None
            seed = ((self.seed * 1_000_003 + s) * 1_000_003 + moment.index) % MAX_SEED
            if self.log:
                answer = rank(asked, model, self.policy, seed=seed)
                agent = answer.entries[0].agent_id
                number = f"{s}-{moment.index}"
                self.decisions[s].append(Decision(number, number, float(moment.start_s[s]), asked, answer, None, agent))
            elif len(asked.candidates) == 1 or model is None or neutral_reason(asked, model, self.policy, None) is not None:
                agent = asked.candidates[0].agent.agent_id
            else:
                # As rank does, without the propensities, which change no choice and take most of the time.
                scores = score(asked, model, self.policy, draws(seed, len(asked.candidates)))
                agent = asked.candidates[int(scores.order[0])].agent.agent_id
                self.beliefs[s] = scores.belief
            first[s] = int(agent[1:])
        return first

    def learn(self, agent: NDArray[np.intp], settled: NDArray[np.bool_], rating: Float, handle_s: Float) -> None:
        """Report the outcomes of the call just routed, and fit again when it is time."""
        for s, asked in enumerate(self.asked):
            stars = float(rating[s])
            outcome = Outcome(resolved=bool(settled[s]), csat_5=None if np.isnan(stars) else stars, handle_s=float(handle_s[s]))
            if self.log:
                self.decisions[s][-1] = replace(self.decisions[s][-1], outcome=outcome)
            if self.frozen is not None or asked is None or asked.objected:
                continue
            got = utility(outcome)
            if got is None:
                continue
            belief = self.beliefs[s] or self.belief(asked)
            self.observations[s].learn(Observation(f"a{agent[s]:02}", asked.reason, belief, got.value, got.weight))
            if self.observations[s].calls >= self.due[s]:
                self.models[s] = fit(self.observations[s])
                self.due[s] = int(self.observations[s].calls * REFIT) + 1

    def belief(self, asked: RankRequest) -> StyleBelief:
        """The belief that the decision used, which is the one to learn with."""
        return combine(asked.live if self.policy.use_live else None, asked.profile if self.policy.use_profile else None, DEFAULT_AXES)
