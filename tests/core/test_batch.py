"""Many streams advanced at once: the rows of each are those that it gives alone."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from core_streams import EVERY_SETS, RATES, voice
from hypothesis import given, settings
from hypothesis import strategies as st

from simpatico import _core
from simpatico.core import FUNCTIONAL_NAMES, FrameExtractor, advance, simd_levels
from simpatico.errors import CoreError, MalformedAudioError

STREAM = st.tuples(st.sampled_from(RATES), st.sampled_from(EVERY_SETS), st.sampled_from(simd_levels()), st.floats(0.0, 1.5))


@settings(max_examples=25, deadline=None)
@given(streams=st.lists(STREAM, max_size=6), data=st.data())
def test_each_gives_what_it_gives_alone(streams: list[tuple[int, tuple[str, ...], str, float]], data: st.DataObject) -> None:
    made = [(FrameExtractor(rate, sets=sets, simd=simd), voice(rate, seconds, i)) for i, (rate, sets, simd, seconds) in enumerate(streams)]
    alone = [FrameExtractor(rate, sets=sets, simd=simd) for rate, sets, simd, _ in streams]
    together: list[list[np.ndarray]] = [[] for _ in made]
    done = [0] * len(made)
    for _ in range(4):
        sizes = [data.draw(st.integers(0, 9000)) for _ in made]
        chunks = [x[at : at + size] for (_, x), at, size in zip(made, done, sizes, strict=True)]
        done = [at + size for at, size in zip(done, sizes, strict=True)]
        for rows, new in zip(together, advance([extractor for extractor, _ in made], chunks), strict=True):
            rows.append(new)
    for (extractor, x), rows, at, other in zip(made, together, done, alone, strict=True):
        rows.append(extractor.finish())
        assert np.vstack(rows).tobytes() == np.vstack([other.push(x[:at]), other.finish()]).tobytes()


def test_no_streams() -> None:
    assert advance([], []) == []


def test_one_bad_stream_and_none_has_moved() -> None:
    streams = [FrameExtractor(8000), FrameExtractor(16000), FrameExtractor(8000)]
    good, bad = voice(8000, 0.5), voice(16000, 0.5).copy()
    bad[777] = np.inf
    with pytest.raises(MalformedAudioError, match="stream 1: sample 777 is inf"):
        advance(streams, [good, bad, good])
    assert [len(rows) for rows in map(FrameExtractor.finish, streams)] == [0, 0, 0]


def test_what_a_batch_cannot_take() -> None:
    x, a, b = voice(8000, 0.1), FrameExtractor(8000), FrameExtractor(8000)
    with pytest.raises(CoreError, match="2 streams but 1 chunks; one chunk for each works"):
        advance([a, b], [x])
    with pytest.raises(MalformedAudioError, match="stream 1: samples must be float32 of shape"):
        advance([a, b], [x, x.astype(np.int16)])
    with pytest.raises(MalformedAudioError, match=r"stream 1: samples must be an array, float32 of shape \[n\], got list; numpy.asarray"):
        advance([a, b], [x, x.tolist()])  # type: ignore[list-item]
    with pytest.raises(CoreError, match="stream 2 is stream 0 again; each works once"):
        advance([a, b, a], [x, x, x])
    b.finish()
    with pytest.raises(CoreError, match="stream 1: samples after finish"):
        advance([a, b], [x, x])
    assert len(advance([a], [voice(8000, 1.0)])[0]) > 0


def test_chunks_that_are_columns_of_an_array_and_no_others() -> None:
    x = voice(8000, 1.0)
    both = np.stack([x, x[::-1]], axis=1)
    expected = [FrameExtractor(8000).push(np.ascontiguousarray(both[:, i])) for i in range(2)]
    assert [rows.tobytes() for rows in advance([FrameExtractor(8000), FrameExtractor(8000)], [both[:, 0], both[:, 1]])] == [
        rows.tobytes() for rows in expected
    ]
    for wrong, told in ((memoryview(x), "got memoryview"), (np.float32(0.5), "got float32"), (x[:, None], r"float32 of shape \[8000, 1\]")):
        with pytest.raises(MalformedAudioError, match=f"stream 0: samples must be .*{told}"):
            advance([FrameExtractor(8000)], [wrong])  # type: ignore[list-item]


def test_rows_of_a_stream_hold_no_others() -> None:
    """Else whoever keeps the rows of one call would keep those of a thousand."""
    streams = [FrameExtractor(rate, sets=sets) for rate in RATES for sets in EVERY_SETS]
    rows = advance(streams, [voice(extractor.sample_rate_hz, 1.5) for extractor in streams])
    assert all(own.base is None and len(own) > 0 for own in rows)
    assert [own.shape[1] for own in rows] == [len(extractor.columns) for extractor in streams]


def test_room_of_another_size_is_refused_and_the_stream_as_it_was() -> None:
    x, stream = voice(8000, 1.0), FrameExtractor(8000)
    with pytest.raises(ValueError, match="of the shape that it is called with"):
        _core.advance([stream._state], [x], lambda shape: np.empty((shape[0] + 1, shape[1]), np.float32))
    assert stream.push(x).tobytes() == FrameExtractor(8000).push(x).tobytes()


def test_a_stream_in_use_elsewhere_is_refused() -> None:
    x, stream, refused = voice(8000, 1.0), FrameExtractor(8000), []

    def use_it_meanwhile(shape: tuple[int, int]) -> np.ndarray:
        with pytest.raises(CoreError, match="cannot be advanced now: this state is in use by another thread"):
            advance([stream], [x])
        refused.append(shape)
        return np.empty(shape, np.float32)

    (rows,) = _core.advance([stream._state], [x], use_it_meanwhile)
    assert refused == [rows.shape]
    assert rows.tobytes() == FrameExtractor(8000).push(x).tobytes()


def test_batches_in_threads_do_not_disturb_each_other() -> None:
    x = voice(8000, 2.0)
    expected = FrameExtractor(8000, sets=("egemaps",)).push(x).tobytes()
    results: list[bytes] = []

    def run() -> None:
        streams = [FrameExtractor(8000, sets=("egemaps",)) for _ in range(3)]
        results.extend(rows.tobytes() for rows in advance(streams, [x, x, x]))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 12


def test_the_example_of_the_documentation_runs() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "features.md").read_text("utf-8")
    (code,) = (block.partition("```")[0] for block in page.split("```python\n")[1:] if "advance(" in block.partition("```")[0])
    names: dict[str, object] = {}
    exec(code, names)
    figures = names["functionals"]
    assert isinstance(figures, np.ndarray)
    assert figures.shape == (len(FUNCTIONAL_NAMES),)
