"""Mirroring in timing: how often the pair exchanges very short utterances ("OK?" - "OK." - "done?" - "yup"), Pentland 2004.

Acoustic matching is another thing and another figure: see :mod:`simpatico.signals.entrainment`. The two are never added up: convergence
in one measure does not predict convergence in another.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from simpatico.types import ChannelSpeech, Dialogue, Measure, Reason, Role, Utterance

__all__ = ["MAX_EXCHANGE_GAP_S", "MAX_SHORT_S", "short_exchange_rate"]

MAX_SHORT_S = 1.0
"""An utterance shorter than this is a short one (Pentland 2004)."""
MAX_EXCHANGE_GAP_S = 1.0
"""An answer that begins later than this after the end of the other's utterance is no back-and-forth: the design's bound of a long gap."""


def short_exchange_rate(dialogue: Dialogue, channels: Mapping[Role, ChannelSpeech]) -> Measure:
    """Return exchanges of short utterances per minute of conversation.

    An exchange is two utterances that follow each other (by onset), of different parties, both under 1 s, the second beginning at most 1
    s after the end of the first. "OK?" - "OK." - "yup" are two. The standard error is that of a Poisson count under Jeffreys' prior,
    sqrt(count + 1/2) / minutes, so that none in a short call is not "none for certain".
    """
    speech_s = sum(channel.speech_s for channel in channels.values())
    if len(channels) < 2:
        return Measure.missing(Reason.ONE_CHANNEL, speech_s)
    if dialogue.span_s is None or not all(channel.utterances for channel in channels.values()):
        return Measure.missing(Reason.NO_SPEECH, speech_s)
    minutes = (dialogue.span_s[1] - dialogue.span_s[0]) / 60.0
    count = _count_exchanges(dialogue.utterances)
    return Measure(count / minutes, float(np.sqrt(count + 0.5) / minutes), speech_s)


def _count_exchanges(utterances: tuple[Utterance, ...]) -> int:
    """Count utterances that answer the one before, or one of the two that began together before; what begins together answers nothing."""
    count = 0
    before: list[Utterance] = []
    together: list[Utterance] = []
    for one in utterances:
        if together and one.start_s > together[0].start_s:
            before, together = together, []
        together.append(one)
        if _is_short(one):
            count += any(other.role is not one.role and _is_short(other) and _is_soon(other, one) for other in before)
    return count


def _is_short(utterance: Utterance) -> bool:
    return _exact(utterance.end_s - utterance.start_s) < MAX_SHORT_S


def _is_soon(first: Utterance, second: Utterance) -> bool:
    return _exact(second.start_s - first.end_s) <= MAX_EXCHANGE_GAP_S


def _exact(length_s: float) -> float:
    """Return a difference of times to the microsecond, so that when in the call it was does not decide whether 1 s is 1 s."""
    return round(length_s, 6)
