"""Which files are meant by paths, directories and patterns."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from simpatico.errors import RequestError

__all__ = ["SUFFIXES", "Recording", "find_left_out", "find_recordings", "printable"]

SUFFIXES = (".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3")
"""What is taken for a recording inside a directory; a file that is named outright is taken whatever its suffix."""

_OTHER_SOUND = (".aif", ".aifc", ".aiff", ".aac", ".amr", ".au", ".caf", ".m4a", ".mka", ".sph", ".snd", ".w64", ".webm", ".wma")
"""Endings of sound that is not read: a directory of such files is not to look like one without sound."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A file to be measured.

    Attributes
    ----------
    path
        As the operating system knows it; bytes that are not UTF-8 are escaped as `os.fsdecode` does.
    relative
        Its path below the directory that it was found in; its name when it was named outright.
    """

    path: str
    relative: str

    @property
    def name(self) -> str:
        """The path as tables and messages show it."""
        return printable(self.path)


def printable(path: str) -> str:
    """A path as UTF-8 can hold it: other bytes become ``\\xNN``."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def find_recordings(arguments: Sequence[str | os.PathLike[str]]) -> list[Recording]:
    """List the files meant, each once, in the order of the arguments, those of a directory in the order of their names.

    Parameters
    ----------
    arguments
        Files; directories, searched with all below them for `SUFFIXES`, hidden names, pipes and devices left out; patterns with ``*``,
        ``?``, ``[...]`` and ``**``. A path that does not exist is listed all the same: it fails later, by itself.

    Raises
    ------
    RequestError
        A directory or pattern holds no recording.
    """
    found: dict[str, Recording] = {}
    for argument in arguments:
        for recording in _meant(os.fspath(argument)):
            found.setdefault(os.path.abspath(recording.path), recording)
    return list(found.values())


def find_left_out(arguments: Sequence[str | os.PathLike[str]]) -> list[str]:
    """List the files in directories given that by their names are sound, and of a kind that is not read."""
    return [printable(path) for argument in arguments if os.path.isdir(argument) for path in _files(os.fspath(argument), _OTHER_SOUND)]


def _meant(argument: str) -> Iterable[Recording]:
    if os.path.isdir(argument):
        return _some(_below(argument), f"the directory {printable(argument)} holds no recording ({', '.join(SUFFIXES)})")
    if not os.path.lexists(argument) and glob.has_magic(argument):
        matches = sorted(glob.glob(argument, recursive=True))
        found = (recording for match in matches for recording in (_below(match) if os.path.isdir(match) else [_outright(match)]))
        return _some(found, f"nothing matches {printable(argument)}")
    return [_outright(argument)]


def _outright(path: str) -> Recording:
    return Recording(path, os.path.basename(path))


def _below(directory: str) -> Iterator[Recording]:
    return (Recording(path, os.path.relpath(path, directory)) for path in _files(directory, SUFFIXES) if not _waits(path))


def _files(directory: str, suffixes: tuple[str, ...]) -> Iterator[str]:
    """Files in a directory and below it whose names end so, in order, but for hidden ones."""
    for folder, folders, files in os.walk(directory):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.lower().endswith(suffixes) and not name.startswith("."):
                yield os.path.join(folder, name)


def _waits(path: str) -> bool:
    """Whether it is a pipe or a device, of which nobody meant to read when they named the directory, and which may never end."""
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False


def _some(recordings: Iterable[Recording], otherwise: str) -> list[Recording]:
    found = list(recordings)
    if not found:
        raise RequestError(f"{otherwise}: give files, directories or patterns with recordings", field="FILE")
    return found
