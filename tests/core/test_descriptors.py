"""What the columns say about signals whose answer is known, and against a slow reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import core_reference as reference
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simpatico.core import COLUMNS, INDEX, FrameExtractor, simd_levels

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATES = (8000, 16000)


def measure(x: NDArray[np.float32], rate_hz: int, simd: str | None = None) -> NDArray[np.float32]:
    extractor = FrameExtractor(rate_hz, simd=simd)
    return np.vstack([extractor.push(x), extractor.finish()])


def column(x: NDArray[np.float32], rate_hz: int, name: str) -> NDArray[np.float32]:
    """One column without the frames whose windows reach past the ends."""
    return measure(x, rate_hz)[5:-5, INDEX[name]]


def sine(rate_hz: int, f_hz: float, amplitude: float = 0.5, seconds: float = 1.0) -> NDArray[np.float32]:
    t = np.arange(round(rate_hz * seconds)) / rate_hz
    return (amplitude * np.sin(2 * np.pi * f_hz * t)).astype(np.float32)


def harmonics(rate_hz: int, f0_hz: float, seconds: float = 1.0, top_hz: float = 3800.0, bottom_hz: float = 0.0) -> NDArray[np.float64]:
    """A harmonic tone with amplitudes 1/k and random phases, mean square 1."""
    t = np.arange(round(rate_hz * seconds)) / rate_hz
    rng = np.random.default_rng(7)
    ks = [k for k in range(1, int(top_hz / f0_hz) + 1) if k * f0_hz >= bottom_hz]
    x = sum(np.cos(2 * np.pi * k * f0_hz * t + rng.uniform(0, 6.28)) / k for k in ks)
    return np.asarray(x / np.sqrt(np.mean(np.square(x))))


def coloured_noise(rate_hz: int, seed: int) -> NDArray[np.float32]:
    """Noise with a random spectral tilt and a level that varies."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rate_hz)
    tilt = rng.uniform(-0.9, 0.9)
    y = np.convolve(x, tilt ** np.arange(60))[: x.size]
    return (y * 0.05 * (1.1 + np.sin(np.arange(x.size) / rate_hz * 9))).astype(np.float32)


@pytest.mark.parametrize("rate_hz", RATES)
@pytest.mark.parametrize("f_hz", [200.0, 1000.0, 3100.0])
def test_level_of_a_sine(rate_hz: int, f_hz: float) -> None:
    # The RMS of a sine is its amplitude over sqrt(2). A 20 ms Hamming window leaves a ripple of less than 0.1 dB at 200 Hz.
    for amplitude in (1.0, 0.1, 0.001):
        expected = 20 * np.log10(amplitude / np.sqrt(2))
        np.testing.assert_allclose(column(sine(rate_hz, f_hz, amplitude), rate_hz, "rms_dbfs"), expected, atol=0.1)


def test_level_of_full_scale() -> None:
    assert np.abs(column(np.where(np.arange(8000) % 40 < 20, 1, -1).astype(np.float32), 8000, "rms_dbfs")).max() < 1e-3


@pytest.mark.parametrize("rate_hz", RATES)
def test_entropy_of_noise_and_tone(rate_hz: int) -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 0.1, rate_hz * 4).astype(np.float32)
    # The periodogram of noise is exponential, for which E[p ln p] = 1 - 0.5772: H falls short of ln 128 by 0.4228.
    assert column(noise, rate_hz, "spectral_entropy").mean() == pytest.approx(1 - 0.4228 / np.log(128), abs=0.01)
    # A windowed line fills the 4 bins of the Hamming main lobe: entropy of ln 4 at the most.
    assert column(sine(rate_hz, 1000.0), rate_hz, "spectral_entropy").max() < np.log(4) / np.log(128)


@pytest.mark.parametrize("rate_hz", RATES)
def test_alpha_ratio_of_two_tones(rate_hz: int) -> None:
    x = sine(rate_hz, 500.0, 0.5) + sine(rate_hz, 2500.0, 0.05)
    np.testing.assert_allclose(column(x, rate_hz, "alpha_ratio_db"), -20.0, atol=0.3)  # leakage of the Hamming window is 40 dB down


