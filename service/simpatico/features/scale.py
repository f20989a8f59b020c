"""The twelve functionals of formants on openSMILE's scale, for models that were trained on its figures.

openSMILE's formant frequencies and, above all, bandwidths lie far from the truth (docs/egemaps.md), and a model that was trained on them
knows no others. Each of the twelve is mapped by ``a + b x``, with the line that takes our median and interquartile range to openSMILE's
over synthetic voices, one line per rate of measurement. It gives a model figures of the size that it expects; it does not give it
openSMILE's errors. The lines are in ``opensmile_scale.json``; ``python -m bench.egemaps_scale --write`` makes them.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simpatico.core import FUNCTIONAL_NAMES
from simpatico.errors import RequestError

__all__ = ["SCALED_NAMES", "on_opensmile_scale"]

SCALED_NAMES: Final[tuple[str, ...]] = tuple(
    f"F{k}{kind}_sma3nz_{statistic}" for k in (1, 2, 3) for kind in ("frequency", "bandwidth") for statistic in ("amean", "stddevNorm")
)
"""The functionals that are mapped."""
_WIDE_HZ: Final = 16000
_FILE: Final = "opensmile_scale.json"


def on_opensmile_scale(values: NDArray[np.float32], rate_hz: int) -> NDArray[np.float32]:
    """Map the functionals of formants to openSMILE's scale and leave the other 76 as they are.

    Parameters
    ----------
    values
        [..., 88], functionals in the order of ``names_of("egemaps-v02")``. A mean of 0, which stands for "no such formant was found",
        stays 0, and so does the figure that goes with it; NaN stays NaN.
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

    Examples
    --------
    >>> (left,) = extract("call.wav", channel=0)
    >>> model.predict(on_opensmile_scale(left.values, 8000)[None])
    """
    out = np.array(values, dtype=np.float32)
    if out.ndim == 0 or out.shape[-1] != len(FUNCTIONAL_NAMES):
        raise RequestError(f"values have the shape {out.shape}: [..., {len(FUNCTIONAL_NAMES)}] functionals work", field="values")
    columns, means, offset, factor = _lines(_WIDE_HZ if rate_hz >= _WIDE_HZ else 8000)
    found = out[..., means] != 0
    out[..., columns] = np.where(found, offset + factor * out[..., columns], 0).astype(np.float32)
    return out


@cache
def _lines(rate_hz: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
    """Columns, those of the means that tell whether there is anything, offsets and factors, each [12]."""
    lines = json.loads(files("simpatico.features").joinpath(_FILE).read_text("utf-8"))[str(rate_hz)]
    columns = np.array([FUNCTIONAL_NAMES.index(name) for name in SCALED_NAMES])
    means = np.array([FUNCTIONAL_NAMES.index(name.replace("stddevNorm", "amean")) for name in SCALED_NAMES])
    offset, factor = np.array([lines[name] for name in SCALED_NAMES], dtype=np.float32).T
    return columns, means, offset, factor
