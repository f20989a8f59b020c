"""What is believed of a caller's style when a call is to be routed: joining live evidence, profile and prior.

Every axis is N(0, 1) in the norm population. A *live* belief is the posterior of this call under that prior (what
:class:`simpatico.types.StyleEstimate` holds), a *profile* belief is the prior that earlier calls left for this one
(:meth:`simpatico.style.posterior.AxisPrior.from_estimate` over calls). Both contain the population's prior, so joining them divides it
out once::

    1 / sd**2   = 1 / profile.sd**2 + (1 / live.sd**2 - 1)
    mean / sd**2 = profile.mean / profile.sd**2 + live.mean / live.sd**2

References
----------
Bishop, C. M. (2006). Pattern Recognition and Machine Learning, section 2.3.
"""

from __future__ import annotations

import math

from simpatico.routing.types import AxisBelief, Source, StyleBelief
from simpatico.style.posterior import POPULATION_MEAN, POPULATION_SD
from simpatico.types import StyleEstimate

__all__ = ["combine", "live_belief", "population"]


def population(axes: tuple[str, ...]) -> StyleBelief:
    """What is believed of a caller about whom nothing is known: N(0, 1) on every axis, from no source."""
    return StyleBelief(tuple(AxisBelief(name, POPULATION_MEAN, POPULATION_SD) for name in axes))


def live_belief(style: StyleEstimate) -> StyleBelief | None:
    """Turn the style of this call into a belief, or None when the call said nothing (``style.reason`` is set).

    The estimate must have been made under the population's prior, without the profile: the two are joined by :func:`combine`.
    """
    if style.reason is not None:
        return None
    return StyleBelief(tuple(AxisBelief(axis.name, axis.mean, axis.sd) for axis in style.axes), frozenset({Source.LIVE}))


def combine(live: StyleBelief | None, profile: StyleBelief | None, axes: tuple[str, ...]) -> StyleBelief:
    """Join what the call says with what the profile says.

    Parameters
    ----------
    live, profile
        None where there is none. Axes that are not in ``axes`` are ignored; an axis that a belief lacks counts as unknown.
    axes
        The axes of the model that will use the belief, in its order.

    Returns
    -------
    StyleBelief
        With exactly ``axes``. ``sources`` names what there was, and is empty for the population's prior alone. A live axis with an sd of
        1 or more carries no evidence.
    """
    sources = (live.sources if live else frozenset()) | (profile.sources if profile else frozenset())
    joined = []
    for name in axes:
        prior = (profile.axis(name) if profile else None) or AxisBelief(name, POPULATION_MEAN, POPULATION_SD)
        heard = live.axis(name) if live else None
        information = 1.0 / heard.sd**2 - 1.0 / POPULATION_SD**2 if heard else 0.0
        if heard is None or information <= 0.0:
            joined.append(prior)
            continue
        precision = 1.0 / prior.sd**2 + information
        mean = (prior.mean / prior.sd**2 + heard.mean / heard.sd**2) / precision
        joined.append(AxisBelief(name, max(-10.0, min(10.0, mean)), 1.0 / math.sqrt(precision)))
    return StyleBelief(tuple(joined), sources)
