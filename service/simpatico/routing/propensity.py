"""The probability that each agent comes out first when every score is drawn from its normal: what off-policy evaluation divides by.

For independent scores N(mean_a, sd_a**2) the probability is a one-dimensional integral::

    p_a = integral of  f_a(x) * product over b != a of F_b(x)  dx

taken by the trapezoid rule. For an integrand that is smooth and dies out at both ends the rule's error falls faster than any power of the
step (Trefethen & Weideman 2014); on the grid taken here it is below 1e-6. Nothing is drawn: the same inputs
give the same figure.

The grid spans what the largest score is between but for a thousand-millionth on either side. An agent too far behind to reach it once in
a thousand million draws is given 0 and left out of the integral. The probabilities sum
to 1 up to the error, and are divided by their sum.

References
----------
Trefethen, L. N. & Weideman, J. A. C. (2014). The exponentially convergent trapezoidal rule. SIAM Review 56(3), 385-458.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scipy.special import ndtri

from simpatico import core

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Float = NDArray[np.float64]

__all__ = ["SMALLEST_SD_RATIO", "first_place"]

REACH_SD = 6.0
"""Beyond six SD a normal has a thousand-millionth of its mass."""
LOST = 1e-9
"""Probability that the grid may miss at either end, a thousandth of the stated error."""
STEPS_PER_SD, LEAST_STEPS = 2.0, 24
"""Steps in the narrowest SD, and on the whole grid: the largest of many draws spreads less than any one of them, and the grid is some
twelve of its SDs wide. Against ten times finer grids no probability moved by more than 1e-6 (tested)."""
SMALLEST_SD_RATIO = 1.0 / 64.0
"""SDs below this share of the widest one are raised to it, which bounds the grid."""


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
    return _integrated(mean, sd)[0]


def _integrated(mean: Float, sd: Float) -> tuple[Float, tuple[float, float]]:
    """The probabilities, and the grid's ends.

    Of a thousand agents the largest of the draws is hardly ever below the third SD of the best, so the grid, and who is within reach of it,
    are much smaller than six SD of everybody would have them.
    """
    tail_sd = -float(ndtri(LOST / max(mean.size, 1)))
    grid = core.Grid(LOST, REACH_SD, tail_sd, SMALLEST_SD_RATIO, STEPS_PER_SD, LEAST_STEPS)
    try:
        return core.first_place(mean, sd, grid)
    except ValueError:
        raise ValueError("means and sds must be finite and sds at least 0; a model with other figures may not rank") from None
