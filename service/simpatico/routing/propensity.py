"""The probability that each agent comes out first when every score is drawn from its normal: what off-policy evaluation divides by.

For independent scores N(mean_a, sd_a**2) the probability is a one-dimensional integral::

    p_a = integral of  f_a(x) * product over b != a of F_b(x)  dx

taken by the trapezoid rule. For an integrand that is smooth and dies out at both ends the rule's error falls faster than any power of the
step (Trefethen & Weideman 2014); with ``STEPS_PER_SD`` steps in the narrowest SD it is below 1e-6. Nothing is drawn: the same inputs
give the same figure.

The grid spans what the largest score is between but for a thousand-millionth on either side. An agent too far behind to reach it once in
a thousand million draws is given 0 and left out of the integral. The probabilities sum
to 1 up to the error, and are divided by their sum.

References
----------
Trefethen, L. N. & Weideman, J. A. C. (2014). The exponentially convergent trapezoidal rule. SIAM Review 56(3), 385-458.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtr

__all__ = ["SMALLEST_SD_RATIO", "first_place"]

Float = NDArray[np.float64]

REACH_SD = 6.0
"""Beyond six SD a normal has a thousand-millionth of its mass."""
LOST = 1e-9
"""Probability that the grid may miss at either end, a thousandth of the stated error."""
LOG_LOST = math.log(LOST)
HALVINGS = 8
"""Of the range in which the grid's ends are looked for: to within a hundredth of it, which is as much as a finer search would save."""
STEPS_PER_SD = 1.5
"""Steps in the narrowest SD. The trapezoid rule's error for a Gaussian of SD s with step s / 1.5 is 2 exp(-2 (1.5 pi)**2), about 1e-19;
products of distribution functions are less smooth, and against ten times finer grids no probability moved by more than 1e-6 (tested)."""
SMALLEST_SD_RATIO = 1.0 / 64.0
"""SDs below this share of the widest one are raised to it, which bounds the grid."""

NO_SD = float(np.finfo(np.float64).tiny) / SMALLEST_SD_RATIO
"""An SD below it counts as 0: its least share would have no figures left to divide by."""


def first_place(mean: Float, sd: Float) -> Float:
    """Probability that each of some independent normal scores is the largest.

    Parameters
    ----------
    mean, sd
        float64 [n], finite, sd of at least 0. Where every sd is 0 the largest mean has it; among equals, the first.

    Returns
    -------
    float64 [n]
        At least 0, summing to 1; empty for no scores.

    Raises
    ------
    ValueError
        When a figure is not finite or an sd is below 0.
    """
    if not (np.isfinite(mean).all() and np.isfinite(sd).all() and (sd >= 0.0).all()):
        raise ValueError("means and sds must be finite and sds at least 0; a model with other figures may not rank")
    result = np.zeros(mean.size)
    if mean.size == 0:
        return result
    widest = float(sd.max())
    if widest < NO_SD or mean.size == 1:
        result[int(np.argmax(mean))] = 1.0
        return result
    sd = np.maximum(sd, widest * SMALLEST_SD_RATIO)
    floor, top = _reach(mean, sd)
    rivals = np.flatnonzero(mean + REACH_SD * sd >= floor)
    m, s = mean[rivals], sd[rivals]
    steps = int(np.ceil((top - floor) / float(s.min()) * STEPS_PER_SD)) + 2
    x = np.linspace(floor, top, steps)
    z = (x[:, None] - m) / s
    result[rivals] = _integrate(z, s)
    result /= result.sum()
    return result


def _reach(mean: Float, sd: Float) -> tuple[float, float]:
    """Between which scores the largest lies, but for some `LOST` of its probability on either side.

    Of a thousand agents the largest of the draws is hardly ever below the third SD of the best, so the grid, and who is within reach of it,
    are much smaller than six SD of everybody would have them.
    """
    low, high = float((mean - REACH_SD * sd).max()), float((mean + REACH_SD * sd).max())
    near = mean + REACH_SD * sd >= low
    m, s = mean[near], sd[near]
    floor, above = low, high
    for _ in range(HALVINGS):
        middle = 0.5 * (floor + above)
        if float(log_ndtr((middle - m) / s).sum()) < LOG_LOST:
            floor = middle
        else:
            above = middle
    top, below = high, floor
    for _ in range(HALVINGS):
        middle = 0.5 * (top + below)
        if float(ndtr((m - middle) / s).sum()) < LOST:
            top = middle
        else:
            below = middle
    return floor, top


def _integrate(z: Float, s: Float) -> Float:
    """Integral of f_a times the product of the others' F over the grid, up to the common step; ``z`` is [steps, agents]."""
    below = ndtr(z)
    with np.errstate(divide="ignore"):
        every = np.where(below > 0.0, np.log(below), log_ndtr(z)).sum(axis=1) if (below <= 0.0).any() else np.log(below).sum(axis=1)
    live = every > -700.0  # exp underflows below; there the integrand is nothing
    z, below, every = z[live], below[live], every[live]
    others = np.exp(np.minimum(every[:, None] - np.log(np.maximum(below, 1e-300)), 0.0))
    density = np.exp(-0.5 * z * z) * (s.min() / s)  # up to a factor common to all, which the sum takes out; 1 / s may overflow
    result: Float = (density * others).sum(axis=0)
    return result
