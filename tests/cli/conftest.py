"""The command as its users start it: a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from simpatico.cli import main

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def run() -> Run:
    """Return a function that runs ``simpatico ARGS`` and returns what it printed."""

    def call(*args: object, stdin: bytes = b"", timeout_s: float = 300.0) -> subprocess.CompletedProcess[str]:
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


@dataclass(frozen=True)
class Done:
    """A command that has ended: its exit code, and what it printed."""

    code: int
    out: str
    err: str


Command = Callable[..., Done]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Return a function that runs ``simpatico ARGS`` in this process: what takes a process of its own is tested with `run`."""

    def call(*args: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["simpatico", *map(str, args)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        code = ended.value.code
        return Done(code if isinstance(code, int) else 0, said.out, said.err)

    return call
