"""Databases to test against: SQLite in a file, and a throw-away PostgreSQL cluster on loopback."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.outages.postgres import Cluster, throw_away_cluster
from simpatico.profiles.keys import KeyRing
from simpatico.profiles.store import BlockingStore
from tests.profiles.samples import RING, Clock


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Return a running PostgreSQL; a test that asks for it is skipped, visibly, where there is none."""
    try:
        with throw_away_cluster() as made:
            yield made
    except LookupError as error:
        pytest.skip(str(error))


def _with_tables(url: str) -> None:
    with BlockingStore(url, RING):
        pass


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a SQLite file with the tables in it: migrations take longer than most tests."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    _with_tables(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(cluster: Cluster) -> str:
    """Return the name of a PostgreSQL database with the tables in it."""
    _with_tables(cluster.make("tables"))
    return "tables"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a database of each kind: with tables for a test that asks for `store`, empty for the others."""
    ready = "store" in request.fixturenames
    if request.param == "sqlite":
        if ready:
            shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "simpatico.db")
        return f"sqlite:///{tmp_path}/simpatico.db"
    cluster: Cluster = request.getfixturevalue("cluster")
    cluster.databases += 1
    template = request.getfixturevalue("postgres_template") if ready else "template1"
    return cluster.make(f"test{cluster.databases}", template)


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
