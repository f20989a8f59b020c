"""What activity and consistency are made of: closed forms, the jackknife, and reasons."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bench.simulation.build import channel, conversation
from bench.simulation.prosody import Voice, voice_channel
from simpatico.signals import ACTIVITY, CONSISTENCY, components
from simpatico.signals.components import jackknife_se
from simpatico.types import F0_BIN_COUNT, F0_BINS_PER_ST, ChannelSpeech, Prosody, Reason, Role

NO_F0 = np.zeros(F0_BIN_COUNT, np.int64)


def histogram(f0_st: list[float]) -> np.ndarray:
    return np.bincount((np.array(f0_st) * F0_BINS_PER_ST).astype(int), minlength=F0_BIN_COUNT)


def caller(*prosody: Prosody, f0_st: list[float] | None = None, length_s: float = 1.0) -> ChannelSpeech:
    """Return a caller with one utterance of ``length_s`` every two seconds, from 1 s on."""
    times = [(1.0 + 2 * k, 1.0 + 2 * k + length_s) for k in range(len(prosody))]
    return channel(Role.CALLER, times, prosody, f0_histogram=histogram(f0_st or []))


def measured(speech: ChannelSpeech, role: Role = Role.CALLER):  # type: ignore[no-untyped-def]
    partner = channel(role.other, [(0.0, 0.5), (9.0, 11.0)])
    return components(*conversation({role: speech, role.other: partner}), role)


@given(arrays(np.float64, st.integers(2, 40), elements=st.floats(-1e3, 1e3)))
def test_the_jackknife_of_a_mean_is_its_standard_error(values: np.ndarray) -> None:
    without = (values.sum() - values) / (len(values) - 1)
    assert jackknife_se(without) == pytest.approx(values.std(ddof=1) / np.sqrt(len(values)), rel=1e-6, abs=1e-9)


def test_no_standard_error_from_one_value_or_from_a_value_that_does_not_exist() -> None:
    assert jackknife_se(np.array([1.0])) is None
    assert jackknife_se(np.array([1.0, np.nan, 2.0])) is None


def test_shares_are_of_the_conversation() -> None:
    """Four utterances of 1 s at 1, 3, 5, 7 s in a conversation from 0 to 11 s: cycles of 3, 2, 2 and 4 s."""
    found = measured(caller(*[Prosody(frames=100, voiced_segments=n) for n in (3, 2, 4, 3)]))
    assert found["speaking_share"].value == pytest.approx(4 / 11)
    assert found["voiced_segments_per_s"].value == pytest.approx(12 / 11)
    without = np.array([3 / 8, 3 / 9, 3 / 9, 3 / 7])
    assert found["speaking_share"].se == pytest.approx(np.sqrt(3 / 4 * np.square(without - without.mean()).sum()))
    assert found["speaking_share"].evidence_s == 4.0


def frames_of(values: list[list[float]], name: str) -> list[Prosody]:
    """Return one utterance per list, with the sums of its frames under ``name``."""
    return [
        Prosody(frames=len(v), energy_sum=1.0, entropy_sum=1.0, voiced_segments=2)
        if name == ""
        else Prosody(**{"frames": len(v), "voiced_segments": 2, f"{name}_sum": sum(v), f"{name}_sumsq": sum(x * x for x in v)})
        for v in values
    ]


@pytest.mark.parametrize("name", ["energy", "entropy"])
def test_variation_is_that_of_all_frames(name: str) -> None:
    values = [[0.1, 0.5, 0.4], [0.2, 0.2], [0.9, 0.3, 0.3, 0.1]]
    flat = np.concatenate([np.array(v) for v in values])
    found = measured(caller(*frames_of(values, name)))[f"{name}_cv"]
    assert found.value == pytest.approx(flat.std() / flat.mean())
    rest = [np.concatenate([np.array(v) for i, v in enumerate(values) if i != k]) for k in range(3)]
    without = np.array([r.std() / r.mean() for r in rest])
    assert found.se == pytest.approx(np.sqrt(2 / 3 * np.square(without - without.mean()).sum()))


def test_variation_of_voiced_segments_is_that_of_all_segments() -> None:
    lengths = [[0.1, 0.3], [0.2], [0.25, 0.15, 0.6]]
    flat = np.concatenate([np.array(v) for v in lengths])
    sums = [
        Prosody(frames=100, voiced_segments=len(v), voiced_segment_sum_s=sum(v), voiced_segment_sumsq_s2=sum(x * x for x in v))
        for v in lengths
    ]
    assert measured(caller(*sums))["voiced_segment_cv"].value == pytest.approx(flat.std() / flat.mean())


def test_f0_spread_is_about_the_own_median() -> None:
    """Within 0.05 st, the width of a bin."""
    f0 = [20.0, 21.0, 22.0, 23.0, 30.0]
    sound = Prosody(frames=100, voiced_frames=2, voiced_segments=1, f0_median_st=22.0, f0_sd_st=2.0)
    found = measured(caller(sound, sound, sound, f0_st=f0))["f0_sd_st"]
    assert found.value == pytest.approx(np.sqrt(np.mean((np.array(f0) - 22.0) ** 2)), abs=0.05)


def test_an_even_voice_has_no_spread_and_that_is_a_figure() -> None:
    steady = Prosody(frames=100, voiced_frames=50, voiced_segments=2, f0_median_st=20.0, f0_sd_st=0.0, energy_sum=10.0, energy_sumsq=1.0)
    found = measured(caller(steady, steady, steady, f0_st=[20.01] * 10))
    assert found["energy_cv"].value == pytest.approx(0.0, abs=1e-7)
    assert found["f0_sd_st"].value == 0.0


def test_standard_errors_cover_the_truth_of_a_simulated_voice() -> None:
    """Of 60 voices of 60 s: 95 % +- 2.8 % (binomial) should lie within 2 se; 75 % is what a jackknife of heavy tails may fall to."""
    rng, voice = np.random.default_rng(4), Voice()
    inside = dict.fromkeys(CONSISTENCY, 0)
    for _ in range(60):
        found = measured(voice_channel(voice, 60, rng))
        for name in CONSISTENCY:
            measure = found[name]
            assert measure.value is not None
            assert measure.se is not None
            inside[name] += abs(measure.value - getattr(voice, name)) < 2 * measure.se
    assert min(inside.values()) >= 45


@settings(deadline=None, max_examples=30)
@given(st.floats(0.05, 20.0))
def test_gain_changes_nothing(gain: float) -> None:
    """1e-9: rounding only."""
    rng = np.random.default_rng(5)
    plain = voice_channel(Voice(), 20, rng).utterances
    louder = [
        Prosody(frames=u.prosody.frames, energy_sum=gain * u.prosody.energy_sum, energy_sumsq=gain**2 * u.prosody.energy_sumsq)
        for u in plain
    ]
    before, after = (measured(caller(*sounds))["energy_cv"] for sounds in ([u.prosody for u in plain], louder))
    assert before.value == pytest.approx(after.value, rel=1e-9)


def test_agents_are_not_scored() -> None:
    agent = channel(Role.AGENT, [(1.0, 3.0), (4.0, 6.0), (7.0, 8.0)])
    found = measured(agent, Role.AGENT)
    assert {found[name].reason for name in CONSISTENCY} == {Reason.AGENT_NOT_SCORED}
    assert all(found[name].value is not None for name in ACTIVITY)


def test_without_the_other_channel_there_is_no_conversation_to_take_shares_of() -> None:
    lone = {Role.CALLER: voice_channel(Voice(), 20, np.random.default_rng(0))}
    found = components(*conversation(lone), Role.CALLER)
    assert {found[name].reason for name in ACTIVITY} == {Reason.ONE_CHANNEL}
    assert all(found[name].value is not None for name in CONSISTENCY)


@pytest.mark.parametrize(
    ("speech", "name", "reason"),
    [
        (caller(), "speaking_share", Reason.NO_SPEECH),
        (caller(), "energy_cv", Reason.NO_SPEECH),
        (caller(Prosody(), Prosody()), "speaking_share", Reason.TOO_LITTLE_SPEECH),
        (caller(Prosody(), Prosody(), Prosody(), length_s=0.3), "energy_cv", Reason.TOO_LITTLE_SPEECH),
        (caller(*[Prosody(frames=100, energy_sum=1.0)] * 3), "f0_sd_st", Reason.NO_VOICED_SPEECH),
        (caller(*[Prosody(frames=100, energy_sum=1.0)] * 3), "voiced_segment_cv", Reason.NO_VOICED_SPEECH),
        (caller(Prosody(frames=100, voiced_segments=1), Prosody(), Prosody()), "voiced_segment_cv", Reason.TOO_LITTLE_SPEECH),
        (caller(*[Prosody(frames=100)] * 3), "energy_cv", Reason.NO_SPEECH),
    ],
)
def test_a_missing_figure_says_why(speech: ChannelSpeech, name: str, reason: Reason) -> None:
    assert measured(speech)[name].reason is reason


def test_the_one_voiced_utterance_cannot_be_left_out() -> None:
    """Then nothing is known of how far the figure may be off: no standard error, rather than a small one."""
    voiced = Prosody(frames=100, voiced_frames=60, voiced_segments=3, f0_median_st=20.0, f0_sd_st=2.0)
    found = measured(caller(voiced, Prosody(frames=100), Prosody(frames=100), f0_st=[18.0, 20.0, 22.0]))["f0_sd_st"]
    assert found.value is not None
    assert found.se is None
