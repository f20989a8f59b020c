"""A binary file or pipe, read forward with a ceiling. The only place in the audio layer that opens files.

Pipes cannot seek, and libsndfile must: `ByteSource.whole_file` gives it either the file itself or, for a pipe, a copy in memory, never on
disk.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

from simpatico.audio.formats import MAX_CHANNELS
from simpatico.errors import AudioError, MessageTooLargeError

__all__ = ["AudioSource", "ByteSource", "ReadLimits"]

AudioSource: TypeAlias = str | os.PathLike[str] | BinaryIO
"""A path, or a file open for reading in binary mode."""

_PIECE = 1 << 16
"""Bytes per read when skipping or copying: sizes out of headers are never allocated."""


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Ceilings for one recording.

    Attributes
    ----------
    max_file_bytes
        Encoded size; 4 GiB is what a WAV header can count.
    max_duration_s
        Call time; a day by default. A FLAC of 110 kB can hold an hour of zeros, so size alone is no bound.
    max_memory_bytes
        What ``read_call`` may hold decoded, and what of a compressed pipe may be held; 1 GiB is 4.6 hours of two channels at 8 kHz.
    max_channels
        A call has two; only who measures each channel by itself can take more.
    """

    max_file_bytes: int = 1 << 32
    max_duration_s: float = 86_400.0
    max_memory_bytes: int = 1 << 30
    max_channels: int = MAX_CHANNELS


class ByteSource:
    """Reads a path or binary file from where it stands to its end, once.

    Parameters
    ----------
    source
        See `AudioSource`. A path is opened here and closed by `close`; a file stays its owner's.
    limits
        Sizes above which reading is refused.

    Raises
    ------
    AudioError
        The file is missing, a directory, unreadable or open in text mode.
    MessageTooLargeError
        It is larger than ``limits.max_file_bytes``.
    """

    def __init__(self, source: AudioSource, limits: ReadLimits) -> None:
        self.limits = limits
        self.name, self._stream, self._owned = _opened(source)
        self._start = _position(self._stream)
        self.size = self._bytes_left()
        self.position = 0
        self._ahead = b""
        self._log: bytearray | None = bytearray() if self._start is None else None
        if self.size is not None and self.size > limits.max_file_bytes:
            self.close()
            raise self._too_large(self.size)

    def close(self) -> None:
        """Close the file if it was opened here."""
        if self._owned:
            self._stream.close()

    def peek(self, count: int) -> bytes:
        """Up to ``count`` bytes that `read` will give next; fewer only at the end."""
        if len(self._ahead) < count:
            self._ahead += self._pull(count - len(self._ahead))
        return self._ahead[:count]

    def read(self, count: int) -> bytes:
        """Up to ``count`` bytes; fewer only at the end.

        Raises
        ------
        AudioError
            The file cannot be read.
        MessageTooLargeError
            A pipe gave more than ``limits.max_file_bytes``.
        """
        data, self._ahead = self._ahead[:count], self._ahead[count:]
        if len(data) < count:
            data += self._pull(count - len(data))
        self.position += len(data)
        return data

    def skip(self, count: int) -> int:
        """Read and drop ``count`` bytes; return how many there were."""
        left = count
        while left > 0 and (got := len(self.read(min(left, _PIECE)))):
            left -= got
        return count - left

    def forget(self) -> None:
        """Stop keeping what was read of a pipe: `whole_file` will not be called."""
        self._log = None

    def whole_file(self) -> BinaryIO:
        """Everything from the start as a seekable file.

        Raises
        ------
        MessageTooLargeError
            A pipe holds more than ``limits.max_memory_bytes``.
        """
        if self._start == 0:
            self._stream.seek(0)
            return self._stream
        if self._start is not None:
            self._stream.seek(self._start)
            return io.BytesIO(self._rest(b""))
        assert self._log is not None, "forget() was called"
        log, self._log = bytes(self._log), None
        return io.BytesIO(self._rest(log))

    def _rest(self, head: bytes) -> bytes:
        limit = self.limits.max_memory_bytes
        pieces, total = [head], len(head)
        while total <= limit and (piece := self._pull(_PIECE)):
            pieces.append(piece)
            total += len(piece)
        if total > limit:
            raise MessageTooLargeError(
                f"{self.name} gives compressed audio through a pipe, more than the {limit} bytes that may be held: give a file, or WAV"
            )
        return b"".join(pieces)

    def _pull(self, count: int) -> bytes:
        """``count`` bytes off the stream, which may give fewer at a time; fewer here only at its end."""
        pieces: list[bytes] = []
        left = count
        while left > 0 and (piece := self._one_read(left)):
            pieces.append(piece)
            left -= len(piece)
        data = b"".join(pieces)
        if self._log is not None:
            self._log += data
        return data

    def _one_read(self, count: int) -> bytes:
        if self.position > self.limits.max_file_bytes:
            raise self._too_large(self.position)
        try:
            data = self._stream.read(count)
        except (OSError, ValueError) as exc:
            raise AudioError(f"{self.name} cannot be read: {exc}") from exc
        if not isinstance(data, bytes):
            raise AudioError(f"{self.name} gives {type(data).__name__} where bytes are needed: open it in binary mode, blocking")
        return data

    def _bytes_left(self) -> int | None:
        if self._start is None:
            return None
        end = self._stream.seek(0, os.SEEK_END)
        self._stream.seek(self._start)
        return max(end - self._start, 0)

    def _too_large(self, size: int) -> MessageTooLargeError:
        return MessageTooLargeError(
            f"{self.name} holds {size} bytes or more: at most {self.limits.max_file_bytes} are taken; "
            "split the recording or raise max_file_bytes"
        )


def _opened(source: AudioSource) -> tuple[str, BinaryIO, bool]:
    """Name, stream, and whether it is ours to close."""
    if not isinstance(source, str | os.PathLike):
        if not hasattr(source, "read"):
            raise AudioError(f"{type(source).__name__} is no recording: a path (str, pathlib.Path) or a file open in binary mode works")
        name = getattr(source, "name", None)
        return (name if isinstance(name, str) else "the stream"), source, False
    path = Path(source)
    try:
        return str(path), path.open("rb"), True
    except FileNotFoundError as exc:
        raise AudioError(f"{path} does not exist: give the path of a WAV, FLAC, OGG or MP3 file") from exc
    except IsADirectoryError as exc:
        raise AudioError(f"{path} is a directory: give the path of one audio file in it") from exc
    except (OSError, ValueError) as exc:
        raise AudioError(f"{path} cannot be opened: {getattr(exc, 'strerror', None) or exc}") from exc


def _position(stream: BinaryIO) -> int | None:
    """Where a seekable stream stands, None for a pipe."""
    try:
        return stream.tell() if stream.seekable() else None
    except (OSError, ValueError, AttributeError):
        return None
