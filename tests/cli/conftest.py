"""The command as its users start it: a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def run() -> Run:
    """Return a function that runs ``simpatico ARGS`` and returns what it printed."""

    def call(*args: object, stdin: bytes = b"", timeout_s: float = 120.0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "simpatico", *map(str, args)]
        done = subprocess.run(
            command, input=stdin, capture_output=True, timeout=timeout_s, check=False, env={**os.environ, "COLUMNS": "100"}
        )
        return subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())

    return call


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    """Return HOST:PORT of a service that takes audio as fast as it can."""
    command = [sys.executable, "-m", "simpatico", "serve", "--port", "0", "--realtime-factor", "inf"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("serving on "), line
        yield line.split()[-1]
        process.terminate()
        assert process.wait(timeout=60) == 0
