"""A server that tests have started, and the settings and the clock that they give it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest

from simpatico.client import AnalysisClient
from simpatico.config import Settings, load_settings
from simpatico.server.app import Application


@dataclass
class Clock:
    """A clock that stands still until told otherwise."""

    now_s: float = 1000.0

    def __call__(self) -> float:
        """Return the time, seconds."""
        return self.now_s


@dataclass
class Running:
    """A server that serves."""

    application: Application
    address: str

    def client(self) -> AnalysisClient:
        """Return a client of it; use it with ``async with``."""
        return AnalysisClient(self.address)

    def channel(self) -> grpc.aio.Channel:
        """Return a bare channel to it, for what the client would never send."""
        return grpc.aio.insecure_channel(self.address)


Start = Callable[..., Awaitable[Running]]


def settings_with(**limits: Any) -> Settings:
    """Return settings with free port, quick drain, and limits; keys of other sections are written ``section__key``."""
    overrides: dict[str, Any] = {"server.host": "127.0.0.1", "server.port": 0, "server.drain_grace_s": 0.2, "limits.realtime_factor": "inf"}
    for key, value in limits.items():
        overrides[key.replace("__", ".") if "__" in key else f"limits.{key}"] = value
    return load_settings(None, overrides)


def let_pass(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Move the clock of the running event loop, for the rest of the test: deadlines pass without a wait."""
    loop = asyncio.get_running_loop()
    now_s = loop.time
    monkeypatch.setattr(loop, "time", lambda: now_s() + seconds)


ROOT = Path(__file__).resolve().parents[2]
START_S = 60.0


@contextmanager
def process(*command: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run ``python -m COMMAND`` until it serves; yield the process and HOST:PORT; kill it in the end if it is still there.

    Its log goes to the file ``log`` of the process object, to be read after its end.
    """
    with tempfile.TemporaryFile("w+") as log:
        running = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=log, text=True
        )
        try:
            assert running.stdout is not None
            line = running.stdout.readline()
            if not line.startswith("serving on "):
                running.wait(START_S)
                log.seek(0)
                raise AssertionError(f"{command} did not serve but said {line!r} and logged:\n{log.read()}")
            running.stderr = log
            yield running, line.split()[-1]
        finally:
            running.kill()
            running.wait()
            if running.stdout is not None:
                running.stdout.close()


def rankings_address(running: subprocess.Popen[str]) -> str:
    """Return where a process serves rankings, which it says in its second line."""
    assert running.stdout is not None
    line = running.stdout.readline()
    assert line.startswith("serving rankings on ")
    return line.split()[-1]


def log_of(running: subprocess.Popen[str]) -> str:
    """Return what a process that has ended wrote to its log."""
    assert running.stderr is not None
    running.stderr.seek(0)
    return running.stderr.read()
