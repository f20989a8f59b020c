"""What rests on formants and periods, on openSMILE's scale, for models that were trained on its figures.

openSMILE's formants, jitter and shimmer lie far from the truth (docs/egemaps.md): formant frequencies follow the pitch of the voice and the
slope of its spectrum, bandwidths hardly depend on the signal. A model that was trained on them knows no others. So each of 23 functionals
is told from ours by a regression (ridge) over recordings of people and synthetic voices, one for each rate of measurement:

- 17 (frequency and bandwidth of F1-F3, jitter, shimmer, the variation of HNR) are a line in ours of the 17, of F0, HNR and the voiced
  spectrum: a linear model loses least when it is fed with what is to be expected of its figure, given what was measured;
- 6 (amplitude of F1-F3) are ours times a line in the same: their mean counts -201 dB for every unvoiced frame, so the more silence there
  is, the nearer are both to -201 and to one another.

It gives a model figures of the size that it expects; it does not give it openSMILE's errors. The weights are in ``opensmile_scale.json``;
``python -m bench.egemaps_scale`` makes them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simpatico.audio import analysis_rate_hz
from simpatico.core import FUNCTIONAL_NAMES
from simpatico.errors import ConfigError, RequestError

__all__ = [
    "AMPLITUDE_NAMES",
    "FLOORS",
    "PREDICTORS",
    "REACH",
    "SCALED_NAMES",
    "SCALES",
    "TOLD_NAMES",
    "Mapping",
    "ScaleName",
    "check_scale",
    "on_opensmile_scale",
    "standardised",
]

ScaleName: TypeAlias = Literal["own", "opensmile"]
"""What functionals are given on."""
SCALES: Final[tuple[ScaleName, ...]] = ("own", "opensmile")

_F0: Final = "F0semitoneFrom27.5Hz_sma3nz_amean"
_HNR: Final = "HNRdBACF_sma3nz_amean"
_STATISTICS: Final = ("amean", "stddevNorm")
TOLD_NAMES: Final[tuple[str, ...]] = (
    *(f"F{k}{kind}_sma3nz_{statistic}" for k in (1, 2, 3) for kind in ("frequency", "bandwidth") for statistic in _STATISTICS),
    *(f"{kind}_sma3nz_{statistic}" for kind in ("jitterLocal", "shimmerLocaldB") for statistic in _STATISTICS),
    "HNRdBACF_sma3nz_stddevNorm",
)
"""The functionals that are told by a line."""
AMPLITUDE_NAMES: Final[tuple[str, ...]] = tuple(f"F{k}amplitudeLogRelF0_sma3nz_{statistic}" for k in (1, 2, 3) for statistic in _STATISTICS)
"""Those that are stretched."""
SCALED_NAMES: Final[tuple[str, ...]] = (*TOLD_NAMES, *AMPLITUDE_NAMES)
"""All that are mapped."""
PREDICTORS: Final[tuple[str, ...]] = (
    *TOLD_NAMES,
    _F0,
    _HNR,
    *(f"{name}_sma3nz_amean" for name in ("alphaRatioV", "hammarbergIndexV", "slopeV0-500", "slopeV500-1500")),
    *(f"mfcc{k}V_sma3nz_amean" for k in (1, 2, 3, 4)),
)
"""What they are told from."""
REACH: Final = 4.0
"""SD of the fitted voices beyond which a predictor counts as that far and no farther: a line fitted on voices says nothing out there."""
FLOORS: Final[NDArray[np.float64]] = np.array([-201.0 if name.endswith("amean") else 0.0 for name in AMPLITUDE_NAMES])
"""What the six are when nothing is voiced: they are stretched from there."""
_FILE: Final = "opensmile_scale.json"
_COLUMNS: Final = np.array([FUNCTIONAL_NAMES.index(name) for name in SCALED_NAMES])
_AMPLITUDES: Final = _COLUMNS[len(TOLD_NAMES) :]
_FOUND: Final = np.array([FUNCTIONAL_NAMES.index(name.replace("stddevNorm", "amean")) for name in TOLD_NAMES])
"""The means that tell whether there is anything."""
_VOICED: Final = FUNCTIONAL_NAMES.index(_F0)
_LEAST: Final = np.array([-np.inf if name.startswith("HNR") else 0.0 for name in TOLD_NAMES])
"""What no figure of theirs is below."""
_PREDICTOR_COLUMNS: Final = np.array([FUNCTIONAL_NAMES.index(name) for name in PREDICTORS])


def check_scale(name: str, of: str = "egemaps-v02") -> ScaleName:
    """Return the name of a scale for the feature set ``of``.

    Raises
    ------
    ConfigError
        There is none of that name, or it is openSMILE's and the set has no functionals of openSMILE.
    """
    for known in SCALES:
        if name == known:
            if known == "opensmile" and of != "egemaps-v02":
                raise ConfigError(
                    f"the scale opensmile is of the 88 functionals: the set egemaps-v02 works with it, not {of}", field="scale"
                )
            return known
    raise ConfigError(f"the scale {name!r} is not known: {' and '.join(SCALES)} work", field="scale")


def on_opensmile_scale(values: NDArray[np.float32], rate_hz: int) -> NDArray[np.float32]:
    """Map the 23 functionals that rest on formants and periods to openSMILE's scale and leave the other 65 as they are.

    Parameters
    ----------
    values
        [..., 88], functionals in the order of ``names_of("egemaps-v02")``: one row, or a table of them. What was not found (a mean of
        0: no such formant, no periods, nothing voiced) stays as it is, and so does the figure that goes with it; NaN stays NaN. Neither
        tells anything about the others.
    rate_hz
        Rate of the audio: from 16 kHz up it was measured at 16 kHz, below at 8 kHz.

    Returns
    -------
    float32 [..., 88]
        A copy.

    Raises
    ------
    RequestError
        The last axis does not have 88 figures.
    AudioFormatError
        There is no audio of that rate.

    Examples
    --------
    >>> (left,) = extract("call.wav", channel=0)
    >>> model.predict(on_opensmile_scale(left.values, 8000)[None])
    """
    out = np.array(values, dtype=np.float32)
    if out.ndim == 0 or out.shape[-1] != len(FUNCTIONAL_NAMES):
        raise RequestError(f"values have the shape {out.shape}: [..., {len(FUNCTIONAL_NAMES)}] functionals work", field="values")
    mapping = _mapping(analysis_rate_hz(rate_hz))
    own, measured = out[..., _COLUMNS], np.concatenate([out[..., _FOUND], out[..., _AMPLITUDES]], axis=-1)
    found = (out[..., [_VOICED]] != 0) & (measured != 0)
    out[..., _COLUMNS] = np.where(found & ~np.isnan(own), mapping.apply(out), own).astype(np.float32)
    return out


@dataclass(frozen=True)
class Mapping:
    """Centre and spread of the predictors [27], offsets [23] and weights [23, 27] on the standardised ones."""

    centre: NDArray[np.float64]
    spread: NDArray[np.float64]
    offset: NDArray[np.float64]
    weight: NDArray[np.float64]

    def apply(self, values: NDArray[np.float32] | NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ``SCALED_NAMES`` [..., 23] told from functionals [..., 88]."""
        lines = self.offset + (standardised(values, self.centre, self.spread)[..., None, :] * self.weight).sum(-1)
        told, stretch = np.split(lines, [len(TOLD_NAMES)], axis=-1)
        stretched = FLOORS + np.maximum(stretch, 0) * (values[..., _AMPLITUDES] - FLOORS)
        return np.concatenate([np.maximum(told, _LEAST), stretched], axis=-1)


def standardised(
    values: NDArray[np.float32] | NDArray[np.float64], centre: NDArray[np.float64], spread: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the predictors [..., 27] in SD about their centre, at most ``REACH``; 0 for what was not found and for NaN."""
    z = np.clip((values[..., _PREDICTOR_COLUMNS] - centre) / spread, -REACH, REACH)
    known = ~np.isnan(z)
    known[..., : len(_FOUND)] &= values[..., _FOUND] != 0
    return np.where(known, z, 0)


@cache
def _mapping(rate_hz: int) -> Mapping:
    stored = json.loads(files("simpatico.features").joinpath(_FILE).read_text("utf-8"))[str(rate_hz)]
    centre, spread = np.array([stored["predictors"][name] for name in PREDICTORS]).T
    rows = np.array([stored["weights"][name] for name in SCALED_NAMES])
    return Mapping(centre, spread, rows[:, 0], rows[:, 1:])
