"""From what a deployment reports of a call to one number in [0, 1], so that handle time alone never rules.

The rules, each with a test:

1. **Handle time never stands alone.** When neither resolution nor satisfaction is known, there is no utility, however short the call.
2. **Short is no merit unless the caller was helped.** Handle time earns credit only when the matter is settled, or, that being unknown,
   when the caller was satisfied (CSAT of 4 or 5). An unsettled call earns none, so a settled call is worth more than an unsettled one
   with the same satisfaction, however long it took.
3. **The credit saturates.** A call one spread shorter than usual for its queue and reason earns all of it: hurrying further gains nothing.
4. **Its weight is bounded** at a quarter of all weights.
5. **Settled means settled.** A caller who comes back about the matter, or was passed on, was not helped by this agent.

Partial outcomes are normal: the utility is the weighted mean of what is known, and ``weight`` says what share of all weights that is, so
that the outcome model counts it as so much of a call.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simpatico.errors import OutcomeError, RequestError
from simpatico.routing.types import Outcome

__all__ = [
    "DEFAULT_WEIGHTS",
    "MAX_HANDLE_SHARE",
    "MIN_NORM_CALLS",
    "HandleNorm",
    "Utility",
    "UtilityWeights",
    "fit_handle_norm",
    "utility",
]

MAX_HANDLE_SHARE = 0.25
"""Rule 4. With a quarter, a resolved but slow call still outweighs a quick unresolved one three to one."""
SATISFIED_CSAT = 4.0
"""Rule 2: the two upper of five points, as "top-2-box" satisfaction is usually counted."""
MIN_NORM_CALLS = 20
"""Calls before a handle-time norm is given: with fewer its median has a standard error above a quarter of the spread (1.25 / sqrt(20))."""
MIN_SPREAD = 0.05
"""Log handle times never spread less than 5 %: guards against norms from a simulator or from rounding."""


@dataclass(frozen=True, slots=True)
class UtilityWeights:
    """How much each outcome counts; at least 0, not all 0. ``bought`` is 0 by default: a sale is not what every queue is for."""

    resolved: float = 0.5
    csat: float = 0.4
    handle: float = 0.1
    bought: float = 0.0

    def __post_init__(self) -> None:
        for name in ("resolved", "csat", "handle", "bought"):
            value = getattr(self, name)
            if not math.isfinite(value) or value < 0.0:
                raise RequestError(f"weight {name} must be a finite number of at least 0, got {value!r}", field=name)
        if not 0.0 < self.total < math.inf:
            raise RequestError(
                f"the weights must have a finite sum above 0, got {self.total!r}; the default is 0.5, 0.4, 0.1, 0", field="resolved"
            )
        if self.handle > MAX_HANDLE_SHARE * self.total:
            share = self.handle / self.total
            raise RequestError(
                f"handle time weighs {share:.0%} of the utility; at most {MAX_HANDLE_SHARE:.0%} is allowed, so that it never rules",
                field="handle",
            )

    @property
    def total(self) -> float:
        """Sum of all weights."""
        return self.resolved + self.csat + self.handle + self.bought


DEFAULT_WEIGHTS = UtilityWeights()


@dataclass(frozen=True, slots=True)
class HandleNorm:
    """What is usual for a queue (and reason): median seconds, and spread of the natural logarithm in SD units (0.05 to 5)."""

    median_s: float
    spread: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.median_s) and self.median_s > 0.0):
            raise RequestError(f"median_s of a handle-time norm must be above 0, got {self.median_s!r}", field="median_s")
        if not MIN_SPREAD <= self.spread <= 5.0:
            raise RequestError(f"spread of a handle-time norm must be {MIN_SPREAD} to 5, got {self.spread!r}", field="spread")

    def credit(self, handle_s: float) -> float:
        """1 for calls at least one spread shorter than usual, 0 for those two or more spreads longer, linear in log time between."""
        z = math.log(max(handle_s, 1e-3) / self.median_s) / self.spread
        return min(1.0, max(0.0, (2.0 - z) / 3.0))


def fit_handle_norm(handle_s: Sequence[float]) -> HandleNorm | None:
    """Median and robust spread (1.4826 MAD of log seconds) of finished calls, or None with fewer than ``MIN_NORM_CALLS`` of them.

    Raises
    ------
    OutcomeError
        When a time is not a finite number of at least 0.
    """
    times = np.asarray(handle_s, dtype=np.float64)
    if times.size and not (np.isfinite(times).all() and times.min() >= 0.0):
        bad = times[~np.isfinite(times) | (times < 0.0)][0]
        raise OutcomeError(f"handle_s must be finite and at least 0, got {float(bad)!r}", field="handle_s")
    times = times[times > 0.0]
    if times.size < MIN_NORM_CALLS:
        return None
    logs = np.log(times)
    median = float(np.median(logs))
    spread = 1.4826 * float(np.median(np.abs(logs - median)))
    return HandleNorm(math.exp(median), min(5.0, max(MIN_SPREAD, spread)))


@dataclass(frozen=True, slots=True)
class Utility:
    """How well a call went: ``value`` 0 to 1; ``weight`` above 0 and at most 1, the share of all weights that was reported."""

    value: float
    weight: float


def utility(outcome: Outcome, norm: HandleNorm | None = None, weights: UtilityWeights = DEFAULT_WEIGHTS) -> Utility | None:
    """Weigh an outcome by the rules at the head of this module.

    Parameters
    ----------
    outcome
        What is known.
    norm
        Usual handle time of the queue and reason; None leaves handle time out.
    weights
        The deployment's.

    Returns
    -------
    Utility or None
        None when nothing but handle time (rule 1), or nothing that has a weight, is known.
    """
    settled = _settled(outcome)
    parts: list[tuple[float, float]] = []
    if settled is not None:
        parts.append((weights.resolved, float(settled)))
    if outcome.csat_5 is not None:
        parts.append((weights.csat, (outcome.csat_5 - 1.0) / 4.0))
    if outcome.bought is not None:
        parts.append((weights.bought, float(outcome.bought)))
    if not any(weight > 0.0 for weight, _ in parts):
        return None
    if outcome.handle_s is not None and norm is not None:
        satisfied = outcome.csat_5 is not None and outcome.csat_5 >= SATISFIED_CSAT
        if settled is not None:
            parts.append((weights.handle, norm.credit(outcome.handle_s) if settled else 0.0))
        elif satisfied:
            parts.append((weights.handle, norm.credit(outcome.handle_s)))
    known = math.fsum(weight for weight, _ in parts)
    value = math.fsum(weight * part for weight, part in parts) / known
    return Utility(min(1.0, max(0.0, value)), min(1.0, known / weights.total))


def _settled(outcome: Outcome) -> bool | None:
    """Rule 5; None when it is not known."""
    if outcome.repeat_contact or outcome.transferred:
        return False
    return outcome.resolved
