"""Streams of samples to rows of frames: columns, SIMD levels, extractors. See the package's docstring."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from simpatico import _core
from simpatico.errors import AudioFormatError, ConfigError, CoreError, MalformedAudioError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

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
EGEMAPS_COLUMNS: Final[tuple[str, ...]] = _core.EGEMAPS_COLUMNS
"""Names of the columns of the eGeMAPS set: the 25 low-level descriptors in openSMILE's order and under its names, without the suffix of
the smoothing, which is not applied yet; last ``meanSquare``, of the short frame without its window. Unvoiced rows have 0 in columns 10 to
15 and in frequencies and bandwidths of formants, and -201 in their amplitudes; a formant that is not found in a voiced row has 0 in the
former two. Definitions: ``docs/egemaps.md``; Eyben et al. (2016)."""
EGEMAPS_UNITS: Final[tuple[str, ...]] = _core.EGEMAPS_UNITS
"""Unit of each column of the eGeMAPS set."""
EGEMAPS_INDEX: Final[Mapping[str, int]] = MappingProxyType({name: i for i, name in enumerate(EGEMAPS_COLUMNS)})
"""Column number by name within the eGeMAPS set."""
SETS: Final[Mapping[str, int]] = MappingProxyType({"signals": _core.SET_SIGNALS, "egemaps": _core.SET_EGEMAPS})
"""The sets of columns, in the order in which a row holds them."""
LATENCY_FRAMES: Final[int] = _core.LATENCY_FRAMES
"""How far, in frames, finished frames lag behind the samples pushed: half a window and the look-ahead of the pitch path."""
EGEMAPS_LATENCY_FRAMES: Final[int] = _core.EGEMAPS_LATENCY_FRAMES
"""The same with the eGeMAPS set."""
SIMD_VARIABLE: Final = "SIMPATICO_SIMD"
"""Environment variable that names a SIMD level, for tests and measurements; empty or unset is the best one."""

_INT16_BYTES: Final = 2
_FLOAT32: Final = np.dtype(np.float32)
_INT16: Final = np.dtype(np.int16)
_new_rows: Final = cast("Callable[[tuple[int, int]], NDArray[np.float32]]", partial(np.empty, dtype=_FLOAT32))
_RESERVE_MAX: Final = 4096


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


def simd_choice(simd: str | None) -> str | None:
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
    sets
        Which sets of columns a row holds: ``"signals"``, ``"egemaps"`` or both, in the order of ``SETS``; ``columns`` names them.
    reserve_frames
        0 to 4096 rows that wait inside beyond the least: with some hundred, long chunks of one stream fill the vector lanes better, at 4
        bytes a column each. Never changes a row.

    Raises
    ------
    AudioFormatError
        If the rate is neither 8000 nor 16000 Hz.
    ConfigError
        If the SIMD level is not available here, a set is unknown or none is named, or the reserve is out of range.

    Notes
    -----
    One extractor serves one thread at a time; different extractors are independent. The GIL is released while samples are measured.
    """

    def __init__(
        self, sample_rate_hz: int, *, simd: str | None = None, sets: Sequence[str] = ("signals",), reserve_frames: int = 0
    ) -> None:
        if sample_rate_hz not in (8000, 16000):
            raise AudioFormatError(f"the core runs at 8000 or 16000 Hz, got {sample_rate_hz!r}; resample first", field="sample_rate_hz")
        if not 0 <= reserve_frames <= _RESERVE_MAX:
            raise ConfigError(f"reserve_frames={reserve_frames} is not within 0 to {_RESERVE_MAX}", field="reserve_frames")
        self._state = _core.State(sample_rate_hz, simd_choice(simd), _sets_mask(sets), reserve_frames)
        self._finished = False
        description = self._state.describe()
        self.columns = tuple(name for set_name, names in _SET_COLUMNS.items() if set_name in sets for name in names)
        self.latency_frames = EGEMAPS_LATENCY_FRAMES if "egemaps" in sets else LATENCY_FRAMES
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
            float32 [k, len(self.columns)]: the rows of the frames that became complete, in order.

        Raises
        ------
        MalformedAudioError
            If a sample is NaN, infinite or beyond 256 times full scale, or the shape or type is wrong. Nothing of it was taken.
        CoreError
            If the stream is finished.
        """
        self._check(samples, (_FLOAT32, _INT16))
        out = self._room(samples)
        try:
            count = self._state.push(np.ascontiguousarray(samples), out)
        except ValueError as exc:
            raise _bad_sample(samples) from exc
        return out[:count]

    def finish(self) -> NDArray[np.float32]:
        """Ends the stream and returns its last rows, float32 [k, len(self.columns)]; beyond its end the stream counts as silence."""
        self._finished = True
        out = _new_rows((self.latency_frames + 1, len(self.columns)))
        return out[: self._state.finish(out)]

    def reset(self) -> None:
        """Back to an empty stream."""
        self._state.reset()
        self._finished = False

    def _check(self, samples: NDArray[Any], types: tuple[np.dtype[Any], ...]) -> None:
        if isinstance(samples, np.ndarray) and samples.ndim == 1 and samples.dtype in types and not self._finished:
            return
        names = " or ".join(kind.name for kind in types)
        if not isinstance(samples, np.ndarray):
            raise MalformedAudioError(
                f"samples must be an array, {names} of shape [n], got {type(samples).__name__}; numpy.asarray(samples, numpy.float32) works"
            )
        if samples.ndim != 1 or samples.dtype not in types:
            raise MalformedAudioError(f"samples must be {names} of shape [n], got {samples.dtype} of shape {list(samples.shape)}")
        raise CoreError("samples after finish; call reset() first")

    def _room(self, samples: NDArray[Any]) -> NDArray[np.float32]:
        return _new_rows((samples.size // self.hop + 1, len(self.columns)))


def advance(extractors: Sequence[FrameExtractor], chunks: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """Pushes samples to many streams at once: their frames are measured side by side, with the GIL released.

    Parameters
    ----------
    extractors
        Streams, each once; they may differ in rate and sets, but only those alike share vector registers.
    chunks
        float32 [n] for each of them, any n.

    Returns
    -------
    rows
        For each stream what ``push`` would have returned, bit for bit.

    Raises
    ------
    MalformedAudioError, CoreError
        As ``push``, or a stream is given twice or is in use by another thread; no stream has taken anything then. The message names the
        stream.

    Examples
    --------
    >>> calls = [FrameExtractor(8000) for _ in range(1000)]
    >>> rows = advance(calls, [np.zeros(800, np.float32)] * 1000)
    """
    if len(extractors) != len(chunks):
        raise CoreError(f"{len(extractors)} streams but {len(chunks)} chunks; one chunk for each works, an empty one where nothing came")
    states = [extractor._state for extractor in extractors]
    try:
        return _core.advance(states, [_contiguous(samples) for samples in chunks], _new_rows)
    except (TypeError, ValueError, RuntimeError) as exc:
        raise _refusal(extractors, chunks, exc) from exc


def _contiguous(samples: NDArray[Any]) -> NDArray[Any]:
    """One-dimensional samples side by side; what is no such array is left for the core to refuse."""
    if isinstance(samples, np.ndarray) and samples.ndim == 1:
        return np.ascontiguousarray(samples)
    raise TypeError


def _refusal(extractors: Sequence[FrameExtractor], chunks: Sequence[NDArray[np.float32]], exc: Exception) -> Exception:
    """Why a batch was refused: looked for when it was, so that a batch that is not refused pays nothing for it."""
    try:
        _check_distinct(extractors)
    except CoreError as refused:
        return refused
    for i, (extractor, samples) in enumerate(zip(extractors, chunks, strict=True)):
        try:
            extractor._check(samples, (_FLOAT32,))
        except (MalformedAudioError, CoreError) as refused:
            return type(refused)(f"stream {i}: {refused}")
    if isinstance(exc, ValueError) and len(exc.args) == 2:
        index = int(exc.args[1])
        return MalformedAudioError(f"stream {index}: {_bad_sample(chunks[index])}")
    return CoreError(f"the streams cannot be advanced now: {exc}")


def _check_distinct(extractors: Sequence[FrameExtractor]) -> None:
    """Refuse a stream that is given twice: which of its chunks came first would not be said."""
    first: dict[int, int] = {}
    for i, extractor in enumerate(extractors):
        earlier = first.setdefault(id(extractor), i)
        if earlier != i:
            raise CoreError(f"stream {i} is stream {earlier} again; each works once: join its chunks, or advance twice")


_SET_COLUMNS: Final = MappingProxyType({"signals": COLUMNS, "egemaps": EGEMAPS_COLUMNS})


def _sets_mask(sets: Sequence[str]) -> int:
    """The sets as the core wants them."""
    unknown = [name for name in sets if name not in SETS]
    if isinstance(sets, str) or unknown or not sets:
        raise ConfigError(f"sets={sets!r} must name one or more of {', '.join(SETS)}, as a tuple", field="sets")
    return sum(SETS[name] for name in set(sets))


def _bad_sample(samples: NDArray[Any]) -> Exception:
    """The error for samples that the core refused."""
    if samples.dtype.itemsize != _INT16_BYTES:
        bad = np.flatnonzero(~(np.abs(samples) <= _core.MAX_ABS))
        if bad.size:
            where, limit = bad[0], _core.MAX_ABS
            return MalformedAudioError(f"sample {where} is {samples[where]}; full scale is 1, values must be finite and at most {limit:g}")
    return CoreError("the core refused samples that look right")
