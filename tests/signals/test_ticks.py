"""The conversation in ticks, against the definition frame by frame."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from simpatico.signals.ticks import speaking_ticks
from simpatico.types import ChannelSpeech, Role, Utterance
from tests.signals.conversations import channels


def by_frames(speech: ChannelSpeech, span_s: tuple[float, float]) -> NDArray[np.bool_]:
    """Return the ticks by laying every frame out: what the fast version must equal."""
    first, last = round(span_s[0] * 100), round(span_s[1] * 100)
    frames = np.zeros(last - first, int)
    for u in speech.utterances:
        frames[round(u.start_s * 100) - first : round(u.end_s * 100) - first] = 1
    return frames[: len(frames) // 50 * 50].reshape(-1, 50).sum(axis=1) >= 25


@given(channels(Role.CALLER), st.integers(0, 300), st.integers(0, 300))
def test_ticks_are_those_of_the_frames(speech: ChannelSpeech, before: int, after: int) -> None:
    start = min((u.start_s for u in speech.utterances), default=5.0)
    end = max((u.end_s for u in speech.utterances), default=5.0)
    span = (start - min(before, round(start * 100)) / 100, end + after / 100)
    np.testing.assert_array_equal(speaking_ticks(speech.utterances, span), by_frames(speech, span))


def test_half_a_tick_of_speech_is_speaking_and_less_is_not() -> None:
    def ticks(*times: tuple[float, float]) -> list[bool]:
        return speaking_ticks(tuple(Utterance(Role.CALLER, a, b) for a, b in times), (0.0, 2.0)).tolist()

    assert ticks((0.25, 0.5), (1.0, 1.24)) == [True, False, False, False]
    assert ticks((0.0, 0.1), (0.2, 0.35)) == [True, False, False, False]
    assert ticks((0.1, 1.3)) == [True, True, True, False]
    assert ticks() == [False] * 4


def test_an_unfinished_last_tick_is_left_out() -> None:
    assert len(speaking_ticks((Utterance(Role.CALLER, 0.0, 1.49),), (0.0, 1.49))) == 2
    assert len(speaking_ticks((Utterance(Role.CALLER, 0.0, 0.3),), (0.0, 0.3))) == 0
