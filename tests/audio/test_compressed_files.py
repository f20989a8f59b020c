"""FLAC, OGG and MP3: as libsndfile gives them, and refused when they end early."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from simpatico.audio import open_call, read_call
from simpatico.audio.mpeg import is_layer3_header, measure_layer3
from simpatico.errors import AudioFormatError, MalformedAudioError, UnknownCodecError

FORMATS = [
    ("FLAC", "PCM_16", "flac"),
    ("FLAC", "PCM_24", "flac"),
    ("OGG", "VORBIS", "vorbis"),
    ("OGG", "OPUS", "opus"),
    ("MP3", "MPEG_LAYER_III", "mp3"),
]


@pytest.fixture(scope="module")
def speech_like() -> NDArray[np.float64]:
    """Give 20 s of noise with loud and silent stretches, float64 [160000, 2]: variable bit rates do vary on it."""
    samples = np.random.default_rng(11).standard_normal((160_000, 2)) * 0.05
    samples[::2000] *= 9.0
    samples[40_000:80_000] = 0.0
    return samples


@pytest.mark.parametrize(("container", "subtype", "codec"), FORMATS)
@pytest.mark.parametrize("piped", [False, True])
def test_as_libsndfile(
    encode: Callable[..., bytes],
    pipe: Callable[..., io.RawIOBase],
    two_tones: NDArray[np.float64],
    container: str,
    subtype: str,
    codec: str,
    piped: bool,
) -> None:
    data = encode(two_tones, 16_000, container, subtype)
    call = read_call(pipe(data) if piped else io.BytesIO(data))
    theirs = soundfile.read(io.BytesIO(data), dtype="float32")[0]
    assert (call.format.sample_rate_hz, call.format.codec) == (16_000, codec)
    # libmpg123 rounds differently, by half a float32 step, with the size of the blocks it is asked for.
    assert call.samples == pytest.approx(theirs, abs=1e-7 if codec == "mp3" else 0.0)
    # What libsndfile wrote resembles what went in; 0.1 is what lossy coding at these rates leaves of two tones and their edges.
    assert np.abs(call.samples - two_tones).mean() < (1e-4 if codec == "flac" else 0.1)


@pytest.mark.parametrize(("container", "subtype", "codec"), FORMATS)
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9, 0.999])
def test_truncated(
    encode: Callable[..., bytes], speech_like: NDArray[np.float64], container: str, subtype: str, codec: str, share: float
) -> None:
    data = encode(speech_like, 8000, container, subtype)
    with pytest.raises(MalformedAudioError, match=r"truncated|cannot be decoded"):
        read_call(io.BytesIO(data[: int(len(data) * share)]))


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_ogg_cut_between_two_pages(encode: Callable[..., bytes], speech_like: NDArray[np.float64], subtype: str) -> None:
    data = encode(speech_like, 8000, "OGG", subtype)
    with pytest.raises(MalformedAudioError, match="its last OGG page is not marked as the end of the stream"):
        read_call(io.BytesIO(data[: data.rfind(b"OggS")]))


def test_decoded_samples_far_above_full_scale(encode: Callable[..., bytes]) -> None:
    data = encode(np.random.default_rng(0).standard_normal((20_000, 1)) * 1000.0, 8000, "OGG", "VORBIS")
    with pytest.raises(MalformedAudioError, match=r"sample \d+ of channel 0 is .*: finite numbers with full scale \+-1 work"):
        read_call(io.BytesIO(data))


def test_flac_of_unknown_length_as_piped_encoders_write_it(encode: Callable[..., bytes], speech_like: NDArray[np.float64]) -> None:
    data = bytearray(encode(speech_like, 8000, "FLAC"))
    data[21] &= 0xF0  # STREAMINFO: the low 36 bits of bytes 18 to 25 are the total number of samples
    data[22:26] = bytes(4)
    with open_call(io.BytesIO(bytes(data))) as reader:
        assert reader.total_frames is None
        assert reader.duration_s is None
        assert sum(len(block) for block in reader) == 160_000
    with pytest.raises(MalformedAudioError, match="is truncated or corrupt: flac decoding failed after"):
        read_call(io.BytesIO(bytes(data[: len(data) // 2])))


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
def test_mp3_frames_are_counted(encode: Callable[..., bytes], speech_like: NDArray[np.float64], mode: str) -> None:
    data = encode(speech_like, 8000, "MP3", "MPEG_LAYER_III", bitrate_mode=mode, compression_level=0.5)
    extent = measure_layer3(io.BytesIO(data))
    assert extent is not None
    assert extent.missing_bytes == 0
    assert extent.frame_samples == 576
    assert 160_000 <= extent.samples <= 160_000 + 6 * 576
    tagged = b"ID3\x04\0\0\0\0\0\x0a" + bytes(10) + data + b"TAG" + bytes(125)
    assert measure_layer3(io.BytesIO(tagged)) == extent
    assert len(read_call(io.BytesIO(tagged)).samples) == 160_000
    assert measure_layer3(io.BytesIO(data[:-7])).missing_bytes == 7  # type: ignore[union-attr]


def test_mp3_rates_and_versions(encode: Callable[..., bytes]) -> None:
    for rate_hz, frame_samples in [
        (8000, 576),
        (11_025, 576),
        (16_000, 576),
        (24_000, 576),
        (32_000, 1152),
        (44_100, 1152),
        (48_000, 1152),
    ]:
        noise = np.random.default_rng(1).standard_normal((rate_hz, 1)) * 0.1
        data = encode(
            noise, rate_hz, "MP3", "MPEG_LAYER_III", bitrate_mode="CONSTANT", compression_level=0.6
        )  # pads frames at 11025 and 44100 Hz
        extent = measure_layer3(io.BytesIO(data))
        assert extent is not None
        assert extent.frame_samples == frame_samples
        assert extent.samples - rate_hz in range(6 * frame_samples)


def test_variable_rate_mp3_without_its_length_is_not_cut_short_in_silence(
    encode: Callable[..., bytes], speech_like: NDArray[np.float64]
) -> None:
    data = encode(speech_like, 8000, "MP3", "MPEG_LAYER_III", bitrate_mode="VARIABLE", compression_level=0.5)
    without_xing = data[data.find(data[:2], 4) :]
    assert len(soundfile.read(io.BytesIO(without_xing))[0]) < 110_000  # libsndfile loses a third of the call
    with pytest.raises(MalformedAudioError, match=r"is truncated: \d+ samples per channel were decoded, at least \d+ should be there"):
        read_call(io.BytesIO(without_xing))


def test_mp3_headers_that_are_none() -> None:
    assert is_layer3_header(bytes.fromhex("fffb9064"))
    for head in ["", "fffb90", "fefb9064", "fffd9064", "fffbf064", "fffb0064", "fffb9c64", "ffeb9064"]:
        assert not is_layer3_header(bytes.fromhex(head)), head
    assert measure_layer3(io.BytesIO(b"")) is None
    assert measure_layer3(io.BytesIO(bytes.fromhex("fffb9064") + bytes(413) + b"garbage between frames")) is None


def test_mp3_with_garbage_between_frames_is_read_as_far_as_libsndfile_does(
    encode: Callable[..., bytes], speech_like: NDArray[np.float64]
) -> None:
    data = encode(speech_like, 8000, "MP3", "MPEG_LAYER_III", bitrate_mode="CONSTANT", compression_level=0.6)
    middle = data.find(data[:2], len(data) // 2)
    call = read_call(io.BytesIO(data[:middle] + b"not a frame" * 3 + data[middle:]))
    assert call.duration_s == pytest.approx(20.0, abs=0.5)


def test_another_container_behind_a_tag(encode: Callable[..., bytes]) -> None:
    tag = b"ID3\x04\0\0\0\0\0\x0a" + bytes(10)
    for container in ("AIFF", "AU"):
        with pytest.raises(UnknownCodecError, match=f"holds {container} PCM_16: WAV, FLAC, OGG Vorbis or Opus and MP3 work"):
            read_call(io.BytesIO(tag + encode(np.zeros((100, 1)), 8000, container)))


def test_containers_that_we_do_not_take(encode: Callable[..., bytes]) -> None:
    with pytest.raises(AudioFormatError, match="3 channels cannot be used"):
        read_call(io.BytesIO(encode(np.zeros((100, 3)), 8000, "FLAC")))
    with pytest.raises(AudioFormatError, match="sample rate 4000 Hz"):
        read_call(io.BytesIO(encode(np.zeros((100, 1)), 4000, "FLAC")))
    with pytest.raises(MalformedAudioError, match=r"cannot be decoded: .* MP3 that play elsewhere work") as caught:
        read_call(io.BytesIO(b"fLaC" + bytes(100)))
    assert isinstance(caught.value.__cause__, soundfile.SoundFileError)
