"""The bundle recipe on the path, and a small bundle of round numbers to load, damage and score with."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "models"))

from recipe.graph import Indicator, build_scorer

from simpatico.features import schema_document, schema_hash
from simpatico.style import Bundle, load_bundle

Document = dict[str, Any]

TOY_FEATURES = (
    # name, unit, axis, family, r, half_evidence_s, median, mad
    ("talk_share", "1", "assertiveness", "timing", 0.4, 5.0, 0.4, 0.1),
    ("energy_cv", "1", "assertiveness", "energy", 0.3, 10.0, 1.0, 0.2),
    ("f0_range_st", "st", "responsiveness", "pitch", 0.5, 5.0, 6.0, 1.0),
    ("backchannels_per_min", "1/min", "responsiveness", "timing", 0.3, 10.0, 2.0, 1.0),
)


def toy_document(model: bytes) -> Document:
    """``config.json`` of the small bundle."""
    return {
        "format": 1,
        "name": "toy",
        "version": "0.1.0",
        "description": "For tests.",
        "licence": "Apache-2.0",
        "created": "2026-11-22",
        "model": {"file": "model.onnx", "sha256": hashlib.sha256(model).hexdigest()},
        "schema_hash": schema_hash(),
        "feature_schema": schema_document(),
        "axes": [{"name": name, "description": "d", "low": "l", "high": "h"} for name in ("assertiveness", "responsiveness")],
        "labels": [
            {"name": name, "signs": {"assertiveness": a, "responsiveness": r}, "description": "d"}
            for name, a, r in (("driving", 1, -1), ("expressive", 1, 1), ("amiable", -1, 1), ("analytical", -1, -1))
        ],
        "threshold": 0.5,
        "features": [
            {
                "name": name,
                "unit": unit,
                "axis": axis,
                "family": family,
                "group": None,
                "shared_share": 0.0,
                "half_evidence_s": half,
                "evidence": None,
            }
            for name, unit, axis, family, _, half, _, _ in TOY_FEATURES
        ],
        "excluded": [],
        "norms": {
            "name": "toy-norms",
            "source": "s",
            "licence": "CC0-1.0",
            "attribution": "none",
            "rows": [
                {
                    "role": "caller",
                    "bandwidth": "narrow",
                    "codec_family": "waveform",
                    "feature": name,
                    "median": median,
                    "mad": mad,
                    "tracks": 16,
                    "speakers": 10,
                    "evidence_s": 10.0,
                    "raw_mad": mad,
                    "rule": "shrunk",
                }
                for name, *_, median, mad in TOY_FEATURES
            ],
        },
        "substitutes": [
            {
                "bandwidth": "*",
                "codec_family": "*",
                "use_bandwidth": "narrow",
                "use_codec_family": "waveform",
                "added_variance": {"timing": 0.0, "pitch": 0.5},
                "why": "w",
            }
        ],
    }


def toy_model() -> bytes:
    """``model.onnx`` of the small bundle."""
    axes = ["assertiveness", "responsiveness"]
    indicators = [Indicator(axes.index(axis), r, half) for _, _, axis, _, r, half, _, _ in TOY_FEATURES]
    return build_scorer(indicators, axes=2, z_limit=3.0)


@pytest.fixture
def write_toy(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes the small bundle, changed by ``edit(document)`` or with other model bytes, and returns its folder."""

    def write(edit: Callable[[Document], None] | None = None, model: bytes | None = None) -> Path:
        folder = tmp_path / "toy"
        folder.mkdir(exist_ok=True)
        written = toy_model() if model is None else model
        document = toy_document(written)
        if edit is not None:
            edit(document)
        (folder / "model.onnx").write_bytes(written)
        (folder / "config.json").write_text(json.dumps(document), "utf-8")
        return folder

    return write


@pytest.fixture
def toy(write_toy: Callable[..., Path]) -> Bundle:
    """Return the small bundle, loaded."""
    return load_bundle(write_toy())
