"""A database that is killed under load, and a service that is: what was promised is counted afterwards, by number and by id.

    python -m bench.outage [--seconds 60] [--kills 50] [--calls 10] [--seed N] [--run NAME ...]

Everything is real: ``simpatico serve`` in a process of its own, a PostgreSQL of our own on loopback (skipped, and said, where there is
none) or a SQLite file, calls streamed in real time, a distributor that asks for rankings of callers who agreed, reports outcomes up to two
seconds later (some in two parts, one in ten twice), and sends a report again under the same id until it is acknowledged.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from bench.outages.check import Counted
from bench.outages.postgres import Cluster, throw_away_cluster
from bench.outages.scenarios import Kills, Outage, cluster_down, disk_full, kill_again_and_again, locked, outage
from bench.outages.serving import Deployment
from bench.server import sample_audio
from bench.studies.table import Table, cell, markdown

RATE_HZ = 20.0
RUNS = ("postgresql-away", "sqlite-locked", "disk-full", "sqlite-kills", "postgresql-kills", "postgresql-kills-away")


@contextmanager
def deployment(url: str | None = None) -> Iterator[Deployment]:
    """Return a place for a service; in SQLite where no URL is given."""
    with tempfile.TemporaryDirectory(prefix="simpatico-outage-") as name:
        yield Deployment(Path(name), url or f"sqlite:///{name}/simpatico.db")


def counted_table(title: str, rows: list[tuple[str, Counted, int]]) -> Table:
    """What was promised, against what is there."""
    columns = ("run", "outcomes promised", "there", "lost", "doubled", "under another decision", "sent again", "decisions lost")
    table = Table(title, "", (*columns, "left in spool", "audit log"))
    for name, c, repeated in rows:
        there = c.outcomes_promised - c.outcomes_lost
        log = f"{c.entries} entries, {'intact' if c.intact else 'NOT INTACT'}"
        table.add(
            name, c.outcomes_promised, there, c.outcomes_lost, c.outcomes_doubled, c.mixed, repeated, c.decisions_lost, c.waiting, log
        )
    return table


def outage_tables(name: str, found: Outage) -> Iterator[Table]:
    """What callers of the service saw."""
    table = Table(
        f"{name}: rankings",
        f"{RATE_HZ:.0f} a second, to be answered within 50 ms; why they were neutral; latency as the client sees it, ms.",
        ("phase", "seconds", "answered", "store away", "deadline", "overloaded", "no outcomes yet", "by the model", "p50", "p99", "max"),
    )
    for phase in found.phases:
        reasons, ms = phase.reasons, 1000.0 * phase.latencies_s
        figures = (np.quantile(ms, 0.5), np.quantile(ms, 0.99), ms.max()) if ms.size else (np.nan,) * 3
        why = (reasons[name] for name in ("store_unavailable", "deadline_passed", "overloaded", "no_outcomes_yet", ""))
        table.add(phase.name, cell(phase.seconds, 0), ms.size, *why, *(cell(float(f), 1) for f in figures))
    errors = sum(n for what, n in found.errors.items() if what.startswith("RankAgents"))
    table.outro = (
        f"Errors of RankAgents: {errors}. Reports refused and sent again: "
        f"{sum(n for what, n in found.errors.items() if what.startswith('RecordOutcome'))}. Most that waited in the spool: {found.spooled}."
    )
    yield table
    calls = Table(f"{name}: calls", "", ("calls", "seconds each", "finals", "whole", "interims", "longest pause between two, s", "errors"))
    whole = sum(c.final_s is not None and abs(c.final_s - c.sent_s) < 0.05 for c in found.calls)
    pauses = max(c.longest_pause_s for c in found.calls)
    finals, interims = sum(c.final_s is not None for c in found.calls), sum(c.interims for c in found.calls)
    failed = sum(bool(c.error) for c in found.calls)
    calls.add(len(found.calls), cell(found.calls[0].sent_s, 0), finals, whole, interims, cell(pauses), failed)
    yield calls


def outages(seconds: float, calls: int, seed: int, cluster: Cluster | None, runs: Collection[str]) -> Iterator[tuple[str, Outage]]:
    """Run these kinds of outage: a third before, a third away, a third after."""
    phases = (seconds / 3, seconds / 3, seconds / 3)
    audio = sample_audio(seconds + 1)

    def run(place: Deployment, trouble: object) -> Outage:
        return asyncio.run(outage(place, trouble, audio, calls=calls, phases_s=phases, rate_hz=RATE_HZ, seed=seed))  # type: ignore[arg-type]

    if cluster is not None and "postgresql-away" in runs:
        with deployment(cluster.make("outage")) as place:
            yield "PostgreSQL killed", run(place, cluster_down(cluster))
    if "sqlite-locked" in runs:
        with deployment() as place:
            yield "SQLite locked by another program", run(place, locked(str(place.folder / "simpatico.db")))
    if "disk-full" in runs:
        with deployment() as place:
            yield "SQLite and spool on a full disk", run(place, disk_full)


def killed(kills: int, seed: int, cluster: Cluster | None, runs: Collection[str]) -> Iterator[tuple[str, Kills]]:
    """Kill the service again and again, on each database."""
    if "sqlite-kills" in runs:
        with deployment() as place:
            yield f"SQLite, service killed {kills} times", asyncio.run(kill_again_and_again(place, kills=kills, longest_s=0.5, seed=seed))
    for run, away_every, how in (
        ("postgresql-kills", 0, ""),
        ("postgresql-kills-away", 5, ", the database away in every fifth life"),
    ):
        if cluster is not None and run in runs:
            with deployment(cluster.make(f"kills{away_every}")) as place:
                made = kill_again_and_again(place, kills=kills, longest_s=0.5, seed=seed, cluster=cluster, away_every=away_every)
                yield f"PostgreSQL, service killed {kills} times{how}", asyncio.run(made)


def tables(
    seconds: float, kills: int, calls: int, seed: int, cluster: Cluster | None, runs: Collection[str] = RUNS
) -> Iterator[Table | bool]:
    """Yield every table, and in the end whether every promise was kept."""
    rows, kept = [], True
    for name, found in outages(seconds, calls, seed, cluster, runs):
        rows.append((name, found.counted, found.repeated))
        kept &= found.counted.kept
        yield from outage_tables(name, found)
    if rows:
        yield counted_table("Outages, counted at the end by id", rows)
    for name, ended in killed(kills, seed, cluster, runs):
        kept &= ended.counted.kept
        about = f"{ended.lives} of {ended.kills} were killed after they had promised something"
        yield counted_table(f"{name}: {about}", [("all lives", ended.counted, ended.repeated)])
    yield kept


def main() -> None:
    """Print the tables; exit code 1 when a promise was not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="of each outage run: a third before, away, after")
    parser.add_argument("--kills", type=int, default=50, help="of the service, on each database")
    parser.add_argument("--calls", type=int, default=10, help="streamed meanwhile")
    parser.add_argument("--seed", type=int, default=None, help="of everything random (default: a new one, printed)")
    parser.add_argument("--run", action="append", choices=RUNS, help="one of these (default: all of them); may be given again")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(2**31) if options.seed is None else options.seed
    print(f"seed {seed}\n", flush=True)
    kept = True
    with perhaps_cluster() as cluster:
        if cluster is None:
            print("No PostgreSQL here: its runs are left out.\n")
        for one in tables(options.seconds, options.kills, options.calls, seed, cluster, options.run or RUNS):
            if isinstance(one, Table):
                print(markdown(one), flush=True)
            else:
                kept = one
    sys.exit(0 if kept else "a promise was not kept")


@contextmanager
def perhaps_cluster() -> Iterator[Cluster | None]:
    """Return a PostgreSQL, or None where there is none."""
    try:
        made = throw_away_cluster()
        cluster = made.__enter__()
    except LookupError:
        yield None
        return
    try:
        yield cluster
    finally:
        made.__exit__(None, None, None)


if __name__ == "__main__":
    main()
