"""The factor model of the scorer once more, by dense linear algebra: an independent peer for tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from recipe.graph import Indicator

Array = NDArray[np.float64]


def noise_covariance(
    indicators: Sequence[Indicator], evidence_s: Array, norm_evidence_s: Array, norm_variance: Array
) -> tuple[Array, Array]:
    """Loadings [F] and the covariance [F, F] of the features given the trait."""
    r = np.array([i.r for i in indicators])
    half = np.array([i.half_evidence_s for i in indicators])
    shared = np.array([i.shared_share for i in indicators])
    rho = norm_evidence_s / (norm_evidence_s + half)
    unique = rho * (1 - r**2)
    covariance = np.diag(unique + (1 - rho) * norm_evidence_s / evidence_s + norm_variance)
    for j, a in enumerate(indicators):
        for k, b in enumerate(indicators):
            if j != k and a.group is not None and a.group == b.group:
                covariance[j, k] = np.sqrt(shared[j] * unique[j] * shared[k] * unique[k])
    return r * np.sqrt(rho), covariance


def posterior(
    indicators: Sequence[Indicator],
    z: Array,
    known: NDArray[np.bool_],
    evidence_s: Array,
    norm_evidence_s: Array,
    norm_variance: Array,
    *,
    axes: int,
) -> tuple[Array, Array]:
    """Mean and variance [axes] by conditioning the joint normal of trait and known features."""
    loading, noise = noise_covariance(indicators, evidence_s, norm_evidence_s, norm_variance)
    mean, variance = np.zeros(axes), np.ones(axes)
    for axis in range(axes):
        rows = [j for j, i in enumerate(indicators) if i.axis == axis and known[j]]
        if rows:
            here = loading[rows]
            joint = noise[np.ix_(rows, rows)] + np.outer(here, here)
            mean[axis] = here @ np.linalg.solve(joint, z[rows])
            variance[axis] = 1.0 - here @ np.linalg.solve(joint, here)
    return mean, variance
