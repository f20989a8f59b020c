"""openSMILE's names of the 25 low-level descriptors and the 88 functionals of eGeMAPSv02, in its order."""

from __future__ import annotations

SHORT = ("Loudness_sma3", "alphaRatio_sma3", "hammarbergIndex_sma3", "slope0-500_sma3", "slope500-1500_sma3", "spectralFlux_sma3",
         "mfcc1_sma3", "mfcc2_sma3", "mfcc3_sma3", "mfcc4_sma3")  # fmt: skip
"""From the short window, in every frame."""
VOICED = ("F0semitoneFrom27.5Hz_sma3nz", "jitterLocal_sma3nz", "shimmerLocaldB_sma3nz", "HNRdBACF_sma3nz", "logRelF0-H1-H2_sma3nz",
          "logRelF0-H1-A3_sma3nz")  # fmt: skip
"""Zero in unvoiced frames."""
FORMANT = tuple(f"F{n}{kind}_sma3nz" for n in (1, 2, 3) for kind in ("frequency", "bandwidth", "amplitudeLogRelF0"))
LLD_NAMES = SHORT + VOICED + FORMANT

_FULL = ("amean", "stddevNorm", "percentile20.0", "percentile50.0", "percentile80.0", "pctlrange0-2", "meanRisingSlope",
"stddevRisingSlope",
         "meanFallingSlope", "stddevFallingSlope")  # fmt: skip
_MOMENTS = ("amean", "stddevNorm")
_BANDED = ("alphaRatio{}_sma3nz", "hammarbergIndex{}_sma3nz", "slope{}0-500_sma3nz", "slope{}500-1500_sma3nz", "spectralFlux{}_sma3nz")
MASKED_SHORT = SHORT[1:]
"""Descriptors of the short window that also have figures over voiced frames alone."""
VOICED_FORMS = tuple(n.format("V") for n in _BANDED) + tuple(f"mfcc{k}V_sma3nz" for k in (1, 2, 3, 4))
UNVOICED_FORMS = tuple(n.format("UV") for n in _BANDED)
TEMPORAL = ("loudnessPeaksPerSec", "VoicedSegmentsPerSec", "MeanVoicedSegmentLengthSec", "StddevVoicedSegmentLengthSec",
            "MeanUnvoicedSegmentLength", "StddevUnvoicedSegmentLength", "equivalentSoundLevel_dBp")  # fmt: skip

FUNCTIONAL_NAMES = (
    *(f"{VOICED[0]}_{s}" for s in _FULL),
    *(f"loudness_sma3_{s}" for s in _FULL),
    *(f"{n}_{s}" for n in ("spectralFlux_sma3", "mfcc1_sma3", "mfcc2_sma3", "mfcc3_sma3", "mfcc4_sma3") for s in _MOMENTS),
    *(f"{n}_{s}" for n in VOICED[1:] + FORMANT for s in _MOMENTS),
    *(f"{n}_{s}" for n in VOICED_FORMS for s in _MOMENTS),
    *(f"{n}_amean" for n in UNVOICED_FORMS),
    *TEMPORAL,
)
