"""What a line cuts off: known spectra without their ends, and spectra that are whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import ellip, sosfilt

from tests.reference.egemaps import band_edges, formants, prediction, windows
from tests.reference.test_egemaps_formants import voice

RATES = (8000, 16000)
TOPS = {8000: 128, 16000: 176}


def all_pole(rate_hz: int, f1_hz: float) -> windows.Float:
    """A spectrum that prediction fits: as many poles as its order has, F1 the lowest."""
    top, effective = TOPS[rate_hz], 2 * formants.CEILING_HZ[rate_hz]
    a = np.ones(1)
    for f, b in ((f1_hz, 80), (1400, 100), (2500, 150), (3300, 200), (4500, 250))[: prediction.ORDER[rate_hz] // 2]:
        r = np.exp(-np.pi * b / effective)
        a = np.convolve(a, [1, -2 * r * np.cos(2 * np.pi * f / effective), r * r])
    return prediction.predicted(a, 1.0, np.arange(top + 1), top)


def f1_of(power: windows.Float, rate_hz: int) -> float:
    a, _ = prediction.predictor(prediction.lags(power, prediction.ORDER[rate_hz]))
    return float(formants.resonances(a, 2 * formants.CEILING_HZ[rate_hz])[0][0])


@pytest.mark.parametrize("f1_hz", [280.0, 350.0, 600.0])
@pytest.mark.parametrize("rate_hz", RATES)
def test_the_lower_edge_is_told_by_the_rest(rate_hz: int, f1_hz: float) -> None:
    """Without its bins below 280 Hz a spectrum has its F1 too high; completed it is much less so."""
    power = all_pole(rate_hz, f1_hz)
    cut = power.copy()
    cut[:9] *= 1e-4
    got = band_edges.completed(cut, rate_hz)
    assert np.abs(np.log10(got[:9] / power[:9])).max() < 0.9
    assert abs(f1_of(got, rate_hz) - f1_hz) < 0.6 * abs(f1_of(cut, rate_hz) - f1_hz) + 0.5


@pytest.mark.parametrize("rate_hz", RATES)
def test_whole_spectra_stay_what_they_are(rate_hz: int) -> None:
    """What prediction fits, and what is louder at the edges than it expects."""
    power = all_pole(rate_hz, 500.0)
    assert band_edges.completed(power, rate_hz) == pytest.approx(power, rel=1e-6)
    louder = power.copy()
    louder[2] *= 30
    assert band_edges.completed(louder, rate_hz) == pytest.approx(louder, rel=1e-6)


@pytest.mark.parametrize("rate_hz", RATES)
def test_bins_between_the_edges_are_never_touched(rate_hz: int) -> None:
    power = np.random.default_rng(2).exponential(size=TOPS[rate_hz] + 1)
    power[:9] = power[112:129] = 0
    got = band_edges.completed(power, rate_hz)
    inside = slice(9, 112 if rate_hz == 8000 else None)
    assert np.array_equal(got[inside], power[inside])
    assert (got[:9] > 0).all()


@given(st.lists(st.floats(0, 1e6), min_size=129, max_size=129).filter(lambda p: max(p) > 1e-6), st.floats(1e-3, 1e3))
def test_is_finite_not_below_0_and_knows_no_unit(power: list[float], scale: float) -> None:
    p = np.array(power)
    got = band_edges.completed(p, 8000)
    assert np.isfinite(got).all()
    assert (got >= 0).all()
    assert band_edges.completed(scale * p, 8000) == pytest.approx(scale * got, rel=1e-3, abs=1e-6 * scale * p.max())


@pytest.mark.parametrize("f0_hz", [100.0, 140.0])
def test_f1_of_a_close_vowel_through_a_telephone(f0_hz: float) -> None:
    """The voice's F1 of 600 Hz moved to 300 Hz: nearer through 300-3400 Hz than without the completion."""
    x = voice(8000, f0_hz, f1_hz=300.0)
    x = sosfilt(ellip(6, 0.3, 40, (300, 3400), "bandpass", fs=8000, output="sos"), x)
    magnitudes = windows.long_magnitudes(x, 8000)[60:100]
    f0 = np.full(len(magnitudes), f0_hz)
    power, _ = formants.voice_power(magnitudes, f0, 8000)
    plain = np.median([f1_of(p, 8000) for p in power])
    got, _ = formants.formants(magnitudes, f0, 8000)
    assert abs(np.median(got[:, 0]) - 300) < 0.75 * abs(plain - 300)
