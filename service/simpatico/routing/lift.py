"""What routing by the model was worth: the lift of a switchback experiment, with an interval that knows calls of a block are alike.

Calls of one block share the day's trouble, the staff, the weather: they are no independent witnesses, and an interval that counts calls
is far too narrow. The unit is the *pair* of neighbouring blocks, one ON and one OFF by coin. With d_p the difference of the pair's mean
utilities and w_p = n_on n_off / (n_on + n_off)::

    lift = sum w_p d_p / sum w_p            variance = P / (P - 1) * sum w_p**2 (d_p - lift)**2 / (sum w_p)**2

with a t interval of P_eff - 1 degrees of freedom, P_eff = (sum w)**2 / sum w**2. The p-value flips the sign of each pair at random, which
is exactly what the coin might have done had the model made no difference.

The estimate is by intention: all calls of an ON block count as ON, also those that were answered neutrally (objections, deadlines) or
that the ACD gave to another agent. That is what the deployment gets. Calls whose outcome was never reported are left out, and counted by
arm: if the shares differ, the lift may be an artefact of who reports.

References
----------
Bojinov, I., Simchi-Levi, D. & Zhao, J. (2023). Design and analysis of switchback experiments. Management Science 69(7), 3759-3777.
Imai, K., King, G. & Nall, C. (2009). The essential role of pair matching in cluster-randomized experiments. Statistical Science 24(1),
29-53.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from simpatico.errors import RequestError
from simpatico.routing.types import Arm, BlockArm, Decision
from simpatico.routing.utility import Utility

__all__ = ["MIN_PAIRS", "BlockCall", "Lift", "LiftRefused", "block_calls", "lift"]

MIN_PAIRS = 6
"""Pairs of blocks below which no interval is given: with five, even all differences of one sign have p = 2/32."""
SIGN_FLIPS = 9_999
"""Random flips for the p-value, unless all of them are fewer."""
ATTRITION_Z = 3.29
"""Difference of missing outcomes between the arms, in standard errors, at which it is called out (p = .001)."""


@dataclass(frozen=True, slots=True)
class BlockCall:
    """One call of an experiment: which queue and block, and how it went (None when that was not reported)."""

    queue: str
    block: BlockArm
    utility: Utility | None


class LiftRefused(StrEnum):
    """Why there is no estimate. The strings are part of the JSON and gRPC contract."""

    TOO_FEW_PAIRS = "too_few_pairs_of_blocks"


@dataclass(frozen=True, slots=True)
class Lift:
    """The difference that routing by the model made to mean utility.

    Attributes
    ----------
    estimate, low, high
        Lift and its interval, None when refused.
    p_value
        Two-sided, by sign flips, None when refused.
    mean_on, mean_off
        Mean utility by arm over all calls used; their difference is not the estimate, which compares within pairs.
    pairs, calls_on, calls_off
        What it rests on.
    washed_out
        Calls left out as washout.
    missing_on, missing_off
        Calls left out because no outcome was reported.
    attrition_differs
        Whether the arms differ so much in missing outcomes that the lift should not be trusted.
    refused
        None, or why there is no estimate.
    """

    estimate: float | None
    low: float | None
    high: float | None
    p_value: float | None
    mean_on: float | None
    mean_off: float | None
    pairs: int
    calls_on: int
    calls_off: int
    washed_out: int
    missing_on: int
    missing_off: int
    attrition_differs: bool
    refused: LiftRefused | None = None


def block_calls(decisions: Iterable[Decision], utility: Callable[[Decision], Utility | None]) -> list[BlockCall]:
    """The calls of a log that fall in an experiment's blocks, with their utility."""
    return [BlockCall(d.request.queue, d.block, utility(d)) for d in decisions if d.block is not None]


