"""Does the caller seem to want to decide, or to browse? A probability that is calibrated or is not given.

**What the literature supports.** That a sale can be foretold from a few seconds of voice was found of the *seller's* voice (Stoltzman
2006, telephone sales: activity and emphasis of the operator), which this service does not score. For the buyer's voice there are few
studies, on small or private data, with labels by judges or by the shop (for instance Nagase et al. 2024), and no published weight that
could be taken over. So there is no built-in opinion: the weights of live signals start at 0, with a prior that holds them there until
outcomes say otherwise. What is assumed from the start is only that people repeat themselves: a caller's own record with a reason moves
the estimate (weight 1 on the log-odds, as if the record were the truth after shrinkage).

**The model.** For a call with reason r::

    logit p = logit base_r + delta + g own + sum_k beta_k z_k        delta, g - 1, beta_k ~ N(0, PRIOR_SD**2)

base_r is the reason's rate of deciding, shrunk towards the queue's; own the caller's rate for that reason against base_r, shrunk; z_k live
signals in SD of the norm population (missing ones count 0). Fitted by Newton's method to calls whose ``bought`` was reported; the
uncertainty of the weights is integrated over (MacKay 1992), so that a probability from few labels stays near the middle.

**Unknown is the normal answer.** It is given until there are enough labels of both kinds, unless the newest quarter of the calls, kept
back from the fit, was predicted both better than by the base rate and with the right frequencies (Spiegelhalter's z), and whenever the
interval of the probability spans the middle.

References
----------
MacKay, D. J. C. (1992). The evidence framework applied to classification networks. Neural Computation 4(5), 720-736.
Nagase, R. et al. (2024). Can we estimate purchase intention based on zero-shot speech emotion recognition? arXiv:2410.09636.
Spiegelhalter, D. J. (1986). Probabilistic prediction in patient management and clinical trials. Statistics in Medicine 5(5), 421-433.
Stoltzman, W. T. (2006). Toward a social signaling framework: activity and emphasis in speech. Master's thesis, MIT.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from simpatico.errors import OutcomeError

__all__ = [
    "LIVE_SIGNALS",
    "MIN_EACH",
    "MIN_LABELS",
    "Intent",
    "IntentCall",
    "IntentModel",
    "IntentUnknown",
    "Lean",
    "fit_intent",
    "read_intent",
]

LIVE_SIGNALS = ("activity", "consistency", "short_exchange_rate")
"""Live signals that may carry weight: those that come with norms."""
MIN_LABELS = 400
"""Labelled calls, so that the quarter kept back holds 100: a frequency among them has a standard error of 5 points or less."""
MIN_EACH = 50
"""Of each kind."""
PRIOR_SD = 0.5
"""Of every weight, in log-odds per SD: one SD of one signal is not expected to move even odds beyond 38 to 62 %."""
BASE_STRENGTH = 20.0
"""Calls that the queue's rate is worth when a reason's is estimated."""
OWN_STRENGTH = 4.0
"""Calls that the reason's rate is worth when a caller's own is."""
MAX_SIGNAL = 3.0
"""Live signals are clipped to 3 SD, as everywhere."""
MAX_OWN = 3.0
"""A caller's record moves the log-odds by at most this before it is weighed."""
CALIBRATION_Z = 2.0
"""Spiegelhalter's z beyond which the kept-back calls refute the probabilities (95 %)."""
SKILL_Z = 1.645
"""Gain over the base rate on the kept-back calls, in its standard errors, below which it may be chance (one-sided 95 %)."""
INTERVAL_Z = 1.645
"""90 % interval of a probability."""
NEWTON_STEPS = 25

Float = NDArray[np.float64]


class Lean(StrEnum):
    """What the caller seems to want. The strings are part of the JSON and gRPC contract."""

    DECIDE = "decide"
    BROWSE = "browse"
    UNKNOWN = "unknown"


class IntentUnknown(StrEnum):
    """Why the answer is unknown. The strings are part of the JSON and gRPC contract."""

    FEW_LABELS = "too_few_reported_outcomes"
    NO_SKILL = "not_better_than_the_base_rate"
    NOT_CALIBRATED = "probabilities_not_calibrated"
    UNDECIDED = "interval_spans_the_middle"


