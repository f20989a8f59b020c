"""Functionals of formants on openSMILE's scale."""

from __future__ import annotations

import json
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simpatico.core import FUNCTIONAL_NAMES
from simpatico.errors import ConfigError, RequestError
from simpatico.features import SCALED_NAMES, Smile, on_opensmile_scale

LINES = json.loads(files("simpatico.features").joinpath("opensmile_scale.json").read_text("utf-8"))
COLUMNS = [FUNCTIONAL_NAMES.index(name) for name in SCALED_NAMES]


def a_row() -> np.ndarray:
    return np.random.default_rng(3).uniform(1, 5, 88).astype(np.float32)


@pytest.mark.parametrize(("rate_hz", "measured_at"), [(8000, "8000"), (11025, "8000"), (16000, "16000"), (48000, "16000")])
def test_each_of_the_twelve_is_taken_along_its_line(rate_hz: int, measured_at: str) -> None:
    row = a_row()
    out = on_opensmile_scale(row, rate_hz)
    for name, column in zip(SCALED_NAMES, COLUMNS, strict=True):
        a, b = LINES[measured_at][name]
        assert out[column] == pytest.approx(a + b * row[column], rel=1e-5)


def test_the_other_76_and_the_input_stay() -> None:
    row = a_row()
    before = row.copy()
    out = on_opensmile_scale(row, 8000)
    others = np.setdiff1d(np.arange(88), COLUMNS)
    assert len(others) == 76
    np.testing.assert_array_equal(out[others], row[others])
    np.testing.assert_array_equal(row, before)


def test_a_formant_that_was_not_found_stays_so_and_nan_stays_nan() -> None:
    row = a_row()
    row[FUNCTIONAL_NAMES.index("F2bandwidth_sma3nz_amean")] = 0
    row[FUNCTIONAL_NAMES.index("F1frequency_sma3nz_amean")] = np.nan
    out = on_opensmile_scale(row, 8000)
    assert out[FUNCTIONAL_NAMES.index("F2bandwidth_sma3nz_amean")] == 0
    assert out[FUNCTIONAL_NAMES.index("F2bandwidth_sma3nz_stddevNorm")] == 0
    assert np.isnan(out[FUNCTIONAL_NAMES.index("F1frequency_sma3nz_amean")])


@given(st.integers(1, 5), st.sampled_from([8000, 16000]))
def test_a_table_is_mapped_row_by_row(count: int, rate_hz: int) -> None:
    rows = np.random.default_rng(count).uniform(0.1, 3000, (count, 88)).astype(np.float32)
    np.testing.assert_array_equal(on_opensmile_scale(rows, rate_hz), np.stack([on_opensmile_scale(r, rate_hz) for r in rows]))


@pytest.mark.parametrize("shape", [(), (87,), (88, 2)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(RequestError, match=r"88\] functionals work"):
        on_opensmile_scale(np.zeros(shape, np.float32), 8000)


def test_smile_maps_functionals_when_asked_and_descriptors_never() -> None:
    pytest.importorskip("pandas", reason="pandas is not installed")
    x = np.random.default_rng(1).normal(0, 0.1, 16000).astype(np.float32)
    x += np.sin(2 * np.pi * 150 * np.arange(16000) / 8000).astype(np.float32) * 0.3
    own, mapped = (Smile(scale=scale).process_signal(x, 8000).to_numpy() for scale in ("own", "opensmile"))
    assert (own != mapped).any()
    np.testing.assert_array_equal(mapped, on_opensmile_scale(own, 8000))
    own, mapped = (Smile(feature_level="lld", scale=scale).process_signal(x, 8000).to_numpy() for scale in ("own", "opensmile"))
    np.testing.assert_array_equal(mapped, own)


def test_an_unknown_scale_is_refused() -> None:
    with pytest.raises(ConfigError, match="'mel' is not known: own and opensmile work"):
        Smile(scale="mel")


def test_every_line_rises() -> None:
    assert all(b > 0 for lines in LINES.values() for _, b in lines.values())
    assert all(set(lines) == set(SCALED_NAMES) for lines in LINES.values())
