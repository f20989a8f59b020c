"""The ONNX scorer against a closed form, an independent implementation and its own contract."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import factor_model
import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper
from recipe.graph import Indicator, build_scorer

from simpatico.errors import BundleError
from simpatico.style.scorer import INPUTS, OUTPUTS, Evidence, Scorer

INDICATORS = (
    Indicator(axis=0, r=0.30, half_evidence_s=6.0, group=0, shared_share=0.3),
    Indicator(axis=0, r=0.20, half_evidence_s=9.0),
    Indicator(axis=0, r=0.20, half_evidence_s=20.0, group=0, shared_share=0.3),
    Indicator(axis=0, r=-0.25, half_evidence_s=5.0),
    Indicator(axis=1, r=0.40, half_evidence_s=4.0),
    Indicator(axis=1, r=0.15, half_evidence_s=12.0, group=1, shared_share=0.4),
    Indicator(axis=1, r=0.20, half_evidence_s=12.0, group=1, shared_share=0.4),
)
F = len(INDICATORS)
Z_LIMIT = 3.0
NORM_S = np.full(F, 10.0)
NORM_VARIANCE = np.full(F, 0.2)
FLOAT32 = 2e-6
"""float32 sums of seven numbers of size 1: a few units of 6e-8 each way, and float64 divisions of them."""


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer(build_scorer(INDICATORS, axes=2, z_limit=Z_LIMIT), features=F, axes=2, where="model.onnx")


def moments(evidence: Evidence) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    variance = 1.0 / (1.0 + evidence.information.sum(axis=0))
    return evidence.shift.sum(axis=0) * variance, variance


def only(*which: int) -> NDArray[np.bool_]:
    return np.isin(np.arange(F), which)


def test_one_feature_by_hand(scorer: Scorer) -> None:
    # r = .4, h = 4 s, T = 10 s: rho = 10/14; lambda = .4 sqrt(10/14); noise at t = 5 s: 10/14 * .84 + 4/14 * 2 + .2.
    loading = 0.4 * np.sqrt(10 / 14)
    noise = 10 / 14 * 0.84 + 4 / 14 * 2 + 0.2
    mean, variance = moments(scorer.score(np.full(F, 1.5), only(4), np.full(F, 5.0), NORM_S, NORM_VARIANCE))
    assert variance[1] == pytest.approx(noise / (noise + loading**2), abs=FLOAT32)
    assert mean[1] == pytest.approx(1.5 * loading / (noise + loading**2), abs=FLOAT32)
    assert (mean[0], variance[0]) == (0.0, 1.0)


def test_a_norm_track_has_variance_one() -> None:
    for indicator in INDICATORS:
        loading, noise = factor_model.noise_covariance([indicator], np.array([10.0]), np.array([10.0]), np.array([0.0]))
        assert loading[0] ** 2 + noise[0, 0] == pytest.approx(1.0, abs=1e-15)


@settings(max_examples=200, deadline=None)
@given(
    z=st.lists(st.floats(-Z_LIMIT, Z_LIMIT), min_size=F, max_size=F),
    known=st.lists(st.booleans(), min_size=F, max_size=F),
    evidence_s=st.lists(st.floats(0.1, 600.0), min_size=F, max_size=F),
    norm_s=st.lists(st.floats(3.0, 60.0), min_size=F, max_size=F),
    norm_variance=st.lists(st.floats(0.0, 1.0), min_size=F, max_size=F),
)
def test_equals_dense_linear_algebra(
    scorer: Scorer, z: list[float], known: list[bool], evidence_s: list[float], norm_s: list[float], norm_variance: list[float]
) -> None:
    arrays = (np.array(z), np.array(known), np.array(evidence_s), np.array(norm_s), np.array(norm_variance))
    mean, variance = moments(scorer.score(*arrays))
    expected_mean, expected_variance = factor_model.posterior(INDICATORS, *arrays, axes=2)
    np.testing.assert_allclose(mean, expected_mean, rtol=0, atol=FLOAT32)
    np.testing.assert_allclose(variance, expected_variance, rtol=0, atol=FLOAT32)


@settings(max_examples=100, deadline=None)
@given(
    known=st.lists(st.booleans(), min_size=F, max_size=F),
    feature=st.integers(0, F - 1),
    evidence_s=st.floats(0.5, 100.0),
    factor=st.floats(1.5, 10.0),
)
def test_more_speech_and_more_features_never_widen(
    scorer: Scorer, known: list[bool], feature: int, evidence_s: float, factor: float
) -> None:
    z, mask, seconds = np.zeros(F), np.array(known), np.full(F, evidence_s)
    _, before = moments(scorer.score(z, mask, seconds, NORM_S, NORM_VARIANCE))
    _, longer = moments(scorer.score(z, mask, seconds * factor, NORM_S, NORM_VARIANCE))
    mask[feature] = True
    _, wider = moments(scorer.score(z, mask, seconds, NORM_S, NORM_VARIANCE))
    assert (longer <= before + FLOAT32).all()
    assert (wider <= before + FLOAT32).all()
    for axis in range(2):
        if any(known[j] and i.axis == axis for j, i in enumerate(INDICATORS)):
            assert longer[axis] < before[axis]


def test_missing_is_not_average(scorer: Scorer) -> None:
    every, z = np.full(F, 10.0), np.zeros(F)
    _, all_average = moments(scorer.score(z, np.ones(F, bool), every, NORM_S, NORM_VARIANCE))
    _, one_missing = moments(scorer.score(z, ~only(4), every, NORM_S, NORM_VARIANCE))
    assert one_missing[1] > all_average[1] + 0.02
    assert one_missing[0] == all_average[0]


def test_correlated_witnesses_count_less_than_independent_ones() -> None:
    def variance(shared_share: float) -> float:
        pair = [Indicator(0, 0.3, 6.0, 0 if shared_share else None, shared_share)] * 2
        scorer = Scorer(build_scorer(pair, axes=1, z_limit=3.0), features=2, axes=1, where="m")
        ones = np.ones(2)
        return float(moments(scorer.score(0 * ones, ones > 0, 10 * ones, 10 * ones, 0 * ones))[1][0])

    alone = Scorer(build_scorer([Indicator(0, 0.3, 6.0)], axes=1, z_limit=3.0), features=1, axes=1, where="m")
    single = float(moments(alone.score(np.zeros(1), np.ones(1, bool), np.full(1, 10.0), np.full(1, 10.0), np.zeros(1)))[1][0])
    assert variance(0.0) < variance(0.4) < variance(0.9) < single


def test_every_gain_has_the_sign_of_its_correlation(scorer: Scorer) -> None:
    """A feature that speaks for a trait may never count against it because of what else happens to be known."""
    for subset in itertools.product((False, True), repeat=F):
        evidence = scorer.score(np.ones(F), np.array(subset), np.full(F, 10.0), NORM_S, NORM_VARIANCE)
        for j, indicator in enumerate(INDICATORS):
            gain = evidence.shift[j, indicator.axis]
            assert gain * indicator.r > 0.0 if subset[j] else gain == 0.0


def test_wild_scores_are_clipped(scorer: Scorer) -> None:
    every = np.full(F, 10.0)
    at_limit = scorer.score(np.full(F, Z_LIMIT), np.ones(F, bool), every, NORM_S, NORM_VARIANCE)
    beyond = scorer.score(np.full(F, 1e6), np.ones(F, bool), every, NORM_S, NORM_VARIANCE)
    np.testing.assert_array_equal(at_limit.shift, beyond.shift)


def test_no_speech_is_almost_no_evidence(scorer: Scorer) -> None:
    mean, variance = moments(scorer.score(np.full(F, 3.0), np.ones(F, bool), np.zeros(F), NORM_S, NORM_VARIANCE))
    assert np.abs(mean).max() < 1e-3
    assert variance.min() > 0.999


def test_building_twice_gives_the_same_bytes() -> None:
    assert build_scorer(INDICATORS, axes=2, z_limit=Z_LIMIT) == build_scorer(INDICATORS, axes=2, z_limit=Z_LIMIT)


def fake_model(
    *, inputs: Sequence[str] = INPUTS, outputs: Sequence[str] = OUTPUTS, width: int = 2, dtype: int = TensorProto.FLOAT, mean: float = 0.0
) -> bytes:
    """A model of the right shape for F = 2, A = 1 that answers constants."""
    shapes = {"mean": [1, 1], "variance": [1, 1], "contributions": [1, width, 1], "information": [1, width, 1]}
    answers = {"mean": mean, "variance": 1.0}
    nodes, values = [], []
    for name in outputs:
        shape = shapes.get(name, [1, 1])
        value = helper.make_tensor(f"{name}_value", TensorProto.FLOAT, shape, [answers.get(name, 0.0)] * int(np.prod(shape)))
        nodes.append(helper.make_node("Constant", [], [name], value=value))
        values.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    taken = [helper.make_tensor_value_info(name, dtype, [1, width]) for name in inputs]
    model = helper.make_model(helper.make_graph(nodes, "fake", taken, values), opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


@pytest.mark.parametrize(
    ("model", "match"),
    [
        (b"", "not a model that onnxruntime can read"),
        (b"not protobuf at all", "not a model that onnxruntime can read"),
        (fake_model(inputs=("z", "known")), r"has inputs \['known', 'z'\]"),
        (fake_model(outputs=("mean", "variance")), r"has outputs \['mean', 'variance'\]"),
        (fake_model(width=3), r"input 'z' of m is tensor\(float\) \[1, 3\]; this bundle needs tensor\(float\) \[1, 2\]"),
        (fake_model(dtype=TensorProto.DOUBLE), r"input 'z' of m is tensor\(double\)"),
        (fake_model(mean=0.5), "must answer mean 0 and variance 1 when no feature is known"),
    ],
    ids=["empty", "text", "inputs", "outputs", "shape", "type", "prior"],
)
def test_models_that_break_the_contract_are_refused(model: bytes, match: str) -> None:
    with pytest.raises(BundleError, match=match):
        Scorer(model, features=2, axes=1, where="m")


@pytest.mark.parametrize(
    ("output", "match"),
    [("contributions", "contributions of m must sum to its mean"), ("information", "information of m must give its variance")],
)
def test_parts_that_do_not_sum_are_refused(output: str, match: str) -> None:
    model = onnx.load_from_string(build_scorer(INDICATORS, axes=2, z_limit=Z_LIMIT))
    for node in model.graph.node:
        for k, name in enumerate(node.output):
            if name == output:
                node.output[k] = f"true_{output}"
        for k, name in enumerate(node.input):
            if name == output:
                node.input[k] = f"true_{output}"
    model.graph.node.append(helper.make_node("Mul", [f"true_{output}", "half"], [output]))
    model.graph.initializer.append(helper.make_tensor("half", TensorProto.FLOAT, [], [0.5]))
    with pytest.raises(BundleError, match=match):
        Scorer(model.SerializeToString(), features=F, axes=2, where="m")
