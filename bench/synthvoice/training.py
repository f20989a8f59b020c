"""Voices for fitting: more various than any that a bench measures on, so that what is fitted knows harmonics and not speakers.

Formants, F0 and tilt are drawn independently of each other; a random filter that changes as it goes takes away what is left of any
particular vocal tract; levels wander; a share is not speech at all but gated harmonic tones. Noise, band, codec, level and a
microphone's colour are random. Only the families that are not held out are used.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, ellip, lfilter, resample_poly, sosfilt

from .channel import babble, mulaw_round_trip
from .voice import FAMILIES, HELD_OUT_FAMILIES, Truth, draw_voice, speak

__all__ = ["examples"]

Array = NDArray[np.float64]
Example = tuple[NDArray[np.float32], Truth]

_FAMILIES = tuple(f for f in FAMILIES if f not in HELD_OUT_FAMILIES)
_DURATION_S = 6.0
_F0_RANGE_HZ = (60.0, 480.0)
_RATE_HZ = 16000
_CONDITIONS_PER_VOICE = 2
_VOICES_PER_CROWD = 40
_CROWD_SIZES = (4, 6, 10, 10, 10, 16)


def examples(seed: int, count: int) -> Iterator[Example]:
    """``count`` voices, each through two random lines: float32 [48000] at 8 kHz with the truth of its 600 frames."""
    crowd_rng = np.random.default_rng([seed, 1])
    crowds = [
        babble(crowd_rng, _DURATION_S, _FAMILIES[i % len(_FAMILIES)], int(crowd_rng.choice(_CROWD_SIZES)))
        for i in range(max(4, count // _VOICES_PER_CROWD))
    ]
    for i in range(count):
        rng = np.random.default_rng([seed, 2, i])
        samples, truth = _tones(rng) if rng.random() < 0.12 else _voice(rng, _FAMILIES[i % len(_FAMILIES)])
        for _ in range(_CONDITIONS_PER_VOICE):
            yield _line(rng, samples, truth, crowds), truth


def _voice(rng: np.random.Generator, family: str) -> tuple[Array, Truth]:
    voice = dataclasses.replace(
        draw_voice(rng, family, float(np.exp(rng.uniform(np.log(70.0), np.log(380.0))))),
        tract_scale=float(rng.uniform(0.85, 1.4)),
        tilt_hz=float(np.exp(rng.uniform(np.log(400.0), np.log(5000.0)))),
        creak=float(rng.uniform(0.2, 0.7)) if rng.random() < 0.3 else 0.0,
        jitter=float(rng.uniform(0.002, 0.02)),
        shimmer_db=float(rng.uniform(0.1, 1.2)),
    )
    utterance = speak(rng, voice, _DURATION_S, (0.2, 0.8) if rng.random() < 0.7 else (0.4, 2.0), _F0_RANGE_HZ)
    samples = _wandering_filter(rng, utterance.samples) if rng.random() < 0.7 else utterance.samples
    return _wandering_level(rng, samples) if rng.random() < 0.5 else samples, utterance.truth


def _tones(rng: np.random.Generator) -> tuple[Array, Truth]:
    """Gliding harmonic tones with random spectra, some without their lowest harmonics, on and off."""
    frames = round(_DURATION_S * 100)
    samples, f0 = np.zeros(frames * 160), np.zeros(frames)
    at = int(rng.integers(5, 50))
    while at < frames - 10:
        length = min(int(rng.integers(8, 120)), frames - at - 2)
        start = float(np.exp(rng.uniform(np.log(62.0), np.log(480.0))))
        end = float(np.clip(start * 2.0 ** rng.normal(0.0, 0.25), 62.0, 480.0))
        samples[at * 160 : (at + length) * 160], f0[at : at + length] = _tone(rng, start, end, length)
        at += length + int(rng.integers(5, 50))
    voiced = f0 > 0.0
    power = np.mean(samples[np.repeat(voiced, 160)] ** 2)
    return samples * (10.0 ** (rng.uniform(-34.0, -18.0) / 20.0) / np.sqrt(power)), Truth(voiced, f0, voiced)


def _tone(rng: np.random.Generator, start_hz: float, end_hz: float, frames: int) -> tuple[Array, Array]:
    n = frames * 160
    t = np.arange(n) / n
    f0 = (
        start_hz
        * (end_hz / start_hz) ** t
        * 2.0 ** (rng.uniform(0.0, 0.3) / 12.0 * np.sin(2.0 * np.pi * rng.uniform(3.0, 7.0) * t * n / _RATE_HZ))
    )
    phase = 2.0 * np.pi * np.cumsum(f0) / _RATE_HZ
    count, tilt = int(rng.choice([1, 2, 3, 5, 10, 20, 40])), rng.uniform(0.0, 2.0)
    first = 1 if count < 3 or rng.random() < 0.6 else int(rng.integers(1, 4))
    tone = np.zeros(n)
    for h in range(first, first + count):
        gain = h**-tilt * 10.0 ** (rng.normal(0.0, 3.0) / 20.0)
        tone += np.where(h * f0 < 7500.0, gain, 0.0) * np.cos(h * phase + rng.uniform(0.0, 2.0 * np.pi))
    ramp = np.clip(np.minimum(np.arange(n), np.arange(n)[::-1]) / 160.0, 0.0, 1.0)
    level = 10.0 ** (rng.uniform(-12.0, 0.0) / 20.0) / (np.sqrt(np.mean(tone**2)) + 1e-9)
    return tone * ramp * level, f0[80::160]


def _wandering_filter(rng: np.random.Generator, samples: Array) -> Array:
    """Random smooth gains over frequency, sliding from one to the next within 60 to 480 ms."""
    size, hop = 512, 256
    window = np.sin(np.pi * (np.arange(size) + 0.5) / size)
    padded = np.pad(samples, size)
    out = np.zeros_like(padded)
    now, after, steps, step = _random_gain_db(rng, size), _random_gain_db(rng, size), int(rng.integers(4, 30)), 0
    for first in range(0, padded.size - size + 1, hop):
        share = step / steps
        gain = 10.0 ** (((1.0 - share) * now + share * after) / 20.0)
        out[first : first + size] += window * np.fft.irfft(gain * np.fft.rfft(window * padded[first : first + size]))
        step += 1
        if step >= steps:
            now, after, steps, step = after, _random_gain_db(rng, size), int(rng.integers(4, 30)), 0
    out = out[size:-size]
    return out * (samples.std() / (out.std() + 1e-12))


def _random_gain_db(rng: np.random.Generator, size: int) -> Array:
    count = int(rng.integers(3, 14))
    f = np.arange(size // 2 + 1) / (size // 2)
    terms = [rng.normal(0.0, 6.0 / np.sqrt(count)) * np.cos(np.pi * j * f * 2.0 + rng.uniform(0.0, 2.0 * np.pi)) for j in range(1, count)]
    return np.asarray(np.sum(terms, axis=0))


def _wandering_level(rng: np.random.Generator, samples: Array) -> Array:
    """Syllables and endings of phrases die away in real speech: down to -24 dB, from knot to knot each 0.15 to 0.6 s."""
    knots = np.cumsum(rng.uniform(0.15, 0.6, 48)) * _RATE_HZ
    level_db = -rng.uniform(0.0, 24.0) * rng.random(48) ** 1.5
    return np.asarray(samples * 10.0 ** (np.interp(np.arange(samples.size), knots, level_db) / 20.0))


def _line(rng: np.random.Generator, samples: Array, truth: Truth, crowds: list[Array]) -> NDArray[np.float32]:
    kind = str(rng.choice(["none", "white", "babble", "coloured"], p=[0.15, 0.33, 0.42, 0.10]))
    snr_db = float(rng.choice([20.0, 10.0, 5.0])) if rng.random() < 0.5 else float(rng.uniform(0.0, 35.0))
    speech = np.asarray(resample_poly(samples, 1, 2))
    noise = np.asarray(resample_poly(_noise(rng, kind, samples.size, crowds), 1, 2))
    telephone = rng.random() < 0.55
    if telephone:
        band = _random_band(rng)
        speech, noise = np.asarray(sosfilt(band, speech)), np.asarray(sosfilt(band, noise))
    if rng.random() < 0.3:  # a microphone's tilt
        slope = [1.0, float(rng.uniform(-0.6, 0.6))]
        speech, noise = np.asarray(lfilter(slope, [1.0], speech)), np.asarray(lfilter(slope, [1.0], noise))
    if rng.random() < 0.2:  # early reflections, up to 50 ms
        room = np.zeros(400)
        room[rng.integers(10, 400, int(rng.integers(2, 8)))] = rng.normal(0.0, 0.2)
        room[0] = 1.0
        speech = np.convolve(speech, room)[: speech.size]
    active = np.repeat(truth.active, 80)
    if kind != "none" and active.any():
        speech = speech + noise * np.sqrt(np.mean(speech[active] ** 2) / (np.mean(noise**2) + 1e-20) * 10.0 ** (-snr_db / 10.0))
    heard = speech * 10.0 ** (rng.uniform(-8.0, 8.0) / 20.0)
    coded = mulaw_round_trip(heard) if telephone and rng.random() < 0.85 else np.clip(np.round(heard * 32768.0), -32768, 32767) / 32768.0
    if rng.random() < 0.12:  # a line that sends exact zeros in pauses
        pause = np.convolve((~truth.active).astype(np.float64), np.ones(15), "same") > 14.5
        coded = np.where(np.repeat(pause, 80), 0.0, coded)
    return coded.astype(np.float32)


def _random_band(rng: np.random.Generator) -> Array:
    edges = (300.0, 3390.0) if rng.random() < 0.6 else (float(rng.uniform(180.0, 400.0)), float(rng.uniform(3000.0, 3700.0)))
    if rng.random() < 0.7:
        return np.asarray(ellip(5, 0.3, 40.0, edges, btype="bandpass", output="sos", fs=8000))
    return np.asarray(butter(int(rng.integers(2, 5)), edges, btype="bandpass", output="sos", fs=8000))


def _noise(rng: np.random.Generator, kind: str, n: int, crowds: list[Array]) -> Array:
    if kind == "none":
        return np.zeros(n)
    if kind == "white":
        return rng.standard_normal(n)
    if kind == "babble":
        return np.roll(crowds[int(rng.integers(len(crowds)))], int(rng.integers(n)))[:n]
    pole = float(rng.uniform(0.7, 0.99))
    noise = np.asarray(lfilter([1.0 - pole], [1.0, -pole], rng.standard_normal(n + 2000))[2000:])
    if rng.random() < 0.3:  # hum
        noise = noise / noise.std() + rng.uniform(0.1, 1.0) * np.sin(
            2.0 * np.pi * float(rng.choice([50, 60, 100, 120])) * np.arange(n) / _RATE_HZ
        )
    return noise
