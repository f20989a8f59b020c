"""The streaming contract of the core: chunking, lengths, reset, refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simpatico.core import COLUMNS, INDEX, LATENCY_FRAMES, SIMD_VARIABLE, UNITS, FrameExtractor, build_info, simd_levels
from simpatico.errors import AudioFormatError, ConfigError, CoreError, MalformedAudioError

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATES = (8000, 16000)


def voice(rate_hz: int, seconds: float, seed: int = 0) -> NDArray[np.float32]:
    """A gliding harmonic tone with pauses of exact zeros and a little noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(rate_hz * seconds)) / rate_hz
    phase = 2 * np.pi * np.cumsum(140 + 50 * np.sin(2 * np.pi * 0.7 * t)) / rate_hz
    x = sum(np.cos(k * phase) / k for k in range(1, 20)) * 0.1 + rng.normal(0, 0.003, t.size)
    x[(t % 1.0) > 0.7] = 0.0
    return x.astype(np.float32)


def frames(
    samples: NDArray[np.float32] | NDArray[np.int16], rate_hz: int, cuts: tuple[int, ...] = (), simd: str | None = None
) -> NDArray[np.float32]:
    extractor = FrameExtractor(rate_hz, simd=simd)
    parts = [extractor.push(part) for part in np.split(samples, cuts)]
    return np.vstack([*parts, extractor.finish()])


def test_columns_are_those_agreed() -> None:
    agreed = ("rms_dbfs", "loudness", "f0_hz", "voicing_probability", "hnr_db", "spectral_entropy", "alpha_ratio_db")
    agreed += ("slope_0_500_db_per_hz", "slope_500_1500_db_per_hz")
    assert COLUMNS[: len(agreed)] == agreed
    assert len(UNITS) == len(COLUMNS) == len(INDEX)


@pytest.mark.parametrize("simd", simd_levels())
@settings(max_examples=25, deadline=None)
@given(
    rate_hz=st.sampled_from(RATES),
    sizes=st.lists(st.one_of(st.integers(1, 400), st.integers(1, 40_000)), max_size=30),
    seed=st.integers(0, 3),
)
def test_chunking_changes_nothing(simd: str, rate_hz: int, sizes: list[int], seed: int) -> None:
    x = voice(rate_hz, 2.3, seed)
    cuts = tuple(int(c) for c in np.cumsum(sizes) if c < x.size)
    assert frames(x, rate_hz, cuts, simd).tobytes() == frames(x, rate_hz, (), simd).tobytes()


@pytest.mark.parametrize("rate_hz", RATES)
def test_one_sample_at_a_time(rate_hz: int) -> None:
    x = voice(rate_hz, 0.9)
    assert frames(x, rate_hz, tuple(range(1, x.size))).tobytes() == frames(x, rate_hz).tobytes()


@pytest.mark.parametrize("rate_hz", RATES)
@pytest.mark.parametrize("extra", [0, 1, 79, 80, 81, 159, 160, 161, 1000, 4001])
def test_number_of_frames(rate_hz: int, extra: int) -> None:
    assert len(frames(np.zeros(extra, np.float32), rate_hz)) == extra // (rate_hz // 100)


@pytest.mark.parametrize("rate_hz", RATES)
def test_latency_is_as_stated(rate_hz: int) -> None:
    hop = rate_hz // 100
    extractor = FrameExtractor(rate_hz)
    x = voice(rate_hz, 1.5)
    late = []
    got = 0
    for i in range(0, x.size, hop):
        got += len(extractor.push(x[i : i + hop]))
        late.append(i // hop + 1 - got)
    assert max(late) == late[-1] == len(extractor.finish())
    assert max(late) == LATENCY_FRAMES - (rate_hz == 8000)  # the half-band filter of 16 kHz costs a fraction of a frame


def test_int16_equals_float32() -> None:
    integers = (voice(8000, 1.5) * 20000).astype(np.int16)
    assert frames(integers, 8000).tobytes() == frames(integers.astype(np.float32) / 32768, 8000).tobytes()


def test_reset_equals_a_new_state() -> None:
    extractor = FrameExtractor(16000)
    extractor.push(voice(16000, 1.0, 1))
    extractor.finish()
    extractor.reset()
    x = voice(16000, 1.0, 2)
    assert np.vstack([extractor.push(x), extractor.finish()]).tobytes() == frames(x, 16000).tobytes()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 257.0, -1e30])
def test_bad_samples_are_refused_and_the_state_goes_on(bad: float) -> None:
    x = voice(8000, 1.2)
    extractor = FrameExtractor(8000)
    parts = [extractor.push(x[:5000])]
    spoiled = x[5000:].copy()
    spoiled[4321] = bad
    with pytest.raises(MalformedAudioError, match=r"sample 4321 is .*at most 256"):
        extractor.push(spoiled)
    parts += [extractor.push(x[5000:]), extractor.finish()]
    assert np.vstack(parts).tobytes() == frames(x, 8000).tobytes()


def test_wrong_shapes_types_rates_levels() -> None:
    with pytest.raises(AudioFormatError, match="got 44100; resample first"):
        FrameExtractor(44100)
    with pytest.raises(ConfigError, match=r"'sse9' is not a SIMD level.*portable"):
        FrameExtractor(8000, simd="sse9")
    extractor = FrameExtractor(8000)
    with pytest.raises(MalformedAudioError, match=r"float64 of shape \[10\]"):
        extractor.push(np.zeros(10))  # type: ignore[arg-type]
    with pytest.raises(MalformedAudioError, match=r"shape \[10, 2\]"):
        extractor.push(np.zeros((10, 2), np.float32))
    extractor.finish()
    with pytest.raises(CoreError, match="after finish"):
        extractor.push(np.zeros(10, np.float32))


def test_environment_chooses_the_level(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SIMD_VARIABLE, "portable")
    assert build_info()["simd"] == "portable"
    monkeypatch.setenv(SIMD_VARIABLE, "x87")
    with pytest.raises(ConfigError, match="SIMPATICO_SIMD='x87'"):
        FrameExtractor(8000)
    monkeypatch.setenv(SIMD_VARIABLE, "")
    assert build_info()["simd"] == simd_levels()[0]


@pytest.mark.parametrize("rate_hz", RATES)
def test_digital_silence_is_finite(rate_hz: int) -> None:
    rows = frames(np.zeros(rate_hz, np.float32), rate_hz)
    assert np.isfinite(rows).all()
    assert (rows[:, INDEX["rms_dbfs"]] == -120.0).all()
    assert not rows[:, [INDEX["f0_hz"], INDEX["loudness"], INDEX["voicing_probability"]]].any()
