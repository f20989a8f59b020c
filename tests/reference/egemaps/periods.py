"""Jitter and shimmer, one glottal period at a time.

A chain of period marks runs through each voiced stretch: from a mark the next lies where the normalised cross-correlation of one period
with the samples after it is greatest, within 15 % of the tracker's period. A frame gets the mean over the pairs of consecutive periods of
which the second begins in its first 10 ms and which are both matched well and about as long: at the edges of voicing, in glides and in
noise a match is no period, and what such pairs say is many times the jitter of a voice (decision 0097).

By how much a period is louder than the one before is told by all of its samples: the slope of the line through the pairs of samples one
period apart, with as much noise in both (orthogonal regression [3]_), because noise is in the two samples of a peak-to-peak amplitude
whole (decision 0165).

References
----------
.. [1] Eyben (2016), Real-time Speech and Music Classification by Large Audio Feature Space Extraction, Springer: waveform matching.
.. [2] Titze & Liang (1993), Comparison of F0 extraction methods for high-precision voice perturbation measurements, JSHR 36.
.. [3] Deming (1943), Statistical Adjustment of Data, Wiley, section 52.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .windows import Float, hop

SEARCH = 0.15
"""Share of the period searched on either side: of 0.1 to 0.3 the nearest to openSMILE on real calls."""
MIN_MATCH = 0.85
"""Correlation that both periods of a pair must reach. White noise at 7.5 dB alone brings a perfect voice to it; of 0.5 to 0.98 the
nearest to the truth in six conditions together (bench.egemaps_functional_truth, voices apart from the bench's own)."""
MAX_CHANGE = 0.1
"""Relative change of length beyond which two periods are no neighbours (Praat's limit of 1.3 in the ratio, for a search of 15 %)."""
ENERGY_FLOOR = 1e-12


def jitter_shimmer(x: Float, f0_hz: Float, rate_hz: int) -> tuple[Float, Float]:
    """Local jitter (ratio) and local shimmer (dB), [n] each, unsmoothed.

    With ``T`` the length of consecutive periods and ``g`` the gain from one to the next,
    jitter = mean ``|T_k - T_{k-1}| / ((T_k + T_{k-1}) / 2)``, shimmer = mean ``20 log10(1 + |g_k - 1| / ((g_k + 1) / 2))``.
    Zero in unvoiced frames, in the first frame of a voiced stretch, and where no pair counts.
    """
    step = hop(rate_hz)
    jitter, shimmer = np.zeros(len(f0_hz)), np.zeros(len(f0_hz))
    mark, before = 0, None
    for j, f0 in enumerate(f0_hz):
        if f0 <= 0:
            before = None
            continue
        if before is None or mark < j * step:
            mark, before = j * step, before if before is not None and mark >= (j - 1) * step else None
        found = []
        while mark < (j + 1) * step:
            now = next_period(x, mark, rate_hz / f0)
            if now is None:
                break
            if before is not None and counts(before, now):
                found.append((_relative(now.length, before.length), 20 * np.log10(1 + _relative(before.gain, 1))))
            before = now
            mark += round(now.length)
        if found:
            jitter[j], shimmer[j] = np.mean(found, axis=0)
    return jitter, shimmer


class Period(NamedTuple):
    """Length [samples, interpolated], gain from it to what follows, and correlation with that."""

    length: float
    gain: float
    match: float


def counts(one: Period, next_one: Period) -> bool:
    """Whether a pair of consecutive periods says something of the voice."""
    return min(one.match, next_one.match) >= MIN_MATCH and _relative(one.length, next_one.length) <= MAX_CHANGE


def _relative(a: float, b: float) -> float:
    return abs(a - b) / max((a + b) / 2, ENERGY_FLOOR)


def next_period(x: Float, mark: int, expected: float) -> Period | None:
    """The period that starts at ``mark``; None beyond the end of the signal."""
    width = round(expected)
    low, high = max(2, int(expected * (1 - SEARCH))), int(np.ceil(expected * (1 + SEARCH)))
    if mark + high + 2 + width > len(x):
        return None
    one = x[mark : mark + width]
    lags = np.arange(low - 1, high + 2)
    shifted = np.lib.stride_tricks.sliding_window_view(x[mark + lags[0] : mark + lags[-1] + width], width)
    own, others = one @ one, (shifted**2).sum(1)
    c = shifted @ one / np.sqrt(own * others + ENERGY_FLOOR)
    k = 1 + int(c[1:-1].argmax())
    bend = c[k - 1] - 2 * c[k] + c[k + 1]
    offset = float(np.clip(0.5 * (c[k - 1] - c[k + 1]) / bend, -0.5, 0.5)) if bend < 0 else 0.0
    return Period(float(lags[k]) + offset, gain(float(own), float(others[k]), float(c[k])), float(c[k]))


def gain(own: float, other: float, match: float) -> float:
    """Slope of the line through pairs of samples, from their energies and correlation; 1 where they do not correlate."""
    dot, more = match * np.sqrt(own * other), (other - own) / 2
    if dot <= 0:
        return 1.0
    length = np.hypot(more, dot)
    return float((more + length) / dot if more >= 0 else dot / (length - more))
