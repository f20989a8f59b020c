"""Decide or browse: unknown until it is known, calibrated when it speaks, recovery of what calls were made with."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from simpatico.errors import OutcomeError
from simpatico.routing.intent import (
    LIVE_SIGNALS,
    MIN_LABELS,
    Intent,
    IntentCall,
    IntentUnknown,
    Lean,
    fit_intent,
    read_intent,
)


def calls(
    seed: int, count: int, beta: tuple[float, float, float] = (0.9, 0.0, -0.6), *, habit: float = 1.2
) -> tuple[list[IntentCall], np.ndarray]:
    """Callers with a habit each, reasons with a rate each, signals with weights; and the true probability of each call."""
    rng = np.random.default_rng(seed)
    habits = habit * rng.normal(size=count // 6)
    record: dict[tuple[int, int], list[int]] = {}
    found, truth = [], []
    for _ in range(count):
        caller, reason = int(rng.integers(habits.size)), int(rng.integers(2))
        z = rng.normal(size=3)
        p = 1 / (1 + math.exp(-((-0.7, 0.4)[reason] + habits[caller] + z @ np.array(beta))))
        bought = bool(rng.random() < p)
        own = record.setdefault((caller, reason), [0, 0])
        found.append(IntentCall(f"r{reason}", own[0], own[1], dict(zip(LIVE_SIGNALS, z.tolist(), strict=True)), bought))
        truth.append(p)
        own[0] += 1
        own[1] += bought
    return found, np.array(truth)


def test_unknown_until_there_are_labels() -> None:
    assert read_intent(None, IntentCall()) == Intent(Lean.UNKNOWN, None, None, None, 0, IntentUnknown.FEW_LABELS)
    few, _ = calls(0, MIN_LABELS - 1)
    answer = read_intent(fit_intent(few), few[0])
    assert (answer.lean, answer.probability, answer.labels, answer.why) == (Lean.UNKNOWN, None, MIN_LABELS - 1, IntentUnknown.FEW_LABELS)
    unlabelled = [replace(c, bought=None) for c in calls(0, 2_000)[0]]
    assert fit_intent(unlabelled).labels == 0
    lopsided = [replace(c, bought=i % 20 == 0) for i, c in enumerate(calls(0, 900)[0])]
    assert fit_intent(lopsided).unusable is IntentUnknown.FEW_LABELS


def test_weights_are_recovered() -> None:
    found = np.array([fit_intent(calls(seed, 4_000, habit=0.0)[0]).weights[2:] for seed in range(5)])
    np.testing.assert_allclose(
        found.mean(axis=0), (0.9, 0.0, -0.6), atol=0.08
    )  # standard error of a weight .04, of five .02; the prior shrinks a little


@pytest.mark.slow
def test_probabilities_are_calibrated_on_calls_never_seen() -> None:
    p, y = [], []
    for seed in range(6):
        seen, _ = calls(seed, 3_000)
        model = fit_intent(seen[:1_500])
        assert model.unusable is None
        for c in seen[1_500:]:
            p.append(read_intent(model, c).probability)
            y.append(float(bool(c.bought)))
    edges = np.quantile(p, np.linspace(0, 1, 11))
    bins = np.clip(np.searchsorted(edges, p, side="right") - 1, 0, 9)
    gaps = [abs(np.mean(np.array(p)[bins == b]) - np.mean(np.array(y)[bins == b])) for b in range(10)]
    assert np.mean(gaps) < 0.03  # 900 calls a bin: standard error .016
    assert max(gaps) < 0.07


def test_it_leans_only_when_the_interval_does() -> None:
    seen, _ = calls(1, 2_000)
    model = fit_intent(seen)
    leans = {Lean.DECIDE: 0, Lean.BROWSE: 0, Lean.UNKNOWN: 0}
    for c in seen:
        got = read_intent(model, c)
        leans[got.lean] += 1
        assert got.low is not None
        assert got.high is not None
        assert got.probability is not None
        assert got.low <= got.probability <= got.high
        assert (got.why is IntentUnknown.UNDECIDED) == (got.low <= 0.5 <= got.high) == (got.lean is Lean.UNKNOWN)
    assert min(leans.values()) > 50


def test_no_signal_no_answer() -> None:
    verdicts = [fit_intent(calls(seed, 800, (0.0, 0.0, 0.0), habit=0.0)[0]).unusable for seed in range(12)]
    assert sum(v is None for v in verdicts) <= 3  # each has a chance of 5 %


def test_a_world_that_turned_around_is_noticed() -> None:
    before, _ = calls(2, 1_500, (1.5, 0.0, 0.0), habit=0.0)
    after = [replace(c, bought=not c.bought) for c in calls(3, 500, (1.5, 0.0, 0.0), habit=0.0)[0]]
    model = fit_intent([*before, *after])
    assert model.unusable is IntentUnknown.NOT_CALIBRATED
    assert read_intent(model, before[0]).why is IntentUnknown.NOT_CALIBRATED


def test_a_missing_signal_counts_as_average_and_an_extreme_one_is_clipped() -> None:
    model = fit_intent(calls(1, 2_000)[0])
    assert read_intent(model, IntentCall("r0")) == read_intent(model, IntentCall("r0", signals=dict.fromkeys(LIVE_SIGNALS, 0.0)))
    assert read_intent(model, IntentCall("r0", signals={"activity": 3.0})) == read_intent(
        model, IntentCall("r0", signals={"activity": 1e9})
    )
    assert read_intent(model, IntentCall("never heard of")).probability is not None
    assert read_intent(model, IntentCall("r0", own_calls=9, own_bought=9)).probability > read_intent(model, IntentCall("r0")).probability  # type: ignore[operator]


def test_figures_that_cannot_be() -> None:
    with pytest.raises(OutcomeError, match=r"own_bought must be 0 to own_calls \(1\), got 2"):
        IntentCall("r", 1, 2)
    with pytest.raises(OutcomeError, match="signal activity must be finite or left out, got nan"):
        IntentCall("r", signals={"activity": math.nan})
