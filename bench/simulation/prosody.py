"""How they sound: turns that match each other with known strength, and voices of known evenness."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.simulation.build import Conversation, channel, conversation
from simpatico.types import F0_BIN_COUNT, F0_BINS_PER_ST, HOP_S, ChannelSpeech, Prosody, Role

__all__ = ["Voice", "drifting", "entrained_call", "entrained_values", "voice_channel", "wandering"]

Array = NDArray[np.float64]

SCALES = {"f0_st": (24.0, 2.5), "intensity_db": (-26.0, 3.0), "syllable_rate_hz": (4.5, 0.8), "alpha_ratio_db": (-11.0, 2.5)}
"""Mean and SD over turns of what a simulated turn has; of the order of the eight real calls."""


def entrained_values(turns: int, rng: np.random.Generator, *, synchrony: float = 0.0, convergence: float = 0.0) -> Array:
    """Return unit-variance values, float64 [turns], of alternating turns that answer the turn before.

    z_k = r_k z_{k-1} + sqrt(1 - r_k^2) e_k with r_k = synchrony + convergence (k / (turns - 1)), so ``synchrony`` is the correlation of
    adjacent turns, and with ``convergence`` it grows over the call by that much (their distance shrinks).
    """
    strength = np.clip(synchrony + convergence * np.linspace(0.0, 1.0, turns), -0.99, 0.99)
    noise = rng.standard_normal(turns)
    values = np.empty(turns)
    values[0] = noise[0]
    for k in range(1, turns):
        values[k] = strength[k] * values[k - 1] + np.sqrt(1.0 - strength[k] ** 2) * noise[k]
    return values


def drifting(turns: int, rng: np.random.Generator, *, fall: float = 2.0) -> Array:
    """Return values of two parties who do not hear each other and whose voices both fall by ``fall`` SD over the call."""
    return rng.standard_normal(turns) - fall * np.linspace(0.0, 1.0, turns)


def wandering(turns: int, rng: np.random.Generator, *, memory: float = 0.3) -> Array:
    """Return values of two parties who do not hear each other; each one's turn resembles its own last turn by ``memory`` (correlation)."""
    values = np.empty(turns)
    for party in (0, 1):
        own = entrained_values(len(values[party::2]), rng, synchrony=memory)
        values[party::2] = own
    return values


def entrained_call(make_values: Callable[[], Array], rng: np.random.Generator, *, utterances_per_turn: int = 2) -> Conversation:
    """Return a conversation of alternating turns, one set of values per descriptor from ``make_values``.

    Each turn has some utterances of 0.8 to 2.5 s whose prosody scatters a little about the turn's (a third of an SD); syllables are whole.
    """
    values = np.array([make_values() for _ in SCALES])
    times: dict[Role, list[tuple[float, float]]] = {Role.CALLER: [], Role.AGENT: []}
    sounds: dict[Role, list[Prosody]] = {Role.CALLER: [], Role.AGENT: []}
    clock_s = 0.0
    for turn in range(values.shape[1]):
        role = Role.AGENT if turn % 2 == 0 else Role.CALLER
        for _ in range(utterances_per_turn):
            length_s = round(float(rng.uniform(0.8, 2.5)), 2)
            times[role].append((round(clock_s, 2), round(clock_s + length_s, 2)))
            sounds[role].append(_turn_prosody(values[:, turn] + rng.normal(0.0, 0.33, len(SCALES)), length_s))
            clock_s += length_s + 0.3
    return conversation({role: channel(role, times[role], sounds[role]) for role in times})


