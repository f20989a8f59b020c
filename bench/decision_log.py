"""What a decision of a caller who has agreed costs besides its ranking: the caller looked up and the decision put together and noted down
before the answer leaves, its row written after it, learned from at a start.

    python -m bench.decision_log [--agents 1000] [--decisions 60]

Processor time of one process with all its threads, medians; the database is SQLite in a temporary folder, read from the page cache.
"Whole rows" is how a service learned at its start before decisions had apart what models learn from.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from sqlalchemy import Text, func, select, type_coerce

from bench.studies.table import Table, cell, markdown
from simpatico.profiles import callers, decisions, lessons, schema
from simpatico.profiles.decision_rows import prepare
from simpatico.profiles.keys import KeyRing
from simpatico.profiles.lookups import Lookups
from simpatico.profiles.notebook import Notebook
from simpatico.profiles.store import BlockingStore, Store, Work
from simpatico.routing.candidates import Candidates
from simpatico.routing.ranked import Entries
from simpatico.routing.roster import Picked, Roster
from simpatico.routing.types import Agent, AxisBelief, Decision, Outcome, Ranking, RankRequest, Source, StyleBelief

RING = KeyRing({"k1": b"secret of a deployment that is measured"})
BELIEF = StyleBelief((AxisBelief("assertiveness", 0.4, 0.8), AxisBelief("responsiveness", -0.1, 0.9)), frozenset({Source.PROFILE}))
ROUNDS = 5
ASKED = 500
"""Callers looked up."""


def make(agents: int, count: int) -> list[Decision]:
    """Return decisions over the same agents."""
    rng = np.random.default_rng(1)
    skills, languages = frozenset({"cards", "loans"}), frozenset({"en"})
    roster = Roster([Agent(f"agent-{i:05d}", skills, languages) for i in range(agents)])
    made = []
    for i in range(count):
        eligible = Picked(roster, rng.permutation(agents))
        who = Candidates(eligible, rng.integers(0, 2, agents), 100.0 * rng.random(agents), rng.random(agents))
        entries = Entries(Picked(roster, rng.permutation(agents)), *rng.random((4, agents)))
        request = RankRequest("sales", who, "billing", None, BELIEF)
        ranking = Ranking(entries, frozenset({Source.PROFILE}), "thompson-1", i, None, 1, 1)
        made.append(Decision(decisions.new_decision_id(kept=True), f"call-{i}", 1e9 + i, request, ranking))
    return made


async def asked(url: str, at_once: int) -> tuple[float, float]:
    """Return median and largest processor time of looking a caller up, ms, when so many are asked for at once."""
    store, taken = Store(url, RING), []
    lookups = Lookups(store)
    for _ in range(ASKED // at_once):
        began_s = time.process_time()
        await asyncio.gather(*(lookups.ask("customer" if k == 0 else f"stranger-{k}") for k in range(at_once)))
        taken.append(1e3 * (time.process_time() - began_s) / at_once)
    await store.close()
    return statistics.median(taken), max(taken)


async def written(url: str, caller_id: str, made: list[Decision], batch: int) -> tuple[float, float]:
    """Return median and largest processor time of writing a decision's row in batches of so many, ms."""
    store, taken = Store(url, RING), []
    prepared = [(caller_id, prepare(one)) for one in made]
    for start in range(0, len(made), batch):
        began_s = time.process_time()
        await store.write("router", decisions.log_batch, prepared[start : start + batch])
        taken.append(1e3 * (time.process_time() - began_s) / batch)
    await store.close()
    return statistics.median(taken), max(taken)


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
        url = f"sqlite:///{folder}/simpatico.db"
        with BlockingStore(url, RING) as store:
            caller_id = store.write("router", callers.grant, "customer").caller_id
            assert caller_id is not None
        for at_once in (1, 10):
            what = "its caller looked up" + (f", {at_once} at once" if at_once > 1 else "")
            table.add(what, "before the answer", *map(cell, asyncio.run(asked(url, at_once))))
        book = Notebook(folder / "spool.db")

        def note(one: Decision) -> None:
            prepared = prepare(one)
            book.note("c" * 32, prepared)
            book.done([prepared.decision_id])

        table.add("put together, and noted down", "before the answer", *map(cell, median_ms(note, made)))
        book.close()
        half = count // 2
        for batch, some in ((1, made[:half]), (10, made[half:])):
            what = "its row written" + (f", in batches of {batch}" if batch > 1 else "")
            table.add(what, "after it, on a thread", *map(cell, asyncio.run(written(url, caller_id, some, batch))))
        with BlockingStore(url, RING) as store:
            for i, one in enumerate(made):
                store.write("router", decisions.record_outcome, f"r{i}", one.decision_id, Outcome(resolved=True), "agent-00001")
            through = store.read(decisions.newest_report)
            table.add(
                "learned from", "at a start", cell(learned(store, lambda w: list(lessons.read(w, after=0, through=through)), count), 3), ""
            )
            table.add("learned from whole rows", "at a start", cell(learned(store, lambda w: whole_rows(w, through), count), 3), "")
            table.add("bytes of its row", "", cell(store.read(size), 0), "")
    return table


def size(work: Work) -> float:
    """Return the bytes of a row, on average."""
    columns = (schema.decisions.c[name] for name in ("request", "ranking", "agents"))
    return float(work.connection.execute(select(func.avg(sum(func.length(type_coerce(c, Text)) for c in columns)))).scalar_one())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", type=int, default=1000)
    parser.add_argument("--decisions", type=int, default=60)
    options = parser.parse_args()
    print(markdown(measure(options.agents, options.decisions)))


if __name__ == "__main__":
    main()
