"""Gaussian evidence fusion and the probability of each label.

Everything that turns evidence into a posterior lives here, in float64 and without I/O. The rules:

1. Each axis is a latent trait that is standard normal in the norm population. Evidence is a Gaussian likelihood, kept in information
   form: feature ``j`` brings ``shift[j]`` (its share of precision x mean) and ``information[j]`` (its share of precision). No evidence is
   all zeros.
2. The prior of a call is N(0, 1), or what earlier calls of this caller left (:class:`AxisPrior`). The posterior is the product of the two
   Gaussians.
3. Contributions are in innovation form: what a feature adds is what it says beyond what the prior made one expect. They sum to posterior
   mean minus prior mean, exactly, because the mean is computed from them.
4. Axes are independent a posteriori: every feature indicates one axis only. The probability of a quadrant is then a product of normal
   tails.

References
----------
Bishop, C. M. (2006). Pattern Recognition and Machine Learning, section 2.3 (products of Gaussians, linear-Gaussian models).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from simpatico.types import AxisEstimate

__all__ = ["POPULATION_MEAN", "POPULATION_SD", "AxisPosterior", "AxisPrior", "fuse", "orthant_probabilities", "probability_positive"]

POPULATION_MEAN = 0.0
"""Mean of every axis in the norm population, by definition of its scale."""
POPULATION_SD = 1.0
"""Standard deviation of every axis in the norm population, by definition of its scale."""


@dataclass(frozen=True, slots=True)
class AxisPrior:
    """What is believed of one axis before the call: N(mean, sd**2), in SD of the norm population.

    Parameters
    ----------
    mean
        Finite.
    sd
        Finite and above 0; 1 for a caller without history.

    Raises
    ------
    ValueError
        When a number is out of its range.
    """

    mean: float = POPULATION_MEAN
    sd: float = POPULATION_SD

    def __post_init__(self) -> None:
        if not math.isfinite(self.mean):
            raise ValueError(f"mean of a prior must be finite, got {self.mean!r}")
        if not (math.isfinite(self.sd) and self.sd > 0.0):
            raise ValueError(f"sd of a prior must be a finite number above 0, got {self.sd!r}; a caller without history has sd 1")

    @classmethod
    def from_estimate(cls, axis: AxisEstimate, *, stability: float) -> AxisPrior:
        """What one call's posterior says about the next call of the same caller.

        Style in a call is partly the person, partly the occasion. With ``stability`` s, the correlation of the true axis value between two
        calls of one person, the next call's value given this one's is N(s x, 1 - s**2), so the posterior N(m, v) becomes
        N(s m, s**2 v + 1 - s**2).

        Parameters
        ----------
        axis
            The posterior after a call.
        stability
            0 (calls have nothing in common) to 1 (style never changes).

        Raises
        ------
        ValueError
            When ``stability`` is outside 0 to 1.
        """
        if not 0.0 <= stability <= 1.0:
            raise ValueError(f"stability must be between 0 and 1, got {stability!r}")
        return cls(mean=stability * axis.mean, sd=math.sqrt(stability**2 * axis.sd**2 + 1.0 - stability**2))


@dataclass(frozen=True, slots=True)
class AxisPosterior:
    """Posterior of one axis. ``contributions`` has one entry per feature, in the order given, and sums to ``mean`` minus the prior mean."""

    mean: float
    sd: float
    contributions: tuple[float, ...]


def fuse(shift: Sequence[float], information: Sequence[float], prior: AxisPrior | None = None) -> AxisPosterior:
    """Multiply the prior of one axis with the evidence of every feature.

    Parameters
    ----------
    shift, information
        Per feature, its share of the likelihood's precision x mean and of its precision. The shares of precision may differ in sign,
        their sum may not be below 0.
    prior
        None for N(0, 1), the population's.

    Returns
    -------
    AxisPosterior
        With precision ``1 / prior.sd**2 + sum(information)`` and mean ``prior.mean + sum(contributions)``, where contribution ``j`` is
        ``(shift[j] - information[j] * prior.mean) / precision``.

    Raises
    ------
    ValueError
        When the two sequences differ in length or the total information is negative beyond rounding.
    """
    if len(shift) != len(information):
        raise ValueError(f"shift and information must be of one length, got {len(shift)} and {len(information)}")
    total = math.fsum(information)
    if total < -1e-6:
        raise ValueError(f"total information of an axis must not be negative, got {total!r}")
    prior = prior or AxisPrior()
    precision = 1.0 / prior.sd**2 + max(total, 0.0)
    contributions = tuple((s - i * prior.mean) / precision for s, i in zip(shift, information, strict=True))
    return AxisPosterior(mean=prior.mean + math.fsum(contributions), sd=1.0 / math.sqrt(precision), contributions=contributions)


def probability_positive(mean: float, sd: float) -> float:
    """Probability that a normal variable with this mean and sd (above 0) is above 0."""
    return 0.5 * math.erfc(-mean / (sd * math.sqrt(2.0)))


def orthant_probabilities(posteriors: Mapping[str, AxisPosterior], labels: Mapping[str, Mapping[str, int]]) -> dict[str, float]:
    """Probability of each label: that every axis lies on the label's side of 0.

    Parameters
    ----------
    posteriors
        By axis name; independent normals.
    labels
        By label: +1 or -1 for each axis. Over all labels every combination of signs occurs exactly once, so the probabilities sum to 1.

    Returns
    -------
    dict[str, float]
        In the order of ``labels``.
    """
    above = {name: probability_positive(p.mean, p.sd) for name, p in posteriors.items()}
    below = {name: probability_positive(-p.mean, p.sd) for name, p in posteriors.items()}
    return {label: math.prod((above if sign > 0 else below)[axis] for axis, sign in signs.items()) for label, signs in labels.items()}
