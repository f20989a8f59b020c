"""A synthetic voice: who speaks (drawn at random within a family), an utterance, and the exact truth about its pitch, frame by frame.

Families differ in source model, vowel targets and habits of intonation:

- ``rosenberg`` and ``klatt`` may be used to fit anything;
- ``lf`` is never to be used for fitting: it shows how well what was fitted carries over to voices of another make.

The F0 contour is declination plus accents plus phrase-final movement (in the spirit of Fujisaki & Hirose 1984), with vibrato or
creak in some voices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter, resample_poly

from .phones import STEP_S, Plan, make_plan
from .source import Pulses, flow_derivative, glottal_opening, place_pulses
from .tract import cascade, frication

__all__ = ["F0_RANGE_HZ", "FAMILIES", "HELD_OUT_FAMILIES", "HOP_S", "Truth", "Utterance", "Voice", "draw_voice", "local_f0_hz", "speak"]

Array = NDArray[np.float64]

HOP_S = 0.010
F0_RANGE_HZ = (80.0, 350.0)
FAMILIES = ("rosenberg", "klatt", "lf")
HELD_OUT_FAMILIES = ("lf",)

_RATE_HZ = 16000
_SOURCE_RATE_HZ = 48000


@dataclass(frozen=True, slots=True)
class Voice:
    """Everything about a speaker but what is said.

    ``shape`` is the open quotient, or Rd for ``lf``; ``tract_scale`` multiplies formants (1 = man); ``tilt_hz`` is the corner of
    the source's extra low pass; ``breath_db`` the level of aspiration relative to the voiced source; ``expression`` scales
    intonation; ``creak`` is the share of phrases that end in creak.
    """

    family: str
    base_hz: float
    shape: float
    tract_scale: float
    tilt_hz: float
    breath_db: float
    jitter: float
    shimmer_db: float
    expression: float
    vibrato_st: float
    creak: float
    level_dbfs: float


@dataclass(frozen=True, slots=True)
class Truth:
    """Per 10 ms frame [k], at the frame's centre.

    ``voiced``: a glottal pulse is under way; ``f0_hz``: mean over it and its neighbours, 0 where unvoiced; ``active``: speech of
    any kind, for the SNR.
    """

    voiced: NDArray[np.bool_]
    f0_hz: Array
    active: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Utterance:
    """Clean audio at 16 kHz, float64 [n], full scale 1, with its truth, and the tracks and pulses it was made from."""

    samples: Array
    truth: Truth
    voice: Voice
    plan: Plan
    pulses: Pulses


def draw_voice(rng: np.random.Generator, family: str, base_hz: float | None = None) -> Voice:
    """A random speaker of ``family``; ``base_hz`` fixes the middle of the F0 range, else it is drawn log-uniformly from 95 to 290 Hz."""
    base = float(base_hz or np.exp(rng.uniform(np.log(95.0), np.log(290.0))))
    lf = family == "lf"
    return Voice(
        family=family,
        base_hz=base,
        shape=float(rng.uniform(0.5, 2.5) if lf else rng.uniform(0.45, 0.75)),
        tract_scale=float(np.clip(1.0 + 0.16 * np.log2(base / 110.0) + 0.04 * rng.standard_normal(), 0.9, 1.35)),
        tilt_hz=float(np.exp(rng.uniform(np.log(1200.0 if lf else 500.0), np.log(4000.0)))),
        breath_db=float(rng.uniform(-40.0, -18.0)),
        jitter=float(rng.uniform(0.002, 0.015)),
        shimmer_db=float(rng.uniform(0.1, 0.8)),
        expression=float(rng.uniform(0.5, 1.6)),
        vibrato_st=float(rng.uniform(0.2, 0.5) if rng.random() < (0.4 if lf else 0.2) else 0.0),
        creak=float(rng.uniform(0.2, 0.6) if lf and rng.random() < 0.5 else 0.0),
        level_dbfs=float(rng.uniform(-34.0, -18.0)),
    )


def speak(
    rng: np.random.Generator,
    voice: Voice,
    duration_s: float,
    pause_s: tuple[float, float] = (0.2, 0.8),
    f0_range_hz: tuple[float, float] = F0_RANGE_HZ,
) -> Utterance:
    """One utterance of exactly ``duration_s`` (a multiple of 10 ms); mean level over active speech is ``voice.level_dbfs``."""
    plan = make_plan(rng, duration_s, "hillenbrand" if voice.family == "lf" else "peterson", pause_s)
    f0 = np.clip(_contour(rng, voice, plan), *f0_range_hz)
    pulses = place_pulses(f0, plan.voicing, STEP_S, voice.jitter, voice.shimmer_db, rng)
    samples = _render(rng, voice, plan, pulses)
    truth = _truth(pulses, plan, round(duration_s / HOP_S))
    per_frame = samples.reshape(-1, round(HOP_S * _RATE_HZ))
    power = float(np.mean(per_frame[truth.active] ** 2)) if truth.active.any() else 1.0
    return Utterance(samples * (10.0 ** (voice.level_dbfs / 20.0) / np.sqrt(power)), truth, voice, plan, pulses)


def _contour(rng: np.random.Generator, voice: Voice, plan: Plan) -> Array:
    st = np.zeros(plan.voicing.size)
    t = np.arange(st.size) * STEP_S
    for start, end in plan.phrases:
        here = t[start:end] - t[start]
        length = max(float(here[-1]), 0.2)
        curve = 2.0 * voice.expression * (0.5 - here / length)
        for centre in np.arange(rng.uniform(0.1, 0.3), length, rng.uniform(0.35, 0.7)):
            width = rng.uniform(0.12, 0.25)
            curve += voice.expression * rng.uniform(-1.5, 5.0) * np.exp(-0.5 * ((here - centre) / (0.5 * width)) ** 2)
        final = rng.uniform(-4.0, 5.0) * voice.expression
        curve += final * np.clip((here - length + 0.3) / 0.3, 0.0, 1.0) ** 2
        if rng.random() < voice.creak:
            curve -= _creak(rng, here - length)
        st[start:end] = curve
    st += voice.vibrato_st * np.sin(2.0 * np.pi * rng.uniform(4.5, 6.5) * t)
    return np.asarray(voice.base_hz * 2.0 ** (st / 12.0))


def _creak(rng: np.random.Generator, before_end_s: Array) -> Array:
    """Fall of F0 in semitones at a phrase's end: a slide down, or the sudden octave of period doubling."""
    if rng.random() < 0.5:
        return 8.0 * np.clip((before_end_s + 0.25) / 0.15, 0.0, 1.0)
    return 12.0 * (before_end_s > -rng.uniform(0.08, 0.3)).astype(np.float64)


