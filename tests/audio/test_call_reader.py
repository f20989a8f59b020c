"""Opening files, pipes and raw audio; limits; what is not a recording."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from simpatico.audio import BLOCK_S, Call, ReadLimits, open_call, read_call
from simpatico.errors import (
    AudioError,
    AudioFormatError,
    MalformedAudioError,
    MessageTooLargeError,
    StreamTooLongError,
    UnknownCodecError,
)
from simpatico.types import AudioFormat, Role

Encode = Callable[..., bytes]


def test_path_file_and_pipe_give_the_same(
    encode: Encode, pipe: Callable[..., io.RawIOBase], two_tones: NDArray[np.float64], tmp_path: Path
) -> None:
    data = encode(two_tones)
    path = tmp_path / "call.wav"
    path.write_bytes(data)
    expected = read_call(path)
    for source in (str(path), io.BytesIO(data), pipe(data), pipe(data, at_most=1)):
        call = read_call(source)  # type: ignore[arg-type]
        assert np.array_equal(call.samples, expected.samples)
        assert call.format == expected.format == AudioFormat(8000, 2, "pcm_s16")


def test_a_real_pipe(encode: Encode, two_tones: NDArray[np.float64]) -> None:
    data = encode(two_tones)
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb") as file:
            file.write(data)

    thread = threading.Thread(target=write)
    thread.start()
    with os.fdopen(reading, "rb") as file:
        call = read_call(file)
    thread.join()
    assert np.array_equal(call.samples, read_call(io.BytesIO(data)).samples)


def test_blocks_progress_and_closing(encode: Encode, two_tones: NDArray[np.float64], tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(encode(two_tones))
    with open_call(path) as reader:
        assert reader.total_frames == 20_000
        assert reader.duration_s == 2.5
        assert iter(reader) is reader
        lengths = []
        for block in reader:
            lengths.append(len(block))
            assert reader.frames_read == sum(lengths)
            assert block.dtype == np.float32
    assert lengths == [8000, 8000, 4000]
    assert BLOCK_S == 1.0

    with open_call(path) as reader:
        next(reader)
    with pytest.raises(AudioError, match=r"cannot be read: .*closed"):
        next(reader)


def test_a_file_of_the_caller_stays_open(encode: Encode, two_tones: NDArray[np.float64]) -> None:
    for container in ("WAV", "FLAC"):
        file = io.BytesIO(encode(two_tones, 8000, container))
        read_call(file)
        assert not file.closed


def test_channels_by_role(encode: Encode, two_tones: NDArray[np.float64]) -> None:
    data = encode(two_tones)
    call, swapped = read_call(io.BytesIO(data)), read_call(io.BytesIO(data), caller_channel=1)
    caller, agent = call.channel(Role.CALLER), call.channel(Role.AGENT)
    assert caller is not None
    assert agent is not None
    assert np.array_equal(caller, call.samples[:, 0])
    assert np.array_equal(swapped.channel(Role.CALLER), agent)  # type: ignore[arg-type]
    mono = encode(two_tones[:, :1])
    assert read_call(io.BytesIO(mono)).channel(Role.AGENT) is None
    assert read_call(io.BytesIO(mono), caller_channel=None).channel(Role.CALLER) is None
    assert read_call(io.BytesIO(mono), caller_channel=None).channel(Role.AGENT) is not None


@pytest.mark.parametrize(("channels", "caller_channel"), [(2, 2), (2, -1), (1, 1)])
def test_caller_channel_out_of_range(encode: Encode, channels: int, caller_channel: int | None) -> None:
    with pytest.raises(AudioFormatError, match=f"caller channel {caller_channel} does not exist in audio of {channels}"):
        read_call(io.BytesIO(encode(np.zeros((10, channels)))), caller_channel=caller_channel)


@pytest.mark.parametrize("codec", ["l16", "l16be", "mulaw", "alaw", "f32"])
def test_raw_audio(codec: str) -> None:
    data = np.linspace(-1, 1, 200, dtype="<f4").tobytes() if codec == "f32" else bytes(range(200))
    fmt = AudioFormat(8000, 2, codec)
    with open_call(io.BytesIO(data), raw=fmt) as reader:
        frames = sum(len(block) for block in reader)
        assert reader.total_frames == frames
    assert frames == len(data) // {"l16": 4, "l16be": 4, "f32": 8}.get(codec, 2)
    assert read_call(io.BytesIO(b""), raw=fmt).samples.shape == (0, 2)
    with pytest.raises(MalformedAudioError, match="are not whole samples"):
        read_call(io.BytesIO(data[:-1]), raw=fmt)


def test_raw_audio_needs_a_format_that_works() -> None:
    with pytest.raises(UnknownCodecError, match=r"raw audio cannot be 'mp3': l16, l16be, mulaw, alaw, f32 work"):
        open_call(io.BytesIO(b""), raw=AudioFormat(8000, 1, "mp3"))
    with pytest.raises(AudioFormatError, match="sample rate -1 Hz"):
        open_call(io.BytesIO(b""), raw=AudioFormat(-1, 1, "l16"))
    with pytest.raises(AudioFormatError, match="17 channels"):
        open_call(io.BytesIO(b""), raw=AudioFormat(8000, 17, "l16"))


@pytest.mark.parametrize(
    ("data", "error", "match"),
    [
        (b"", MalformedAudioError, r"call\.wav is empty: 0 bytes where a recording should be"),
        (
            b"Dear customer, thank you",
            UnknownCodecError,
            r"call\.wav is not audio .* begins with b'Dear custome': WAV, FLAC, OGG .* whatever the file's name",
        ),
        (b"RIFF\x10\0\0\0AVI LIST", UnknownCodecError, "is not audio that can be read"),
        (b"RIFF", UnknownCodecError, "begins with b'RIFF'"),
        (b"\x00", UnknownCodecError, "is not audio that can be read"),
    ],
)
def test_files_that_are_no_recording(tmp_path: Path, data: bytes, error: type[Exception], match: str) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(data)
    with pytest.raises(error, match=match):
        read_call(path)


def test_paths_that_are_no_file(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"nowhere\.wav does not exist: give the path of a WAV, FLAC, OGG or MP3 file") as caught:
        read_call(tmp_path / "nowhere.wav")
    assert isinstance(caught.value.__cause__, FileNotFoundError)
    with pytest.raises(AudioError, match="is a directory: give the path of one audio file in it"):
        read_call(tmp_path)
    with pytest.raises(AudioError, match=r"cannot be opened: .*null"):
        read_call("a\0b")


def test_streams_that_are_not_binary() -> None:
    with pytest.raises(AudioError, match="gives str where bytes are needed: open it in binary mode"):
        read_call(io.StringIO("RIFF"))  # type: ignore[arg-type]

    class OnlyReads:
        def read(self, size: int) -> bytes:
            return b"x" * min(size, 20)

    with pytest.raises(UnknownCodecError, match="the stream is not audio"):
        read_call(OnlyReads())  # type: ignore[arg-type]

    class Broken(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:  # noqa: ARG002
            raise OSError("the cable was pulled")

    with pytest.raises(AudioError, match="the stream cannot be read: the cable was pulled"):
        read_call(Broken())  # type: ignore[arg-type]


def test_file_over_the_size_limit(
    encode: Encode, pipe: Callable[..., io.RawIOBase], two_tones: NDArray[np.float64], tmp_path: Path
) -> None:
    data = encode(two_tones)
    limits = ReadLimits(max_file_bytes=50_000)
    with pytest.raises(MessageTooLargeError, match=r"holds 80044 bytes or more: at most 50000 are taken; split .* or raise max_file_bytes"):
        read_call(io.BytesIO(data), limits=limits)
    path = tmp_path / "large.wav"
    path.write_bytes(data)
    with pytest.raises(MessageTooLargeError, match=r"large\.wav holds 80044 bytes"):
        read_call(path, limits=limits)
    with pytest.raises(MessageTooLargeError, match="at most 50000 are taken"):
        read_call(pipe(data), limits=limits)  # type: ignore[arg-type]
    assert len(read_call(pipe(data), limits=ReadLimits(max_file_bytes=80_044)).samples) == 20_000  # type: ignore[arg-type]


def test_call_over_the_duration_limit(encode: Encode, pipe: Callable[..., io.RawIOBase], two_tones: NDArray[np.float64]) -> None:
    limits = ReadLimits(max_duration_s=2.0)
    for data in (encode(two_tones), encode(two_tones, 8000, "FLAC")):
        with pytest.raises(StreamTooLongError, match=r"lasts [23] s or more: at most 2 s are taken; split it or raise max_duration_s"):
            open_call(io.BytesIO(data), limits=limits)
    unknown = bytearray(encode(two_tones))
    unknown[40:44] = b"\xff\xff\xff\xff"
    with open_call(pipe(bytes(unknown)), limits=limits) as reader, pytest.raises(StreamTooLongError, match="at most 2 s"):  # type: ignore[arg-type]
        list(reader)


def test_an_hour_of_zeros_in_a_small_flac_is_not_unpacked_into_memory(encode: Encode) -> None:
    data = encode(np.zeros((600 * 8000, 2)), 8000, "FLAC")
    assert len(data) < 25_000
    with pytest.raises(MessageTooLargeError, match=r"over 1000000 bytes decoded: read it in blocks with open_call"):
        read_call(io.BytesIO(data), limits=ReadLimits(max_memory_bytes=1_000_000))


def test_compressed_pipe_over_the_memory_limit(encode: Encode, pipe: Callable[..., io.RawIOBase]) -> None:
    data = encode(np.random.default_rng(2).standard_normal((40_000, 2)) * 0.1, 8000, "FLAC")
    with pytest.raises(MessageTooLargeError, match=r"gives compressed audio through a pipe, more than the 50000 bytes"):
        read_call(pipe(data), limits=ReadLimits(max_memory_bytes=50_000))  # type: ignore[arg-type]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(-32768, 32767), st.integers(-32768, 32767)), max_size=200), st.integers(1, 50))
def test_round_trip_through_wav_and_flac(values: list[tuple[int, int]], at_most: int) -> None:
    import soundfile

    from tests.audio.conftest import Pipe

    samples = np.array(values, np.int16).reshape(-1, 2)
    for container in ("WAV", "FLAC") if values else ("WAV",):  # libsndfile writes no FLAC header without samples
        file = io.BytesIO()
        soundfile.write(file, samples, 8000, format=container, subtype="PCM_16")
        for source in (io.BytesIO(file.getvalue()), Pipe(file.getvalue(), at_most)):
            assert np.array_equal(read_call(source).samples * 32768, samples)  # type: ignore[arg-type]


def test_call_checks_its_shape() -> None:
    fmt = AudioFormat(8000, 2, "l16")
    with pytest.raises(ValueError, match=r"shape \(5, 1\): \[n, 2\] works"):
        Call(np.zeros((5, 1), np.float32), fmt)
    with pytest.raises(AudioFormatError, match="caller channel 3"):
        Call(np.zeros((5, 2), np.float32), fmt, 3)
