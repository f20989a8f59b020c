"""Bytes, files and pipes -> channels of samples, and what they are good for.

``Decoder`` and ``StreamResampler`` serve a live stream, ``open_call`` and ``read_call`` a recording, ``QualityMeter`` both. Full scale is
1.0, arrays are float32 [n, channels]. Nothing is written to disk.
"""

from __future__ import annotations

from simpatico.audio.call import Call
from simpatico.audio.codecs import ENCODINGS, MAX_ABS, Decoder, check_samples
from simpatico.audio.formats import (
    MAX_RATE_HZ,
    MIN_RATE_HZ,
    analysis_rate_hz,
    channel_works,
    check_caller_channel,
    check_channels,
    check_format,
    check_rate_hz,
    codec_family,
    roles,
)
from simpatico.audio.quality import QualityMeter
from simpatico.audio.reading import BLOCK_S, CallReader, open_call, read_call
from simpatico.audio.resampling import StreamResampler
from simpatico.audio.source import AudioSource, ReadLimits

__all__ = [
    "BLOCK_S",
    "ENCODINGS",
    "MAX_ABS",
    "MAX_RATE_HZ",
    "MIN_RATE_HZ",
    "AudioSource",
    "Call",
    "CallReader",
    "Decoder",
    "QualityMeter",
    "ReadLimits",
    "StreamResampler",
    "analysis_rate_hz",
    "channel_works",
    "check_caller_channel",
    "check_channels",
    "check_format",
    "check_rate_hz",
    "check_samples",
    "codec_family",
    "open_call",
    "read_call",
    "roles",
]
