"""Norms from a handful of tracks: robust, and modest about it.

With eight tracks a median absolute deviation (MAD) is a rough figure, and by chance it can come out far too small, which would turn
ordinary callers into outliers. Four safeguards, in this order:

1. The MAD is corrected for its small-sample bias (Croux & Rousseeuw 1992).
2. It is shrunk, as a variance, towards the MAD of both roles' tracks about their own role's median, as if that were worth eight tracks.
3. It may not fall below half of the standard deviation of those pooled deviations, so that a feature most of whose tracks are equal (no
   interruption at all) keeps a scale.
4. It may not fall below the smallest difference that one track can show (one event in a one-minute call).

What the median itself does not know is carried on: the service adds pi / (2 n) SD squared to the error variance of each z, n being the
number of different speakers.

References
----------
Croux, C. & Rousseeuw, P. J. (1992). Time-efficient algorithms for two highly robust estimators of scale. COMPSTAT, 411-428.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simpatico.style.config import NormRow
from simpatico.types import Role

__all__ = ["Track", "fit_norms", "small_sample_factor"]

MAD_TO_SD = 1.4826
"""1 / Phi^-1(3/4): SD of a normal variable over its MAD."""
PRIOR_TRACKS = 8
"""Weight of the pooled scale, in tracks. Judgement: as much as the role's own eight."""
FLOOR_SHARE_OF_SD = 0.5
"""See rule 3. Judgement."""
DIGITS = 5
"""Significant digits kept: far finer than the norms are known, far coarser than what differs between machines."""

RESOLUTION: Mapping[str, float] = {"1/min": 1.0, "Hz": 0.1, "1": 0.02, "st": 0.25, "SD": 0.1}
"""Smallest SD by unit, see rule 4. Judgement."""

_FACTORS = (1.196, 1.495, 1.363, 1.206, 1.200, 1.140, 1.129, 1.107)
"""Croux & Rousseeuw (1992): correction of MAD * 1.4826 for n = 2 .. 9 normal values."""


@dataclass(frozen=True, slots=True)
class Track:
    """One person's channel of one call, measured. ``features`` holds what could be measured; ``speech_s`` is how much the person spoke."""

    call_id: str
    role: Role
    speaker: str
    speech_s: float
    features: Mapping[str, float]


def small_sample_factor(n: int) -> float:
    """Return what the MAD of ``n`` (at least 2) normal values is multiplied by to be unbiased; n / (n - 0.8) from ten values on."""
    return _FACTORS[n - 2] if n <= len(_FACTORS) + 1 else n / (n - 0.8)


def fit_norms(tracks: Sequence[Track], units: Mapping[str, str], *, bandwidth: str, codec_family: str) -> tuple[NormRow, ...]:
    """Fit a norm for every role and feature that at least two tracks of that role have.

    Parameters
    ----------
    tracks
        Of one kind of audio.
    units
        By feature name: which features, in this order.
    bandwidth, codec_family
        The kind.
    """
    rows = []
    for feature, unit in units.items():
        by_role = {role: [t for t in tracks if t.role is role and feature in t.features] for role in Role}
        by_role = {role: found for role, found in by_role.items() if len(found) >= 2}
        values = {role: np.array([t.features[feature] for t in found]) for role, found in by_role.items()}
        if not values:
            continue
        pooled = np.concatenate([v - np.median(v) for v in values.values()])
        for role, found in by_role.items():
            mad, raw, rule = _scale(values[role], pooled, RESOLUTION[unit])
            rows.append(
                NormRow(
                    role=role,
                    bandwidth=bandwidth,
                    codec_family=codec_family,
                    feature=feature,
                    median=_rounded(float(np.median(values[role]))),
                    mad=_rounded(mad),
                    tracks=len(found),
                    speakers=len({t.speaker for t in found}),
                    evidence_s=_rounded(float(np.median([t.speech_s for t in found]))),
                    raw_mad=_rounded(raw),
                    rule=rule,
                )
            )
    return tuple(rows)


def _scale(own: NDArray[np.float64], pooled: NDArray[np.float64], resolution_sd: float) -> tuple[float, float, Literal["shrunk", "floor"]]:
    """The MAD to use, the raw one, and which rule decided."""
    raw = float(np.median(np.abs(own - np.median(own))))
    n = len(own)
    mine = raw * small_sample_factor(n)
    everyone = float(np.median(np.abs(pooled))) * small_sample_factor(n)
    shrunk = np.sqrt((n * mine**2 + PRIOR_TRACKS * everyone**2) / (n + PRIOR_TRACKS))
    floor = max(FLOOR_SHARE_OF_SD * float(pooled.std()), resolution_sd) / MAD_TO_SD
    return (float(shrunk), raw, "shrunk") if shrunk >= floor else (floor, raw, "floor")


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
