"""Harmonics-to-noise ratio of the whole band from the eGeMAPS column of that name.

eGeMAPS (and openSMILE) take the ratio from the autocorrelation of the windowed frame, whose window fades it with the lag: a perfectly
periodic voice of 100 Hz reads 7 dB, of 200 Hz 13 dB, whatever else is in it. Boersma (1993) divides the window's own autocorrelation out.
Since the lag is the period, that can be done afterwards, frame by frame, from the two columns. The ``hnr_db`` of the signals set is such
a ratio already, of 0 to 4 kHz at either rate; this one is of the whole band of a 16 kHz signal. At 8 kHz whole lags are too coarse for
it: use ``hnr_db``.

References
----------
Boersma, P. (1993). Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a sampled sound.
    IFA Proceedings 17.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["unwindowed_hnr_db"]

_WINDOW_S: Final = 0.060
_SIGMA: Final = 0.4
"""Length and width (share of half the length) of the Gaussian window of the long frames; Eyben et al. 2016."""
_STEP_S: Final = 1e-4
_LIMIT_DB: Final = 60.0
"""What is beyond cannot be told from rounding."""


def unwindowed_hnr_db(hnr_db: NDArray[Any], f0_hz: NDArray[Any]) -> NDArray[np.float64]:
    """Divide the window out of ``HNRdBACF``.

    Parameters
    ----------
    hnr_db
        ``HNRdBACF`` of voiced frames [n], dB.
    f0_hz
        F0 of the same frames [n], Hz, above 0.

    Returns
    -------
    float64 [n], dB, at most 60.

    Raises
    ------
    ValueError
        If the shapes differ or an F0 is not above 1/60 ms.
    """
    hnr, f0 = np.asarray(hnr_db, dtype=np.float64), np.asarray(f0_hz, dtype=np.float64)
    if hnr.shape != f0.shape:
        raise ValueError(f"hnr_db has shape {list(hnr.shape)}, f0_hz {list(f0.shape)}: one F0 for each frame")
    if f0.size and not f0.min() > 1 / _WINDOW_S:
        raise ValueError(f"the lowest F0 is {f0.min():g} Hz; leave unvoiced frames out")
    ratio = 10 ** (hnr / 10)
    heard = ratio / (1 + ratio) / _window_share(1 / f0)
    ceiling = 10 ** (_LIMIT_DB / 10)
    heard = np.clip(heard, 0, ceiling / (1 + ceiling))
    return np.asarray(10 * np.log10(np.maximum(heard, 1 / ceiling) / (1 - heard)))


def _window_share(lag_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Autocorrelation of the window at given lags over that at lag 0 [n]."""
    t = np.arange(-_WINDOW_S / 2, _WINDOW_S / 2, _STEP_S) + _STEP_S / 2
    window = np.exp(-0.5 * (t / (_SIGMA * _WINDOW_S / 2)) ** 2)
    share = np.correlate(window, window, "full")[window.size - 1 :]
    return np.asarray(np.interp(lag_s, np.arange(share.size) * _STEP_S, share / share[0]), dtype=np.float64)
