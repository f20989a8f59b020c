"""Inter-pausal units from scripted decisions."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from simpatico.turns.segments import MAX_UNIT_FRAMES, MIN_SILENCE_FRAMES, Segmenter, Span


def decisions(*runs: int) -> NDArray[np.bool_]:
    """Alternate runs of silence and speech, beginning with silence."""
    return np.concatenate([np.zeros(0, bool), *(np.full(length, index % 2 == 1) for index, length in enumerate(runs))])


def units(speech: NDArray[np.bool_]) -> list[Span]:
    segmenter = Segmenter()
    return segmenter.push(speech) + segmenter.finish()


def test_silence_of_180_ms_splits() -> None:
    assert MIN_SILENCE_FRAMES == 18
    assert units(decisions(5, 30, 18, 40, 7)) == [Span(5, 35), Span(53, 93)]


def test_silence_of_170_ms_does_not() -> None:
    assert units(decisions(5, 30, 17, 40, 7)) == [Span(5, 92)]


def test_a_unit_ends_as_soon_as_the_silence_is_long_enough() -> None:
    segmenter = Segmenter()
    assert segmenter.push(decisions(0, 30, 17)) == []
    assert segmenter.open == Span(0, 30)
    assert segmenter.push(decisions(1)) == [Span(0, 30)]
    assert segmenter.open is None


def test_nothing_and_silence() -> None:
    assert units(decisions(0)) == units(decisions(500)) == []


@pytest.mark.parametrize("extra", [0, 1, 17, MAX_UNIT_FRAMES, 2 * MAX_UNIT_FRAMES + 3])
def test_long_units_are_cut_at_an_exact_count(extra: int) -> None:
    found = units(decisions(3, MAX_UNIT_FRAMES + extra, 20))
    assert all(span.end - span.start == MAX_UNIT_FRAMES for span in found[:-1])
    assert (found[0].start, found[-1].end) == (3, 3 + MAX_UNIT_FRAMES + extra)
    assert all(before.end == after.start for before, after in pairwise(found))


def test_a_pause_at_the_cut_belongs_to_no_unit() -> None:
    """Speech to frame 2995, a pause of 10, speech on: the cut at 3000 falls into the pause."""
    assert units(decisions(0, 2995, 10, 100, 20)) == [Span(0, 2995), Span(3005, 3105)]


@given(st.lists(st.integers(0, 60), max_size=30), st.lists(st.integers(0, 200), max_size=30), st.booleans())
def test_cutting_changes_nothing(runs: list[int], cuts: list[int], long: bool) -> None:
    speech = decisions(*runs, *([MAX_UNIT_FRAMES + 40, 30] if long else []))
    segmenter, found, at = Segmenter(), [], 0
    for size in [*cuts, len(speech)]:
        found += segmenter.push(speech[at : at + size])
        at += size
    assert found + segmenter.finish() == units(speech)


@given(st.lists(st.integers(0, 60), max_size=30))
def test_units_hold_all_speech_and_no_long_silence(runs: list[int]) -> None:
    speech = decisions(*runs)
    inside = np.zeros(len(speech), bool)
    for span in units(speech):
        inside[span.start : span.end] = True
        assert speech[span.start]
        assert speech[span.end - 1]
    assert not np.any(speech & ~inside)
    assert np.count_nonzero(inside & ~speech) <= 17 * max(len(runs) // 2 - 1, 0)
