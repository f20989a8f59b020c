"""Files that programs write for people and other programs: whole under their name, or not there.

1. Until all is written and on the disk, the name means what it meant before: nothing, or the file of an earlier run.
2. Whatever fails, nothing is left lying about. On Linux that holds for a process that is killed, too: the file has no name while it is
   written (``O_TMPFILE``, open(2)). Elsewhere, and on file systems without such files, a kill in the middle leaves ``.simpatico-*``.
3. What is no regular file (a pipe, a terminal, ``/dev/null``) is written to as it is; a symbolic link stays, and its file is replaced.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from simpatico.errors import OutputError

__all__ = ["check_output", "publish", "read_and_written", "whole_file"]

_MODE: Final = 0o666
"""Of a new file, less the umask."""
_OPEN_FILES: Final = "/proc/self/fd"
"""Where Linux has names for the open files of a process (proc(5))."""


def check_output(path: Path) -> None:
    """See whether a file can be written there, before hours of work go into it.

    Raises
    ------
    OutputError
        The path is a directory, or lies in none that is there and can be written to.
    OSError
        It cannot be looked at, for instance because its name is too long.
    """
    if path.is_dir():
        raise OutputError(f"{str(path)!r} is a directory; name a file in it", field="out")
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        raise OutputError(f"the directory {str(folder)!r} does not exist; create it first", field="out")
    place = path if _is_special(path) else folder
    if not os.access(place, os.W_OK):
        raise OutputError(f"{str(path)!r} cannot be written: {str(place)!r} is read-only for this user; write elsewhere", field="out")


@contextmanager
def whole_file(path: Path, *, new: bool = False, mode: int | None = None) -> Iterator[TextIO]:
    """Open a text file that takes its name when the block has ended without an error.

    UTF-8; line breaks as they are written; what is no text, as in names of files, by escapes.

    Parameters
    ----------
    path
        Where it will be.
    new
        Refuse to replace a file.
    mode
        Its permissions; None for those of the file that it replaces, or of any new file.

    Raises
    ------
    OSError
        It cannot be written there; ``FileExistsError`` with ``new`` when something is there.
    """
    if not new and _is_special(path):
        with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
            yield stream
        return
    target = path if new else Path(os.path.realpath(path))
    with _named(path):
        descriptor, name = _unfinished(target.parent, _MODE if mode is None else mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            yield file
            with _named(path):
                file.flush()
                _settle(descriptor, target, mode)
                _give_name(descriptor, name, target, new=new)
                _sync_folder(target.parent)
    finally:
        if name is not None:
            name.unlink(missing_ok=True)


def read_and_written(written: Iterable[Path], read: Iterable[str | os.PathLike[str]]) -> Path | None:
    """Return the first of the files and folders to be written that one of the files to be read is, or lies in; None if none is.

    Links and other spellings of a path count as what they lead to.
    """
    there = {_identity(path): path for path in written if path.exists()}
    if not there:
        return None
    read = list(read)
    folders = {os.path.dirname(os.path.abspath(path)) for path in read}
    for path in (*read, *folders):
        with contextlib.suppress(OSError, ValueError):  # it is not there, as will be said when it is its turn to be read
            if (found := there.get(_identity(path))) is not None:
                return found
    return None


def _identity(path: str | os.PathLike[str]) -> tuple[int, int]:
    """What `os.path.samefile` compares."""
    status = os.stat(path)
    return status.st_dev, status.st_ino


def publish(unfinished: Path, path: Path) -> None:
    """Give a file that lies in the same file system its final name, once it is on the disk.

    Raises
    ------
    OSError
        It cannot be.
    """
    with unfinished.open("rb+") as file:
        os.fsync(file.fileno())
    with _named(path):
        unfinished.replace(path)
        _sync_folder(path.parent)


def _is_special(path: Path) -> bool:
    return path.exists() and not path.is_file() and not path.is_dir()


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Let errors name the file that was asked for, not the one that it is made of."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _unfinished(folder: Path, mode: int) -> tuple[int, Path | None]:
    """Return a file to write to and its name; None for one without a name."""
    if os.path.isdir(_OPEN_FILES):
        with contextlib.suppress(AttributeError, OSError):  # no such thing in this system or file system; or the error recurs below
            return os.open(folder, os.O_TMPFILE | os.O_WRONLY, mode), None
    name = folder / f".simpatico-{secrets.token_hex(8)}"
    return os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), name


def _settle(descriptor: int, target: Path, mode: int | None) -> None:
    """Give the file its permissions, and have it on the disk."""
    if mode is None and target.exists():
        mode = stat.S_IMODE(target.stat().st_mode)
    if mode is not None and hasattr(os, "fchmod"):  # Windows has none
        os.fchmod(descriptor, mode)
    os.fsync(descriptor)


def _give_name(descriptor: int, name: Path | None, target: Path, *, new: bool) -> None:
    if name is None and (new or not os.path.lexists(target)):
        _link(descriptor, target)
    elif name is None:  # a link cannot replace a file, a rename can
        between = target.with_name(f".simpatico-{secrets.token_hex(8)}")
        _link(descriptor, between)
        try:
            between.replace(target)
        except OSError:
            between.unlink(missing_ok=True)
            raise
    elif new:
        target.hardlink_to(name)
    else:
        name.replace(target)


def _link(descriptor: int, target: Path) -> None:
    # With a folder, whichever, Python calls linkat(2), which follows the link in /proc; without one link(2), which does not.
    os.link(f"{_OPEN_FILES}/{descriptor}", target, src_dir_fd=descriptor)


def _sync_folder(folder: Path) -> None:
    """Have a new name on the disk, where a folder can be told to."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
