"""Files and pipes -> blocks of samples, or a whole `Call`.

WAV and raw audio are decoded as they come, so that hours pass through in bounded memory, also from a pipe. FLAC, OGG and MP3 go through
libsndfile; of a pipe they are held compressed in memory. Nothing is written to disk. A recording that ends before it should is refused:
half a call would be measured as if it were whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from simpatico.audio.call import Call
from simpatico.audio.codecs import ENCODINGS, Decoder
from simpatico.audio.compressed import SndfileBlocks, is_compressed
from simpatico.audio.formats import check_caller_channel, check_format
from simpatico.audio.riff import is_wave, read_wave_header
from simpatico.audio.source import AudioSource, ByteSource, ReadLimits
from simpatico.errors import MalformedAudioError, MessageTooLargeError, StreamTooLongError, UnknownCodecError
from simpatico.types import AudioFormat

__all__ = ["BLOCK_S", "CallReader", "open_call", "read_call"]

BLOCK_S = 1.0
"""Length of a block, seconds."""
_SNIFF_BYTES = 16


class _Blocks(Protocol):
    """Where a `CallReader` has its samples from. ``read`` gives fewer frames than asked for only near the end, none at the end."""

    format: AudioFormat
    total_frames: int | None

    def read(self, frames: int) -> NDArray[np.float32]: ...

    def close(self) -> None: ...


class _PlainBlocks:
    """Samples that follow one another in the source: raw audio, and WAV after its header. ``data_bytes`` is None when only the end of the
    source tells."""

    def __init__(self, source: ByteSource, fmt: AudioFormat, data_bytes: int | None) -> None:
        source.forget()
        self.format = fmt
        self._decoder = Decoder(fmt.codec, fmt.channels, max_channels=source.limits.max_channels)
        self._source = source
        self._left = data_bytes
        self._given = 0
        counted = data_bytes if data_bytes is not None or source.size is None else source.size - source.position
        self.total_frames = None if counted is None else counted // self._decoder.frame_bytes

    def close(self) -> None:
        """Nothing to free."""

    def read(self, frames: int) -> NDArray[np.float32]:
        wanted = frames * self._decoder.frame_bytes
        if self._left is not None:
            wanted = min(wanted, self._left)
            self._left -= wanted
        data = self._source.read(wanted)
        if self._left is not None and len(data) < wanted:
            missing = wanted - len(data) + self._left
            raise MalformedAudioError(
                f"{self._source.name} is truncated: {missing} bytes of the samples that its header counts are missing; "
                "copy or record it again, half a call would be measured as if it were whole"
            )
        samples = self._decoder.decode(data, first=self._given)
        self._given += len(samples)
        return samples


class CallReader(Iterator[NDArray[np.float32]]):
    """Iterates over blocks of `BLOCK_S`, float32 [k, channels]; a context manager. Made by `open_call`.

    Attributes
    ----------
    format
        Rate, channels and codec as declared by the file.
    caller_channel
        Index of the caller's channel, None when a lone channel is the agent's.
    total_frames
        Samples per channel to come, as far as the file says; for a progress bar, not to be relied on.
    frames_read
        Samples per channel given so far.
    """

    def __init__(self, source: ByteSource, blocks: _Blocks, caller_channel: int | None) -> None:
        self.format = blocks.format
        self.caller_channel = check_caller_channel(caller_channel, blocks.format.channels)
        self.total_frames = blocks.total_frames
        self.frames_read = 0
        self._source, self._blocks = source, blocks
        self._block_frames = round(BLOCK_S * blocks.format.sample_rate_hz)
        self._max_frames = source.limits.max_duration_s * blocks.format.sample_rate_hz
        if self.total_frames is not None:
            self._check_length(self.total_frames)

    def __iter__(self) -> CallReader:
        return self

    def __next__(self) -> NDArray[np.float32]:
        """Give the next block.

        Raises
        ------
        MalformedAudioError
            The data is truncated or corrupt, or a sample is NaN, infinite or far above full scale.
        LimitError
            The recording is larger or longer than the limits allow.
        """
        block = self._blocks.read(self._block_frames)
        if len(block) == 0:
            raise StopIteration
        self.frames_read += len(block)
        self._check_length(self.frames_read)
        return block

    def __enter__(self) -> CallReader:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the decoder, and the file if `open_call` opened it."""
        self._blocks.close()
        self._source.close()

    @property
    def duration_s(self) -> float | None:
        """Seconds to come, as far as the file says; for a progress bar, not to be relied on."""
        return None if self.total_frames is None else self.total_frames / self.format.sample_rate_hz

    def _check_length(self, frames: int) -> None:
        if frames > self._max_frames:
            limit_s = self._source.limits.max_duration_s
            raise StreamTooLongError(
                f"{self._source.name} lasts {frames / self.format.sample_rate_hz:.0f} s or more: at most {limit_s:.0f} s are taken; "
                "split it or raise max_duration_s"
            )


