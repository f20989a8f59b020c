"""How a caller likes to be spoken to, in English, from what is believed of their style: only what is likely enough, with how likely it is.

The advice is that of the social-style literature, style by style: versatility is to give each what they are comfortable with. It is about
this call, of a perceived style, and about nobody's personality.

References
----------
Merrill, D. W. & Reid, R. H. (1981). Personal Styles and Effective Performance. CRC Press.
"""

from __future__ import annotations

import math

from simpatico.routing.types import AxisBelief, StyleBelief

__all__ = ["LIKELY", "NOT_KNOWN", "advice", "probability_above"]

LIKELY = 0.75
"""Probability of a side of an axis from which it is spoken of: right three times in four, and said so."""
NOT_KNOWN = "Not known yet how this caller likes to be spoken to."
_WORDS = {
    ("assertiveness", True): "come to the point and leave the decisions to them",
    ("assertiveness", False): "leave them time, and ask before you decide anything for them",
    ("responsiveness", True): "a personal tone is welcome: take up what they say",
    ("responsiveness", False): "keep to the matter: facts before small talk",
}


def probability_above(axis: AxisBelief) -> float:
    """Return the probability that the caller lies above the middle of the population."""
    return 0.5 * math.erfc(-axis.mean / (axis.sd * math.sqrt(2.0)))


def advice(belief: StyleBelief | None) -> str:
    """Return what to do, with the probability behind it; that it is not known, where nothing is likely enough or the axes are others'."""
    said = []
    for axis in belief.axes if belief is not None else ():
        above = probability_above(axis)
        chance = max(above, 1.0 - above)
        words = _WORDS.get((axis.name, above > 0.5))
        if words is not None and chance >= LIKELY:
            said.append(f"{words} ({math.floor(chance * 100)} %)")
    if not said:
        return NOT_KNOWN
    text = "; ".join(said)
    return f"Probably: {text}."
