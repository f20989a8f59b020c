"""Model bundles: find one, refuse it unless everything about it holds, and estimate style with it.

A bundle is checked completely when it is loaded, so that nothing about it can fail in the middle of a call: the configuration against its
own rules (:mod:`simpatico.style.config`), the feature schema against what this build measures, the model file against its recorded SHA-256,
and the model's inputs, outputs and behaviour against the contract of a scorer (:mod:`simpatico.style.scorer`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from simpatico.errors import BundleError, BundleMismatchError, BundleNotFoundError, ConfigError
from simpatico.features import schema_differences, schema_hash
from simpatico.signals.norms import AudioKind, Norm, NormTable, robust_z
from simpatico.style.config import UNDETERMINED, BundleConfig, FeatureConfig, LabelConfig, NormRow
from simpatico.style.posterior import AxisPosterior, AxisPrior, fuse, orthant_probabilities
from simpatico.style.scorer import Evidence, Scorer
from simpatico.types import AxisEstimate, Measure, ModelInfo, Reason, Role, StyleEstimate

__all__ = ["DEFAULT_BUNDLE", "Bundle", "load_bundle"]

DEFAULT_BUNDLE = "prior-1/1.1.0"
"""Name and version of the bundle that ships with the package."""
CONFIG_FILE = "config.json"

_SHOWN_PROBLEMS = 5
"""How many of a long list of problems a message names."""


_TYPICAL_Z = 1.0
"""The error of a norm is taken at this |z|: a typical caller's, so that it does not depend on the score it belongs to."""
_NO_INFORMATION = 1e-9
"""Precision at or below which an axis has no evidence: float32 sums of zeros are zero, and one second of the weakest feature brings
more."""


@dataclass(frozen=True, slots=True)
class _Placed:
    """A norm to use for one feature: the norm itself, the seconds of speech behind a typical track of it, and the variance of z that comes
    from it (SD squared)."""

    norm: Norm
    evidence_s: float
    error_variance: float

    @classmethod
    def of(cls, row: NormRow, norm: Norm, added_variance: float) -> _Placed:
        """Few speakers place the median and the MAD only roughly; a mismatch of audio adds ``added_variance``."""
        return cls(norm, row.evidence_s, norm.z_se(_TYPICAL_Z) ** 2 + added_variance)


