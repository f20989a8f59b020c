"""The features of style: closed forms, and what must not move them: level, register, the agent's voice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from simpatico.features import SCHEMA
from simpatico.signals import AudioKind, NormTable, measure
from simpatico.style import STYLE_FEATURES, style_features
from simpatico.style.indicators import MATCHED_DESCRIPTORS, MIN_VOICED_FRAMES, f0_range_st
from simpatico.turns import dialogue
from simpatico.types import F0_BIN_COUNT, F0_BINS_PER_ST, ChannelSpeech, Measure, Prosody, Reason, Role, Utterance

Histogram = NDArray[np.int64]


def histogram(*f0_st: float) -> Histogram:
    bins = np.zeros(F0_BIN_COUNT, np.int64)
    np.add.at(bins, np.clip(np.asarray(f0_st) * F0_BINS_PER_ST, 0, F0_BIN_COUNT - 1).astype(int), 1)
    return bins


def channel(role: Role, *, first_s: float, gain: float = 1.0, shift_st: float = 0.0, turns: int = 12) -> ChannelSpeech:
    """A party that speaks for a second every three seconds, louder, higher and faster each time."""
    rng = np.random.default_rng(7 if role is Role.CALLER else 8)
    utterances, f0 = [], []
    for k in range(turns):
        start_s = first_s + 3.0 * k
        pitch = 24.0 + rng.normal(0.0, 2.0) + shift_st
        f0 += list(rng.normal(pitch, 1.0, 60))
        energy = np.abs(rng.normal(0.05, 0.02, 100)) * gain
        utterances.append(
            Utterance(
                role,
                start_s,
                start_s + 1.0,
                Prosody(
                    frames=100,
                    voiced_frames=60,
                    voiced_segments=3,
                    voiced_segment_sum_s=0.6,
                    voiced_segment_sumsq_s2=0.13,
                    syllables=int(rng.integers(3, 6)),
                    f0_median_st=pitch,
                    f0_sd_st=1.0,
                    energy_sum=float(energy.sum()),
                    energy_sumsq=float((energy**2).sum()),
                    intensity_db=float(10 * np.log10((energy**2).mean())),
                    loudness_mean=1.0,
                    entropy_sum=60.0,
                    entropy_sumsq=37.0,
                    alpha_ratio_db=float(rng.normal(-10, 2)),
                    slope_0_500_db_per_hz=0.01,
                    hnr_db=10.0,
                ),
            )
        )
    return ChannelSpeech(role, first_s + 3.0 * turns, tuple(utterances), histogram(*f0))


def features(caller: ChannelSpeech | None, agent: ChannelSpeech | None) -> dict[str, Measure]:
    channels = {c.role: c for c in (caller, agent) if c is not None}
    talk = dialogue(caller, agent)
    return style_features(talk, channels, measure(talk, channels, AudioKind("narrow", "waveform"), NormTable(), surrogates=19))


CALLER, AGENT = channel(Role.CALLER, first_s=0.0), channel(Role.AGENT, first_s=1.4)


def test_every_feature_is_in_the_schema() -> None:
    assert set(STYLE_FEATURES) <= {feature.name for feature in SCHEMA}


def test_the_matched_descriptors_are_those_the_signals_measure() -> None:
    from simpatico.signals import DESCRIPTORS

    assert set(MATCHED_DESCRIPTORS) <= set(DESCRIPTORS)


def test_all_features_are_there_on_one_clock_of_evidence() -> None:
    found = features(CALLER, AGENT)
    assert tuple(found) == STYLE_FEATURES
    assert all(m.value is not None for m in found.values())
    assert {m.evidence_s for m in found.values()} == {CALLER.speech_s}


def test_features_are_those_of_their_layers() -> None:
    talk = dialogue(CALLER, AGENT)
    found = features(CALLER, AGENT)
    assert found["talk_share"].value == talk.taking.parties[Role.CALLER].talk_share.value == pytest.approx(0.5)
    assert found["articulation_rate_hz"].value == talk.taking.parties[Role.CALLER].articulation_rate_hz.value
    frames = sum(u.prosody.frames for u in CALLER.utterances)
    mean = sum(u.prosody.energy_sum for u in CALLER.utterances) / frames
    square = sum(u.prosody.energy_sumsq for u in CALLER.utterances) / frames
    assert found["energy_cv"].value == pytest.approx(np.sqrt(square - mean**2) / mean)


@pytest.mark.parametrize("gain", [0.25, 4.0])
def test_level_does_not_matter(gain: float) -> None:
    plain, changed = features(CALLER, AGENT), features(channel(Role.CALLER, first_s=0.0, gain=gain), AGENT)
    for name in STYLE_FEATURES:
        assert changed[name].value == pytest.approx(plain[name].value, abs=1e-9), name


@pytest.mark.parametrize("shift_st", [-7.0, 5.0, 10.0])
def test_register_does_not_matter(shift_st: float) -> None:
    """A voice transposed as a whole, as far as the sexes differ, has the same style features."""
    plain, changed = features(CALLER, AGENT), features(channel(Role.CALLER, first_s=0.0, shift_st=shift_st), AGENT)
    for name in STYLE_FEATURES:
        # One bin of the F0 histogram, 0.05 st, is how exact a range can be.
        assert changed[name].value == pytest.approx(plain[name].value, abs=1.01 / F0_BINS_PER_ST if name == "f0_range_st" else 1e-9), name


def test_one_channel_leaves_what_the_caller_does_alone() -> None:
    found = features(CALLER, None)
    missing = {name: m.reason for name, m in found.items() if m.value is None}
    assert missing.keys() == set(STYLE_FEATURES) - {"articulation_rate_hz", "energy_cv", "f0_range_st"}
    assert set(missing.values()) == {Reason.ONE_CHANNEL}


def test_an_agent_alone_is_never_described() -> None:
    assert {m.reason for m in features(None, AGENT).values()} == {Reason.AGENT_NOT_SCORED}


def test_the_agents_voice_does_not_matter_but_for_matching() -> None:
    other = channel(Role.AGENT, first_s=1.4, gain=3.0, shift_st=6.0)
    other = replace(other, utterances=tuple(replace(u, prosody=replace(u.prosody, syllables=9)) for u in other.utterances))
    plain, changed = features(CALLER, AGENT), features(CALLER, other)
    for name in STYLE_FEATURES:
        if not name.startswith("proximity"):
            assert changed[name] == plain[name]


def test_a_silent_caller_has_no_features() -> None:
    silent = ChannelSpeech(Role.CALLER, 60.0, (), histogram())
    found = features(silent, AGENT)
    assert {(m.reason, m.evidence_s) for m in found.values()} == {(Reason.NO_SPEECH, 0.0)}


def test_f0_range_of_a_uniform_spread() -> None:
    # 1000 frames evenly from 20 to 30 st: the middle 60 % is 6 st.
    assert f0_range_st(histogram(*np.linspace(20, 30, 1000, endpoint=False))).value == pytest.approx(6.0, abs=0.02)


def test_f0_range_of_a_normal_spread() -> None:
    rng = np.random.default_rng(2)
    # 2 x 0.8416 SD; with 200,000 frames its standard error is 0.3 % of an SD.
    assert f0_range_st(histogram(*rng.normal(25, 2, 200_000))).value == pytest.approx(2 * 0.841621 * 2, abs=0.03)


def test_f0_range_of_a_monotone_is_within_a_bin() -> None:
    assert f0_range_st(histogram(*[25.01] * 100)).value == pytest.approx(0.6 / F0_BINS_PER_ST)


def test_f0_range_says_why_it_is_missing() -> None:
    assert f0_range_st(histogram()).reason is Reason.NO_VOICED_SPEECH
    assert f0_range_st(histogram(*[25.0] * (MIN_VOICED_FRAMES - 1))).reason is Reason.TOO_LITTLE_SPEECH
    assert f0_range_st(histogram(*[25.0] * MIN_VOICED_FRAMES)).reason is None


@given(st.lists(st.floats(0.0, 59.9), min_size=MIN_VOICED_FRAMES, max_size=300), st.integers(1, 5))
def test_f0_range_is_bounded_and_counts_shares_not_frames(f0: list[float], times: int) -> None:
    once, often = f0_range_st(histogram(*f0)).value, f0_range_st(times * histogram(*f0)).value
    assert once is not None
    assert -1e-9 <= once <= max(f0) - min(f0) + 2 / F0_BINS_PER_ST
    assert often == pytest.approx(once)
