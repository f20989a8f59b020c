"""The dialogue as a whole: its figures, its symmetries, and what it refuses."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simpatico.turns import dialogue
from simpatico.types import ChannelSpeech, Dialogue, Measure, Prosody, Reason, Role, Turn, TurnTaking, UtteranceKind
from tests.turns.timelines import Times, channel, party, talk

CALLER: Times = ((0.0, 2.0), (3.0, 4.1), (6.0, 8.0))
AGENT: Times = ((2.5, 3.6), (4.2, 5.9), (9.5, 10.0))


def pair_measures(taking: TurnTaking) -> list[Measure]:
    return [
        taking.fto_median_s,
        taking.fto_iqr_s,
        taking.fto_overlap_share,
        taking.fto_long_gap_share,
        taking.longest_silence_s,
        taking.overlap_s,
    ]


def test_figures_of_a_scripted_call() -> None:
    """Worked out by hand: transfers at 2.5 (+0.5), 3.0 (-0.6), 4.2 (+0.1), 6.0 (+0.1) and 9.5 (+1.5 s)."""
    taking = talk(CALLER, AGENT).taking
    assert taking.fto_median_s.value == pytest.approx(0.1)
    assert taking.fto_iqr_s.value == pytest.approx(0.5 - 0.1)
    assert taking.fto_overlap_share.value == pytest.approx(1 / 5)
    assert taking.fto_long_gap_share.value == pytest.approx(1 / 5)
    assert taking.longest_silence_s.value == pytest.approx(1.5)
    assert taking.overlap_s.value == pytest.approx(0.6)
    caller, agent = taking.parties[Role.CALLER], taking.parties[Role.AGENT]
    assert caller.talk_share.value == pytest.approx(5.1 / 8.4)
    assert agent.talk_share.value == pytest.approx(3.3 / 8.4)
    assert caller.speaking_share.value == pytest.approx(0.51)
    assert agent.speaking_share.value == pytest.approx(0.33)
    assert (caller.turns, agent.turns) == (3, 3)
    assert caller.mean_turn_s.value == pytest.approx(1.7)
    assert caller.interruptions_per_min.value == pytest.approx(6.0)
    assert agent.interruptions_per_min.value == 0.0
    assert caller.backchannels_per_min.value == agent.backchannels_per_min.value == 0.0
    assert taking.fto_median_s.evidence_s == pytest.approx(8.4)


def test_articulation_rate_is_syllables_per_second_of_utterance() -> None:
    caller = channel(Role.CALLER, (0.0, 2.0), (3.0, 5.0), prosody=Prosody(frames=200, syllables=9))
    rate = dialogue(caller, channel(Role.AGENT)).taking.parties[Role.CALLER].articulation_rate_hz
    assert rate.value == pytest.approx(4.5)
    assert rate.se == pytest.approx(0.0)


def test_articulation_rate_needs_prosody() -> None:
    rate = talk(CALLER, AGENT).taking.parties[Role.CALLER].articulation_rate_hz
    assert rate.reason is Reason.TOO_LITTLE_SPEECH


@pytest.mark.parametrize("present", [Role.CALLER, Role.AGENT])
def test_one_channel_is_not_applicable_never_zero(present: Role) -> None:
    speech = channel(present, *CALLER, prosody=Prosody(frames=100, syllables=4))
    found = dialogue(speech, None) if present is Role.CALLER else dialogue(None, speech)
    assert all(m.reason is Reason.ONE_CHANNEL for m in pair_measures(found.taking))
    assert list(found.taking.parties) == [present]
    own = found.taking.parties[present]
    assert {own.talk_share.reason, own.backchannels_per_min.reason, own.interruptions_per_min.reason} == {Reason.ONE_CHANNEL}
    assert own.speaking_share.value == pytest.approx(5.1 / 8)
    assert own.articulation_rate_hz.value is not None
    assert own.mean_turn_s.value is not None


@pytest.mark.parametrize("agent", [True, False])
def test_nobody_speaks(agent: bool) -> None:
    found = dialogue(channel(Role.CALLER), channel(Role.AGENT) if agent else None)
    own = found.taking.parties[Role.CALLER]
    measures = [*pair_measures(found.taking), own.talk_share, own.speaking_share, own.backchannels_per_min, own.mean_turn_s]
    assert {m.reason for m in measures} == {Reason.NO_SPEECH}
    assert found.span_s is None
    assert found.utterances == found.turns == found.transfers == ()


def test_a_silent_party_has_shares_of_zero_with_uncertainty() -> None:
    agent = talk(((0.0, 3.0),), ()).taking.parties[Role.AGENT]
    assert agent.talk_share.value == 0.0
    assert agent.talk_share.se is not None
    assert agent.talk_share.se > 0.1
    assert agent.mean_turn_s.reason is Reason.NO_SPEECH


def test_too_few_turns() -> None:
    taking = talk(((0.0, 1.0),), ((1.5, 2.0),)).taking
    assert taking.fto_median_s.reason is taking.fto_iqr_s.reason is Reason.TOO_FEW_TURNS
    assert taking.fto_overlap_share.value == 0.0
    assert talk(((0.0, 1.0),), ()).taking.fto_overlap_share.reason is Reason.TOO_FEW_TURNS


@given(party(), party())
def test_swapping_the_channels_swaps_the_parties_and_nothing_else(caller: Times, agent: Times) -> None:
    found, other = talk(caller, agent), talk(agent, caller)
    assert pair_measures(found.taking) == pair_measures(other.taking)
    assert found.taking.parties == {role: other.taking.parties[role.other] for role in Role}
    assert found.turns == tuple(Turn(t.role.other, t.start_s, t.end_s, t.utterances) for t in other.turns)
    assert found.transfers == tuple(replace(t, to=t.to.other) for t in other.transfers)
    ours = [(u.start_s, u.end_s, u.role, u.kind, u.turn) for u in found.utterances]
    theirs = [(u.start_s, u.end_s, u.role.other, u.kind, u.turn) for u in other.utterances]
    assert sorted(ours, key=str) == sorted(theirs, key=str)


@given(party(), party(), st.integers(1, 10**7))
def test_shifting_time_shifts_times_and_nothing_else(caller: Times, agent: Times, shift: int) -> None:
    def later(times: Times) -> Times:
        return tuple(((round(a * 100) + shift) / 100, (round(b * 100) + shift) / 100) for a, b in times)

    found, moved = talk(caller, agent), talk(later(caller), later(agent))
    assert moved.taking == found.taking
    assert [(u.kind, u.turn) for u in moved.utterances] == [(u.kind, u.turn) for u in found.utterances]
    assert [t.offset_s for t in moved.transfers] == [t.offset_s for t in found.transfers]
    assert [t.at_s for t in moved.transfers] == pytest.approx([t.at_s + shift / 100 for t in found.transfers])


@given(party(), party())
def test_appended_silence_changes_nothing(caller: Times, agent: Times) -> None:
    longer = [replace(channel(role, *times), duration_s=1e4) for role, times in ((Role.CALLER, caller), (Role.AGENT, agent))]
    assert dialogue(*longer) == talk(caller, agent)


@given(party(), party())
def test_structure_holds(caller: Times, agent: Times) -> None:
    found = talk(caller, agent)
    assert len(found.utterances) == len(caller) + len(agent)
    assert [u.start_s for u in found.utterances] == sorted(u.start_s for u in found.utterances)
    _turns_alternate_and_own_their_utterances(found)
    assert len(found.transfers) == max(len(found.turns) - 1, 0)
    for u in found.utterances:
        assert u.kind is not UtteranceKind.INTERRUPTION or u.turn is not None
        assert u.kind is not UtteranceKind.BACKCHANNEL or (u.turn is None and u.duration_s <= 1.0 + 1e-9)
    if found.span_s is not None:
        _speech_fits_the_span(found, found.span_s[1] - found.span_s[0])


def _turns_alternate_and_own_their_utterances(found: Dialogue) -> None:
    for before, after in pairwise(found.turns):
        assert before.role is not after.role
    for index, turn in enumerate(found.turns):
        members = [found.utterances[i] for i in turn.utterances]
        assert all(u.role is turn.role and u.turn == index for u in members)
        assert (turn.start_s, turn.end_s) == (members[0].start_s, members[-1].end_s)


def _speech_fits_the_span(found: Dialogue, span_s: float) -> None:
    overlap_s, silence_s = found.taking.overlap_s.value, found.taking.longest_silence_s.value
    assert overlap_s is not None
    assert silence_s is not None
    assert sum(u.duration_s for u in found.utterances) - overlap_s + silence_s <= span_s + 1e-6
    shares = [found.taking.parties[role].talk_share.value or 0.0 for role in Role]
    assert math.fsum(shares) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("caller", "message"),
    [
        (None, "at least one channel"),
        (channel(Role.AGENT, (0.0, 1.0)), "caller channel must hold the caller's speech, got the agent's"),
        (channel(Role.CALLER, (0.0, 1.0), (0.5, 2.0)), r"number 1 of the caller from 0.5 to 2.0 s"),
        (channel(Role.CALLER, (3.0, 4.0), (0.5, 2.0)), "follow each other without overlap"),
        (channel(Role.CALLER, (1.0, 1.0)), "last some time"),
        (channel(Role.CALLER, (math.nan, 1.0)), "finite times, got nan"),
    ],
)
def test_malformed_input_is_refused(caller: ChannelSpeech | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dialogue(caller, None)


def test_an_utterance_of_the_other_party_is_refused() -> None:
    mixed = channel(Role.CALLER, (0.0, 1.0))
    mixed = replace(mixed, utterances=(replace(mixed.utterances[0], role=Role.AGENT),))
    with pytest.raises(ValueError, match="got number 0 of the agent"):
        dialogue(mixed, None)