def lift(calls: Iterable[BlockCall], *, confidence: float = 0.95, seed: int = 0) -> Lift:
    """Estimate the lift of one experiment.

    Parameters
    ----------
    calls
        All calls decided in its blocks. Partial outcomes weigh as much as was reported.
    confidence
        Of the interval, above 0.5 and below 1.
    seed
        Of the sign flips.

    Raises
    ------
    RequestError
        When calls belong to several experiments or ``confidence`` is out of range.
    """
    if not 0.5 < confidence < 1.0:
        raise RequestError(f"confidence must be above 0.5 and below 1, got {confidence!r}; 0.95 is usual", field="confidence")
    calls = list(calls)
    experiments = sorted({c.block.experiment_id for c in calls})
    if len(experiments) > 1:
        raise RequestError(f"a lift is of one experiment, got calls of {experiments[:3]!r}", field="experiment_id")
    used = [c for c in calls if not c.block.washout]
    missing = {arm: sum(c.utility is None and c.block.arm is arm for c in used) for arm in Arm}
    known = {arm: [c.utility for c in used if c.utility is not None and c.block.arm is arm] for arm in Arm}
    difference, weight = _pairs(used)
    counts = (difference.size, len(known[Arm.ON]), len(known[Arm.OFF]), len(calls) - len(used), missing[Arm.ON], missing[Arm.OFF])
    means = (_mean(known[Arm.ON]), _mean(known[Arm.OFF]))
    attrition = _differ(missing[Arm.ON], len(known[Arm.ON]), missing[Arm.OFF], len(known[Arm.OFF]))
    if difference.size < MIN_PAIRS:
        return Lift(None, None, None, None, *means, *counts, attrition, LiftRefused.TOO_FEW_PAIRS)
    total = float(weight.sum())
    estimate = float(weight @ difference) / total
    spread = math.sqrt(float((weight**2) @ (difference - estimate) ** 2) * difference.size / (difference.size - 1)) / total
    effective = total**2 / float(weight @ weight)
    reach = float(stdtrit(max(effective - 1.0, 1.0), 0.5 + confidence / 2.0)) * spread
    return Lift(estimate, estimate - reach, estimate + reach, _p_value(difference, weight, seed), *means, *counts, attrition)


def _pairs(used: list[BlockCall]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Difference and weight of every pair of blocks that has a known outcome on both sides."""
    sums: dict[tuple[str, int], dict[Arm, list[float]]] = defaultdict(lambda: {Arm.ON: [0.0, 0.0], Arm.OFF: [0.0, 0.0]})
    for c in used:
        if c.utility is not None:
            cell = sums[c.queue, c.block.block // 2][c.block.arm]
            cell[0] += c.utility.weight
            cell[1] += c.utility.weight * c.utility.value
    whole = [s for _, s in sorted(sums.items()) if s[Arm.ON][0] > 0.0 and s[Arm.OFF][0] > 0.0]
    on, off = (np.array([s[arm] for s in whole], dtype=np.float64).reshape(-1, 2) for arm in (Arm.ON, Arm.OFF))
    return on[:, 1] / on[:, 0] - off[:, 1] / off[:, 0], on[:, 0] * off[:, 0] / (on[:, 0] + off[:, 0])


def _mean(utilities: list[Utility]) -> float | None:
    total = math.fsum(u.weight for u in utilities)
    return math.fsum(u.weight * u.value for u in utilities) / total if total else None


def _differ(missing_on: int, known_on: int, missing_off: int, known_off: int) -> bool:
    on, off = missing_on + known_on, missing_off + known_off
    share = (missing_on + missing_off) / max(on + off, 1)
    if on == 0 or off == 0 or share in {0.0, 1.0}:
        return False
    z = (missing_on / on - missing_off / off) / math.sqrt(share * (1.0 - share) * (1.0 / on + 1.0 / off))
    return abs(z) > ATTRITION_Z


def _p_value(difference: NDArray[np.float64], weight: NDArray[np.float64], seed: int) -> float:
    """Share of sign flips whose estimate is at least as far from 0; all flips when they are few, the actual one included."""
    pairs = difference.size
    if 2**pairs <= SIGN_FLIPS:
        bits = (np.arange(2**pairs)[:, None] >> np.arange(pairs)) & 1
        signs = 2.0 * bits - 1.0
    else:
        signs = np.random.default_rng(seed).choice((-1.0, 1.0), size=(SIGN_FLIPS + 1, pairs))
        signs[0] = 1.0
    flipped = np.abs(signs @ (weight * difference))
    return float((flipped >= flipped[-1 if 2**pairs <= SIGN_FLIPS else 0] * (1.0 - 1e-9)).mean())
