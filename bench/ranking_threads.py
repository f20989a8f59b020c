"""From how many agents on a ranking's arithmetic belongs on a thread (`server.routing.router.ON_A_THREAD`), and what it usually takes
(`server.routing.pressure.USUAL_S`).

    python -m bench.ranking_threads [--rounds 40]

A ranking with its counterfactuals, of a caller who is known (profile and live style), in turns in the event loop's thread and on another
one, alone and beside a thread that analyses a call, with the service's switch interval. Medians and 99 % of: milliseconds until the answer
is there, and the longest for which the event loop came to nothing else meanwhile, as a ticker of half a millisecond finds it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench.studies.table import Table, cell, markdown
from simpatico.analysis import AnalysisOptions, CallAnalyzer
from simpatico.audio import read_call
from simpatico.routing.candidates import Candidates
from simpatico.routing.explanation import counterfactuals
from simpatico.routing.observations import Observations
from simpatico.routing.posterior import Posterior, solve
from simpatico.routing.ranking import rank_scored
from simpatico.routing.roster import Picked, Roster
from simpatico.routing.types import MAX_CANDIDATES, Agent, AxisBelief, Observation, RankRequest, Source, StyleBelief
from simpatico.server.app import SWITCH_S
from simpatico.style import load_bundle

SIZES = (10, 100, 500, 1000, 2000, MAX_CANDIDATES)
TICK_S = 0.0005
OUTCOMES = 3000
SEED = 7
CALL = Path(__file__).resolve().parents[1] / "audio_samples" / "booking.wav"


def believed(assertiveness: float, responsiveness: float, source: Source) -> StyleBelief:
    """Return a belief on the two axes."""
    return StyleBelief(
        (AxisBelief("assertiveness", assertiveness, 0.7), AxisBelief("responsiveness", responsiveness, 0.8)), frozenset({source})
    )


def learned(agents: int) -> Posterior:
    """Return what outcomes of so many agents have taught."""
    rng = np.random.default_rng(SEED)
    rows = []
    for i in range(OUTCOMES):
        style = rng.normal(size=2)
        belief = believed(float(style[0]), float(style[1]), Source.PROFILE)
        rows.append(Observation(f"agent-{i % agents:05d}", f"reason-{i % 5}", belief, float(rng.uniform(0.2, 0.9))))
    posterior = solve(Observations.rebuilt(rows))
    assert posterior is not None
    return posterior


def asked(agents: int) -> RankRequest:
    """Return a call for which so many agents are eligible."""
    rng = np.random.default_rng(SEED)
    roster = Roster([Agent(f"agent-{i:05d}") for i in range(agents)])
    who = Candidates(Picked(roster, rng.permutation(agents)), rng.integers(0, 2, agents), 100.0 * rng.random(agents), rng.random(agents))
    return RankRequest("sales", who, "reason-1", believed(0.4, -0.3, Source.LIVE), believed(0.1, 0.2, Source.PROFILE))


def rank(request: RankRequest, posterior: Posterior, seed: int) -> None:
    """Do what the service does for one ranking."""
    ranking, scores = rank_scored(request, posterior, seed=seed, block=None)
    assert not ranking.neutral
    assert scores is not None
    counterfactuals(request, posterior, seed=seed, block=None, actual=scores)


@contextlib.contextmanager
def analysing(wanted: bool) -> Iterator[None]:
    """Analyse a call in chunks of 100 ms, again and again, on a thread."""
    if not wanted:
        yield
        return
    over, call, bundle = threading.Event(), read_call(CALL), load_bundle(None)
    size = call.format.sample_rate_hz // 10

    def analyse() -> None:
        while True:
            analyzer = CallAnalyzer("x", call.format, call.caller_channel, bundle, AnalysisOptions(interim_period_s=1.0))
            for first in range(0, len(call.samples), size):
                if over.is_set():
                    return
                analyzer.feed(call.samples[first : first + size])

    thread = threading.Thread(target=analyse)
    thread.start()
    yield
    over.set()
    thread.join()


async def timed(request: RankRequest, posterior: Posterior, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Return (time to the answer, longest standstill of the loop), ms, of each ranking either way, in turns."""
    loop, worst_s = asyncio.get_running_loop(), 0.0

    async def tick() -> None:
        nonlocal worst_s
        while True:
            due_s = loop.time() + TICK_S
            await asyncio.sleep(TICK_S)
            worst_s = max(worst_s, loop.time() - due_s)

    ticking = asyncio.create_task(tick())
    found: dict[str, list[tuple[float, float]]] = {"loop": [], "thread": []}
    for seed in range(rounds):
        for where, taken in found.items():
            await asyncio.sleep(3 * TICK_S)
            worst_s, began_s = 0.0, time.perf_counter()
            if where == "loop":
                rank(request, posterior, seed)
            else:
                await asyncio.to_thread(rank, request, posterior, seed)
            took_s = time.perf_counter() - began_s
            await asyncio.sleep(3 * TICK_S)
            taken.append((1e3 * took_s, 1e3 * worst_s))
    ticking.cancel()
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args().rounds
    sys.setswitchinterval(SWITCH_S)
    columns = ("agents", "beside", "on the loop, ms", "us an agent", "on a thread, ms", "loop stands still, ms", "with a thread, ms")
    table = Table("Rankings in the event loop's thread and on another", "Median / 99 %.", columns)
    for beside in (False, True):
        for agents in SIZES:
            with analysing(beside):
                found = asyncio.run(timed(asked(agents), learned(agents), rounds))
            (here, still), (there, lively) = (zip(*found[where], strict=True) for where in ("loop", "thread"))
            each_us = 1e3 * float(np.median(here)) / agents
            table.add(agents, "a call" if beside else "nothing", _both(here), cell(each_us, 2), *map(_both, (there, still, lively)))
    print(markdown(table))


def _both(values: tuple[float, ...]) -> str:
    return f"{np.median(values):.2f} / {np.quantile(values, 0.99):.2f}"


if __name__ == "__main__":
    main()
