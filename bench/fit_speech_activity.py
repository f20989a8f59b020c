"""Fits the speech detector's weights on the eight real calls: ``python -m bench.fit_speech_activity [--write]``.

Ridge logistic regression by Newton's method on the window means of the evidence, every frame of every channel in every condition; the
threshold is the one with the best F1 on the clean calls it was fitted on. ``--write`` replaces
``service/simpatico/turns/activity_weights.py``.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import simpatico.turns
from bench.activity_data import Channel, load_channels
from bench.harper_valley import ABSENT, find_folder, load_calls
from simpatico.turns.activity import ActivityWeights
from simpatico.turns.activity_weights import WINDOWS
from simpatico.turns.evidence import EVIDENCE_COUNT

__all__ = ["choose_ridge", "fit"]

WEIGHT_OF_CONDITION = {
    "clean": 1.0,
    "+12 dB": 0.3,
    "-12 dB": 0.3,
    "white 20 dB": 0.25,
    "pink 20 dB": 0.25,
    "white 10 dB": 0.25,
    "pink 10 dB": 0.25,
}
"""As recorded counts as much as all noise together: noise should not be bought with errors on ordinary lines."""
RIDGE = 600.0
"""In units of frames, of which neighbours say much the same. With less, the fit trusts the voicing of a few voices: at 1 one call of unseen
speakers falls to 0.85; from 300 to 3000 leave-one-speaker-out gives 0.945 to 0.949."""
RIDGES = (1.0, 100.0, 300.0, 600.0, 1000.0, 3000.0)
THRESHOLDS = np.arange(-1.0, 1.01, 0.1)
SCALE = 1 << 22
"""Integer weights per unit of log-odds: fine enough that rounding moves no log-odds by more than 0.003."""
UNIT = np.array([1.0, 255.0, 200.0])
"""Range of each kind of evidence (webrtcvad, voicing, relative level in tenths of a dB), so that one ridge serves all."""


def fit(channels: list[Channel], ridge: float = RIDGE) -> ActivityWeights:
    """Fit on ``channels`` in the conditions of ``WEIGHT_OF_CONDITION``."""
    used = [c for c in channels if c.condition in WEIGHT_OF_CONDITION]
    widths = np.array([last - first + 1 for first, last in WINDOWS])
    unit = (UNIT[:, None] * widths).ravel()
    x = np.concatenate([c.sums[c.counted] for c in used]) / unit
    y = np.concatenate([c.speech[c.counted] for c in used]).astype(np.float64)
    w = np.concatenate([np.full(int(c.counted.sum()), WEIGHT_OF_CONDITION[c.condition]) for c in used])
    solution = _logistic(np.column_stack((x, np.ones(len(x)))), y, w, ridge)
    weights, intercept = solution[:-1] / unit, solution[-1]
    clean = [c for c in used if c.condition == "clean"]
    odds = np.concatenate([c.sums[c.counted] @ weights + intercept for c in clean])
    truth = np.concatenate([c.speech[c.counted] for c in clean])
    threshold = max(THRESHOLDS, key=lambda t: _f1(odds > t, truth))
    integers = np.rint(weights * SCALE).astype(np.int64).reshape(EVIDENCE_COUNT, len(WINDOWS)).tolist()
    return ActivityWeights(WINDOWS, tuple(tuple(row) for row in integers), round((intercept - threshold) * SCALE))


def choose_ridge(channels: list[Channel]) -> float:
    """Return the ridge of ``RIDGES`` with the best mean F1 on clean calls of groups left out of the fit in turn, by raw decisions."""
    groups = {c.group for c in channels}
    scores = dict.fromkeys(RIDGES, 0.0)
    for ridge, group in itertools.product(RIDGES, groups):
        weights = fit([c for c in channels if c.group != group], ridge)
        row = np.array(weights.weights).ravel()
        clean = [c for c in channels if c.group == group and c.condition == "clean"]
        said = np.concatenate([c.sums[c.counted] @ row + weights.intercept > 0 for c in clean])
        scores[ridge] += _f1(said, np.concatenate([c.speech[c.counted] for c in clean])) * len(clean)
    return max(scores, key=lambda ridge: scores[ridge])


def _logistic(x: NDArray[np.float64], y: NDArray[np.float64], w: NDArray[np.float64], strength: float) -> NDArray[np.float64]:
    """Return the coefficients; the last column of ``x`` is the intercept's and is not shrunk."""
    beta, ridge = np.zeros(x.shape[1]), np.full(x.shape[1], strength)
    ridge[-1] = 0.0
    for _ in range(30):
        p = 1.0 / (1.0 + np.exp(-np.clip(x @ beta, -40.0, 40.0)))
        gradient = x.T @ (w * (p - y)) + ridge * beta
        hessian = (x * (w * p * (1.0 - p))[:, None]).T @ x + np.diag(ridge)
        step = np.linalg.solve(hessian, gradient)
        beta -= step
        if np.abs(step).max() < 1e-9:
            break
    return beta


def _f1(said: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return float(2.0 * np.sum(said & truth) / (np.sum(said) + np.sum(truth)))


def _source(weights: ActivityWeights) -> str:
    rows = "\n".join("    (" + ", ".join(str(v) for v in row) + ")," for row in weights.weights)
    return f'''"""Weights of the speech detector. Made by ``python -m bench.fit_speech_activity --write``; do not edit by hand.

Fitted on the eight calls of ``bench/harper_valley.py``, from the HarperValleyBank corpus (Wu, Nafziger, Scodary & Maas 2020,
arXiv:2010.13929; CC BY 4.0), as recorded, 12 dB louder and softer, and with white and pink noise at 20 and 10 dB. How good they are on
speakers they were not fitted on is measured by ``python -m bench.speech_activity``.
"""

from typing import Final

WINDOWS: Final = {WINDOWS!r}
"""First and last frame of each window, relative to the frame decided: about a phone, half a syllable, a word. Chosen, not fitted."""
WEIGHTS: Final = (
{rows}
)
"""Per kind of evidence (webrtcvad, voicing, relative level) and window, the weight of each frame; 2**22 is 1 unit of log-odds."""
INTERCEPT: Final = {weights.intercept}
"""Log-odds without evidence, less the threshold."""
'''


def main() -> int:
    """Fit on everything and print, or write, the weights."""
    folder = find_folder()
    if folder is None:
        print(f"nothing to fit on: {ABSENT}")
        return 1
    source = _source(fit(load_channels(load_calls(folder))))
    if "--write" in sys.argv[1:]:
        path = Path(simpatico.turns.__file__).parent / "activity_weights.py"
        path.write_text(source, "utf-8")
        print(f"wrote {path}")
    else:
        print(source)
    return 0


if __name__ == "__main__":
    sys.exit(main())
