"""Peaks of a contour and the slopes between its extrema.

References
----------
.. [1] Eyben et al. (2016), IEEE TAC 7(2): mean and standard deviation of the slope of rising and falling parts; loudness peaks per second.
"""

from __future__ import annotations

import numpy as np

from .windows import HOP_S, Float

THRESHOLD = 0.1
"""An extremum counts when it differs by more than this share of the contour's range from the one before it (found on designed contours)."""


def extrema(y: Float) -> list[tuple[int, int]]:
    """Alternating maxima (+1) and minima (-1) as (index, kind), in order.

    A candidate is strictly above or below both neighbours. The first must differ from ``y[0]`` by more than the threshold; of several of
    one kind in a row the most extreme stands.
    """
    found: list[tuple[int, int]] = []
    threshold = THRESHOLD * (y.max() - y.min())
    last = y[0]
    for i in range(1, len(y) - 1):
        kind = int(y[i] > y[i - 1] and y[i] > y[i + 1]) - int(y[i] < y[i - 1] and y[i] < y[i + 1])
        if kind == 0:
            continue
        if found and found[-1][1] == kind:
            if (y[i] - last) * kind > 0:
                found[-1] = (i, kind)
                last = y[i]
        elif abs(y[i] - last) > threshold:
            found.append((i, kind))
            last = y[i]
    return found


def slopes(y: Float) -> tuple[Float, Float]:
    """Slopes per second of the rising and of the falling parts: start to first extremum, between extrema, last extremum to end.

    Falling slopes are positive when the contour falls between two extrema; the last part, from a maximum to the end, is negative, as
    openSMILE's output has it.
    """
    if len(y) < 2:
        return np.zeros(0), np.zeros(0)
    marks = extrema(y)
    rising: list[float] = []
    falling: list[float] = []
    start = 0
    for i, kind in marks:
        slope = (y[i] - y[start]) / ((i - start) * HOP_S)
        if kind > 0:
            rising.append(slope)
        else:
            falling.append(-slope)
        start = i
    if marks:
        slope = (y[-1] - y[start]) / ((len(y) - 1 - start) * HOP_S)
        (rising if marks[-1][1] < 0 else falling).append(slope)
    return np.array(rising), np.array(falling)
