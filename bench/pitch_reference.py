"""The pitch tracker of the core in NumPy: slow, plain, in double precision.

The core is fitted with it (``pitch_fit``) and checked against it. The steps and their names are those of ``service/core/src/pitch.h``. F0
is that of the posterior's peak; the core then sharpens it on an autocorrelation, which is the one step that is not repeated here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "HOP",
    "STATES",
    "Costs",
    "Evidence",
    "Network",
    "Tracker",
    "best_path",
    "evidence",
    "flatten",
    "in_blocks",
    "load_tracker",
    "state_of",
    "voicing_inputs",
]

Array = NDArray[np.float64]

TABLES = Path(__file__).parents[1] / "service" / "core" / "tables"
RATE_HZ, HOP, WINDOW, FFT, FIRST_BIN, SINGLE_BINS, PAIRS, SPAN, MIDDLE = 8000, 80, 384, 512, 3, 128, 48, 16, 96
STATES, STATES_PER_OCTAVE, LOWEST_HZ = 63, 20, 60.0
POSTERIOR_BLOCK = 16
CANDIDATES, DEPTH = 6, 8.0
LEVEL_FRAMES, PATH_FRAMES = 16, 20
EVIDENCE_CONTEXT, LEVEL_CONTEXT = 4, 6
SILENCE_DB, AUDIBLE_DB, SILENT_EVIDENCE, SILENT_CLARITY = -160.0, -130.0, -12.0, -5.0


@dataclass(frozen=True, slots=True)
class Network:
    """Two layers, rectifiers between them: ``weight1`` [inputs, hidden], ``bias1``, ``weight2`` [hidden, outputs], ``bias2``."""

    weight1: Array
    bias1: Array
    weight2: Array
    bias2: Array

    def __call__(self, x: Array) -> Array:
        """Outputs [k, outputs] for inputs [k, inputs]."""
        return np.maximum(x @ self.weight1 + self.bias1, 0.0) @ self.weight2 + self.bias2


class Costs(NamedTuple):
    """Costs of the path, in log odds; jumps per octave."""

    strength_weight: float
    voicing_weight: float
    voicing_bias: float
    jump: float
    memory_jump: float
    jump_max: float
    voiced_unvoiced: float


class Evidence(NamedTuple):
    """What each frame says by itself: log probabilities of F0 states if voiced [k, STATES], and the columns of ``pitch_frame`` [k]."""

    log_f0: Array
    evidence: Array
    clarity: Array
    level_db: Array


class Tracker(NamedTuple):
    """Everything that was fitted."""

    posterior: Network
    voicing: Network
    costs: Costs

    def __call__(self, samples: NDArray[np.float32]) -> tuple[Array, Array]:
        """F0 in Hz [k], 0 where unvoiced, and voicing probability [k] of 8 kHz samples."""
        said = evidence(self.posterior, samples)
        log_odds = np.where(said.level_db > AUDIBLE_DB, np.clip(self.voicing(voicing_inputs(said))[:, 0], -12.0, 12.0), -40.0)
        state = best_path(candidates(said.log_f0), log_odds, self.costs)
        return np.where(state >= 0.0, LOWEST_HZ * 2.0 ** (state / STATES_PER_OCTAVE), 0.0), 1.0 / (1.0 + np.exp(-log_odds))


def state_of(f0_hz: Array) -> NDArray[np.intp]:
    """Nearest state of each F0 (0 and up)."""
    return np.rint(STATES_PER_OCTAVE * np.log2(np.maximum(f0_hz, LOWEST_HZ) / LOWEST_HZ)).astype(np.intp).clip(0, STATES - 1)


def flatten(samples: NDArray[np.float32]) -> tuple[Array, Array]:
    """Inputs of the posterior [k, 176] and level of the middle of each window, dB [k]."""
    count = samples.size // HOP
    padded = np.pad(samples.astype(np.float64), (WINDOW // 2, WINDOW))
    at = np.arange(count)[:, None] * HOP + HOP // 2 + np.arange(WINDOW)
    framed = padded[at] * (0.5 - 0.5 * np.cos(2.0 * np.pi * (np.arange(WINDOW) + 0.5) / WINDOW))
    level_db = 10.0 * np.log10(np.mean(framed[:, (WINDOW - MIDDLE) // 2 : (WINDOW + MIDDLE) // 2] ** 2, axis=1) + 1e-16)
    power = np.abs(np.fft.rfft(framed, FFT)) ** 2
    power[:, :FIRST_BIN] = 0.0
    triangle = np.convolve(np.ones(SPAN), np.ones(SPAN)) / SPAN**2
    wide = np.pad(power, ((0, 0), (SPAN - 1, SPAN - 1)))
    envelope = sum(weight * wide[:, j : j + power.shape[1]] for j, weight in enumerate(triangle)) + 1e-18
    flat = np.sqrt(power / np.sqrt(envelope))
    first_pair = FIRST_BIN + SINGLE_BINS
    pairs = flat[:, first_pair : first_pair + 2 * PAIRS].reshape(count, PAIRS, 2).mean(axis=2)
    x = np.concatenate([flat[:, FIRST_BIN:first_pair], pairs], axis=1)
    return x / np.sqrt(np.mean(x**2, axis=1, keepdims=True) + 1e-18), level_db


def evidence(posterior: Network, samples: NDArray[np.float32]) -> Evidence:
    """What each frame says by itself."""
    x, level_db = flatten(samples)
    z = posterior(x)
    best = z[:, 1:].max(axis=1)
    total = best + np.log(np.exp(z[:, 1:] - best[:, None]).sum(axis=1))
    silent = ~x.any(axis=1)
    odds = np.where(silent, SILENT_EVIDENCE, total - z[:, 0])
    clarity = np.where(silent, SILENT_CLARITY, best - total)
    return Evidence(np.where(silent[:, None], -np.inf, z[:, 1:] - total[:, None]), odds, clarity, level_db)


def _levels(level_db: Array) -> tuple[Array, Array]:
    """Running peak and floor, each as known LEVEL_FRAMES later."""
    peak, floor = np.zeros(level_db.size), np.zeros(level_db.size)
    smooth = high = low = 0.0
    heard = False
    for i in range(level_db.size + LEVEL_FRAMES):
        level = level_db[i] if i < level_db.size else SILENCE_DB
        if level > AUDIBLE_DB:
            if not heard:
                heard, smooth, high, low = True, level, level, level
            smooth = 0.6 * smooth + 0.4 * level
            high = max(level, high - 0.02)
            low = low + 0.3 * (smooth - low) if smooth < low else min(smooth, low + 0.05)
        if i >= LEVEL_FRAMES:
            peak[i - LEVEL_FRAMES], floor[i - LEVEL_FRAMES] = high, low
    return peak, floor


def _about(track: Array, context: int, outside: float) -> Array:
    padded = np.pad(track, context, constant_values=outside)
    return np.stack([padded[j : j + track.size] for j in range(2 * context + 1)], axis=1)


def voicing_inputs(said: Evidence) -> Array:
    """Inputs of the voicing network [k, 33]."""
    peak, floor = _levels(said.level_db)
    columns = (
        np.clip(_about(said.evidence, EVIDENCE_CONTEXT, SILENT_EVIDENCE), -12.0, 12.0) / 4.0,
        np.clip(_about(said.clarity, EVIDENCE_CONTEXT, SILENT_CLARITY), -5.0, 0.0),
        np.clip(_about(said.level_db, LEVEL_CONTEXT, SILENCE_DB) - peak[:, None], -50.0, 5.0) / 15.0,
        np.clip(said.level_db - floor, -5.0, 40.0)[:, None] / 15.0,
        np.clip(peak - floor, 0.0, 50.0)[:, None] / 15.0,
    )
    return np.concatenate(columns, axis=1)


def candidates(log_f0: Array) -> list[list[tuple[float, float]]]:
    """Peaks of each frame's posterior as (state, strength), strongest first; none in digital silence."""
    return [_peaks(row) if row[0] > -np.inf else [] for row in log_f0]


