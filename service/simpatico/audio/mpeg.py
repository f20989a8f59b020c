"""How much an MP3 file holds, from its frame headers alone.

libsndfile trusts the length in the Xing header, or estimates it from the first frame's bit rate when there is none. The first hides a
truncated file, the second cuts a variable-rate file short without a word. Counting the frames finds both.

References
----------
ISO/IEC 11172-3 and 13818-3 (MPEG-1 and MPEG-2 Audio), 2.4.1.3: frame header; MPEG 2.5 is the same at half the rates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

__all__ = ["MpegExtent", "is_layer3_header", "measure_layer3"]

_V1_KBPS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_V2_KBPS = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_V1_HZ = (44_100, 48_000, 32_000)
_MPEG1, _MPEG2 = 3, 2
_LAYER3 = 1
_TRAILERS = (b"TAG", b"APETAGEX", b"LYRICSBEGIN")


@dataclass(frozen=True, slots=True)
class MpegExtent:
    """Samples per channel in whole frames, samples per frame, and bytes that the last frame lacks."""

    samples: int
    frame_samples: int
    missing_bytes: int


def is_layer3_header(head: bytes) -> bool:
    """Whether four bytes are the header of a Layer III frame with a stated bit rate."""
    return _frame(head) is not None


def measure_layer3(file: BinaryIO) -> MpegExtent | None:
    """Walk the frames from the file's start.

    Returns
    -------
    MpegExtent or None
        None when something other than frames and known tags is in between, so that nothing is known.
    """
    file.seek(0)
    head = file.read(10)
    at = 0
    if head[:3] == b"ID3" and len(head) == 10:
        at = 10 + (head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]) + (10 if head[5] & 0x10 else 0)
    end = file.seek(0, 2)
    samples = frame_samples = 0
    while at < end:
        file.seek(at)
        head = file.read(11)
        frame = _frame(head)
        if frame is None:
            known = head.startswith(_TRAILERS) or not any(head)
            return MpegExtent(samples, frame_samples, 0) if known and samples else None
        size, frame_samples = frame
        if at + size > end:
            return MpegExtent(samples, frame_samples, at + size - end)
        samples += frame_samples
        at += size
    return MpegExtent(samples, frame_samples, 0) if samples else None


def _frame(head: bytes) -> tuple[int, int] | None:
    """Bytes and samples of the frame that begins here, None when none does."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0 or (head[1] >> 1) & 3 != _LAYER3:
        return None
    version, rate_index, kbps_index = (head[1] >> 3) & 3, (head[2] >> 2) & 3, head[2] >> 4
    if version == 1 or rate_index == 3 or not 1 <= kbps_index <= 14:
        return None
    rate_hz = _V1_HZ[rate_index] >> {_MPEG1: 0, _MPEG2: 1}.get(version, 2)
    samples, kbps = (1152, _V1_KBPS[kbps_index]) if version == _MPEG1 else (576, _V2_KBPS[kbps_index])
    return samples // 8 * kbps * 1000 // rate_hz + ((head[2] >> 1) & 1), samples
