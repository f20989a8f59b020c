"""What a changed policy would have been worth, from the log of the one that ran: off-policy evaluation and replay.

For decision i with logged probability b_i of the agent who was ranked first and took the call, the new policy's probability p_i of the
same agent, w_i = p_i / b_i, and utility u_i::

    IPS    mean of w u                              unbiased; wide where the policies differ
    SNIPS  sum w u / sum w                          a little biased, far less variable
    DR     mean of (sum_a p_a q_a + w (u - q_taken))   doubly robust: right if either the probabilities or q are

q is the utility that the logged model expected at the time, so it never saw the outcome that it is held against. The effective sample size
(sum w)**2 / sum w**2 says how many calls of the new policy the log is worth. When it is small the answer is refused: a handful of
lucky calls with huge weights would pose as evidence.

What can be evaluated: decisions that the model ranked one by one (a neutral one was drawn with probability 1 and says nothing of other
agents; of an assignment of several calls only estimates of the probabilities exist), where the agent who was ranked first took the call.
That the ACD followed the first rank is assumed to depend on nothing that also moves the outcome; the share that it followed is reported,
and below ``MIN_FOLLOWED`` the answer is refused.

References
----------
Dudik, M., Langford, J. & Li, L. (2011). Doubly robust policy evaluation and learning. ICML.
Swaminathan, A. & Joachims, T. (2015). The self-normalized estimator for counterfactual learning. NeurIPS.
Kong, A. (1992). A note on importance sampling using standardized weights. Technical report 348, University of Chicago.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from simpatico.errors import RequestError
from simpatico.routing.policy import Policy
from simpatico.routing.posterior import Posterior
from simpatico.routing.ranking import propensities, rank
from simpatico.routing.types import Decision
from simpatico.routing.utility import Utility

__all__ = [
    "MIN_EFFECTIVE",
    "MIN_FOLLOWED",
    "Estimate",
    "Evaluation",
    "EvaluationRefused",
    "LoggedChoice",
    "Replay",
    "evaluate",
    "logged_choices",
    "replay",
    "target_of",
]

MIN_EFFECTIVE = 100.0
"""Effective calls below which nothing is said. With a utility SD of 0.35 a mean of 100 has a standard error of 0.035, about the size of
the effects sought. No call can then carry more than a tenth of all weight."""
MIN_FOLLOWED = 0.5
"""Share of rankings that the ACD followed, below which those followed may be too special a choice."""
SAME = 1e-6
"""Replayed propensities must agree to the error with which they are computed."""


@dataclass(frozen=True, slots=True)
class LoggedChoice:
    """One decision, as evaluation needs it.

    Attributes
    ----------
    logged, target
        Probability of the agent taken, under the policy that ran (above 0) and under the one in question.
    utility
        0 to 1.
    expected
        What the logged model expected of the agent taken.
    expected_target
        What it expected of the new policy: the sum over agents of target probability times expectation.
    cluster
        Calls of one cluster (say, an hour or a block) are not taken as independent.
    """

    logged: float
    target: float
    utility: float
    expected: float
    expected_target: float
    cluster: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean utility with its interval."""

    value: float
    low: float
    high: float


