"""Estimates with standard errors for what turn-taking is summarised by. Pure functions, no randomness.

- Median and quantiles: linear interpolation of order statistics; standard error from the distribution-free interval of order statistics
  around them (Woodruff 1952; McKean & Schrader 1984 for the median), so no density is assumed.
- Interquartile range: the two quartiles' errors, which are correlated by 1/3 (asymptotic covariance of two order statistics, Mosteller
  1946).
- Shares of events: k/n with the SD of Jeffreys' posterior Beta(k + 1/2, n - k + 1/2), which is not 0 at k = 0 or k = n.
- Shares of time: the same with Kish's effective number of stretches, (sum d)^2 / sum d^2, in place of n: one long utterance is little
  evidence.
- Rates: k/T with the SD of Jeffreys' posterior Gamma(k + 1/2, T).
- Ratios of sums over utterances (syllables per second): the linearised ratio estimator (Cochran 1977, section 6.4); with one utterance, as
  for a Poisson count.

References
----------
Cochran, W. G. (1977). Sampling Techniques, 3rd ed. Wiley.
Kish, L. (1965). Survey Sampling, section 8.2. Wiley.
McKean, J. W. & Schrader, R. M. (1984). A comparison of methods for studentizing the sample median. Communications in Statistics B 13,
751-773. Mosteller, F. (1946). On some useful "inefficient" statistics. Annals of Mathematical Statistics 17, 377-408.
Woodruff, R. S. (1952). Confidence intervals for medians and other position measures. JASA 47, 635-646.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from simpatico.types import Measure, Reason

__all__ = ["interquartile_range", "mean", "median", "rate_per_min", "ratio", "share_of_events", "share_of_time"]

MIN_FOR_QUANTILES = 3
"""Fewest values for which a median or a quartile says anything about spread."""
INTERVAL_Z = 1.0
"""Half-width, in standard errors, of the order-statistics interval that an SE is read from."""
QUARTILE_CORRELATION = 1.0 / 3.0
"""Asymptotic correlation of the first and third sample quartile (Mosteller 1946)."""


def median(values: Sequence[float], evidence_s: float) -> Measure:
    """Return the median, or TOO_FEW_TURNS below three values."""
    if len(values) < MIN_FOR_QUANTILES:
        return Measure.missing(Reason.TOO_FEW_TURNS, evidence_s)
    ordered = sorted(values)
    return Measure(_quantile(ordered, 0.5), _quantile_se(ordered, 0.5), evidence_s)


def interquartile_range(values: Sequence[float], evidence_s: float) -> Measure:
    """Return the distance of the quartiles, or TOO_FEW_TURNS below three values."""
    if len(values) < MIN_FOR_QUANTILES:
        return Measure.missing(Reason.TOO_FEW_TURNS, evidence_s)
    ordered = sorted(values)
    low, high = _quantile_se(ordered, 0.25), _quantile_se(ordered, 0.75)
    se = math.sqrt(max(low**2 + high**2 - 2.0 * QUARTILE_CORRELATION * low * high, 0.0))
    return Measure(_quantile(ordered, 0.75) - _quantile(ordered, 0.25), se, evidence_s)


def mean(values: Sequence[float], evidence_s: float, absent: Reason) -> Measure:
    """Return the mean; ``absent`` without values; no standard error from a single one."""
    n = len(values)
    if n == 0:
        return Measure.missing(absent, evidence_s)
    centre = math.fsum(values) / n
    se = math.sqrt(math.fsum((v - centre) ** 2 for v in values) / (n - 1) / n) if n > 1 else None
    return Measure(centre, se, evidence_s)


def share_of_events(hits: int, events: int, evidence_s: float) -> Measure:
    """Return hits / events, or TOO_FEW_TURNS without events."""
    if events == 0:
        return Measure.missing(Reason.TOO_FEW_TURNS, evidence_s)
    return Measure(hits / events, _jeffreys_sd(hits / events, events), evidence_s)


def share_of_time(inside_s: Sequence[float], outside_s: Sequence[float], evidence_s: float) -> Measure:
    """Return the share of ``inside_s`` in the total of both lists of stretches, or NO_SPEECH when both are empty."""
    inside, total = math.fsum(inside_s), math.fsum((*inside_s, *outside_s))
    if total <= 0.0:
        return Measure.missing(Reason.NO_SPEECH, evidence_s)
    effective = total**2 / math.fsum(d * d for d in (*inside_s, *outside_s))
    share = min(max(inside / total, 0.0), 1.0)
    return Measure(share, _jeffreys_sd(share, effective), evidence_s)


def rate_per_min(count: int, span_s: float, evidence_s: float) -> Measure:
    """Return events per minute of ``span_s`` (above 0)."""
    minutes = span_s / 60.0
    return Measure(count / minutes, math.sqrt(count + 0.5) / minutes, evidence_s)


def ratio(numerators: Sequence[float], denominators: Sequence[float], evidence_s: float, absent: Reason) -> Measure:
    """Return sum(numerators) / sum(denominators) over utterances, or ``absent`` when the latter is 0."""
    below, n = math.fsum(denominators), len(denominators)
    if below <= 0.0:
        return Measure.missing(absent, evidence_s)
    value = math.fsum(numerators) / below
    if n < 2:
        return Measure(value, math.sqrt(math.fsum(numerators) + 0.5) / below, evidence_s)
    residuals = math.fsum((y - value * x) ** 2 for y, x in zip(numerators, denominators, strict=True))
    return Measure(value, math.sqrt(n / (n - 1) * residuals) / below, evidence_s)


def _jeffreys_sd(share: float, n: float) -> float:
    a, b = share * n + 0.5, (1.0 - share) * n + 0.5
    return math.sqrt(a * b / (a + b + 1.0)) / (a + b)


def _quantile(ordered: Sequence[float], p: float) -> float:
    at = min(max(p, 0.0), 1.0) * (len(ordered) - 1)
    low = math.floor(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (at - low) * (ordered[high] - ordered[low])


def _quantile_se(ordered: Sequence[float], p: float) -> float:
    """Half the distance between the quantiles one standard error of rank below and above ``p``."""
    half = INTERVAL_Z * math.sqrt(p * (1.0 - p) / len(ordered))
    return (_quantile(ordered, p + half) - _quantile(ordered, p - half)) / (2.0 * INTERVAL_Z)
