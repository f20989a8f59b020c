"""A channel's utterances: cutting, snapshots, bursts, bounded memory, and agreement with known and human times."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench.activity_truth import agreement, frame_flags, human_dialogue, ours, scripted, without_noise
from bench.harper_valley import RealCall
from simpatico.core import FrameExtractor
from simpatico.features import describe, f0_histogram
from simpatico.turns import ChannelTracker, dialogue
from simpatico.types import ChannelSpeech, Role
from tests.turns.conftest import SampleChannel, core_frames

NO_SAMPLES = np.zeros(0, np.float32)
PIECE = slice(8000 * 3, 8000 * 15)


def track(samples: NDArray[np.float32], sizes: list[int] | None = None) -> ChannelTracker:
    """A tracker fed with ``samples`` in pieces of ``sizes`` and a rest, and finished."""
    extractor, tracker, at = FrameExtractor(8000), ChannelTracker(Role.CALLER, 8000), 0
    for size in [*(sizes or []), len(samples)]:
        piece = samples[at : at + size]
        tracker.push(piece, extractor.push(piece))
        at += size
    tracker.push(NO_SAMPLES, extractor.finish())
    tracker.finish()
    return tracker


def same(one: ChannelSpeech, two: ChannelSpeech) -> bool:
    return one == two and np.array_equal(one.f0_histogram, two.f0_histogram)


@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.one_of(st.integers(0, 400), st.integers(0, 20000)), max_size=40))
def test_cutting_changes_nothing(sample_channel: SampleChannel, sizes: list[int]) -> None:
    """Bit-identical: the dataclasses compare their floats with ==."""
    samples = sample_channel.samples[PIECE]
    assert same(track(samples, sizes).snapshot(), track(samples).snapshot())


def test_prosody_is_of_the_frames_of_the_utterance(sample_channel: SampleChannel) -> None:
    samples = sample_channel.samples[PIECE]
    frames, found = core_frames(samples), track(samples).snapshot()
    parts = [frames[round(u.start_s * 100) : round(u.end_s * 100)] for u in found.utterances]
    assert len(parts) >= 3
    assert [u.prosody for u in found.utterances] == [describe(part) for part in parts]
    np.testing.assert_array_equal(found.f0_histogram, sum(f0_histogram(part) for part in parts))
    assert found.duration_s == len(frames) / 100


def test_snapshots_show_the_utterance_in_progress(sample_channel: SampleChannel) -> None:
    """Every snapshot begins with what the one before held for certain; its last utterance may have grown since."""
    extractor, tracker = FrameExtractor(8000), ChannelTracker(Role.CALLER, 8000)
    samples = sample_channel.samples[PIECE]
    grew, before = 0, tracker.snapshot()
    for at in range(0, len(samples), 800):
        tracker.push(samples[at : at + 800], extractor.push(samples[at : at + 800]))
        now = tracker.snapshot()
        assert now.utterances[: max(len(before.utterances) - 1, 0)] == before.utterances[:-1]
        if before.utterances and len(now.utterances) == len(before.utterances) and now != before:
            grew += now.utterances[-1].end_s > before.utterances[-1].end_s
        assert now.f0_histogram.sum() == sum(u.prosody.voiced_frames for u in now.utterances)
        before = now
    assert grew > 5


def test_snapshot_changes_nothing(sample_channel: SampleChannel) -> None:
    extractor, tracker = FrameExtractor(8000), ChannelTracker(Role.CALLER, 8000)
    samples = sample_channel.samples[PIECE]
    for at in range(0, len(samples), 800):
        tracker.push(samples[at : at + 800], extractor.push(samples[at : at + 800]))
        assert same(tracker.snapshot(), tracker.snapshot())
    tracker.push(NO_SAMPLES, extractor.finish())
    tracker.finish()
    assert same(tracker.snapshot(), track(samples).snapshot())


def test_the_end_is_heard_wherever_it_comes(sample_channel: SampleChannel) -> None:
    """The stream ends at any point of an utterance, in particular where its first decisions come with the end."""
    onset_s = next(start for start, end in sample_channel.times if end - start > 0.5)
    for end in range(round((onset_s - 0.2) * 8000), round((onset_s + 0.6) * 8000), 400):
        extractor, tracker = FrameExtractor(8000), ChannelTracker(Role.CALLER, 8000)
        tracker.push(sample_channel.samples[:end], extractor.push(sample_channel.samples[:end]))
        tracker.snapshot()
        tracker.push(NO_SAMPLES, extractor.finish())
        tracker.finish()
        assert same(tracker.snapshot(), track(sample_channel.samples[:end]).snapshot())


def test_until_somebody_speaks_on_the_same_objects_are_handed_out(sample_channel: SampleChannel) -> None:
    extractor, tracker = FrameExtractor(8000), ChannelTracker(Role.CALLER, 8000)
    samples = sample_channel.samples[PIECE]
    kept, before = 0, tracker.snapshot()
    for at in range(0, len(samples), 800):
        tracker.push(samples[at : at + 800], extractor.push(samples[at : at + 800]))
        now = tracker.snapshot()
        assert now.utterances is before.utterances or now.utterances != before.utterances
        kept += now.utterances is before.utterances
        before = now
    assert 20 < kept < len(samples) // 800 - 20


def test_appended_silence_changes_nothing_but_the_duration(sample_channel: SampleChannel) -> None:
    """The piece ends in silence, as calls do."""
    samples = sample_channel.samples[: 8000 * 16]
    end = round(max(e for s, e in sample_channel.times if e < 15.0) * 8000) + 6000
    assert all(not s * 8000 < end < e * 8000 for s, e in sample_channel.times)
    alone, longer = track(samples[:end]), track(np.concatenate((samples[:end], np.zeros(8000 * 30, np.float32))))
    assert alone.snapshot().utterances == longer.snapshot().utterances
    np.testing.assert_array_equal(alone.snapshot().f0_histogram, longer.snapshot().f0_histogram)


@pytest.mark.parametrize("length_s", [0.02, 0.15, 0.3])
def test_noise_bursts_are_dropped(length_s: float) -> None:
    """A knock or a breath: noise that comes and goes, without voicing."""
    samples = np.zeros(8000 * 3, np.float32)
    count = round(length_s * 8000)
    samples[8000 : 8000 + count] = 0.2 * np.hanning(count) * np.random.default_rng(4).normal(0.0, 1.0, count)
    assert track(samples).snapshot().utterances == ()


def test_speech_never_exceeds_the_duration(sample_channels: list[SampleChannel]) -> None:
    for channel in sample_channels:
        found = track(channel.samples).snapshot()
        assert 0.0 < found.speech_s <= found.duration_s
        assert found.utterances[-1].end_s <= found.duration_s


def test_memory_does_not_grow() -> None:
    """Ten minutes of an unbroken buzz that swells and fades like syllables: 20 utterances of 30 s, and frames for one."""
    t = np.arange(8000 * 10) / 8000.0
    buzz = sum(np.sin(2 * np.pi * 140.0 * k * t) / k for k in range(1, 20))
    samples = (0.05 * buzz * (0.55 - 0.45 * np.cos(2 * np.pi * 4.0 * t))).astype(np.float32)
    extractor, tracker, most = FrameExtractor(8000), ChannelTracker(Role.CALLER, 8000), [0, 0]
    for piece in range(60):
        tracker.push(samples, extractor.push(samples))
        most[piece >= 10] = max(most[piece >= 10], _array_bytes(tracker))
    tracker.push(NO_SAMPLES, extractor.finish())
    tracker.finish()
    lengths = [u.prosody.frames for u in tracker.snapshot().utterances]
    assert lengths[:-1] == [3000] * (len(lengths) - 1)
    assert sum(lengths) > 59000
    assert 0 < most[1] <= most[0]


def _array_bytes(tracker: ChannelTracker) -> int:
    """Bytes in arrays that the tracker holds, found by looking through its objects."""
    seen, todo, total = set(), [tracker], 0
    while todo:
        one: object = todo.pop()
        if id(one) in seen or isinstance(one, type | str | int | float):
            continue
        seen.add(id(one))
        if isinstance(one, np.ndarray):
            total += sys.getsizeof(one.base if one.base is not None else one)
        elif isinstance(one, list | tuple):
            todo += list(one)
        elif type(one).__module__.startswith("simpatico"):
            todo += list(vars(one).values()) if hasattr(one, "__dict__") else []
    return total


def test_nothing_after_finish() -> None:
    tracker = track(np.zeros(800, np.float32))
    assert len(tracker.finish()) == 0
    with pytest.raises(ValueError, match="800 samples and 0 frames came after finish"):
        tracker.push(np.zeros(800, np.float32), core_frames(NO_SAMPLES))


def test_sample_calls_against_their_times(sample_channels: list[SampleChannel]) -> None:
    """Synthetic calls that nothing was fitted on; the bench prints 0.95 to 0.97 by call, and 1.0 for the order of turns."""
    calls: dict[str, dict[Role, tuple[ChannelSpeech, ChannelSpeech]]] = {}
    for channel in sample_channels:
        found, true = ours(channel.role, channel.samples, 8000), scripted(channel.role, channel.times)
        frames = len(channel.frames)
        said, truth = (frame_flags([(u.start_s, u.end_s) for u in s.utterances], frames) for s in (found, true))
        assert 2.0 * np.sum(said & truth) / (said.sum() + truth.sum()) > 0.90, (channel.call, channel.role)
        calls.setdefault(channel.call, {})[channel.role] = (true, found)
    for name, parties in calls.items():
        true_dialogue, found_dialogue = (dialogue(parties[Role.CALLER][k], parties[Role.AGENT][k]) for k in (0, 1))
        assert agreement(true_dialogue, found_dialogue) >= 0.95, name


@pytest.mark.calls
def test_real_calls_against_human_segments(harper_valley: list[RealCall]) -> None:
    """The shipped weights were fitted on these calls; ``bench.speech_activity`` says how little worse unseen ones do."""
    scores, agreements, share_errors = [], [], []
    for call in harper_valley:
        audio, hits = call.samples(), np.zeros(2)
        speech = {role: ours(role, np.ascontiguousarray(audio[:, k]), 8000) for k, role in enumerate((Role.CALLER, Role.AGENT))}
        for role, found in speech.items():
            truth, counted = call.truth(role, len(audio) // 80)
            said = frame_flags([(u.start_s, u.end_s) for u in found.utterances], len(truth))
            hits += (2.0 * np.sum(said & truth & counted), np.sum(said & counted) + np.sum(truth & counted))
        scores.append(hits[0] / hits[1])
        human, machine = human_dialogue(call), dialogue(*(without_noise(speech[role], call) for role in (Role.CALLER, Role.AGENT)))
        agreements.append(agreement(human, machine))
        shares = [d.taking.parties[Role.CALLER].talk_share.value or 0.0 for d in (human, machine)]
        share_errors.append(abs(shares[0] - shares[1]))
    assert min(scores) > 0.88
    assert np.mean(scores) > 0.93
    assert np.mean(agreements) > 0.95
    assert np.mean(share_errors) < 0.03
