"""Bundles: every way of being wrong is refused by name; estimates follow the documented formulas."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simpatico.errors import BundleError, BundleMismatchError, BundleNotFoundError, ConfigError
from simpatico.features import schema_hash
from simpatico.signals import AudioKind
from simpatico.style import UNDETERMINED, AxisPrior, Bundle, load_bundle
from simpatico.types import Measure, Reason

Document = dict[str, Any]
Write = Callable[..., Path]

NARROW = AudioKind("narrow", "waveform")
AVERAGE = {"talk_share": 0.4, "energy_cv": 1.0, "f0_range_st": 6.0, "backchannels_per_min": 2.0}
SD = {"talk_share": 0.14826, "energy_cv": 0.29652, "f0_range_st": 1.4826, "backchannels_per_min": 1.4826}
# Variance of z from norms of 10 people, at |z| = 1: pi/2 for the median and 1/(2 * .3674) for the MAD (Rousseeuw & Croux 1993), over 10.
NORM_ERROR = (math.pi / 2 + 1 / (2 * 0.3674)) / 10


def measured(z: dict[str, float], seconds: float = 10.0) -> dict[str, Measure]:
    return {name: Measure(AVERAGE[name] + SD[name] * value, None, seconds) for name, value in z.items()}


def by_name(bundle: Bundle, z: dict[str, float], **options: Any) -> dict[str, tuple[float, float]]:
    estimate = bundle.estimate(measured(z), kind=options.pop("kind", NARROW), **options)
    return {axis.name: (axis.mean, axis.sd) for axis in estimate.axes}


def test_one_feature_by_hand(toy: Bundle) -> None:
    # f0_range_st: r = .5, half reliability at 5 s, norms and call of 10 s: rho = 2/3.
    loading = 0.5 * math.sqrt(2 / 3)
    noise = 2 / 3 * 0.75 + 1 / 3 + NORM_ERROR
    mean, sd = by_name(toy, {"f0_range_st": 1.2})["responsiveness"]
    assert mean == pytest.approx(1.2 * loading / (noise + loading**2), abs=2e-6)
    assert sd == pytest.approx(math.sqrt(noise / (noise + loading**2)), abs=2e-6)
    assert by_name(toy, {"f0_range_st": 1.2})["assertiveness"] == (0.0, 1.0)


def test_no_evidence_is_the_prior_with_a_reason(toy: Bundle) -> None:
    features = {name: Measure.missing(Reason.NO_SPEECH) for name in AVERAGE}
    for given_features in (features, {}):
        estimate = toy.estimate(given_features, kind=NARROW)
        assert [(axis.mean, axis.sd, axis.contributions) for axis in estimate.axes] == [(0.0, 1.0, {})] * 2
        assert estimate.probabilities == {"driving": 0.25, "expressive": 0.25, "amiable": 0.25, "analytical": 0.25}
        assert (estimate.label, estimate.reason, estimate.evidence_s) == (UNDETERMINED, Reason.NO_SPEECH, 0.0)


def test_the_reason_is_the_one_most_features_give(toy: Bundle) -> None:
    features = {name: Measure.missing(Reason.TOO_LITTLE_SPEECH, 0.4) for name in AVERAGE} | {
        "talk_share": Measure.missing(Reason.ONE_CHANNEL, 0.4)
    }
    estimate = toy.estimate(features, kind=NARROW)
    assert (estimate.reason, estimate.evidence_s) == (Reason.TOO_LITTLE_SPEECH, 0.4)


def test_a_missing_feature_widens_and_adds_nothing(toy: Bundle) -> None:
    every = toy.estimate(measured({"talk_share": 1.0, "energy_cv": 0.0}), kind=NARROW)
    without = toy.estimate(measured({"talk_share": 1.0}) | {"energy_cv": Measure.missing(Reason.TOO_LITTLE_SPEECH)}, kind=NARROW)
    assert without.axes[0].sd > every.axes[0].sd
    assert set(without.axes[0].contributions) == {"talk_share"}
    assert without.reason is None


def test_average_features_leave_the_mean_and_narrow_the_sd(toy: Bundle) -> None:
    for mean, sd in by_name(toy, dict.fromkeys(AVERAGE, 0.0)).values():
        assert mean == pytest.approx(0.0, abs=1e-6)
        assert sd < 0.95


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    z=st.dictionaries(st.sampled_from(sorted(AVERAGE)), st.floats(-5, 5)),
    prior=st.dictionaries(
        st.sampled_from(["assertiveness", "responsiveness"]), st.builds(AxisPrior, st.floats(-3, 3), st.floats(0.1, 1.5))
    ),
)
def test_contributions_and_probabilities_sum(toy: Bundle, z: dict[str, float], prior: dict[str, AxisPrior]) -> None:
    estimate = toy.estimate(measured(z), kind=NARROW, prior=prior)
    assert sum(estimate.probabilities.values()) == pytest.approx(1.0, abs=1e-12)
    for axis in estimate.axes:
        start = prior.get(axis.name, AxisPrior())
        assert math.fsum(axis.contributions.values()) == pytest.approx(axis.mean - start.mean, abs=1e-12)
        assert axis.sd <= start.sd + 1e-12


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(z=st.fixed_dictionaries({name: st.floats(-3, 3) for name in AVERAGE}), seconds=st.floats(1.0, 100.0), factor=st.floats(1.2, 20.0))
def test_more_speech_is_a_smaller_sd(toy: Bundle, z: dict[str, float], seconds: float, factor: float) -> None:
    before = toy.estimate(measured(z, seconds), kind=NARROW)
    after = toy.estimate(measured(z, seconds * factor), kind=NARROW)
    assert all(late.sd < early.sd for early, late in zip(before.axes, after.axes, strict=True))


def test_mirrored_callers_get_mirrored_quadrants(toy: Bundle) -> None:
    z = {"talk_share": 2.0, "energy_cv": 1.0, "f0_range_st": 1.5, "backchannels_per_min": 0.5}
    here = toy.estimate(measured(z), kind=NARROW).probabilities
    opposite = toy.estimate(measured({name: -value for name, value in z.items()}), kind=NARROW).probabilities
    assert here["expressive"] == pytest.approx(opposite["analytical"], abs=1e-6)
    assert here["driving"] == pytest.approx(opposite["amiable"], abs=1e-6)


@pytest.mark.parametrize(("a", "r", "label"), [(3, -3, "driving"), (3, 3, "expressive"), (-3, 3, "amiable"), (-3, -3, "analytical")])
def test_a_strong_style_gets_its_label_and_a_weak_one_none(toy: Bundle, a: float, r: float, label: str) -> None:
    z = {"talk_share": a, "energy_cv": a, "f0_range_st": r, "backchannels_per_min": r}
    assert toy.estimate(measured(z, 60.0), kind=NARROW).label == label
    assert toy.estimate(measured({name: value / 12 for name, value in z.items()}, 60.0), kind=NARROW).label == UNDETERMINED


def test_the_threshold_is_the_bundles(write_toy: Write) -> None:
    z = {"talk_share": 1.0, "f0_range_st": 1.0}
    leading = max(load_bundle(write_toy()).estimate(measured(z), kind=NARROW).probabilities.values())

    def with_threshold(threshold: float) -> str:
        return load_bundle(write_toy(lambda d: d.update(threshold=threshold))).estimate(measured(z), kind=NARROW).label

    assert with_threshold(leading - 1e-9) == "expressive"
    assert with_threshold(leading + 1e-9) == UNDETERMINED


def test_a_profile_is_multiplied_with_the_call(toy: Bundle) -> None:
    alone = by_name(toy, {"talk_share": 1.0})["assertiveness"]
    prior = AxisPrior(-0.5, 0.6)
    mean, sd = by_name(toy, {"talk_share": 1.0}, prior={"assertiveness": prior})["assertiveness"]
    # Take the N(0, 1) prior out of the call's posterior, put the profile in.
    information = 1 / alone[1] ** 2 - 1
    precision = information + 1 / prior.sd**2
    assert sd == pytest.approx(precision**-0.5, abs=1e-9)
    assert mean == pytest.approx((alone[0] / alone[1] ** 2 + prior.mean / prior.sd**2) / precision, abs=1e-9)


def test_a_profile_alone_can_carry_a_label(toy: Bundle) -> None:
    prior = {"assertiveness": AxisPrior(1.5, 0.5), "responsiveness": AxisPrior(-1.5, 0.5)}
    estimate = toy.estimate({}, kind=NARROW, prior=prior)
    assert (estimate.label, estimate.reason) == ("driving", Reason.NO_SPEECH)


def test_a_profile_of_another_bundle_is_refused(toy: Bundle) -> None:
    with pytest.raises(ConfigError, match=r"prior names axis dominance; toy has assertiveness, responsiveness"):
        toy.estimate({}, kind=NARROW, prior={"dominance": AxisPrior()})


def test_other_audio_gets_substitutes_with_wider_error(toy: Bundle) -> None:
    z = {"talk_share": 1.0, "energy_cv": 1.0, "f0_range_st": 1.0}
    here, there = toy.estimate(measured(z), kind=NARROW), toy.estimate(measured(z), kind=AudioKind("wide", "transform"))
    assert set(there.axes[0].contributions) == {"talk_share"}  # energy has no substitute
    assert there.axes[1].sd > here.axes[1].sd  # pitch is believed less
    timing_only = toy.estimate(measured({"talk_share": 1.0}), kind=NARROW)
    assert there.axes[0] == timing_only.axes[0]  # timing is as good


def test_audio_without_norms_or_substitutes_says_so(write_toy: Write) -> None:
    bundle = load_bundle(write_toy(lambda d: d.update(substitutes=[])))
    estimate = bundle.estimate(measured({"talk_share": 3.0}), kind=AudioKind("wide", "waveform"))
    assert (estimate.label, estimate.reason) == (UNDETERMINED, Reason.NO_NORMS)
    assert estimate.axes[0].sd == 1.0


def test_the_norm_table_for_other_layers(toy: Bundle) -> None:
    from simpatico.types import Role

    norm = toy.norms.lookup(Role.CALLER, "narrow", "waveform", "talk_share")
    assert norm is not None
    assert (norm.median, norm.mad, norm.n) == (0.4, 0.1, 10)
    assert toy.norms.lookup(Role.AGENT, "narrow", "waveform", "talk_share") is None


def test_info_names_the_bundle(toy: Bundle) -> None:
    assert (toy.info.name, toy.info.version, toy.info.norms, toy.info.schema_hash) == ("toy", "0.1.0", "toy-norms", schema_hash())


def test_no_such_directory(tmp_path: Path) -> None:
    with pytest.raises(BundleNotFoundError, match=r"no model bundle at .*nowhere: expected a directory with config\.json and model\.onnx"):
        load_bundle(tmp_path / "nowhere")


def test_a_file_instead_of_a_directory(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(BundleNotFoundError, match="no model bundle at"):
        load_bundle(tmp_path / "config.json")


@pytest.mark.parametrize("name", ["config.json", "model.onnx"])
def test_a_missing_file(write_toy: Write, name: str) -> None:
    folder = write_toy()
    (folder / name).unlink()
    with pytest.raises(BundleNotFoundError, match=f"has no readable {name}"):
        load_bundle(folder)


def test_a_damaged_model(write_toy: Write) -> None:
    folder = write_toy()
    data = bytearray((folder / "model.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "model.onnx").write_bytes(data)
    with pytest.raises(BundleError, match=r"model\.onnx is damaged: its SHA-256 is [0-9a-f]{64}, config\.json says [0-9a-f]{64}"):
        load_bundle(folder)


def test_a_model_that_is_none(write_toy: Write) -> None:
    with pytest.raises(BundleError, match="not a model that onnxruntime can read"):
        load_bundle(write_toy(model=b"\x08\x08nonsense"))


def test_a_model_for_other_features(write_toy: Write) -> None:
    def drop(document: Document) -> None:
        document["features"].pop()

    with pytest.raises(
        BundleError, match=r"input 'z' of .*model\.onnx is tensor\(float\) \[1, 4\]; this bundle needs tensor\(float\) \[1, 3\]"
    ):
        load_bundle(write_toy(drop))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": 1', "\x00"])
def test_a_config_that_is_not_json_or_no_object(write_toy: Write, text: str) -> None:
    folder = write_toy()
    (folder / "config.json").write_text(text)
    with pytest.raises(BundleError, match=r"config\.json is not valid: the file: "):
        load_bundle(folder)


def rehash(document: Document) -> None:
    document["schema_hash"] = schema_hash(document["feature_schema"])


def test_a_feature_that_this_build_lacks(write_toy: Write) -> None:
    def edit(document: Document) -> None:
        document["feature_schema"]["features"]["laughter_per_min"] = {"unit": "1/min", "revision": 1}
        rehash(document)

    with pytest.raises(BundleMismatchError, match=r"toy 0\.1\.0 was made for other features .*features\.laughter_per_min.* absent here"):
        load_bundle(write_toy(edit))


def test_a_feature_that_the_bundle_does_not_know(write_toy: Write) -> None:
    def edit(document: Document) -> None:
        del document["feature_schema"]["features"]["speaking_share"]
        rehash(document)

    with pytest.raises(BundleMismatchError, match=r"features\.speaking_share.* absent from the bundle"):
        load_bundle(write_toy(edit))


def test_a_unit_and_a_revision_that_changed(write_toy: Write) -> None:
    def edit(document: Document) -> None:
        document["feature_schema"]["features"]["speaking_share"]["unit"] = "percent"
        document["feature_schema"]["features"]["entropy_cv"]["revision"] = 7
        rehash(document)

    with pytest.raises(BundleMismatchError) as caught:
        load_bundle(write_toy(edit))
    assert "features.speaking_share.unit is 'percent' in the bundle and '1' here" in str(caught.value)
    assert "features.entropy_cv.revision is 7 in the bundle and 1 here" in str(caught.value)
    assert caught.value.field == "bundle"


def test_a_schema_that_was_edited_without_its_hash(write_toy: Write) -> None:
    def edit(document: Document) -> None:
        document["feature_schema"]["features"]["speaking_share"]["unit"] = "percent"

    with pytest.raises(BundleError, match="is damaged: its feature_schema hashes to"):
        load_bundle(write_toy(edit))


def setter(path: str, value: object) -> Callable[[Document], None]:
    """Edit that sets ``a.0.b`` to a value, or removes it when the value is ``...``."""

    def edit(document: Document) -> None:
        *parents, last = path.split(".")
        at: Any = document
        for part in parents:
            at = at[int(part)] if part.isdigit() else at[part]
        key = int(last) if last.isdigit() else last
        if value is ...:
            del at[key]
        else:
            at[key] = value

    return edit


ROW = {
    "role": "caller", "bandwidth": "narrow", "codec_family": "waveform", "feature": "talk_share", "median": 0.4, "mad": 0.1,
    "tracks": 2, "speakers": 2, "evidence_s": 10.0, "raw_mad": 0.1, "rule": "shrunk",
}  # fmt: skip
WEIGHT = {
    "basis": "published", "published_r": 0.4, "figures": "f", "source": "s", "starting_r": 0.4, "transfer_shrink": 1.0, "band_shrink": 1.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("edit", "match"),
    [
        (setter("format", 2), "format: Input should be 1"),
        (setter("threshold", ...), "threshold: Field required"),
        (setter("threshold", 1.0), "threshold: Input should be less than 1"),
        (setter("treshold", 0.5), "treshold: Extra inputs are not permitted"),
        (setter("version", "1.0"), "version: String should match"),
        (setter("name", "../../etc"), "name: String should match"),
        (setter("model.file", "../model.onnx"), r"model\.file: String should match"),
        (setter("model.sha256", "beef"), r"model\.sha256: String should match"),
        (setter("axes", []), "axes: Tuple should have at least 1 item"),
        (setter("axes.1.name", "assertiveness"), "axes must be unique, given twice: assertiveness"),
        (setter("labels.1.name", "driving"), "labels must be unique, given twice: driving"),
        (setter("labels.0.name", "undetermined"), "cannot be a label"),
        (setter("labels.0.signs", {"assertiveness": 1}), r"label 'driving' must give a sign for each of the axes"),
        (setter("labels.0.signs.responsiveness", 1), "labels must cover every combination of signs"),
        (setter("labels.0.signs.responsiveness", 0), "signs.responsiveness: Input should be -1 or 1"),
        (setter("labels.3", ...), "labels must cover every combination of signs"),
        (setter("features.0.axis", "dominance"), "indicates axis 'dominance', which is not one of"),
        (setter("features.0.name", "charm"), "feature 'charm' in '1' is not in the feature_schema, which has None"),
        (setter("features.0.unit", "percent"), "feature 'talk_share' in 'percent' is not in the feature_schema, which has '1'"),
        (setter("features.1.name", "talk_share"), "features must be unique, given twice: talk_share"),
        (setter("features.0.half_evidence_s", 0.0), "half_evidence_s: Input should be greater than 0"),
        (setter("features.0.shared_share", 0.5), "needs a shared_share above 0 exactly when in a group"),
        (setter("features.0.group", "floor"), "needs a shared_share above 0 exactly when in a group"),
        (setter("features.0.evidence", WEIGHT | {"published_r": None}), "basis 'published' goes with a published_r"),
        (setter("features.0.evidence", WEIGHT | {"starting_r": 0.5}), "starts from its published_r 0.4"),
        (setter("features.0.evidence", WEIGHT | {"basis": "judgement"}), "basis 'judgement' goes without a published_r"),
        (setter("features.0.evidence", WEIGHT | {"published_r": 1.0, "starting_r": 1.0}), "published_r: Input should be less than 1"),
        (setter("norms.rows.0.mad", 0.0), r"norms\.rows\.0\.mad: Input should be greater than 0"),
        (setter("norms.rows.0.median", "high"), r"norms\.rows\.0\.median: Input should be a valid number"),
        (setter("norms.rows.0.speakers", 0), r"norms\.rows\.0\.speakers: Input should be greater than or equal to 1"),
        (setter("norms.rows.0.role", "boss"), r"norms\.rows\.0\.role: Input should be 'caller' or 'agent'"),
        (setter("norms.rows.0.feature", "charm"), "norms are given for features that are not in the feature_schema: charm"),
        (setter("norms.rows.1", ROW), "norms are given twice for"),
        (setter("substitutes.0.added_variance", {"timing": -1.0}), "greater than or equal to 0"),
        (setter("substitutes.0.added_variance", {"smell": 1.0}), "smell"),
    ],
)  # fmt: skip
def test_malformed_configurations_are_refused_by_name(write_toy: Write, edit: Callable[[Document], None], match: str) -> None:
    with pytest.raises(BundleError, match=match) as caught:
        load_bundle(write_toy(edit))
    assert "config.json is not valid" in str(caught.value)


def test_a_group_over_two_axes_is_refused(write_toy: Write) -> None:
    def edit(document: Document) -> None:
        for feature in document["features"][1:3]:
            feature.update(group="mixed", shared_share=0.3)

    with pytest.raises(BundleError, match="a group of features may indicate one axis only, got several for mixed"):
        load_bundle(write_toy(edit))


def test_many_problems_are_counted_not_listed(write_toy: Write) -> None:
    def edit(document: Document) -> None:
        for row in document["norms"]["rows"]:
            row["mad"] = row["median"] = "none"

    with pytest.raises(BundleError, match="and 4 more"):
        load_bundle(write_toy(edit))


def test_the_error_that_all_calls_share_by_hand(toy: Bundle) -> None:
    # One feature: y = z / lambda, so an error of variance v in its norm is v / lambda**2 in the axis.
    features = {"f0_range_st": Measure(9.0, evidence_s=20.0)}
    shared = toy.shared_variance(features, kind=NARROW)
    v = NORM_ERROR
    lam_squared = 0.5**2 * 10.0 / (10.0 + 5.0)
    assert shared["responsiveness"] == pytest.approx(v / lam_squared, rel=1e-5)
    assert shared["assertiveness"] == float("inf")


def test_the_shared_error_is_part_of_the_error_and_does_not_depend_on_the_score(toy: Bundle) -> None:
    for value in (0.1, 0.4, 0.9):
        features = {"talk_share": Measure(value, evidence_s=60.0), "energy_cv": Measure(value, evidence_s=60.0)}
        shared = toy.shared_variance(features, kind=NARROW)["assertiveness"]
        sd = toy.estimate(features, kind=NARROW).axes[0].sd
        assert 0.0 < shared < 1.0 / (1.0 / sd**2 - 1.0)
        assert shared == toy.shared_variance({n: Measure(0.2, evidence_s=60.0) for n in features}, kind=NARROW)["assertiveness"]
