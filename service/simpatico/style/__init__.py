"""Perceived interaction style in this call: features, model bundles, evidence fusion. Never "true personality".

The layer reads who had the floor, how fast, how lively and how attuned the caller was (:mod:`simpatico.style.indicators`), weighs it with a
bundle's scorer (:mod:`simpatico.style.bundle`, :mod:`simpatico.style.scorer`) and multiplies it with what was known before
(:mod:`simpatico.style.posterior`). ``docs/style.md`` explains the model and how to read its answers.
"""

from __future__ import annotations

from simpatico.style.bundle import DEFAULT_BUNDLE, Bundle, load_bundle
from simpatico.style.config import UNDETERMINED
from simpatico.style.indicators import STYLE_FEATURES, style_features
from simpatico.style.posterior import AxisPrior

__all__ = ["DEFAULT_BUNDLE", "STYLE_FEATURES", "UNDETERMINED", "AxisPrior", "Bundle", "load_bundle", "style_features"]
