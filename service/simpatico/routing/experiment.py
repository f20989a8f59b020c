"""Switchback experiments: blocks of time in which the model ranks, and blocks in which it does not, decided by coin.

In a call centre one caller's agent is not there for the next caller, so callers cannot be randomised one by one: what is randomised is
time (a switchback). Blocks come in pairs; a coin decides which of the two is ON, so that every pair compares neighbouring times of the
same day. The first part of each block is *washout*: routed by its arm, but left out of the estimate, because agents are still busy with
calls of the block before.

The coin is a hash of (seed, experiment, queue, pair): who knows the seed knows every block, nothing is stored, several processes agree,
and a clock that goes backwards only comes to an earlier block again. Queues that share agents should be run under one queue name, or
their arms would disturb each other.

In an A/A experiment both arms are routed by the ACD's order: its lift is 0 by construction, and an estimate that says otherwise shows a
fault in the pipeline.

References
----------
Bojinov, I., Simchi-Levi, D. & Zhao, J. (2023). Design and analysis of switchback experiments. Management Science 69(7), 3759-3777.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

from simpatico.errors import ScheduleError
from simpatico.routing.types import MAX_ID_LENGTH, MAX_SEED, Arm, BlockArm

__all__ = ["MIN_BLOCK_S", "Schedule", "block_at"]

MIN_BLOCK_S = 60.0
"""A block shorter than a call compares nothing."""

DAY_S = 86_400.0
MAX_LENGTH_S = 731 * DAY_S
"""Two years: what lasts longer is a slip of the unit, and would keep its queue from any other experiment."""
LAST_START_S = 32_503_680_000.0
"""The year 3000: what is beyond was meant in milliseconds."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """An experiment.

    Attributes
    ----------
    experiment_id
        Part of the coin: another experiment with the same seed has other blocks.
    start_s, end_s
        Seconds since 1970-01-01 UTC; the experiment covers [start_s, end_s).
    block_s
        Length of a block, at least ``MIN_BLOCK_S``. Several times the longest usual call is good: 2 to 4 hours.
    washout_s
        First part of each block that is left out, at least 0 and below ``block_s``. A usual long call is good.
    seed
        0 to ``MAX_SEED``. To be kept from those who staff the queue.
    aa
        Whether both arms are routed by the ACD's order.
    """

    experiment_id: str
    start_s: float
    end_s: float
    block_s: float
    washout_s: float
    seed: int
    aa: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.experiment_id, str) or not 0 < len(self.experiment_id) <= MAX_ID_LENGTH:
            raise ScheduleError(f"experiment_id must be text of 1 to {MAX_ID_LENGTH} characters", field="experiment_id")
        for name in ("start_s", "end_s", "block_s", "washout_s"):
            if not math.isfinite(getattr(self, name)):
                raise ScheduleError(f"{name} must be finite, got {getattr(self, name)!r}", field=name)
        if self.block_s < MIN_BLOCK_S:
            raise ScheduleError(f"block_s is {self.block_s:g}; at least {MIN_BLOCK_S:g} works, 7200 to 14400 is usual", field="block_s")
        if not 0.0 <= self.washout_s < self.block_s:
            raise ScheduleError(
                f"washout_s is {self.washout_s:g}; it must be at least 0 and below block_s ({self.block_s:g})", field="washout_s"
            )
        if self.end_s - self.start_s < 2.0 * self.block_s:
            raise ScheduleError(
                f"end_s must be at least two blocks ({2 * self.block_s:g} s) after start_s: blocks come in pairs", field="end_s"
            )
        if not 0.0 <= self.start_s <= LAST_START_S:
            raise ScheduleError(f"start_s is {self.start_s:g}; it must be seconds since 1970, from 0 to {LAST_START_S:g}", field="start_s")
        if self.end_s - self.start_s > MAX_LENGTH_S:
            raise ScheduleError(
                f"end_s is {(self.end_s - self.start_s) / DAY_S:g} days after start_s; at most {MAX_LENGTH_S / DAY_S:g} work, 28 is usual",
                field="end_s",
            )
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or not 0 <= self.seed <= MAX_SEED:
            raise ScheduleError(f"seed must be a whole number from 0 to {MAX_SEED}, got {self.seed!r}", field="seed")


def block_at(schedule: Schedule, queue: str, at_s: float) -> BlockArm | None:
    """Where in an experiment a moment falls.

    Parameters
    ----------
    schedule
        The experiment.
    queue
        Name of the queue; each has its own coin.
    at_s
        The moment of the routing decision. Any order of moments works: nothing is remembered.

    Returns
    -------
    BlockArm or None
        None before the start, at or after the end, and in an odd last block, which has nothing to be compared with.

    Raises
    ------
    ScheduleError
        When ``at_s`` is not finite.
    """
    if not math.isfinite(at_s):
        raise ScheduleError(f"at_s must be finite, got {at_s!r}", field="at_s")
    if not schedule.start_s <= at_s < schedule.end_s:
        return None
    block, into_s = divmod(at_s - schedule.start_s, schedule.block_s)
    pairs = int((schedule.end_s - schedule.start_s) // (2.0 * schedule.block_s))
    if block >= 2 * pairs:
        return None
    number = int(block)
    arm = Arm.ON if _coin(schedule, queue, number // 2) == bool(number % 2) else Arm.OFF
    return BlockArm(schedule.experiment_id, number, arm, into_s < schedule.washout_s, arm is Arm.ON and not schedule.aa)


def _coin(schedule: Schedule, queue: str, pair: int) -> bool:
    """Whether the second block of a pair is the ON block."""
    parts = (str(schedule.seed), schedule.experiment_id, queue, str(pair))
    text = "".join(f"{len(part)}:{part}" for part in parts)  # lengths, so that no two tuples give one text
    return bool(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()[0] & 1)
