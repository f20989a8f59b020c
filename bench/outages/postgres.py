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


UNSAFE = " ".join(f"-c {name}=off" for name in ("fsync", "full_page_writes", "autovacuum"))
"""The server's crash is survived (commits wait for the operating system), the machine's is not. Nothing is vacuumed unasked."""


def _output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def _as_nobody_special(command: list[str]) -> list[str]:
    """Return the command run by an account that may: initdb and postgres refuse root."""
    return ["runuser", "-u", "postgres", "--", *command] if os.getuid() == 0 else command


def _handed_out_from() -> int:
    """Return the first port that the kernel gives to whoever asks for any."""
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError):
        return 32_768


def _reserve_port() -> socket.socket:
    """Return a UDP socket bound to a port of loopback whose TCP twin is free: other clusters see that it is taken.

    It lies below the ports that the kernel hands out, so that nobody else gets it by chance while the server is down.

    Raises
    ------
    OSError
        No port is free.
    """
    for port in (*range(_handed_out_from() - 1, 1024, -1), 0):
        held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with socket.socket() as probe:
            try:
                held.bind(("127.0.0.1", port))
                probe.bind(held.getsockname())
                return held
            except OSError:
                held.close()
    raise OSError("no port of 127.0.0.1 is free")


class Cluster:
    """A PostgreSQL server of our own, which can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self._reserved = _reserve_port()
        self.port = self._reserved.getsockname()[1]
        self._socket = folder
        self._databases = 0
        self.running = False
        self._run_as_server("initdb", "-D", str(self.data), "-U", "simpatico", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")

    def _run_as_server(self, program: str, *arguments: str) -> str:
        return _output(_as_nobody_special([str(POSTGRES / program), *arguments]))

    def _ask(self, program: str, *arguments: str) -> str:
        return _output([str(POSTGRES / program), "-h", "127.0.0.1", "-p", str(self.port), "-U", "simpatico", *arguments])

    def start(self) -> None:
        options = f"-h 127.0.0.1 -p {self.port} -k {self._socket} -c shared_buffers=16MB -c max_connections=60 {UNSAFE}"
        log = str(self._socket / "log")
        subprocess.run(
            _as_nobody_special([str(POSTGRES / "pg_ctl"), "-D", str(self.data), "-w", "-l", log, "-o", options, "start"]),
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
        )  # fmt: skip
        self.running = True

    def stop(self) -> None:
        """Stop at once, as a crash would."""
        self.running = False
        self._run_as_server("pg_ctl", "-D", str(self.data), "-m", "immediate", "-w", "stop")

    def url(self, name: str) -> str:
        return f"postgresql://simpatico@127.0.0.1:{self.port}/{name}"

    def make(self, name: str, template: str = "template1") -> str:
        """Make a database, empty or as the template is, and return its URL."""
        self._ask("createdb", "-T", template, name)
        return self.url(name)

    def make_another(self, template: str = "template1") -> str:
        """Make a database under a name of its own, and return its URL."""
        self._databases += 1
        return self.make(f"database{self._databases}", template)

    def drop(self, url: str) -> None:
        """Drop a database, whoever is connected to it."""
        self._ask("dropdb", "--force", url.rpartition("/")[2])

    def dump(self, name: str) -> str:
        """Return the database as SQL text."""
        return self._ask("pg_dump", name)

    def close(self) -> None:
        """Stop, and give the port back."""
        if self.running:
            self.stop()
        self._reserved.close()


@contextmanager
def _guarded(folder: Path) -> Iterator[None]:
    """Remove the folder in the end, and a server that runs in it: also when this process is killed.

    A shell of its own session waits for the end of what it reads, which comes when nobody holds the other side any more.
    """
    stop = _as_nobody_special([str(POSTGRES / "pg_ctl"), "-D", str(folder / "data"), "-m", "immediate", "stop"])
    script = 'cat; "$@" >&2; rm -rf "$0"'
    guard = subprocess.Popen(
        ["sh", "-c", script, str(folder), *stop],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, cwd="/",
    )  # fmt: skip
    try:
        yield
    finally:
        assert guard.stdin is not None
        guard.stdin.close()
        guard.wait()


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
    with _guarded(folder):
        if os.getuid() == 0:
            try:
                shutil.chown(folder, "postgres")
            except LookupError:
                raise LookupError(ABSENT) from None
        made = Cluster(folder)
        try:
            made.start()
            yield made
        finally:
            made.close()
