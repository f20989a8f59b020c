"""Scores of all candidates for one call, as arrays: what ranking, explanation, assignment and evaluation share.

Rules:

1. **Tiers before scores.** An agent who lacks a required skill or language comes after all who have it; then, one who is at capacity after
   all who are not. The ACD's list is never cut.
2. score = expected utility + exploration x SD x draw - load penalty. The SD is the contrast's: what is uncertain about the whole queue
   moves nobody ahead.
3. Draws are independent between agents, one standard normal for each in neutral order, by inversion of raw PCG-64 output: NumPy keeps the
   streams of its bit generators from version to version (NEP 19), so a decision of any age can be replayed from its seed.
4. Ties keep the neutral order.

References
----------
Thompson, W. R. (1933). On the likelihood that one unknown probability exceeds another. Biometrika 25, 285-294.
Russo, D. et al. (2018). A tutorial on Thompson sampling. Foundations and Trends in Machine Learning 11(1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from simpatico.errors import RequestError
from simpatico.routing.belief import combine
from simpatico.routing.candidates import Candidate, Candidates
from simpatico.routing.observations import design
from simpatico.routing.policy import Policy
from simpatico.routing.posterior import Posterior, Predictions
from simpatico.routing.propensity import first_place
from simpatico.routing.types import MAX_SEED, RankRequest, StyleBelief

__all__ = ["Scores", "draws", "load_penalty", "rescore", "score", "tiers"]

Float = NDArray[np.float64]


def draws(seed: int, count: int) -> Float:
    """Standard normals for ``count`` candidates in neutral order, float64 [count]; rule 3.

    Raises
    ------
    RequestError
        When the seed is not a whole number from 0 to ``MAX_SEED``.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= MAX_SEED:
        raise RequestError(f"seed must be a whole number from 0 to {MAX_SEED}, got {seed!r}", field="seed")
    raw = np.random.PCG64(seed).random_raw(count)
    normals: Float = ndtri(((raw >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53)
    return normals


def tiers(request: RankRequest) -> NDArray[np.int64]:
    """Rule 1: 0 for qualified and free, 1 qualified but at capacity, 2 and 3 the same without the skills or languages; int64
    [candidates]."""
    who = request.eligible
    found: NDArray[np.int64] = 2 * who.lacking(request.skills, request.languages) + (who.open_calls >= who.capacity)
    return found


def load_penalty(candidates: Sequence[Candidate], policy: Policy) -> Float:
    """Utility taken off each candidate for load, float64 [candidates], at least 0; the least loaded has none.

    By occupancy where the ACD gives it for all, else by idle time: idle_weight / (1 + idle / median idle). Open calls count in either
    case, as a share of capacity.
    """
    who = Candidates.of(candidates)
    open_share = who.open_calls / who.capacity
    if who.occupancy is None or np.isnan(who.occupancy).any():
        penalty = policy.idle_weight / (1.0 + who.idle_s / max(float(np.median(who.idle_s)), 1.0)) + policy.load_weight * open_share
    else:
        penalty = policy.load_weight * (who.occupancy + open_share)
    least: Float = penalty - penalty.min()
    return least


@dataclass(frozen=True)
class Scores:
    """Everything about the candidates of one call, in neutral order. ``draw`` is exploration x SD x normal; ``order`` indexes
    candidates, best first; ``rows`` are theirs in the model."""

    belief: StyleBelief
    phi: Float
    predictions: Predictions
    penalty: Float
    spread: Float
    draw: Float
    tier: NDArray[np.int64]
    normals: Float
    model: Posterior
    rows: NDArray[np.intp]

    @cached_property
    def value(self) -> Float:
        """The scores, float64 [candidates]."""
        total: Float = self.predictions.mean - self.penalty + self.draw
        return total

    @cached_property
    def order(self) -> NDArray[np.intp]:
        """Rules 1 and 4."""
        return np.lexsort((-self.value, self.tier))

    def first(self, count: int) -> list[int]:
        """The first ``count`` of ``order``, without ordering the rest."""
        best = np.flatnonzero(self.tier == self.tier.min())
        if best.size < count or count == 0:
            found: list[int] = self.order[:count].tolist()
            return found
        behind = -self.value[best]
        ahead = behind <= np.partition(behind, count - 1)[count - 1]
        ordered: list[int] = best[ahead][np.argsort(behind[ahead], kind="stable")][:count].tolist()
        return ordered

    def propensities(self) -> Float:
        """Probability of each candidate to be first, float64 [candidates]; 0 outside the best tier."""
        result = np.zeros(self.tier.size)
        best = self.tier == self.tier.min()
        result[best] = first_place((self.predictions.mean - self.penalty)[best], self.spread[best])
        return result


def score(request: RankRequest, posterior: Posterior, policy: Policy, normals: Float) -> Scores:
    """Score all candidates.

    Parameters
    ----------
    request
        With at least one candidate.
    normals
        From :func:`draws`, float64 [candidates].
    """
    return _score(
        request, posterior, request.eligible.rows(posterior), policy, normals, load_penalty(request.candidates, policy), tiers(request)
    )


def rescore(request: RankRequest, policy: Policy, actual: Scores) -> Scores:
    """Score the same candidates with the same draws and loads, by a policy that makes other use of style."""
    return _score(request, actual.model, actual.rows, policy, actual.normals, actual.penalty, actual.tier)


def _score(
    request: RankRequest,
    model: Posterior,
    rows: NDArray[np.intp],
    policy: Policy,
    normals: Float,
    penalty: Float,
    tier: NDArray[np.int64],
) -> Scores:
    belief = combine(request.live if policy.use_live else None, request.profile if policy.use_profile else None, model.axes)
    phi = design(belief, model.axes)
    predictions = model.predict(rows, phi, request.reason)
    spread = policy.exploration * predictions.contrast_sd
    return Scores(belief, phi, predictions, penalty, spread, spread * normals, tier, normals, model, rows)
