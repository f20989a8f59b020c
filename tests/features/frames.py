"""Made-up frames for the tests of features."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simpatico.core import COLUMNS, INDEX


def frames(count: int, **columns: ArrayLike) -> NDArray[np.float32]:
    """Frames with the given columns, by name; the others are 0."""
    found = np.zeros((count, len(COLUMNS)), np.float32)
    for name, values in columns.items():
        found[:, INDEX[name]] = values
    return found
