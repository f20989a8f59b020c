"""The 25 low-level descriptors of a signal, given the F0 of its frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import formants, harmonics, loudness, mel, periods, spectrum, windows
from .smoothing import sma3, sma3_nonzero
from .windows import Float

LEVEL_FLOOR = 1e-12
"""-120 dB."""
F0_REFERENCE_HZ = 27.5


@dataclass(frozen=True)
class Descriptors:
    """Contours at 10 ms.

    Attributes
    ----------
    short_raw, short
        Columns ``names.SHORT``, before and after smoothing [n, 10]; n = whole 20 ms windows.
    voicing
        bool [m]: the long frame has an F0; m = whole 60 ms windows less one.
    voiced, formant
        Columns ``names.VOICED`` [m, 6] and ``names.FORMANT`` [m, 9], smoothed; frequency and bandwidth over voiced frames only.
    level_db
        ``10 log10`` of the mean square over the short windows (not weighted), dB of full scale.
    """

    short_raw: Float
    short: Float
    voicing: NDArray[np.bool_]
    voiced: Float
    formant: Float
    level_db: float


def describe(x: Float, f0_hz: Float, rate_hz: int, *, formants_hz: tuple[Float, Float] | None = None) -> Descriptors:
    """Low-level descriptors of samples ``x`` [-1, 1] with the F0 of each long frame, Hz, 0 where unvoiced (missing frames are unvoiced)."""
    short_x, long_x = windows.short_magnitudes(x, rate_hz), windows.long_magnitudes(x, rate_hz)
    m = max(0, len(long_x) - 1)
    f0 = np.zeros(m)
    f0[: min(m, len(f0_hz))] = f0_hz[:m]
    raw = short_descriptors(short_x, rate_hz)
    freq, width = formants.formants(long_x[:m], f0, rate_hz) if formants_hz is None else formants_hz
    places = formants.held(freq, f0) if formants_hz is None else freq
    h1_h2, h1_a3, amplitude = harmonics.relative_levels(long_x[:m], f0, places, rate_hz)
    hnr = harmonics.hnr_db(harmonics.autocorrelation(long_x[:m]), f0, rate_hz)
    jitter, shimmer = periods.jitter_shimmer(np.asarray(x, dtype=np.float64), f0, rate_hz)
    semitones = np.where(f0 > 0, 12 * np.log2(np.maximum(f0, F0_REFERENCE_HZ) / F0_REFERENCE_HZ), 0.0)
    voiced = np.stack([sma3_nonzero(c) for c in (semitones, jitter, shimmer, hnr, h1_h2, h1_a3)], axis=1)
    square = (windows.frames(x, rate_hz, windows.SHORT_HOPS) ** 2).mean(1)
    return Descriptors(
        short_raw=raw,
        short=np.stack([sma3(c) for c in raw.T], axis=1),
        voicing=f0 > 0,
        voiced=voiced,
        formant=_formant_columns(freq * (f0 > 0)[:, None], width * (f0 > 0)[:, None], amplitude),
        level_db=float(10 * np.log10(max(square.mean() if len(square) else 0.0, LEVEL_FLOOR))),
    )


def short_descriptors(magnitudes: Float, rate_hz: int) -> Float:
    """Columns ``names.SHORT`` before smoothing [n, 10]."""
    power = mel.band_power(magnitudes, rate_hz)
    columns = [
        loudness.loudness(power, rate_hz),
        spectrum.alpha_ratio_db(magnitudes),
        spectrum.hammarberg_db(magnitudes),
        spectrum.slope_db_per_hz(magnitudes, 0, 500),
        spectrum.slope_db_per_hz(magnitudes, 500, 1500),
        spectrum.flux(magnitudes),
    ]
    return np.column_stack([*columns, mel.mfcc(power)])


def _formant_columns(frequency: Float, bandwidth: Float, amplitude: Float) -> Float:
    """Frequency, bandwidth, amplitude of F1, then F2, then F3, smoothed [m, 9]."""
    stacked = np.stack([frequency, bandwidth, amplitude], axis=2).reshape(len(frequency), 9)
    return np.stack([sma3_nonzero(c) for c in stacked.T], axis=1) if len(stacked) else stacked
