"""FLAC, OGG Vorbis and Opus, MP3, and the WAV codecs that need a real decoder, through libsndfile.

Its exceptions are mapped to ours here and nowhere else, and what it lets pass is caught: recordings that end early.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO, TypeVar

import numpy as np
import soundfile
from numpy.typing import NDArray

from simpatico.audio.codecs import check_samples
from simpatico.audio.formats import check_format
from simpatico.audio.mpeg import is_layer3_header, measure_layer3
from simpatico.errors import MalformedAudioError, UnknownCodecError
from simpatico.types import AudioFormat

__all__ = ["SndfileBlocks", "is_compressed"]

_CODECS = {
    "VORBIS": "vorbis",
    "OPUS": "opus",
    "MPEG_LAYER_III": "mp3",
    "GSM610": "gsm",
    "IMA_ADPCM": "ima_adpcm",
    "MS_ADPCM": "ms_adpcm",
    "G721_32": "g721",
}
_CONTAINERS = {"FLAC", "OGG", "MP3", "WAV", "WAVEX"}
_UNKNOWN_FRAMES = 1 << 62
"""libsndfile gives the largest 64-bit count for a FLAC stream of unknown length."""
_MP3_SLACK_FRAMES = 6
"""Frames that a decoder may drop for good reason: the Xing frame, the encoder's delay (1105 samples in LAME) and its padding (up to
1680)."""
_OGG_PAGE_MAX = 65_307
"""27 bytes of header, 255 of lacing values and 255 segments of 255."""


_Found = TypeVar("_Found")


class _Forward(soundfile.SoundFile):  # type: ignore[misc]
    """A SoundFile that does not seek after every read, which FLAC of unknown or wrong length cannot."""

    def seekable(self) -> bool:
        return False


def is_compressed(head: bytes) -> bool:
    """Whether the first bytes are those of FLAC, OGG or MP3."""
    return head[:4] in {b"fLaC", b"OggS"} or head[:3] == b"ID3" or is_layer3_header(head)


class SndfileBlocks:
    """Blocks of samples of a seekable file.

    Parameters
    ----------
    file
        Positioned anywhere; read from its start.
    name
        What messages call it.
    max_channels
        More are refused.

    Raises
    ------
    MalformedAudioError
        libsndfile cannot open it, or it is seen to end early.
    UnknownCodecError
        It is a container or codec that we do not take.
    AudioFormatError
        Rate or channel count is out of range.
    """

    def __init__(self, file: BinaryIO, name: str, max_channels: int) -> None:
        self._name = name
        self._given = 0
        file.seek(0)
        try:
            self._file: Any = _Forward(file)
        except (soundfile.SoundFileError, RuntimeError, OSError, ValueError) as exc:
            raise MalformedAudioError(
                f"{name} cannot be decoded: {exc}; WAV, FLAC, OGG Vorbis or Opus and MP3 that play elsewhere work"
            ) from exc
        try:
            declared = AudioFormat(self._file.samplerate, self._file.channels, _codec(self._file, name))
            self.format = check_format(declared, most_channels=max_channels)
            self.total_frames: int | None = self._file.frames if self._file.frames < _UNKNOWN_FRAMES else None
            self._owed = self._expected_frames(file)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Free the decoder; the file stays open."""
        self._file.close()

    def read(self, frames: int) -> NDArray[np.float32]:
        """Up to ``frames`` samples, float32 [k, channels]; none at the end.

        Raises
        ------
        MalformedAudioError
            The data breaks off or is corrupt, or a sample is far above full scale.
        """
        try:
            block: NDArray[np.float32] = self._file.read(frames, dtype="float32", always_2d=True)
        except (soundfile.SoundFileError, RuntimeError, OSError, ValueError) as exc:
            raise MalformedAudioError(
                f"{self._name} is truncated or corrupt: {self.format.codec} decoding failed after {self._given} samples ({exc})"
            ) from exc
        check_samples(block, first=self._given)
        self._given += len(block)
        if len(block) == 0 and self._given < self._owed:
            raise MalformedAudioError(
                f"{self._name} is truncated: {self._given} samples per channel were decoded, at least {self._owed} should be there; "
                "copy or record it again, or convert it to WAV"
            )
        return block

    def _expected_frames(self, file: BinaryIO) -> int:
        """Least number of samples of a whole recording, 0 when nothing says."""
        codec = self.format.codec
        if codec in {"vorbis", "opus"}:
            _apart(file, self._check_last_page)
        if codec == "mp3":
            return _apart(file, self._mp3_frames)
        return self.total_frames or 0 if codec == "flac" else 0

    def _check_last_page(self, file: BinaryIO) -> None:
        end = file.seek(0, 2)
        file.seek(max(0, end - _OGG_PAGE_MAX))
        tail = file.read(_OGG_PAGE_MAX)
        page = tail[max(tail.rfind(b"OggS"), 0) :]
        lacing = page[27 : 27 + page[26]] if len(page) > 26 else b""
        whole = len(page) > 26 and len(page) >= 27 + page[26] + sum(lacing)
        if not (whole and page[5] & 0x04):
            raise MalformedAudioError(
                f"{self._name} is truncated: its last OGG page is not marked as the end of the stream; copy or record it again"
            )

    def _mp3_frames(self, file: BinaryIO) -> int:
        extent = measure_layer3(file)
        if extent is None:
            return 0
        if extent.missing_bytes:
            raise MalformedAudioError(
                f"{self._name} is truncated: its last MP3 frame lacks {extent.missing_bytes} bytes; copy or record it again"
            )
        return max((self.total_frames or 0), extent.samples) - _MP3_SLACK_FRAMES * extent.frame_samples


def _apart(file: BinaryIO, look: Callable[[BinaryIO], _Found]) -> _Found:
    """Look at the file without the decoder noticing."""
    at = file.tell()
    try:
        return look(file)
    finally:
        file.seek(at)


def _codec(file: Any, name: str) -> str:
    codec = "flac" if file.format == "FLAC" else _CODECS.get(file.subtype)
    if file.format not in _CONTAINERS or codec is None:
        raise UnknownCodecError(f"{name} holds {file.format} {file.subtype}: WAV, FLAC, OGG Vorbis or Opus and MP3 work")
    return codec
