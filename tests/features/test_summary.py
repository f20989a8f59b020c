"""The set ``signals``: each figure against frames made for it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simpatico.features.summary import SUMMARY_NAMES, SUMMARY_UNITS, summarise
from tests.features.frames import frames


def summary(count: int, **columns: object) -> dict[str, float]:
    return dict(zip(SUMMARY_NAMES, summarise(frames(count, **columns)).tolist(), strict=True))  # type: ignore[arg-type]


def test_closed_form() -> None:
    """Two seconds, two voiced runs of 0.4 and 0.8 s at 110 and 220 Hz."""
    f0_hz = np.zeros(200)
    f0_hz[10:50], f0_hz[100:180] = 110, 220
    found = summary(200, f0_hz=f0_hz, rms_dbfs=-20.0, loudness=0.5, spectral_entropy=0.25, hnr_db=12.0, alpha_ratio_db=-9.0)
    assert found["voiced_share"] == pytest.approx(0.6)
    assert found["voiced_segments_per_s"] == pytest.approx(1.0)
    assert found["voiced_segment_mean_s"] == pytest.approx(0.6)
    assert found["voiced_segment_cv"] == pytest.approx(1 / 3, rel=1e-6)
    assert found["f0_median_st"] == pytest.approx(36.0)
    assert found["f0_sd_st"] == pytest.approx(np.std([24.0] * 40 + [36.0] * 80), rel=1e-6)
    assert found["intensity_dbfs"] == pytest.approx(-20.0)
    assert found["energy_cv"] == pytest.approx(0.0, abs=1e-3)
    assert (found["loudness_mean"], found["spectral_entropy_mean"]) == pytest.approx((0.5, 0.25))
    assert (found["hnr_db"], found["alpha_ratio_db"], found["slope_0_500_db_per_hz"]) == pytest.approx((12.0, -9.0, 0.0))


def test_what_has_nothing_to_rest_on_is_nan() -> None:
    assert np.isnan(summarise(frames(0))).all()
    unvoiced = summary(10, rms_dbfs=-120.0)
    assert unvoiced["voiced_share"] == 0.0
    for name in ("f0_median_st", "voiced_segment_mean_s", "voiced_segment_cv", "intensity_dbfs", "energy_cv", "hnr_db"):
        assert np.isnan(unvoiced[name]), name


@given(st.integers(1, 5), st.lists(st.sampled_from([0.0, 100.0, 150.0]), min_size=1, max_size=40))
def test_repetition_changes_no_rate(times: int, f0_hz: list[float]) -> None:
    """The segment played several times with a pause between has the same shares and means."""
    once, more = (summary((len(f0_hz) + 1) * n, f0_hz=[*f0_hz, 0.0] * n, rms_dbfs=-30.0) for n in (1, times))
    for name in ("voiced_share", "voiced_segments_per_s", "voiced_segment_mean_s", "voiced_segment_cv", "f0_sd_st", "intensity_dbfs"):
        assert more[name] == pytest.approx(once[name], rel=1e-5, abs=1e-5, nan_ok=True), name


def test_every_figure_has_a_unit() -> None:
    assert len(SUMMARY_NAMES) == len(SUMMARY_UNITS) == len(set(SUMMARY_NAMES)) == 15
    assert all(SUMMARY_UNITS)
