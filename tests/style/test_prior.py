"""The bundle that ships: what its files promise each other, what its arithmetic is worth, and whether it still fits the code."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import factor_model
import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from recipe import card, evaluate, weights
from recipe.graph import Indicator

from bench.harper_valley import RealCall
from simpatico.signals import ACTIVITY, CONSISTENCY, AudioKind
from simpatico.style import STYLE_FEATURES, UNDETERMINED, Bundle
from simpatico.style.bundle import DEFAULT_BUNDLE
from simpatico.types import Measure, Role

FOLDER = Path(__file__).parents[2] / "models" / DEFAULT_BUNDLE
NARROW = AudioKind("narrow", "waveform")


def indicators(bundle: Bundle) -> list[Indicator]:
    groups = sorted({f.group for f in bundle.config.features if f.group})
    return [
        Indicator(bundle.axes.index(f.axis), f.evidence.r, f.half_evidence_s, groups.index(f.group) if f.group else None, f.shared_share)
        for f in bundle.config.features
        if f.evidence is not None
    ]


def at(bundle: Bundle, z: dict[str, float], seconds: float) -> dict[str, Measure]:
    norms = {name: bundle.norms.lookup(Role.CALLER, "narrow", "waveform", name) for name in z}
    return {name: Measure(norm.median + norm.sd * z[name], None, seconds) for name, norm in norms.items() if norm is not None}


def test_every_style_feature_is_weighed_and_every_weight_is_a_style_feature(bundle: Bundle) -> None:
    assert {f.name for f in bundle.config.features} == set(STYLE_FEATURES)


def test_the_model_holds_the_weights_of_the_configuration(bundle: Bundle) -> None:
    constants = {c.name: numpy_helper.to_array(c) for c in onnx.load(FOLDER / "model.onnx").graph.initializer}
    features = bundle.config.features
    np.testing.assert_allclose(constants["r"], [f.evidence.r for f in features if f.evidence], rtol=1e-6)
    np.testing.assert_allclose(constants["half_evidence_s"], [f.half_evidence_s for f in features], rtol=1e-6)
    np.testing.assert_allclose(constants["shared_share"], [f.shared_share for f in features], rtol=1e-6)
    assert constants["on_axis"].argmax(axis=1).tolist() == [bundle.axes.index(f.axis) for f in features]
    assert float(constants["z_high"]) == weights.Z_LIMIT


def test_the_configuration_holds_the_recipe(bundle: Bundle) -> None:
    assert [f.evidence for f in bundle.config.features] == [w.evidence for w in weights.WEIGHTS]
    assert (bundle.axes, bundle.threshold) == (tuple(a.name for a in weights.AXES), weights.THRESHOLD)
    assert bundle.config.excluded == weights.EXCLUDED


def test_every_weight_has_a_source_and_an_honest_basis(bundle: Bundle) -> None:
    for feature in bundle.config.features:
        assert feature.evidence is not None
        assert abs(feature.evidence.r) < abs(feature.evidence.starting_r)  # always shrunk
        assert abs(feature.evidence.starting_r) <= 0.5  # nothing beyond what is published for such features
        assert ("Size: judgement" in feature.evidence.figures) == (feature.evidence.basis == "judgement")


def test_level_and_register_are_left_out_by_name(bundle: Bundle) -> None:
    assert {"f0_median_st", "intensity_db", "loudness_mean"} <= {e.name for e in bundle.config.excluded}
    assert not {e.name for e in bundle.config.excluded} & set(STYLE_FEATURES)


def test_norms_are_there_for_the_layers_that_need_them(bundle: Bundle) -> None:
    for name in {*STYLE_FEATURES, *ACTIVITY, *CONSISTENCY}:
        assert bundle.norms.lookup(Role.CALLER, "narrow", "waveform", name) is not None, name
    agents = {row.feature for row in bundle.config.norms.rows if row.role is Role.AGENT}
    assert agents == set(ACTIVITY)  # an agent's voice has no norms


def test_the_estimate_is_the_documented_model(bundle: Bundle) -> None:
    rng = np.random.default_rng(11)
    rows = {row.feature: row for row in bundle.config.norms.rows if row.role is Role.CALLER}
    names = [f.name for f in bundle.config.features]
    norm_s = np.array([rows[name].evidence_s for name in names])
    norm_variance = np.array([bundle.norms.norms[rows[name].key].z_se(1.0) ** 2 for name in names])
    for seconds in (2.0, 12.0, 300.0):
        z = rng.uniform(-3, 3, len(names))
        known = rng.random(len(names)) < 0.7
        given = {name: value for name, value, k in zip(names, z, known, strict=True) if k}
        estimate = bundle.estimate(at(bundle, given, seconds), kind=NARROW)
        mean, variance = factor_model.posterior(
            indicators(bundle), z, known, np.full(len(names), seconds), norm_s, norm_variance, axes=len(bundle.axes)
        )
        # float32 in the scorer: sums of eleven numbers of size 1.
        assert [axis.mean for axis in estimate.axes] == pytest.approx(list(mean), abs=5e-6)
        assert [axis.sd**2 for axis in estimate.axes] == pytest.approx(list(variance), abs=5e-6)


def test_no_combination_turns_a_feature_against_its_own_direction(bundle: Bundle) -> None:
    names = [f.name for f in bundle.config.features]
    signs = {f.name: np.sign(f.evidence.r) for f in bundle.config.features if f.evidence}
    for size in (1, 2, len(names)):
        for known in itertools.combinations(names, size):
            estimate = bundle.estimate(at(bundle, dict.fromkeys(known, 1.0), 1e6), kind=NARROW)
            for axis in estimate.axes:
                assert all(share * signs[name] > 0 for name, share in axis.contributions.items()), known


def test_the_posterior_is_calibrated_where_its_assumptions_hold(bundle: Bundle) -> None:
    """Draw trait and features from the model: (trait - mean) / sd must be N(0, 1). Says the arithmetic is right, nothing about people."""
    rng = np.random.default_rng(12)
    count, seconds = 1500, 20.0
    traits, z = evaluate.draw(bundle, rng, seconds, count)
    names = [f.name for f in bundle.config.features]
    scores = {axis: np.empty(count) for axis in bundle.axes}
    for i in range(count):
        estimate = bundle.estimate(at(bundle, dict(zip(names, z[i], strict=True)), seconds), kind=NARROW)
        for axis in estimate.axes:
            scores[axis.name][i] = (traits[axis.name][i] - axis.mean) / axis.sd
    for axis, score in scores.items():
        # Standard errors with 1500 draws: .026 of the mean, .018 of the SD; three of each.
        assert score.mean() == pytest.approx(0.0, abs=0.08), axis
        assert score.std() == pytest.approx(1.0, abs=0.055), axis


def test_ten_seconds_rarely_earn_a_label_and_a_marked_style_does(bundle: Bundle) -> None:
    metrics = json.loads((FOLDER / "metrics.json").read_text("utf-8"))
    assert metrics["undetermined_under_the_model"]["10 s"]["undetermined_share"] > 0.8
    axis_of = {f.name: f.axis for f in bundle.config.features}
    for label in bundle.labels:
        z = {name: 2.5 * label.signs[axis] for name, axis in axis_of.items()}
        assert bundle.estimate(at(bundle, z, 60.0), kind=NARROW).label == label.name
        faint = {name: value / 10 for name, value in z.items()}
        assert bundle.estimate(at(bundle, faint, 60.0), kind=NARROW).label == UNDETERMINED


def test_the_card_is_the_one_its_figures_make(bundle: Bundle) -> None:
    metrics = json.loads((FOLDER / "metrics.json").read_text("utf-8"))
    written = (FOLDER / "README.md").read_text("utf-8")
    assert written == card.render(bundle, metrics)
    for needed in ("perceived interaction style", "Out of scope", "CC BY 4.0", "Apache-2.0", "HarperValleyBank", "Fairness"):
        assert needed in written


def test_metrics_claim_no_accuracy() -> None:
    metrics = json.loads((FOLDER / "metrics.json").read_text("utf-8"))
    assert "no accuracy" in metrics["about"]
    assert not any("accuracy" in key for key in metrics)
    # Two of the recordings stop while somebody speaks: with silence after it the last utterance ends 50 ms later. Nothing else may move.
    assert all(abs(move) < 0.01 for move in metrics["largest_move_of_a_mean"]["silence_of_10_s_appended"].values())


@pytest.mark.calls
@pytest.mark.slow
def test_the_norms_still_fit_what_the_code_measures(bundle: Bundle, harper_valley: list[RealCall]) -> None:
    """A change of core, turns or signals that moves the calls by a tenth of a norm's SD or more asks for a refit."""
    from recipe.measure import measure_tracks

    tracks = [track for call in harper_valley for track in measure_tracks(call, call.samples())]
    for row in bundle.config.norms.rows:
        now = np.median([t.features[row.feature] for t in tracks if t.role is row.role and row.feature in t.features])
        assert abs(now - row.median) < 0.1 * 1.4826 * row.mad, f"{row.feature} of the {row.role}: run models/build_prior.py"