class EvaluationRefused(StrEnum):
    """Why there is no estimate. The strings are part of the JSON and gRPC contract."""

    NOTHING_LOGGED = "no_ranked_decision_with_an_outcome"
    SMALL_SAMPLE = "effective_sample_too_small"
    NOT_FOLLOWED = "rankings_not_followed"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The worth of a policy by three estimators, None when refused.

    ``logged`` is what the policy that ran got on the same calls. ``mean_weight`` is 1 on average when the probabilities are right.
    ``calls`` were used; ``followed`` is the share of ranked decisions whose first agent took the call.
    """

    ips: Estimate | None
    snips: Estimate | None
    dr: Estimate | None
    logged: Estimate | None
    calls: int
    effective: float
    mean_weight: float
    largest_share: float
    followed: float
    refused: EvaluationRefused | None = None


def logged_choices(
    decisions: Iterable[Decision],
    target: Callable[[Decision], NDArray[np.float64]],
    utility: Callable[[Decision], Utility | None],
    *,
    cluster_s: float = 3600.0,
) -> tuple[list[LoggedChoice], float]:
    """Read a log.

    Parameters
    ----------
    decisions
        Of one queue.
    target
        The new policy's probabilities for a decision, float64 [candidates in neutral order]; see
        :func:`simpatico.routing.ranking.propensities`.
    utility
        How well a decision's call went, None when that is not known.
    cluster_s
        Length of a cluster, seconds.

    Returns
    -------
    list of LoggedChoice, float
        The decisions that can be used, and the share of ranked decisions with an agent reported whose first agent it was (0 without any).
    """
    found, ranked, followed = [], 0, 0
    for d in decisions:
        # An assignment's propensities are shares of redraws: dividing by them would let their error pose as evidence.
        if d.ranking.neutral or d.ranking.assigned or d.taken is None:
            continue
        ranked += 1
        if d.taken != d.ranking.entries[0].agent_id:
            continue
        followed += 1
        got = utility(d)
        first = d.ranking.entries[0]
        if got is None or first.propensity <= 0.0:
            continue
        chances = target(d)
        place = {c.agent.agent_id: i for i, c in enumerate(d.request.candidates)}
        expected = np.zeros(len(place))
        for e in d.ranking.entries:
            expected[place[e.agent_id]] = e.expected_utility or 0.0
        chance = float(chances[place[d.taken]])
        expected_target = float(chances @ expected)
        cluster = int(d.at_s // cluster_s)
        found.append(LoggedChoice(first.propensity, chance, got.value, first.expected_utility or 0.0, expected_target, cluster))
    return found, followed / ranked if ranked else 0.0


def evaluate(choices: Iterable[LoggedChoice], *, followed: float = 1.0, confidence: float = 0.95) -> Evaluation:
    """Estimate the mean utility of the target policy.

    Parameters
    ----------
    choices, followed
        From :func:`logged_choices`.
    confidence
        Of the intervals, above 0.5 and below 1; they are clustered.

    Raises
    ------
    RequestError
        When a probability is not in (0, 1] (logged) or [0, 1] (target), a utility is not in [0, 1], or ``confidence`` is out of range.
    """
    if not 0.5 < confidence < 1.0:
        raise RequestError(f"confidence must be above 0.5 and below 1, got {confidence!r}; 0.95 is usual", field="confidence")
    rows = np.array([(c.logged, c.target, c.utility, c.expected, c.expected_target) for c in choices], dtype=np.float64).reshape(-1, 5)
    _check(rows)
    clusters = np.unique(np.array([c.cluster for c in choices], dtype=np.int64), return_inverse=True)[1]
    logged, target, u, q, q_target = rows.T
    weight = target / logged
    total = float(weight.sum())
    effective = total**2 / float(weight @ weight) if total > 0.0 else 0.0
    largest = float(weight.max()) / total if total > 0.0 else 1.0
    known = (len(rows), effective, total / max(len(rows), 1), largest, followed)
    refused = _refusal(len(rows), effective, followed)
    if refused is not None:
        return Evaluation(None, None, None, None, *known, refused)
    ones = np.ones(len(rows))
    return Evaluation(
        _ratio(weight * u, ones, clusters, confidence),
        _ratio(weight * u, weight, clusters, confidence),
        _ratio(q_target + weight * (u - q), ones, clusters, confidence),
        _ratio(u, ones, clusters, confidence),
        *known,
    )


def _check(rows: NDArray[np.float64]) -> None:
    low = np.array((0.0, 0.0, 0.0, -np.inf, -np.inf))
    high = np.array((1.0, 1.0 + 1e-9, 1.0, np.inf, np.inf))
    wrong = ~np.isfinite(rows) | (rows < low) | (rows > high)
    wrong[:, 0] |= rows[:, 0] <= 0.0
    if wrong.any():
        row, column = (int(x) for x in np.argwhere(wrong)[0])
        name = ("logged", "target", "utility", "expected", "expected_target")[column]
        raise RequestError(
            f"{name} of decision {row} is {float(rows[row, column])!r}: probabilities and utilities lie in 0 to 1", field=name
        )


def _refusal(calls: int, effective: float, followed: float) -> EvaluationRefused | None:
    if calls == 0:
        return EvaluationRefused.NOTHING_LOGGED
    if followed < MIN_FOLLOWED:
        return EvaluationRefused.NOT_FOLLOWED
    return EvaluationRefused.SMALL_SAMPLE if effective < MIN_EFFECTIVE else None


def _ratio(over: NDArray[np.float64], under: NDArray[np.float64], clusters: NDArray[np.intp], confidence: float) -> Estimate:
    """sum over / sum under, with the linearised variance of a ratio, clustered, and a t interval."""
    value = float(over.sum() / under.sum())
    residual = np.bincount(clusters, over - value * under)
    groups = residual.size
    se = math.sqrt(float(residual @ residual) * groups / max(groups - 1, 1)) / float(under.sum())
    reach = float(stdtrit(max(groups - 1, 1), 0.5 + confidence / 2.0)) * se
    return Estimate(value, value - reach, value + reach)


@dataclass(frozen=True, slots=True)
class Replay:
    """Whether a logged decision comes out again: the order, and the largest difference of a propensity."""

    same_order: bool
    propensity_error: float

    @property
    def same(self) -> bool:
        """Whether both agree to the error with which propensities are computed."""
        return self.same_order and self.propensity_error <= SAME


def replay(decision: Decision, posterior: Posterior | None, policy: Policy) -> Replay:
    """Make a logged decision again from its inputs and seed, with the model and policy that it names.

    A decision that was neutral for a reason outside (deadline, store) is compared with the neutral order.
    """
    order = tuple(e.agent_id for e in decision.ranking.entries)
    logged = {e.agent_id: e.propensity for e in decision.ranking.entries}
    if decision.ranking.neutral:
        again = {c.agent.agent_id: float(i == 0) for i, c in enumerate(decision.request.candidates)}
        same = order == tuple(again)
    else:
        made = rank(decision.request, posterior, policy, seed=decision.ranking.seed, block=decision.block)
        again = {e.agent_id: e.propensity for e in made.entries}
        same = order == tuple(e.agent_id for e in made.entries)
    if logged.keys() != again.keys():
        return Replay(False, 1.0)
    return Replay(same, max((abs(logged[a] - again[a]) for a in logged), default=0.0))


def target_of(posterior: Posterior | None, policy: Policy) -> Callable[[Decision], NDArray[np.float64]]:
    """The target of a changed policy or model, for :func:`logged_choices`."""
    return lambda decision: propensities(decision.request, posterior, policy, block=decision.block)