class Bundle:
    """A loaded, checked model bundle. Immutable, and safe to share between threads; made by :func:`load_bundle`.

    Attributes
    ----------
    config
        Everything in ``config.json``.
    norms
        The norms, for the layers that need them.
    """

    def __init__(self, config: BundleConfig, scorer: Scorer) -> None:
        self.config = config
        self._scorer = scorer
        self._rows = {row.key: row for row in config.norms.rows}
        self.norms = NormTable({row.key: Norm(median=row.median, mad=row.mad, n=row.speakers) for row in config.norms.rows})
        self._info = ModelInfo(config.name, config.version, config.schema_hash, config.norms.name)
        self._placed: dict[AudioKind, tuple[_Placed | None, ...]] = {}

    @property
    def name(self) -> str:
        """Name of the bundle."""
        return self.config.name

    @property
    def version(self) -> str:
        """Version, ``major.minor.patch``."""
        return self.config.version

    @property
    def axes(self) -> tuple[str, ...]:
        """Names of the axes."""
        return tuple(axis.name for axis in self.config.axes)

    @property
    def labels(self) -> tuple[LabelConfig, ...]:
        """Labels with the signs they stand for."""
        return self.config.labels

    @property
    def threshold(self) -> float:
        """Least probability at which a label is given."""
        return self.config.threshold

    @property
    def schema_hash(self) -> str:
        """Hash of the feature schema that the bundle was made with; equal to this build's."""
        return self.config.schema_hash

    @property
    def info(self) -> ModelInfo:
        """What a result says of the model behind it."""
        return self._info

    def estimate(self, features: Mapping[str, Measure], *, kind: AudioKind, prior: Mapping[str, AxisPrior] | None = None) -> StyleEstimate:
        """Estimate the perceived interaction style of the caller in this call.

        Parameters
        ----------
        features
            What :func:`simpatico.style.style_features` gave. A feature that is absent or missing widens the posterior; it does not count
            as average.
        kind
            Of the caller's audio, to choose norms.
        prior
            By axis name, what earlier calls left; an axis that is not named has the population's N(0, 1).

        Returns
        -------
        StyleEstimate
            With ``reason`` when no feature could be used, in which case the posterior is the prior.

        Raises
        ------
        ConfigError
            When ``prior`` names an axis that the bundle does not have.
        """
        prior = prior or {}
        if unknown := sorted(set(prior) - set(self.axes)):
            raise ConfigError(f"prior names axis {', '.join(unknown)}; {self.name} has {', '.join(self.axes)}", field="prior")
        placed = self._places(kind)
        measures = [features.get(feature.name) for feature in self.config.features]
        known = _known(measures, placed)
        evidence = self._score(measures, placed)
        posteriors = {
            axis: fuse(evidence.shift[:, a].tolist(), evidence.information[:, a].tolist(), prior.get(axis))
            for a, axis in enumerate(self.axes)
        }
        probabilities = orthant_probabilities(posteriors, {label.name: label.signs for label in self.labels})
        leader = max(probabilities, key=lambda label: probabilities[label])
        return StyleEstimate(
            axes=tuple(self._axis_estimate(axis, posterior, known) for axis, posterior in posteriors.items()),
            probabilities=probabilities,
            label=leader if probabilities[leader] >= self.threshold else UNDETERMINED,
            evidence_s=max((m.evidence_s for m in features.values()), default=0.0),
            reason=None if any(known) else _reason(measures, placed),
        )

    def shared_variance(self, features: Mapping[str, Measure], *, kind: AudioKind) -> dict[str, float]:
        """Say how much of each axis' error every call of this kind has in common, because it comes from the norms.

        An estimate from one call alone is the sum of ``gain[j] z[j]`` over its total information; an error of variance ``v[j]`` in the
        norm of feature j therefore adds ``(gain[j] / information)**2 v[j]``. It does not average out over calls. Gains are read off at z
        = 1, which is exact for a linear scorer.

        Parameters
        ----------
        features, kind
            As for `estimate`.

        Returns
        -------
        dict[str, float]
            By axis, SD squared, 0 or more; inf where nothing is known of the axis.
        """
        placed = self._places(kind)
        measures = [features.get(feature.name) for feature in self.config.features]
        known = _known(measures, placed)
        at_one = [
            Measure(p.norm.median + p.norm.sd, evidence_s=m.evidence_s) if m is not None and p is not None and k else None
            for m, p, k in zip(measures, placed, known, strict=True)
        ]
        evidence = self._score(at_one, placed)
        errors = np.array([p.error_variance if p is not None and k else 0.0 for p, k in zip(placed, known, strict=True)])
        total = evidence.information.sum(axis=0)
        error = (evidence.shift**2 * errors[:, None]).sum(axis=0)
        return {axis: float(e / i**2) if i > _NO_INFORMATION else float("inf") for axis, e, i in zip(self.axes, error, total, strict=True)}

    def _places(self, kind: AudioKind) -> tuple[_Placed | None, ...]:
        """The norm to use for each feature, looked up once for each kind of audio, of which there are few."""
        placed = self._placed.get(kind)
        if placed is None:
            placed = self._placed[kind] = tuple(self._place(feature, kind) for feature in self.config.features)
        return placed

    def _place(self, feature: FeatureConfig, kind: AudioKind) -> _Placed | None:
        row = self._rows.get((Role.CALLER, kind.bandwidth, kind.codec_family, feature.name))
        if row is not None:
            return _Placed.of(row, self.norms.norms[row.key], 0.0)
        for rule in self.config.substitutes:
            if rule.bandwidth in ("*", kind.bandwidth) and rule.codec_family in ("*", kind.codec_family):
                row = self._rows.get((Role.CALLER, rule.use_bandwidth, rule.use_codec_family, feature.name))
                added = rule.added_variance.get(feature.family)
                return None if row is None or added is None else _Placed.of(row, self.norms.norms[row.key], added)
        return None

    def _score(self, measures: Sequence[Measure | None], placed: Sequence[_Placed | None]) -> Evidence:
        inputs = [
            (0.0, 0.0, 0.0, 1.0, 0.0)
            if measure is None or measure.value is None or place is None
            else (robust_z(measure.value, place.norm), 1.0, measure.evidence_s, place.evidence_s, place.error_variance)
            for measure, place in zip(measures, placed, strict=True)
        ]
        return self._scorer.score(*np.array(inputs).T)

    def _axis_estimate(self, axis: str, posterior: AxisPosterior, known: Sequence[bool]) -> AxisEstimate:
        shares = zip(self.config.features, posterior.contributions, known, strict=True)
        contributions = {feature.name: share for feature, share, is_known in shares if is_known and feature.axis == axis}
        return AxisEstimate(axis, posterior.mean, posterior.sd, contributions)


