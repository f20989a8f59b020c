"""The simulated conversations are what they say: otherwise nothing that was validated on them holds."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bench.simulation.build import channel, merge_times
from bench.simulation.prosody import Voice, drifting, entrained_call, entrained_values, voice_channel, wandering
from bench.simulation.timing import FOLLOW, STAY, Coupling, follower_ticks, independent_talker, influence_ticks, ticks_to_times
from bench.studies.table import Table, cell, markdown, share
from simpatico.signals.ticks import speaking_ticks
from simpatico.types import Role


@given(arrays(np.bool_, st.integers(1, 80)))
def test_ticks_come_back_from_their_times(ticks: np.ndarray) -> None:
    times = ticks_to_times(ticks, start_s=3.0)
    speech = channel(Role.CALLER, times)
    np.testing.assert_array_equal(speaking_ticks(speech.utterances, (3.0, 3.0 + len(ticks) / 2)), ticks)


def test_the_model_makes_the_transitions_that_it_states() -> None:
    """(1 - a) own + a other, for each of the four pasts, over 200 000 ticks: within 0.01."""
    a = 0.3
    own, other = influence_ticks(Coupling(a, other=FOLLOW), Coupling(0.1), 401, 500, np.random.default_rng(0))
    for x in (False, True):
        for y in (False, True):
            past = (own[:, :-1] == x) & (other[:, :-1] == y)
            assert own[:, 1:][past].mean() == pytest.approx((1 - a) * STAY[x] + a * FOLLOW[y], abs=0.01)


def test_a_follower_follows() -> None:
    rng = np.random.default_rng(1)
    led = rng.random(40_000) < 0.5
    follows = follower_ticks(led, Coupling(1.0, other=(0.1, 0.9)), rng)
    assert follows[1:][led[:-1]].mean() == pytest.approx(0.9, abs=0.02)
    assert follows[1:][~led[:-1]].mean() == pytest.approx(0.1, abs=0.02)


def test_talkers_keep_their_utterances_apart_and_inside() -> None:
    times = independent_talker(600, np.random.default_rng(2))
    assert all(b - a >= 0.09 for a, b in times)
    assert all(later[0] - earlier[1] >= 0.18 for earlier, later in pairwise(times))
    assert times[-1][1] <= 600


def test_turns_have_the_synchrony_that_was_asked_for() -> None:
    rng = np.random.default_rng(3)
    constant = entrained_values(20_000, rng, synchrony=0.4)
    assert np.corrcoef(constant[:-1], constant[1:])[0, 1] == pytest.approx(0.4, abs=0.03)
    growing = entrained_values(20_000, rng, convergence=0.8)
    first, last = growing[:4000], growing[-4000:]
    assert np.corrcoef(first[:-1], first[1:])[0, 1] == pytest.approx(0.08, abs=0.05)
    assert np.corrcoef(last[:-1], last[1:])[0, 1] == pytest.approx(0.72, abs=0.05)


def test_the_nulls_have_no_synchrony_but_what_they_state() -> None:
    rng = np.random.default_rng(4)
    alone = wandering(20_000, rng, memory=0.6)
    assert np.corrcoef(alone[:-1], alone[1:])[0, 1] == pytest.approx(0.0, abs=0.03)
    assert np.corrcoef(alone[:-2], alone[2:])[0, 1] == pytest.approx(0.6, abs=0.03)
    falling = drifting(20_000, rng, fall=2.0)
    assert falling[:1000].mean() - falling[-1000:].mean() == pytest.approx(1.9, abs=0.15)


def test_a_simulated_call_has_the_turns_that_were_asked_for() -> None:
    rng = np.random.default_rng(5)
    dialogue, channels = entrained_call(lambda: entrained_values(12, rng), rng)
    assert [turn.role for turn in dialogue.turns] == [Role.AGENT, Role.CALLER] * 6
    assert all(len(speech.utterances) == 12 for speech in channels.values())


def test_a_voice_has_the_spreads_that_it_states() -> None:
    """Over half an hour; within 12 %, as heavy tails are slow."""
    voice = Voice()
    speech = voice_channel(voice, 1800, np.random.default_rng(6))
    frames, energy, energy2 = (sum(getattr(u.prosody, n) for u in speech.utterances) for n in ("frames", "energy_sum", "energy_sumsq"))
    assert np.sqrt(energy2 / frames - (energy / frames) ** 2) / (energy / frames) == pytest.approx(voice.energy_cv, rel=0.12)
    bins = np.repeat(np.arange(len(speech.f0_histogram)), speech.f0_histogram) / 20
    assert bins.std() == pytest.approx(voice.f0_sd_st, rel=0.12)


def test_segments_are_joined_into_utterances() -> None:
    assert merge_times([(3.0, 4.0), (0.0, 1.0), (1.1, 2.0), (1.5, 1.7)]) == [(0.0, 2.0), (3.0, 4.0)]
    assert merge_times([(0.0, 1.0), (1.18, 2.0)]) == [(0.0, 1.0), (1.18, 2.0)]


def test_tables_read_as_they_are_written() -> None:
    table = Table("Title", "Above.", ("a", "bb"), outro="Below.")
    table.add(1, cell(-0.001))
    assert markdown(table) == "### Title\n\nAbove.\n\n| a | bb   |\n|---|------|\n| 1 | 0.00 |\n\nBelow.\n"
    assert share(5, 100) == "5.0 ± 2.2 %"
    with pytest.raises(ValueError, match="2 columns, got a row of 1"):
        table.add(1)
