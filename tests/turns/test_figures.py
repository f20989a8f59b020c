"""Estimators of turn-taking: values in closed form, standard errors against simulation with fixed seeds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simpatico.turns import figures
from simpatico.types import Reason

RUNS = 2000


def spread(estimate: list[float], claimed: list[float | None]) -> float:
    """Claimed standard error, root mean square over runs, as a multiple of the true one."""
    errors = [c for c in claimed if c is not None]
    assert len(errors) == len(estimate)
    return math.sqrt(float(np.mean(np.square(errors)))) / float(np.std(estimate))


@pytest.mark.parametrize(("n", "low", "high"), [(10, 0.85, 1.35), (40, 0.9, 1.2)])
@pytest.mark.parametrize("name", ["median", "interquartile_range"])
def test_quantile_errors_are_honest(name: str, n: int, low: float, high: float) -> None:
    """Log-normal gaps, as FTOs are skewed. At n = 10 the error is allowed to be a third too large, never much too small."""
    rng = np.random.default_rng(7)
    found = [getattr(figures, name)(rng.lognormal(0.0, 0.6, n).tolist(), 1.0) for _ in range(RUNS)]
    assert low < spread([m.value for m in found], [m.se for m in found]) < high


def test_median_and_quartiles_interpolate() -> None:
    values = [4.0, 1.0, 2.0, 3.0]
    assert figures.median(values, 9.0).value == 2.5
    assert figures.interquartile_range(values, 9.0).value == pytest.approx(1.5)
    assert figures.median(values, 9.0).evidence_s == 9.0


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_share_of_events_errors(share: float) -> None:
    rng = np.random.default_rng(1)
    found = [figures.share_of_events(int(rng.binomial(30, share)), 30, 1.0) for _ in range(RUNS)]
    assert 0.9 < spread([m.value or 0.0 for m in found], [m.se for m in found]) < 1.15


def test_shares_of_nothing_and_of_everything_have_errors() -> None:
    none, every = figures.share_of_events(0, 10, 1.0), figures.share_of_events(10, 10, 1.0)
    assert (none.value, every.value) == (0.0, 1.0)
    assert none.se == every.se
    assert none.se is not None
    assert 0.03 < none.se < 0.1
    assert figures.share_of_events(0, 0, 1.0).reason is Reason.TOO_FEW_TURNS


def test_share_of_time_errors() -> None:
    """Twelve stretches of speech among as many of silence, all exponential: within a third of the true spread."""
    rng = np.random.default_rng(3)
    found = [figures.share_of_time(rng.exponential(2.0, 12).tolist(), rng.exponential(3.0, 12).tolist(), 1.0) for _ in range(RUNS)]
    assert float(np.mean([m.value or 0.0 for m in found])) == pytest.approx(0.4, abs=0.01)
    assert 0.75 < spread([m.value or 0.0 for m in found], [m.se for m in found]) < 1.35


def test_one_long_stretch_is_little_evidence() -> None:
    one, many = figures.share_of_time([30.0], [30.0], 60.0), figures.share_of_time([1.0] * 30, [1.0] * 30, 60.0)
    assert one.value == many.value == 0.5
    assert one.se is not None
    assert many.se is not None
    assert one.se > 3.0 * many.se
    assert figures.share_of_time([], [], 0.0).reason is Reason.NO_SPEECH


def test_rate_errors() -> None:
    rng = np.random.default_rng(5)
    found = [figures.rate_per_min(int(rng.poisson(6)), 180.0, 1.0) for _ in range(RUNS)]
    assert float(np.mean([m.value or 0.0 for m in found])) == pytest.approx(2.0, abs=0.06)
    assert 0.9 < spread([m.value or 0.0 for m in found], [m.se for m in found]) < 1.15


def test_ratio_errors() -> None:
    """Syllables per second over 15 utterances, each with its own length and rate."""
    rng = np.random.default_rng(9)
    values, claimed = [], []
    for _ in range(RUNS):
        lengths = rng.exponential(1.5, 15) + 0.3
        found = figures.ratio((lengths * rng.normal(4.5, 0.8, 15)).tolist(), lengths.tolist(), 1.0, Reason.NO_SPEECH)
        values.append(found.value or 0.0)
        claimed.append(found.se)
    assert 0.85 < spread(values, claimed) < 1.15


def test_ratio_of_one_utterance_is_a_count() -> None:
    found = figures.ratio([8.0], [2.0], 2.0, Reason.NO_SPEECH)
    assert (found.value, found.se) == (4.0, pytest.approx(math.sqrt(8.5) / 2))
    assert figures.ratio([], [], 0.0, Reason.NO_SPEECH).reason is Reason.NO_SPEECH


def test_mean() -> None:
    found = figures.mean([1.0, 3.0], 4.0, Reason.NO_SPEECH)
    assert (found.value, found.se) == (2.0, pytest.approx(1.0))
    assert figures.mean([2.0], 2.0, Reason.NO_SPEECH).se is None
    assert figures.mean([], 0.0, Reason.NO_SPEECH).reason is Reason.NO_SPEECH
