"""Writers that are killed: each a process of its own that records decisions and outcomes as fast as it can.

    python -m tests.profiles.writer URL SPOOL KILLS LONGEST_S SEED

A line ``outcome ID`` is printed after the database has committed it, ``spooled ID`` after the spool has, ``killed PREFIX`` when a writer is
gone. Writers are forked from a process that holds nothing but loaded modules, because loading them takes longer than the writing.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

from simpatico.profiles import callers, decisions
from simpatico.profiles.spool import Spool
from simpatico.profiles.store import BlockingStore
from simpatico.routing.types import Outcome
from tests.profiles.samples import CALLER, NOW_S, RING, a_decision


def say(*words: str) -> None:
    """Write a line in one piece."""
    os.write(1, (" ".join(words) + "\n").encode())


def write(url: str, spool_path: str, prefix: str, ready: int) -> None:
    """Write until killed."""
    spool = Spool(Path(spool_path))
    with BlockingStore(url, RING) as store:
        caller_id = store.write("router", callers.grant, CALLER).caller_id
        os.write(ready, b"!")
        number = 0
        while True:
            made = a_decision(f"{prefix}-{number}")
            store.write("router", decisions.log, caller_id, [made])
            ident = f"{prefix}-{number}"
            store.write("router", decisions.record_outcome, ident, made.decision_id, Outcome(csat_5=3.0), "agent-0")
            say("outcome", ident)
            spool.add_outcome(f"{ident}-late", made.decision_id, Outcome(resolved=True), None, NOW_S)
            say("spooled", f"{ident}-late")
            number += 1


def main(url: str, spool_path: str, kills: str, longest_s: str, seed: str) -> None:
    """Start writers one after the other and kill each after a random while."""
    rng = random.Random(int(seed))
    for kill in range(int(kills)):
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                write(url, spool_path, f"w{kill}", writing)
            finally:
                os._exit(1)
        os.close(writing)
        if os.read(reading, 1) != b"!":
            sys.exit(f"writer {kill} could not open the database")
        os.close(reading)
        time.sleep(rng.uniform(0.0, float(longest_s)))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        say("killed", f"w{kill}")


if __name__ == "__main__":
    main(*sys.argv[1:])
