"""The NumPy eGeMAPS: names, closed forms, invariants, and agreement with opensmile where it is installed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference.egemaps import extrema, harmonics, loudness, mel, names, periods, prediction, smoothing, spectrum, windows
from tests.reference.egemaps.descriptors import describe
from tests.reference.egemaps.functionals import functionals, runs_s

RATES = (8000, 16000)


def tone(f_hz: float, rate_hz: int, seconds: float = 1.0, level: float = 0.5) -> windows.Float:
    """A sine on the 16-bit grid."""
    x = level * np.sin(2 * np.pi * f_hz * np.arange(round(seconds * rate_hz)) / rate_hz)
    return np.trunc(x * 32768) / 32768


def pulses(period: int, rate_hz: int, seconds: float = 1.0) -> windows.Float:
    """A train of short pulses with an exact period in samples."""
    x = np.zeros(round(seconds * rate_hz))
    for k, v in enumerate(np.hanning(9)):
        x[k + 20 :: period] += 0.4 * v
    return x


def voice(rate_hz: int = 8000) -> windows.Float:
    """Impulses at 125 Hz through a tilt of 6 dB per octave and resonances at 600, 1400, 2500 .. Hz, with silence around."""
    x = np.zeros(2 * rate_hz)
    x[:: rate_hz // 125] = 1
    for f, b in ((0, 100), (600, 80), (1400, 100), (2500, 150), (3500, 200), (4500, 250))[: 5 if rate_hz == 8000 else 6]:
        r = np.exp(-np.pi * b / rate_hz) if f else 0.7
        y = np.zeros_like(x)
        a1, a2 = 2 * r * np.cos(2 * np.pi * f / rate_hz), -r * r
        for n in range(2, len(x)):
            y[n] = x[n] + a1 * y[n - 1] + a2 * y[n - 2]
        x = y
    x *= 0.4 / np.abs(x).max()
    x[: rate_hz // 4] = 0
    x[-rate_hz // 4 :] = 0
    return np.trunc(x * 32768) / 32768


def voiced_f0(x: windows.Float, rate_hz: int, f0_hz: float) -> windows.Float:
    """F0 for the frames whose long window holds sound."""
    level = np.abs(windows.frames(x, rate_hz, windows.LONG_HOPS)).max(1)
    return np.where(level > 0.01, f0_hz, 0.0)


def test_names_are_25_and_88_without_repetition() -> None:
    assert len(set(names.LLD_NAMES)) == len(names.LLD_NAMES) == 25
    assert len(set(names.FUNCTIONAL_NAMES)) == len(names.FUNCTIONAL_NAMES) == 88
    assert names.FUNCTIONAL_NAMES[0] == "F0semitoneFrom27.5Hz_sma3nz_amean"
    assert names.FUNCTIONAL_NAMES[-1] == "equivalentSoundLevel_dBp"


@pytest.mark.parametrize("rate", RATES)
def test_functionals_come_under_the_names_in_order(rate: int) -> None:
    assert tuple(functionals(describe(tone(200, rate), np.full(100, 200.0), rate))) == names.FUNCTIONAL_NAMES


@pytest.mark.parametrize("rate", RATES)
def test_impulse_has_a_flat_spectrum(rate: int) -> None:
    x = np.zeros(rate // 2)
    x[rate // 4] = 0.5
    m = windows.short_magnitudes(x, rate)
    j = int(m.sum(1).argmax())
    upper = 97 if rate == 8000 else 129  # bins from 1 kHz to 4 or 5 kHz; 32 below
    assert spectrum.alpha_ratio_db(m)[j] == pytest.approx(10 * np.log10(upper / 32), abs=1e-9)
    assert spectrum.hammarberg_db(m)[j] == pytest.approx(0, abs=1e-9)
    assert spectrum.true_slope_db_per_hz(m, 0, 500)[j] == pytest.approx(0, abs=1e-12)
    level = 20 * np.log10(m[j, 0])
    assert spectrum.slope_db_per_hz(m, 0, 500)[j] == pytest.approx(-0.0008 * level, rel=1e-9)


@pytest.mark.parametrize("rate", RATES)
def test_silence(rate: int) -> None:
    x = np.zeros(rate)
    d = describe(x, np.zeros(100), rate)
    f = functionals(d)
    assert all(np.isfinite(list(f.values())))
    assert f["equivalentSoundLevel_dBp"] == pytest.approx(-120)
    assert f["loudness_sma3_amean"] == pytest.approx(0.001017 if rate == 8000 else 0.001034, abs=1e-6)
    assert f["slopeUV0-500_sma3nz_amean"] == pytest.approx(0.112, abs=1e-9)
    assert f["VoicedSegmentsPerSec"] == f["loudnessPeaksPerSec"] == f["alphaRatioV_sma3nz_amean"] == 0
    assert f["F1amplitudeLogRelF0_sma3nz_amean"] == pytest.approx(harmonics.NOT_VOICED_DB)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("seconds", [0.0, 0.019, 0.02, 0.059, 0.06, 0.07, 0.1])
def test_short_signals_give_88_finite_figures(rate: int, seconds: float) -> None:
    values = list(functionals(describe(tone(200, rate, seconds), np.full(20, 200.0), rate)).values())
    assert len(values) == 88
    assert np.isfinite(values).all()


def test_other_rates_are_refused() -> None:
    with pytest.raises(ValueError, match="44100: resample first"):
        describe(np.zeros(44100), np.zeros(100), 44100)


@pytest.mark.parametrize("rate", RATES)
def test_sine_level_is_3_db_under_its_peak(rate: int) -> None:
    d = describe(tone(1000, rate, level=0.5), np.zeros(100), rate)
    assert d.level_db == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.01)


def test_loudness_grows_with_the_power_0_66_of_amplitude() -> None:
    spectra = (windows.short_magnitudes(tone(1000, 8000, level=a), 8000) for a in (0.8, 0.4))
    loud, soft = (loudness.loudness(mel.band_power(m, 8000), 8000) for m in spectra)
    assert loud[20] / soft[20] == pytest.approx(2**0.66, rel=1e-3)


def test_equal_loudness_is_greatest_near_3_to_4_khz() -> None:
    f = np.arange(50, 8000, 10.0)
    assert 2500 < f[loudness.equal_loudness(f).argmax()] < 4500


@pytest.mark.parametrize("rate", RATES)
def test_mel_bands_overlap_to_one(rate: int) -> None:
    inside = mel.filterbank(rate).sum(0)[4:-8]
    assert np.allclose(inside[: round(mel.centres_hz(rate)[-1] / windows.BIN_HZ) - 4], 1)


def test_flat_bands_have_no_cepstrum() -> None:
    assert np.allclose(mel.mfcc(np.full((1, 26), 0.3)), 0, atol=1e-9)


@pytest.mark.parametrize(("period", "expected"), [(80, 7.134), (40, 13.439)])
def test_hnr_of_a_perfect_pulse_train_is_the_windows(period: int, expected: float) -> None:
    """The Gaussian window's autocorrelation is not divided out, so its value at the period bounds the figure (exp(-(T / 2s)^2))."""
    x = pulses(period, 8000)
    acf = harmonics.autocorrelation(windows.long_magnitudes(x, 8000))
    sigma = windows.GAUSS_SIGMA * 239.5
    share = np.exp(-((period / (2 * sigma)) ** 2))
    got = harmonics.hnr_db(acf, np.full(len(acf), 8000 / period), 8000)[20]
    assert got == pytest.approx(expected, abs=0.2)
    assert got == pytest.approx(10 * np.log10(share / (1 - share)), abs=2.5)


