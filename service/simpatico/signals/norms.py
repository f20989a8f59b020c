"""Norms: what is usual for a role in a kind of audio, and the robust z that compares with it.

A norm is the median and the median absolute deviation (MAD) of a figure over calls of the same role, bandwidth and codec family. A
missing norm means a missing z (``Reason.NO_NORMS``), never a z of zero: there is no fallback to another kind of audio, because codecs and
bandwidth move the figures themselves.

References
----------
Rousseeuw, P. J. & Croux, C. (1993). Alternatives to the median absolute deviation. JASA 88(424), 1273-1283.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from simpatico.errors import BundleError
from simpatico.types import Role

__all__ = ["MAD_TO_SD", "AudioKind", "Norm", "NormTable", "fit_norm", "robust_z"]

MAD_TO_SD = 1.4826
"""1 / Phi^-1(3/4): makes the MAD estimate the SD of a normal population (Rousseeuw & Croux 1993)."""
_MEDIAN_VARIANCE = math.pi / 2
"""Variance of a median of n normal values, times n, in units of their variance."""
_MAD_VARIANCE = 1 / (2 * 0.3674)
"""Relative variance of a MAD of n normal values, times n: its Gaussian efficiency is 36.74 % (Rousseeuw & Croux 1993)."""


@dataclass(frozen=True, slots=True)
class AudioKind:
    """What norms are kept apart by, besides the role: ``bandwidth`` ("narrow" or "wide") and ``codec_family`` (see
    :func:`simpatico.audio.codec_family`)."""

    bandwidth: str
    codec_family: str


@dataclass(frozen=True, slots=True)
class Norm:
    """Median and MAD of a figure over ``n`` calls, in the figure's own unit.

    Raises
    ------
    BundleError
        A median that is not finite, a MAD that is not a finite number above 0, or ``n`` below 1.
    """

    median: float
    mad: float
    n: int

    def __post_init__(self) -> None:
        if not math.isfinite(self.median):
            raise BundleError(f"the median of a norm is {self.median!r}; it must be finite", field="norms.median")
        if not (math.isfinite(self.mad) and self.mad > 0):
            raise BundleError(f"the MAD of a norm is {self.mad!r}; it must be finite and above 0, or the norm left out", field="norms.mad")
        if self.n < 1:
            raise BundleError(f"a norm rests on n = {self.n} calls; it needs at least 1", field="norms.n")

    @property
    def sd(self) -> float:
        """Robust SD of the norm population, 1.4826 MAD."""
        return MAD_TO_SD * self.mad

    def z_se(self, z: float) -> float:
        """Return what the norm itself adds to the standard error of ``z``: few calls place the median and the MAD only roughly.

        With 8 calls it is 0.44 at z = 0 and 0.61 at z = +-1.
        """
        return math.sqrt((_MEDIAN_VARIANCE + z * z * _MAD_VARIANCE) / self.n)


def robust_z(value: float, norm: Norm) -> float:
    """Return (value - median) / (1.4826 MAD)."""
    return (value - norm.median) / norm.sd


def fit_norm(values: Iterable[float]) -> Norm | None:
    """Fit a norm on one value per call; None when there is no value, or when they do not vary (a MAD of 0 can norm nothing).

    Raises
    ------
    ValueError
        A value that is not finite.
    """
    array = np.fromiter(values, float)
    if not np.isfinite(array).all():
        raise ValueError(f"norms are fitted on finite values, got {float(array[~np.isfinite(array)][0])!r}; leave missing figures out")
    if array.size == 0:
        return None
    median = float(np.median(array))
    mad = float(np.median(np.abs(array - median)))
    return Norm(median, mad, int(array.size)) if mad > 0 else None


@dataclass(frozen=True, slots=True)
class NormTable:
    """Norms by role, bandwidth, codec family and feature. An empty table is valid: every lookup is None."""

    norms: Mapping[tuple[Role, str, str, str], Norm] = field(default_factory=dict)

    def lookup(self, role: Role, bandwidth: str, codec_family: str, feature: str) -> Norm | None:
        """Return the norm of exactly this role and kind of audio, or None."""
        return self.norms.get((role, bandwidth, codec_family, feature))

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the table as plain rows for JSON, sorted by key: role, bandwidth, codec_family, feature, median, mad, n."""
        for role, bandwidth, family, feature in sorted(self.norms):
            norm = self.norms[role, bandwidth, family, feature]
            yield {
                "role": role.value,
                "bandwidth": bandwidth,
                "codec_family": family,
                "feature": feature,
                "median": norm.median,
                "mad": norm.mad,
                "n": norm.n,
            }

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, Any]]) -> NormTable:
        """Build a table from what :meth:`rows` gave.

        Raises
        ------
        BundleError
            A row that lacks a key, has an unknown role, numbers that are none, or repeats another row.
        """
        norms: dict[tuple[Role, str, str, str], Norm] = {}
        for index, row in enumerate(rows):
            key, norm = _parse_row(index, row)
            if key in norms:
                raise BundleError(f"row {index} of the norms repeats {'/'.join(key)}; keep one of them", field="norms")
            norms[key] = norm
        return cls(norms)


def _parse_row(index: int, row: Mapping[str, Any]) -> tuple[tuple[Role, str, str, str], Norm]:
    try:
        key = (Role(row["role"]), str(row["bandwidth"]), str(row["codec_family"]), str(row["feature"]))
        return key, Norm(float(row["median"]), float(row["mad"]), int(row["n"]))
    except KeyError as exc:
        raise BundleError(f"row {index} of the norms lacks {exc}; it has {sorted(row)}", field="norms") from exc
    except (TypeError, ValueError) as exc:
        raise BundleError(f"row {index} of the norms cannot be read: {exc}", field="norms") from exc
