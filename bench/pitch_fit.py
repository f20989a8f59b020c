"""Fits the pitch tracker and writes its tables into the core.

``python -m bench.pitch_fit`` (about fifteen minutes of one core, 3 GB). Everything comes from synthetic voices of the families that are
not held out, with seeds that ``bench.pitch`` never uses; the result is the same on every run on one machine. In order:

1. the posterior, on 2800 voices and lines: cross-entropy of "unvoiced" and 63 F0 states, blurred by one, since neighbours are hardly wrong;
2. the network for voicing, on other voices: what the posterior says of voices that it was fitted on is too sure of itself;
3. the costs of the path, on a third set, by random search for the least mean F0 frame error over the conditions of the bench.

Optimiser: Adam (Kingma & Ba 2015, arXiv:1412.6980) with a rate that falls along a cosine.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.pitch_reference import (
    AUDIBLE_DB,
    POSTERIOR_BLOCK,
    STATES,
    STATES_PER_OCTAVE,
    TABLES,
    Costs,
    Network,
    best_path,
    candidates,
    evidence,
    flatten,
    in_blocks,
    state_of,
    voicing_inputs,
)
from bench.synthvoice import FAMILIES, HELD_OUT_FAMILIES, Truth, babble, conditions, draw_voice, speak, through
from bench.synthvoice.training import examples

Array = NDArray[np.float64]
Batch = NDArray[np.float32]

POSTERIOR_SEED, VOICING_SEED, PATH_SEED = 101, 102, 103
"""``bench.pitch`` counts from 9000."""
POSTERIOR_HIDDEN, VOICING_HIDDEN = 48, 10
BLUR_STATES = 0.8
COST_RANGES = ((0.2, 0.7), (0.5, 1.2), (0.5, 2.0), (4.0, 20.0), (1.0, 10.0), (2.5, 10.0), (1.0, 4.0))
"""Searched, in the order of ``Costs``."""
FRAME_STEP = 2
"""Neighbouring frames are much alike: every second one is learned from."""


def label(truth: Truth) -> NDArray[np.intp]:
    """0 for unvoiced, 1 + state otherwise."""
    return np.where(truth.voiced, 1 + state_of(truth.f0_hz), 0)


def targets() -> Batch:
    """Wanted distribution for each label [64, 64]."""
    i = np.arange(STATES)
    blur = np.exp(-0.5 * ((i[:, None] - i) / BLUR_STATES) ** 2)
    out = np.eye(STATES + 1, dtype=np.float32)
    out[1:, 1:] = blur / blur.sum(axis=1, keepdims=True)
    return out


def log_softmax(z: Batch) -> Batch:
    """Log probabilities of each row."""
    z = z - z.max(axis=1, keepdims=True)
    return np.asarray(z - np.log(np.exp(z).sum(axis=1, keepdims=True)))


def fit(x: Batch, labels: NDArray[np.intp], wanted: Batch, hidden: int, epochs: int, rate: float, decay: float, seed: int = 0) -> Network:
    """Cross-entropy fit of a two-layer network; inputs are standardised on the way, which the weights returned take in."""
    rng = np.random.default_rng(seed)
    mean, scale = x[::31].mean(axis=0), x[::31].std(axis=0) + 0.05
    sizes = (x.shape[1], hidden, wanted.shape[1])
    weights = [(rng.standard_normal((a, b)) * np.sqrt(2.0 / a)).astype(np.float32) for a, b in pairwise(sizes)]
    parameters = [weights[0], np.zeros(hidden, np.float32), weights[1], np.zeros(sizes[2], np.float32)]
    first, second = [np.zeros_like(p) for p in parameters], [np.zeros_like(p) for p in parameters]
    batch = 1024
    steps = epochs * (len(labels) // batch)
    for step, chosen in enumerate(_batches(rng, len(labels), batch, epochs), start=1):
        loss, gradients = _gradients(parameters, (x[chosen] - mean) / scale, wanted[labels[chosen]])
        now = rate * 0.5 * (1.0 + np.cos(np.pi * step / steps)) + 1e-5
        for i, gradient in enumerate(gradients):
            first[i] += 0.1 * (gradient - first[i])
            second[i] += 0.001 * (gradient * gradient - second[i])
            move = first[i] / (1.0 - 0.9**step) / (np.sqrt(second[i] / (1.0 - 0.999**step)) + 1e-8)
            parameters[i] -= now * (move + decay * parameters[i] * (gradient.ndim > 1))
        if step % (steps // 5) == 0:
            print(f"  step {step} of {steps}: loss {loss:.3f}", flush=True)
    w1, b1, w2, b2 = (p.astype(np.float64) for p in parameters)
    return Network(w1 / scale[:, None], b1 - (mean / scale) @ w1, w2, b2)


def _batches(rng: np.random.Generator, count: int, batch: int, epochs: int) -> Iterator[NDArray[np.intp]]:
    for _ in range(epochs):
        order = rng.permutation(count)
        for i in range(count // batch):
            yield np.sort(order[i * batch : (i + 1) * batch])


def _gradients(parameters: list[Batch], x: Batch, wanted: Batch) -> tuple[float, list[Batch]]:
    w1, b1, w2, b2 = parameters
    hidden = np.maximum(x @ w1 + b1, 0.0)
    log_p = log_softmax(hidden @ w2 + b2)
    out = (np.exp(log_p) - wanted) / len(x)
    back = (out @ w2.T) * (hidden > 0.0)
    return float(-(wanted * log_p).sum() / len(x)), [x.T @ back, back.sum(axis=0), hidden.T @ out, out.sum(axis=0)]


def fit_posterior(voices: int) -> Network:
    """Step 1."""
    rows, labels = [], []
    for i, (samples, truth) in enumerate(examples(POSTERIOR_SEED, voices)):
        rows.append(flatten(samples)[0][i % FRAME_STEP :: FRAME_STEP].astype(np.float32))
        labels.append(label(truth)[i % FRAME_STEP :: FRAME_STEP])
    return fit(np.concatenate(rows), np.concatenate(labels), targets(), POSTERIOR_HIDDEN, epochs=14, rate=2e-3, decay=1e-5)


def fit_voicing(posterior: Network, voices: int) -> Network:
    """Step 2."""
    rows, labels = [], []
    for samples, truth in examples(VOICING_SEED, voices):
        said = evidence(posterior, samples)
        heard = said.level_db > AUDIBLE_DB
        rows.append(voicing_inputs(said)[heard].astype(np.float32))
        labels.append(truth.voiced[heard].astype(np.intp))
    two = fit(np.concatenate(rows), np.concatenate(labels), np.eye(2, dtype=np.float32), VOICING_HIDDEN, epochs=12, rate=4e-3, decay=1e-4)
    return Network(two.weight1, two.bias1, two.weight2[:, 1:] - two.weight2[:, :1], two.bias2[1:] - two.bias2[:1])


def path_cases(voices: int) -> Iterator[tuple[NDArray[np.float32], Truth]]:
    """Voices through every condition of the bench."""
    families = [f for f in FAMILIES if f not in HELD_OUT_FAMILIES]
    for i in range(voices):
        family = families[i % len(families)]
        rng = np.random.default_rng([PATH_SEED, i])
        utterance = speak(rng, draw_voice(rng, family), 6.0)
        crowd = babble(rng, 6.0, family)
        for condition in conditions():
            yield through(utterance, condition, rng, crowd).astype(np.float32), utterance.truth


def fit_costs(posterior: Network, voicing: Network, voices: int, trials: int) -> Costs:
    """Step 3."""
    cases = []
    for samples, truth in path_cases(voices):
        said = evidence(posterior, samples)
        log_odds = np.where(said.level_db > AUDIBLE_DB, np.clip(voicing(voicing_inputs(said))[:, 0], -12.0, 12.0), -40.0)
        cases.append((candidates(said.log_f0), log_odds, truth))
    rng = np.random.default_rng(PATH_SEED)
    best, least = None, np.inf
    for costs in [_random_costs(rng) for _ in range(trials)]:
        error = float(np.mean([_frame_error(best_path(frames, log_odds, costs), truth) for frames, log_odds, truth in cases]))
        if error < least:
            best, least = costs, error
            print(f"  F0 frame error {100.0 * error:.2f} %: {costs}", flush=True)
    if best is None:
        raise ValueError(f"{trials} trials leave no costs; 60 are usual")
    return best


def _random_costs(rng: np.random.Generator) -> Costs:
    return Costs(*(float(rng.uniform(low, high)) for low, high in COST_RANGES))


def _frame_error(state: Array, truth: Truth) -> float:
    voiced = state >= 0.0
    wrong = (
        voiced & truth.voiced & (np.abs(60.0 * 2.0 ** (state / STATES_PER_OCTAVE) / np.where(truth.voiced, truth.f0_hz, 1.0) - 1.0) > 0.2)
    )
    return float(np.mean((voiced != truth.voiced) | wrong))


def write(posterior: Network, voicing: Network, costs: Costs, folder: Path) -> None:
    """The two tables of the core."""
    head = "/* Generated by bench/pitch_fit.py; do not edit. */\n"
    parts = [head]
    for name, network, block in (("posterior", posterior, POSTERIOR_BLOCK), ("voicing", voicing, None)):
        weight1, weight2 = (in_blocks(w, block or w.shape[1]) for w in (network.weight1, network.weight2))
        parts += [_c_array(f"prosody_{name}_weight1", weight1), _c_array(f"prosody_{name}_bias1", network.bias1)]
        parts.append(_c_array(f"prosody_{name}_weight2", weight2))
        if network.bias2.size > 1:
            parts.append(_c_array(f"prosody_{name}_bias2", network.bias2))
        else:
            parts.append(f"const float prosody_{name}_bias2 = {_c_float(float(network.bias2[0]))};\n")
    (folder / "pitch_model.inc").write_text("".join(parts), encoding="ascii")
    defines = [f"#define PATH_{name.upper()} {_c_float(value)}\n" for name, value in costs._asdict().items()]
    (folder / "pitch_costs.inc").write_text(head + "".join(defines), encoding="ascii")


def _c_float(value: float) -> str:
    text = f"{value:.6g}"
    return text + ("f" if "." in text or "e" in text else ".0f")


def _c_array(name: str, values: Array) -> str:
    texts = [_c_float(float(v)) for v in values.ravel()]
    rows = ",\n    ".join(", ".join(texts[i : i + 12]) for i in range(0, len(texts), 12))
    return f"const float {name}[{len(texts)}] = {{\n    {rows},\n}};\n"


def main() -> None:
    """Fit, write, and say what was found on the way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--voices", type=int, default=1400, help="voices for the posterior; the other steps take a third and a hundredth of it"
    )
    parser.add_argument("--trials", type=int, default=60, help="sets of path costs tried")
    parser.add_argument("--out", type=Path, default=TABLES, help="folder to write to")
    options = parser.parse_args()
    print("posterior")
    posterior = fit_posterior(options.voices)
    print("voicing")
    voicing = fit_voicing(posterior, max(options.voices // 3, 4))
    print("path")
    costs = fit_costs(posterior, voicing, max(options.voices // 100, 2), options.trials)
    write(posterior, voicing, costs, options.out)


if __name__ == "__main__":
    main()
