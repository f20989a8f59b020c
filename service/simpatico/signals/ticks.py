"""The conversation in ticks of 0.5 s: per party, speaking or not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simpatico.types import HOP_S, Utterance

__all__ = ["TICK_S", "speaking_ticks"]

TICK_S = 0.5
"""Length of a tick, seconds: about a short word, and less than nearly all turns."""
_TICK_FRAMES = round(TICK_S / HOP_S)


def speaking_ticks(utterances: tuple[Utterance, ...], span_s: tuple[float, float]) -> NDArray[np.bool_]:
    """Return for each whole tick of the span whether the party speaks in at least half of it.

    Parameters
    ----------
    utterances
        Of one party, in time order, without overlap, inside the span.
    span_s
        (first onset, last offset) of the conversation, seconds.

    Returns
    -------
    bool [floor(span / 0.5 s)]
        Exact for times on the 10 ms grid, wherever the span begins.
    """
    first = round(span_s[0] / HOP_S)
    edges = np.arange(0, round(span_s[1] / HOP_S) - first + 1, _TICK_FRAMES)
    if not utterances:
        return np.zeros(len(edges) - 1, np.bool_)
    times = np.rint(np.array([(u.start_s, u.end_s) for u in utterances]) / HOP_S).astype(np.int64) - first
    starts, ends = times[:, 0], times[:, 1]
    spoken = np.concatenate([[0], np.cumsum(ends - starts)])
    begun = np.searchsorted(starts, edges, side="right")
    unfinished = np.maximum(ends[begun - 1] - edges, 0) * (begun > 0)
    return np.asarray(np.diff(spoken[begun] - unfinished) * 2 >= _TICK_FRAMES)