def _peaks(log_f0: Array) -> list[tuple[float, float]]:
    walled = np.pad(log_f0, 1, constant_values=-np.inf)
    here, before, after = walled[1:-1], walled[:-2], walled[2:]
    found = []
    for k in np.flatnonzero((here > before) & (here >= after) & (here > here.max() - DEPTH)):
        inner = 0 < k < STATES - 1
        shift = 0.5 * (after[k] - before[k]) / max(2.0 * here[k] - before[k] - after[k], 1e-6) if inner else 0.0
        found.append((float(k + shift), float(here[k])))
    return sorted(found, key=lambda c: -c[1])[:CANDIDATES]


def best_path(frames: list[list[tuple[float, float]]], log_odds: Array, costs: Costs) -> Array:
    """State of each frame, decided PATH_FRAMES later; -1 where unvoiced."""
    count = log_odds.size
    jump, memory_jump = costs.jump / STATES_PER_OCTAVE, costs.memory_jump / STATES_PER_OCTAVE
    score, memory, out = [0.0], -1.0, np.full(count, -1.0)
    origin: list[list[int]] = []
    for t in range(count):
        before = frames[t - 1] if t > 0 else []
        ways = [score[0], *(s - costs.voiced_unvoiced for s in score[1:])]
        into = [int(np.argmax(ways))]
        new = [ways[into[0]]]
        for state, strength in frames[t]:
            silent = score[0] - costs.voiced_unvoiced - (min(costs.jump_max, memory_jump * abs(state - memory)) if memory >= 0.0 else 0.0)
            ways = [silent, *(s - min(costs.jump_max, jump * abs(state - b[0])) for s, b in zip(score[1:], before, strict=True))]
            into.append(int(np.argmax(ways)))
            new.append(ways[into[-1]] + costs.strength_weight * strength + costs.voicing_weight * log_odds[t] + costs.voicing_bias)
        if into[0] > 0:
            memory = before[into[0] - 1][0]
        origin.append(into)
        score = [s - max(new) for s in new]
        if t >= PATH_FRAMES or t == count - 1:
            chosen, at = int(np.argmax(score)), t
            while at >= max(t - PATH_FRAMES, 0):
                if at == t - PATH_FRAMES or t == count - 1:
                    out[at] = frames[at][chosen - 1][0] if chosen > 0 else -1.0
                chosen, at = origin[at][chosen], at - 1
    return out


