"""Synthetic voices whose F0 and voicing are known exactly in every 10 ms frame, and the lines they come through.

For benches and tests only: nothing here is a model of anything in the service. ``source`` makes pulses, ``phones`` plans what is said,
``tract`` filters, ``voice`` puts them together with the truth, ``channel`` adds noise, band and codec.
"""

from .channel import Condition, babble, conditions, heard, mulaw_round_trip, telephone_band, through
from .voice import F0_RANGE_HZ, FAMILIES, HELD_OUT_FAMILIES, HOP_S, Truth, Utterance, Voice, draw_voice, local_f0_hz, speak

__all__ = [
    "F0_RANGE_HZ",
    "FAMILIES",
    "HELD_OUT_FAMILIES",
    "HOP_S",
    "Condition",
    "Truth",
    "Utterance",
    "Voice",
    "babble",
    "conditions",
    "draw_voice",
    "heard",
    "local_f0_hz",
    "mulaw_round_trip",
    "speak",
    "telephone_band",
    "through",
]