def test_harmonics_of_known_amplitude() -> None:
    rate, f0 = 8000, 200.0
    n = np.arange(rate)
    x = sum(a * np.sin(2 * np.pi * m * f0 * n / rate) for m, a in ((1, 0.2), (2, 0.1), (3, 0.025)))
    m = windows.long_magnitudes(np.asarray(x), rate)
    voiced = np.full(len(m), f0)
    assert harmonics.true_h1_h2_db(m, voiced, rate)[10] == pytest.approx(6.02, abs=0.5)
    h1_h2, _, amplitude = harmonics.relative_levels(m, voiced, np.tile([400.0, 0, 0], (len(m), 1)), rate)
    assert h1_h2[10] == pytest.approx(12.04, abs=0.5)
    assert amplitude[10] == pytest.approx([-6.02, 0, 0], abs=0.5)


def test_predictor_recovers_an_autoregressive_process() -> None:
    a = np.array([1, -1.2, 0.8, -0.1])
    impulse = np.zeros(4000)
    impulse[0] = 1
    y = np.zeros(4000)
    for n in range(4000):
        y[n] = impulse[n] - sum(a[k] * y[n - k] for k in range(1, 4) if n >= k)
    r = np.array([y[: 4000 - k] @ y[k:] for k in range(4)])
    found, error = prediction.predictor(r)
    assert found == pytest.approx(a, abs=1e-6)
    assert error == pytest.approx(1, abs=1e-6)


def test_steady_pulses_have_neither_jitter_nor_shimmer() -> None:
    jitter, shimmer = periods.jitter_shimmer(pulses(80, 8000), np.full(90, 100.0), 8000)
    assert np.abs(jitter).max() < 1e-6
    assert np.abs(shimmer).max() < 1e-6


def test_one_long_period_is_jitter_of_two_differences() -> None:
    x = pulses(160, 16000)
    late = np.concatenate([x[:8000], np.zeros(6), x[8000:-6]])
    jitter, _ = periods.jitter_shimmer(late, np.full(90, 100.0), 16000)
    found = jitter[jitter > 1e-6]
    assert len(found) == 2
    assert found == pytest.approx(6 / 163, rel=0.02)


