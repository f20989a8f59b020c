"""Steady voices of which everything is known, and the lines they come through; for ``bench.egemaps_truth``.

Three kinds, 2 s each, made at 16 kHz: *vowels* (one pulse per period, with jitter and shimmer, through a cascade of formants, Klatt 1980),
*mixtures* (a perfectly periodic vowel and noise of the same tract at a known ratio) and *tilted* noise whose level is linear in
frequency, with one slope below 500 Hz and another above.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, lfilter, resample_poly, sosfilt

from bench.synthvoice import Condition, mulaw_round_trip, telephone_band
from tests.reference.egemaps.windows import Float

__all__ = ["BANDWIDTHS_HZ", "DURATION_S", "Mixture", "Tilted", "Vowel", "draw_mixture", "draw_tilted", "draw_vowel", "send"]

DURATION_S = 2.0
RATE_HZ = 16000
OVERSAMPLING = 6
BANDWIDTHS_HZ = (60.0, 90.0, 130.0, 180.0, 250.0)
"""Middle of what is drawn for F1-F5."""
BANDWIDTH_SPREAD = 0.3
"""SD of the logarithm."""
PEAK = 0.5


@dataclass(frozen=True)
class Vowel:
    """A vowel at 16 kHz and what is true of it."""

    samples: Float
    f0_hz: float
    formants_hz: tuple[float, float, float]
    bandwidths_hz: tuple[float, float, float]
    jitter: float
    shimmer_db: float
    h1_h2_db: float


@dataclass(frozen=True)
class Mixture:
    """The periodic and the noisy part of a voice at 16 kHz."""

    periodic: Float
    noise: Float
    f0_hz: float


@dataclass(frozen=True)
class Tilted:
    """Noise whose level has slope ``low`` under 500 Hz and ``high`` above, dB/Hz, at 16 kHz."""

    samples: Float
    low: float
    high: float


def draw_vowel(rng: np.random.Generator) -> Vowel:
    """F0 90-240 Hz, period SD 0.2-1.5 %, level SD 0.05-0.8 dB."""
    f0, formants, widths = _draw_voice(rng)
    fine = RATE_HZ * OVERSAMPLING
    count = int(DURATION_S * f0 * 1.2)
    period = (1 + rng.uniform(0.002, 0.015) * rng.standard_normal(count)) / f0
    level = 10 ** (rng.uniform(0.05, 0.8) * rng.standard_normal(count) / 20)
    onset = np.cumsum(period) - period[0]
    used = onset < DURATION_S - 2 / fine
    tract = _tract(formants, widths, rng.uniform(200, 2000), fine)
    x = _render(onset[used], level[used], tract)
    relative = np.abs(np.diff(period[used]))
    pairs = np.abs(20 * np.log10(level[used][1:] / level[used][:-1]))
    gain = [np.prod([abs(1 / np.polyval(d[::-1], np.exp(-2j * np.pi * m * f0 / fine))) for d in tract]) for m in (1, 2)]
    return Vowel(
        samples=PEAK * x / np.abs(x).max(),
        f0_hz=f0,
        formants_hz=formants[:3],
        bandwidths_hz=widths[:3],
        jitter=float(relative.mean() / period[used].mean()),
        shimmer_db=float(pairs.mean()),
        h1_h2_db=float(20 * np.log10(gain[0] / gain[1])),
    )


def draw_mixture(rng: np.random.Generator) -> Mixture:
    """A perfectly periodic vowel with noise 5 to 30 dB below, coloured by the same tract."""
    f0, formants, widths = _draw_voice(rng)
    fine = RATE_HZ * OVERSAMPLING
    onset = np.arange(0, DURATION_S - 2 / fine, 1 / f0)
    tract = _tract(formants, widths, rng.uniform(200, 2000), fine)
    periodic = _render(onset, np.ones(len(onset)), tract)
    noise = rng.standard_normal(len(periodic))
    for d in _tract(formants[:4], widths, 2000.0, RATE_HZ):
        noise = lfilter([1.0], d, noise)
    scale = PEAK / np.abs(periodic).max()
    noise *= np.sqrt(np.mean(periodic**2) / np.mean(noise**2)) * 10 ** (-rng.uniform(5, 30) / 20)
    return Mixture(scale * periodic, scale * noise, f0)


def draw_tilted(rng: np.random.Generator) -> Tilted:
    """Slopes of -0.05 to 0.05 dB/Hz below and -0.03 to 0.01 above 500 Hz (level from 2 kHz on), level -40 to -15 dB."""
    low, high, level = rng.uniform(-0.05, 0.05), rng.uniform(-0.03, 0.01), rng.uniform(-40, -15)
    n = round(DURATION_S * RATE_HZ)
    f = np.fft.rfftfreq(n, 1 / RATE_HZ)
    db = np.where(f < 500, low * (f - 500), high * (np.clip(f, 500, 2000) - 500))
    x = np.fft.irfft(np.fft.rfft(rng.standard_normal(n)) * 10 ** (db / 20), n)
    return Tilted(x / np.sqrt(np.mean(x**2)) * 10 ** (level / 20), low, high)


def send(x: Float, condition: Condition, rng: np.random.Generator, crowd: Float) -> tuple[Float, Float]:
    """What arrives, and what of ``x`` (both without noise and quantisation) arrives: float64 at the condition's rate.

    Band as in :func:`bench.synthvoice.through`: noise is added after it, at ``snr_db`` over the whole of ``x``.
    """
    wanted = _to_rate(x, condition.rate_hz)
    noise = rng.standard_normal(len(wanted)) if condition.noise == "white" else _to_rate(crowd[: len(x)], condition.rate_hz)
    if condition.band == "tel":
        wanted, noise = telephone_band(wanted, condition.rate_hz), telephone_band(noise, condition.rate_hz)
    heard = wanted
    if condition.noise != "none":
        heard = wanted + noise * np.sqrt(np.mean(wanted**2) / np.mean(noise**2) * 10 ** (-condition.snr_db / 10))
    if condition.band == "tel":
        return mulaw_round_trip(heard), wanted
    return np.clip(np.round(heard * 32768), -32768, 32767) / 32768, wanted


def _draw_voice(rng: np.random.Generator) -> tuple[float, tuple[float, ...], tuple[float, ...]]:
    """F0, formants and their bandwidths, Hz."""
    f0 = float(np.exp(rng.uniform(np.log(90), np.log(240))))
    f1 = rng.uniform(300, 850)
    f2 = rng.uniform(max(f1 + 400, 800), 2300)
    f3 = rng.uniform(max(f2 + 400, 2300), 3100)
    widths = np.array(BANDWIDTHS_HZ) * np.exp(BANDWIDTH_SPREAD * rng.standard_normal(len(BANDWIDTHS_HZ)))
    return f0, (f1, f2, f3, f3 + 1000, f3 + 2000), tuple(widths)


def _tract(formants: tuple[float, ...], widths: tuple[float, ...], tilt_hz: float, rate_hz: int) -> list[Float]:
    """Denominators of a tilt and a cascade of resonances."""
    denominators = [np.array([1, -np.exp(-2 * np.pi * tilt_hz / rate_hz)])]
    for f, b in zip(formants, widths, strict=False):
        r = np.exp(-np.pi * b / rate_hz)
        denominators.append(np.array([1, -2 * r * np.cos(2 * np.pi * f / rate_hz), r * r]))
    return denominators


def _render(onset_s: Float, level: Float, tract: list[Float]) -> Float:
    """Pulses through the tract, brought down to 16 kHz."""
    fine = RATE_HZ * OVERSAMPLING
    y = np.zeros(round(DURATION_S * fine))
    y[np.round(onset_s * fine).astype(int)] = level
    for d in tract:
        y = lfilter([1.0], d, y)
    return np.asarray(sosfilt(butter(10, 0.9 / OVERSAMPLING, output="sos"), y))[::OVERSAMPLING]


def _to_rate(x: Float, rate_hz: int) -> Float:
    return x if rate_hz == RATE_HZ else np.asarray(resample_poly(x, 1, RATE_HZ // rate_hz))
