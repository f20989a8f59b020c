"""How much of a feature is the speaker's and how much is chance: split halves, stepped up by Spearman-Brown.

Each track is measured on the two halves of its call, cut where half of the speech of both parties has been spoken. The correlation of the
halves over tracks, with each role's median taken off, is the reliability of half a track; Spearman-Brown gives that of a whole one. With
sixteen tracks its standard error is about .25, so it is averaged, on Fisher's z scale, with what was believed before (a published figure
or a judgement) as if that had been seen in twelve tracks, and kept between .1 and .9. The service needs it as seconds of speech at which
reliability is one half.

References
----------
Spearman, C. (1910). Correlation calculated from faulty data. British Journal of Psychology 3, 271-295; Brown, W. (1910), ibid. 296-322.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recipe.norms import Track

__all__ = ["Reliability", "combine", "half_evidence_s", "spearman_brown", "split_half"]

PRIOR_TRACKS = 12
"""Weight of the earlier belief, in tracks. Judgement."""
LOWEST, HIGHEST = 0.1, 0.9
"""A feature that is nothing but chance, or none, is not what sixteen tracks can show."""
FEWEST_TRACKS = 5
"""Below it a correlation is not worth computing; the earlier belief stands."""


@dataclass(frozen=True, slots=True)
class Reliability:
    """Of one feature in a whole track.

    ``halves_r`` is the correlation of the halves and ``measured`` what Spearman-Brown makes of it, both None with too few tracks or no
    variation; ``used`` is that combined with ``believed``.
    """

    tracks: int
    halves_r: float | None
    measured: float | None
    believed: float
    used: float


def spearman_brown(reliability: float, factor: float) -> float:
    """Reliability of a measurement ``factor`` times as long; for ``reliability`` above -1 / (factor - 1)."""
    return factor * reliability / (1.0 + (factor - 1.0) * reliability)


def half_evidence_s(reliability: float, evidence_s: float) -> float:
    """Seconds at which reliability is one half, when it is ``reliability`` (in (0, 1)) at ``evidence_s``."""
    return evidence_s * (1.0 - reliability) / reliability


def combine(halves_r: float | None, tracks: int, believed: float) -> float:
    """Average the measured and the believed reliability on Fisher's z scale."""
    if halves_r is None:
        return believed
    measured = spearman_brown(float(np.clip(halves_r, 0.0, HIGHEST)), 2.0)
    weight = tracks - 3
    z = (weight * np.arctanh(np.clip(measured, 0.0, HIGHEST)) + PRIOR_TRACKS * np.arctanh(believed)) / (weight + PRIOR_TRACKS)
    return float(np.clip(np.tanh(z), LOWEST, HIGHEST))


def split_half(first: Sequence[Track], second: Sequence[Track], believed: Mapping[str, float]) -> dict[str, Reliability]:
    """Measure the reliability of every feature in ``believed``.

    Parameters
    ----------
    first, second
        The same tracks in the same order, measured on the two halves of their calls.
    believed
        By feature name, reliability of a whole track before looking.
    """
    found = {}
    for feature, belief in believed.items():
        pairs = [(a, b) for a, b in zip(first, second, strict=True) if feature in a.features and feature in b.features]
        roles = np.array([a.role.value for a, _ in pairs])
        x = _about_role_median(np.array([a.features[feature] for a, _ in pairs]), roles)
        y = _about_role_median(np.array([b.features[feature] for _, b in pairs]), roles)
        r = float(np.corrcoef(x, y)[0, 1]) if len(pairs) >= FEWEST_TRACKS and x.std() > 0.0 and y.std() > 0.0 else None
        measured = None if r is None else spearman_brown(max(r, 0.0), 2.0)
        found[feature] = Reliability(len(pairs), r, measured, belief, combine(r, len(pairs), belief))
    return found


def _about_role_median(values: NDArray[np.float64], roles: NDArray[np.str_]) -> NDArray[np.float64]:
    centred = values.astype(np.float64)
    for role in np.unique(roles):
        centred[roles == role] -= np.median(centred[roles == role])
    return centred
