"""Peaks of a contour and the slopes between its extrema.

References
----------
.. [1] Eyben et al. (2016), IEEE TAC 7(2): mean and standard deviation of the slope of rising and falling parts; loudness peaks per second.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .windows import HOP_S, Float

THRESHOLD = 0.1
"""An extremum counts when it differs by more than this share of the contour's range from the one before it (found on designed contours)."""


def extrema(y: Float) -> list[tuple[int, int]]:
    """Alternating maxima (+1) and minima (-1) as (index, kind), in order.

    A candidate is strictly above or below both neighbours. It counts when it differs from the last extremum (at first: from ``y[0]``)
    by more than the threshold. Of several minima in a row the lowest stands; a further maximum takes the place of the last only when it
    is higher by more than the threshold. The last two frames are never extrema. With these rules all four slope figures equal
    openSMILE's to 0.1 % for 22 of 53 loudness contours and 13 of 17 F0 contours of real calls; in the others an extremum or two differ,
    most often after a valley that is flat to the last digit.
    """
    found: list[tuple[int, int]] = []
    threshold = THRESHOLD * (y.max() - y.min())
    last = y[0]
    for i in range(1, len(y) - 2):
        kind = int(y[i] > y[i - 1] and y[i] > y[i + 1]) - int(y[i] < y[i - 1] and y[i] < y[i + 1])
        if kind == 0:
            continue
        again = bool(found) and found[-1][1] == kind
        gain = (y[i] - last) * kind if again else abs(y[i] - last)
        if gain > (0 if again and kind < 0 else threshold):
            found[-1 if again else len(found) :] = [(i, kind)]
            last = y[i]
    return found


@dataclass(frozen=True)
class Slopes:
    """Slopes of the rising and of the falling parts, per second, in order.

    ``end`` says which of them ends with the part after the last extremum: +1 rising, -1 falling, 0 none.
    """

    rising: Float
    falling: Float
    end: int

    def moments(self) -> tuple[float, float, float, float]:
        """Mean and spread of the rising, mean and spread of the falling slopes.

        The spread is ``sqrt(sum (s - mean)^2 / n)`` with the sum over all parts but the one after the last extremum, though n and the mean
        count it: so openSMILE's output has it, to six digits.
        """
        return (*_moments(self.rising, self.end > 0), *_moments(self.falling, self.end < 0))


def _moments(x: Float, ends: bool) -> tuple[float, float]:
    if len(x) == 0:
        return 0.0, 0.0
    mean = float(x.mean())
    inner = x[:-1] if ends else x
    return mean, float(np.sqrt(((inner - mean) ** 2).sum() / len(x)))


def slopes(y: Float) -> Slopes:
    """Slopes of all parts: start to first extremum, between extrema, last extremum to end.

    Falling slopes are positive when the contour falls between two extrema; the last part, from a maximum to the end, is negative, as
    openSMILE's output has it.
    """
    marks = extrema(y) if len(y) > 1 else []
    if not marks:
        return Slopes(np.zeros(0), np.zeros(0), 0)
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
    end = -marks[-1][1]
    (rising if end > 0 else falling).append((y[-1] - y[start]) / ((len(y) - 1 - start) * HOP_S))
    return Slopes(np.array(rising), np.array(falling), end)
