"""Who should take this call: the ranking, and the neutral order that stands in for it.

A ranking never fails for want of knowledge. The answer is the ACD's own order, marked with the reason, when the caller objects, when an
experiment's OFF block has the call, when the queue has too few outcomes, or when the model's figures are not finite. The service adds
two more (:func:`neutral`): its deadline has passed, or its store is away.
"""

from __future__ import annotations

import numpy as np

from simpatico.errors import NoCandidatesError
from simpatico.routing.policy import DEFAULT_POLICY, Policy
from simpatico.routing.posterior import Posterior
from simpatico.routing.ranked import Entries
from simpatico.routing.roster import Picked
from simpatico.routing.scoring import Float, Scores, draws, score
from simpatico.routing.types import (
    BlockArm,
    Factor,
    FactorKind,
    NeutralReason,
    Ranking,
    RankRequest,
    Source,
)

__all__ = ["neutral", "neutral_reason", "propensities", "rank", "rank_scored"]


def rank(
    request: RankRequest, posterior: Posterior | None, policy: Policy = DEFAULT_POLICY, *, seed: int, block: BlockArm | None = None
) -> Ranking:
    """Order the candidates by Thompson sampling.

    Parameters
    ----------
    request
        The call and who is eligible.
    posterior
        The queue's outcome model, or None while there is none.
    policy
        The deployment's.
    seed
        Of this decision, 0 to ``MAX_SEED``; the same request, posterior, policy and seed give the same ranking.
    block
        Where the call falls in a running experiment, or None.

    Returns
    -------
    Ranking
        All candidates, each once.

    Raises
    ------
    NoCandidatesError
        When nobody is eligible.
    RequestError
        When the seed is out of range.
    """
    return rank_scored(request, posterior, policy, seed=seed, block=block)[0]


def rank_scored(
    request: RankRequest, posterior: Posterior | None, policy: Policy = DEFAULT_POLICY, *, seed: int, block: BlockArm | None = None
) -> tuple[Ranking, Scores | None]:
    """As `rank`, with the scores that it rests on; None when the answer is neutral."""
    normals = draws(seed, len(request.candidates))
    why = neutral_reason(request, posterior, policy, block)
    if why is not None or posterior is None:
        return neutral(request, why or NeutralReason.NO_OUTCOMES, policy, seed=seed), None
    scores = score(request, posterior, policy, normals)
    if not np.isfinite(scores.value).all():
        return neutral(request, NeutralReason.NOT_FINITE, policy, seed=seed), None
    basis = scores.belief.sources or frozenset({Source.PRIOR})
    entries = _entries(request, scores, policy)
    ranking = Ranking(entries, basis, policy.version, seed, learned_through=posterior.through, learned_calls=posterior.calls)
    return ranking, scores


def neutral_reason(request: RankRequest, posterior: Posterior | None, policy: Policy, block: BlockArm | None) -> NeutralReason | None:
    """Why this call must be routed neutrally, or None when the model may rank.

    Raises
    ------
    NoCandidatesError
        When nobody is eligible.
    """
    if not request.candidates:
        raise NoCandidatesError("nobody is eligible: a ranking needs at least one agent; ask again when one is free", field="candidates")
    if request.objected:
        return NeutralReason.OBJECTED
    if block is not None and not block.rank:
        return NeutralReason.EXPERIMENT_OFF
    if posterior is None or posterior.calls < policy.min_calls:
        return NeutralReason.NO_OUTCOMES
    return None if posterior.finite else NeutralReason.NOT_FINITE


def neutral(request: RankRequest, why: NeutralReason, policy: Policy = DEFAULT_POLICY, *, seed: int = 0) -> Ranking:
    """The ACD's own order, marked with the reason. The first agent has a propensity of 1: nothing was drawn."""
    return Ranking(Entries.neutral(request.eligible.names), frozenset(), policy.version, seed, why)


def propensities(request: RankRequest, posterior: Posterior | None, policy: Policy, *, block: BlockArm | None = None) -> Float:
    """Probability of each candidate, in neutral order, to be ranked first; float64 [candidates].

    It depends on everything but the seed, so a changed policy or model can be held against a logged request.
    """
    if neutral_reason(request, posterior, policy, block) is None and posterior is not None:
        scores = score(request, posterior, policy, np.zeros(len(request.candidates)))
        if np.isfinite(scores.value).all():
            return scores.propensities()
    first = np.zeros(len(request.candidates))
    first[0] = 1.0
    return first


def _entries(request: RankRequest, scores: Scores, policy: Policy) -> Entries:
    order, names, p = scores.order, request.eligible.names, scores.predictions
    return Entries(
        names.take(order) if isinstance(names, Picked) else [names[i] for i in order.tolist()],
        scores.propensities()[order],
        p.mean[order],
        p.sd[order],
        scores.penalty[order],
        tuple(_factors(request, scores, i) for i in order[: policy.explained].tolist()),
    )


def _factors(request: RankRequest, scores: Scores, i: int) -> tuple[Factor, ...]:
    """What moved candidate ``i`` from an average agent's expectation to its score, largest first."""
    p = scores.predictions
    calls = float(p.calls[i])
    factors = [Factor(FactorKind.AGENT, float(p.level[i]), calls)]
    factors += [
        Factor(FactorKind.STYLE, float(slope * m), calls, axis.name, float(m))
        for axis, slope, m in zip(scores.belief.axes, p.slopes[i], scores.phi[1:], strict=True)
    ]
    factors.append(Factor(FactorKind.REASON, float(p.cell[i]), float(p.cell_calls[i])))
    factors.append(Factor(FactorKind.LOAD, -float(scores.penalty[i]), value=request.eligible.load(i)))
    factors.append(Factor(FactorKind.EXPLORATION, float(scores.draw[i])))
    return tuple(sorted((f for f in factors if f.contribution), key=lambda f: -abs(f.contribution)))
