"""Fit norms and reliabilities on the eight calls and write the bundle ``prior-1``.

    PYTHONPATH=service python models/build_prior.py             # measure, write models/prior-1/<version>
    PYTHONPATH=service python models/build_prior.py --check     # measure, and say whether the written bundle still is what would be written

The calls are looked for as :mod:`bench.harper_valley` says. The result is the same for the same calls, the same code and the same
version of onnx. What is believed before measuring is in ``recipe/weights.py``; how the norms are fitted, in ``recipe/norms.py``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from recipe import card, evaluate, weights  # noqa: E402
from recipe.graph import Indicator, build_scorer  # noqa: E402
from recipe.measure import KIND, Samples, hear, measure_tracks, sample_after_speech  # noqa: E402
from recipe.norms import Track, fit_norms  # noqa: E402
from recipe.reliability import Reliability, half_evidence_s, split_half  # noqa: E402

from bench.harper_valley import ABSENT, RealCall, find_folder, load_calls  # noqa: E402
from simpatico.features import SCHEMA, schema_document, schema_hash  # noqa: E402
from simpatico.signals import ACTIVITY, CONSISTENCY  # noqa: E402
from simpatico.style import Bundle, load_bundle  # noqa: E402
from simpatico.style.config import FORMAT_VERSION, BundleConfig, FeatureConfig, FeatureSchema, ModelFile, NormRow, NormsConfig  # noqa: E402
from simpatico.types import Role  # noqa: E402

NAME, VERSION, CREATED = "prior-1", "1.1.0", "2026-11-22"
NORMS_NAME = "harper-valley-8"
ATTRIBUTION = (
    "Norms are figures computed from eight calls of the Gridspace-Stanford HarperValleyBank corpus (Wu, M., Nafziger, "
    "J., Scodary, A. & Maas, A. 2020, "
    "arXiv:2010.13929), licensed CC BY 4.0; the audio is not part of this bundle."
)
UNITS = {feature.name: feature.unit for feature in SCHEMA}

Calls = list[tuple[RealCall, Samples]]


def halves(call: RealCall, samples: Samples) -> tuple[Samples, Samples]:
    """Cut a call where half of the speech of both parties has been spoken."""
    heard = list(hear(samples, call.sample_rate_hz).values())
    cut = sample_after_speech(heard, sum(s.speech_s for s in heard) / 2, call.sample_rate_hz)
    assert cut is not None
    return samples[:cut], samples[cut:]


def measure_all(calls: Calls) -> tuple[list[Track], list[Track], list[Track]]:
    """Every track whole, and its two halves."""
    whole: list[Track] = []
    first: list[Track] = []
    second: list[Track] = []
    for number, (call, samples) in enumerate(calls, 1):
        print(f"measuring call {number} of {len(calls)}: {call.call_id}", file=sys.stderr)
        whole += measure_tracks(call, samples)
        before, after = halves(call, samples)
        first += measure_tracks(call, before)
        second += measure_tracks(call, after)
    return whole, first, second


def norm_rows(tracks: list[Track]) -> tuple[NormRow, ...]:
    """Callers' norms for everything; agents' for their turn timing only."""
    names = dict.fromkeys((*(w.name for w in weights.WEIGHTS), *ACTIVITY, *CONSISTENCY))
    rows = fit_norms(tracks, {name: UNITS[name] for name in names}, bandwidth=KIND.bandwidth, codec_family=KIND.codec_family)
    return tuple(row for row in rows if row.role is Role.CALLER or row.feature in ACTIVITY)


def feature_configs(rows: tuple[NormRow, ...], reliabilities: dict[str, Reliability]) -> tuple[FeatureConfig, ...]:
    """The scorer's inputs; a feature without a norm is an error, not an omission."""
    evidence_s = {row.feature: row.evidence_s for row in rows if row.role is Role.CALLER}
    return tuple(
        FeatureConfig(
            name=w.name,
            unit=UNITS[w.name],
            axis=w.axis,
            family=w.family,
            group=w.group,
            shared_share=w.shared_share,
            half_evidence_s=float(f"{half_evidence_s(reliabilities[w.name].used, evidence_s[w.name]):.4g}"),
            evidence=w.evidence,
        )
        for w in weights.WEIGHTS
    )


def scorer(features: tuple[FeatureConfig, ...]) -> bytes:
    """The features' constants as an ONNX model."""
    axes = [axis.name for axis in weights.AXES]
    groups = sorted({f.group for f in features if f.group is not None})
    indicators = []
    for f in features:
        assert f.evidence is not None
        group = None if f.group is None else groups.index(f.group)
        indicators.append(Indicator(axes.index(f.axis), f.evidence.r, f.half_evidence_s, group, f.shared_share))
    return build_scorer(indicators, axes=len(axes), z_limit=weights.Z_LIMIT, doc=f"{NAME} {VERSION}: perceived interaction style in a call")


