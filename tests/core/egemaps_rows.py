"""What the rows of the eGeMAPS set should be, from the NumPy definitions, for tests of the core."""

from __future__ import annotations

import numpy as np

from simpatico.core import COLUMNS, EGEMAPS_COLUMNS, INDEX, FrameExtractor
from tests.reference.egemaps import formants, harmonics, periods, windows
from tests.reference.egemaps.descriptors import short_descriptors
from tests.reference.egemaps.windows import Float

BEFORE, AFTER = 2, 3
"""The frames of the tracker to either side of a row's long window."""
SHORT = slice(0, 10)
FORMANT = slice(16, 25)
FREQUENCIES, BANDWIDTHS, AMPLITUDES = (slice(FORMANT.start + k, FORMANT.stop, 3) for k in range(3))
MEAN_SQUARE = 25
F0, JITTER, SHIMMER, HNR, H1_H2, H1_A3 = range(10, 16)


def measured(x: Float, rate_hz: int, simd: str | None = None) -> tuple[Float, Float]:
    """Both sets of one extractor: signals [n, 9] and egemaps [n, 26], as float64."""
    extractor = FrameExtractor(rate_hz, simd=simd, sets=("signals", "egemaps"))
    rows = np.concatenate([extractor.push(x.astype(np.float32)), extractor.finish()]).astype(np.float64)
    assert rows.shape[1] == len(COLUMNS) + len(EGEMAPS_COLUMNS)
    return rows[:, : len(COLUMNS)], rows[:, len(COLUMNS) :]


def row_f0_hz(signals: Float) -> Float:
    """F0 of the rows from the tracker's frames [n - 3] (decision 0098), Hz, 0 where unvoiced."""
    f0, likely = signals[:, INDEX["f0_hz"]], signals[:, INDEX["voicing_probability"]]
    n = max(0, len(f0) - AFTER)
    a, b = f0[BEFORE : BEFORE + n], f0[AFTER:]
    alone = np.where(likely[BEFORE : BEFORE + n] + likely[AFTER:] > 1, a + b, 0.0)
    return np.where((a > 0) & (b > 0), np.sqrt(a * b), alone)


def expected(x: Float, rate_hz: int, f0_hz: Float) -> Float:
    """Rows whose windows lie wholly inside the signal [n - 5, 26], given their F0."""
    samples = x.astype(np.float32).astype(np.float64)
    short, long = windows.short_magnitudes(samples, rate_hz), windows.long_magnitudes(samples, rate_hz)
    n = len(long)
    f0 = np.zeros(n)
    f0[: len(f0_hz[:n])] = f0_hz[:n]
    voiced = f0 > 0
    out = np.zeros((n, len(EGEMAPS_COLUMNS)))
    out[:, SHORT] = short_descriptors(short, rate_hz)[:n]
    out[voiced, F0] = 12 * np.log2(f0[voiced] / 27.5)
    out[:, JITTER], out[:, SHIMMER] = periods.jitter_shimmer(samples, f0, rate_hz)
    out[:, HNR] = harmonics.hnr_db(harmonics.autocorrelation(long), f0, rate_hz)
    frequency, bandwidth = formants.formants(long, f0, rate_hz)
    out[:, H1_H2], out[:, H1_A3], amplitude = harmonics.relative_levels(long, f0, formants.held(frequency, f0), rate_hz)
    out[:, FREQUENCIES], out[:, BANDWIDTHS] = frequency, bandwidth
    out[:, AMPLITUDES] = amplitude
    out[:, MEAN_SQUARE] = (windows.frames(samples, rate_hz, windows.SHORT_HOPS) ** 2).mean(1)[:n]
    return out
