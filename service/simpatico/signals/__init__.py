"""The four honest signals (Pentland 2008): activity, consistency, influence and mirroring, each figure with its standard error, its
evidence or the reason for its absence.

Pure functions over :class:`simpatico.types.Dialogue` and :class:`simpatico.types.ChannelSpeech`; no audio, no I/O, no clock, seeds passed
in. ``docs/signals.md`` says how to read the figures and what they cannot tell; ``docs/validation.md`` how well they recover known truth.
"""

from __future__ import annotations

from simpatico.signals.components import ACTIVITY, CONSISTENCY, components, energy_variation
from simpatico.signals.entrainment import DESCRIPTORS
from simpatico.signals.measure import SURROGATES, measure
from simpatico.signals.norms import AudioKind, Norm, NormTable, fit_norm, robust_z

__all__ = [
    "ACTIVITY",
    "CONSISTENCY",
    "DESCRIPTORS",
    "SURROGATES",
    "AudioKind",
    "Norm",
    "NormTable",
    "components",
    "energy_variation",
    "fit_norm",
    "measure",
    "robust_z",
]
