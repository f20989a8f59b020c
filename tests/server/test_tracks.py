"""Chunks to samples: any cutting, tracks together or apart, gives the same samples in the same order."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from simpatico.errors import AudioFormatError, MalformedAudioError, SequenceError
from simpatico.server.analysis.tracks import SILENCE_SAMPLES, Tracks

SAMPLES = np.random.default_rng(1).uniform(-1, 1, (1000, 2)).astype(np.float32)
cuts = st.lists(st.integers(0, 400), max_size=8)


def together(blocks: list[NDArray[np.float32]], channels: int = 2) -> NDArray[np.float32]:
    """Return the blocks as one."""
    return np.concatenate([np.zeros((0, channels), np.float32), *blocks])


def pieces(lengths: list[int], total: int) -> list[tuple[int, int]]:
    """Return (start, end) of pieces that cover ``total`` samples."""
    edges = [0, *np.cumsum(lengths).clip(max=total).tolist(), total]
    return list(pairwise(edges))


def push(tracks: Tracks, samples: NDArray[np.float32], first: int, channel: int | None = None) -> list[NDArray[np.float32]]:
    """Measure and push samples."""
    tracks.measure(samples.tobytes(), first, channel)
    return list(tracks.push(samples.tobytes(), first, channel))


@given(cuts)
def test_interleaved(lengths: list[int]) -> None:
    tracks = Tracks("f32", 2, 0)
    blocks = [b for i, j in pieces(lengths, 1000) for b in push(tracks, SAMPLES[i:j], i)]
    assert np.array_equal(together(blocks), SAMPLES)
    assert tracks.position == 1000


@given(cuts, cuts, st.lists(st.booleans(), min_size=20, max_size=20))
def test_apart_in_any_order(left: list[int], right: list[int], order: list[bool]) -> None:
    tracks = Tracks("f32", 2, 1000)
    queues = [[(i, j, c) for i, j in pieces(lengths, 1000)] for c, lengths in enumerate((left, right))]
    blocks = []
    for pick in [*order, *[False] * 20, *[True] * 20]:
        if queues[pick]:
            i, j, c = queues[pick].pop(0)
            blocks += push(tracks, SAMPLES[i:j, c], i, c)
    assert np.array_equal(together(blocks), SAMPLES)
    missing, rest = tracks.finish()
    assert missing == 0
    assert list(rest) == []


@given(st.integers(0, 3 * SILENCE_SAMPLES), st.integers(0, 5), st.booleans())
def test_a_pause_is_bridged_with_silence(gap: int, late: int, apart: bool) -> None:
    """The tracks may resume a little apart from each other."""
    tracks = Tracks("f32", 2, 1000)
    late = late if apart else 0
    blocks = push(tracks, SAMPLES[:100], 0)
    tracks.pause()
    tracks.resume()
    if apart:
        blocks += push(tracks, SAMPLES[100:, 0], 100 + gap, 0)
        blocks += push(tracks, SAMPLES[100:, 1], 100 + gap + late, 1)
    else:
        blocks += push(tracks, SAMPLES[100:], 100 + gap)
    missing, rest = tracks.finish()
    assert missing == late
    expected = np.zeros((1000 + gap + late, 2), np.float32)
    expected[:100] = SAMPLES[:100]
    expected[100 + gap : 1000 + gap, 0] = SAMPLES[100:, 0]
    expected[100 + gap + late :, 1] = SAMPLES[100:, 1]
    assert np.array_equal(together([*blocks, *rest]), expected)


def test_what_is_sent_while_paused_is_not_even_decoded() -> None:
    tracks = Tracks("f32", 2, 0)
    tracks.pause()
    blocks = push(tracks, np.full((10, 2), np.nan, np.float32), 5)
    assert np.array_equal(together(blocks), np.zeros((15, 2), np.float32))


def test_each_track_may_skip_once_only() -> None:
    tracks = Tracks("l16", 1, 0)
    tracks.pause()
    tracks.resume()
    list(tracks.push(b"", 100, None))
    with pytest.raises(SequenceError, match=r"sample 200 where 100 was expected, gap of 100 samples on channel 0"):
        tracks.measure(b"", 200, None)


def test_a_skip_that_was_not_used_is_gone() -> None:
    tracks = Tracks("l16", 2, 0)
    tracks.pause()
    tracks.resume()
    push(tracks, SAMPLES[:0], 0)
    with pytest.raises(SequenceError, match="sample 1 where 0 was expected"):
        tracks.measure(b"", 1, None)


def test_silence_that_has_passed_does_not_widen_the_skew() -> None:
    tracks = Tracks("f32", 2, 50)
    tracks.pause()
    tracks.resume()
    push(tracks, SAMPLES[:0, 0], 10**5, 0)
    assert len(together(push(tracks, SAMPLES[:0, 1], 10**5, 1))) == 10**5
    with pytest.raises(SequenceError, match="channel 0 is 51 samples ahead of the other: at most 50 work"):
        push(tracks, SAMPLES[:51, 0], 10**5, 0)


def test_bridged_silence_does_not_count_as_skew_but_audio_does() -> None:
    tracks = Tracks("f32", 2, 50)
    tracks.pause()
    tracks.resume()
    assert push(tracks, SAMPLES[:50, 0], 10**6, 0) == []
    with pytest.raises(SequenceError, match="channel 0 is 51 samples ahead of the other: at most 50 work"):
        push(tracks, SAMPLES[:1, 0], 10**6 + 50, 0)


@pytest.mark.parametrize(
    ("data", "first", "channel", "error", "message"),
    [
        (b"123", 0, None, MalformedAudioError, "3 bytes .* l16 with 2 channel.s. takes multiples of 4 bytes, 0 would work"),
        (b"12345", 0, 1, MalformedAudioError, "5 bytes .* l16 with 1 channel.s. takes multiples of 2 bytes, 4 would work"),
        (b"", 1, None, SequenceError, "sample 1 where 0 was expected, gap of 1 samples on channel 0"),
        (b"", 0, 2, AudioFormatError, "channel 2 does not exist: the call was started with 2, so 0 to 1 work"),
    ],
)
def test_bad_chunks(data: bytes, first: int, channel: int | None, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Tracks("l16", 2, 0).measure(data, first, channel)


def test_overlap_on_one_track_only_is_found() -> None:
    tracks = Tracks("l16", 2, 100)
    list(tracks.push(b"\0\0" * 10, 0, 0))
    with pytest.raises(SequenceError, match="sample 0 where 10 was expected, overlap of 10 samples on channel 0"):
        tracks.measure(b"\0\0\0\0", 0, None)


def test_measure_says_how_far_the_call_moves() -> None:
    tracks = Tracks("mulaw", 2, 100)
    assert tracks.measure(bytes(20), 0, None) == (10, 10)
    assert tracks.measure(bytes(20), 0, 1) == (20, 20)
    tracks.pause()
    assert tracks.measure(bytes(20), 1000, None) == (1010, 1010)
