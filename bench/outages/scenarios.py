"""The runs: a database that goes away and comes back under load, and a service that is killed again and again."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.outages.check import Counted, count
from bench.outages.load import Distributor, Ledger, Ranked, StreamedCall, consent, stream_call
from bench.outages.postgres import Cluster
from bench.outages.serving import Deployment, Service

__all__ = ["Kills", "Outage", "Phase", "cluster_down", "disk_full", "kill_again_and_again", "locked", "outage"]

Trouble = Callable[[Service], AbstractContextManager[None]]
Until = Callable[[Ledger, int], bool]
LONGEST_S = 60.0
"""Trouble ends after so long at the latest."""
BETWEEN_KILLS = 4
"""Loops of the distributor that report as fast as they can until the service is killed."""


@dataclass(frozen=True, slots=True)
class Phase:
    """Rankings asked in a phase: how many, by neutral reason ("" for those that were not neutral), and their latencies, seconds."""

    name: str
    seconds: float
    reasons: Counter[str]
    latencies_s: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Outage:
    """What came of an outage: phases before, during and after; calls; most items that waited in the spool; the count; errors by RPC."""

    phases: tuple[Phase, ...]
    calls: tuple[StreamedCall, ...]
    spooled: int
    counted: Counted
    errors: Counter[str]
    repeated: int


@dataclass(frozen=True, slots=True)
class Kills:
    """What came of kills: how many, lives in which something was acknowledged, and the count."""

    kills: int
    lives: int
    counted: Counted
    repeated: int


def cluster_down(cluster: Cluster) -> Trouble:
    """Kill PostgreSQL, and bring it back."""

    @contextmanager
    def trouble(_service: Service) -> Iterator[None]:
        cluster.stop()
        try:
            yield
        finally:
            cluster.start()

    return trouble


def locked(path: str) -> Trouble:
    """Hold SQLite's only write lock, as a backup tool or a forgotten shell does."""

    @contextmanager
    def trouble(_service: Service) -> Iterator[None]:
        other = sqlite3.connect(path, timeout=30.0, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")
            other.close()

    return trouble


@contextmanager
def disk_full(service: Service) -> Iterator[None]:
    """Let no file of the service grow, the spool included: nothing may be acknowledged then."""
    service.let_no_file_grow(True)
    try:
        yield
    finally:
        service.let_no_file_grow(False)


async def outage(
    deployment: Deployment,
    trouble: Trouble,
    audio: NDArray[np.int16],
    *,
    calls: int,
    phases_s: tuple[float, float, float],
    rate_hz: float,
    seed: int,
    until: Until | None = None,
    **settings: object,
) -> Outage:
    """Run a service under load, cause trouble in the middle, and count at the end.

    Parameters
    ----------
    audio
        int16 [n, 2] at 8 kHz, as long as the phases together.
    calls
        Streamed from beginning to end.
    phases_s
        Seconds before, during and after the trouble.
    rate_hz
        Rankings a second.
    until
        Must be so, of what was answered until then and of the number of items in the spool, before the trouble ends: on a busy machine
        that may be later.
    """
    service = deployment.start(**settings)
    ledger = Ledger()
    distributor = Distributor(ledger, random.Random(seed), f"s{seed}", late_s=2.0)
    try:
        await consent(service.address)
        streams = [asyncio.create_task(stream_call(service.address, f"live-{i}", audio, sum(phases_s))) for i in range(calls)]
        asking = asyncio.create_task(distributor.ask_at(service.address, rate_hz))
        marks, spooled = [time.monotonic()], 0
        await asyncio.sleep(phases_s[0])
        marks.append(time.monotonic())
        held = trouble(service)
        await asyncio.to_thread(held.__enter__)
        gone_s = time.monotonic()
        while time.monotonic() < gone_s + phases_s[1] or _not_yet(until, ledger, spooled, gone_s):
            await asyncio.sleep(0.25)
            spooled = max(spooled, await asyncio.to_thread(deployment.waiting))
        back_s = time.monotonic()
        await asyncio.to_thread(held.__exit__, None, None, None)
        marks.append(time.monotonic())
        await asyncio.sleep(phases_s[2])
        finished = await asyncio.gather(*streams)
        distributor.stopping.set()
        await asking
        await asyncio.to_thread(deployment.settle)
        end_s = time.monotonic()
    finally:
        code = await asyncio.to_thread(service.stop)
    assert code == 0, f"the service ended with {code}"
    spans = (("before", marks[0], marks[1]), ("while it is away", gone_s, back_s), ("after", marks[2], end_s))
    phases = tuple(_phase(name, since, until, ledger.rankings) for name, since, until in spans)
    return Outage(phases, tuple(finished), spooled, await asyncio.to_thread(count, deployment, ledger), ledger.errors, ledger.repeated)


def _not_yet(until: Until | None, ledger: Ledger, spooled: int, gone_s: float) -> bool:
    """Whether to wait on; not for ever."""
    return until is not None and not until(ledger, spooled) and time.monotonic() < gone_s + LONGEST_S


def _phase(name: str, since_s: float, until_s: float, rankings: list[Ranked]) -> Phase:
    asked = [r for r in rankings if since_s <= r.at_s < until_s]
    latencies = np.array(sorted(r.latency_s for r in asked))
    return Phase(name, until_s - since_s, Counter(r.neutral_reason for r in asked), latencies)


async def kill_again_and_again(
    deployment: Deployment, *, kills: int, longest_s: float, seed: int, cluster: Cluster | None = None, away_every: int = 0
) -> Kills:
    """Start a service, report to it as fast as it answers, kill it with SIGKILL at a random point, and again.

    Parameters
    ----------
    longest_s
        A service lives so long at most after its first acknowledgement.
    cluster, away_every
        PostgreSQL is away in every n-th life from its middle on (0 for never), so that the spool is at work when the kill comes.
    """
    rng, ledger, lives = random.Random(seed), Ledger(), 0
    for life in range(kills):
        service = deployment.start(routing__answer_within_s=10)  # who is not looked up in time has nothing kept
        if life == 0:
            await consent(service.address)
        distributor = Distributor(ledger, rng, f"s{seed}-{life}", late_s=0.0)
        before = len(ledger.acknowledged)
        asking = asyncio.create_task(distributor.ask_on(service.address, BETWEEN_KILLS))
        wait_s = rng.uniform(0.0, longest_s)
        away = cluster is not None and away_every > 0 and life % away_every == away_every - 1
        while len(ledger.acknowledged) == before and not asking.done():
            await asyncio.sleep(0.005)
        await asyncio.sleep(wait_s / 2 if away else wait_s)
        if away and cluster is not None:
            await asyncio.to_thread(cluster.stop)
            await asyncio.sleep(wait_s / 2)
        service.kill()
        distributor.stopping.set()
        await asking
        if away and cluster is not None:
            await asyncio.to_thread(cluster.start)
        lives += len(ledger.acknowledged) > before
    last = deployment.start()
    await asyncio.to_thread(deployment.settle)
    assert await asyncio.to_thread(last.stop) == 0
    return Kills(kills, lives, await asyncio.to_thread(count, deployment, ledger), ledger.repeated)
