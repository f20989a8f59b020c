"""Norms: fitting, looking up, and reading them back."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simpatico.errors import BundleError
from simpatico.signals import Norm, NormTable, fit_norm, robust_z
from simpatico.types import Role

ROW = {"role": "caller", "bandwidth": "narrow", "codec_family": "waveform", "feature": "energy_cv", "median": 0.8, "mad": 0.1, "n": 8}


def test_a_normal_population_has_z_of_mean_0_and_sd_1() -> None:
    """Within 0.02: the sampling error of median and MAD of 40 000 values."""
    values = np.random.default_rng(0).normal(5.0, 2.0, 40_000)
    norm = fit_norm(values)
    assert norm is not None
    assert (norm.median, norm.sd, norm.n) == (pytest.approx(5.0, abs=0.04), pytest.approx(2.0, abs=0.04), 40_000)
    assert robust_z(7.0, norm) == pytest.approx(1.0, abs=0.03)


def test_the_error_that_a_norm_adds_is_that_of_fitting_it_again() -> None:
    """z of a fixed value against norms refitted on 200 calls, 4 000 times; within 7 % (the formula is for many calls)."""
    rng = np.random.default_rng(1)
    for value in (0.0, 1.5):
        norms = [fit_norm(rng.standard_normal(200)) for _ in range(4000)]
        spread = np.std([robust_z(value, norm) for norm in norms if norm is not None])
        assert Norm(0.0, 1 / 1.4826, 200).z_se(value) == pytest.approx(spread, rel=0.07)


def test_one_outlier_moves_nothing() -> None:
    norm, other = fit_norm([1.0, 2.0, 3.0, 4.0, 5.0]), fit_norm([1.0, 2.0, 3.0, 4.0, 5000.0])
    assert norm == other == Norm(3.0, 1.0, 5)


@pytest.mark.parametrize("values", [[], [2.0], [2.0, 2.0, 2.0, 9.0]])
def test_what_does_not_vary_gives_no_norm(values: list[float]) -> None:
    assert fit_norm(values) is None


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_fitting_refuses_what_is_no_number(bad: float) -> None:
    with pytest.raises(ValueError, match=r"finite values, got (nan|inf)"):
        fit_norm([1.0, bad])


@pytest.mark.parametrize(
    ("median", "mad", "n", "message"),
    [
        (math.nan, 0.1, 8, "median of a norm is nan"),
        (0.0, 0.0, 8, "MAD of a norm is 0.0; it must be finite and above 0"),
        (0.0, -1.0, 8, "MAD of a norm is -1.0"),
        (0.0, math.inf, 8, "MAD of a norm is inf"),
        (0.0, 0.1, 0, "n = 0 calls; it needs at least 1"),
    ],
)
def test_a_norm_that_would_divide_by_nothing_is_refused(median: float, mad: float, n: int, message: str) -> None:
    with pytest.raises(BundleError, match=message):
        Norm(median, mad, n)


names = st.text("abcdefgh_", min_size=1, max_size=6)
keys = st.tuples(st.sampled_from(list(Role)), names, names, names)
norms = st.builds(Norm, st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(1, 10**6))


@given(st.dictionaries(keys, norms, max_size=20))
def test_a_table_survives_json(table: dict[tuple[Role, str, str, str], Norm]) -> None:
    rows = json.loads(json.dumps(list(NormTable(table).rows())))
    assert NormTable.from_rows(rows) == NormTable(table)
    assert rows == sorted(rows, key=lambda r: (r["role"], r["bandwidth"], r["codec_family"], r["feature"]))


def test_lookup_is_of_exactly_that_kind() -> None:
    table = NormTable.from_rows([ROW])
    assert table.lookup(Role.CALLER, "narrow", "waveform", "energy_cv") == Norm(0.8, 0.1, 8)
    assert table.lookup(Role.AGENT, "narrow", "waveform", "energy_cv") is None
    assert table.lookup(Role.CALLER, "wide", "waveform", "energy_cv") is None


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{k: v for k, v in ROW.items() if k != "mad"}], "row 0 of the norms lacks 'mad'"),
        ([ROW | {"role": "waiter"}], "row 0 of the norms cannot be read: 'waiter'"),
        ([ROW | {"median": "high"}], "row 0 of the norms cannot be read: .*'high'"),
        ([ROW | {"median": None}], "row 0 of the norms cannot be read"),
        ([ROW, ROW], "row 1 of the norms repeats caller/narrow/waveform/energy_cv; keep one"),
        ([ROW | {"mad": 0}], "MAD of a norm is 0"),
    ],
)
def test_a_malformed_table_is_refused_with_the_row(rows: list[dict[str, object]], message: str) -> None:
    with pytest.raises(BundleError, match=message):
        NormTable.from_rows(rows)
