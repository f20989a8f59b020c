"""All signals together: what must not matter does not, and what is asked wrongly is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.simulation.build import Conversation, channel, conversation
from simpatico.signals import NormTable, measure
from simpatico.types import Measure, Reason, Role, Signals
from tests.signals.conversations import KIND, NORMS, channels, moved, swapped, talk

invariant = settings(deadline=None, max_examples=50)


def measured(call: Conversation, *, seed: int = 0) -> Signals:
    return measure(*call, KIND, NORMS, seed=seed, surrogates=25)


def figures(signals: Signals) -> list[Measure]:
    """Return every figure, in a fixed order."""
    found = [signals.pair.short_exchange_rate]
    for role in sorted(signals.parties):
        party = signals.parties[role]
        found += [party.activity, party.consistency]
        found += [party.influence.weight, party.influence.surrogate_mean, party.influence.excess, party.influence.p_value]
    for one in signals.pair.entrainment:
        found += [one.proximity, one.proximity_q, one.synchrony, one.synchrony_q, one.convergence, one.convergence_q]
    return found


@invariant
@given(talk())
def test_swapping_the_channels_swaps_the_parties_and_nothing_else(call: Conversation) -> None:
    there, back = measured(call), measured(swapped(call))
    assert there.pair == back.pair
    for role in Role:
        assert there.parties[role].influence == back.parties[role.other].influence
        assert there.parties[role].activity == back.parties[role.other].activity
    assert there.parties[Role.AGENT].consistency.reason is Reason.AGENT_NOT_SCORED


@invariant
@given(talk(), st.integers(0, 60_000))
def test_a_later_conversation_is_the_same(call: Conversation, by: int) -> None:
    """Rounding of times only: 1e-6."""
    for one, other in zip(figures(measured(call)), figures(measured(moved(call, by / 100))), strict=True):
        assert one.reason == other.reason
        assert one.value == pytest.approx(other.value, abs=1e-6)
        assert one.evidence_s == pytest.approx(other.evidence_s, abs=1e-6)


@invariant
@given(talk(), st.integers(0, 3))
def test_the_same_input_and_seed_give_the_same_figures(call: Conversation, seed: int) -> None:
    assert measured(call, seed=seed) == measured(call, seed=seed)


@invariant
@given(talk())
def test_the_seed_moves_only_what_is_compared_with_surrogates(call: Conversation) -> None:
    one, other = measured(call, seed=0), measured(call, seed=1)
    for role in Role:
        assert one.parties[role].activity == other.parties[role].activity
        assert one.parties[role].influence.weight == other.parties[role].influence.weight
    assert [e.synchrony for e in one.pair.entrainment] == [e.synchrony for e in other.pair.entrainment]


@invariant
@given(channels(Role.CALLER), st.floats(0, 100))
def test_appended_silence_changes_nothing(speech, silence_s: float) -> None:  # type: ignore[no-untyped-def]
    agent = channel(Role.AGENT, [(0.0, 1.0), (4.0, 4.5), (9.0, 12.0)])
    longer = {
        side.role: channel(
            side.role,
            [(u.start_s, u.end_s) for u in side.utterances],
            [u.prosody for u in side.utterances],
            duration_s=side.duration_s + silence_s,
            f0_histogram=side.f0_histogram,
        )
        for side in (speech, agent)
    }
    assert measured(conversation({Role.CALLER: speech, Role.AGENT: agent})) == measured(conversation(longer))


@pytest.mark.parametrize("role", list(Role))
def test_one_channel_has_an_entry_for_its_party_and_reasons_for_the_pair(role: Role) -> None:
    lone = conversation({role: channel(role, [(0.0, 2.0), (3.0, 4.0), (5.0, 6.0)])})
    found = measured(lone)
    assert set(found.parties) == {role}
    missing = [found.parties[role].activity, found.parties[role].influence.weight, found.pair.short_exchange_rate]
    missing += [one.proximity for one in found.pair.entrainment]
    assert {m.reason for m in missing} == {Reason.ONE_CHANNEL}


def test_silence_on_both_channels_is_no_speech() -> None:
    found = figures(measured(conversation({role: channel(role, []) for role in Role})))
    assert {m.reason for m in found} == {Reason.NO_SPEECH, Reason.AGENT_NOT_SCORED}


def test_malformed_input_is_refused_with_a_remedy() -> None:
    call = conversation({role: channel(role, [(0.0, 1.0)]) for role in Role})
    with pytest.raises(ValueError, match="at least one channel, got none"):
        measure(call[0], {}, KIND, NormTable())
    with pytest.raises(ValueError, match="channel of the agent was passed as the caller's; key it by its own role"):
        measure(call[0], {Role.CALLER: call[1][Role.AGENT]}, KIND, NormTable())
    with pytest.raises(ValueError, match="surrogates is 0; use 1 or more"):
        measure(*call, KIND, NormTable(), surrogates=0)
