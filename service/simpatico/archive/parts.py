"""What is measured already, kept beside the output: ``OUT.partial`` with one file per finished recording.

A part is written under another name and then renamed, so it is whole or absent, also after ``kill -9``. Its name stands for everything
that it rests on (`work.task_key`), so a later run finds exactly what it can use, whatever was asked for before. One run at a time: the
directory is locked, and the lock goes with the process.
"""

from __future__ import annotations

import contextlib
import os
import zipfile
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

from simpatico.archive.work import Rows
from simpatico.errors import OutputError

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["PartStore", "parts_path", "write_part"]

_UNFINISHED = ("*.unfinished", "table.csv", "table.parquet")
"""What a run that was killed leaves, and no other can use."""
_OURS = ("*.npz", *_UNFINISHED, "lock")


def parts_path(out: Path) -> Path:
    """Where the parts of an output are kept."""
    return out.with_name(out.name + ".partial")


class PartStore:
    """The parts of one output; a context manager that holds the lock.

    Raises
    ------
    OutputError
        The directory cannot be made or written to, another run holds it, or the system has no POSIX locks.
    """

    def __init__(self, out: Path) -> None:
        if fcntl is None:
            raise OutputError(
                f"{out} cannot be kept from other runs: this system has no POSIX locks (fcntl); Linux, macOS and WSL work", field="out"
            )
        self.directory = parts_path(out)
        try:
            self.directory.mkdir(exist_ok=True)
            self._lock: IO[bytes] = (self.directory / "lock").open("wb")
        except OSError as exc:
            raise OutputError(f"{out} cannot be written, there is no making of {self.directory}: {exc.strerror}", field="out") from exc
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            self._lock.close()
            raise OutputError(f"another run is writing {out}: wait for it, or give another --out", field="out") from exc
        self._delete(_UNFINISHED)

    def __enter__(self) -> PartStore:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._lock.close()

    def holds(self, key: str) -> bool:
        """Whether the part is there and can be read."""
        try:
            self.read(key)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return False
        return True

    def read(self, key: str) -> Rows:
        """The rows of a part."""
        with _path(self.directory, key).open("rb") as file, np.load(file, allow_pickle=False) as part:
            return Rows(part["channel"], part["start_s"], part["end_s"], part["values"])

    def tidy(self) -> None:
        """Delete the directory if it holds no part, whatever was measured for it."""
        if not any(self.directory.glob("*.npz")):
            self.remove()

    def remove(self) -> None:
        """Delete what is ours in the directory, and the directory with it if nothing else is there."""
        self._delete(_OURS)

    def _delete(self, patterns: tuple[str, ...]) -> None:
        with contextlib.suppress(OSError):
            for pattern in patterns:
                for path in self.directory.glob(pattern):
                    path.unlink()
            if not any(self.directory.iterdir()):
                self.directory.rmdir()


def write_part(directory: Path, key: str, rows: Rows) -> None:
    """Write a part, whole or not at all."""
    path = _path(directory, key)
    unfinished = path.with_suffix(f".{os.getpid()}.unfinished")
    with unfinished.open("wb") as file:
        np.savez(file, channel=rows.channel, start_s=rows.start_s, end_s=rows.end_s, values=rows.values)
    unfinished.replace(path)


def _path(directory: Path, key: str) -> Path:
    return directory / f"{key}.npz"
