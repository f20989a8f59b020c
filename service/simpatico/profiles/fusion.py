"""A caller's style over several calls: the Gaussian product of what each call said, with the error that all calls share. Pure.

The model, for one axis, in SD of the norm population. Call ``k`` of a caller has the style ``x_k = u + w_k``: ``u ~ N(0, s)`` is what the
caller's calls have in common, ``w_k ~ N(0, 1 - s)`` the occasion, so ``s`` is the correlation of the true style between two calls of one
person (*stability*; the same s as in `AxisPrior.from_estimate`). A call's evidence, kept as precision i_k and precision x mean b_k, is

    y_k = b_k / i_k = x_k + e_k + sqrt(c_k) h ,    e_k ~ N(0, 1/i_k - c_k) ,    h ~ N(0, 1)

where ``c_k`` is the part of its error variance that the *norms* bring. Norms of few people are off by the same amount in every call, so
``h`` is common to all and does not average out: with p_k = 1 / (1 - s + 1/i_k - c_k), P = sum p_k and w_k = p_k / P,

    y = sum w_k y_k ,    var(y | u) = 1/P + (sum w_k sqrt(c_k))^2 ,

and the posterior of ``u`` is the product of N(0, s) and that. However many calls there are, its variance stays above 1 / (1/s + 1/c):
what the norms do not know, no number of calls can teach. Differences between the c_k are not used to cancel h: that would trust them too
much.

A posterior is computed from the calls that are held, each time; leaving one out (a call that was someone else's) leaves no trace.

References
----------
DerSimonian, R. & Laird, N. (1986). Meta-analysis in clinical trials. Controlled Clinical Trials 7, 177-188 (random effects by precision).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from simpatico.errors import RequestError
from simpatico.style import AxisPrior
from simpatico.types import AxisEstimate

__all__ = ["DEFAULT_STABILITY", "AxisEvidence", "AxisProfile", "fuse_calls"]

DEFAULT_STABILITY = 0.5
"""Correlation of style between two calls of one person, where the bundle's makers have not measured it. Reliabilities of speech measures
across telephone tasks run from .04 to .71 (pause time .71, speaking rate .65, F0 variability .61); style is read from several of them."""
_LEAST_VARIANCE = 1e-6
"""Keeps a precision finite where a call's stated error is all shared error and stability is 1."""


@dataclass(frozen=True, slots=True)
class AxisEvidence:
    """What one call said of one axis, apart from any prior.

    Parameters
    ----------
    shift, information
        Precision x mean (finite), and precision (0 or more; 0 is no evidence).
    shared_variance
        Part of the error variance 1/information that comes from the norms, 0 or more, SD squared. inf where there is no evidence.

    Raises
    ------
    RequestError
        When a number is out of its range.
    """

    shift: float
    information: float
    shared_variance: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.shift) and math.isfinite(self.information) and self.information >= 0.0):
            raise RequestError(
                f"evidence must be finite with information of 0 or more, got {self.shift!r} and {self.information!r}", field="style"
            )
        if math.isnan(self.shared_variance) or self.shared_variance < 0.0:
            raise RequestError(f"shared variance must be 0 or more, got {self.shared_variance!r}", field="style")

    @classmethod
    def of(cls, axis: AxisEstimate, prior: AxisPrior, shared_variance: float) -> AxisEvidence:
        """Take the prior out of a posterior again: what the call itself said."""
        information = max(1.0 / axis.sd**2 - 1.0 / prior.sd**2, 0.0)
        shift = axis.mean / axis.sd**2 - prior.mean / prior.sd**2
        return cls(shift if information > 0.0 else 0.0, information, shared_variance)


@dataclass(frozen=True, slots=True)
class AxisProfile:
    """What is held of one axis of a caller: ``mean`` and ``sd`` of u, from ``calls`` with evidence, at that ``stability``."""

    mean: float
    sd: float
    calls: int
    stability: float

    def prior(self) -> AxisPrior:
        """What to expect of the next call: u and the occasion. Its sd is never below sqrt(1 - stability)."""
        return AxisPrior(self.mean, math.sqrt(self.sd**2 + 1.0 - self.stability))


def fuse_calls(calls: Iterable[AxisEvidence], *, stability: float = DEFAULT_STABILITY) -> AxisProfile:
    """Fuse what several calls said of one axis.

    Parameters
    ----------
    calls
        In any order: the result does not depend on it beyond rounding.
    stability
        Above 0 (below that nothing carries over) to 1.

    Raises
    ------
    RequestError
        When stability is out of its range.
    """
    if not 0.0 < stability <= 1.0:
        raise RequestError(f"stability must be above 0 and at most 1, got {stability!r}", field="stability")
    usable = [call for call in calls if call.information > 0.0 and math.isfinite(call.shared_variance)]
    if not usable:
        return AxisProfile(0.0, math.sqrt(stability), 0, stability)
    mean, variance = _pooled(usable, stability)
    precision = 1.0 / stability + 1.0 / variance
    return AxisProfile(mean / variance / precision, math.sqrt(1.0 / precision), len(usable), stability)


def _pooled(calls: Sequence[AxisEvidence], stability: float) -> tuple[float, float]:
    """Return the mean of the calls and its variance about u."""
    weights = [1.0 / max(1.0 - stability + 1.0 / c.information - c.shared_variance, 1.0 - stability, _LEAST_VARIANCE) for c in calls]
    total = math.fsum(weights)
    mean = math.fsum(w * c.shift / c.information for w, c in zip(weights, calls, strict=True)) / total
    shared = math.fsum(w * math.sqrt(c.shared_variance) for w, c in zip(weights, calls, strict=True)) / total
    return mean, 1.0 / total + shared**2
