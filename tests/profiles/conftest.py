"""Databases to test against, one of each kind: SQLite in a file, PostgreSQL on loopback. What is made once is in `tests.databases`."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.outages.postgres import Cluster
from simpatico.profiles.keys import KeyRing
from simpatico.profiles.store import BlockingStore
from tests.profiles.samples import RING, Clock

__all__ = ["Cluster"]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a database of each kind: with tables for a test that asks for `store`, empty for the others."""
    ready = "store" in request.fixturenames
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url_with_tables" if ready else "postgres_url"))
    if ready:
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "simpatico.db")
    return f"sqlite:///{tmp_path}/simpatico.db"


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands still until it is told otherwise."""
    return Clock()


@pytest.fixture
def store(url: str, clock: Clock) -> Iterator[BlockingStore]:
    """Return an open database of each kind."""
    with BlockingStore(url, RING, clock=clock) as opened:
        yield opened


Open = Callable[..., BlockingStore]


@pytest.fixture
def reopen(url: str, clock: Clock) -> Iterator[Open]:
    """Return a function that opens the same database with another key ring."""
    opened: list[BlockingStore] = []

    def make(ring: KeyRing = RING) -> BlockingStore:
        another = BlockingStore(url, ring, clock=clock)
        another.__enter__()
        opened.append(another)
        return another

    yield make
    for another in opened:
        another.__exit__(None, None, None)


@pytest.fixture
def loop() -> Iterator[asyncio.Runner]:
    """Return a runner of coroutines."""
    with asyncio.Runner() as runner:
        yield runner
