"""Fit where the root finder of ``service/core/kernels/factors.h`` starts, and write ``service/core/tables/formant_start.c``.

    python -m bench.formant_start

A predictor of order 8 or 11 is factored into quadratics ``z^2 + p z + q`` (and one ``z + s``). Each start is linear in the predictor's
coefficients, fitted by robust least squares to where the same iteration ends that starts from one fixed place. Voiced frames: the voices
of ``bench.synthvoice`` through their channels, vowels of ``bench.egemaps_vowels``, and at 8 kHz the sample calls; none of the shared calls.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly

from bench.egemaps_material import core_f0_hz
from bench.egemaps_vowels import draw_vowel
from bench.synthvoice import FAMILIES, babble, conditions, draw_voice, speak, through
from tests.reference.egemaps import formants, windows
from tests.reference.egemaps.band_edges import completed
from tests.reference.egemaps.prediction import ORDER, lags, predictor
from tests.reference.egemaps.windows import Float

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "service" / "core" / "tables" / "formant_start.c"
SEED = 20261122
AUDIBLE = 1e-3
"""Energy of a frame that takes part, sum of squared magnitudes: near -60 dB of full scale."""
FIXED = {
    8000: ([-1.779, -0.631, 1.845, 0.253], [1.253, 1.485, 1.186, -0.012], -0.397),
    16000: ([-1.88, -0.832, 0.016, 0.598, 1.62], [1.088, 1.353, 1.41, 1.051, 1.955], -0.024),
}
"""p, q and s of the fixed start in units of the mean root radius: chosen by random search for few steps and few failures."""
STEPS = 40
LARGEST_STEP = 0.3
REACH = 0.3
"""Scale of the robust weights: a factor further than this from the fit ended somewhere else."""


def signals(rate_hz: int) -> Iterator[Float]:
    """What the fit hears."""
    rng = np.random.default_rng(SEED)
    crowd = babble(rng, 6.0, FAMILIES[0])
    for family in FAMILIES:
        for _ in range(3):
            utterance = speak(rng, draw_voice(rng, family), 6.0)
            for condition in conditions(rate_hz)[::2]:
                yield through(utterance, condition, rng, crowd)
    for _ in range(20):
        vowel = draw_vowel(rng).samples
        yield vowel if rate_hz == 16000 else np.asarray(resample_poly(vowel, 1, 2))
    folder = ROOT / "audio_samples"
    for entry in json.loads((folder / "manifest.json").read_text("utf-8"))["calls"]:
        samples, file_rate_hz = soundfile.read(folder / entry["file"], always_2d=True)
        if file_rate_hz == rate_hz:
            yield from samples.T


def predictors(rate_hz: int) -> Float:
    """Coefficients ``a_1 .. a_p`` of audible voiced frames [n, order]."""
    found = []
    for x in signals(rate_hz):
        magnitudes = windows.long_magnitudes(x, rate_hz)
        f0 = core_f0_hz(x, rate_hz)[: len(magnitudes)]
        for stretch in formants.stretches(f0):
            power, _ = formants.voice_power(magnitudes[stretch], f0[stretch], rate_hz)
            audible = power[(magnitudes[stretch] ** 2).sum(1) > AUDIBLE]
            found += [predictor(lags(completed(p, rate_hz), ORDER[rate_hz]))[0][1:] for p in audible]
    return np.array(found)


def factor(a: Float, rate_hz: int) -> tuple[Float, Float]:
    """Factors ``p .., q .., s`` of the predictors from the fixed start [n, order], and the size of the last step [n]."""
    count, odd = divmod(a.shape[1], 2)
    radius = np.maximum(np.abs(a[:, -1]), 1e-6) ** (1 / a.shape[1])
    p0, q0, s0 = FIXED[rate_hz]
    p, q, s = np.outer(p0, radius), np.outer(q0, radius**2), s0 * radius
    size = np.zeros(len(a))
    for _ in range(STEPS):
        steps = [_quadratic_step(a, p, q, s if odd else None, i) for i in range(count)]
        if odd:
            s = s + _limited(_linear_step(a, p, q, s))
        size = np.sum([np.abs(c) + np.abs(d) for c, d in steps], axis=0)
        for i, (c, d) in enumerate(steps):
            scale = LARGEST_STEP / np.maximum(LARGEST_STEP, np.abs(c) + np.abs(d))
            p[i], q[i] = p[i] + c * scale, q[i] + d * scale
    return np.vstack([p, q, *([s] if odd else [])]).T, size


def _limited(step: Float) -> Float:
    return np.clip(step, -LARGEST_STEP, LARGEST_STEP)


def _quadratic_step(a: Float, p: Float, q: Float, s: Float | None, i: int) -> tuple[Float, Float]:
    """``c, d`` with ``(c z + d) G = A`` modulo factor i, G the product of the others."""
    before, now = np.ones(len(a)), a[:, 0] - p[i]
    for k in range(1, a.shape[1] - 1):
        before, now = now, a[:, k] - q[i] * before - p[i] * now
    r1, r0 = now, a[:, -1] - q[i] * before
    others = [(p[j] - p[i], q[j] - q[i]) for j in range(len(p)) if j != i]
    g1, g0 = np.zeros(len(a)), np.ones(len(a))
    for u, v in others + ([(np.ones(len(a)), s)] if s is not None else []):
        g1, g0 = g1 * v + g0 * u - p[i] * g1 * u, g0 * v - q[i] * g1 * u
    e, h = g0 - p[i] * g1, q[i] * g1
    resultant = g0 * e + g1 * h
    return (r1 * g0 - r0 * g1) / resultant, (r0 * e + r1 * h) / resultant


def _linear_step(a: Float, p: Float, q: Float, s: Float) -> Float:
    z = -s
    value = np.ones(len(a))
    for k in range(a.shape[1]):
        value = value * z + a[:, k]
    return np.asarray(value / np.prod(z * z + p * z + q, axis=0))


def fit(a: Float, factors: Float) -> Float:
    """``factors = W [1, a]`` by reweighted least squares [order, order + 1]."""
    terms, weight = np.column_stack([np.ones(len(a)), a]), np.ones((len(a), 1))
    for _ in range(10):
        w = np.linalg.lstsq(terms * weight, factors * weight, rcond=None)[0]
        error = np.abs(terms @ w - factors).max(1, keepdims=True)
        weight = 1 / np.sqrt(1 + (error / REACH) ** 2)
    return np.asarray(w.T)


def main() -> None:
    """Fit both rates and write the tables."""
    parts = ['/* Generated by `python -m bench.formant_start`; do not edit. */\n#include "tables.h"\n']
    for rate_hz in (8000, 16000):
        a = predictors(rate_hz)
        with np.errstate(all="ignore"):
            factors, size = factor(a, rate_hz)
        ended = (size < 1e-6) & (np.abs(factors).max(1) < 3)
        w = fit(a[ended], factors[ended])
        rows = [", ".join(f"{value:.5f}f" for value in row) for row in w]
        parts.append(f"\nconst float prosody_formant_start{rate_hz}[{w.size}] = {{\n    " + ",\n    ".join(rows) + ",\n};\n")
        print(f"{rate_hz} Hz: {len(a)} frames, {np.mean(ended):.1%} fitted")
    TARGET.write_text("".join(parts), encoding="ascii")


if __name__ == "__main__":
    main()
