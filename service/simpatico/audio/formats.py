"""What audio is accepted: rates, channel counts, roles of channels, codec names. Checks only, no decoding.

A call has one or two channels. With two, ``caller_channel`` (0 or 1) says whose voice is where; with one, it is 0 when that channel is the
caller's and None when it is the agent's.
"""

from __future__ import annotations

import math
import numbers

from simpatico.errors import AudioFormatError
from simpatico.types import AudioFormat, Role

__all__ = [
    "MAX_CHANNELS",
    "MAX_RATE_HZ",
    "MIN_RATE_HZ",
    "NARROW_RATE_HZ",
    "WIDE_RATE_HZ",
    "analysis_rate_hz",
    "channel_works",
    "check_caller_channel",
    "check_channels",
    "check_format",
    "check_rate_hz",
    "codec_family",
    "roles",
]

MIN_RATE_HZ = 8_000
"""Telephone rate (G.711). Below it the second formant is lost."""
MAX_RATE_HZ = 192_000
"""The highest rate in use for recording."""
MAX_CHANNELS = 2
"""A call has a caller and an agent."""
NARROW_RATE_HZ = 8_000
WIDE_RATE_HZ = 16_000
"""The two rates at which the core measures."""

_PREDICTIVE = ("amr", "evs", "g721", "g7221", "g723", "g729", "gsm", "ilbc", "silk", "speex", "adpcm")
_TRANSFORM = ("aac", "mp3", "mpeg", "opus", "vorbis")


def codec_family(codec: str) -> str:
    """Group codecs by what they do to speech: norms are kept apart by it.

    Parameters
    ----------
    codec
        As in ``AudioFormat.codec``: "l16", "mulaw", "flac", "opus", "MPEG_LAYER_III"; case, dots, dashes and underscores do not matter.

    Returns
    -------
    str
        "predictive" for codecs that predict the next sample or model the vocal tract, "transform" for codecs that quantise a spectrum,
        "waveform" for those that code sample by sample (PCM, G.711, FLAC) and for names that are none of the others.
    """
    name = "".join(character for character in codec.lower() if character.isalnum())
    if any(part in name for part in _TRANSFORM):
        return "transform"
    return "predictive" if any(part in name for part in _PREDICTIVE) else "waveform"


def check_rate_hz(rate_hz: float, *, field: str = "sample_rate_hz") -> int:
    """Return the rate as an int.

    Raises
    ------
    AudioFormatError
        It is not a whole number from 8000 to 192000.
    """
    if not isinstance(rate_hz, numbers.Real):
        raise AudioFormatError(f"a sample rate must be a number, got {type(rate_hz).__name__}: 8000 or 16000 would work", field=field)
    if math.isfinite(rate_hz) and rate_hz == int(rate_hz) and MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        return int(rate_hz)
    raise AudioFormatError(
        f"sample rate {rate_hz:g} Hz cannot be used: whole numbers from {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz work, 8000 for telephone audio",
        field=field,
    )


def check_channels(channels: int, *, most: int = MAX_CHANNELS, field: str = "channels") -> int:
    """Return the channel count.

    Raises
    ------
    AudioFormatError
        It is not from 1 to ``most``: the two of a call unless the caller of this function measures channels apart from one another.
    """
    if 1 <= channels <= most:
        return int(channels)
    works = "2 (caller and agent) or 1 (one party alone) work" if most == MAX_CHANNELS else f"1 to {most} work"
    raise AudioFormatError(f"{channels} channels cannot be used: {works}; pick the parties' channels out first", field=field)


def check_caller_channel(caller_channel: int | None, channels: int, *, field: str = "caller_channel") -> int | None:
    """Return the caller's channel index, or None when a lone channel is the agent's.

    Raises
    ------
    AudioFormatError
        The index does not exist, or None was given for two channels.
    """
    if caller_channel is None and channels == 1:
        return None
    if caller_channel is not None and 0 <= caller_channel < channels:
        return int(caller_channel)
    if caller_channel is None:
        raise AudioFormatError(
            f"no caller channel (-1 on the command line) is for a lone channel that is the agent's; this audio has {channels} channels: "
            "0 or 1 works",
            field=field,
        )
    works = "0 or 1" if channels > 1 else "0, or none (-1 on the command line) when the lone channel is the agent's,"
    raise AudioFormatError(f"caller channel {caller_channel} does not exist in audio of {channels} channel(s): {works} works", field=field)


def channel_works(channels: int) -> str:
    """Say which channel indices work in audio of so many channels."""
    return "0 works" if channels == 1 else f"0 to {channels - 1} work"


def check_format(fmt: AudioFormat, *, most_channels: int = MAX_CHANNELS) -> AudioFormat:
    """Return the format when rate and channel count can be used.

    Raises
    ------
    AudioFormatError
        See `check_rate_hz` and `check_channels`.
    """
    check_rate_hz(fmt.sample_rate_hz)
    check_channels(fmt.channels, most=most_channels)
    return fmt


def roles(channels: int, caller_channel: int | None) -> dict[Role, int]:
    """Map who is present to the channel index, caller first.

    Raises
    ------
    AudioFormatError
        See `check_channels` and `check_caller_channel`.
    """
    check_channels(channels)
    check_caller_channel(caller_channel, channels)
    if caller_channel is None:
        return {Role.AGENT: 0}
    if channels == 1:
        return {Role.CALLER: 0}
    return {Role.CALLER: caller_channel, Role.AGENT: 1 - caller_channel}


def analysis_rate_hz(in_hz: int) -> int:
    """Rate at which audio of ``in_hz`` is measured: 16000 from 16000 Hz up, else 8000.

    Raises
    ------
    AudioFormatError
        See `check_rate_hz`.
    """
    return WIDE_RATE_HZ if check_rate_hz(in_hz) >= WIDE_RATE_HZ else NARROW_RATE_HZ