def test_one_step_in_amplitude_is_shimmer_once() -> None:
    x = pulses(160, 16000)
    x[8000:] *= 1.2
    _, shimmer = periods.jitter_shimmer(x, np.full(90, 100.0), 16000)
    found = shimmer[shimmer > 1e-6]
    assert found == pytest.approx([20 * np.log10(1 + 0.2 / 1.1)], rel=1e-6)


def test_smoothing_leaves_zeros_and_skips_them() -> None:
    x = np.array([0.0, 3.0, 6.0, 0.0, 5.0, 0.0])
    assert smoothing.sma3_nonzero(x) == pytest.approx([0, 4.5, 4.5, 0, 5, 0])
    assert smoothing.sma3(np.array([3.0, 6.0, 9.0])) == pytest.approx([4, 6, 8])


def test_slopes_of_a_saw() -> None:
    y = np.interp(np.arange(100), [0, 20, 50, 60, 99], [0, 1, 0, 1, 0.5])
    assert extrema.extrema(y) == [(20, 1), (50, -1), (60, 1)]
    found = extrema.slopes(y)
    assert found.rising == pytest.approx([5, 10])
    assert found.falling == pytest.approx([1 / 0.3, -0.5 / 0.39])
    mean = (1 / 0.3 - 0.5 / 0.39) / 2
    assert found.moments() == pytest.approx((7.5, 2.5, mean, np.sqrt((1 / 0.3 - mean) ** 2 / 2)))


def test_ripple_under_a_tenth_of_the_range_is_no_peak() -> None:
    y = np.interp(np.arange(100), [0, 20, 50, 55, 99], [0, 1, 0.5, 0.58, 0])
    assert extrema.extrema(y) == [(20, 1), (50, -1)]
    assert extrema.extrema(y + 0.1 * (np.arange(100) == 55)) == [(20, 1), (50, -1), (55, 1)]


def test_runs_of_less_than_three_frames_do_not_count() -> None:
    assert runs_s(np.array([1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 1, 1], bool)) == pytest.approx([0.02, 0.04])


@settings(max_examples=20, deadline=None)
@given(gain_db=st.floats(-12, 0), seed=st.integers(0, 999))
def test_gain_moves_levels_only(gain_db: float, seed: int) -> None:
    x = np.random.default_rng(seed).standard_normal(8000) * 0.1
    f0 = np.full(90, 150.0)
    a = functionals(describe(x, f0, 8000))
    b = functionals(describe(x * 10 ** (gain_db / 20), f0, 8000))
    for name in names.FUNCTIONAL_NAMES:
        if name.startswith(("alpha", "hammarberg", "mfcc", "HNR", "logRel", "F0", "F1", "F2", "F3", "jitter", "shimmer", "Mean", "Std")):
            assert b[name] == pytest.approx(a[name], rel=1e-6, abs=1e-6), name
    assert b["equivalentSoundLevel_dBp"] - a["equivalentSoundLevel_dBp"] == pytest.approx(gain_db, abs=1e-6)


@settings(max_examples=10, deadline=None)
@given(frames=st.integers(1, 40))
def test_leading_silence_only_moves_the_descriptors(frames: int) -> None:
    x = voice()
    later = np.concatenate([np.zeros(80 * frames), x])
    f0 = voiced_f0(x, 8000, 125.0)
    a = describe(x, f0, 8000)
    b = describe(later, np.concatenate([np.zeros(frames), f0]), 8000)
    assert np.allclose(b.short[frames:], a.short)
    assert np.allclose(b.voiced[frames:], a.voiced)


@pytest.mark.reference
@pytest.mark.parametrize("rate", RATES)
def test_agreement_with_opensmile(rate: int) -> None:
    """Definitions alone: F0 is opensmile's. Loudness, spectrum and MFCC to rounding; the rest as far as docs/egemaps.md says."""
    agreement = pytest.importorskip("bench.egemaps_agreement", reason="opensmile is not installed")
    smile = agreement.Smile()
    x = np.concatenate([voice(rate), 0.3 * voice(rate)])
    x = np.trunc((x + 0.001 * np.random.default_rng(3).standard_normal(len(x))) * 32768) / 32768
    pair = agreement.compare(agreement.Piece("voice", x, rate, 4), smile, agreement.Reference(smile))
    n = min(len(pair.our_frames), len(pair.their_frames)) - 3
    exact = len(names.SHORT)
    assert np.abs(pair.our_frames[:n, :exact] - pair.their_frames[:n, :exact]).max() < 1e-3
    ours, theirs = dict(zip(names.FUNCTIONAL_NAMES, pair.ours, strict=True)), dict(zip(names.FUNCTIONAL_NAMES, pair.theirs, strict=True))
    for name in names.FUNCTIONAL_NAMES:
        if name.startswith(("spectralFlux", "mfcc", "alpha", "hammarberg", "slope", "equivalent", "loudness_sma3_p", "loudness_sma3_a")):
            assert ours[name] == pytest.approx(theirs[name], rel=2e-2, abs=2e-2), name
    assert ours["HNRdBACF_sma3nz_amean"] == pytest.approx(theirs["HNRdBACF_sma3nz_amean"], abs=0.3)
