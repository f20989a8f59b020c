"""Composes the chain: samples of a call in, its analysis out. No maths of its own, no I/O, no clock.

How samples are cut into ``feed`` calls never changes a result: they are gathered into quanta of fixed length, so everything behind sees the same sequence of
calls whatever the chunking was. Interim results are given at fixed times of the call for the same reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simpatico.audio import QualityMeter, StreamResampler, analysis_rate_hz
from simpatico.core import INDEX, FrameExtractor
from simpatico.errors import AudioFormatError, ConfigError, MalformedAudioError, UnknownCallError
from simpatico.signals import AudioKind, measure
from simpatico.style import AxisPrior, Bundle, style_features
from simpatico.turns import ChannelTracker, dialogue
from simpatico.types import AudioFormat, CallAnalysis, CallInfo, ChannelQuality, ChannelSpeech, Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["AnalysisOptions", "CallAnalyzer"]

LIVE_QUANTUM_S = 0.1
"""Audio is taken in steps of this length when interim results are wanted: small against the look-ahead of the speech detector (0.3 s)."""
ARCHIVE_QUANTUM_S = 5.0
"""And of this length when they are not: fewer, longer calls into NumPy."""


@dataclass(frozen=True, slots=True)
class AnalysisOptions:
    """What a caller of the analysis may choose.

    Attributes
    ----------
    interim_period_s
        Seconds of call time between interim results, at least 0.1; None for none.
    seed
        Seed of the surrogates of influence and entrainment.
    surrogates
        How many surrogates, at least 20 (the smallest p-value is 1 / (surrogates + 1)).
    prior
        The caller's profile, by axis name; None without one.
    """

    interim_period_s: float | None = 1.0
    seed: int = 0
    surrogates: int = 199
    prior: Mapping[str, AxisPrior] | None = None

    def __post_init__(self) -> None:
        if self.interim_period_s is not None and not self.interim_period_s >= LIVE_QUANTUM_S:
            raise ConfigError(
                f"interim_period_s is {self.interim_period_s!r}; use {LIVE_QUANTUM_S} or more, or None for none", field="interim_period_s"
            )
        if self.surrogates < 20:
            raise ConfigError(f"surrogates is {self.surrogates}; use 20 or more", field="surrogates")
