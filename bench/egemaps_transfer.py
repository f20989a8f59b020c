"""May a model trained on opensmile's functionals be fed with ours, and the reverse?

    python -m bench.egemaps_transfer [--ours core|reference] [--step S]

Tasks: *role*, caller or agent from 5 s pieces of the eight shared calls (at least 40 % speech), leaving out all calls that share a speaker;
*role, speakers known*, the same from the other half of each call; *expression*, whether a synthetic voice has lively or flat intonation
(``bench.synthvoice``; clean at 16 kHz, and through a telephone line with white noise at 20 dB), leaving out a fifth of the voices.

Classifier: logistic regression with an L2 penalty on standardised functionals. It is trained on one extractor and applied to
both; printed are the four balanced accuracies and what crossing costs in points, with 95 % intervals by resampling speakers. Variants:

- *as is*: the model's own mean and SD standardise whatever it is fed,
- *mapped*: likewise, with ours put on opensmile's scale (``simpatico.features.on_opensmile_scale``),
- *own norms*: each extractor is standardised by its own mean and SD over the (unlabelled) training pieces,
- with all 88 functionals, without the 6 of formant bandwidth, and without those and the 6 of formant frequency, which opensmile measures
  differently (decision 0081).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from bench.egemaps_material import OURS, Ours, Smile, make_ours, real_pieces
from bench.harper_valley import find_folder, load_calls, speaker_groups
from bench.synthvoice import FAMILIES, Condition, draw_voice, speak, through
from simpatico.features import on_opensmile_scale
from simpatico.types import Role
from tests.reference.egemaps import names
from tests.reference.egemaps.windows import Float

PENALTY = 10.0
"""L2, on standardised columns: 88 columns and some 200 overlapping pieces; of 1 to 100 nothing depends on it by more than the intervals."""
NEWTON_STEPS = 25
RESAMPLES = 2000
VOICES = 90
FOLDS = 5
SEED = 9700
LINES = (Condition(16000, "full", "none", np.inf), Condition(8000, "tel", "white", 20.0))
PIECE_S = 5
WIDTHS = tuple(f"F{n}bandwidth" for n in (1, 2, 3))
FORMANTS = (*WIDTHS, *(f"F{n}frequency" for n in (1, 2, 3)))
LEFT_OUT: tuple[tuple[str, ...], ...] = ((), WIDTHS, FORMANTS)
"""Beginnings of names: none, the 6 of bandwidth, the 12 of bandwidth and frequency."""
EXTRACTORS = ("opensmile", "ours")
VARIANTS = ("as is", "mapped", "own norms")


@dataclass(frozen=True)
class Task:
    """Pieces [n]: label, speaker, fold; and their functionals by each extractor [n, 88]."""

    title: str
    rate_hz: int
    label: Float
    speaker: Float
    fold: Float
    features: dict[str, Float]


def role_tasks(ours: Ours, smile: Smile, step_s: float) -> Iterator[Task]:
    """Caller against agent, with unknown and with known speakers."""
    folder = find_folder()
    if folder is None:
        return
    calls = load_calls(folder)
    groups = speaker_groups(calls)
    middle_s = {c.call_id: len(c.samples()) / c.sample_rate_hz / 2 for c in calls}
    pieces = list(real_pieces((PIECE_S,), step_s))
    features = _features([(p.samples, p.rate_hz) for p in pieces], ours, smile)
    label = np.array([p.role == str(Role.AGENT) for p in pieces], float)
    speaker = np.array([p.group for p in pieces])
    call = [p.name.split()[0] for p in pieces]
    group = np.array([next(k for k, ids in enumerate(groups) if c in ids) for c in call])
    yield Task(f"role, {len(pieces)} pieces", calls[0].sample_rate_hz, label, speaker, group, features)
    start_s = [float(p.name.split()[2]) for p in pieces]
    half = np.array([0 if s + PIECE_S <= middle_s[c] else 1 if s >= middle_s[c] else -1 for s, c in zip(start_s, call, strict=True)])
    whole = half >= 0
    parts = {e: f[whole] for e, f in features.items()}
    yield Task(f"role, speakers known, {whole.sum()} pieces", calls[0].sample_rate_hz, label[whole], speaker[whole], half[whole], parts)


def expression_task(ours: Ours, smile: Smile, line: Condition) -> Task:
    """Lively against flat intonation: the two outer thirds of the voices, two pieces each."""
    rng = np.random.default_rng(SEED)
    drawn = [draw_voice(rng, FAMILIES[k % len(FAMILIES)]) for k in range(VOICES)]
    low, high = np.quantile([v.expression for v in drawn], (1 / 3, 2 / 3))
    kept = [v for v in drawn if not low < v.expression < high]
    spoken = [(k, speak(rng, voice, float(PIECE_S))) for k, voice in enumerate(kept) for _ in range(2)]
    sounds = [(through(u, line, np.random.default_rng([SEED, i])), line.rate_hz) for i, (_, u) in enumerate(spoken)]
    label = np.array([float(u.voice.expression >= high) for _, u in spoken])
    speaker = np.array([k for k, _ in spoken])
    return Task(f"expression, {line}, {len(sounds)} pieces", line.rate_hz, label, speaker, speaker % FOLDS, _features(sounds, ours, smile))


def _features(sounds: list[tuple[Float, int]], ours: Ours, smile: Smile) -> dict[str, Float]:
    return {
        "opensmile": np.stack([smile.functionals(x, rate_hz) for x, rate_hz in sounds]),
        "ours": np.stack([ours.measure(x, rate_hz).functionals for x, rate_hz in sounds]),
    }


def fit_logistic(x: Float, y: Float, penalty: float = PENALTY) -> Float:
    """Weights, the intercept last and not penalised, by Newton's method; the two classes count alike."""
    z = np.column_stack([x, np.ones(len(x))])
    share = np.where(y > 0, 0.5 / max(y.mean(), 1e-9), 0.5 / max(1 - y.mean(), 1e-9))
    ridge = np.diag([penalty] * x.shape[1] + [1e-9])
    w = np.zeros(z.shape[1])
    for _ in range(NEWTON_STEPS):
        p = 1 / (1 + np.exp(-np.clip(z @ w, -30, 30)))
        slope = z.T @ (share * (p - y)) + ridge @ w
        bend = (z * (share * p * (1 - p))[:, None]).T @ z + ridge
        w -= np.linalg.solve(bend, slope)
    return w


