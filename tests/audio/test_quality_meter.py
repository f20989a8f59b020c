"""Quality flags: closed forms, any cutting of the input, and honest absences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from simpatico.audio import QualityMeter
from simpatico.audio.g711 import ALAW, MULAW
from simpatico.audio.quality import _Bands
from simpatico.errors import AudioFormatError
from simpatico.types import ChannelQuality, Reason, Role

Flags = NDArray[np.bool_]


def levels_dbfs(samples: NDArray[np.float32], rate_hz: int) -> NDArray[np.float32]:
    """RMS of 10 ms frames as the core gives it: dBFS with a floor of -120."""
    frames = len(samples) * 100 // rate_hz
    starts = np.arange(frames) * rate_hz // 100
    block = samples[starts[:, None] + np.arange(rate_hz // 100)].astype(np.float64)
    return (10.0 * np.log10(np.maximum((block**2).mean(axis=1), 1e-12))).astype(np.float32)


def measured(samples: NDArray[np.float64], speech: Flags, rate_hz: int = 8000, codec: str = "l16") -> ChannelQuality:
    meter = QualityMeter(rate_hz, codec)
    meter.update_samples(samples.astype(np.float32))
    level = levels_dbfs(samples.astype(np.float32), rate_hz)
    meter.update_speech(level, speech[: len(level)])
    return meter.result(Role.CALLER)


def talk(seconds: float, rate_hz: int = 8000, *, snr_db: float = 20.0, seed: int = 0) -> tuple[NDArray[np.float64], Flags]:
    """White "speech" of 1 s in every 2 s at -26 dBFS over white noise, and its flags."""
    rng = np.random.default_rng(seed)
    count = round(seconds * rate_hz)
    on = (np.arange(count) // rate_hz) % 2 == 1
    samples = 0.05 * rng.standard_normal(count) * on + 0.05 * 10.0 ** (-snr_db / 20.0) * rng.standard_normal(count)
    return samples, (np.arange(round(seconds * 100)) // 100) % 2 == 1


def test_nothing_yet() -> None:
    quality = QualityMeter(8000, "mulaw").result(Role.AGENT)
    assert quality == ChannelQuality(Role.AGENT, 0.0, 0.0, quality.snr_db, 0.0, 0.0, "narrow", "mulaw")
    assert quality.snr_db.reason is Reason.NO_SPEECH


def test_duration_and_speech() -> None:
    samples, speech = talk(9.5)
    quality = measured(samples, speech)
    assert quality.duration_s == 9.5
    assert quality.speech_s == 4.5  # seconds 1, 3, 5, 7 and half of 9
    assert quality.snr_db.evidence_s == quality.speech_s


@pytest.mark.parametrize("snr_db", [0.0, 5.0, 10.0, 20.0, 40.0])
@pytest.mark.parametrize("rate_hz", [8000, 11_025, 16_000])
def test_snr_of_known_noise(snr_db: float, rate_hz: int) -> None:
    samples, speech = talk(30.0, rate_hz, snr_db=snr_db)
    snr = measured(samples, speech, rate_hz).snr_db
    # Bins of 0.25 dB, and at 0 dB the difference of two equal powers: 0.25 dB.
    assert snr.value == pytest.approx(snr_db, abs=0.25)
    assert snr.se is not None
    assert 0.0 < snr.se < 1.0


def test_standard_error_covers_the_truth() -> None:
    errors = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        # Levels that wander by 3 dB with the time constant of a syllable, as line noise and speech do.
        gain_db = np.repeat(rng.standard_normal(100), 20)[:1000] * 3.0
        speech = (np.arange(1000) // 100) % 2 == 1
        level = (np.where(speech, -26.0, -46.0) + gain_db).astype(np.float32)
        meter = QualityMeter(8000, "l16")
        meter.update_samples(np.random.default_rng(1).standard_normal(80_000).astype(np.float32) * 0.1)
        meter.update_speech(level, speech)
        snr = meter.result(Role.CALLER).snr_db
        assert snr.value is not None
        assert snr.se is not None
        # Mean power of a lognormal level lies sigma^2 ln(10) / 20 dB above its median.
        errors.append((snr.value - 20.0 - 9.0 * np.log(10.0) / 20.0) / snr.se)
    # Of 60 runs, 57 are expected inside two standard errors; 50 allows for chance (p < 0.003) and for bins.
    assert sum(abs(error) < 2.0 for error in errors) >= 50


def test_missed_speech_is_not_noise() -> None:
    samples, speech = talk(40.0, snr_db=25.0)
    late = speech.copy()
    late[np.flatnonzero(np.diff(speech.astype(int)) == 1) + 1 + np.arange(8)[:, None]] = False  # 80 ms late at each onset
    lone = late.copy()
    lone[3720:3740] = False  # and one syllable missed altogether
    for flags in (late, lone):
        assert measured(samples, flags).snr_db.value == pytest.approx(25.0, abs=0.5)


def test_digital_zeros_are_not_noise() -> None:
    samples, speech = talk(30.0, snr_db=20.0)
    zeros = np.repeat((np.arange(3000) // 50) % 4 == 1, 80)  # the second half of every other second without speech
    samples[zeros] = 0.0
    quality = measured(samples, speech)
    assert quality.snr_db.value == pytest.approx(20.0, abs=0.3)
    assert quality.digital_zero_share == pytest.approx(zeros.mean(), abs=1e-6)


def test_the_tails_of_a_noise_gate_are_not_noise() -> None:
    samples, speech = talk(40.0)
    near = np.convolve(speech, np.ones(2 * 10 + 1))[10:-10] > 0  # 100 ms on both sides, then zeros
    samples[~np.repeat(near, 80)] = 0.0
    assert measured(samples, speech).snr_db.reason is Reason.NOISE_UNKNOWN
    wider = np.convolve(speech, np.ones(2 * 13 + 1))[13:-13] > 0
    samples, speech = talk(40.0)
    samples[~np.repeat(wider, 80)] = 0.0
    assert measured(samples, speech).snr_db.value == pytest.approx(20.0, abs=0.5)


@pytest.mark.parametrize("idle", [0.0, 8 / 32768, -8 / 32768])
def test_silence_suppression_leaves_noise_unknown(idle: float) -> None:
    samples, speech = talk(20.0)
    samples[~np.repeat(speech, 80)] = idle
    quality = measured(samples, speech)
    assert quality.snr_db.value is None
    assert quality.snr_db.reason is Reason.NOISE_UNKNOWN
    assert quality.digital_zero_share == pytest.approx(0.5, abs=1e-6)


def test_absences() -> None:
    samples, speech = talk(10.0)
    assert measured(samples, np.zeros(1000, bool)).snr_db.reason is Reason.NO_SPEECH
    few = np.zeros(1000, bool)
    few[100:149] = True
    assert measured(samples, few).snr_db.reason is Reason.TOO_LITTLE_SPEECH
    assert measured(samples, np.ones(1000, bool)).snr_db.reason is Reason.NOISE_UNKNOWN
    silent = measured(np.zeros(80_000), speech)
    assert silent.digital_zero_share == 1.0
    assert silent.snr_db.reason is Reason.TOO_LITTLE_SPEECH


def test_speech_weaker_than_noise_has_the_floor_and_no_standard_error() -> None:
    samples, speech = talk(20.0, snr_db=0.0)
    samples[np.repeat(speech, 80)] *= 0.1
    snr = measured(samples, speech).snr_db
    assert (snr.value, snr.se) == (-10.0, None)


def test_clipping_is_counted_exactly() -> None:
    quiet = np.tile([0.1, -0.2, 0.3], 100).astype(np.float32)
    cases: list[tuple[list[float], int]] = [
        ([1.0], 1),  # beyond 16-bit full scale counts alone
        ([32767 / 32768], 1),
        ([-1.0, -1.0], 2),
        ([0.99], 0),
        ([0.99, 0.99], 0),
        ([0.99, 0.99, 0.99], 3),  # a flat top just below full scale
        ([0.99, -0.99, 0.99], 0),
        ([0.97] * 10, 0),  # flat, but not at the top
        ([float(MULAW.max())] * 4, 4),
        ([float(ALAW.min())] * 5, 5),
    ]
    for samples, clipped in cases:
        meter = QualityMeter(8000, "l16")
        meter.update_samples(np.concatenate([quiet, np.array(samples, np.float32), quiet]))
        share = meter.result(Role.CALLER).clipped_share
        assert share == clipped / (600 + len(samples)), samples


@pytest.mark.parametrize("hz", [101.0, 307.0, 1013.0])
def test_a_loud_tone_in_sixteen_bits_is_not_clipped_and_an_overdriven_one_is(hz: float) -> None:
    at_s = np.arange(16_000) / 8000
    tone = np.sin(2.0 * np.pi * hz * at_s + 0.3)
    meter, clipped = QualityMeter(8000, "l16"), QualityMeter(8000, "l16")
    meter.update_samples((np.round(tone * 32600) / 32768).astype(np.float32))
    assert meter.result(Role.CALLER).clipped_share == 0.0
    clipped.update_samples((np.round(np.clip(tone * 2.0, -1.0, 1.0) * 32767) / 32768).astype(np.float32))
    # A sine at twice full scale is beyond it for 2/3 of the time.
    assert clipped.result(Role.CALLER).clipped_share == pytest.approx(2 / 3, abs=0.02)


def test_digital_zero_needs_ten_milliseconds() -> None:
    noise = np.random.default_rng(0).standard_normal(400).astype(np.float32) * 0.1
    for run, counted in [(79, 0), (80, 80), (500, 500)]:
        meter = QualityMeter(8000, "l16")
        meter.update_samples(np.concatenate([noise, np.zeros(run, np.float32), noise]))
        assert meter.result(Role.CALLER).digital_zero_share == counted / (800 + run)


def fricatives(rate_hz: int, seed: int = 0) -> tuple[NDArray[np.float64], Flags]:
    """20 s: in seconds with speech a 200 Hz buzz, every fifth 100 ms of it noise of 3 to 7 kHz, like [s]; else faint noise."""
    rng = np.random.default_rng(seed)
    count = 20 * rate_hz
    at_s = np.arange(count) / rate_hz
    buzz = sum(np.cos(2.0 * np.pi * 200.0 * k * at_s) / k for k in range(1, 18)) * 0.05
    spectrum = np.fft.rfft(rng.standard_normal(count))
    hz = np.fft.rfftfreq(count, 1.0 / rate_hz)
    hiss = np.fft.irfft(np.where((hz > 3000.0) & (hz < 7000.0), spectrum, 0.0), count)
    hissing = (at_s * 10.0).astype(int) % 5 == 4
    samples = np.where(hissing, 0.03 * hiss / hiss.std(), buzz) * (at_s.astype(int) % 2 == 1)
    return samples + 1e-4 * rng.standard_normal(count), (np.arange(2000) // 100) % 2 == 1


def band_limited(samples: NDArray[np.float64], rate_hz: int, below_hz: float) -> NDArray[np.float64]:
    spectrum = np.fft.rfft(samples)
    spectrum[np.fft.rfftfreq(len(samples), 1.0 / rate_hz) > below_hz] = 0.0
    return np.fft.irfft(spectrum, len(samples))


def in_mulaw(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    values = np.unique(MULAW.astype(np.float64))
    return values[np.searchsorted((values[1:] + values[:-1]) / 2.0, samples)]


@pytest.mark.parametrize("rate_hz", [16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_bandwidth_is_that_of_the_speech_not_of_the_file(rate_hz: int, noise: float) -> None:
    samples, speech = fricatives(rate_hz)
    hum = noise * np.random.default_rng(9).standard_normal(len(samples))
    assert measured(samples + hum, speech, rate_hz).bandwidth == "wide"
    assert measured(band_limited(samples, rate_hz, 3800.0) + hum, speech, rate_hz).bandwidth == "narrow"


def test_what_is_buried_or_only_distortion_is_not_bandwidth() -> None:
    samples, speech = fricatives(16_000)
    narrow = band_limited(samples, 16_000, 3800.0)
    talking = np.repeat(speech, 160)
    high = samples - band_limited(samples, 16_000, 3800.0)
    assert measured(narrow + high, speech, 16_000).bandwidth == "wide"
    hissing = (np.arange(len(samples)) // 1600) % 5 == 4
    faint = np.where(hissing & talking, 0.03 * samples, samples)
    assert measured(faint, speech, 16_000).bandwidth == "narrow", "fricatives 35 dB under the vowels cannot be heard"
    image = np.cos(2.0 * np.pi * 5000.0 * np.arange(len(samples)) / 16_000) * 0.01 * (talking & ~hissing)
    assert measured(narrow + image, speech, 16_000).bandwidth == "narrow", "an image 15 dB under a vowel is no fricative"


def test_bandwidth_without_any_noise_to_compare_with() -> None:
    samples, speech = fricatives(16_000)
    samples[~np.repeat(speech, 160)] = 0.0
    assert measured(samples, speech, 16_000).bandwidth == "wide"
    assert measured(band_limited(samples, 16_000, 3800.0) * np.repeat(speech, 160), speech, 16_000).bandwidth == "narrow"


def test_coding_noise_is_not_bandwidth() -> None:
    samples, speech = fricatives(16_000)
    assert measured(in_mulaw(band_limited(samples, 16_000, 3800.0)), speech, 16_000).bandwidth == "narrow"
    assert measured(in_mulaw(samples), speech, 16_000).bandwidth == "wide"


def test_bandwidth_needs_speech_unless_the_rate_settles_it() -> None:
    samples, speech = fricatives(16_000)
    assert measured(samples, speech & (np.arange(2000) < 480), 16_000).bandwidth == "unknown"
    for rate_hz in (8000, 11_025, 15_999):
        assert QualityMeter(rate_hz, "l16").result(Role.CALLER).bandwidth == "narrow"


def test_gain_changes_neither_snr_nor_bandwidth() -> None:
    samples, speech = fricatives(16_000)
    before = measured(samples, speech, 16_000)
    for gain_db in (-12.0, 12.0):
        after = measured(samples * 10.0 ** (gain_db / 20.0), speech, 16_000)
        assert after.bandwidth == before.bandwidth
        assert after.snr_db.value == pytest.approx(before.snr_db.value, abs=0.05)


RECIPES: dict[str, Callable[[int, int], NDArray[np.float64]]] = {
    "noise": lambda count, seed: np.random.default_rng(seed).standard_normal(count) * 0.3,
    "clipped": lambda count, seed: np.clip(np.random.default_rng(seed).standard_normal(count) * 2.0, -1.0, 1.0),
    "runs": lambda count, seed: np.repeat(np.random.default_rng(seed).choice([0.0, 0.99, -1.0, 8 / 32768, 0.2], -(-count // 37)), 37)[
        :count
    ],
}


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(RECIPES)),
    st.sampled_from([8000, 11_025, 16_000, 22_050, 44_100]),
    st.lists(st.integers(0, 30_000), min_size=1, max_size=8),
    st.lists(st.integers(1, 60), min_size=1, max_size=20),
    st.integers(0, 2**32 - 1),
)
def test_any_cutting_gives_the_same(recipe: str, rate_hz: int, cuts: list[int], frame_cuts: list[int], seed: int) -> None:
    samples = RECIPES[recipe](sum(cuts), seed).astype(np.float32)
    level = levels_dbfs(samples, rate_hz)
    speech = np.repeat(np.random.default_rng(seed).random(len(level) // 45 + 1) < 0.4, 45)[: len(level)]
    once, cut = QualityMeter(rate_hz, "l16"), QualityMeter(rate_hz, "l16")
    once.update_samples(samples)
    once.update_speech(level, speech)

    given_frames, turn = 0, 0
    for end, length in zip(np.cumsum(cuts), cuts, strict=True):
        cut.update_samples(samples[end - length : end])
        while given_frames < end * 100 // rate_hz - 20:  # flags lag behind, as a detector's do
            upto = min(given_frames + frame_cuts[turn % len(frame_cuts)], end * 100 // rate_hz)
            cut.update_speech(level[given_frames:upto], speech[given_frames:upto])
            given_frames, turn = upto, turn + 1
            cut.result(Role.CALLER)  # asking in between changes nothing
    cut.update_speech(level[given_frames:], speech[given_frames:])
    assert cut.result(Role.CALLER) == once.result(Role.CALLER)


@pytest.mark.parametrize("length", [1, 2, 7, 11, 30, 60, 999])
def test_any_cutting_of_the_flags_gives_the_same(length: int) -> None:
    rng = np.random.default_rng(0)
    level = rng.uniform(-60.0, -20.0, 2000).astype(np.float32)
    speech = np.repeat(rng.random(50) < 0.4, 45)[:2000]
    results = []
    for step in (2000, length):
        meter = QualityMeter(8000, "l16")
        meter.update_samples(np.full(160_000, 0.1, np.float32))
        for start in range(0, 2000, step):
            meter.update_speech(level[start : start + step], speech[start : start + step])
        results.append(meter.result(Role.CALLER))
    assert results[0] == results[1]
    assert results[0].snr_db.value is not None


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([8000, 11_025, 16_000, 22_050, 44_100]),
    st.lists(st.integers(0, 700), min_size=1, max_size=30),
    st.integers(0, 2**32 - 1),
)
def test_any_cutting_gives_the_same_codes(rate_hz: int, cuts: list[int], seed: int) -> None:
    samples = RECIPES["runs"](sum(cuts), seed).astype(np.float32)
    bands = _Bands(rate_hz)
    pieces = [bands.update(samples[end - length : end]) for end, length in zip(np.cumsum(cuts), cuts, strict=True)]
    codes = np.concatenate(pieces)
    assert np.array_equal(codes, _Bands(rate_hz).update(samples))
    assert len(codes) == len(samples) * 100 // rate_hz
    for i, code in enumerate(codes):  # frame i is samples [i, i + 1) / 100 s: idle when they are constant and faint
        frame = samples[i * rate_hz // 100 : i * rate_hz // 100 + rate_hz // 100]
        assert (code == -1) == bool(np.all(frame == frame[0]) and abs(frame[0]) <= 8 / 32768)


def test_one_frame_more_than_the_samples_made_is_taken_two_are_not() -> None:
    meter = QualityMeter(8000, "l16")
    meter.update_samples(np.full(799, 0.1, np.float32))
    meter.update_speech(np.full(9, -20.0, np.float32), np.ones(9, bool))
    meter.update_speech(np.full(1, -20.0, np.float32), np.ones(1, bool))
    assert meter.result(Role.CALLER).speech_s == 0.1
    with pytest.raises(ValueError, match="2 speech flags for 0 frames of samples: give the samples first"):
        meter.update_speech(np.zeros(2, np.float32), np.ones(2, bool))
    with pytest.raises(ValueError, match="3 levels but 2 speech flags"):
        meter.update_speech(np.zeros(3, np.float32), np.ones(2, bool))


def test_an_hour_keeps_no_frames() -> None:
    meter = QualityMeter(16_000, "l16")
    second = (np.random.default_rng(0).standard_normal(16_000) * 0.1).astype(np.float32)
    level, speech = levels_dbfs(second, 16_000), np.arange(100) < 50
    held = []
    for _ in range(200):
        meter.update_samples(second)
        meter.update_speech(level, speech)
        held.append(meter._samples_waiting + meter._frames_waiting + len(meter._recent) + len(meter._codes) + len(meter._bands._rest))
    assert max(held[100:]) == max(held[:100]) < 5 * (16_000 + 100)


def test_rate_out_of_range() -> None:
    with pytest.raises(AudioFormatError, match="sample rate 4000 Hz"):
        QualityMeter(4000, "l16")
