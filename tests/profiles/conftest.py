"""Databases to test against: SQLite in a file, and a throw-away PostgreSQL cluster on loopback."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from simpatico.profiles.keys import KeyRing
from simpatico.profiles.store import BlockingStore
from tests.profiles.samples import RING, Clock

POSTGRES = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), default=Path("/usr/lib/postgresql"))
"""Where Debian's packages put PostgreSQL's programs; the newest."""
ABSENT = "PostgreSQL is not installed (Debian: apt-get install postgresql), or there is no account that may run it"


def _as_nobody_special(command: list[str]) -> list[str]:
    """Return the command run by an account that may: initdb and postgres refuse root."""
    return ["runuser", "-u", "postgres", "--", *command] if os.getuid() == 0 else command


class Cluster:
    """A PostgreSQL server of our own, which can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._socket = folder
        self.databases = 0
        self._run("initdb", "-D", str(self.data), "-U", "simpatico", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            _as_nobody_special([str(POSTGRES / program), *arguments]), capture_output=True, text=True, check=False, cwd="/"
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def start(self) -> None:
        options = f"-h 127.0.0.1 -p {self.port} -k {self._socket} -c shared_buffers=16MB -c max_connections=60 -c fsync=off"
        log = str(self._socket / "log")
        subprocess.run(
            _as_nobody_special([str(POSTGRES / "pg_ctl"), "-D", str(self.data), "-w", "-l", log, "-o", options, "start"]),
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
        )  # fmt: skip

    def stop(self) -> None:
        """Stop at once, as a crash would."""
        self._run("pg_ctl", "-D", str(self.data), "-m", "immediate", "-w", "stop")

    def url(self, name: str) -> str:
        return f"postgresql://simpatico@127.0.0.1:{self.port}/{name}"

    def make(self, name: str, template: str = "template1") -> str:
        """Make a database, empty or as the template is, and return its URL."""
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "simpatico", "-T", template, name)
        return self.url(name)

    def dump(self, name: str) -> str:
        """Return the database as SQL text."""
        return self._run("pg_dump", "-h", "127.0.0.1", "-p", str(self.port), "-U", "simpatico", name)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Return a running PostgreSQL; a test that asks for it is skipped, visibly, where there is none."""
    if not (POSTGRES / "initdb").exists() or (os.getuid() == 0 and not shutil.which("runuser")):
        pytest.skip(ABSENT)
    # Not below pytest's own folder, which is closed to the account that runs the server.
    folder = Path(tempfile.mkdtemp(prefix="simpatico-postgres-"))
    try:
        if os.getuid() == 0:
            shutil.chown(folder, "postgres")
        made = Cluster(folder)
        made.start()
        yield made
        made.stop()
    except LookupError:
        pytest.skip(ABSENT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