def predict(task: Task, columns: Float, variant: str) -> dict[tuple[str, str], Float]:
    """Held-out decisions [n] for each (trained on, applied to)."""
    features = dict(task.features)
    if variant == "mapped":
        features["ours"] = on_opensmile_scale(features["ours"].astype(np.float32), task.rate_hz).astype(float)
    out = {(a, b): np.zeros(len(task.label)) for a in EXTRACTORS for b in EXTRACTORS}
    for fold in np.unique(task.fold):
        train, test = task.fold != fold, task.fold == fold
        norms = {e: _norms(features[e][train][:, columns]) for e in EXTRACTORS}
        for a in EXTRACTORS:
            w = fit_logistic(_scaled(features[a][train][:, columns], norms[a]), task.label[train])
            for b in EXTRACTORS:
                x = _scaled(features[b][test][:, columns], norms[b if variant == "own norms" else a])
                out[a, b][test] = x @ w[:-1] + w[-1] > 0
    return out


def _norms(x: Float) -> tuple[Float, Float]:
    return x.mean(0), np.maximum(x.std(0), 1e-9)


def _scaled(x: Float, norms: tuple[Float, Float]) -> Float:
    return (x - norms[0]) / norms[1]


def balanced(label: Float, said: Float) -> float:
    """Mean of the two classes' shares of right decisions, %."""
    return 100 * float(np.mean([(said[label == c] == c).mean() for c in (0.0, 1.0)]))


def intervals(
    task: Task, said: dict[tuple[str, str], Float], figure: Callable[[Float, dict[tuple[str, str], Float]], float]
) -> tuple[float, float]:
    """95 % interval of a figure by resampling speakers; draws without one of the classes are drawn again."""
    rng = np.random.default_rng(1)
    where = [np.flatnonzero(task.speaker == s) for s in np.unique(task.speaker)]
    values: list[float] = []
    while len(values) < RESAMPLES:
        rows = np.concatenate([where[k] for k in rng.integers(len(where), size=len(where))])
        if 0 < task.label[rows].mean() < 1:
            values.append(figure(task.label[rows], {k: v[rows] for k, v in said.items()}))
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


def loss(trained: str, applied: str) -> Callable[[Float, dict[tuple[str, str], Float]], float]:
    """Points of balanced accuracy that crossing costs."""
    return lambda label, said: balanced(label, said[trained, trained]) - balanced(label, said[trained, applied])


def report(task: Task) -> None:
    """All variants of one task."""
    print(f"\n{task.title}, {len(np.unique(task.speaker))} speakers; balanced accuracy in %")
    print(f"{'':34s}{'os->os':>8s}{'os->ours':>10s}{'ours->ours':>12s}{'ours->os':>10s}   crossing costs, points [95 %]")
    for variant in VARIANTS:
        for left_out in LEFT_OUT:
            columns = np.array([not n.startswith(left_out) for n in names.FUNCTIONAL_NAMES])
            said = predict(task, columns, variant)
            cells = [
                balanced(task.label, said[k])
                for k in (("opensmile", "opensmile"), ("opensmile", "ours"), ("ours", "ours"), ("ours", "opensmile"))
            ]
            costs = []
            for a, b in (("opensmile", "ours"), ("ours", "opensmile")):
                low, high = intervals(task, said, loss(a, b))
                costs.append(f"{loss(a, b)(task.label, said):+.1f} [{low:+.1f}, {high:+.1f}]")
            title = f"{columns.sum()} functionals, {variant}"
            print(f"{title:34s}{cells[0]:8.1f}{cells[1]:10.1f}{cells[2]:12.1f}{cells[3]:10.1f}   " + "  ".join(costs))


def main(argv: list[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", choices=OURS, default="core")
    parser.add_argument("--step", type=float, default=0.5, help="seconds from one piece of a call to the next")
    args = parser.parse_args(argv)
    ours, smile = make_ours(args.ours), Smile()
    print(f"ours: {args.ours}")
    for task in role_tasks(ours, smile, args.step):
        report(task)
    for line in LINES:
        report(expression_task(ours, smile, line))


if __name__ == "__main__":
    main()
