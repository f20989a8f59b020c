"""The service as a process of its own, on a database of its own, to be killed."""

from __future__ import annotations

import base64
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from simpatico.profiles.keys import KeyRing
from simpatico.profiles.spool import Spool
from simpatico.profiles.store import BlockingStore

__all__ = ["RING", "Deployment", "Service"]

ROOT = Path(__file__).resolve().parents[2]
SECRET = b"secret of a deployment that is killed"
RING = KeyRing({"k1": SECRET})
STARTS_S = 60.0
POLL_S = 0.1


class Service:
    """A running ``simpatico serve``."""

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self._process = process
        self.address = address

    def kill(self) -> None:
        """Kill it with SIGKILL, and see that it is gone."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """Stop it as an operator would, and return its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(STARTS_S)

    def let_no_file_grow(self, refused: bool) -> None:
        """Refuse every write to a file, as a disk that is full does, or let it write again."""
        most = resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (0 if refused else most, most))


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where a service keeps what: ``folder`` holds key ring, spool, anchors and the log; ``url`` names the database."""

    folder: Path
    url: str

    @property
    def anchors(self) -> Path:
        """The file of anchors."""
        return self.folder / "anchors"

    def start(self, **settings: object) -> Service:
        """Start a service and wait until it serves; settings are written ``section__key``."""
        secrets = self.folder / "secrets"
        secrets.write_text(f"k1 {base64.b64encode(SECRET).decode()}\n")
        given: dict[str, object] = {
            "server__port": 0,
            "database__url": self.url,
            "database__secrets": secrets,
            "database__spool": self.folder / "spool.db",
            "database__anchors": self.anchors,
            "database__tend_s": 0.5,
            "routing__renew_s": 5,
            "server__drain_grace_s": 1,
            **settings,
        }
        options = [word for key, value in given.items() for word in ("--set", f"{key.replace('__', '.')}={value}")]
        with (self.folder / "log").open("a") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "simpatico", "serve", *options],
                cwd=ROOT,
                env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert process.stdout is not None
        with process.stdout:
            line = process.stdout.readline()
        if not line.startswith("serving on "):
            process.kill()
            process.wait()
            raise AssertionError(f"the service did not serve but said {line!r} and logged:\n{(self.folder / 'log').read_text()[-4000:]}")
        return Service(process, line.split()[-1])

    def open(self) -> BlockingStore:
        """Open the database beside the service."""
        return BlockingStore(self.url, RING, upgrade=False)

    def waiting(self) -> int:
        """Return how many items are in the spool, those that the database refused included."""
        spool = Spool(self.folder / "spool.db")
        try:
            return spool.waiting() + len(spool.items(aside=True))
        finally:
            spool.close()

    def settle(self, within_s: float = 60.0) -> int:
        """Wait until nothing waits in the spool, and return what still does when the time is up."""
        until_s = time.monotonic() + within_s
        while (left := self.waiting()) and time.monotonic() < until_s:
            time.sleep(POLL_S)
        return left
