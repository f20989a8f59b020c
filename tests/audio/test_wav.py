"""WAV: every sample format against libsndfile, headers as written to pipes, and broken files."""

from __future__ import annotations

import io
import struct
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from simpatico.audio import ReadLimits, open_call, read_call
from simpatico.errors import AudioFormatError, MalformedAudioError, UnknownCodecError

FMT = {"tag": 1, "channels": 2, "rate_hz": 8000, "bits": 16}
SAMPLES = struct.pack("<8h", *range(-4, 4))


def chunk(tag: bytes, body: bytes, size: int | None = None) -> bytes:
    return tag + struct.pack("<I", len(body) if size is None else size) + body + b"\0" * (len(body) % 2)


def fmt(**changes: int) -> bytes:
    f = FMT | changes
    block = f.get("block", f["channels"] * f["bits"] // 8)
    return struct.pack("<HHIIHH", f["tag"], f["channels"], f["rate_hz"], f["rate_hz"] * block & 0xFFFFFFFF, block, f["bits"])


def wav(*chunks: bytes, riff: int | None = None, kind: bytes = b"RIFF") -> io.BytesIO:
    body = b"WAVE" + b"".join(chunks)
    return io.BytesIO(kind + struct.pack("<I", len(body) if riff is None else riff) + body)


@pytest.mark.parametrize("container", ["WAV", "WAVEX", "RF64"])
@pytest.mark.parametrize(
    ("subtype", "codec"),
    [
        ("PCM_U8", "pcm_u8"),
        ("PCM_16", "pcm_s16"),
        ("PCM_24", "pcm_s24"),
        ("PCM_32", "pcm_s32"),
        ("FLOAT", "float"),
        ("DOUBLE", "double"),
        ("ULAW", "mulaw"),
        ("ALAW", "alaw"),
    ],
)
def test_bit_for_bit_as_libsndfile(
    encode: Callable[..., bytes], two_tones: NDArray[np.float64], container: str, subtype: str, codec: str
) -> None:
    data = encode(two_tones, 11_025, container, subtype)
    call = read_call(io.BytesIO(data))
    theirs = soundfile.read(io.BytesIO(data), dtype="float32")[0]
    assert (call.format.sample_rate_hz, call.format.channels, call.format.codec) == (11_025, 2, codec)
    assert np.array_equal(call.samples, theirs)


@pytest.mark.parametrize(
    ("subtype", "codec"), [("IMA_ADPCM", "ima_adpcm"), ("MS_ADPCM", "ms_adpcm"), ("GSM610", "gsm"), ("G721_32", "g721")]
)
@pytest.mark.parametrize("piped", [False, True])
def test_old_telephone_codecs(
    encode: Callable[..., bytes], pipe: Callable[..., io.RawIOBase], two_tones: NDArray[np.float64], subtype: str, codec: str, piped: bool
) -> None:
    data = encode(two_tones[:, :1], 8000, "WAV", subtype)
    call = read_call(pipe(data) if piped else io.BytesIO(data))
    assert call.format.codec == codec
    assert np.array_equal(call.samples[:, 0], soundfile.read(io.BytesIO(data), dtype="float32")[0])
    with pytest.raises(MalformedAudioError, match="is truncated: its header counts"):
        read_call(io.BytesIO(data[: len(data) // 2]))


def test_other_chunks_are_passed_over() -> None:
    file = wav(
        chunk(b"LIST", b"odd"), chunk(b"fmt ", fmt()), chunk(b"junk", bytes(100_000)), chunk(b"data", SAMPLES), chunk(b"LIST", b"after")
    )
    assert np.array_equal(read_call(file).samples * 32768, np.arange(-4, 4).reshape(4, 2))


def test_reading_starts_where_the_file_stands(encode: Callable[..., bytes], two_tones: NDArray[np.float64]) -> None:
    for container, subtype in [("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("WAV", "MS_ADPCM")]:
        data = encode(two_tones, 8000, container, subtype)
        file = io.BytesIO(b"preface" + data)
        file.seek(7)
        assert np.array_equal(read_call(file).samples, read_call(io.BytesIO(data)).samples)


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0x7FFFFFFF, 0xFFFFFFFF])
@pytest.mark.parametrize("riff", [0, 36, 0x7FFFF024, 0xFFFFFFFF])
@pytest.mark.parametrize("piped", [False, True])
def test_headers_of_pipes_mean_until_the_end(pipe: Callable[..., io.RawIOBase], size: int, riff: int, piped: bool) -> None:
    file = wav(chunk(b"fmt ", fmt()), chunk(b"data", SAMPLES, size), riff=riff)
    with open_call(pipe(file.getvalue()) if piped else file) as reader:
        assert reader.total_frames == (None if piped else 4)
        assert sum(len(block) for block in reader) == 4


def test_no_samples_with_chunks_behind_is_an_empty_call() -> None:
    call = read_call(wav(chunk(b"fmt ", fmt()), chunk(b"data", b""), chunk(b"LIST", bytes(32))))
    assert call.samples.shape == (0, 2)
    assert call.duration_s == 0.0


@pytest.mark.parametrize("container", ["WAV", "RF64", "OGG"])
def test_no_samples_is_an_empty_call(encode: Callable[..., bytes], container: str) -> None:
    subtype = "VORBIS" if container == "OGG" else "PCM_16"
    assert read_call(io.BytesIO(encode(np.zeros((0, 2)), 8000, container, subtype))).samples.shape == (0, 2)


def test_rf64_sizes() -> None:
    def rf64(data_bytes: int) -> io.BytesIO:
        sizes = struct.pack("<QQQI", 72 + data_bytes, data_bytes, data_bytes // 4, 0)
        return wav(chunk(b"ds64", sizes), chunk(b"fmt ", fmt()), chunk(b"data", SAMPLES, 0xFFFFFFFF), riff=0xFFFFFFFF, kind=b"RF64")

    assert len(read_call(rf64(16)).samples) == 4
    with pytest.raises(MalformedAudioError, match=r"counts 5000000000 bytes of samples, 16 are there, 4999999984 are missing"):
        read_call(rf64(5_000_000_000))


def test_truncated_file_says_how_much_is_missing(encode: Callable[..., bytes], two_tones: NDArray[np.float64], tmp_path) -> None:
    data = encode(two_tones)
    path = tmp_path / "half.wav"
    path.write_bytes(data[:40_044])
    with pytest.raises(
        MalformedAudioError, match=r"half\.wav is truncated: its header counts 80000 bytes of samples, 40000 are there, 40000 are missing"
    ):
        open_call(path)


def test_truncated_pipe_gives_what_came_and_then_says_so(
    encode: Callable[..., bytes], pipe: Callable[..., io.RawIOBase], two_tones: NDArray[np.float64]
) -> None:
    with open_call(pipe(encode(two_tones)[:40_044])) as reader:
        assert len(next(reader)) == 8000
        with pytest.raises(MalformedAudioError, match=r"is truncated: 40000 bytes of the samples"):
            list(reader)


def test_stream_that_stops_inside_a_sample() -> None:
    with pytest.raises(MalformedAudioError, match=r"15 bytes are not whole samples: .* 12 would work"):
        read_call(wav(chunk(b"fmt ", fmt()), chunk(b"data", SAMPLES[:15], 0xFFFFFFFF)[:-1]))


def test_sizes_in_headers_are_not_allocated() -> None:
    huge = 0x7FFFEFFC
    with pytest.raises(MalformedAudioError, match=f"counts {huge} bytes of samples, 16 are there"):
        read_call(wav(chunk(b"fmt ", fmt()), chunk(b"data", SAMPLES, huge)))
    with pytest.raises(MalformedAudioError, match=r"chunk 'fmt ' claims 4294967295 bytes, 16 to 4096 can be"):
        read_call(wav(chunk(b"fmt ", fmt(), 0xFFFFFFFF), chunk(b"data", SAMPLES)))
    with pytest.raises(MalformedAudioError, match=r"ends after \d+ bytes, before any samples"):
        read_call(wav(chunk(b"junk", b"", 0xFFFFFFF0), chunk(b"fmt ", fmt())))


@pytest.mark.parametrize(
    ("chunks", "match"),
    [
        ([], "ends after 12 bytes, before any samples"),
        ([chunk(b"fmt ", fmt())], "before any samples"),
        ([chunk(b"data", SAMPLES)], "samples before a 'fmt ' chunk"),
        ([chunk(b"fmt ", fmt()[:14])], "chunk 'fmt ' claims 14 bytes, 16 to 4096 can be"),
        ([chunk(b"fmt ", fmt()[:15] + b"", 16)[:-1]], "ends inside chunk 'fmt ', 1 bytes are missing"),
        ([chunk(b"fmt ", fmt(bits=12, block=3)), chunk(b"data", SAMPLES)], "12 bits in blocks of 3 bytes for 2"),
        ([chunk(b"fmt ", fmt(bits=0, block=4)), chunk(b"data", SAMPLES)], "0 bits in blocks of 4 bytes"),
        ([chunk(b"fmt ", fmt(bits=64, block=16)), chunk(b"data", SAMPLES)], "64 bits in blocks of 16 bytes .* PCM of 8, 16, 24 or 32 bits"),
        ([chunk(b"fmt ", fmt(block=0)), chunk(b"data", SAMPLES)], "16 bits in blocks of 0 bytes"),
    ],
)
def test_broken_headers(chunks: list[bytes], match: str) -> None:
    with pytest.raises(MalformedAudioError, match=match):
        read_call(wav(*chunks))


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"tag": 0x55}, UnknownCodecError, r"WAV format tag 0x0055: PCM, float, mu-law, A-law, ADPCM and GSM 6\.10 work"),
        ({"channels": 17}, AudioFormatError, "17 channels cannot be used"),
        ({"channels": 0}, AudioFormatError, "0 channels cannot be used"),
        ({"rate_hz": 0}, AudioFormatError, "sample rate 0 Hz cannot be used"),
        ({"rate_hz": 1_000_000_000}, AudioFormatError, r"sample rate 1e\+09 Hz cannot be used"),
        ({"tag": 0x11, "rate_hz": 4000}, AudioFormatError, "sample rate 4000 Hz cannot be used"),
    ],
)
def test_formats_that_are_not_taken(changes: dict[str, int], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        read_call(wav(chunk(b"fmt ", fmt(**changes)), chunk(b"data", SAMPLES)))


def test_float_wav_with_nan_names_the_sample() -> None:
    samples = np.zeros((9000, 2), "<f4")
    samples[8500, 1] = np.nan
    file = wav(chunk(b"fmt ", fmt(tag=3, bits=32)), chunk(b"data", samples.tobytes()))
    with pytest.raises(MalformedAudioError, match=r"sample 8500 of channel 1 is nan"):
        read_call(file)


def test_hours_pass_through_a_pipe_in_bounded_memory() -> None:
    class Endless(io.RawIOBase):
        """Two hours of mu-law silence that exist nowhere, counted as they are asked for."""

        head = wav(chunk(b"fmt ", fmt(tag=7, bits=8)), chunk(b"data", b"", 0xFFFFFFFF)).getvalue()
        left = 2 * 3600 * 16_000
        largest = 0

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            self.largest = max(self.largest, size)
            if self.head:
                data, self.head = self.head[:size], self.head[size:]
                return data
            count = min(size, self.left)
            self.left -= count
            return b"\xff" * count

    source = Endless()
    tracemalloc.start()
    try:
        with open_call(source, limits=ReadLimits(max_memory_bytes=1 << 16)) as reader:  # type: ignore[arg-type]
            seconds = sum(len(block) for block in reader) / 8000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert seconds == 7200.0
    assert peak < 1_000_000  # a block is 64 kB decoded; the two hours are 115 MB
    assert source.largest <= 1 << 16
