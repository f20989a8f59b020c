"""Rows of eGeMAPS descriptors through the core's functionals and through the NumPy reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simpatico.core import EXACT_FRAMES, FUNCTIONAL_NAMES, Functionals
from tests.reference.egemaps import functionals as reference
from tests.reference.egemaps.descriptors import LEVEL_FLOOR, Descriptors
from tests.reference.egemaps.smoothing import sma3, sma3_nonzero

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.float32]

INDEX = {name: i for i, name in enumerate(FUNCTIONAL_NAMES)}
LOUDNESS, FLUX, F0, SQUARE, COLUMNS = 0, 5, 10, 25, 26
FLOAT = 2**-23
"""Figures are rounded to float32; inside, the core and the reference both work in double."""


def expected(rows: Rows) -> NDArray[np.float64]:
    """The reference's figures of a segment of rows."""
    x = rows.astype(np.float64)
    short = x[: max(0, len(x) - 1)].copy()
    short[:1, FLUX] = 0
    long = x[: max(0, len(x) - 6)]
    voiced = np.stack([sma3_nonzero(c) for c in long[:, F0:16].T], axis=1)
    formant = np.stack([sma3_nonzero(c) for c in long[:, 16:SQUARE].T], axis=1)
    level = max(short[:, SQUARE].mean() if len(short) else 0.0, LEVEL_FLOOR)
    d = Descriptors(
        short_raw=short[:, :F0],
        short=np.stack([sma3(c) for c in short[:, :F0].T], axis=1),
        voicing=long[:, F0] != 0,
        voiced=voiced,
        formant=formant,
        level_db=float(10 * np.log10(level)),
    )
    return np.array(list(reference.functionals(d).values()))


def measured(rows: Rows, cuts: tuple[int, ...] = (), exact_frames: int = EXACT_FRAMES) -> NDArray[np.float32]:
    f = Functionals(exact_frames)
    for part in np.split(rows, cuts):
        f.add(part)
    return f.read()


def assert_equals_reference(rows: Rows) -> None:
    """Each figure within float32 rounding, and SD over mean within what the rounding of double sums does to a mean near 0."""
    got, want = measured(rows).astype(np.float64), expected(rows)
    greatest = np.maximum(np.abs(got), np.abs(want))
    wrong = np.flatnonzero(~(np.abs(got - want) <= 4 * FLOAT * greatest + 1e-14 * greatest**2 + 1e-9))
    assert not wrong.size, [(FUNCTIONAL_NAMES[i], got[i], want[i]) for i in wrong]
