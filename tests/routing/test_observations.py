"""Sums of outcomes: order, correction, rebuilding, storing, hostile documents."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simpatico.errors import ModelStateError
from simpatico.routing.observations import MAX_STYLE, Observations, design
from simpatico.routing.posterior import solve
from tests.routing.worlds import belief, learned, queue


def same(one: Observations, other: Observations) -> None:
    assert [c[:2] for c in one.to_document()["cells"]] == [c[:2] for c in other.to_document()["cells"]]
    for a, b in zip(one.to_document()["cells"], other.to_document()["cells"], strict=True):
        assert a[2] == pytest.approx(b[2], abs=1e-9)  # float64 sums of some hundred terms of order 1


def test_the_sums_are_what_they_say() -> None:
    rows = queue(0, agents=2, calls=40, reasons=1).rows
    made = Observations.rebuilt(rows)
    for i, (agent, _) in enumerate(made.keys):
        own = [r for r in rows if r.agent_id == agent]
        phi = np.array([design(r.belief, made.axes) for r in own])
        u = np.array([r.utility for r in own])
        np.testing.assert_allclose(made.gram[i], phi.T @ phi, atol=1e-10)
        np.testing.assert_allclose(made.cross[i], phi.T @ u, atol=1e-10)
        assert made.square[i] == pytest.approx(u @ u)
    assert made.calls == 40


def test_the_order_of_arrival_does_not_matter() -> None:
    rows = queue(1).rows
    same(Observations.rebuilt(rows), Observations.rebuilt(reversed(rows)))


def test_the_state_is_rebuilt_from_the_rows_alone() -> None:
    rows = queue(2).rows
    kept = Observations()
    first = replace(rows[0], utility=0.0, weight=0.4)  # a partial report, corrected later
    kept.learn(first)
    for row in rows[1:]:
        kept.learn(row)
    kept.learn(rows[0], replaces=first)
    same(kept, Observations.rebuilt(rows))


def test_what_is_forgotten_leaves_no_trace() -> None:
    rows = queue(3).rows
    kept = Observations.rebuilt(rows)
    for row in rows[:200]:
        kept.forget(row)
    again = Observations.rebuilt(rows[200:])
    same(kept, again)
    with pytest.raises(ModelStateError, match="nothing was learned of agent 'stranger'"):
        kept.forget(replace(rows[0], agent_id="stranger"))


def test_stored_and_read_again_to_the_bit() -> None:
    kept = learned(queue(4))
    text = json.dumps(kept.to_document(), allow_nan=False)
    read = Observations.from_document(json.loads(text))
    assert read.to_document() == kept.to_document()
    one, other = solve(kept), solve(read)
    assert one is not None
    assert other is not None
    np.testing.assert_array_equal(one.agent_mean, other.agent_mean)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "format 2; this build reads 1"),
        ({"cells": [["a", "r", [1.0]]]}, "'a', 'r' must occur once, with 14 finite sums"),
        ({"cells": [["a", "r", [math.nan] * 14]]}, "finite sums"),
        ({"cells": [["a", "r", [1.0] * 14]] * 2}, "must occur once"),
        ({"cells": ["?"]}, r"a cell is \[agent_id, reason, sums\]"),
        ({"cells": [["a", "r", "text"]]}, r"a cell is \[agent_id, reason, sums\]"),
        ({"axes": [f"x{i}" for i in range(9)]}, "up to 8 different axes"),
        ({"cells": None}, "has format, axes and cells"),
    ],
)
def test_a_damaged_document_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ModelStateError, match=message):
        Observations.from_document({"format": 1, "axes": ["assertiveness", "responsiveness"], "cells": [], **change})
    with pytest.raises(ModelStateError, match="without"):
        Observations.from_document({})


@given(st.floats(-10, 10))
def test_an_extreme_belief_is_clipped(mean: float) -> None:
    phi = design(belief(mean, 0.0), ("assertiveness", "unheard-of"))
    assert phi.tolist() == [1.0, min(MAX_STYLE, max(-MAX_STYLE, mean)), 0.0]
