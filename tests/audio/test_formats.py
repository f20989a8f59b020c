"""Rates, channel counts, roles, codec families."""

from __future__ import annotations

import pytest

from simpatico.audio import ENCODINGS, analysis_rate_hz, check_caller_channel, check_rate_hz, codec_family, roles
from simpatico.errors import AudioFormatError
from simpatico.types import Role


@pytest.mark.parametrize("rate_hz", [0, -8000, 7999, 192_001, 1e9, 8000.5, float("nan"), float("inf"), float("-inf")])
def test_rates_that_cannot_be_used(rate_hz: float) -> None:
    with pytest.raises(AudioFormatError, match=r"Hz cannot be used: whole numbers from 8000 to 192000 Hz work") as caught:
        check_rate_hz(rate_hz)
    assert caught.value.field == "sample_rate_hz"
    assert f"{rate_hz:g}" in str(caught.value)


@pytest.mark.parametrize(
    ("in_hz", "out_hz"), [(8000, 8000), (11_025, 8000), (15_999, 8000), (16_000, 16_000), (44_100, 16_000), (192_000, 16_000)]
)
def test_analysis_rate(in_hz: int, out_hz: int) -> None:
    assert analysis_rate_hz(in_hz) == out_hz


@pytest.mark.parametrize(
    ("channels", "caller_channel", "expected"),
    [
        (2, 0, {Role.CALLER: 0, Role.AGENT: 1}),
        (2, 1, {Role.CALLER: 1, Role.AGENT: 0}),
        (1, 0, {Role.CALLER: 0}),
        (1, None, {Role.AGENT: 0}),
    ],
)
def test_roles(channels: int, caller_channel: int | None, expected: dict[Role, int]) -> None:
    assert roles(channels, caller_channel) == expected


@pytest.mark.parametrize(("channels", "caller_channel"), [(2, 2), (2, -1), (2, None), (1, 1), (1, -1), (2, 1_000_000)])
def test_caller_channel_that_does_not_exist(channels: int, caller_channel: int | None) -> None:
    match = rf"caller channel {caller_channel} does not exist in audio of {channels} channel\(s\): 0"
    if caller_channel is None:
        match = r"no caller channel \(-1 .*\) is for a lone channel that is the agent's; this audio has 2 channels: 0 or 1 works"
    with pytest.raises(AudioFormatError, match=match):
        check_caller_channel(caller_channel, channels)
    with pytest.raises(AudioFormatError, match=match):
        roles(channels, caller_channel)


def test_every_encoding_has_a_family() -> None:
    assert {codec_family(encoding) for encoding in ENCODINGS} == {"waveform"}
    assert codec_family("flac") == "waveform"
    assert codec_family("opus") == codec_family("MPEG_LAYER_III") == "transform"
    assert codec_family("G.729") == codec_family("ima_adpcm") == "predictive"
    assert codec_family("carrier pigeon") == "waveform"
