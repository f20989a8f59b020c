"""Moving averages over 3 frames: the ``sma3`` and ``sma3nz`` of openSMILE's names. Look-ahead one frame."""

from __future__ import annotations

import numpy as np

from .windows import Float


def sma3(x: Float) -> Float:
    """Mean of the previous, this and the next frame; the first and last frame stand in for what lies beyond [n]."""
    if len(x) == 0:
        return x.copy()
    p = np.concatenate([x[:1], x, x[-1:]])
    return (p[:-2] + p[1:-1] + p[2:]) / 3


def sma3_nonzero(x: Float) -> Float:
    """Mean over those of the three frames that are not zero; a frame that is itself zero stays zero [n]."""
    p = np.concatenate([[0.0], x, [0.0]])
    three = np.stack([p[:-2], p[1:-1], p[2:]])
    return np.where(x != 0, three.sum(0) / np.maximum((three != 0).sum(0), 1), 0.0)
