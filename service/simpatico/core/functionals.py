"""The functionals of a segment, from its eGeMAPS rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from simpatico import _core
from simpatico.core.frames import EGEMAPS_COLUMNS
from simpatico.errors import ConfigError, CoreError, MalformedAudioError

if TYPE_CHECKING:
    from numpy.typing import NDArray

FUNCTIONAL_NAMES: Final[tuple[str, ...]] = _core.FUNCTIONAL_NAMES
"""openSMILE's names of the 88 functionals of eGeMAPSv02, in its order."""
FUNCTIONAL_UNITS: Final[tuple[str, ...]] = _core.FUNCTIONAL_UNITS
"""Unit of each functional; "1" for a pure number."""
EXACT_FRAMES: Final = 65536
"""Rows up to which functionals are exact by default: 10 min 55 s."""

_ROW_COLUMNS: Final = len(EGEMAPS_COLUMNS)


class Functionals:
    """The 88 functionals of eGeMAPSv02 over one segment, from its eGeMAPS rows.

    A segment of ``n`` rows stands for ``n`` hops of audio, and the figures are those of the audio cut out there: its short frames are rows
    0 to n - 2 and its long ones rows 0 to n - 7, whose windows lie wholly inside, and the spectral flux of its first row counts as 0.
    What has nothing to rest on is 0 (the level at least -120 dB), as in openSMILE.

    Parameters
    ----------
    exact_frames
        Up to so many rows everything is exact. Beyond, the percentiles come from histograms of bounded size: loudness within 0.1 % of the
        value (from 0.0001 to 1000), F0 within 0.005 semitones (from 0 to 64); slopes and loudness peaks are found in consecutive blocks of
        ``exact_frames`` rows and pooled. All else stays exact. 64 to 8640000; memory is 16 bytes each and 190 KiB.

    Raises
    ------
    ConfigError
        If ``exact_frames`` is out of range.

    Notes
    -----
    How the rows were cut into calls of ``add`` never changes a bit. ``read`` changes nothing: the figures of a segment that grows may be
    read at any time.

    Figures of a window that slides, say of the last 10 s every second, need no second pass over the audio: keep the rows and add the last
    ones to one object that is reset each time (below 0.1 ms for 1000 rows). It serves any number of streams of a thread in turn::

        window = Functionals(exact_frames=1000)
        recent = np.empty((0, 26), dtype=np.float32)
        for chunk in stream:
            recent = np.concatenate([recent, extractor.push(chunk)])[-1000:]
            window.reset()
            window.add(recent)
            figures = window.read()

    One object serves one thread at a time; different ones are independent. The GIL is released in ``add`` and ``read``.

    References
    ----------
    .. [1] Eyben et al. (2016). The Geneva Minimalistic Acoustic Parameter Set. IEEE Transactions on Affective Computing 7(2).
    .. [2] Masson, Rim & Lee (2019). DDSketch. PVLDB 12(12).
    """

    def __init__(self, exact_frames: int = EXACT_FRAMES) -> None:
        if not _core.MIN_EXACT_FRAMES <= exact_frames <= _core.MAX_EXACT_FRAMES:
            raise ConfigError(
                f"exact_frames must be {_core.MIN_EXACT_FRAMES} to {_core.MAX_EXACT_FRAMES}, got {exact_frames}", field="exact_frames"
            )
        self._sums = _core.Functionals(exact_frames)
        self.exact_frames = exact_frames
        self.rows = 0
        """Rows added since the last reset."""

    @property
    def nbytes(self) -> int:
        """Bytes of memory held."""
        count: int = self._sums.bytes()
        return count

    def add(self, rows: NDArray[np.float32]) -> None:
        """Adds the next rows of the segment.

        Parameters
        ----------
        rows
            float32 [n, 26], any n: unsmoothed descriptors in openSMILE's order and the mean square, the extractor's set ``egemaps``.

        Raises
        ------
        MalformedAudioError
            If the shape or type is wrong or a value is NaN or infinite. Nothing of it was taken.
        """
        rows = _rows(rows)
        try:
            self._sums.add(rows)
        except ValueError as exc:
            raise _bad_row(rows) from exc
        self.rows += len(rows)

    def read(self) -> NDArray[np.float32]:
        """The figures of all rows added since the last reset, float32 [88] in the order of ``FUNCTIONAL_NAMES``."""
        out = np.empty(len(FUNCTIONAL_NAMES), dtype=np.float32)
        self._sums.read(out)
        return out

    def reset(self) -> None:
        """Back to a segment without rows."""
        self._sums.reset()
        self.rows = 0


def smooth_lld(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """The 25 low-level descriptors of rows, smoothed over 3 frames as openSMILE's are.

    Columns 0 to 9 become the mean of the row, the one before and the one after, the edge row standing in for what lies beyond. Columns 10
    to 24 become the mean of those of the three that are not 0, and 0 stays 0.

    Parameters
    ----------
    rows
        float32 [n, 26], as for :meth:`Functionals.add`.

    Returns
    -------
    float32 [n, 25]

    Raises
    ------
    MalformedAudioError
        If the shape or type is wrong or a value is NaN or infinite.
    """
    rows = _rows(rows)
    out = np.empty((len(rows), _ROW_COLUMNS - 1), dtype=np.float32)
    try:
        _core.smooth_lld(rows, out)
    except ValueError as exc:
        raise _bad_row(rows) from exc
    return out


def _rows(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows as the core takes them: checked, and copied only where they do not lie in order."""
    if rows.ndim != 2 or rows.shape[1] != _ROW_COLUMNS or rows.dtype != np.float32:
        raise MalformedAudioError(f"rows must be float32 of shape [n, {_ROW_COLUMNS}], got {rows.dtype} of shape {list(rows.shape)}")
    in_order = rows.strides[1] == rows.itemsize and rows.strides[0] >= rows.itemsize * _ROW_COLUMNS and rows.strides[0] % rows.itemsize == 0
    return rows if in_order else np.ascontiguousarray(rows)


def _bad_row(rows: NDArray[np.float32]) -> Exception:
    """The error for rows that the core refused."""
    bad = np.argwhere(~np.isfinite(rows))
    if bad.size:
        row, column = bad[0]
        return MalformedAudioError(f"row {row}, column {column} is {rows[row, column]}; values must be finite")
    return CoreError("the core refused rows that look right")
