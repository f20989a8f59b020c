"""A PostgreSQL server of our own on loopback, for tests and benches; gone with everything in it when it is no longer used."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["ABSENT", "Cluster", "throw_away_cluster"]

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
        self.running = False
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
        self.running = True

    def stop(self) -> None:
        """Stop at once, as a crash would."""
        self.running = False
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


@contextmanager
def throw_away_cluster() -> Iterator[Cluster]:
    """Run a cluster for as long as the ``with`` statement lasts.

    Raises
    ------
    LookupError
        There is no PostgreSQL here, or no account that may run it.
    """
    if not (POSTGRES / "initdb").exists() or (os.getuid() == 0 and not shutil.which("runuser")):
        raise LookupError(ABSENT)
    # Not below pytest's own folder, which is closed to the account that runs the server.
    folder = Path(tempfile.mkdtemp(prefix="simpatico-postgres-"))
    try:
        if os.getuid() == 0:
            try:
                shutil.chown(folder, "postgres")
            except LookupError:
                raise LookupError(ABSENT) from None
        made = Cluster(folder)
        made.start()
        try:
            yield made
        finally:
            if made.running:
                made.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
