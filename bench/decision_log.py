"""What a decision costs besides its ranking: noted down before its answer leaves, put together for the database, learned from at a start.

    python -m bench.decision_log [--agents 1000] [--decisions 60]

Processor time of one process, medians; the database is SQLite in a temporary folder, read from the page cache. "Whole rows" is how a
service learned at its start before decisions had their lesson beside them.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.studies.table import Table, cell, markdown
from simpatico.profiles import callers, decisions, lessons
from simpatico.profiles.keys import KeyRing
from simpatico.profiles.notebook import Notebook
from simpatico.profiles.store import BlockingStore, Work
from simpatico.routing.candidates import Candidates
from simpatico.routing.ranked import Entries
from simpatico.routing.types import Agent, AxisBelief, Decision, Outcome, Ranking, RankRequest, Source, StyleBelief

RING = KeyRing({"k1": b"secret of a deployment that is measured"})
BELIEF = StyleBelief((AxisBelief("assertiveness", 0.4, 0.8), AxisBelief("responsiveness", -0.1, 0.9)), frozenset({Source.PROFILE}))
ROUNDS = 5


def make(agents: int, count: int) -> list[Decision]:
    """Return decisions over the same agents."""
    rng = np.random.default_rng(1)
    declared = [Agent(f"agent-{i:05d}", frozenset({"cards", "loans"}), frozenset({"en"})) for i in range(agents)]
    made = []
    for i in range(count):
        who = Candidates(declared, rng.integers(0, 2, agents), 100.0 * rng.random(agents), rng.random(agents))
        order = [declared[k].agent_id for k in rng.permutation(agents)]
        entries = Entries(order, *rng.random((4, agents)))
        request = RankRequest("sales", who, "billing", None, BELIEF)
        ranking = Ranking(entries, frozenset({Source.PROFILE}), "thompson-1", i, None, 1, 1)
        made.append(Decision(decisions.new_decision_id(kept=True), f"call-{i}", 1e9 + i, request, ranking))
    return made


def median_ms(action: Callable[[Decision], object], made: list[Decision]) -> tuple[float, float]:
    """Return median and largest processor time of an action on each decision, ms."""
    taken = []
    for one in made:
        began_s = time.process_time()
        action(one)
        taken.append(1e3 * (time.process_time() - began_s))
    return statistics.median(taken), max(taken)


def whole_rows(work: Work, through: int) -> list[Decision]:
    """Return what a service would learn from, from the whole rows."""
    return [
        replace(row, request=replace(row.request, candidates=()), ranking=replace(row.ranking, entries=()))
        for row in decisions.read(work, through=through)
        if row.taken is not None
    ]


def learned(store: BlockingStore, query: Callable[[Work], object], count: int) -> float:
    """Return processor time for each decision, ms."""
    taken = []
    for _ in range(ROUNDS):
        began_s = time.process_time()
        store.read(query)
        taken.append(1e3 * (time.process_time() - began_s) / count)
    return statistics.median(taken)


def measure(agents: int, count: int) -> Table:
    """Measure everything."""
    table = Table(f"One decision over {agents} agents", "", ("what", "when", "processor time, ms", "largest"))
    with tempfile.TemporaryDirectory(prefix="simpatico-decisions-") as name:
        folder, made = Path(name), make(agents, count)
        book = Notebook(folder / "spool.db")

        def note(one: Decision) -> None:
            book.note("c" * 32, one)
            book.done([one.decision_id])

        for what, when, action in (
            ("noted down, and struck out", "before the answer", note),
            ("its row put together", "after it, on a thread", decisions.prepare),
        ):
            median, largest = median_ms(action, made)
            table.add(what, when, cell(median), cell(largest))
        book.close()
        with BlockingStore(f"sqlite:///{folder}/simpatico.db", RING) as store:
            caller_id = store.write("router", callers.grant, "customer").caller_id
            for start in range(0, count, 20):
                store.write("router", decisions.log, caller_id, made[start : start + 20])
            for i, one in enumerate(made):
                store.write("router", decisions.record_outcome, f"r{i}", one.decision_id, Outcome(resolved=True), "agent-00001")
            through = store.read(decisions.newest_report)
            table.add(
                "learned from", "at a start", cell(learned(store, lambda w: list(lessons.read(w, after=0, through=through)), count), 3), ""
            )
            table.add("learned from whole rows", "at a start", cell(learned(store, lambda w: whole_rows(w, through), count), 3), "")
    return table


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", type=int, default=1000)
    parser.add_argument("--decisions", type=int, default=60)
    options = parser.parse_args()
    print(markdown(measure(options.agents, options.decisions)))


if __name__ == "__main__":
    main()
