"""The header of a WAV file: RIFF, RF64 and BW64, read forward without seeking.

Own code rather than libsndfile's for two reasons (decision 0030): libsndfile takes a truncated recording for a short one, and it cannot
read a pipe. Sizes in the header are compared with what is there, never used to allocate. Samples are decoded by ``codecs``; libsndfile is
the independent reference in the tests.

References
----------
Microsoft and IBM, Multimedia Programming Interface and Data Specifications 1.0 (1991); Microsoft, Multiple Channel Audio Data and WAVE
Files (2007); EBU Tech 3306 (RF64).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from simpatico.audio.formats import check_format
from simpatico.audio.source import ByteSource
from simpatico.errors import MalformedAudioError, UnknownCodecError
from simpatico.types import AudioFormat

__all__ = ["WaveHeader", "is_wave", "read_wave_header"]

_PLACEHOLDER_FROM = 0x7FFFF000
"""Sizes from here up stand for "not known yet" when the file holds less: SoX and espeak-ng write 0x7FFFF000 to a pipe, arecord 0x7FFFFFFF
or so, ffmpeg 0xFFFFFFFF."""
_WIDE_PLACEHOLDER_FROM = 1 << 62
"""The same for the 64-bit sizes of RF64."""
_EXTENSIBLE = 0xFFFE
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
"""What follows the format tag in the sub-format GUID of an extensible header."""
_MAX_FMT_BYTES = 4096
"""The largest known fmt chunk (MS ADPCM with its coefficients) has 50 bytes."""
_PCM, _FLOAT, _ALAW, _MULAW = 1, 3, 6, 7
_ENCODINGS = {
    (_PCM, 1): "pcm_u8",
    (_PCM, 2): "pcm_s16",
    (_PCM, 3): "pcm_s24",
    (_PCM, 4): "pcm_s32",
    (_FLOAT, 4): "float",
    (_FLOAT, 8): "double",
    (_ALAW, 1): "alaw",
    (_MULAW, 1): "mulaw",
}
_LIBSNDFILE_TAGS = {0x02: "ms_adpcm", 0x11: "ima_adpcm", 0x31: "gsm", 0x40: "g721", 0x45: "g721"}


@dataclass(frozen=True, slots=True)
class WaveHeader:
    """What stands before the samples.

    Attributes
    ----------
    format
        Codec is an encoding of ``codecs.Decoder``, or one of "ms_adpcm", "ima_adpcm", "gsm", "g721", which libsndfile decodes.
    decodable
        Whether ``codecs.Decoder`` knows the codec.
    data_bytes
        Length of the samples, None when the writer did not know it (a pipe).
    """

    format: AudioFormat
    decodable: bool
    data_bytes: int | None


def is_wave(head: bytes) -> bool:
    """Whether the first 12 bytes are those of a WAV file."""
    return head[:4] in {b"RIFF", b"RF64", b"BW64"} and head[8:12] == b"WAVE"


def read_wave_header(source: ByteSource) -> WaveHeader:
    """Read up to the first byte of the samples.

    Raises
    ------
    MalformedAudioError
        A chunk is broken or missing, or the file ends before its samples do: the message says how many bytes are missing.
    UnknownCodecError
        The format tag is not one that we read.
    AudioFormatError
        Rate or channel count is out of range.
    """
    riff_bytes = struct.unpack("<4sI4s", source.read(12))[1]
    fmt: bytes | None = None
    wide_sizes: tuple[int, int] | None = None
    while True:
        head = source.read(8)
        if len(head) < 8:
            raise MalformedAudioError(f"{source.name} ends after {source.position} bytes, before any samples: the WAV file is truncated")
        tag, size = struct.unpack("<4sI", head)
        if tag == b"data":
            break
        if tag == b"fmt ":
            fmt = _chunk(source, tag, size, at_least=16, at_most=_MAX_FMT_BYTES)
        elif tag == b"ds64":
            wide_sizes = struct.unpack("<QQ", _chunk(source, tag, size, at_least=24, at_most=1 << 20)[:16])
        else:
            source.skip(size + size % 2)
    if fmt is None:
        raise MalformedAudioError(
            f"{source.name} has samples before a 'fmt ' chunk: without it their format is unknown; write the WAV file again"
        )
    audio, decodable = _format(fmt, source.name, source.limits.max_channels)
    if wide_sizes is not None and size == 0xFFFFFFFF:
        return WaveHeader(audio, decodable, _data_bytes(source, *wide_sizes, placeholder_from=_WIDE_PLACEHOLDER_FROM))
    return WaveHeader(audio, decodable, _data_bytes(source, riff_bytes, size, placeholder_from=_PLACEHOLDER_FROM))


def _chunk(source: ByteSource, tag: bytes, size: int, *, at_least: int, at_most: int) -> bytes:
    if not at_least <= size <= at_most:
        raise MalformedAudioError(
            f"{source.name}: chunk {tag.decode()!r} claims {size} bytes, {at_least} to {at_most} can be: the WAV header is corrupt"
        )
    body = source.read(size + size % 2)
    if len(body) < size:
        raise MalformedAudioError(
            f"{source.name} ends inside chunk {tag.decode()!r}, {size - len(body)} bytes are missing: the WAV file is truncated"
        )
    return body[:size]


def _format(fmt: bytes, name: str, most_channels: int) -> tuple[AudioFormat, bool]:
    """Format, and whether our own decoder knows it."""
    tag, channels, rate_hz, _, block_bytes, bits = struct.unpack("<HHIIHH", fmt[:16])
    if tag == _EXTENSIBLE and len(fmt) >= 40 and fmt[26:40] == _GUID_TAIL:
        tag = struct.unpack("<H", fmt[24:26])[0]
    if tag in _LIBSNDFILE_TAGS:
        return check_format(AudioFormat(rate_hz, channels, _LIBSNDFILE_TAGS[tag]), most_channels=most_channels), False
    width = block_bytes // max(channels, 1)
    check_format(AudioFormat(rate_hz, channels, "wav"), most_channels=most_channels)
    if tag not in {_PCM, _FLOAT, _ALAW, _MULAW}:
        raise UnknownCodecError(f"{name} holds WAV format tag 0x{tag:04x}: PCM, float, mu-law, A-law, ADPCM and GSM 6.10 work")
    if (tag, width) not in _ENCODINGS or width * channels != block_bytes or not 0 < bits <= 8 * width:
        raise MalformedAudioError(
            f"{name}: {bits} bits in blocks of {block_bytes} bytes for {channels} channel(s) of WAV format tag {tag} do not fit: "
            "PCM of 8, 16, 24 or 32 bits, float of 32 or 64 and G.711 of 8 work"
        )
    return AudioFormat(rate_hz, channels, _ENCODINGS[tag, width]), True


def _data_bytes(source: ByteSource, riff_bytes: int, size: int, *, placeholder_from: int) -> int | None:
    """Length of the samples, None when not known; refuse a file that is shorter than it says."""
    there = None if source.size is None else source.size - source.position
    unfinished = riff_bytes == 0 or riff_bytes >= placeholder_from or riff_bytes + 8 <= source.position
    if size == 0:
        return None if unfinished else 0
    if size >= placeholder_from and (there is None or there < size):
        return None
    if there is not None and there < size:
        raise MalformedAudioError(
            f"{source.name} is truncated: its header counts {size} bytes of samples, {there} are there, {size - there} are missing; "
            "copy or record it again, half a call would be measured as if it were whole"
        )
    return size
