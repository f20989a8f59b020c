"""Glottal source: trains of flow-derivative pulses whose instants are known exactly.

Three models of one pulse, each a function of the phase within the period (0 to 1) and normalised to a negative peak of 1:

- ``rosenberg``: Rosenberg's trigonometric pulse (his type C),
- ``klatt``: the cubic pulse of KLGLOTT88,
- ``lf``: the Liljencrants-Fant model, its parameters tied together by Fant's Rd.

References
----------
Rosenberg, A. E. (1971). Effect of glottal pulse shape on the quality of natural vowels. JASA 49(2B).
Klatt, D. H., & Klatt, L. C. (1990). Analysis, synthesis, and perception of voice quality variations. JASA 87(2).
Fant, G., Liljencrants, J., & Lin, Q. (1985). A four-parameter model of glottal flow. STL-QPSR 26(4).
Fant, G. (1995). The LF-model revisited. STL-QPSR 36(2-3).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

__all__ = ["MODELS", "Pulses", "flow_derivative", "glottal_opening", "place_pulses"]

Array = NDArray[np.float64]

MODELS = ("rosenberg", "klatt", "lf")
_LF_TABLE = 2048


@dataclass(frozen=True, slots=True)
class Pulses:
    """A pulse train: ``onset_s`` [p], ``period_s`` [p] (to the next onset), ``gain`` [p] with shimmer, 0 where the source is off."""

    onset_s: Array
    period_s: Array
    gain: Array


def place_pulses(f0_hz: Array, voicing: Array, step_s: float, jitter: float, shimmer_db: float, rng: np.random.Generator) -> Pulses:
    """Walk along the contour period by period.

    Parameters
    ----------
    f0_hz, voicing : float64 [k]
        Contour and source amplitude (0 to 1), one value each ``step_s`` seconds. A pulse whose amplitude is under 0.1 (-20 dB) is
        not made.
    jitter : float
        Standard deviation of a period relative to its mean; successive deviations are independent.
    shimmer_db : float
        Standard deviation of a pulse's amplitude, dB.
    """
    grid = np.arange(f0_hz.size) * step_s
    end, t = grid[-1], 0.0
    onsets, periods = [], []
    while t < end:
        period = (1.0 + jitter * float(np.clip(rng.standard_normal(), -2.5, 2.5))) / float(np.interp(t, grid, f0_hz))
        onsets.append(t)
        periods.append(period)
        t += period
    onset, length = np.array(onsets), np.array(periods)
    amplitude = np.interp(onset + 0.5 * length, grid, voicing)
    gain = amplitude * 10.0 ** (shimmer_db * rng.standard_normal(onset.size) / 20.0)
    return Pulses(onset, length, np.where(amplitude >= 0.1, gain, 0.0))


def _phase(pulses: Pulses, n: int, rate_hz: float) -> tuple[Array, NDArray[np.intp]]:
    t = np.arange(n) / rate_hz
    k = np.clip(np.searchsorted(pulses.onset_s, t, side="right") - 1, 0, pulses.onset_s.size - 1)
    return np.clip((t - pulses.onset_s[k]) / pulses.period_s[k], 0.0, 1.0), k


def flow_derivative(pulses: Pulses, n: int, rate_hz: float, model: str, shape: float) -> Array:
    """Derivative of glottal flow, [n].

    ``shape`` is the open quotient (0.4 to 0.8) for ``rosenberg`` and ``klatt`` and Rd (0.4 to 2.7) for ``lf``.
    """
    phase, k = _phase(pulses, n, rate_hz)
    if model == "rosenberg":
        pulse = _rosenberg(phase, shape)
    elif model == "klatt":
        x = phase / shape
        pulse = np.where(x < 1.0, 2.0 * x - 3.0 * x * x, 0.0)
    elif model == "lf":
        pulse = np.interp(phase * _LF_TABLE, np.arange(_LF_TABLE + 1), _lf_table(round(shape, 2)))
    else:
        raise ValueError(f"no source model {model!r}; there are {MODELS}")
    return pulse * pulses.gain[k]


def glottal_opening(pulses: Pulses, n: int, rate_hz: float, open_quotient: float) -> Array:
    """Envelope (0 to 1) that modulates aspiration within the period: half a sine while the glottis is open, with a leak of 0.2."""
    phase, _ = _phase(pulses, n, rate_hz)
    return 0.2 + 0.8 * np.where(phase < open_quotient, np.sin(np.pi * phase / open_quotient), 0.0)


def _rosenberg(phase: Array, open_quotient: float) -> Array:
    rise, fall = 0.67 * open_quotient, 0.33 * open_quotient
    up = 0.5 * np.pi / rise * np.sin(np.pi * phase / rise)
    down = -0.5 * np.pi / fall * np.sin(0.5 * np.pi * (phase - rise) / fall)
    pulse = np.where(phase < rise, up, np.where(phase < open_quotient, down, 0.0))
    return pulse * (fall / (0.5 * np.pi))


@lru_cache(maxsize=512)
def _lf_table(rd: float) -> Array:
    ra = (-1.0 + 4.8 * rd) / 100.0
    rk = (22.4 + 11.8 * rd) / 100.0
    rg = (rk / 4.0) * (0.5 + 1.2 * rk) / (0.11 * rd - ra * (0.5 + 1.2 * rk))
    tp = 1.0 / (2.0 * rg)
    te, ta, omega = tp * (1.0 + rk), max(ra, 1e-3), np.pi / tp
    epsilon = brentq(lambda e: e * ta - 1.0 + np.exp(-e * (1.0 - te)), 0.05 / ta, 2.0 / ta)
    t = np.linspace(0.0, 1.0, _LF_TABLE + 1)
    tail = -(np.exp(-epsilon * (t - te)) - np.exp(-epsilon * (1.0 - te))) / (epsilon * ta)

    def pulse(alpha: float) -> Array:
        head = np.exp(alpha * (t - te)) * np.sin(omega * t) / -np.sin(omega * te)
        return np.where(t < te, head, tail)

    alpha = brentq(lambda a: float(np.sum(pulse(a))), -20.0, 80.0)
    return pulse(alpha)
