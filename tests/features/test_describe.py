"""Summaries of utterances against what their frames were made from."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simpatico.core import COLUMNS
from simpatico.features import describe, f0_histogram
from simpatico.types import F0_BIN_COUNT, F0_BINS_PER_ST, Prosody
from tests.features.frames import frames

FLOAT32_DB = 1e-4
"""Levels are float32 dB: half a unit in the last place of 100 is 4e-6 dB, of their means and sums somewhat more."""


def test_no_frames() -> None:
    assert describe(frames(0)) == Prosody()


def test_counts_and_runs_of_voicing() -> None:
    found = describe(frames(12, f0_hz=[0, 110, 110, 0, 0, 110, 110, 110, 0, 110, 0, 0], rms_dbfs=-20))
    assert (found.frames, found.voiced_frames, found.voiced_segments) == (12, 6, 3)
    assert found.voiced_segment_sum_s == pytest.approx(0.06)
    assert found.voiced_segment_sumsq_s2 == pytest.approx((2**2 + 3**2 + 1) * 1e-4)


def test_voicing_up_to_both_ends() -> None:
    found = describe(frames(5, f0_hz=200.0, rms_dbfs=-20))
    assert (found.voiced_segments, found.voiced_segment_sum_s) == (1, pytest.approx(0.05))


def test_pitch_in_semitones() -> None:
    """27.5 Hz is 0 st; 110 Hz two octaves up, 220 Hz three."""
    found = describe(frames(5, f0_hz=[110, 220, 0, 220, 220], rms_dbfs=-20))
    assert found.f0_median_st == pytest.approx(36.0)
    assert found.f0_sd_st == pytest.approx(math.sqrt(np.var([24, 36, 36, 36])))
    assert describe(frames(4, f0_hz=[110, 220, 110, 220], rms_dbfs=-20)).f0_median_st == pytest.approx(30.0)


def test_level() -> None:
    """Half the frames at amplitude 0.1, half at 0.2."""
    found = describe(frames(10, rms_dbfs=[-20.0] * 5 + [20 * math.log10(0.2)] * 5))
    assert found.energy_sum == pytest.approx(1.5, rel=1e-5)
    assert found.energy_sumsq == pytest.approx(0.25, rel=1e-5)
    assert found.intensity_db == pytest.approx(10 * math.log10(0.025), abs=FLOAT32_DB)


def test_digital_silence_has_no_level() -> None:
    found = describe(frames(10, rms_dbfs=-120.0))
    assert (found.energy_sum, found.energy_sumsq, found.intensity_db) == (0.0, 0.0, None)


def test_means_over_all_and_over_voiced_frames() -> None:
    f0_hz = [0, 100, 100, 0]
    found = describe(
        frames(4, f0_hz=f0_hz, rms_dbfs=-20, loudness=[1, 2, 3, 6], spectral_entropy=[0.5, 0.25, 0.25, 1], hnr_db=[99, 10, 20, 99])
    )
    assert found.loudness_mean == 3.0
    assert (found.entropy_sum, found.entropy_sumsq) == (2.0, 1.375)
    assert found.hnr_db == 15.0


def test_without_voiced_frames() -> None:
    found = describe(frames(4, rms_dbfs=-20))
    assert (found.f0_median_st, found.f0_sd_st, found.alpha_ratio_db, found.slope_0_500_db_per_hz, found.hnr_db) == (None,) * 5
    assert found.voiced_segments == 0


@given(st.lists(st.floats(60, 500), min_size=1, max_size=60), st.floats(-20, 20), st.floats(0.5, 2.0))
def test_gain_and_transposition(f0_hz: list[float], gain_db: float, factor: float) -> None:
    """A gain moves the level by itself and nothing else; transposing moves the median by its interval and no spread."""
    levels = np.linspace(-40, -25, len(f0_hz))
    before = describe(frames(len(f0_hz), f0_hz=f0_hz, rms_dbfs=levels))
    after = describe(frames(len(f0_hz), f0_hz=np.array(f0_hz) * factor, rms_dbfs=levels + gain_db))
    assert before.intensity_db is not None
    assert after.intensity_db == pytest.approx(before.intensity_db + gain_db, abs=FLOAT32_DB)
    assert before.f0_median_st is not None
    assert after.f0_median_st == pytest.approx(before.f0_median_st + 12 * math.log2(factor), abs=1e-4)
    assert after.f0_sd_st == pytest.approx(before.f0_sd_st, abs=1e-4)
    assert after.syllables == before.syllables


def test_histogram_bins() -> None:
    """27.5 Hz opens bin 0, 55 Hz bin 240; what lies outside goes to the outer bins; unvoiced frames count nowhere."""
    found = f0_histogram(frames(6, f0_hz=[27.5, 55.0, 20.0, 2000.0, 0.0, 55.0]))
    assert found.dtype == np.int64
    assert found.shape == (F0_BIN_COUNT,)
    assert {int(b): int(found[b]) for b in np.flatnonzero(found)} == {0: 2, 12 * F0_BINS_PER_ST: 2, F0_BIN_COUNT - 1: 1}


@given(st.lists(st.sampled_from([0.0, 50.0, 99.0, 180.0, 700.0]), max_size=30), st.integers(0, 30))
def test_histograms_of_parts_add_up(f0_hz: list[float], cut: int) -> None:
    whole = frames(len(f0_hz), f0_hz=f0_hz)
    np.testing.assert_array_equal(f0_histogram(whole[:cut]) + f0_histogram(whole[cut:]), f0_histogram(whole))


@pytest.mark.parametrize("shape", [(3,), (3, 2), (3, len(COLUMNS), 1)])
def test_other_columns_are_refused(shape: tuple[int, ...]) -> None:
    for function in (describe, f0_histogram):
        with pytest.raises(ValueError, match=r"core's \d+ columns, got an array of shape \(3"):
            function(np.zeros(shape, np.float32))
