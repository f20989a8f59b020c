"""The rules of the floor, one scripted timeline each. Times are seconds; c is the caller, a the agent."""

from __future__ import annotations

import pytest

from simpatico.types import Role
from tests.turns.timelines import story, talk


def test_alternating_turns_with_gaps() -> None:
    found = talk(((0.0, 1.0), (3.0, 4.0)), ((1.2, 2.5),))
    assert story(found) == [("c", "turn", 0), ("a", "turn", 1), ("c", "turn", 2)]
    assert [(t.at_s, t.to, t.offset_s) for t in found.transfers] == [(1.2, Role.AGENT, 0.2), (3.0, Role.CALLER, 0.5)]


def test_pauses_of_one_speaker_do_not_end_a_turn() -> None:
    found = talk(((0.0, 1.0), (1.5, 2.0), (12.0, 13.0)), ())
    assert [(t.start_s, t.end_s, t.utterances) for t in found.turns] == [(0.0, 13.0, (0, 1, 2))]
    assert found.transfers == ()


def test_short_utterance_inside_an_utterance_is_a_backchannel() -> None:
    found = talk(((0.0, 5.0),), ((2.0, 2.4),))
    assert story(found) == [("c", "turn", 0), ("a", "backchannel", None)]
    assert found.transfers == ()


@pytest.mark.parametrize(("length_s", "kind"), [(0.99, "backchannel"), (1.0, "backchannel"), (1.01, "turn")])
def test_backchannels_last_at_most_a_second(length_s: float, kind: str) -> None:
    found = talk(((0.0, 5.0),), ((2.0, 2.0 + length_s),))
    assert story(found)[1] == ("a", kind, None)


@pytest.mark.parametrize(("pause_s", "kind", "transfers"), [(1.0, "backchannel", 0), (1.01, "turn", 2)])
def test_backchannel_in_a_pause_of_at_most_a_second(pause_s: float, kind: str, transfers: int) -> None:
    """A longer pause around a short utterance is question, answer, next question."""
    found = talk(((0.0, 2.0), (2.0 + pause_s, 5.0)), ((2.3, 2.6),))
    assert story(found)[1][:2] == ("a", kind)
    assert len(found.transfers) == transfers


def test_backchannel_may_overlap_both_sides_of_the_pause() -> None:
    found = talk(((0.0, 2.0), (2.4, 5.0)), ((1.9, 2.6),))
    assert story(found) == [("c", "turn", 0), ("a", "backchannel", None), ("c", "turn", 0)]


def test_two_backchannels_in_one_pause() -> None:
    found = talk(((0.0, 2.0), (2.9, 5.0)), ((2.1, 2.3), (2.55, 2.8)))
    assert [kind for _, kind, _ in story(found)] == ["turn", "backchannel", "backchannel", "turn"]


def test_short_start_of_a_long_turn_is_no_backchannel() -> None:
    """The agent's short word is followed by more of its own before the caller is back: together they take the floor."""
    found = talk(((0.0, 2.0), (2.9, 5.0)), ((2.1, 2.3), (2.5, 4.5)))
    assert story(found)[1] == ("a", "turn", 1)
    assert found.transfers[0].to is Role.AGENT


def test_last_short_utterance_is_a_turn() -> None:
    """Nobody talks on after it: it is an answer, not feedback."""
    found = talk(((0.0, 2.0),), ((2.2, 2.5),))
    assert story(found) == [("c", "turn", 0), ("a", "turn", 1)]


def test_a_backchannel_does_not_make_its_speaker_the_holder() -> None:
    """Feedback in the pause between two short utterances leaves these the caller's turn, not backchannels of their own."""
    found = talk(((0.0, 0.8), (1.4, 2.2), (2.8, 3.6)), ((0.9, 1.3), (2.3, 2.7)))
    assert [t.utterances for t in found.turns] == [(0, 2, 4)]
    assert [kind for role, kind, _ in story(found) if role == "a"] == ["backchannel", "backchannel"]


def test_overlap_after_which_the_floor_changes_is_an_interruption() -> None:
    found = talk(((0.0, 3.0),), ((2.5, 5.0),))
    assert story(found) == [("c", "turn", 0), ("a", "interruption", 1)]
    assert found.transfers[0].offset_s == -0.5


@pytest.mark.parametrize(("onset_s", "kind"), [(2.89, "turn"), (2.88, "interruption")])
def test_overlaps_below_what_is_heard_are_no_interruption(onset_s: float, kind: str) -> None:
    assert story(talk(((0.0, 3.0),), ((onset_s, 5.0),)))[1][:2] == ("a", kind)


def test_attempt_inside_an_utterance_takes_nothing() -> None:
    found = talk(((0.0, 5.0),), ((1.0, 3.0),))
    assert story(found) == [("c", "turn", 0), ("a", "turn", None)]
    assert found.transfers == ()
    assert len(found.turns) == 1


def test_attempt_that_ends_with_the_holder_takes_nothing() -> None:
    assert story(talk(((0.0, 5.0),), ((3.0, 5.0),)))[1] == ("a", "turn", None)


def test_attempt_then_turn() -> None:
    found = talk(((0.0, 5.0),), ((1.0, 3.0), (5.2, 6.0)))
    assert [(u.start_s, u.turn) for u in found.utterances] == [(0.0, 0), (1.0, None), (5.2, 1)]
    assert [t.offset_s for t in found.transfers] == [0.2]


def test_floor_taken_back() -> None:
    """The caller starts again while the agent, who interrupted, still speaks, and outlasts it."""
    found = talk(((0.0, 3.0), (4.0, 7.0)), ((2.5, 5.0),))
    assert story(found) == [("c", "turn", 0), ("a", "interruption", 1), ("c", "interruption", 2)]
    assert [t.offset_s for t in found.transfers] == [-0.5, -1.0]


def test_simultaneous_start_goes_to_the_longer() -> None:
    found = talk(((0.0, 3.0),), ((0.0, 2.0),))
    assert story(found) == [("c", "turn", 0), ("a", "turn", None)]


def test_a_short_simultaneous_start_is_no_backchannel() -> None:
    """The other was not speaking before it."""
    found = talk(((0.0, 3.0), (3.5, 4.0)), ((0.0, 0.8),))
    assert story(found) == [("c", "turn", 0), ("a", "turn", None), ("c", "turn", 0)]


def test_simultaneous_start_continues_the_holder_first() -> None:
    found = talk(((0.0, 1.0), (2.0, 3.0)), ((2.0, 4.0),))
    assert story(found) == [("c", "turn", 0), ("c", "turn", 0), ("a", "interruption", 1)]


def test_a_complete_tie_gives_nobody_the_floor() -> None:
    found = talk(((0.0, 2.0), (3.0, 4.0)), ((0.0, 2.0),))
    assert [turn for _, _, turn in story(found)] == [None, None, 0]
    assert len(found.turns) == 1


def test_gap_counts_from_the_last_end_of_the_turn() -> None:
    """Backchannels between do not shorten the gap."""
    found = talk(((0.0, 2.0), (2.5, 4.0)), ((2.1, 2.4), (4.5, 6.0)))
    assert [t.offset_s for t in found.transfers] == [0.5]
