"""What crossing from one extractor to another costs a classifier: the estimator of ``bench.egemaps_transfer``.

With a dozen speakers one classifier's loss is luck: of the speakers that it was trained on, of where the pieces were cut, of its penalty.
So the loss is the mean over many classifiers, each judged on speakers that it has not heard ("leave-pair-out bootstrap", after Efron &
Tibshirani 1997):

1. a speaker of either class is held out (every such pair in turn; with more than 150 pairs, a random tenth of either class's speakers);
2. of those left, as many are drawn as there are, with replacement, class by class; their pieces of *one* placement, end to end and of one
   length, are the training set; placement and length are drawn too, and the L2 penalty takes its turn;
3. every piece of that length of the two held out, whatever its placement, is judged by the model of either extractor, fed by either.

A speaker's share of right decisions is the mean over those; balanced accuracy is the mean over speakers within a class, then over the two.
Intervals resample speakers, with all that they have in both classes. Both extractors see the same draws, so that differences are paired.

References
----------
B. Efron, R. Tibshirani: Improvements on cross-validation: the .632+ bootstrap method. JASA 92, 1997.
A. Airola et al.: An experimental comparison of cross-validation techniques for estimating the AUC. CSDA 55, 2011 (why pairs: leaving out
one speaker of one class tilts the training set to the other).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.reference.egemaps.windows import Float

__all__ = ["PENALTIES", "Crossing", "Figure", "Task", "Training", "balanced", "cross", "fit_logistic", "held_out", "loss", "within_calls"]

PENALTIES = (1.0, 10.0, 100.0)
"""L2, on standardised columns: 88 of them and 8 to 80 pieces."""
NEWTON_STEPS = 30
SETTLED = 1e-4
"""Greatest step of a weight at which Newton's method ends: no decision hangs on less."""
RESAMPLES = 2000
PAIRS = 150
TENTHS = 10
SMALLEST = 2
"""Pieces of either class that a training set must have."""
TRIES = 1000
"""Draws in a row that gave no training set."""
PHASES = 8
INDEX = NDArray[np.int64]


@dataclass(frozen=True)
class Task:
    """Pieces [n]: label (0 or 1), speaker, length, placement (pieces of one do not overlap), and functionals by extractor [n, 88].

    ``span`` [n, 2] is where in its call a piece begins and ends, as shares of the call; NaN for pieces that are not of a call.
    """

    title: str
    rate_hz: int
    label: Float
    speaker: NDArray[np.str_]
    length_s: INDEX
    placement: INDEX
    span: Float
    features: dict[str, Float]


@dataclass(frozen=True)
class Training:
    """One classifier: the pieces that it is trained on (some perhaps more than once), those that it judges, and its penalty."""

    train: INDEX
    test: INDEX
    penalty: float


@dataclass(frozen=True)
class Crossing:
    """Shares of right decisions [trained on, fed, unit] of each unit, that is, of all that one speaker has in one class."""

    right: Float
    label: Float
    speaker: NDArray[np.str_]


