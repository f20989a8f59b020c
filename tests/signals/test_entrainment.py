"""Entrainment: against plain loops and SciPy, on known truth, and where nothing can be said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.simulation.build import Conversation, channel, conversation
from bench.simulation.prosody import drifting, entrained_call, entrained_values
from bench.studies.entrainment import found_any
from simpatico.signals.entrainment import DESCRIPTORS, MIN_TURNS, adjust, entrainment
from simpatico.signals.turn_values import turn_values
from simpatico.types import Entrainment, Prosody, Reason, Role
from tests.signals.conversations import moved, talk

F0 = DESCRIPTORS.index("f0_median_st")
INTENSITY = DESCRIPTORS.index("intensity_db")


def measured(call: Conversation, *, seed: int = 0, surrogates: int = 99) -> tuple[Entrainment, ...]:
    return entrainment(*call, seed=seed, surrogates=surrogates)


def call_of(values: list[float], name: str = "intensity_db", **constant: float) -> Conversation:
    """Return turns of 1 s, agent first, with one value of one descriptor each."""
    times: dict[Role, list[tuple[float, float]]] = {role: [] for role in Role}
    sounds: dict[Role, list[Prosody]] = {role: [] for role in Role}
    for turn, value in enumerate(values):
        role = Role.AGENT if turn % 2 == 0 else Role.CALLER
        times[role].append((1.5 * turn, 1.5 * turn + 1.0))
        sounds[role].append(Prosody(**{"frames": 100, "voiced_frames": 60, name: value, **constant}))
    return conversation({role: channel(role, times[role], sounds[role]) for role in times})


def by_loops(values: list[float]) -> tuple[float, float, float]:
    """Return proximity, synchrony and convergence of alternating turns at 1.5 s, as the definition says them."""
    at = 1.5 * np.arange(len(values)) + 0.5
    z = np.empty(len(values))
    for side in (slice(0, None, 2), slice(1, None, 2)):
        slope, level = np.polyfit(at[side], np.array(values)[side], 1)
        rest = np.array(values)[side] - (slope * at[side] + level)
        z[side] = rest / rest.std()
    near = [abs(z[k] - z[k + 1]) for k in range(len(z) - 1)]
    far = [abs(z[i] - z[j]) for i in range(0, len(z), 2) for j in range(1, len(z), 2) if abs(i - j) != 1]
    pairs = [(z[k], z[k + 1]) if k % 2 == 0 else (z[k + 1], z[k]) for k in range(len(z) - 1)]
    synchrony = stats.pearsonr(*zip(*pairs, strict=True)).statistic
    convergence = stats.pearsonr(-np.array(near), (at[:-1] + at[1:]) / 2).statistic
    return float(np.mean(far) - np.mean(near)), float(synchrony), float(convergence)


@settings(deadline=None)
@given(st.integers(2 * MIN_TURNS, 30), st.integers(0, 2**32 - 1))
def test_figures_are_those_of_plain_loops(turns: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(-25, 4, turns).tolist()
    one = measured(call_of(values), surrogates=20)[INTENSITY]
    for found, expected in zip((one.proximity, one.synchrony, one.convergence), by_loops(values), strict=True):
        assert found.value == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_adjustment_is_that_of_scipy(p_values: list[float]) -> None:
    expected = stats.false_discovery_control(p_values, method="bh")
    np.testing.assert_allclose(adjust(np.array(p_values)), expected, atol=1e-12)


def test_a_turn_is_the_sum_of_its_utterances() -> None:
    """Two utterances of 1 s and 3 s: F0 and tilt by voiced frames, power by frames, syllables by time; a backchannel is in no turn."""
    first = Prosody(frames=100, voiced_frames=50, syllables=4, f0_median_st=20.0, intensity_db=-20.0, alpha_ratio_db=-8.0)
    second = Prosody(frames=300, voiced_frames=150, syllables=8, f0_median_st=24.0, intensity_db=-30.0, alpha_ratio_db=-12.0)
    mm = Prosody(frames=30)
    caller = channel(Role.CALLER, [(0.0, 1.0), (1.3, 4.3)], [first, second])
    agent = channel(Role.AGENT, [(2.0, 2.3), (5.0, 5.5)], [mm, mm])
    turns = turn_values(conversation({Role.CALLER: caller, Role.AGENT: agent})[0])
    power = 10 * np.log10((100 * 10**-2.0 + 300 * 10**-3.0) / 400)
    np.testing.assert_allclose(turns.values[0], [23.0, power, 3.0, -11.0])
    assert np.isnan(turns.values[1]).all()
    assert turns.party.tolist() == [0, 1]
    np.testing.assert_allclose(turns.spoken_s, [4.0, 0.5])


@settings(deadline=None, max_examples=30)
@given(st.floats(-12, 12), st.floats(-12, 12), st.floats(-8, 8), st.integers(0, 99))
def test_gain_and_pitch_of_either_party_change_nothing(gain: float, other_gain: float, higher_st: float, seed: int) -> None:
    """A line +-12 dB, a voice +-8 st: 1e-9, rounding only."""
    rng = np.random.default_rng(seed)
    call = entrained_call(lambda: entrained_values(16, rng, synchrony=0.3), rng)
    moved = {}
    for role, db in ((Role.CALLER, gain), (Role.AGENT, other_gain)):
        speech = call[1][role]
        sounds = [
            replace(u.prosody, intensity_db=(u.prosody.intensity_db or 0) + db, f0_median_st=(u.prosody.f0_median_st or 0) + higher_st)
            for u in speech.utterances
        ]
        moved[role] = channel(role, [(u.start_s, u.end_s) for u in speech.utterances], sounds)
    for plain, other in zip(measured(call), measured(conversation(moved)), strict=True):
        for name in ("proximity", "synchrony", "convergence"):
            assert getattr(plain, name).value == pytest.approx(getattr(other, name).value, abs=1e-9)
            assert getattr(plain, f"{name}_q") == getattr(other, f"{name}_q")


def test_more_matching_is_more_synchrony_and_proximity_and_in_the_end_certain() -> None:
    rng = np.random.default_rng(6)
    means = []
    for strength in (0.0, 0.3, 0.6):
        calls = [measured(entrained_call(lambda s=strength: entrained_values(60, rng, synchrony=s), rng)) for _ in range(20)]
        means.append([np.mean([getattr(one, name).value for call in calls for one in call]) for name in ("proximity", "synchrony")])
    assert (np.diff(means, axis=0) > 0.1).all()
    assert found_any(calls, "synchrony") == found_any(calls, "proximity") == 20


def test_convergence_rises_with_growing_coupling_only() -> None:
    rng = np.random.default_rng(7)

    def mean(**truth: float) -> float:
        calls = [measured(entrained_call(lambda: entrained_values(60, rng, **truth), rng), surrogates=20) for _ in range(20)]
        return float(np.mean([one.convergence.value for call in calls for one in call]))

    assert mean(convergence=0.9) > 0.15
    assert abs(mean(synchrony=0.5)) < 0.07  # 80 values of SD 0.15: 0.017 of standard error.


@pytest.mark.parametrize("make", [entrained_values, drifting])
def test_strangers_seldom_match(make) -> None:  # type: ignore[no-untyped-def]
    """Also when both voices fall. 17 of 150 at 5 % would happen once in 900 (binomial)."""
    rng = np.random.default_rng(8)
    calls = [measured(entrained_call(lambda: make(30, rng), rng), surrogates=199) for _ in range(150)]
    for figure in ("proximity", "synchrony", "convergence"):
        assert found_any(calls, figure) <= 16


def test_orders_of_equal_distance_are_equal_whenever_the_call_began_and_however_loud_it_is() -> None:
    """With few turns many orders have the same sum of distances: rounding must not say which is larger."""
    for seed in range(100):
        values = np.random.default_rng(seed).normal(-25, 4, 10).tolist()
        plain = call_of(values)
        later = measured(moved(plain, 1000.03))[INTENSITY]
        louder = measured(call_of([value + 12.3 for value in values]))[INTENSITY]
        assert measured(plain)[INTENSITY].proximity_q == louder.proximity_q
        assert measured(plain)[INTENSITY].proximity_q == later.proximity_q
        assert measured(plain)[INTENSITY].convergence.value == later.convergence.value


def test_adjustment_runs_over_the_descriptors() -> None:
    rng = np.random.default_rng(9)
    call = entrained_call(lambda: entrained_values(20, rng, synchrony=0.4), rng)
    found = measured(call, surrogates=99)
    for name in ("proximity_q", "synchrony_q", "convergence_q"):
        q = sorted(float(getattr(one, name).value) for one in found)
        assert q[0] >= 1 / 100
        raw = [value * 100 * rank / 4 for rank, value in enumerate(q, start=1)]
        assert any(one == pytest.approx(round(one), abs=1e-6) for one in raw)  # One of them is p x 4 / rank, p in hundredths.


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (call_of([-20.0, -25.0] * 4), Reason.TOO_FEW_TURNS),
        (call_of([-20.0, -25.0] * 6), Reason.NO_VARIATION),
        (call_of([-20.0 - k for k in range(12)]), Reason.NO_VARIATION),
        (call_of([]), Reason.NO_SPEECH),
        (call_of([-20.0]), Reason.NO_SPEECH),
        (conversation({Role.CALLER: channel(Role.CALLER, [(0.0, 1.0)])}), Reason.ONE_CHANNEL),
    ],
)
def test_where_nothing_can_be_said_a_reason_says_why(call: Conversation, reason: Reason) -> None:
    one = measured(call)[INTENSITY]
    figures = (one.proximity, one.proximity_q, one.synchrony, one.synchrony_q, one.convergence, one.convergence_q)
    assert {figure.reason for figure in figures} == {reason}


def test_one_descriptor_may_be_missing_without_the_others() -> None:
    """No voiced frame has a pitch: intensity is still there, alone, so nothing is adjusted."""
    values = np.random.default_rng(10).normal(-25, 3, 14).tolist()
    found = measured(call_of(values))
    assert found[F0].synchrony.reason is Reason.TOO_FEW_TURNS
    assert found[INTENSITY].synchrony.value is not None
    assert (found[INTENSITY].synchrony_q.value or 0) * 100 == pytest.approx(round((found[INTENSITY].synchrony_q.value or 0) * 100))


def test_digital_silence_in_a_turn_is_no_value_rather_than_a_very_low_one() -> None:
    values = np.random.default_rng(11).normal(-25, 3, 16).tolist()
    call = call_of(values)
    speech = call[1][Role.CALLER]
    sounds = [replace(u.prosody, intensity_db=None if k == 2 else u.prosody.intensity_db) for k, u in enumerate(speech.utterances)]
    quiet = conversation(call[1] | {Role.CALLER: channel(Role.CALLER, [(u.start_s, u.end_s) for u in speech.utterances], sounds)})
    one = measured(quiet)[INTENSITY]
    assert one.synchrony.value is not None
    assert one.synchrony.evidence_s == pytest.approx(15.0)


@settings(deadline=None, max_examples=50)
@given(talk())
def test_every_figure_is_in_its_range(call: Conversation) -> None:
    for one in measured(call, surrogates=25):
        for correlation in (one.synchrony, one.convergence):
            assert correlation.value is None or -1 - 1e-9 <= correlation.value <= 1 + 1e-9
        for q in (one.proximity_q, one.synchrony_q, one.convergence_q):
            assert q.value is None or 1 / 26 <= q.value <= 1
