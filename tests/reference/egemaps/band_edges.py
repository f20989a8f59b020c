"""What a telephone line cuts off a voice is unknown, not silent.

Linear prediction takes the empty ends of the spectrum of a line of 300-3400 Hz for the voice's: F1 below 400 Hz is drawn up to where the
band begins, and poles are spent on its edge at the top. Here the power of bins that the line may have cut off is replaced by what the
predictor of the rest has there, which is expectation and maximisation [1]_ for a spectrum that is known in parts, over-relaxed. How much
of it is replaced goes by how far the power lies under what is predicted, so that a whole spectrum stays what it is.

References
----------
.. [1] Dempster, Laird & Rubin (1977), Maximum likelihood from incomplete data via the EM algorithm, J. Royal Stat. Soc. B 39(1).
"""

from __future__ import annotations

import numpy as np

from .prediction import ORDER, lags, predicted, predictor
from .windows import Float

EDGES = {8000: ((0, 8), (112, 128)), 16000: ((0, 8),)}
"""First and last bins of 31.25 Hz: up to 250 Hz, and at 8 kHz from 3500 Hz."""
HEARD = 0.6
"""Of the power predicted for an edge: as much or more of it is heard."""
STEPS = 2
RELAXATION = 1.9


def completed(power: Float, rate_hz: int) -> Float:
    """Power of the voice at bins of 31.25 Hz [top + 1], not all 0, with what the line cut off at the edges as far as it can be told."""
    out, top = power.copy(), len(power) - 1
    for _ in range(STEPS):
        r = lags(out, ORDER[rate_hz])
        a, error = predictor(r)
        for first, last in EDGES[rate_hz]:
            bins = np.arange(first, last + 1)
            weight = np.where((bins == 0) | (bins == top), 0.5, 1.0)
            expected = predicted(a, error, bins, top)
            total = weight @ expected
            expected *= min(1.0, r[0] * top / total)
            heard = min(1.0, weight @ power[bins] / (HEARD * min(total, r[0] * top)))
            wanted = expected + heard * (power[bins] - expected)
            out[bins] = np.maximum(out[bins] + RELAXATION * (wanted - out[bins]), 0.0)
    return out