@pytest.mark.parametrize("rate_hz", RATES)
def test_slope_of_filtered_noise(rate_hz: int) -> None:
    # Impulses filtered to fall by 0.02 dB per Hz, one in each window: the spectrum is known exactly, so the slope is.
    f = np.fft.rfftfreq(rate_hz // 100 * 2, 1 / rate_hz)
    pulse = np.fft.fftshift(np.fft.irfft(10 ** (-0.02 * f / 20)))
    x = np.zeros(rate_hz)
    x[rate_hz // 2 - pulse.size // 2 : rate_hz // 2 - pulse.size // 2 + pulse.size] = pulse
    rows = measure(np.roll(x, rate_hz // 200).astype(np.float32), rate_hz)[rate_hz // 2 // (rate_hz // 100)]
    assert rows[INDEX["slope_0_500_db_per_hz"]] == pytest.approx(-0.02, abs=1e-3)
    assert rows[INDEX["slope_500_1500_db_per_hz"]] == pytest.approx(-0.02, abs=1e-3)


@settings(max_examples=15, deadline=None)
@given(rate_hz=st.sampled_from(RATES), seed=st.integers(0, 1000))
def test_against_the_reference(rate_hz: int, seed: int) -> None:
    x = coloured_noise(rate_hz, seed)
    rows = measure(x, rate_hz)
    for name in ("rms_dbfs", "spectral_entropy", "alpha_ratio_db", "loudness"):
        np.testing.assert_allclose(rows[:, INDEX[name]], getattr(reference, name)(x, rate_hz), rtol=2e-5, atol=2e-4, err_msg=name)
    for low, high in ((0, 500), (500, 1500)):
        expected = reference.slope_db_per_hz(x, rate_hz, low, high)
        np.testing.assert_allclose(rows[:, INDEX[f"slope_{low}_{high}_db_per_hz"]], expected, atol=2e-4)  # of a range of about 0.1 dB/Hz


@pytest.mark.parametrize("rate_hz", RATES)
@pytest.mark.parametrize("f0_hz", [70.0, 85.0, 110.0, 150.0, 220.0, 310.0, 440.0])
def test_f0_of_a_harmonic_tone(rate_hz: int, f0_hz: float) -> None:
    f0 = column((0.1 * harmonics(rate_hz, f0_hz)).astype(np.float32), rate_hz, "f0_hz")
    np.testing.assert_allclose(f0, f0_hz, rtol=0.005)


@pytest.mark.parametrize("f0_hz", [90.0, 125.0, 180.0, 260.0])
def test_f0_without_its_fundamental(f0_hz: float) -> None:
    x = 0.1 * harmonics(8000, f0_hz, top_hz=3400, bottom_hz=300)
    np.testing.assert_allclose(column(x.astype(np.float32), 8000, "f0_hz"), f0_hz, rtol=0.005)


@pytest.mark.parametrize("rate_hz", RATES)
def test_f0_of_a_glide(rate_hz: int) -> None:
    t = np.arange(2 * rate_hz) / rate_hz
    f0 = 120 * 2 ** (t / 2)
    phase = 2 * np.pi * np.cumsum(f0) / rate_hz
    x = 0.05 * sum(np.cos(k * phase) / k for k in range(1, 15))
    rows = measure(x.astype(np.float32), rate_hz)[5:-5]
    middle = (np.arange(5, len(rows) + 5) + 0.5) / 100
    assert (rows[:, INDEX["f0_hz"]] > 0).all()
    np.testing.assert_allclose(rows[:, INDEX["f0_hz"]], 120 * 2 ** (middle / 2), rtol=0.01)


def test_pitch_is_the_same_at_both_rates() -> None:
    # 16 kHz is brought to 8 kHz for pitch. This vibrato moves by up to 0.45 Hz per ms, so a shift of a few samples would show.
    def vibrato(rate_hz: int) -> NDArray[np.float32]:
        t = np.arange(2 * rate_hz) / rate_hz
        phase = 2 * np.pi * (150 * t - 12 * np.cos(2 * np.pi * 6 * t) / (2 * np.pi * 6))
        return (0.05 * sum(np.cos(k * phase) / k for k in range(1, 20))).astype(np.float32)

    at_8000, at_16000 = column(vibrato(8000), 8000, "f0_hz"), column(vibrato(16000), 16000, "f0_hz")
    np.testing.assert_allclose(at_16000, at_8000, atol=0.05)


@pytest.mark.parametrize("snr_db", [0.0, 10.0, 20.0])
def test_hnr_of_a_known_mixture(snr_db: float) -> None:
    rng = np.random.default_rng(3)
    x = harmonics(8000, 140.0, 4.0) + rng.normal(0, 10 ** (-snr_db / 20), 32000)
    hnr = column((0.1 * x).astype(np.float32), 8000, "hnr_db")
    assert np.median(hnr[hnr != 0]) == pytest.approx(
        snr_db, abs=1.5
    )  # Boersma (1993), fig. 3: within 1 dB, plus the scatter of 2.8-period windows


def test_noise_is_unvoiced() -> None:
    rng = np.random.default_rng(5)
    assert (column(rng.normal(0, 0.1, 32000).astype(np.float32), 8000, "f0_hz") == 0).mean() > 0.95


@pytest.mark.parametrize("rate_hz", RATES)
@pytest.mark.parametrize("gain_db", [-12.0, -3.7, 12.0])
def test_gain_moves_only_level_and_loudness(rate_hz: int, gain_db: float) -> None:
    gain = 10 ** (gain_db / 20)
    x = np.concatenate([0.1 * harmonics(rate_hz, 130.0), coloured_noise(rate_hz, 2), 0.02 * harmonics(rate_hz, 210.0)]).astype(np.float32)
    plain, loud = measure(x, rate_hz), measure((x * gain).astype(np.float32), rate_hz)
    np.testing.assert_allclose(loud[:, INDEX["rms_dbfs"]] - plain[:, INDEX["rms_dbfs"]], gain_db, atol=1e-3)
    np.testing.assert_allclose(loud[:, INDEX["loudness"]], plain[:, INDEX["loudness"]] * gain**0.66, rtol=1e-4)
    assert ((loud[:, INDEX["f0_hz"]] > 0) == (plain[:, INDEX["f0_hz"]] > 0)).mean() > 0.995
    for name in COLUMNS:
        if name not in ("rms_dbfs", "loudness"):
            # An HNR of 38 dB is 1 - r = 1.6e-4, of which float32 rounding of r leaves about 1 %.
            unmoved = np.isclose(loud[:, INDEX[name]], plain[:, INDEX[name]], rtol=1e-3, atol=0.1 if name == "hnr_db" else 1e-3)
            assert unmoved.mean() > 0.99, name  # float32 rounding may tip a tie between two candidates


@pytest.mark.parametrize("rate_hz", RATES)
@pytest.mark.parametrize("simd", simd_levels()[1:])
def test_levels_agree(rate_hz: int, simd: str) -> None:
    """Levels round differently: the tolerance is 1e-3 of a unit or of the value (HNR 0.1 dB), in all but 1 frame of 200."""
    x = np.concatenate([0.1 * harmonics(rate_hz, 97.0, 2.0), coloured_noise(rate_hz, 4), 0.03 * harmonics(rate_hz, 250.0)]).astype(
        np.float32
    )
    x += np.random.default_rng(9).normal(0, 1e-3, x.size).astype(np.float32)
    a, b = measure(x, rate_hz, simd_levels()[0]), measure(x, rate_hz, simd)
    tolerance = np.where(np.array(COLUMNS) == "hnr_db", 0.1, 1e-3)
    assert (np.abs(a - b) <= tolerance + 1e-3 * np.abs(b)).all(axis=1).mean() > 0.995
    spectral = [i for i, name in enumerate(COLUMNS) if name not in ("f0_hz", "voicing_probability", "hnr_db")]
    np.testing.assert_allclose(a[:, spectral], b[:, spectral], rtol=1e-4, atol=1e-4)
