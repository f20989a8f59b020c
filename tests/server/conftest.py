"""A server on a free port of 127.0.0.1, with the stand-in for the analysis unless a test wants the real one."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from simpatico.server.access import guard
from simpatico.server.analysis.session import AnalyzerFactory
from simpatico.server.app import Application
from simpatico.server.callers import keeping
from simpatico.server.routing import assigning, experimenting, journal, router
from tests.server.calls import TIMEOUT_S
from tests.server.fakes import FakeAnalyzer
from tests.server.running import Clock, Running, Start, settings_with

HANGS_S = 300.0


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let finals wait until their calls are kept, and refused streams for their first message, however busy the machine is.

    For decisions of another process, of which there is none in most tests, it is waited for a moment only.
    """
    monkeypatch.setattr(keeping, "WAIT_S", TIMEOUT_S)
    monkeypatch.setattr(guard, "FIRST_MESSAGE_S", 1.0)
    monkeypatch.setattr(journal, "ELSEWHERE_S", 0.05)


@pytest.fixture(autouse=True)
def _same_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw the same for each decision and experiment in every run: one ranking in a hundred puts an agent of no outcomes last."""
    seeds = itertools.count(1)
    for module in (router, assigning, experimenting):
        monkeypatch.setattr(module, "new_seed", lambda: next(seeds))


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Return a function that starts a server; it is stopped after the test. A test that hangs is cancelled, and so fails."""
    loop = asyncio.get_running_loop()
    watchdog = loop.call_later(HANGS_S, lambda: [task.cancel("the test hangs") for task in asyncio.all_tasks(loop)])
    async with AsyncExitStack() as stack:
        stack.callback(watchdog.cancel)

        async def begin(factory: AnalyzerFactory = FakeAnalyzer, clock: Clock | None = None, **limits: Any) -> Running:
            application = Application(settings_with(**limits), factory)
            if clock is not None:
                application.shared.clock = clock
            address = await application.start()
            stack.push_async_callback(application.stop)
            return Running(application, address)

        yield begin


@pytest.fixture
async def server(start: Start) -> Running:
    """Return a server with default limits, but for the speed of audio."""
    return await start()
