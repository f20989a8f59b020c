"""``config.json`` of a model bundle: all that is not weights, and every rule that a bundle must keep.

A bundle is a directory::

    models/<name>/<version>/
        model.onnx      the scorer; its contract is in :mod:`simpatico.style.scorer`
        config.json     this module: axes, labels, threshold, features with the source of each weight, norms
        metrics.json    what was measured of it (not read by the service)
        README.md       the model card

Axes and labels live here and nowhere else: a bundle may bring another taxonomy. This module checks one file in isolation; whether the
bundle fits this build and its ``model.onnx`` is checked in :mod:`simpatico.style.bundle`.
"""

from __future__ import annotations

import itertools
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StringConstraints, model_validator

from simpatico.types import Role

__all__ = [
    "FORMAT_VERSION",
    "UNDETERMINED",
    "AxisConfig",
    "BundleConfig",
    "Evidence",
    "ExcludedFeature",
    "Family",
    "FeatureConfig",
    "FeatureSchema",
    "LabelConfig",
    "ModelFile",
    "NormRow",
    "NormsConfig",
    "SubstituteRule",
]

FORMAT_VERSION: Literal[1] = 1
"""Version of this layout. A bundle of another one is refused."""
UNDETERMINED = "undetermined"
"""The answer while no label is likely enough; so no label may be called that."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[a-z0-9][a-z0-9_.-]*$")]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
AnyKind = Annotated[str, StringConstraints(pattern=r"^(\*|[a-z0-9][a-z0-9_.-]*)$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Family = Literal["timing", "pitch", "energy", "matching"]
Correlation = Annotated[FiniteFloat, Field(gt=-1.0, lt=1.0)]
Share = Annotated[FiniteFloat, Field(ge=0.0, le=1.0)]
Positive = Annotated[FiniteFloat, Field(gt=0.0)]


class _Strict(BaseModel):
    """Unknown keys are errors: a misspelt optional key would otherwise be silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SchemaEntry(_Strict):
    """Unit and revision of one measured column."""

    unit: Text
    revision: Annotated[int, Field(ge=1)]


class FeatureSchema(BaseModel):
    """The schema document that the bundle was made with, as :func:`simpatico.features.schema_document` gives it.

    Only what this module needs of it is typed; the rest is kept as it is and compared with this build's by hash.
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    features: Annotated[dict[Name, SchemaEntry], Field(min_length=1)]


class AxisConfig(_Strict):
    """One axis of style, in SD of the norm population. ``low`` and ``high`` say in plain words what its ends sound like."""

    name: Name
    description: Text
    low: Text
    high: Text


class LabelConfig(_Strict):
    """One name for a combination of signs: +1 above, -1 below the middle of the norm population."""

    name: Name
    signs: dict[Name, Literal[-1, 1]]
    description: Text


class Evidence(_Strict):
    """Where a weight comes from.

    Attributes
    ----------
    basis
        "published": ``published_r`` is a figure from the source. "judgement": the source gives the direction, the size is ours.
    published_r
        Correlation with the perceived trait, or None when the basis is judgement.
    figures
        The figures as published, or what is known, in words.
    source
        Citation.
    starting_r
        What the weight starts from: ``published_r``, or our judgement.
    transfer_shrink, band_shrink
        Factors 0 to 1: for another population and material than the source's, and for a telephone band.
    """

    basis: Literal["published", "judgement"]
    published_r: Correlation | None
    figures: Text
    source: Text
    starting_r: Correlation
    transfer_shrink: Share
    band_shrink: Share

    @model_validator(mode="after")
    def _basis_and_figure_agree(self) -> Self:
        if (self.basis == "published") != (self.published_r is not None):
            raise ValueError(
                f"basis {self.basis!r} goes {'with' if self.basis == 'published' else 'without'} a published_r, got {self.published_r!r}"
            )
        if self.published_r is not None and self.published_r != self.starting_r:
            raise ValueError(f"a published weight starts from its published_r {self.published_r!r}, got starting_r={self.starting_r!r}")
        return self

    @property
    def r(self) -> float:
        """Correlation used, after shrinking."""
        return self.starting_r * self.transfer_shrink * self.band_shrink


class FeatureConfig(_Strict):
    """One input of the scorer, in the order of the scorer's columns.

    Attributes
    ----------
    axis
        The one axis that it indicates.
    family
        What kind of measurement it is; decides what other audio does to its norms (see :class:`SubstituteRule`).
    group, shared_share
        Features of one group share this part (0 to 1) of their trait-free variance, so that they are not counted as independent
        witnesses. No group: None and 0.
    half_evidence_s
        Seconds of the caller's speech at which half of the feature's variance is the speaker's and half is chance (Spearman-Brown).
    evidence
        Where the weight comes from; None in a trained bundle.
    """

    name: Name
    unit: Text
    axis: Name
    family: Family
    group: Name | None
    shared_share: Share
    half_evidence_s: Positive
    evidence: Evidence | None

    @model_validator(mode="after")
    def _group_and_share_agree(self) -> Self:
        if (self.group is None) != (self.shared_share == 0.0):
            raise ValueError(
                f"feature {self.name!r} needs a shared_share above 0 exactly when in a group, got {self.group!r}, {self.shared_share!r}"
            )
        return self


class ExcludedFeature(_Strict):
    """A feature that the literature offers and this bundle leaves out on purpose."""

    name: Name
    axis: Name
    figures: Text
    source: Text
    why: Text


class ModelFile(_Strict):
    """The scorer's file and its SHA-256, so that a damaged copy is refused."""

    file: Name
    sha256: Sha256