def _known(measures: Sequence[Measure | None], placed: Sequence[_Placed | None]) -> list[bool]:
    """Which features were measured and have a norm."""
    return [m is not None and m.value is not None and p is not None for m, p in zip(measures, placed, strict=True)]


def _reason(measures: Sequence[Measure | None], placed: Sequence[_Placed | None]) -> Reason:
    """Why no feature could be used: that none has norms, or what most of the measurements say."""
    reasons = [m.reason for m in measures if m is not None and m.reason is not None]
    if any(m is not None and m.value is not None for m in measures) and not any(placed):
        return Reason.NO_NORMS
    return max(reasons, key=reasons.count, default=Reason.NO_SPEECH)


def load_bundle(path: Path | None = None) -> Bundle:
    """Load a bundle and check everything about it.

    Parameters
    ----------
    path
        Directory of the bundle, as in ``models/prior-1/1.1.0``; None for the one that ships with the package.

    Raises
    ------
    BundleNotFoundError
        When there is no such directory, or a file is missing from it.
    BundleMismatchError
        When its feature schema differs from what this build measures; the message names the differences.
    BundleError
        When a file is damaged or breaks the rules of a bundle.
    """
    folder = _shipped() if path is None else path
    if not folder.is_dir():
        raise BundleNotFoundError(f"no model bundle at {folder}: expected a directory with {CONFIG_FILE} and model.onnx", field="bundle")
    config = _read_config(folder)
    _check_schema(config, folder)
    model = _read(folder, config.model.file)
    digest = hashlib.sha256(model).hexdigest()
    where = str(folder / config.model.file)
    if digest != config.model.sha256:
        raise BundleError(f"{where} is damaged: its SHA-256 is {digest}, {CONFIG_FILE} says {config.model.sha256}", field="bundle")
    return Bundle(config, Scorer(model, features=len(config.features), axes=len(config.axes), where=where))


def _shipped() -> Traversable:
    """The default bundle: package data when installed, the repository's ``models`` when run in place."""
    installed = files("simpatico").joinpath("_models").joinpath(*DEFAULT_BUNDLE.split("/"))
    if installed.is_dir():
        return installed
    return Path(__file__).resolve().parents[3].joinpath("models", DEFAULT_BUNDLE)


def _read(folder: Traversable, name: str) -> bytes:
    try:
        return folder.joinpath(name).read_bytes()
    except OSError as exc:
        raise BundleNotFoundError(f"bundle {folder} has no readable {name}: {exc.strerror or exc}", field="bundle") from exc


def _read_config(folder: Traversable) -> BundleConfig:
    raw = _read(folder, CONFIG_FILE)
    try:
        return BundleConfig.model_validate_json(raw)
    except ValidationError as exc:
        problems = [f"{'.'.join(str(part) for part in e['loc']) or 'the file'}: {e['msg']}" for e in exc.errors(include_url=False)]
        more = f"; and {len(problems) - _SHOWN_PROBLEMS} more" if len(problems) > _SHOWN_PROBLEMS else ""
        raise BundleError(f"{folder / CONFIG_FILE} is not valid: {'; '.join(problems[:_SHOWN_PROBLEMS])}{more}", field="bundle") from exc


def _check_schema(config: BundleConfig, folder: Traversable) -> None:
    document = config.feature_schema.model_dump()
    if (recorded := schema_hash(document)) != config.schema_hash:
        raise BundleError(
            f"{folder / CONFIG_FILE} is damaged: its feature_schema hashes to {recorded}, its schema_hash says {config.schema_hash}",
            field="bundle",
        )
    if config.schema_hash != schema_hash():
        differences = schema_differences(document)
        more = f"; and {len(differences) - _SHOWN_PROBLEMS} more" if len(differences) > _SHOWN_PROBLEMS else ""
        raise BundleMismatchError(
            f"bundle {config.name} {config.version} was made for other features than this build measures: "
            f"{'; '.join(differences[:_SHOWN_PROBLEMS])}{more}. Use a bundle made for this build, or refit it.",
            field="bundle",
        )
