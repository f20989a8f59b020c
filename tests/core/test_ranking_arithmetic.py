"""The C arithmetic of rankings from Python: what fits together and what does not. What the figures mean is tested with the routing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from simpatico import core
from simpatico.core import CandidateNames, Grid, Model, expect, first_place

GRID = Grid(1e-9, 6.0, 6.5, 1 / 64, 2.0, 24)
TERMS, WIDTH, AGENTS, CELLS = 2, 3, 4, 3
MODEL = Model(
    np.zeros((AGENTS, TERMS * (1 + TERMS + WIDTH) + 1)),
    np.zeros((CELLS, TERMS + 3)),
    np.array((0.5, 0.1, -0.1)),
    np.eye(WIDTH),
    np.zeros((AGENTS, WIDTH - TERMS), np.int64),
)
PHI = np.array((1.0, 2.0))


def test_shapes() -> None:
    found = expect(MODEL, np.array((0, 3, 1)), PHI, 0)
    assert found.shape == (8, 3)
    np.testing.assert_allclose(found[0], 0.5 + 0.2 - 0.1)
    assert expect(MODEL, np.zeros(0, np.int64), PHI, None).shape == (8, 0)
    assert first_place(np.zeros(0), np.zeros(0), GRID)[0].shape == (0,)


def test_what_is_not_contiguous_is_copied() -> None:
    mean, sd = np.arange(8.0)[::2], np.ones(8)[::2]
    np.testing.assert_array_equal(first_place(mean, sd, GRID)[0], first_place(mean.copy(), sd.copy(), GRID)[0])


@pytest.mark.parametrize(
    ("changed", "rows", "phi", "reason"),
    [
        ({"agents": np.zeros((AGENTS, 12))}, [0], PHI, None),
        ({"cells": np.zeros((0, TERMS + 3))}, [0], PHI, None),
        ({"cells": np.zeros((CELLS, TERMS + 2))}, [0], PHI, None),
        ({"root": np.eye(2)}, [0], PHI, None),
        ({"cell_at": np.zeros((AGENTS, 2), np.int64)}, [0], PHI, None),
        ({"cell_at": np.full((AGENTS, 1), 99)}, [0], PHI, 0),
        ({}, [AGENTS], PHI, None),
        ({}, [-1], PHI, None),
        ({}, [0], PHI, 1),
        ({}, [0], np.ones(17), None),
    ],
)
def test_arrays_that_do_not_fit_together(changed: dict[str, Any], rows: list[int], phi: Any, reason: int | None) -> None:
    with pytest.raises(ValueError, match="fit together"):
        expect(MODEL._replace(**changed), np.array(rows), phi, reason)


@pytest.mark.parametrize(
    "changed", [{"agents": np.zeros((4, 13), np.float32)}, {"cell_at": np.zeros((4, 1))}, {"root": np.eye(6)[::2, ::2]}]
)
def test_other_kinds_of_array(changed: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError, BufferError), match="contiguous"):
        expect(MODEL._replace(**changed), np.array((0,)), PHI, None)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e200])
def test_chances_of_figures_that_cannot_be(value: float) -> None:
    with pytest.raises(ValueError, match="means and sds must be"):
        first_place(np.array((0.0, value)), np.ones(2), GRID)
    with pytest.raises(ValueError, match="means and sds must be"):
        first_place(np.zeros(3), np.ones(2), GRID)


def test_names() -> None:
    names = CandidateNames([b"a", b"bc"])
    found = names.read([b"\x0a\x02bc", b"\x0a\x01a\x10\x05"])
    assert found is not None
    assert [column.tolist() for column in found[:3]] == [[1, 0], [0, 5], [0.0, 0.0]]
    assert np.isnan(found[3]).all()
    assert found[4] == 0
    assert names.read([b"\x0a\x01c"]) is None


@pytest.mark.parametrize("listed", [["a"], [b"\x0a\x01a", None], [bytearray(b"\x0a\x01a")]])
def test_items_that_are_not_bytes(listed: list[Any]) -> None:
    with pytest.raises(TypeError, match="bytes"):
        CandidateNames([b"a"]).read(listed)
    with pytest.raises(TypeError, match="bytes"):
        CandidateNames(listed)


def test_columns_of_another_length() -> None:
    names: Any = core.ranking._core.Names([b"a"])
    with pytest.raises(TypeError, match="as many items"):
        names.read([b"\x0a\x01a"], np.zeros(2, np.int64), np.zeros(1, np.int64), np.zeros(1), np.zeros(1))
    with pytest.raises(TypeError, match="int64"):
        names.read([b"\x0a\x01a"], np.zeros(1), np.zeros(1, np.int64), np.zeros(1), np.zeros(1))