@dataclass(frozen=True)
class Figure:
    """A value and its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:+5.1f} [{self.low:+5.1f}, {self.high:+5.1f}]"


def held_out(task: Task, count: int, seed: int = 1) -> Iterator[Training]:
    """``count`` classifiers, each judged on speakers that it was not trained on.

    Raises
    ------
    ValueError
        So few speakers that hardly any training set would have both classes.
    """
    rng = np.random.default_rng(seed)
    layouts = sorted(set(zip(task.length_s.tolist(), task.placement.tolist(), strict=True)))
    pairs = list(_pairs(task, rng))
    made, vain = 0, 0
    while made < count:
        if vain > TRIES:
            raise ValueError(f"{len(pairs)} pairs of speakers to hold out leave no training set: 2 speakers in each class work")
        out0, out1 = pairs[made % len(pairs)]
        length, placement = layouts[rng.integers(len(layouts))]
        placed = (task.length_s == length) & (task.placement == placement) & ~np.isin(task.speaker, [*out0, *out1])
        test = (task.length_s == length) & np.where(task.label > 0, np.isin(task.speaker, out1), np.isin(task.speaker, out0))
        train = np.concatenate([_drawn_speakers(task, placed & (task.label == c), rng) for c in (0, 1)])
        if _trainable(task.label[train]):
            yield Training(train, np.flatnonzero(test), PENALTIES[made // len(pairs) % len(PENALTIES)])
            made, vain = made + 1, 0
        else:
            vain += 1


def _pairs(task: Task, rng: np.random.Generator) -> Iterator[tuple[list[str], list[str]]]:
    """Speakers to hold out of class 0 and of class 1."""
    first, second = (sorted(set(task.speaker[task.label == c].tolist())) for c in (0, 1))
    every = [([a], [b]) for a in first for b in second if a != b]
    if len(every) <= PAIRS:
        yield from every
        return
    for _ in range(TENTHS):
        rng.shuffle(first)
        rng.shuffle(second)
        yield from ((first[k::TENTHS], second[k::TENTHS]) for k in range(TENTHS))


def _drawn_speakers(task: Task, among: NDArray[np.bool_], rng: np.random.Generator) -> INDEX:
    """The pieces of speakers drawn with replacement."""
    there = np.unique(task.speaker[among])
    if len(there) == 0:
        return np.zeros(0, np.int64)
    return np.concatenate([np.flatnonzero(among & (task.speaker == s)) for s in rng.choice(there, len(there))])


def _trainable(label: Float) -> bool:
    return bool(min((label == 0).sum(), (label == 1).sum()) >= SMALLEST)


def within_calls(task: Task) -> Iterator[Training]:
    """Speakers known: trained on one half of every call, judged on the other; halves begin at each eighth of a call and wrap around.

    As above a training set is the pieces of one placement. Who is not in it in that class is not judged.
    """
    unit = np.char.add(task.speaker, np.where(task.label > 0, " 1", " 0"))
    begins, lasts = task.span[:, 0], task.span[:, 1] - task.span[:, 0]
    for phase in range(PHASES):
        start = (begins - phase / PHASES) % 1
        first, second = start + lasts <= 0.5, (start >= 0.5) & (start + lasts <= 1)
        for length in np.unique(task.length_s):
            for placement in np.unique(task.placement[task.length_s == length]):
                train = np.flatnonzero(first & (task.length_s == length) & (task.placement == placement))
                test = np.flatnonzero(second & (task.length_s == length) & np.isin(unit, unit[train]))
                if _trainable(task.label[train]) and len(test):
                    yield from (Training(train, test, penalty) for penalty in PENALTIES)


def fit_logistic(x: Float, y: Float, penalty: float) -> Float:
    """Weights [columns + 1], the intercept last and not penalised, by Newton's method; the two classes count alike."""
    if len(x) < x.shape[1]:  # the penalised optimum lies in the span of the rows
        q, r = np.linalg.qr(x.T)
        w = fit_logistic(r.T, y, penalty)
        return np.append(q @ w[:-1], w[-1])
    z = np.column_stack([x, np.ones(len(x))])
    share = np.where(y > 0, 0.5 / y.mean(), 0.5 / (1 - y.mean()))
    ridge = np.append(np.full(x.shape[1], penalty), 1e-9)
    w = np.zeros(z.shape[1])
    for _ in range(NEWTON_STEPS):
        p = 1 / (1 + np.exp(-np.clip(z @ w, -30, 30)))
        bend = (z * (share * p * (1 - p))[:, None]).T @ z + np.diag(ridge)
        step = np.linalg.solve(bend, z.T @ (share * (p - y)) + ridge * w)
        w -= step
        if np.abs(step).max() < SETTLED:
            break
    return w


def cross(task: Task, features: tuple[Float, Float], trainings: list[Training], own_norms: bool) -> Crossing:
    """Train on either of two extractors' ``features`` [n, columns] and feed both.

    A model's mean and SD standardise whatever it is fed; with ``own_norms`` each extractor is standardised by its own over the training
    pieces.
    """
    right, judged = np.zeros((2, 2, len(task.label))), np.zeros(len(task.label))
    for t in trainings:
        judged[t.test] += 1
        norms = [(f[t.train].mean(0), np.maximum(f[t.train].std(0), 1e-9)) for f in features]
        for a, (mean, sd) in enumerate(norms):
            w = fit_logistic((features[a][t.train] - mean) / sd, task.label[t.train], t.penalty)
            for b, f in enumerate(features):
                m, s = norms[b] if own_norms else (mean, sd)
                right[a, b, t.test] += ((f[t.test] - m) / s @ w[:-1] + w[-1] > 0) == task.label[t.test]
    units = sorted(set(zip(task.label[judged > 0].tolist(), task.speaker[judged > 0].tolist(), strict=True)))
    shares = []
    for label, speaker in units:
        rows = (task.label == label) & (task.speaker == speaker) & (judged > 0)
        shares.append((right[:, :, rows] / judged[rows]).mean(-1))
    return Crossing(np.stack(shares, -1), np.array([c for c, _ in units]), np.array([s for _, s in units]))


def balanced(c: Crossing, weight: Float | None = None) -> Float:
    """Balanced accuracy [trained on, fed], %; ``weight`` says how often each unit counts."""
    w = np.ones(len(c.label)) if weight is None else weight
    return np.asarray(50 * sum((c.right * w)[..., c.label == k].sum(-1) / w[c.label == k].sum() for k in (0, 1)))


def loss(c: Crossing) -> tuple[Figure, Figure, Figure]:
    """Points lost from the first extractor to the second, from the second to the first, and their mean."""
    rng = np.random.default_rng(1)
    names, where = np.unique(c.speaker, return_inverse=True)
    drawn: list[Float] = []
    while len(drawn) < RESAMPLES:
        weight = np.bincount(rng.integers(len(names), size=len(names)), minlength=len(names))[where].astype(float)
        if min(weight[c.label == 0].sum(), weight[c.label == 1].sum()) > 0:
            drawn.append(_losses(balanced(c, weight)))
    low, high = np.quantile(drawn, (0.025, 0.975), axis=0)
    first, second, mean = (Figure(float(v), float(a), float(b)) for v, a, b in zip(_losses(balanced(c)), low, high, strict=True))
    return first, second, mean


def _losses(accuracy: Float) -> Float:
    there, back = accuracy[0, 0] - accuracy[0, 1], accuracy[1, 1] - accuracy[1, 0]
    return np.array([there, back, (there + back) / 2])
