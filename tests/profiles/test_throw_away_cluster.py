"""The PostgreSQL that tests run goes with the process that started it, however that ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.outages.postgres import Cluster

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import signal
from bench.outages.postgres import throw_away_cluster
with throw_away_cluster() as made:
    print(made.data, flush=True)
    signal.pause()
"""
PATIENCE_S = 120.0


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_server_goes_with_the_process_that_started_it(cluster: Cluster, how: signal.Signals) -> None:
    del cluster  # where there is none this is skipped
    tests = subprocess.Popen([sys.executable, "-c", PROGRAM], cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert tests.stdout is not None
    data = Path(tests.stdout.readline().strip())
    server = int((data / "postmaster.pid").read_text().split()[0])
    process = Path(f"/proc/{server}")
    assert process.exists()
    tests.send_signal(how)
    tests.communicate()
    until = time.monotonic() + PATIENCE_S
    while process.exists() or data.parent.exists():
        assert time.monotonic() < until, f"server {server} or its folder {data.parent} is still there"
        time.sleep(0.05)
