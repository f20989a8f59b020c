"""Speech activity: cutting, gain, silence, noise, look-ahead, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from simpatico.core import COLUMNS, INDEX, FrameExtractor
from simpatico.turns import LOOK_AHEAD_FRAMES, SpeechDetector
from simpatico.turns.activity import BATCH_FRAMES, SHIPPED, ActivityWeights
from simpatico.turns.evidence import EVIDENCE_COUNT
from tests.turns.conftest import SampleChannel, core_frames

NO_SAMPLES = np.zeros(0, np.float32)
PIECE = slice(8000 * 3, 8000 * 15)
"""Twelve seconds of a sample call, with speech and pauses of the caller."""


def decide(samples: NDArray[np.float32], rate_hz: int = 8000, sizes: list[int] | None = None) -> NDArray[np.bool_]:
    """Decisions on all frames, the audio cut into pieces of ``sizes`` and a rest."""
    extractor, detector = FrameExtractor(rate_hz), SpeechDetector(rate_hz)
    found, at = [], 0
    for size in [*(sizes or []), len(samples)]:
        piece = samples[at : at + size]
        found.append(detector.push(piece, extractor.push(piece)))
        at += size
    found += [detector.push(NO_SAMPLES, extractor.finish()), detector.finish()]
    return np.concatenate(found)


def f1(said: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return float(2.0 * np.sum(said & truth) / (np.sum(said) + np.sum(truth)))


@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.one_of(st.integers(0, 400), st.integers(0, 20000)), max_size=40))
def test_cutting_changes_nothing(sample_channel: SampleChannel, sizes: list[int]) -> None:
    samples = sample_channel.samples[PIECE]
    np.testing.assert_array_equal(decide(samples, sizes=sizes), decide(samples))


def test_sample_by_sample(sample_channel: SampleChannel) -> None:
    samples = sample_channel.samples[PIECE][:12000]
    np.testing.assert_array_equal(decide(samples, sizes=[1] * 9000), decide(samples))


def test_frames_may_lag_by_any_amount(sample_channel: SampleChannel) -> None:
    samples, frames = sample_channel.samples[PIECE], core_frames(sample_channel.samples[PIECE])
    detector = SpeechDetector(8000)
    found = [detector.push(samples, frames[:0])]
    found += [detector.push(NO_SAMPLES, part) for part in np.array_split(frames, 37)]
    np.testing.assert_array_equal(np.concatenate([*found, detector.finish()]), decide(samples))


def test_one_decision_per_frame() -> None:
    for samples in (0, 79, 80, 8000, 12345):
        assert len(decide(np.zeros(samples, np.float32))) == samples // 80


def test_decisions_come_no_later_than_promised(sample_channel: SampleChannel) -> None:
    detector, frames = SpeechDetector(8000), sample_channel.frames
    decided = 0
    for at in range(0, 1000, 7):
        decided += len(detector.push(sample_channel.samples[at * 80 : (at + 7) * 80], frames[at : at + 7]))
        assert at + 7 - decided < LOOK_AHEAD_FRAMES + BATCH_FRAMES


def test_nothing_beyond_the_look_ahead_matters(sample_channel: SampleChannel) -> None:
    """Other audio after frame t + 30 (and the core's window around it) leaves the decision on frame t alone."""
    samples, frames = sample_channel.samples[PIECE].copy(), core_frames(sample_channel.samples[PIECE])
    cut = 600
    other = samples.copy()
    other[cut * 80 :] = np.random.default_rng(0).normal(0.0, 0.3, len(other) - cut * 80)
    changed = np.concatenate((frames[:cut], core_frames(other)[cut:]))
    before, after = SpeechDetector(8000), SpeechDetector(8000)
    one = np.concatenate((before.push(samples, frames), before.finish()))
    two = np.concatenate((after.push(other, changed), after.finish()))
    np.testing.assert_array_equal(one[: cut - LOOK_AHEAD_FRAMES], two[: cut - LOOK_AHEAD_FRAMES])
    assert np.any(one[cut - LOOK_AHEAD_FRAMES :] != two[cut - LOOK_AHEAD_FRAMES :])


def test_appended_silence_adds_only_silence(sample_channel: SampleChannel) -> None:
    """Within the reach of windows that straddle the end, a decision may differ; the core's windows reach 30 ms."""
    samples = sample_channel.samples[PIECE]
    longer = decide(np.concatenate((samples, np.zeros(8000 * 20, np.float32))))
    alone = decide(samples)
    reach = LOOK_AHEAD_FRAMES + 5
    np.testing.assert_array_equal(longer[: len(alone) - reach], alone[:-reach])
    assert not longer[len(alone) + reach :].any()


def heard_half_a_second(frames: NDArray[np.float32]) -> int:
    """Frame from which on at least 0.5 s of clearly voiced frames was heard."""
    clear = (frames[:, INDEX["voicing_probability"]] >= 0.91) & (frames[:, INDEX["f0_hz"]] > 0.0)
    return int(np.cumsum(clear).searchsorted(50))


def gained(samples: NDArray[np.float32], gain_db: float) -> NDArray[np.float32]:
    return samples * np.float32(10.0 ** (gain_db / 20.0))


@pytest.mark.parametrize("gain_db", [-12.0, 12.0])
def test_gain_hardly_matters(sample_channels: list[SampleChannel], gain_db: float) -> None:
    """Twelve dB up (beyond full scale, without clipping) or down: the decisions agree to an F1 of 0.98 or more on every channel."""
    for channel in sample_channels:
        agreement = f1(decide(gained(channel.samples, gain_db)), decide(channel.samples))
        assert agreement >= 0.98, (channel.call, channel.role, agreement)


@pytest.mark.parametrize("gain_db", [-12.0, -3.14, 7.3, 12.0])
def test_gain_does_not_matter_once_speech_was_heard(sample_channels: list[SampleChannel], gain_db: float) -> None:
    """From half a second of voice on. Levels are in tenths of a dB, so rounding may turn two frames in a thousand at edges of speech."""
    for channel in sample_channels:
        quiet = gained(channel.samples, -12.0)
        known = heard_half_a_second(channel.frames) + SHIPPED.before
        differing = np.count_nonzero((decide(gained(quiet, gain_db)) != decide(quiet))[known:])
        assert differing <= len(channel.frames) / 500, (channel.call, channel.role, differing)


@pytest.mark.parametrize("gain_db", [-12.0, 7.3, 12.0])
def test_webrtcvad_hears_the_same_samples_at_any_gain(
    sample_channel: SampleChannel, monkeypatch: pytest.MonkeyPatch, gain_db: float
) -> None:
    """Once half a second of voice was heard: within a unit of 16 bits, and 0.05 dB for levels that are in tenths of a dB."""
    shown: list[list[bytes]] = []

    class Listener:
        def __init__(self, _mode: int) -> None:
            shown.append([])

        def is_speech(self, pcm: bytes, _rate_hz: int) -> bool:
            shown[-1].append(pcm)
            return False

    monkeypatch.setattr("simpatico.turns.evidence.webrtcvad.Vad", Listener)
    quiet = gained(sample_channel.samples, -12.0)
    decide(quiet)
    decide(gained(quiet, gain_db))
    before, started_again, before_gained, started_again_gained = shown
    assert before
    assert before_gained
    one, other = (np.frombuffer(b"".join(pcm), "<i2").astype(np.int32) for pcm in (started_again, started_again_gained))
    assert len(one) >= 80 * len(sample_channel.frames) // 4
    assert len(one) == len(other)
    assert np.all(np.abs(one - other) <= 1 + 0.006 * np.abs(one))


def test_what_was_heard_last_is_heard_again_at_the_new_gain(sample_channel: SampleChannel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting again, webrtcvad hears at most a second once more, so it hears a second more than there is, not the whole call."""
    heard = []

    class Listener:
        def __init__(self, _mode: int) -> None:
            heard.append(0)

        def is_speech(self, _pcm: bytes, _rate_hz: int) -> bool:
            heard[-1] += 1
            return False

    monkeypatch.setattr("simpatico.turns.evidence.webrtcvad.Vad", Listener)
    loud = sample_channel.samples + np.random.default_rng(1).normal(0.0, 0.003, len(sample_channel.samples)).astype(np.float32)
    decide(loud)
    assert len(heard) == 2
    assert sum(heard) == len(sample_channel.frames) + 100


def test_wide_band_input(sample_channel: SampleChannel) -> None:
    """The same call at 16 kHz gives the same activity, but for frames at the edges."""
    wide = soxr.resample(sample_channel.samples, 8000, 16000).astype(np.float32)
    narrow = decide(sample_channel.samples)
    assert f1(decide(wide, 16000)[: len(narrow)], narrow) >= 0.97


def steady(kind: str) -> NDArray[np.float32]:
    t, rng = np.arange(8000 * 8) / 8000.0, np.random.default_rng(2)
    made = {
        "white noise": rng.normal(0.0, 1.0, len(t)),
        "mains hum": sum(np.sin(2 * np.pi * 50 * k * t) / k for k in range(1, 12)),
        "dial tone": np.sin(2 * np.pi * 350 * t) + np.sin(2 * np.pi * 440 * t),
        "digital silence": np.zeros(len(t)),
    }[kind]
    return np.asarray(made, dtype=np.float32)


@pytest.mark.parametrize("level", [0.003, 0.1])
@pytest.mark.parametrize("kind", ["white noise", "mains hum", "dial tone", "digital silence"])
def test_steady_sound_is_not_speech(kind: str, level: float) -> None:
    """From the first moment on, at -50 and at -20 dBFS; the onset itself is a change of level and may count for its window."""
    assert np.count_nonzero(decide(steady(kind) * np.float32(level))[30:-30]) == 0


def test_speech_in_digital_zeros(sample_channel: SampleChannel) -> None:
    """Zeroing everything outside speech, as gating telephony does, keeps the speech."""
    gated = np.zeros_like(sample_channel.samples)
    truth = np.zeros(len(sample_channel.frames), bool)
    for start, end in sample_channel.times:
        gated[round(start * 8000) : round(end * 8000)] = sample_channel.samples[round(start * 8000) : round(end * 8000)]
        truth[round(start * 100) : round(end * 100)] = True
    assert f1(decide(gated), truth) >= 0.92


@pytest.mark.parametrize("rate_hz", [0, 11025, 44100])
def test_other_rates_are_refused(rate_hz: int) -> None:
    with pytest.raises(ValueError, match=f"8000 or 16000 Hz, got {rate_hz}; resample first"):
        SpeechDetector(rate_hz)


@pytest.mark.parametrize(
    ("samples", "frames", "message"),
    [
        (np.zeros(800, np.float32), np.zeros((3, 2), np.float32), r"columns, got an array of shape \(3, 2\)"),
        (np.zeros((800, 2), np.float32), np.zeros((0, len(COLUMNS)), np.float32), r"one channel, got an array of shape \(800, 2\)"),
        (np.zeros(79, np.float32), np.zeros((1, len(COLUMNS)), np.float32), "1 frames came 1 samples early"),
    ],
)
def test_malformed_input_is_refused(samples: NDArray[np.float32], frames: NDArray[np.float32], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SpeechDetector(8000).push(samples, frames)


def test_weights_must_fit_the_windows() -> None:
    with pytest.raises(ValueError, match=r"3 rows of 1 weights, one for each window, work; got \[2\]"):
        ActivityWeights(((0, 0),), ((1, 2),), 0)
    assert len(SHIPPED.weights) == EVIDENCE_COUNT
