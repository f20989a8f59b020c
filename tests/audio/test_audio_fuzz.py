"""Broken input of every kind: always samples or a SimpaticoError, never a crash, a hang or another exception.

Hypothesis prints the example of a failure, the smallest that it finds.
"""

from __future__ import annotations

import contextlib
import io
import struct
from functools import cache

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from simpatico.audio import ReadLimits, open_call
from simpatico.errors import SimpaticoError
from tests.audio.conftest import Pipe

LIMITS = ReadLimits(max_file_bytes=1 << 20, max_duration_s=600.0, max_memory_bytes=1 << 20)
FORMATS = [
    ("WAV", "PCM_16"),
    ("WAV", "FLOAT"),
    ("WAVEX", "PCM_24"),
    ("RF64", "ULAW"),
    ("WAV", "IMA_ADPCM"),
    ("WAV", "MS_ADPCM"),
    ("WAV", "GSM610"),
    ("FLAC", "PCM_16"),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
    ("MP3", "MPEG_LAYER_III"),
]
MAGIC = [
    b"RIFF\xff\xff\xff\xffWAVE",
    b"RF64\xff\xff\xff\xffWAVEds64",
    b"fLaC",
    b"OggS",
    b"ID3",
    b"\xff\xfb\x90\x64",
    b"\xff\xe3\x48\x64",
    b"",
]


@cache
def whole(container: str, subtype: str) -> bytes:
    """Give a short correct recording."""
    channels = 1 if subtype == "GSM610" else 2
    samples = np.random.default_rng(4).standard_normal((3000, channels)) * 0.1
    file = io.BytesIO()
    soundfile.write(file, samples, 8000, format=container, subtype=subtype)
    return file.getvalue()


def survives(data: bytes, piped: bool) -> None:
    """Read to the end: samples of the promised shape, or one of our errors."""
    source = Pipe(data, 777) if piped else io.BytesIO(data)
    with contextlib.suppress(SimpaticoError), open_call(source, limits=LIMITS) as reader:  # type: ignore[arg-type]
        for block in reader:
            assert block.dtype == np.float32
            assert block.shape[1] == reader.format.channels
            assert np.all(np.abs(block) <= 256)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(MAGIC), st.binary(max_size=600), st.booleans())
def test_random_bytes(magic: bytes, data: bytes, piped: bool) -> None:
    survives(magic + data, piped)


@pytest.mark.parametrize(("container", "subtype"), FORMATS)
@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=12),
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
    st.floats(0, 1),
    st.booleans(),
)
def test_mutated_recordings(
    container: str, subtype: str, bytes_changed: list[tuple[float, int]], dropped: tuple[float, float], kept: float, piped: bool
) -> None:
    """Bytes of the header and anywhere changed, a stretch dropped, the end cut off."""
    data = bytearray(whole(container, subtype))
    for i, (where, value) in enumerate(bytes_changed):
        reach = 64 if i % 2 else len(data)  # every other change hits the header
        data[min(int(where * reach), len(data) - 1)] = value
    first, last = sorted(int(share * len(data)) for share in dropped)
    if last - first < len(data) // 2:
        del data[first:last]
    survives(bytes(data[: int(len(data) * max(kept, 0.3)) + 1]), piped)


@settings(max_examples=200, deadline=None)
@given(
    st.tuples(st.integers(0, 0xFFFF), st.integers(0, 40), st.integers(0, 2**32 - 1), st.integers(0, 0xFFFF), st.integers(0, 80)),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.booleans(),
)
def test_wav_headers_of_any_numbers(fmt: tuple[int, int, int, int, int], riff: int, size: int, piped: bool) -> None:
    tag, channels, rate_hz, block, bits = fmt
    header = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", riff, b"WAVE", b"fmt ", 16, tag, channels, rate_hz, 0, block, bits, b"data", size)
    survives(header + bytes(range(256)), piped)