@dataclass(frozen=True, slots=True)
class IntentCall:
    """One call: its reason, the caller's own past with that reason (calls with a reported ``bought``, and how many of them bought), live
    signals in SD of the norm population (missing ones left out), and the label once reported."""

    reason: str = ""
    own_calls: int = 0
    own_bought: int = 0
    signals: Mapping[str, float] = field(default_factory=dict)
    bought: bool | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.own_bought <= self.own_calls:
            raise OutcomeError(f"own_bought must be 0 to own_calls ({self.own_calls}), got {self.own_bought}", field="own_bought")
        for name, value in self.signals.items():
            if not math.isfinite(value):
                raise OutcomeError(f"signal {name} must be finite or left out, got {value!r}", field=name)


@dataclass(frozen=True, slots=True, eq=False)
class IntentModel:
    """Weights of one queue: (delta, own, signals...), their covariance, rates by reason, and whether the kept-back calls bore it out.

    ``brier`` and ``base_brier`` are the mean squared errors on the kept-back calls, of the model and of the base rate; ``calibration_z`` is
    Spiegelhalter's. None where there were too few labels.
    """

    weights: Float
    covariance: Float
    rate: float
    rates: Mapping[str, float]
    labels: int
    brier: float | None
    base_brier: float | None
    calibration_z: float | None
    unusable: IntentUnknown | None


@dataclass(frozen=True, slots=True)
class Intent:
    """The answer. ``probability`` (of deciding) and its 90 % interval are None while the model is not usable; ``why`` is None unless the
    lean is unknown."""

    lean: Lean
    probability: float | None
    low: float | None
    high: float | None
    labels: int
    why: IntentUnknown | None


def fit_intent(calls: Sequence[IntentCall]) -> IntentModel:
    """Fit a queue's model.

    Parameters
    ----------
    calls
        In order of time; those without a label are passed over. ``own_*`` must count only what lay before each call.

    Returns
    -------
    IntentModel
        ``unusable`` says why it may not be used yet, or is None.
    """
    labelled = [c for c in calls if c.bought is not None]
    bought = sum(bool(c.bought) for c in labelled)
    rate, rates = _rates(labelled)
    size = 2 + len(LIVE_SIGNALS)
    if len(labelled) < MIN_LABELS or min(bought, len(labelled) - bought) < MIN_EACH:
        prior = np.zeros(size)
        prior[1] = 1.0
        return IntentModel(prior, np.eye(size) * PRIOR_SD**2, rate, rates, len(labelled), None, None, None, IntentUnknown.FEW_LABELS)
    cut = len(labelled) * 3 // 4
    before_rate, before_rates = _rates(labelled[:cut])
    weights, covariance = _newton(labelled[:cut], before_rate, before_rates)
    p = np.array([_probability(weights, covariance, _row(c, before_rate, before_rates))[0] for c in labelled[cut:]])
    base = np.array([before_rates.get(c.reason, before_rate) for c in labelled[cut:]])
    y = np.array([float(bool(c.bought)) for c in labelled[cut:]])
    brier, base_brier = float(((y - p) ** 2).mean()), float(((y - base) ** 2).mean())
    spread = math.sqrt(max(float(((1 - 2 * p) ** 2 * p * (1 - p)).sum()), 1e-12))
    z = float(((y - p) * (1 - 2 * p)).sum()) / spread
    z_mean = float((y - p).sum()) / math.sqrt(max(float((p * (1 - p)).sum()), 1e-12))
    unusable = None
    if max(abs(z), abs(z_mean)) > CALIBRATION_Z:
        unusable = IntentUnknown.NOT_CALIBRATED
    elif _gain_z((y - base) ** 2 - (y - p) ** 2) < SKILL_Z:
        unusable = IntentUnknown.NO_SKILL
    weights, covariance = _newton(labelled, rate, rates)
    return IntentModel(weights, covariance, rate, rates, len(labelled), brier, base_brier, z, unusable)


