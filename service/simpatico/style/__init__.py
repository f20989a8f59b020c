"""Perceived interaction style in this call: axes, model bundles, evidence fusion. Never "true personality"."""