def in_blocks(weights: Array, width: int) -> Array:
    """Weights ``[inputs, outputs]`` as the core has them: of ``width`` outputs, one input after another, then of the next outputs."""
    return weights.reshape(weights.shape[0], -1, width).transpose(1, 0, 2)


def from_blocks(values: Array, inputs: int, width: int) -> Array:
    """What ``in_blocks`` was given."""
    return values.reshape(-1, inputs, width).transpose(1, 0, 2).reshape(inputs, -1)


def load_tracker() -> Tracker:
    """The tracker as compiled into the core, from its own tables."""
    text = (TABLES / "pitch_model.inc").read_text(encoding="ascii")
    costs = (TABLES / "pitch_costs.inc").read_text(encoding="ascii")

    def values(name: str) -> Array:
        found = re.search(rf"prosody_{name}(?:\[\d+\])? = \{{?([^;}}]+)\}}?;", text)
        if found is None:
            raise ValueError(f"pitch_model.inc has no prosody_{name}")
        return np.array([float(v.rstrip("f")) for v in re.findall(r"[-+.\de]+f", found.group(1))])

    def weights(name: str, outputs: int, block: int | None) -> Array:
        found = values(name)
        return from_blocks(found, found.size // outputs, block or outputs)

    def network(name: str, block: int | None = None) -> Network:
        bias1, bias2 = values(f"{name}_bias1"), values(f"{name}_bias2")
        return Network(weights(f"{name}_weight1", bias1.size, block), bias1, weights(f"{name}_weight2", bias2.size, block), bias2)

    defined = dict(re.findall(r"#define PATH_(\w+) ([-+.\de]+)f", costs))
    return Tracker(
        network("posterior", POSTERIOR_BLOCK),
        network("voicing"),
        Costs(**{field: float(defined[field.upper()]) for field in Costs._fields}),
    )
