"""Decisions that were answered and are not written down yet, in a file beside the spool: a process that is killed leaves them behind.

The rules:

1. A decision is in the file when `Notebook.note` returns, and its answer leaves after that. It is not synced: it survives the end of the
   process, however that comes, and not that of the machine.
2. When the database or the spool has it, it is struck out (`done`); a file in which nothing is left is emptied at once, and one that is
   written to all the time is given up for a new one after `TURN_S`, so that nothing stays longer than it takes to be written down.
3. A process holds a lock on its file. A file that nobody holds belonged to a process that is gone: `adopt` brings what is in it into the
   spool, in any process of the service, at its start before it serves and then with each replay.
4. Applying a decision twice is applying it once, so nobody needs to know how far a killed process had come.
5. Like the spool, no file has a caller's key in it, and none is open to other accounts.
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import logging
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from simpatico.errors import DatabaseAwayError, SimpaticoError
from simpatico.profiles.decision_rows import Prepared
from simpatico.profiles.note_codec import pack_note, read_notes
from simpatico.profiles.spool import Spool
from simpatico.routing.types import Decision

__all__ = ["Notebook", "adopt"]

SUFFIX = ".noted-"
TURN_S = 1.0
"""How long a file is written to that never gets empty: what was struck out goes with it."""
LARGEST_BYTES = 16 << 20
"""Of a file, at which a new one is begun: some 230 decisions of a thousand agents."""
MOST_FILES = 8
"""That wait to be emptied, beside the one that is written to; while there are so many, nothing is being written down, and it grows."""
ATTEMPTS = 5

log = logging.getLogger(__name__)


class _File:
    """One file, locked by this process.

    Raises
    ------
    OSError
        From every method, when the disk refuses; what was in the file before is there.
    """

    def __init__(self, spool: Path, now_s: float) -> None:
        self.path, self._descriptor = _locked_new(spool)
        self.began_s = now_s
        self.size = 0
        self.waiting: set[str] = set()

    def add(self, caller_id: str, prepared: Prepared) -> None:
        pieces = pack_note(caller_id, prepared)
        size = sum(map(len, pieces))
        written = os.writev(self._descriptor, pieces)
        if written != size:
            os.ftruncate(self._descriptor, self.size)
            raise OSError(f"only {written} of {size} bytes were taken")
        self.size += size
        self.waiting.add(prepared.decision_id)

    def empty(self) -> None:
        """Take all decisions out."""
        os.ftruncate(self._descriptor, 0)
        self.size = 0

    def release(self) -> None:
        os.close(self._descriptor)

    def remove(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()
        self.release()


class Notebook:
    """Of one process; for one thread, the event loop's.

    Parameters
    ----------
    spool
        Path of the spool, beside which the files are.
    clock
        Seconds that only go forward.
    """

    def __init__(self, spool: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._spool = spool
        self._clock = clock
        self._file: _File | None = None
        self._full: list[_File] = []

    def note(self, caller_id: str, prepared: Prepared) -> None:
        """Write a decision down, of a caller known to have agreed.

        Raises
        ------
        OSError
            The disk refuses. What was noted before is there.
        """
        now_s, file = self._clock(), self._file
        if file is not None and len(self._full) < MOST_FILES and self._is_over(file, now_s):
            self._file = None
            (self._full.append if file.waiting else _File.remove)(file)
        if self._file is None:
            self._file = _File(self._spool, now_s)
        elif not self._file.waiting:
            self._file.began_s = now_s
        self._file.add(caller_id, prepared)

    def done(self, decision_ids: Iterable[str]) -> None:
        """Strike decisions out; those that are not there are passed over."""
        gone = set(decision_ids)
        for file in self._files():
            if file.waiting.isdisjoint(gone):
                continue
            file.waiting -= gone
            if file.waiting:
                continue
            if file is self._file:
                try:
                    file.empty()
                except OSError:
                    self._file = None
                    file.remove()
            else:
                self._full.remove(file)
                file.remove()

    def close(self) -> None:
        """Remove the files in which nothing waits; the others are left behind for whoever comes next."""
        for file in self._files():
            if file.waiting:
                file.release()
            else:
                file.remove()
        self._file, self._full = None, []

    @staticmethod
    def _is_over(file: _File, now_s: float) -> bool:
        return file.size > LARGEST_BYTES or (bool(file.waiting) and now_s > file.began_s + TURN_S)

    def _files(self) -> tuple[_File, ...]:
        return (*self._full, *(() if self._file is None else (self._file,)))


def adopt(spool: Spool, *, now_s: float) -> int:
    """Bring what killed processes left behind into the spool; returns how many decisions that were.

    Raises
    ------
    DatabaseAwayError, LimitError
        The spool cannot take it, or the disk refuses; it is left for the next time.
    """
    try:
        return _adopt(spool, now_s)
    except OSError as error:
        raise DatabaseAwayError(f"what killed processes noted down beside {str(spool.path)!r} cannot be taken up: {error}") from error


def _adopt(spool: Spool, now_s: float) -> int:
    adopted = 0
    for path in sorted(spool.path.parent.glob(f"{glob.escape(spool.path.name)}{SUFFIX}*")):
        with _left_behind(path) as data:
            if data is None:
                continue
            found: list[tuple[str, Decision]] = []
            try:
                for note in read_notes(data):
                    found.append(note)  # noqa: PERF402  # what comes before a record that cannot be read counts
            except (ValueError, SimpaticoError) as error:
                log.error("what a killed process had noted down cannot be read to its end: %s", error)
            adopted += spool.add_decisions(found, now_s)
            path.unlink()
    return adopted


@contextlib.contextmanager
def _left_behind(path: Path) -> Iterator[bytes | None]:
    """Return what is in a file that nobody holds, and hold it meanwhile; None for others."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    with open(descriptor, "rb") as file:
        if _lock(descriptor) and _is_at(path, descriptor):
            yield file.read()
        else:
            yield None


def _locked_new(spool: Path) -> tuple[Path, int]:
    spool.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for _ in range(ATTEMPTS):
        path = spool.with_name(f"{spool.name}{SUFFIX}{secrets.token_hex(8)}")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        if _lock(descriptor) and _is_at(path, descriptor):
            return path, descriptor
        os.close(descriptor)  # somebody who was adopting took it for one that was left behind
    raise OSError(f"no file beside {str(spool)!r} could be locked in {ATTEMPTS} attempts")


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(path: Path, descriptor: int) -> bool:
    """Whether the path still leads to the file that is open."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
