"""Frames of one channel: the only place of the package that touches the C core.

The core measures 10 ms frames of a stream at 8 or 16 kHz. Frame ``i`` describes samples ``[i * hop, (i + 1) * hop)`` with analysis
windows centred on it; a stream of ``n`` samples gives ``floor(n / hop)`` frames. How the samples were cut never changes a frame. What the
columns mean is said in ``COLUMNS``; the method of each is in the C sources under ``service/core``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from simpatico import _core
from simpatico.errors import AudioFormatError, ConfigError, CoreError, MalformedAudioError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "COLUMNS",
    "EXACT_FRAMES",
    "FUNCTIONAL_NAMES",
    "FUNCTIONAL_UNITS",
    "INDEX",
    "LATENCY_FRAMES",
    "SIMD_VARIABLE",
    "UNITS",
    "FrameExtractor",
    "Functionals",
    "build_info",
    "simd_levels",
    "smooth_lld",
]

COLUMNS: Final[tuple[str, ...]] = _core.COLUMNS
"""Names of the columns of a frame, in order.

``rms_dbfs``
    Level of a 20 ms Hamming window, dB below an RMS of full scale (a full-scale square wave is 0, a sine -3.01); -120 for digital silence.
``loudness``
    Sum over 26 mel bands of equal-loudness weighted power to the power 0.33 (Hermansky 1990; Eyben et al. 2016); 0 or more.
``f0_hz``
    Fundamental frequency; 0 where the frame is unvoiced.
``voicing_probability``
    0 to 1.
``hnr_db``
    Harmonics-to-noise ratio of a 48 ms window (Boersma 1993); 0 where the frame is unvoiced.
``spectral_entropy``
    Entropy of the power distribution over 31 to 4000 Hz as a share of its maximum, 0 (one line, or digital silence) to 1 (flat).
``alpha_ratio_db``
    Power in 1 to 5 kHz (to 4 kHz at a rate of 8 kHz) over power in 50 Hz to 1 kHz.
``slope_0_500_db_per_hz``, ``slope_500_1500_db_per_hz``
    Least-squares slope of the power spectrum in dB over these bands.
"""
UNITS: Final[tuple[str, ...]] = _core.UNITS
"""Unit of each column; "1" for a pure number."""
INDEX: Final[Mapping[str, int]] = MappingProxyType({name: i for i, name in enumerate(COLUMNS)})
"""Column number by name."""
LATENCY_FRAMES: Final[int] = _core.LATENCY_FRAMES
"""How far, in frames, finished frames lag behind the samples pushed: half a window and the look-ahead of the pitch path."""
FUNCTIONAL_NAMES: Final[tuple[str, ...]] = _core.FUNCTIONAL_NAMES
"""openSMILE's names of the 88 functionals of eGeMAPSv02, in its order."""
FUNCTIONAL_UNITS: Final[tuple[str, ...]] = _core.FUNCTIONAL_UNITS
"""Unit of each functional; "1" for a pure number."""
EXACT_FRAMES: Final = 65536
"""Rows up to which functionals are exact by default: 10 min 55 s."""
SIMD_VARIABLE: Final = "SIMPATICO_SIMD"
"""Environment variable that names a SIMD level, for tests and measurements; empty or unset is the best one."""

_INT16_BYTES: Final = 2
_ROW_COLUMNS: Final = 26
"""Columns of an eGeMAPS row: 25 descriptors and the mean square."""


def simd_levels() -> tuple[str, ...]:
    """Names of the SIMD levels that this build and machine offer, best first."""
    levels: tuple[str, ...] = _core.SIMD_AVAILABLE
    return levels


def build_info() -> dict[str, Any]:
    """Version, compiler, SIMD levels built and available, and the one that would be used now; for ``simpatico doctor``."""
    return {
        "version": _core.VERSION,
        "compiler": _core.COMPILER,
        "simd_built": _core.SIMD_NAMES,
        "simd_available": simd_levels(),
        "simd": FrameExtractor(8000).simd,
    }


def _simd_choice(simd: str | None) -> str | None:
    """The level asked for by argument or environment, checked; None for the best."""
    source = "simd"
    if simd is None:
        source, simd = SIMD_VARIABLE, os.environ.get(SIMD_VARIABLE) or None
    if simd is not None and simd not in simd_levels():
        raise ConfigError(f"{source}={simd!r} is not a SIMD level of this machine; available: {', '.join(simd_levels())}", field=source)
    return simd


class FrameExtractor:
    """Turns one channel's samples into frames, as a stream.

    Parameters
    ----------
    sample_rate_hz
        8000 or 16000.
    simd
        SIMD level to use; by default that of ``SIMPATICO_SIMD``, else the best of this machine.

    Raises
    ------
    AudioFormatError
        If the rate is neither 8000 nor 16000 Hz.
    ConfigError
        If the SIMD level is not available here.

    Notes
    -----
    One extractor serves one thread at a time; different extractors are independent. The GIL is released while samples are measured.
    """

    def __init__(self, sample_rate_hz: int, *, simd: str | None = None) -> None:
        if sample_rate_hz not in (8000, 16000):
            raise AudioFormatError(f"the core runs at 8000 or 16000 Hz, got {sample_rate_hz!r}; resample first", field="sample_rate_hz")
        self._state = _core.State(sample_rate_hz, _simd_choice(simd))
        self._finished = False
        description = self._state.describe()
        self.sample_rate_hz = sample_rate_hz
        self.simd: str = description["simd"]
        self.hop: int = description["hop"]
        self.state_bytes: int = description["bytes"]

    def push(self, samples: NDArray[np.float32] | NDArray[np.int16]) -> NDArray[np.float32]:
        """Measures the next samples.

        Parameters
        ----------
        samples
            float32 (full scale +-1) or int16, shape [n], any n.

        Returns
        -------
        frames
            float32 [k, len(COLUMNS)]: the frames that became complete, in order.

        Raises
        ------
        MalformedAudioError
            If a sample is NaN, infinite or beyond 256 times full scale, or the shape or type is wrong. Nothing of it was taken.
        CoreError
            If the stream is finished.
        """
        if samples.ndim != 1 or samples.dtype not in (np.float32, np.int16):
            raise MalformedAudioError(f"samples must be float32 or int16 of shape [n], got {samples.dtype} of shape {list(samples.shape)}")
        if self._finished:
            raise CoreError("samples after finish; call reset() first")
        out = np.empty((samples.size // self.hop + 1, len(COLUMNS)), dtype=np.float32)
        try:
            count = self._state.push(np.ascontiguousarray(samples), out)
        except ValueError as exc:
            raise _bad_sample(samples) from exc
        return out[:count]

    def finish(self) -> NDArray[np.float32]:
        """Ends the stream and returns its last frames, float32 [k, len(COLUMNS)]; beyond its end the stream counts as digital silence."""
        self._finished = True
        out = np.empty((LATENCY_FRAMES + 1, len(COLUMNS)), dtype=np.float32)
        return out[: self._state.finish(out)]

    def reset(self) -> None:
        """Back to an empty stream."""
        self._state.reset()
        self._finished = False


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


def _bad_sample(samples: NDArray[Any]) -> Exception:
    """The error for samples that the core refused."""
    if samples.dtype.itemsize != _INT16_BYTES:
        bad = np.flatnonzero(~(np.abs(samples) <= _core.MAX_ABS))
        if bad.size:
            where, limit = bad[0], _core.MAX_ABS
            return MalformedAudioError(f"sample {where} is {samples[where]}; full scale is 1, values must be finite and at most {limit:g}")
    return CoreError("the core refused samples that look right")
