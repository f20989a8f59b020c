"""What a style model may be fitted on: the names, units and revisions of every feature, with a hash that stands for all of them.

A model bundle carries the schema document that it was made with. A bundle and a build fit together when their hashes are equal; when they
are not, :func:`schema_differences` names what differs. The rules:

1. A feature whose definition changes so that its values move keeps its name and gets the next ``revision``.
2. Frame columns count as part of the schema: a change of unit in the core changes what every summary means.
3. Order does not matter, wording of comments does not matter; names, units and revisions do.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simpatico.core import INDEX, UNITS
from simpatico.types import F0_BIN_COUNT, F0_BINS_PER_ST, F0_REFERENCE_HZ, HOP_S

__all__ = ["FRAME_COLUMNS", "SCHEMA", "Feature", "schema_differences", "schema_document", "schema_hash"]


@dataclass(frozen=True, slots=True)
class Feature:
    """A named figure: its unit, and the revision of its definition."""

    name: str
    unit: str
    revision: int = 1


FRAME_COLUMNS: tuple[Feature, ...] = tuple(
    Feature(name, UNITS[INDEX[name]])
    for name in (
        "rms_dbfs",
        "loudness",
        "f0_hz",
        "voicing_probability",
        "hnr_db",
        "spectral_entropy",
        "alpha_ratio_db",
        "slope_0_500_db_per_hz",
    )
)
"""The columns of the core's frames that the summaries rest on."""

SCHEMA: tuple[Feature, ...] = (
    # Turn-taking (simpatico.turns): shares of time, rates per minute of conversation.
    Feature("talk_share", "1"),
    Feature("speaking_share", "1"),
    Feature("backchannels_per_min", "1/min"),
    Feature("interruptions_per_min", "1/min"),
    Feature("articulation_rate_hz", "Hz"),
    # Voice, over the frames of a party's utterances.
    Feature("f0_range_st", "st"),
    Feature("f0_sd_st", "st"),
    Feature("energy_cv", "1"),
    Feature("entropy_cv", "1"),
    Feature("voiced_segments_per_s", "Hz"),
    Feature("voiced_segment_cv", "1"),
    # The pair (simpatico.signals): short exchanges, and proximity of adjacent turns in each descriptor.
    Feature("short_exchange_rate", "1/min"),
    Feature("proximity_f0_median_st", "SD"),
    Feature("proximity_intensity_db", "SD"),
    Feature("proximity_syllable_rate_hz", "SD"),
    Feature("proximity_alpha_ratio_db", "SD"),
)
"""The features that the style layer may use, by name."""


def schema_document() -> dict[str, Any]:
    """Return the schema as plain data, ready for a bundle's ``config.json``."""
    return {
        "hop_s": HOP_S,
        "f0_histogram": {"reference_hz": F0_REFERENCE_HZ, "bins_per_st": F0_BINS_PER_ST, "bins": F0_BIN_COUNT},
        "frame_columns": {f.name: {"unit": f.unit, "revision": f.revision} for f in FRAME_COLUMNS},
        "features": {f.name: {"unit": f.unit, "revision": f.revision} for f in SCHEMA},
    }


def schema_hash(document: Mapping[str, Any] | None = None) -> str:
    """Return the SHA-256 (64 hexadecimal digits) of ``document``, by default of this build's schema; equal on every machine."""
    canonical = json.dumps(schema_document() if document is None else document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()


def schema_differences(document: Mapping[str, Any]) -> list[str]:
    """Name what differs between ``document`` (a bundle's) and this build's schema, one short sentence each; empty when nothing does."""
    theirs, ours = _flatten(document), _flatten(schema_document())
    found = [f"{key} is {ours[key]!r} here and absent from the bundle" for key in ours if key not in theirs]
    found += [f"{key} is {theirs[key]!r} in the bundle and absent here" for key in theirs if key not in ours]
    found += [
        f"{key} is {theirs[key]!r} in the bundle and {ours[key]!r} here" for key in ours if key in theirs and theirs[key] != ours[key]
    ]
    return found


def _flatten(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, Mapping):
            flat.update(_flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat
