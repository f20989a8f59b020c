"""Style over several calls: against dense linear algebra, with calls taken out, and never surer than the norms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simpatico.errors import RequestError
from simpatico.profiles.fusion import AxisEvidence, AxisProfile, fuse_calls
from simpatico.style import AxisPrior, Bundle
from simpatico.style.posterior import fuse
from simpatico.types import AxisEstimate, Measure


def call(y: float, variance: float, shared: float) -> AxisEvidence:
    """Return a call that estimates y with that error variance, of which the norms bring ``shared``."""
    return AxisEvidence(y / variance, 1.0 / variance, shared)


calls = st.lists(st.builds(call, st.floats(-3, 3), st.floats(0.5, 50), st.floats(0.0, 0.5)), min_size=1, max_size=8)
stabilities = st.floats(0.05, 0.95)


def dense(ys: list[float], variances: list[float], shared: float, stability: float) -> tuple[float, float]:
    """Posterior of u given y, by the covariance matrix of (u, y)."""
    n = len(ys)
    covariance = stability * np.ones((n, n)) + shared * np.ones((n, n)) + np.diag([1.0 - stability + v - shared for v in variances])
    with_u = np.full(n, stability)
    gain = np.linalg.solve(covariance, with_u)
    return float(gain @ ys), float(stability - gain @ with_u)


@given(st.lists(st.tuples(st.floats(-3, 3), st.floats(0.5, 50)), min_size=1, max_size=8), st.floats(0.0, 0.5), stabilities)
def test_with_one_shared_error_it_is_the_exact_posterior(seen: list[tuple[float, float]], shared: float, stability: float) -> None:
    profile = fuse_calls([call(y, v, shared) for y, v in seen], stability=stability)
    mean, variance = dense([y for y, _ in seen], [v for _, v in seen], shared, stability)
    assert profile.mean == pytest.approx(mean, abs=1e-9)
    assert profile.sd**2 == pytest.approx(variance, abs=1e-9)


def test_one_certain_call_by_hand() -> None:
    # y = 2 = u + w exactly, u ~ N(0, .5), w ~ N(0, .5): u has mean 1, variance 1/4; the next call mean 1, variance 3/4.
    profile = fuse_calls([call(2.0, 1e-9, 0.0)], stability=0.5)
    assert profile.mean == pytest.approx(1.0)
    assert profile.sd == pytest.approx(0.5)
    assert profile.prior().mean == profile.mean
    assert profile.prior().sd == pytest.approx(math.sqrt(0.75))


def test_one_call_predicts_the_next_as_the_style_layer_says() -> None:
    # AxisPrior.from_estimate, with s as the correlation of two calls, from the posterior after the first.
    posterior = fuse([1.2], [0.8])
    ours = fuse_calls([AxisEvidence(1.2, 0.8, 0.0)], stability=0.6).prior()
    theirs = AxisPrior.from_estimate(AxisEstimate("a", posterior.mean, posterior.sd), stability=0.6)
    assert (ours.mean, ours.sd) == (pytest.approx(theirs.mean), pytest.approx(theirs.sd))


@given(st.floats(-3, 3), st.floats(0.01, 4.0), stabilities, st.integers(1, 10_000))
def test_never_surer_than_the_norms(y: float, shared: float, stability: float, count: int) -> None:
    profile = fuse_calls([call(y, shared * 1.5, shared)] * count, stability=stability)
    assert profile.sd**2 >= 1.0 / (1.0 / stability + 1.0 / shared) * (1 - 1e-12)
    assert profile.prior().sd >= math.sqrt(1.0 - stability)


@given(calls, stabilities)
def test_every_call_that_shares_no_error_makes_surer(seen: list[AxisEvidence], stability: float) -> None:
    own = [AxisEvidence(c.shift, c.information, 0.0) for c in seen]
    sds = [fuse_calls(own[:n], stability=stability).sd for n in range(len(own) + 1)]
    assert sds == sorted(sds, reverse=True)


@given(calls, stabilities, st.data())
def test_a_call_taken_out_leaves_no_trace(seen: list[AxisEvidence], stability: float, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(seen)))
    wrong = data.draw(st.builds(call, st.floats(-3, 3), st.floats(0.5, 50), st.floats(0.0, 0.5)))
    with_it = [*seen[:at], wrong, *seen[at:]]
    del with_it[at]
    assert fuse_calls(with_it, stability=stability) == fuse_calls(seen, stability=stability)


@given(calls, stabilities)
def test_order_does_not_matter(seen: list[AxisEvidence], stability: float) -> None:
    a, b = fuse_calls(seen, stability=stability), fuse_calls(seen[::-1], stability=stability)
    assert (a.mean, a.sd) == (pytest.approx(b.mean, abs=1e-12), pytest.approx(b.sd, abs=1e-12))


def test_no_call_and_a_call_without_evidence_are_the_population() -> None:
    nothing = fuse_calls([], stability=0.5)
    assert nothing == AxisProfile(0.0, math.sqrt(0.5), 0, 0.5)
    assert fuse_calls([AxisEvidence(0.0, 0.0, math.inf)], stability=0.5) == nothing
    assert (nothing.prior().mean, nothing.prior().sd) == (0.0, pytest.approx(1.0))


@given(st.floats(-2, 2), st.floats(0.0, 3.0), st.floats(-2, 2), st.floats(0.2, 2.0))
def test_the_prior_comes_out_of_a_posterior_again(shift: float, information: float, mean: float, sd: float) -> None:
    prior = AxisPrior(mean, sd)
    posterior = fuse([shift], [information], prior)
    evidence = AxisEvidence.of(AxisEstimate("a", posterior.mean, posterior.sd), prior, 0.1)
    assert evidence.information == pytest.approx(information, abs=1e-9)
    if information > 1e-6:
        assert evidence.shift == pytest.approx(shift, abs=1e-8)


def test_with_the_shipped_bundle_a_hundred_calls_are_not_certainty(bundle: Bundle) -> None:
    from simpatico.signals import AudioKind

    kind = AudioKind("narrow", "waveform")
    features = {"talk_share": Measure(0.6, evidence_s=60.0), "energy_cv": Measure(1.0, evidence_s=60.0)}
    axis = bundle.estimate(features, kind=kind).axes[0]
    evidence = AxisEvidence.of(axis, AxisPrior(), bundle.shared_variance(features, kind=kind)[axis.name])
    hundred = fuse_calls([evidence] * 100)
    assert hundred.sd > 0.6
    assert hundred.sd < fuse_calls([evidence]).sd


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ((math.nan, 1.0, 0.0), "evidence must be finite.*nan"),
        ((1.0, -0.1, 0.0), "information of 0 or more.*-0.1"),
        ((1.0, math.inf, 0.0), "inf"),
        ((1.0, 1.0, math.nan), "shared variance must be 0 or more, got nan"),
        ((1.0, 1.0, -1.0), "shared variance"),
    ],
)
def test_evidence_that_cannot_be(values: tuple[float, float, float], match: str) -> None:
    with pytest.raises(RequestError, match=match):
        AxisEvidence(*values)


@pytest.mark.parametrize("stability", [0.0, -1.0, 1.1, math.nan])
def test_stability_out_of_range(stability: float) -> None:
    with pytest.raises(RequestError, match="stability must be above 0"):
        fuse_calls([], stability=stability)
