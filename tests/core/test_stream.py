"""The streaming contract of the core: chunking, lengths, reset, refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from core_streams import EVERY_SETS, RATES, frames, voice
from hypothesis import given, settings
from hypothesis import strategies as st

from simpatico.core import COLUMNS, EGEMAPS_COLUMNS, INDEX, SIMD_VARIABLE, UNITS, FrameExtractor, build_info, simd_levels
from simpatico.errors import AudioFormatError, ConfigError, CoreError, MalformedAudioError

if TYPE_CHECKING:
    pass


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
    sets=st.sampled_from(EVERY_SETS),
    reserve_frames=st.sampled_from((0, 3, 200)),
)
def test_neither_chunking_nor_reserve_changes_anything(
    simd: str, rate_hz: int, sizes: list[int], seed: int, sets: tuple[str, ...], reserve_frames: int
) -> None:
    x = voice(rate_hz, 2.3, seed)
    cuts = tuple(int(c) for c in np.cumsum(sizes) if c < x.size)
    assert frames(x, rate_hz, cuts, simd, sets, reserve_frames).tobytes() == frames(x, rate_hz, (), simd, sets).tobytes()


@pytest.mark.parametrize("rate_hz", RATES)
def test_a_row_of_both_sets_is_one_after_the_other(rate_hz: int) -> None:
    x = voice(rate_hz, 2.0)
    signals, egemaps = frames(x, rate_hz), frames(x, rate_hz, sets=("egemaps",))
    both = frames(x, rate_hz, sets=("egemaps", "signals"))
    assert FrameExtractor(rate_hz, sets=("egemaps", "signals")).columns == COLUMNS + EGEMAPS_COLUMNS
    assert both.tobytes() == np.hstack([signals, egemaps]).tobytes()


@pytest.mark.parametrize("sets", [(), ("signal",), ("signals", "lld"), "signals"])
def test_unknown_sets_are_refused(sets: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="must name one or more of signals, egemaps"):
        FrameExtractor(8000, sets=sets)


@pytest.mark.parametrize("reserve_frames", [-1, 4097])
def test_a_reserve_out_of_range_is_refused(reserve_frames: int) -> None:
    with pytest.raises(ConfigError, match=f"reserve_frames={reserve_frames} is not within 0 to 4096"):
        FrameExtractor(8000, reserve_frames=reserve_frames)


@pytest.mark.parametrize("rate_hz", RATES)
def test_one_sample_at_a_time(rate_hz: int) -> None:
    x = voice(rate_hz, 0.9)
    assert frames(x, rate_hz, tuple(range(1, x.size))).tobytes() == frames(x, rate_hz).tobytes()


@pytest.mark.parametrize("rate_hz", RATES)
@pytest.mark.parametrize("extra", [0, 1, 79, 80, 81, 159, 160, 161, 1000, 4001])
def test_number_of_frames(rate_hz: int, extra: int) -> None:
    assert len(frames(np.zeros(extra, np.float32), rate_hz)) == extra // (rate_hz // 100)


@pytest.mark.parametrize("rate_hz", RATES)
@pytest.mark.parametrize("sets", EVERY_SETS)
def test_latency_is_as_stated(rate_hz: int, sets: tuple[str, ...]) -> None:
    hop = rate_hz // 100
    extractor = FrameExtractor(rate_hz, sets=sets)
    x = voice(rate_hz, 1.5)
    late = []
    got = 0
    for i in range(0, x.size, hop):
        got += len(extractor.push(x[i : i + hop]))
        late.append(i // hop + 1 - got)
    assert max(late) == late[-1] == len(extractor.finish())
    assert max(late) == extractor.latency_frames - (rate_hz == 8000)  # the half-band filter of 16 kHz costs a fraction of a frame


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