def _render(rng: np.random.Generator, voice: Voice, plan: Plan, pulses: Pulses) -> Array:
    n, step = plan.voicing.size * round(STEP_S * _RATE_HZ), round(STEP_S * _RATE_HZ)
    up = _SOURCE_RATE_HZ // _RATE_HZ
    flow = resample_poly(flow_derivative(pulses, n * up, _SOURCE_RATE_HZ, voice.family, voice.shape), 1, up)
    pole = np.exp(-2.0 * np.pi * voice.tilt_hz / _RATE_HZ)
    flow = lfilter([1.0 - pole], [1.0, -pole], flow)
    loud = float(np.sqrt(np.mean(flow[np.repeat(plan.voicing, step) > 0.3] ** 2))) if (plan.voicing > 0.3).any() else 1.0
    opening = glottal_opening(pulses, n, _RATE_HZ, 0.6)
    voicing = np.repeat(plan.voicing, step)
    breath = rng.standard_normal(n) * (10.0 ** (voice.breath_db / 20.0) * voicing * opening + np.repeat(plan.aspiration, step))
    mouth = cascade(flow / loud + breath, plan.formants_hz, step, _RATE_HZ, voice.tract_scale)
    vowel_rms = float(np.sqrt(np.mean(mouth[voicing > 0.3] ** 2))) if (voicing > 0.3).any() else 1.0
    hiss = frication(rng.standard_normal(n), plan.fric_centre_hz, plan.fric_width_hz, step, _RATE_HZ) * np.repeat(plan.fric_level, step)
    return np.asarray(mouth / vowel_rms + hiss)


def local_f0_hz(pulses: Pulses, at_s: Array) -> Array:
    """F0 at given times [k], Hz: one over the mean period of the pulse under way and its voiced neighbours; 0 where no pulse is.

    The period that a listener or a tracker can know is local, hence the neighbours.
    """
    k = np.clip(np.searchsorted(pulses.onset_s, at_s, side="right") - 1, 0, pulses.onset_s.size - 1)
    on = pulses.gain > 0.0
    voiced = on[k]
    before, after = np.clip(k - 1, 0, None), np.clip(k + 1, None, on.size - 1)
    weight = np.stack([on[before], on[k], on[after]]).astype(np.float64)
    periods = np.stack([pulses.period_s[before], pulses.period_s[k], pulses.period_s[after]])
    mean_period = (weight * periods).sum(axis=0) / np.maximum(weight.sum(axis=0), 1.0)
    return np.where(voiced, 1.0 / np.where(voiced, mean_period, 1.0), 0.0)


def _truth(pulses: Pulses, plan: Plan, frames: int) -> Truth:
    f0 = local_f0_hz(pulses, (np.arange(frames) + 0.5) * HOP_S)
    voiced = f0 > 0.0
    per = round(HOP_S / STEP_S)
    noise = (plan.fric_level + plan.aspiration).reshape(-1, per).mean(axis=1)
    return Truth(voiced, f0, voiced | (noise > 10.0 ** (-30.0 / 20.0)))
