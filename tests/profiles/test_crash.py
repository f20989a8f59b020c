"""A writer is killed with SIGKILL at random points, fifty times: what it said was committed is there, once, and everything opens."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import select, text

from simpatico.profiles import audit, operations
from simpatico.profiles.schema import outcomes
from simpatico.profiles.spool import Spool
from simpatico.profiles.store import BlockingStore
from tests.profiles.samples import NOW_S, RING

ROOT = Path(__file__).resolve().parents[2]
KILLS = 50
SEED = 20261122
"""Of how long each writer lives; where that meets it in its work is the machine's chance."""
LONGEST_S = 0.25
"""A writer lives up to so long after its first transaction: long enough for a few dozen."""


def killed(url: str, spool: Path, seed: int) -> list[list[str]]:
    """Let writers be killed, and return what they said."""
    command = [sys.executable, "-m", "tests.profiles.writer", url, str(spool), str(KILLS), str(LONGEST_S), str(seed)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, check=True)
    return [line.split() for line in done.stdout.splitlines()]


@pytest.mark.slow
def test_fifty_kills_lose_nothing(tmp_path: Path) -> None:
    url, spool_path = f"sqlite:///{tmp_path}/simpatico.db", tmp_path / "spool.db"
    said = killed(url, spool_path, SEED)
    assert len([1 for kind, _ in said if kind == "killed"]) == KILLS
    committed = {ident for kind, ident in said if kind == "outcome"}
    spooled = {ident for kind, ident in said if kind == "spooled"}
    assert len(said) == len(committed) + len(spooled) + KILLS
    assert committed, "no writer lived long enough to write"
    with BlockingStore(url, RING) as store:
        assert store.read(lambda work: work.connection.execute(text("PRAGMA integrity_check")).scalar_one()) == "ok"
        assert store.read(audit.verify_log).ok
        spool = Spool(spool_path)
        replayed = store.run(operations.replay(store.store, spool, now_s=NOW_S))
        assert replayed.finished
        assert (replayed.aside, replayed.dropped, spool.waiting()) == (0, 0, 0)
        found = Counter(store.read(lambda work: list(work.connection.execute(select(outcomes.c.request_id)).scalars())))
        spool.close()
    assert committed | spooled <= set(found)
    assert set(found.values()) == {1}
    # A kill may hit between a commit and the line that says so: at most one of each kind for a writer.
    assert len(found) - len(committed | spooled) <= 2 * KILLS
