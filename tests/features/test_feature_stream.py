"""Live use: any chunking, any segments, one pass; results as soon as they are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simpatico.core import FrameExtractor
from simpatico.errors import MalformedAudioError, RequestError
from simpatico.features import SETS, Features, FeatureStream, Windows, extract
from simpatico.features.results import SetName
from tests.features.voices import RATE_HZ, voices

SAMPLES = voices(1)[:, 0]
FRAMES = 400
STEP = RATE_HZ // 100


def streamed(cuts: list[int], **options: object) -> list[Features]:
    """Features of `SAMPLES` pushed in pieces."""
    stream = FeatureStream(RATE_HZ, **options)  # type: ignore[arg-type]
    found = []
    for piece in np.split(SAMPLES, sorted(cuts)):
        found += stream.push(piece)
    return found + stream.finish()


def by_place(found: list[Features] | tuple[Features, ...]) -> list[tuple[float, float, bytes]]:
    return sorted((f.start_s, f.end_s, f.values.tobytes()) for f in found)


segments = st.lists(
    st.tuples(st.integers(0, FRAMES - 1), st.integers(1, FRAMES)).map(lambda p: (p[0] / 100, min(p[0] + p[1], FRAMES) / 100)), max_size=6
)


@settings(max_examples=25)
@given(st.lists(st.integers(0, len(SAMPLES)), max_size=5), segments, st.sampled_from(SETS))
def test_neither_chunking_nor_other_segments_matter(cuts: list[int], parts: list[tuple[float, float]], name: SetName) -> None:
    """Each segment has the figures that it has when asked for alone, however the samples came."""
    together = by_place(streamed(cuts, set=name, segments=parts))
    alone = by_place([f for part in parts for f in streamed([], set=name, segments=[part])])
    assert together == alone


@settings(max_examples=25)
@given(st.lists(st.integers(0, len(SAMPLES)), max_size=5), st.integers(1, 300), st.integers(1, 120))
def test_windows_are_segments(cuts: list[int], window: int, hop: int) -> None:
    found = streamed(cuts, set="signals", segments=Windows(window / 100, hop / 100))
    starts = [k for k in range(0, FRAMES, hop) if k + window <= FRAMES]
    assert by_place(found) == by_place(streamed([], set="signals", segments=[(k / 100, (k + window) / 100) for k in starts]))


@given(st.integers(6, FRAMES), st.integers(0, 79))
@settings(max_examples=20)
def test_rows_of_descriptors_are_four_less_than_whole_frames(frames: int, rest: int) -> None:
    (found,) = extract((SAMPLES[: frames * STEP + rest], RATE_HZ), set="lld")
    assert found.values.shape == (min(frames, FRAMES) - 4, 25)


def test_windows_come_as_soon_as_their_frames_do() -> None:
    """A window is there when the extractor has given its last row, and not before."""
    stream = FeatureStream(RATE_HZ, segments=Windows(1.0, 0.25))
    extractor = FrameExtractor(RATE_HZ, sets=("egemaps",))
    rows = given_windows = 0
    for start in range(0, len(SAMPLES), 160):
        rows += len(extractor.push(SAMPLES[start : start + 160]))
        given_windows += len(stream.push(SAMPLES[start : start + 160]))
        assert given_windows == max(0, (rows - 100) // 25 + 1)
    assert given_windows >= 9


def test_samples_of_16_bits_and_other_rates() -> None:
    whole = (SAMPLES * 32767).astype(np.int16)
    for rate_hz in (8000, 16000, 22050):
        first, second = FeatureStream(rate_hz), FeatureStream(rate_hz)
        assert first.push(whole) == second.push(whole.astype(np.float32) / 32768) == []
        np.testing.assert_array_equal(first.finish()[0].values, second.finish()[0].values)
        assert first.duration_s == len(whole) / rate_hz


def test_a_segment_may_end_a_frame_late_but_no_later() -> None:
    (found,) = streamed([], segments=[(3.0, 4.01)])
    assert found.values.tobytes() == streamed([], segments=[(3.0, 4.0)])[0].values.tobytes()
    with pytest.raises(RequestError, match=r"3 to 4\.02 s, reaches beyond the end of the recording, which lasts 4 s"):
        streamed([], segments=[(3.0, 4.02)])


def test_bad_samples_are_refused_and_nothing_of_them_taken() -> None:
    for rate_hz in (8000, 11025):
        stream, expected = FeatureStream(rate_hz), FeatureStream(rate_hz)
        with pytest.raises(MalformedAudioError, match="nan"):
            stream.push(np.array([0.0, np.nan], np.float32))
        stream.push(SAMPLES)
        expected.push(SAMPLES)
        assert stream.finish()[0].values.tobytes() == expected.finish()[0].values.tobytes()


def test_rows_of_long_segments_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond EXACT_ROWS, and when the end is not known, memory stays bounded, and the figures are those of the rows that were kept."""
    kept = streamed([999, 5000], segments=[(0.5, 3.5)]), streamed([999, 5000], segments=[(0.0, 4.0)])

    def refuse(*_: object) -> None:
        raise AssertionError("rows were kept")

    monkeypatch.setattr("simpatico.features.stream._Kept.add", refuse)
    with pytest.raises(AssertionError, match="rows were kept"):
        streamed([], segments=[(0.5, 3.5)])
    np.testing.assert_array_equal(streamed([17])[0].values, kept[1][0].values)
    monkeypatch.setattr("simpatico.features.stream.EXACT_ROWS", 299)
    np.testing.assert_array_equal(streamed([17], segments=[(0.5, 3.5)])[0].values, kept[0][0].values)


@pytest.mark.parametrize("rate_hz", [RATE_HZ, 11_025])
def test_a_stream_that_has_ended_takes_no_more(rate_hz: int) -> None:
    stream = FeatureStream(rate_hz)
    stream.push(SAMPLES)
    assert len(stream.finish()) == 1
    with pytest.raises(RequestError, match=r"samples after finish\(\): .* make a new FeatureStream"):
        stream.push(SAMPLES)
    assert stream.finish() == []