def bundle_config(features: tuple[FeatureConfig, ...], rows: tuple[NormRow, ...], model: bytes) -> BundleConfig:
    """Everything but the scorer."""
    return BundleConfig(
        format=FORMAT_VERSION,
        name=NAME,
        version=VERSION,
        description="Perceived interaction style of the caller in this call, from timing, pitch range, energy "
        "variation and matching: a linear "
        "scorer with weights from the literature, not fitted to labelled calls.",
        licence="Apache-2.0",
        created=CREATED,
        model=ModelFile(file="model.onnx", sha256=hashlib.sha256(model).hexdigest()),
        schema_hash=schema_hash(),
        feature_schema=FeatureSchema.model_validate(schema_document()),
        axes=weights.AXES,
        labels=weights.LABELS,
        threshold=weights.THRESHOLD,
        features=features,
        excluded=weights.EXCLUDED,
        norms=NormsConfig(
            name=NORMS_NAME,
            source="Eight calls of people acting a bank's customer and agent over a real telephone connection, 8 kHz.",
            licence="CC-BY-4.0",
            attribution=ATTRIBUTION,
            rows=rows,
        ),
        substitutes=weights.SUBSTITUTES,
    )


def evaluate_bundle(
    bundle: Bundle, calls: Calls, tracks: tuple[list[Track], list[Track], list[Track]], used: dict[str, Reliability]
) -> dict[str, Any]:
    """What ``metrics.json`` says."""
    whole, first, second = tracks
    callers = [track for track in whole if track.role is Role.CALLER]
    speech_s = sorted(track.speech_s for track in callers)
    return {
        "about": "No labelled calls exist, so there is no accuracy here. See README.md for what each figure means.",
        "data": {
            "calls": len(calls),
            "tracks": len(whole),
            "caller_speakers": len({track.speaker for track in callers}),
            "speakers": len({track.speaker for track in whole}),
            "caller_speech_s": {
                "least": round(speech_s[0], 1),
                "median": round(statistics.median(speech_s), 1),
                "most": round(speech_s[-1], 1),
            },
        },
        "feature_reliability": evaluate.reliability_table(used),
        "axis_reliability": evaluate.axis_reliability(bundle, first, second),
        "group_correlations": evaluate.group_correlations(bundle, whole),
        "undetermined_on_calls": evaluate.undetermined_on_calls(bundle, calls),
        "undetermined_under_the_model": evaluate.silence_under_the_model(bundle),
        "largest_move_of_a_mean": evaluate.invariance(bundle, calls),
    }


def write_bundle(folder: Path, calls: Calls) -> None:
    """Measure and write all four files."""
    whole, first, second = measure_all(calls)
    used = split_half(first, second, {w.name: w.reliability for w in weights.WEIGHTS})
    rows = norm_rows(whole)
    features = feature_configs(rows, used)
    model = scorer(features)
    config = bundle_config(features, rows, model)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(model)
    (folder / "config.json").write_text(config.model_dump_json(indent=1) + "\n", "utf-8")
    bundle = load_bundle(folder)
    print("evaluating", file=sys.stderr)
    metrics = evaluate_bundle(bundle, calls, (whole, first, second), used)
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n", "utf-8")
    (folder / "README.md").write_text(card.render(bundle, metrics), "utf-8")


def differing_files(written: Path, fresh: Path) -> list[str]:
    """Names of the files that are not byte for byte what was just made."""
    pairs = [(written / f.name, f) for f in sorted(fresh.iterdir())]
    return [ours.name for theirs, ours in pairs if not theirs.is_file() or theirs.read_bytes() != ours.read_bytes()]


def main() -> int:
    """Run from the command line; 0 when done or unchanged, 1 when ``--check`` finds a difference, 2 without the calls."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "models" / NAME / VERSION, help="directory to write (default: %(default)s)")
    parser.add_argument("--check", action="store_true", help="write nothing; compare what would be written with what is there")
    options = parser.parse_args()
    found = find_folder()
    if found is None:
        print(f"cannot fit norms: {ABSENT}", file=sys.stderr)
        return 2
    calls = [(call, call.samples()) for call in load_calls(found)]
    if not options.check:
        write_bundle(options.out, calls)
        print(f"wrote {options.out}")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        write_bundle(Path(folder), calls)
        changed = differing_files(options.out, Path(folder))
    print(f"differs: {', '.join(changed)}" if changed else "unchanged")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
