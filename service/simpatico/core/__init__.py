"""Frames of one channel, functionals of their rows, and arithmetic of rankings: the only place of the package that touches the C core.

The core measures 10 ms frames of a stream at 8 or 16 kHz. Frame ``i`` describes samples ``[i * hop, (i + 1) * hop)``; a stream of ``n``
samples gives ``floor(n / hop)`` frames. How the samples were cut never changes a frame. A frame's row holds one or both of two sets of
columns: ``"signals"`` (``COLUMNS``), whose windows are centred on the frame, and ``"egemaps"`` (``EGEMAPS_COLUMNS``), whose windows begin
with it, as openSMILE's do. The method of each is in the C sources under ``service/core``.
"""

from simpatico.core.frames import (
    COLUMNS,
    EGEMAPS_COLUMNS,
    EGEMAPS_INDEX,
    EGEMAPS_LATENCY_FRAMES,
    EGEMAPS_UNITS,
    INDEX,
    LATENCY_FRAMES,
    SETS,
    SIMD_VARIABLE,
    UNITS,
    FrameExtractor,
    advance,
    build_info,
    simd_levels,
)
from simpatico.core.functionals import EXACT_FRAMES, FUNCTIONAL_NAMES, FUNCTIONAL_UNITS, Functionals, smooth_lld
from simpatico.core.ranking import CandidateNames, Grid, Model, expect, first_place

__all__ = [
    "COLUMNS",
    "EGEMAPS_COLUMNS",
    "EGEMAPS_INDEX",
    "EGEMAPS_LATENCY_FRAMES",
    "EGEMAPS_UNITS",
    "EXACT_FRAMES",
    "FUNCTIONAL_NAMES",
    "FUNCTIONAL_UNITS",
    "INDEX",
    "LATENCY_FRAMES",
    "SETS",
    "SIMD_VARIABLE",
    "UNITS",
    "CandidateNames",
    "FrameExtractor",
    "Functionals",
    "Grid",
    "Model",
    "advance",
    "build_info",
    "expect",
    "first_place",
    "simd_levels",
    "smooth_lld",
]
