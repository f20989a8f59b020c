"""Does entrainment find matching of known strength, in the right order, and none between people who do not hear each other?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bench.simulation.prosody import drifting, entrained_call, entrained_values, wandering
from bench.studies.table import Table, cell, share
from simpatico.signals.entrainment import entrainment
from simpatico.types import Entrainment

__all__ = ["FIGURES", "entrainment_tables", "found_any"]

FIGURES = ("proximity", "synchrony", "convergence")
TURNS = (16, 40, 80)
"""Turns of both parties together: about 1, 3 and 6 minutes."""
SURROGATES = 199

Array = NDArray[np.float64]
Make = Callable[[int, np.random.Generator], Array]

NULLS: dict[str, Make] = {
    "independent turns": entrained_values,
    "both voices fall by 2 SD over the call": drifting,
    "each resembles the own last turn by .3": partial(wandering, memory=0.3),
    "each resembles the own last turn by .6": partial(wandering, memory=0.6),
}


def entrainment_tables(scale: float, seed: int = 2) -> Iterator[Table]:
    """Yield the tables; ``scale`` multiplies the number of runs (1 for the figures of the docs)."""
    rng = np.random.default_rng(seed)
    yield _nulls(scale, rng)
    yield _recovery(scale, rng)


def found_any(results: list[tuple[Entrainment, ...]], figure: str) -> int:
    """Count the calls in which at least one descriptor has q < .05 for a figure."""
    q_values = [[getattr(one, f"{figure}_q").value for one in call] for call in results]
    return sum(any(q is not None and q < 0.05 for q in call) for call in q_values)


def _calls(make: Make, turns: int, runs: int, rng: np.random.Generator) -> list[tuple[Entrainment, ...]]:
    calls = (entrained_call(lambda: make(turns, rng), rng) for _ in range(runs))
    return [entrainment(*call, seed=0, surrogates=SURROGATES) for call in calls]


def _values(results: list[tuple[Entrainment, ...]], figure: str, part: str) -> Array:
    return np.array([getattr(getattr(one, figure), part) for call in results for one in call if getattr(one, figure).value is not None])


def _nulls(scale: float, rng: np.random.Generator) -> Table:
    table = Table(
        "Entrainment: false positives between people who do not hear each other",
        "Share of calls in which at least one of the four descriptors has q < .05, after Benjamini-Hochberg over the descriptors; 5 %"
        " is what is allowed. With 1 call in 20 for each of three figures, some figure is found in up to 1 call in 7.",
        ("null", "turns", "runs", *FIGURES),
    )
    for name, make in NULLS.items():
        for turns in TURNS:
            runs = 1000 if name == "independent turns" else 400
            results = _calls(make, turns, max(4, round(runs * scale)), rng)
            table.add(name, turns, len(results), *(share(found_any(results, figure), len(results)) for figure in FIGURES))
    table.outro = (
        "Drift is taken out before comparing; without that the second null gives up to 97 %. A voice that resembles its own last turn"
        " is what shuffling cannot keep: at .3 the rate is a little high, at .6 it is two to four times too high."
    )
    return table


def _recovery(scale: float, rng: np.random.Generator) -> Table:
    table = Table(
        "Entrainment: order and power",
        "Each turn answers the one before with correlation r in each of the four descriptors (r constant, or rising over the call "
        "from 0). Mean over descriptors and calls; ± is the SD of single estimates, `se` what is reported; power is the share of "
        "calls with q < .05 in at least one descriptor.",
        ("truth", "turns", *(head for figure in FIGURES for head in (figure, "se", "power"))),
    )
    truths: dict[str, Make] = {f"r = {r}": partial(entrained_values, synchrony=r) for r in (0.0, 0.2, 0.4, 0.6)}
    truths |= {f"r from 0 to {r}": partial(entrained_values, convergence=r) for r in (0.4, 0.8)}
    for name, make in truths.items():
        for turns in TURNS:
            results = _calls(make, turns, max(4, round(200 * scale)), rng)
            cells: list[str] = []
            for figure in FIGURES:
                values, se = _values(results, figure, "value"), _values(results, figure, "se")
                power = 100 * found_any(results, figure) / len(results)
                cells += [f"{cell(values.mean())} ± {cell(values.std())}", cell(float(np.sqrt(np.mean(se**2)))), f"{power:.0f} %"]
            table.add(name, turns, *cells)
    table.outro = (
        "Proximity and synchrony rise with r, convergence only where r rises over the call. Synchrony is a little below r, because "
        "syllables are counted whole, utterances scatter about their turn, and mean and drift are estimated from few turns."
    )
    return table