def read_intent(model: IntentModel | None, call: IntentCall) -> Intent:
    """Answer for a call; unknown, with the reason, unless the model is usable and its interval lies on one side of even odds."""
    if model is None:
        return Intent(Lean.UNKNOWN, None, None, None, 0, IntentUnknown.FEW_LABELS)
    if model.unusable is not None:
        return Intent(Lean.UNKNOWN, None, None, None, model.labels, model.unusable)
    p, low, high = _probability(model.weights, model.covariance, _row(call, model.rate, model.rates))
    lean = Lean.DECIDE if low > 0.5 else Lean.BROWSE if high < 0.5 else Lean.UNKNOWN
    return Intent(lean, p, low, high, model.labels, IntentUnknown.UNDECIDED if lean is Lean.UNKNOWN else None)


def _gain_z(gain: Float) -> float:
    """Mean gain in squared error over its standard error."""
    return float(gain.mean()) / max(float(gain.std(ddof=1)) / math.sqrt(gain.size), 1e-12)


def _logit(p: float) -> float:
    return math.log(p / (1.0 - p))


def _rates(labelled: Sequence[IntentCall]) -> tuple[float, dict[str, float]]:
    """The queue's rate of deciding (half a call added to each side) and each reason's, shrunk towards it."""
    bought = sum(bool(c.bought) for c in labelled)
    rate = (bought + 0.5) / (len(labelled) + 1.0)
    counts: dict[str, list[int]] = {}
    for c in labelled:
        cell = counts.setdefault(c.reason, [0, 0])
        cell[0] += 1
        cell[1] += bool(c.bought)
    return rate, {reason: (b + BASE_STRENGTH * rate) / (n + BASE_STRENGTH) for reason, (n, b) in counts.items()}


def _row(call: IntentCall, rate: float, rates: Mapping[str, float]) -> Float:
    """(offset, 1, own, signals...), float64 [3 + signals]."""
    base = rates.get(call.reason, rate)
    own = (call.own_bought + OWN_STRENGTH * base) / (call.own_calls + OWN_STRENGTH)
    moved = max(-MAX_OWN, min(MAX_OWN, _logit(own) - _logit(base))) if call.own_calls else 0.0
    signals = [max(-MAX_SIGNAL, min(MAX_SIGNAL, call.signals.get(name, 0.0))) for name in LIVE_SIGNALS]
    return np.array((_logit(base), 1.0, moved, *signals))


def _newton(labelled: Sequence[IntentCall], rate: float, rates: Mapping[str, float]) -> tuple[Float, Float]:
    """Posterior mode and Laplace covariance; the log posterior is concave, and steps are halved until it rises."""
    rows = np.array([_row(c, rate, rates) for c in labelled])
    offset, x = rows[:, 0], rows[:, 1:]
    y = np.array([float(bool(c.bought)) for c in labelled])
    centre = np.zeros(x.shape[1])
    centre[1] = 1.0
    precision = np.eye(x.shape[1]) / PRIOR_SD**2

    def objective(w: Float) -> float:
        eta = offset + x @ w
        return float(y @ eta - np.logaddexp(0.0, eta).sum() - 0.5 * (w - centre) @ precision @ (w - centre))

    w = centre
    for _ in range(NEWTON_STEPS):
        p = 1.0 / (1.0 + np.exp(-(offset + x @ w)))
        hessian = (x.T * (p * (1.0 - p))) @ x + precision
        step = np.linalg.solve(hessian, x.T @ (y - p) - precision @ (w - centre))
        size, now = 1.0, objective(w)
        while objective(w + size * step) < now and size > 1e-6:
            size /= 2.0
        w = w + size * step
        if float(np.abs(step).max()) < 1e-9:
            break
    p = 1.0 / (1.0 + np.exp(-(offset + x @ w)))
    return w, np.linalg.inv((x.T * (p * (1.0 - p))) @ x + precision)


def _probability(weights: Float, covariance: Float, row: Float) -> tuple[float, float, float]:
    """Probability with the weights integrated over, and its interval."""
    eta = float(row[0] + row[1:] @ weights)
    variance = float(row[1:] @ covariance @ row[1:])
    reach = INTERVAL_Z * math.sqrt(variance)
    moderated = eta / math.sqrt(1.0 + math.pi * variance / 8.0)
    p, low, high = (1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, v)))) for v in (moderated, eta - reach, eta + reach))
    return p, low, high