def _turn_prosody(z: Array, length_s: float) -> Prosody:
    f0, intensity, rate, alpha = (mean + sd * float(v) for v, (mean, sd) in zip(z, SCALES.values(), strict=True))
    frames = round(length_s / HOP_S)
    return Prosody(
        frames=frames,
        voiced_frames=frames * 2 // 3,
        voiced_segments=max(1, frames // 30),
        syllables=max(1, round(max(rate, 0.5) * length_s)),
        f0_median_st=f0,
        f0_sd_st=1.5,
        intensity_db=intensity,
        alpha_ratio_db=alpha,
    )


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice of known spread: coefficients of variation of RMS amplitude, spectral entropy and voiced-segment length, and SD of F0 in
    semitones.

    ``steadiness`` of :meth:`of_steadiness` is in SD of a population whose spreads vary by a quarter (log-normally).
    """

    energy_cv: float = 0.8
    f0_sd_st: float = 2.8
    entropy_cv: float = 0.25
    voiced_segment_cv: float = 0.7

    @classmethod
    def of_steadiness(cls, steadiness: float) -> Voice:
        """Return a voice whose four spreads are all exp(-steadiness / 4) times the median voice's."""
        factor = float(np.exp(-0.25 * steadiness))
        return cls(0.8 * factor, 2.8 * factor, 0.25 * factor, 0.7 * factor)


def voice_channel(voice: Voice, speech_s: float, rng: np.random.Generator, *, role: Role = Role.CALLER) -> ChannelSpeech:
    """Return a channel with about ``speech_s`` seconds of a voice, in utterances of 0.5 to 3 s.

    Half of the variance of each figure lies between utterances and half within, so frames of one utterance are no independent evidence.
    """
    times: list[tuple[float, float]] = []
    sounds: list[Prosody] = []
    histogram = np.zeros(F0_BIN_COUNT, np.int64)
    clock_s = spoken_s = 0.0
    while spoken_s < speech_s:
        length_s = round(float(rng.uniform(0.5, 3.0)), 2)
        times.append((round(clock_s, 2), round(clock_s + length_s, 2)))
        sounds.append(_voice_prosody(voice, round(length_s / HOP_S), rng, histogram))
        clock_s += length_s + 1.0
        spoken_s += length_s
    return channel(role, times, sounds, f0_histogram=histogram)


def _voice_prosody(voice: Voice, frames: int, rng: np.random.Generator, histogram: NDArray[np.int64]) -> Prosody:
    energy = 0.05 * _scatter(voice.energy_cv, frames, rng)
    entropy = 0.5 * _scatter(voice.entropy_cv, frames, rng)
    segments = np.maximum(0.2 * _scatter(voice.voiced_segment_cv, max(2, frames // 30), rng), HOP_S)
    voiced = frames * 2 // 3
    # Half of the variance between utterances, half within; about 24 st (110 Hz).
    f0 = 24.0 + voice.f0_sd_st * np.sqrt(0.5) * (rng.standard_normal() + rng.standard_normal(voiced))
    histogram += np.bincount(np.clip((f0 * F0_BINS_PER_ST).astype(np.int64), 0, F0_BIN_COUNT - 1), minlength=F0_BIN_COUNT)
    return Prosody(
        frames=frames,
        voiced_frames=voiced,
        voiced_segments=len(segments),
        voiced_segment_sum_s=float(segments.sum()),
        voiced_segment_sumsq_s2=float(np.square(segments).sum()),
        f0_median_st=float(np.median(f0)),
        f0_sd_st=float(f0.std()),
        energy_sum=float(energy.sum()),
        energy_sumsq=float(np.square(energy).sum()),
        entropy_sum=float(entropy.sum()),
        entropy_sumsq=float(np.square(entropy).sum()),
    )


def _scatter(cv: float, count: int, rng: np.random.Generator) -> Array:
    """Return log-normal values of mean 1 and coefficient of variation ``cv``, half of the log variance shared by all of them."""
    sigma2 = np.log1p(cv * cv)
    shared = rng.normal(0.0, np.sqrt(sigma2 / 2))
    return np.asarray(np.exp(shared + rng.normal(0.0, np.sqrt(sigma2 / 2), count) - sigma2 / 2))
