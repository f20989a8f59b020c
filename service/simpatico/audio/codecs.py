"""Bytes of raw audio -> float32 samples. Stateless and without I/O; containers are read elsewhere.

Full scale is 1.0. Linear PCM of b bits is divided by 2**(b - 1), G.711 goes through its tables, float samples are taken as they are but
must be finite and within ``MAX_ABS``, the largest magnitude that the core accepts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from simpatico.audio import g711
from simpatico.audio.formats import MAX_CHANNELS, check_channels
from simpatico.errors import MalformedAudioError, UnknownCodecError

__all__ = ["ENCODINGS", "MAX_ABS", "Decoder", "check_samples"]

MAX_ABS = 256.0
"""Largest sample magnitude, as PROSODY_MAX_ABS in the core's header. Above it somebody forgot to divide by 32768."""

Samples: TypeAlias = NDArray[np.float32]


def _linear(dtype: str, scale: float) -> Callable[[bytes], Samples]:
    def decode(data: bytes) -> Samples:
        return (np.frombuffer(data, dtype) * np.float64(1.0 / scale)).astype(np.float32)

    return decode


def _pcm_i16(dtype: str) -> Callable[[bytes], Samples]:
    def decode(data: bytes) -> Samples:
        return np.frombuffer(data, dtype).astype(np.float32) * np.float32(1.0 / g711.FULL_SCALE_I16)

    return decode


def _pcm_u8(data: bytes) -> Samples:
    return (np.frombuffer(data, np.uint8).astype(np.float32) - np.float32(128.0)) * np.float32(1.0 / 128.0)


def _pcm_s24(data: bytes) -> Samples:
    triples = np.frombuffer(data, np.uint8).reshape(-1, 3)
    words = np.zeros((len(triples), 4), np.uint8)
    words[:, 1:] = triples
    return (words.view("<i4")[:, 0] >> 8).astype(np.float32) * np.float32(2.0**-23)


def _table(table: Samples) -> Callable[[bytes], Samples]:
    def decode(data: bytes) -> Samples:
        return table[np.frombuffer(data, np.uint8)]

    return decode


def _float(dtype: str) -> Callable[[bytes], Samples]:
    def decode(data: bytes) -> Samples:
        with np.errstate(over="ignore", invalid="ignore"):  # check_samples names the sample that became infinite, or is a signalling NaN
            return np.frombuffer(data, dtype).astype(np.float32)

    return decode


_WIRE: dict[str, tuple[int, Callable[[bytes], Samples]]] = {
    "l16": (2, _pcm_i16("<i2")),
    "l16be": (2, _pcm_i16(">i2")),
    "mulaw": (1, _table(g711.MULAW)),
    "alaw": (1, _table(g711.ALAW)),
    "f32": (4, _float("<f4")),
}
_WAV_ONLY: dict[str, tuple[int, Callable[[bytes], Samples]]] = {
    "pcm_u8": (1, _pcm_u8),
    "pcm_s16": (2, _pcm_i16("<i2")),
    "pcm_s24": (3, _pcm_s24),
    "pcm_s32": (4, _linear("<i4", 2.0**31)),
    "float": (4, _float("<f4")),
    "double": (8, _float("<f8")),
}
_DECODERS: Mapping[str, tuple[int, Callable[[bytes], Samples]]] = MappingProxyType(_WIRE | _WAV_ONLY)

_FLOATS = frozenset({"f32", "float", "double"})
"""Encodings that can hold what is no sample."""

ENCODINGS: tuple[str, ...] = tuple(_WIRE)
"""Encodings of raw audio: 16-bit PCM (little endian, big endian as in RFC 3551 L16), G.711, 32-bit float (little endian)."""


class Decoder:
    """Decodes raw audio of one encoding.

    Parameters
    ----------
    encoding
        One of `ENCODINGS`. The encodings inside WAV files ("pcm_u8", "pcm_s16", "pcm_s24", "pcm_s32", "float", "double") work too.
    channels
        1 or 2, interleaved.
    max_channels
        Allows more.

    Raises
    ------
    UnknownCodecError
        The encoding is not known.
    AudioFormatError
        The channel count is not from 1 to ``max_channels``.

    Examples
    --------
    >>> Decoder("l16", 1).decode(bytes([0, 0x40])).tolist()
    [[0.5]]
    """

    def __init__(self, encoding: str, channels: int, *, max_channels: int = MAX_CHANNELS) -> None:
        if encoding not in _DECODERS:
            raise UnknownCodecError(f"encoding {encoding!r} is not known: {', '.join(ENCODINGS)} work", field="encoding")
        self.encoding = encoding
        self.channels = check_channels(channels, most=max_channels)
        self._width, self._decode = _DECODERS[encoding]
        self._float = encoding in _FLOATS

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of every channel."""
        return self._width * self.channels

    def decode(self, data: bytes, *, first: int = 0) -> NDArray[np.float32]:
        """Decode whole sample frames.

        Parameters
        ----------
        data
            A multiple of `frame_bytes`.
        first
            Index of its first sample in the call, for messages.

        Returns
        -------
        float32 [n, channels]
            Samples, full scale 1.

        Raises
        ------
        MalformedAudioError
            The byte count does not divide, or a float sample is NaN, infinite or above `MAX_ABS`.
        """
        if len(data) % self.frame_bytes:
            raise MalformedAudioError(
                f"{len(data)} bytes are not whole samples: {self.encoding} with {self.channels} channel(s) needs a multiple of "
                f"{self.frame_bytes}, {len(data) - len(data) % self.frame_bytes} would work",
                field="data",
            )
        samples = self._decode(data).reshape(-1, self.channels)
        return check_samples(samples, first=first) if self._float else samples


def check_samples(samples: NDArray[np.float32], *, first: int = 0) -> NDArray[np.float32]:
    """Return samples [n, channels] as they are when the core can take them.

    Parameters
    ----------
    samples
        Full scale 1.
    first
        Index of the first of them in the call, for the message.

    Raises
    ------
    MalformedAudioError
        One is NaN, infinite or above `MAX_ABS` in magnitude.
    """
    if samples.size == 0 or (samples.max() <= MAX_ABS and samples.min() >= -MAX_ABS):  # false for NaN
        return samples
    bad = np.argwhere(~(np.abs(samples) <= MAX_ABS))[0]
    raise MalformedAudioError(
        f"sample {first + int(bad[0])} of channel {int(bad[1])} is {samples[tuple(bad)]:g}: finite numbers with full scale +-1 work; "
        "divide integer samples by 32768 first",
        field="data",
    )
