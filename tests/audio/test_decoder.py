"""Raw audio: round trips, byte orders, and everything that is refused."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simpatico.audio import ENCODINGS, Decoder
from simpatico.errors import AudioFormatError, MalformedAudioError, UnknownCodecError

FRAME_BYTES = {"l16": 2, "l16be": 2, "mulaw": 1, "alaw": 1, "f32": 4}


@given(st.lists(st.integers(-32768, 32767), min_size=0, max_size=64).map(lambda v: v[: len(v) // 2 * 2]))
def test_l16_in_both_byte_orders(values: list[int]) -> None:
    expected = np.array(values, np.float32).reshape(-1, 2) / 32768
    assert np.array_equal(Decoder("l16", 2).decode(struct.pack(f"<{len(values)}h", *values)), expected)
    assert np.array_equal(Decoder("l16be", 2).decode(struct.pack(f">{len(values)}h", *values)), expected)


@given(st.lists(st.floats(-256, 256, width=32), min_size=0, max_size=64))
def test_f32_is_taken_as_it_is(values: list[float]) -> None:
    decoded = Decoder("f32", 1).decode(np.array(values, "<f4").tobytes())
    assert decoded.shape == (len(values), 1)
    assert np.array_equal(decoded[:, 0], np.array(values, np.float32))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_shape_type_and_interleaving(encoding: str) -> None:
    data = bytes(range(1, 1 + 8 * FRAME_BYTES[encoding]))
    if encoding == "f32":
        data = np.linspace(-1, 1, 8, dtype="<f4").tobytes()
    mono, stereo = Decoder(encoding, 1).decode(data), Decoder(encoding, 2).decode(data)
    assert mono.dtype == stereo.dtype == np.float32
    assert mono.shape == (8, 1)
    assert stereo.shape == (4, 2)
    assert np.array_equal(stereo.ravel(), mono.ravel())
    assert Decoder(encoding, 2).frame_bytes == 2 * FRAME_BYTES[encoding]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_bytes_are_no_samples(encoding: str) -> None:
    assert Decoder(encoding, 2).decode(b"").shape == (0, 2)


def test_unknown_encoding_lists_the_known() -> None:
    with pytest.raises(UnknownCodecError, match=r"'g729' is not known: l16, l16be, mulaw, alaw, f32 work") as caught:
        Decoder("g729", 1)
    assert caught.value.field == "encoding"


@pytest.mark.parametrize("channels", [0, -1, 3, 17])
def test_channel_count(channels: int) -> None:
    with pytest.raises(AudioFormatError, match=rf"^{channels} channels cannot be used: 2 .* or 1 .* work"):
        Decoder("l16", channels)


@pytest.mark.parametrize(
    ("encoding", "channels", "count", "works"), [("l16", 1, 321, 320), ("l16", 2, 322, 320), ("mulaw", 2, 161, 160), ("f32", 2, 13, 8)]
)
def test_bytes_that_are_not_whole_samples(encoding: str, channels: int, count: int, works: int) -> None:
    with pytest.raises(MalformedAudioError, match=rf"^{count} bytes are not whole samples: .* {works} would work"):
        Decoder(encoding, channels).decode(bytes(count))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 257.0, -12000.0])
@pytest.mark.parametrize("at", [0, 3, 7])
def test_float_samples_that_cannot_be(bad: float, at: int) -> None:
    samples = np.zeros(8, "<f4")
    samples[at] = bad
    with pytest.raises(
        MalformedAudioError, match=rf"sample {at // 2} of channel {at % 2} is .*: finite numbers .* divide integer samples by 32768"
    ):
        Decoder("f32", 2).decode(samples.tobytes())


@given(st.sampled_from(ENCODINGS), st.sampled_from([1, 2]), st.binary(max_size=64))
def test_any_bytes_are_samples_or_refused(encoding: str, channels: int, data: bytes) -> None:
    try:
        samples = Decoder(encoding, channels).decode(data)
    except MalformedAudioError:
        assert len(data) % (FRAME_BYTES[encoding] * channels) or encoding == "f32"
    else:
        assert len(samples) * channels * FRAME_BYTES[encoding] == len(data)
        assert np.all(np.abs(samples) <= 256)
