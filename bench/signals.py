"""What the signals of one snapshot cost, by length of the call and number of surrogates.

    python -m bench.signals

Median CPU milliseconds of one ``measure`` (one thread), on simulated conversations of alternating turns. A service that gives interim
results once a second spends that much per call and second.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")  # Before NumPy is loaded.

import numpy as np

from bench.simulation.build import Conversation
from bench.simulation.prosody import entrained_call, entrained_values
from bench.studies.table import Table, cell, markdown
from simpatico.signals import AudioKind, NormTable, components, measure
from simpatico.signals.entrainment import entrainment
from simpatico.signals.influence import influence
from simpatico.types import Role

KIND = AudioKind("narrow", "waveform")
TURNS_PER_MINUTE = 15
REPEATS = 25


def cpu_ms(work: Callable[[], object]) -> float:
    """Return the median CPU milliseconds of a piece of work, after one run to fill caches."""
    work()
    spent: list[float] = []
    for _ in range(REPEATS):
        start = time.process_time_ns()
        work()
        spent.append((time.process_time_ns() - start) / 1e6)
    return float(np.median(spent))


def a_call(minutes: float) -> Conversation:
    """Return a conversation of about that length."""
    rng = np.random.default_rng(0)
    return entrained_call(lambda: entrained_values(round(TURNS_PER_MINUTE * minutes), rng), rng)


def main() -> None:
    """Print the table."""
    table = Table(
        "Cost of the signals of one snapshot, CPU ms",
        "",
        ("minutes", "utterances", "surrogates", "all", "influence", "entrainment", "components"),
    )
    for minutes in (1, 5, 20, 60):
        call = a_call(minutes)
        for surrogates in (99, 199, 999):
            times = (
                cpu_ms(lambda call=call, s=surrogates: measure(*call, KIND, NormTable(), surrogates=s)),
                cpu_ms(lambda call=call, s=surrogates: influence(*call, seed=0, surrogates=s)),
                cpu_ms(lambda call=call, s=surrogates: entrainment(*call, seed=0, surrogates=s)),
                cpu_ms(lambda call=call: [components(*call, role) for role in Role]),
            )
            table.add(minutes, len(call[0].utterances), surrogates, *(cell(t) for t in times))
    print(markdown(table))


if __name__ == "__main__":
    main()
