"""The window divided out of HNR: closed form, invariants, malformed input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simpatico.features import unwindowed_hnr_db
from tests.reference.egemaps import harmonics, windows

RATE = 16000


def windowed_hnr_db(x: windows.Float, f0_hz: float) -> windows.Float:
    acf = harmonics.autocorrelation(windows.long_magnitudes(x, RATE))
    return harmonics.hnr_db(acf, np.full(len(acf), f0_hz), RATE)


@pytest.mark.parametrize("snr_db", [0.0, 10.0, 20.0])
@pytest.mark.parametrize("f0_hz", [100.0, 160.0, 250.0])
def test_a_known_mixture_reads_its_ratio(f0_hz: float, snr_db: float) -> None:
    """Harmonics up to 4 kHz (so that whole lags of 1/16 ms are fine enough) in white noise; tolerance: 100 frames of noise scatter by 0.3
    dB, whole lags and the search for the greatest cost up to 1 dB at the ends."""
    rng = np.random.default_rng(5)
    t = np.arange(RATE) / RATE
    voice = np.sin(2 * np.pi * f0_hz * np.arange(1, int(4000 / f0_hz) + 1)[:, None] * t + rng.uniform(0, 6.3, (int(4000 / f0_hz), 1))).sum(
        0
    )
    noise = rng.standard_normal(RATE)
    x = 0.05 * (voice + noise * np.sqrt(np.mean(voice**2) / np.mean(noise**2)) * 10 ** (-snr_db / 20))
    windowed = windowed_hnr_db(x, f0_hz)
    found = unwindowed_hnr_db(windowed, np.full(len(windowed), f0_hz))
    assert np.mean(found) == pytest.approx(snr_db, abs=1.3)


def test_a_perfect_voice_is_far_above_what_the_window_allows() -> None:
    x = np.zeros(RATE)
    x[:: RATE // 100] = 0.5
    windowed = windowed_hnr_db(x, 100.0)
    assert windowed.max() < 8
    assert unwindowed_hnr_db(windowed, np.full(len(windowed), 100.0)).min() > 25


@given(hnr=st.floats(-50, 50), more=st.floats(0.01, 10), f0=st.floats(60, 500))
def test_rises_with_the_column_and_never_falls_below_it(hnr: float, more: float, f0: float) -> None:
    low, high = unwindowed_hnr_db(np.array([hnr, hnr + more]), np.full(2, f0))
    assert min(hnr, 60) - 1e-6 <= low <= high <= 60 + 1e-9


def test_no_frames() -> None:
    assert unwindowed_hnr_db(np.zeros(0), np.zeros(0)).shape == (0,)


def test_malformed_input_is_named() -> None:
    with pytest.raises(ValueError, match=r"shape \[2\], f0_hz \[3\]"):
        unwindowed_hnr_db(np.zeros(2), np.ones(3))
    with pytest.raises(ValueError, match="lowest F0 is 0 Hz; leave unvoiced"):
        unwindowed_hnr_db(np.zeros(2), np.array([100.0, 0.0]))
