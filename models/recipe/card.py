"""The model card of a bundle: prose from ``card.md``, every figure from the configuration and the metrics, so that none can drift."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from simpatico.style import Bundle
from simpatico.style.config import FeatureConfig, NormRow, SubstituteRule

__all__ = ["render"]

TEMPLATE = Path(__file__).with_name("card.md")


def render(bundle: Bundle, metrics: Mapping[str, Any]) -> str:
    """Return the card as Markdown."""
    config, data = bundle.config, metrics["data"]
    return Template(TEMPLATE.read_text("utf-8")).substitute(
        name=bundle.name,
        version=bundle.version,
        calls=data["calls"],
        tracks=data["tracks"],
        speakers=data["speakers"],
        caller_speakers=data["caller_speakers"],
        least_s=data["caller_speech_s"]["least"],
        median_s=data["caller_speech_s"]["median"],
        most_s=data["caller_speech_s"]["most"],
        norms_source=config.norms.source,
        attribution=config.norms.attribution,
        weights_table=_weights(config.features),
        weights_sources="\n".join(f"- `{f.name}`: {f.evidence.figures} {f.evidence.source}" for f in config.features if f.evidence),
        excluded="\n".join(f"- `{e.name}` ({e.axis}): {e.figures} {e.source} Left out: {e.why}" for e in config.excluded),
        norms_table=_norms(config.norms.rows),
        substitutes="\n".join(_substitute(rule) for rule in config.substitutes),
        reliability_table=_reliabilities(metrics["feature_reliability"]),
        axis_table=_axes(metrics["axis_reliability"]),
        silence_table=_silences(bundle.axes, metrics),
        moves_table=_moves(bundle.axes, metrics["largest_move_of_a_mean"]),
        licence=config.licence,
        norms_licence=config.norms.licence,
        created=config.created,
        schema_hash=bundle.schema_hash[:16],
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _weights(features: Sequence[FeatureConfig]) -> str:
    heads = ("feature", "unit", "axis", "starting r", "basis", "shrink", "r", "group (shared)", "half at")
    rows = []
    for f in features:
        e = f.evidence
        weight = ("", "trained", "", "")
        if e is not None:
            weight = (f"{e.starting_r:+.3g}", e.basis, f"{e.transfer_shrink:g} x {e.band_shrink:g}", f"{e.r:+.3f}")
        group = f"{f.group} ({f.shared_share:g})" if f.group else ""
        rows.append((f"`{f.name}`", f.unit, f.axis, *weight, group, f"{f.half_evidence_s:.0f} s"))
    return _table(heads, rows)


def _norms(rows: Sequence[NormRow]) -> str:
    heads = ("role", "feature", "median", "MAD", "raw MAD", "rule", "tracks", "people")
    return _table(
        heads,
        (
            (r.role.value, f"`{r.feature}`", f"{r.median:g}", f"{r.mad:g}", f"{r.raw_mad:g}", r.rule, str(r.tracks), str(r.speakers))
            for r in rows
        ),
    )


def _substitute(rule: SubstituteRule) -> str:
    audio = f"{_any(rule.bandwidth)} band, {_any(rule.codec_family)} codec"
    added = ", ".join(f"{variance:g} ({family})" for family, variance in rule.added_variance.items())
    norms = f"{rule.use_bandwidth} band, {rule.use_codec_family} codec"
    return f"- {audio}: the norms of {norms}, with so much added to the variance of z: {added}. {rule.why}"


def _any(kind: str) -> str:
    return "any other" if kind == "*" else kind


def _reliabilities(found: Mapping[str, Any]) -> str:
    heads = ("feature", "tracks", "halves r", "whole, measured", "believed", "used")
    rows = (
        (
            f"`{name}`",
            str(r["tracks"]),
            _figure(r["halves_r"]),
            _figure(r["whole_track_measured"]),
            _figure(r["believed_before"]),
            _figure(r["used"]),
        )
        for name, r in found.items()
    )
    return _table(heads, rows)


def _axes(found: Mapping[str, Any]) -> str:
    heads = ("axis (posterior mean)", "tracks", "halves r", "whole track")
    return _table(heads, ((axis, str(r["tracks"]), _figure(r["halves_r"]), _figure(r["whole_track"])) for axis, r in found.items()))


def _silences(axes: Sequence[str], metrics: Mapping[str, Any]) -> str:
    heads = ("callers", "speech", "calls", "undetermined", *(f"median SD of {axis}" for axis in axes), "largest leading probability")
    rows = []
    for callers, key in (("eight calls", "undetermined_on_calls"), ("under the model", "undetermined_under_the_model")):
        for speech, r in metrics[key].items():
            share = "-" if r["undetermined_share"] is None else f"{r['undetermined_share']:.1%}"
            sds = [_figure(r["median_sd"][axis] if r["median_sd"] else None) for axis in axes]
            rows.append((callers, speech, str(r["calls"]), share, *sds, _figure(r["largest_leading_probability"])))
    return _table(heads, rows)


def _moves(axes: Sequence[str], found: Mapping[str, Any]) -> str:
    return _table(("change", *axes), ((name.replace("_", " "), *(f"{move[axis]:g}" for axis in axes)) for name, move in found.items()))


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
