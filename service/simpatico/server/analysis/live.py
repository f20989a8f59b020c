"""The latest style of a live call, for rankings in whichever process of the service they are asked. It stands in the exchange, no longer
than the call."""

from __future__ import annotations

import logging

from simpatico.errors import RequestError
from simpatico.routing.belief import live_belief
from simpatico.routing.types import StyleBelief
from simpatico.server.analysis.convert import style_from_proto
from simpatico.server.exchange import Exchange, Held
from simpatico.v1 import analysis_pb2 as pb

__all__ = ["hold_style", "live_style"]

log = logging.getLogger(__name__)


def hold_style(exchange: Exchange, call_id: str) -> Held:
    """Return what the serialised `StyleEstimate` of a call that has been opened is to be set in; empty before its first interim."""
    return exchange.hold(_topic(call_id))


def live_style(exchange: Exchange, call_id: str) -> StyleBelief | None:
    """Return what the call that is open under this id has said so far; None when there is none, or more than one."""
    values = exchange.latest(_topic(call_id))
    if len(values) != 1 or not values[0]:
        return None
    try:
        return live_belief(style_from_proto(pb.StyleEstimate.FromString(values[0])))
    except RequestError as error:  # figures out of range are no evidence, and who asks gets an answer all the same
        log.warning("a live style cannot be used: %s", error)
        return None


def _topic(call_id: str) -> str:
    return "style/" + call_id