class NormRow(_Strict):
    """Norm of one feature in one kind of audio.

    ``scale`` of a robust z is 1.4826 ``mad``. ``tracks`` were measured, of ``speakers`` different people; ``evidence_s`` is the median
    length of speech in a track. ``raw_mad`` is the MAD before shrinkage and floor, and ``rule`` says which of them decided.
    """

    role: Role
    bandwidth: Name
    codec_family: Name
    feature: Name
    median: FiniteFloat
    mad: Positive
    tracks: Annotated[int, Field(ge=1)]
    speakers: Annotated[int, Field(ge=1)]
    evidence_s: Positive
    raw_mad: Annotated[FiniteFloat, Field(ge=0.0)]
    rule: Literal["shrunk", "floor"]

    @property
    def key(self) -> tuple[Role, str, str, str]:
        """What the row is looked up by."""
        return (self.role, self.bandwidth, self.codec_family, self.feature)


class NormsConfig(_Strict):
    """All norm rows and where they come from."""

    name: Text
    source: Text
    licence: Text
    attribution: Text
    rows: Annotated[tuple[NormRow, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _one_row_per_key(self) -> Self:
        keys = [row.key for row in self.rows]
        if twice := sorted({str(key) for key in keys if keys.count(key) > 1}):
            raise ValueError(f"norms are given twice for {', '.join(twice)}")
        return self


class SubstituteRule(_Strict):
    """Norms to use for audio of a kind that has none. ``*`` stands for any; the first rule that fits is used.

    ``added_variance`` by feature family is what the mismatch adds to the error variance of a z score, in SD squared; a family that is
    absent has no substitute.
    """

    bandwidth: AnyKind
    codec_family: AnyKind
    use_bandwidth: Name
    use_codec_family: Name
    added_variance: dict[Family, Annotated[FiniteFloat, Field(ge=0.0)]]
    why: Text


class BundleConfig(_Strict):
    """The whole of ``config.json``."""

    format: Literal[1]
    name: Name
    version: Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+$")]
    description: Text
    licence: Text
    created: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    model: ModelFile
    schema_hash: Sha256
    feature_schema: FeatureSchema
    axes: Annotated[tuple[AxisConfig, ...], Field(min_length=1, max_length=6)]
    labels: Annotated[tuple[LabelConfig, ...], Field(min_length=2)]
    threshold: Annotated[FiniteFloat, Field(gt=0.0, lt=1.0)]
    features: Annotated[tuple[FeatureConfig, ...], Field(min_length=1)]
    excluded: tuple[ExcludedFeature, ...] = ()
    norms: NormsConfig
    substitutes: tuple[SubstituteRule, ...] = ()

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        lists: dict[str, list[str]] = {
            "axes": [a.name for a in self.axes],
            "labels": [label.name for label in self.labels],
            "features": [f.name for f in self.features],
        }
        for what, names in lists.items():
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"{what} must be unique, given twice: {', '.join(twice)}")
        return self

    @model_validator(mode="after")
    def _labels_cover_every_sign_once(self) -> Self:
        axes = [axis.name for axis in self.axes]
        if any(label.name == UNDETERMINED for label in self.labels):
            raise ValueError(f"{UNDETERMINED!r} is what the service says when no label is likely enough; it cannot be a label")
        for label in self.labels:
            if set(label.signs) != set(axes):
                raise ValueError(f"label {label.name!r} must give a sign for each of the axes {axes}, got {sorted(label.signs)}")
        given = sorted(tuple(label.signs[axis] for axis in axes) for label in self.labels)
        if given != sorted(itertools.product((-1, 1), repeat=len(axes))):
            raise ValueError(f"labels must cover every combination of signs of {axes} exactly once, got {given}")
        return self

    @model_validator(mode="after")
    def _references_resolve(self) -> Self:
        axes = {axis.name for axis in self.axes}
        units = {name: entry.unit for name, entry in self.feature_schema.features.items()}
        for feature in self.features:
            if feature.axis not in axes:
                raise ValueError(f"feature {feature.name!r} indicates axis {feature.axis!r}, which is not one of {sorted(axes)}")
            if units.get(feature.name) != feature.unit:
                raise ValueError(
                    f"feature {feature.name!r} in {feature.unit!r} is not in the feature_schema, which has {units.get(feature.name)!r}"
                )
        group_axes: dict[str, set[str]] = {}
        for feature in self.features:
            if feature.group is not None:
                group_axes.setdefault(feature.group, set()).add(feature.axis)
        if mixed := sorted(group for group, members in group_axes.items() if len(members) > 1):
            raise ValueError(f"a group of features may indicate one axis only, got several for {', '.join(mixed)}")
        if stray := sorted({row.feature for row in self.norms.rows} - set(units)):
            raise ValueError(f"norms are given for features that are not in the feature_schema: {', '.join(stray)}")
        return self
