"""Habits against callers with known chains: how often the usual is flagged, and how often a real change is found.

    python -m bench.habits

Callers of five kinds are simulated, each with a chain, a mix of reasons and hours of their own, and followed call by call. *False flags*:
share of calls called unusual while the caller goes on as ever. *Power*: share flagged of calls that differ: about something this caller has
never called about; about anything at random; and from a caller whose whole chain was exchanged for another's. Standard errors are over
callers.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.studies.table import Table, cell, markdown
from simpatico.profiles.habits import MIN_CALLS, THRESHOLD_BITS, CallTime, Habits, PastCall, population, surprise

REASONS = tuple(f"reason-{i:02d}" for i in range(12))
PASTS = (0, 3, 9, 10, 15, 20, 40, 80, 160)
"""Own calls before the one that is asked about."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SimulatedCaller:
    """A chain [R, R], hours of the day and weekdays by reason [R, 6] and [R, 7]: rows are distributions."""

    chain: Array
    parts: Array
    weekdays: Array

    def calls(self, count: int, rng: np.random.Generator, start: int | None = None) -> list[PastCall]:
        """Draw successive calls, the first after reason ``start`` or after a draw of its own."""
        reason = int(rng.integers(len(REASONS))) if start is None else start
        drawn = []
        for _ in range(count):
            reason = int(rng.choice(len(REASONS), p=self.chain[reason]))
            drawn.append(self.about(reason, rng))
        return drawn

    def about(self, reason: int, rng: np.random.Generator) -> PastCall:
        """Draw the time of a call about a reason."""
        part = int(rng.choice(6, p=self.parts[reason]))
        return PastCall(REASONS[reason], CallTime(int(rng.choice(7, p=self.weekdays[reason])), 4 * part + int(rng.integers(4))))


def make(concentration: float, memory: float, timed: float, rng: np.random.Generator, mix: Array) -> SimulatedCaller:
    """Draw a caller: the smaller ``concentration``, the fewer reasons; ``memory`` of 1 is all chain, 0 none; ``timed`` 1 is all clock."""
    own = rng.dirichlet(concentration * mix * len(mix))
    rows = np.stack([rng.dirichlet(np.maximum(0.5 * own * len(mix), 1e-3)) for _ in REASONS])
    chain = (1.0 - memory) * own + memory * rows
    parts = (1.0 - timed) / 6 + timed * rng.dirichlet(np.full(6, 0.2), len(REASONS))
    weekdays = (1.0 - timed) / 7 + timed * rng.dirichlet(np.full(7, 0.2), len(REASONS))
    return SimulatedCaller(
        chain / chain.sum(1, keepdims=True), parts / parts.sum(1, keepdims=True), weekdays / weekdays.sum(1, keepdims=True)
    )


KINDS: dict[str, tuple[float, float, float]] = {
    "one or two reasons": (0.05, 0.0, 0.0),
    "a few reasons": (0.25, 0.3, 0.3),
    "strict sequences": (0.5, 0.9, 0.0),
    "by the clock": (0.5, 0.2, 0.9),
    "everything equally": (5.0, 0.0, 0.0),
}
"""Concentration, memory, timed."""


def deployment(rng: np.random.Generator, mix: Array) -> Habits:
    """Return the habits of sixty other callers of all kinds, thirty calls each."""
    others = [make(*kind, rng, mix) for kind in KINDS.values() for _ in range(12)]
    return population([Habits.of(other.calls(30, rng)) for other in others])


Draw = Callable[[SimulatedCaller, SimulatedCaller, list[PastCall], np.random.Generator], PastCall | None]


def usual(caller: SimulatedCaller, _: SimulatedCaller, past: list[PastCall], rng: np.random.Generator) -> PastCall | None:
    """Draw what this caller would do next."""
    return caller.calls(1, rng, REASONS.index(past[-1].reason) if past else None)[0]


def never_before(caller: SimulatedCaller, _: SimulatedCaller, past: list[PastCall], rng: np.random.Generator) -> PastCall | None:
    """Draw a reason that this caller has never had."""
    new = [i for i, reason in enumerate(REASONS) if reason not in {call.reason for call in past}]
    return caller.about(int(rng.choice(new)), rng) if new else None


def at_random(caller: SimulatedCaller, _: SimulatedCaller, _past: list[PastCall], rng: np.random.Generator) -> PastCall | None:
    """Draw any reason."""
    return caller.about(int(rng.integers(len(REASONS))), rng)


def someone_else(_: SimulatedCaller, other: SimulatedCaller, past: list[PastCall], rng: np.random.Generator) -> PastCall | None:
    """Draw what another caller of the same kind would do."""
    return other.calls(1, rng, REASONS.index(past[-1].reason) if past else None)[0]


CHANGES: dict[str, Draw] = {"usual": usual, "never before": never_before, "at random": at_random, "someone else": someone_else}


def study(kind: tuple[float, float, float], past_calls: int, callers: int, seed: int) -> dict[str, list[float]]:
    """Return for each change, per caller, the share of calls flagged as unusual: 8 draws each after the same past."""
    rng = np.random.default_rng([seed, past_calls])
    mix = rng.dirichlet(np.full(len(REASONS), 2.0))
    everyone = deployment(rng, mix)
    shares: dict[str, list[float]] = {name: [] for name in CHANGES}
    for _ in range(callers):
        caller, other = make(*kind, rng, mix), make(*kind, rng, mix)
        past = caller.calls(past_calls, rng)
        habits = Habits.of(past)
        for name, draw in CHANGES.items():
            flags = [surprise(habits, everyone, call).unusual for _ in range(8) if (call := draw(caller, other, past, rng)) is not None]
            if flags:
                shares[name].append(sum(flags) / len(flags))
    return shares


def percent(shares: list[float]) -> str:
    """Return mean and standard error over callers, per cent."""
    if not shares:
        return "-"
    return f"{100 * np.mean(shares):.1f} ± {100 * np.std(shares) / len(shares) ** 0.5:.1f}"


def main() -> None:
    """Print one table for each kind of caller, and all kinds together."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--callers", type=int, default=300, help="simulated callers per row")
    parser.add_argument("--seed", type=int, default=2026)
    options = parser.parse_args()
    together: dict[int, dict[str, list[float]]] = {n: {name: [] for name in CHANGES} for n in PASTS}
    for index, (name, kind) in enumerate(KINDS.items()):
        table = Table(f"{name}: % of calls flagged", "", ("own calls", *CHANGES))
        for n in PASTS:
            shares = study(kind, n, options.callers, options.seed + index)
            for change, values in shares.items():
                together[n][change] += values
            table.add(n, *(percent(values) for values in shares.values()))
        print(markdown(table))
    table = Table(f"all kinds: % flagged at {cell(THRESHOLD_BITS, 0)} tail bits, from {MIN_CALLS} calls on", "", ("own calls", *CHANGES))
    for n, shares in together.items():
        table.add(n, *(percent(values) for values in shares.values()))
    print(markdown(table))


if __name__ == "__main__":
    main()
