"""The resampler against closed forms (tones), its length and timing promises, and any cutting of its input."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from simpatico.audio import StreamResampler
from simpatico.errors import AudioFormatError

RATES = [
    (44_100, 16_000),
    (48_000, 16_000),
    (22_050, 16_000),
    (11_025, 8000),
    (12_000, 8000),
    (16_000, 8000),
    (192_000, 16_000),
    (8000, 16_000),
]


def whole(samples: NDArray[np.float32], in_hz: int, out_hz: int) -> NDArray[np.float32]:
    resampler = StreamResampler(in_hz, out_hz, samples.shape[1])
    return np.concatenate([resampler.push(samples), resampler.finish()])


def tone(hz: float, rate_hz: int, seconds: float = 1.0) -> NDArray[np.float32]:
    return np.sin(2.0 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz).astype(np.float32)[:, None]


@pytest.mark.parametrize(("in_hz", "out_hz"), RATES)
@pytest.mark.parametrize("hz", [150.0, 1000.0, 3400.0])
def test_a_tone_keeps_amplitude_frequency_and_time(in_hz: int, out_hz: int, hz: float) -> None:
    out = whole(tone(hz, in_hz), in_hz, out_hz)
    middle = slice(out_hz // 4, 3 * out_hz // 4)  # away from the ends, where the tone is switched on and off
    # 1e-3 is 0.009 dB, the droop of the pass band at its edge; a delay of a thousandth of a sample at 3.4 kHz would be 2.7e-3.
    assert np.abs(out[middle] - tone(hz, out_hz)[middle]).max() < 1e-3


@pytest.mark.parametrize(("in_hz", "out_hz", "hz"), [(48_000, 16_000, 9000.0), (44_100, 16_000, 12_345.0), (16_000, 8000, 4500.0)])
def test_what_would_alias_is_gone(in_hz: int, out_hz: int, hz: float) -> None:
    out = whole(tone(hz, in_hz), in_hz, out_hz)
    middle = out[out_hz // 4 : 3 * out_hz // 4]
    assert 20.0 * np.log10(np.sqrt(np.mean(middle**2.0)) / np.sqrt(0.5) + 1e-12) < -125.0


@pytest.mark.parametrize(("in_hz", "out_hz"), RATES)
def test_a_tone_that_swells_and_fades_is_right_to_its_last_sample(in_hz: int, out_hz: int) -> None:
    def swelling(rate_hz: int) -> NDArray[np.float32]:
        at_s = np.arange(rate_hz) / rate_hz
        return (np.sin(2.0 * np.pi * 700.0 * at_s) * np.sin(np.pi * at_s) ** 2).astype(np.float32)[:, None]

    assert np.abs(whole(swelling(in_hz), in_hz, out_hz) - swelling(out_hz)).max() < 1e-4


def test_the_library_sees_the_same_quanta_whatever_the_cutting(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, bool]] = []

    class Spy(soxr.ResampleStream):  # type: ignore[misc]
        def resample_chunk(self, x: NDArray[np.float32], last: bool = False) -> NDArray[np.float32]:
            seen.append((len(x), last))
            return super().resample_chunk(x, last)  # type: ignore[no-any-return]

    monkeypatch.setattr(soxr, "ResampleStream", Spy)
    for cuts in ([1000], [1, 999], [320, 320, 320, 40], [17] * 58 + [14]):
        seen.clear()
        resampler = StreamResampler(16_000, 8000, 1)
        for cut in cuts:
            resampler.push(np.zeros((cut, 1), np.float32))
        resampler.finish()
        assert seen == [(320, False), (320, False), (320, False), (40, True)]


def test_a_step_stays_where_it_is() -> None:
    step = np.zeros((48_000, 1), np.float32)
    step[24_000:] = 1.0
    out = whole(step, 48_000, 16_000)[:, 0]
    assert abs(int(np.argmax(out > 0.5)) - 8000) <= 1


@pytest.mark.parametrize(("in_hz", "out_hz"), [*RATES, (8001, 8000), (191_999, 16_000)])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 79, 160, 161, 4001, 20_000])
def test_length_is_rounded_exactly(in_hz: int, out_hz: int, count: int) -> None:
    out = whole(np.ones((count, 2), np.float32), in_hz, out_hz)
    assert out.shape == ((2 * count * out_hz + in_hz) // (2 * in_hz), 2)
    assert out.dtype == np.float32


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(RATES), st.lists(st.integers(0, 3000), min_size=1, max_size=30), st.integers(0, 2**32 - 1))
def test_any_cutting_gives_the_same_bits(rates: tuple[int, int], cuts: list[int], seed: int) -> None:
    in_hz, out_hz = rates
    samples = np.random.default_rng(seed).standard_normal((sum(cuts), 2)).astype(np.float32)
    resampler = StreamResampler(in_hz, out_hz, 2)
    ends = np.cumsum(cuts)
    pieces = [resampler.push(samples[end - cut : end]) for cut, end in zip(cuts, ends, strict=True)]
    assert np.array_equal(np.concatenate([*pieces, resampler.finish()]), whole(samples, in_hz, out_hz))


def test_one_sample_at_a_time() -> None:
    samples = np.random.default_rng(7).standard_normal((1500, 1)).astype(np.float32)
    resampler = StreamResampler(44_100, 16_000, 1)
    pieces = [resampler.push(samples[i : i + 1]) for i in range(len(samples))]
    assert np.array_equal(np.concatenate([*pieces, resampler.finish()]), whole(samples, 44_100, 16_000))


def test_channels_do_not_mix() -> None:
    samples = np.random.default_rng(3).standard_normal((5000, 2)).astype(np.float32)
    both = whole(samples, 44_100, 16_000)
    assert np.array_equal(both[:, :1], whole(samples[:, :1], 44_100, 16_000))
    assert np.array_equal(both[:, 1:], whole(samples[:, 1:], 44_100, 16_000))


def test_equal_rates_pass_through_untouched_and_unshared() -> None:
    samples = np.random.default_rng(5).standard_normal((100, 1)).astype(np.float32)
    resampler = StreamResampler(8000, 8000, 1)
    out = resampler.push(samples)
    assert np.array_equal(out, samples)
    assert not np.shares_memory(out, samples)
    assert resampler.finish().shape == (0, 1)


def test_latency_is_bounded() -> None:
    for in_hz, out_hz in RATES:
        ready = len(StreamResampler(in_hz, out_hz, 1).push(np.zeros((in_hz, 1), np.float32)))
        assert 1.0 - ready / out_hz < 0.12, f"{in_hz} Hz holds back more than the 90 ms of the documentation and a quantum"


def test_misuse() -> None:
    resampler = StreamResampler(16_000, 8000, 2)
    with pytest.raises(ValueError, match=r"shape \(3, 1\): \[n, 2\] works"):
        resampler.push(np.zeros((3, 1), np.float32))
    resampler.finish()
    assert resampler.finish().shape == (0, 2)
    with pytest.raises(ValueError, match="pushed after finish"):
        resampler.push(np.zeros((1, 2), np.float32))
    with pytest.raises(AudioFormatError, match="sample rate 0 Hz"):
        StreamResampler(0, 8000, 1)
    with pytest.raises(AudioFormatError, match="17 channels"):
        StreamResampler(16_000, 8000, 17)