def open_call(
    source: AudioSource, *, caller_channel: int | None = 0, raw: AudioFormat | None = None, limits: ReadLimits | None = None
) -> CallReader:
    """Open a recording for reading in blocks.

    Parameters
    ----------
    source
        A path, or a binary file or pipe (``sys.stdin.buffer``), read from where it stands.
    caller_channel
        Index of the caller's channel; None when a lone channel is the agent's.
    raw
        The format of audio without a header, ``codec`` one of ``codecs.ENCODINGS``; None for WAV, FLAC, OGG and MP3, which are told apart
        by content, not by name.
    limits
        Ceilings; the defaults of `ReadLimits` when None.

    Returns
    -------
    CallReader
        To be closed, best by ``with``.

    Raises
    ------
    AudioError
        The file is missing, unreadable, not audio, truncated, or of a format out of range.
    LimitError
        It is larger or longer than the limits allow.
    """
    opened = ByteSource(source, limits or ReadLimits())
    try:
        return CallReader(opened, _blocks(opened, raw), caller_channel)
    except BaseException:
        opened.close()
        raise


def read_call(
    source: AudioSource, *, caller_channel: int | None = 0, raw: AudioFormat | None = None, limits: ReadLimits | None = None
) -> Call:
    """Read a whole recording into memory. Parameters and errors as in `open_call`.

    Raises
    ------
    MessageTooLargeError
        Decoded, it would exceed ``limits.max_memory_bytes``.

    Examples
    --------
    >>> call = read_call("audio_samples/booking.wav")
    >>> call.samples.shape, call.format.codec
    """
    ceiling = (limits or ReadLimits()).max_memory_bytes
    with open_call(source, caller_channel=caller_channel, raw=raw, limits=limits) as reader:
        blocks = [np.empty((0, reader.format.channels), np.float32)]
        held = 0
        for block in reader:
            held += block.nbytes
            if held > ceiling:
                raise MessageTooLargeError(
                    f"the recording is over {ceiling} bytes decoded: read it in blocks with open_call, or raise max_memory_bytes"
                )
            blocks.append(block)
        return Call(np.concatenate(blocks), reader.format, reader.caller_channel)


def _blocks(source: ByteSource, raw: AudioFormat | None) -> _Blocks:
    if raw is not None:
        if raw.codec not in ENCODINGS:
            raise UnknownCodecError(f"raw audio cannot be {raw.codec!r}: {', '.join(ENCODINGS)} work", field="codec")
        return _PlainBlocks(source, check_format(raw, most_channels=source.limits.max_channels), None)
    head = source.peek(_SNIFF_BYTES)
    if is_wave(head):
        header = read_wave_header(source)
        if header.decodable:
            return _PlainBlocks(source, header.format, header.data_bytes)
    if is_wave(head) or is_compressed(head):
        return SndfileBlocks(source.whole_file(), source.name, source.limits.max_channels)
    if not head:
        raise MalformedAudioError(f"{source.name} is empty: 0 bytes where a recording should be")
    raise UnknownCodecError(
        f"{source.name} is not audio that can be read, it begins with {head[:12]!r}: WAV, FLAC, OGG Vorbis or Opus and MP3 work, "
        "whatever the file's name says; for audio without a header state its format"
    )
