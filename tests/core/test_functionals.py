"""The functionals of the core against the NumPy reference: the same unsmoothed contours go into both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from simpatico.core import EXACT_FRAMES, FUNCTIONAL_NAMES, FUNCTIONAL_UNITS, Functionals, smooth_lld
from simpatico.errors import ConfigError, MalformedAudioError
from tests.core.rows_reference import COLUMNS, F0, FLOAT, FLUX, INDEX, LOUDNESS, SQUARE, assert_equals_reference, measured
from tests.reference.egemaps import functionals as reference
from tests.reference.egemaps import names
from tests.reference.egemaps.smoothing import sma3, sma3_nonzero

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.float32]

NOT_VOICED_DB = -201.0


def contours(voicing: NDArray[np.bool_], seed: int = 0) -> Rows:
    """Rows with the pattern of a real stream: F0 and what hangs on it 0 where unvoiced, formants missing at times, zeros of silence."""
    rng = np.random.default_rng(seed)
    n = len(voicing)
    scale = np.array([1.5, 8, 12, 0.05, 0.03, 0.2, 12, 15, 12, 10, 3, 0.02, 0.6, 4, 6, 9, 150, 90, 20, 300, 120, 20, 400, 150, 20, 0.01])
    centre = np.array(
        [2, -9, 18, 0.02, -0.02, 0.4, 18, 3, 2, -4, 30, 0, 0.9, 5, 3, 20, 520, 150, -20, 1500, 250, -30, 2500, 300, -40, 0.02]
    )
    walk = np.cumsum(rng.normal(0, 0.35, (n, COLUMNS)), axis=0)
    rows = centre + scale * (np.tanh(walk - walk.mean(0, keepdims=True) if n else walk) + 0.2 * rng.normal(0, 1, (n, COLUMNS)))
    rows[:, [LOUDNESS, FLUX, SQUARE, F0, 11, 12]] = np.abs(rows[:, [LOUDNESS, FLUX, SQUARE, F0, 11, 12]])
    for formant in (16, 19, 22):
        rows[rng.random(n) < 0.1, formant : formant + 3] = 0
    rows[rng.random(n) < 0.1, 11:13] = 0
    rows[rng.random(n) < 0.05, 1:10] = 0
    rows[~voicing, 10:16] = 0
    rows[~voicing, 16:25] = np.tile([0, 0, NOT_VOICED_DB], 3)
    return rows.astype(np.float32)


def pattern(n: int, mean_run: float, seed: int) -> NDArray[np.bool_]:
    """Random voicing with runs of a mean length."""
    rng = np.random.default_rng(seed)
    return np.cumsum(rng.random(n) < 1 / mean_run) % 2 == 1


def test_names_are_those_of_the_reference() -> None:
    assert FUNCTIONAL_NAMES == names.FUNCTIONAL_NAMES
    assert len(FUNCTIONAL_UNITS) == len(FUNCTIONAL_NAMES) == 88
    units = dict(zip(FUNCTIONAL_NAMES, FUNCTIONAL_UNITS, strict=True))
    assert units["F0semitoneFrom27.5Hz_sma3nz_meanRisingSlope"] == "st/s"
    assert units["F1bandwidth_sma3nz_amean"] == "Hz"
    assert units["HNRdBACF_sma3nz_stddevNorm"] == "1"
    assert units["slopeUV0-500_sma3nz_amean"] == "dB/Hz"
    assert units["MeanUnvoicedSegmentLength"] == "s"


@pytest.mark.parametrize("n", [*range(13), 31, 32, 33, 39, 40, 41, 500, 3000])
@pytest.mark.parametrize("mean_run", [1.5, 4, 25])
def test_equals_the_reference(n: int, mean_run: float) -> None:
    assert_equals_reference(contours(pattern(n, mean_run, n), n))


@settings(max_examples=150, deadline=None)
@given(voicing=st.lists(st.booleans(), max_size=80), seed=st.integers(0, 1000))
@example(voicing=[False] * 40, seed=0)
@example(voicing=[True] * 40, seed=0)
@example(voicing=[False] * 10 + [True] + [False] * 10, seed=0)
def test_equals_the_reference_for_any_voicing(voicing: list[bool], seed: int) -> None:
    assert_equals_reference(contours(np.array(voicing, dtype=bool), seed))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, 3.0, 1.0000001, 100.0]), min_size=COLUMNS, max_size=COLUMNS), max_size=40)
)
def test_equals_the_reference_with_ties_and_cancellation(values: list[list[float]]) -> None:
    assert_equals_reference(np.array(values, dtype=np.float32).reshape(-1, COLUMNS))


@settings(max_examples=60, deadline=None)
@given(sizes=st.lists(st.integers(0, 90), max_size=30), seed=st.integers(0, 50), exact_frames=st.sampled_from([64, 100, EXACT_FRAMES]))
def test_cuts_change_nothing(sizes: list[int], seed: int, exact_frames: int) -> None:
    rows = contours(pattern(1300, 12, seed), seed)
    cuts = tuple(int(c) for c in np.cumsum(sizes) if c < len(rows))
    assert measured(rows, cuts, exact_frames).tobytes() == measured(rows, (), exact_frames).tobytes()


@pytest.mark.parametrize("exact_frames", [64, EXACT_FRAMES])
def test_read_changes_nothing(exact_frames: int) -> None:
    rows = contours(pattern(400, 9, 1), 1)
    f = Functionals(exact_frames)
    for i in range(len(rows)):
        f.add(rows[i : i + 1])
        assert f.read().tobytes() == f.read().tobytes() == measured(rows[: i + 1], (), exact_frames).tobytes()
    assert f.rows == 400


def test_reset_equals_a_new_object() -> None:
    rows = contours(pattern(3000, 20, 3), 3)
    f = Functionals(100)  # histograms in use before the reset, and after it
    f.add(contours(pattern(2000, 5, 4), 4))
    f.reset()
    assert f.rows == 0
    assert f.read().tobytes() == measured(rows[:0], (), 100).tobytes()
    f.add(rows)
    assert f.read().tobytes() == measured(rows, (), 100).tobytes()


def test_no_rows_and_too_few_rows() -> None:
    nothing = measured(np.zeros((0, COLUMNS), np.float32))
    assert nothing[INDEX["equivalentSoundLevel_dBp"]] == -120
    assert not np.delete(nothing, INDEX["equivalentSoundLevel_dBp"]).any()
    six = dict(zip(FUNCTIONAL_NAMES, measured(contours(np.ones(6, bool), 5)), strict=True))
    assert six["loudness_sma3_amean"] > 0
    assert six["F0semitoneFrom27.5Hz_sma3nz_amean"] == six["mfcc1V_sma3nz_amean"] == six["VoicedSegmentsPerSec"] == 0


def test_constant_contours() -> None:
    row = np.abs(contours(np.ones(1, bool), 6)) + np.float32(0.1)
    figures = dict(zip(FUNCTIONAL_NAMES, measured(np.repeat(row, 500, axis=0)), strict=True))
    for name, value in figures.items():
        # The flux of the first row counts as 0, so it is no constant. Rounding of double sums of squares: 1e-8 of the mean after the root.
        if "stddevNorm" in name and not name.startswith("spectralFlux"):
            assert value == pytest.approx(0, abs=1e-7), name
        if "Slope" in name:
            assert value == 0, name
    assert figures["F1frequency_sma3nz_amean"] == pytest.approx(row[0, 16], rel=FLOAT)
    assert figures["loudness_sma3_percentile20.0"] == figures["loudness_sma3_percentile80.0"] == row[0, 0]
    assert figures["VoicedSegmentsPerSec"] == pytest.approx(1 / 4.94)
    assert figures["MeanVoicedSegmentLengthSec"] == pytest.approx(4.93)
    assert figures["equivalentSoundLevel_dBp"] == pytest.approx(10 * np.log10(row[0, SQUARE]), abs=1e-5)


def test_mean_of_zero_has_no_relative_spread() -> None:
    rows = np.zeros((100, COLUMNS), np.float32)
    rows[:, 6] = np.resize([3, -3], 100)  # of 99 short frames: smoothed 1, -1, 1, .. and 1 at either end
    rows[:, 7] = np.resize([0.0, 3.0, 0.0, 0.0, -3.0, 0.0], 100)
    figures = dict(zip(FUNCTIONAL_NAMES, measured(rows[:97]), strict=True))  # 96 short frames: whole periods
    assert figures["mfcc2_sma3_amean"] == figures["mfcc2_sma3_stddevNorm"] == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("column", [0, 11, 25])
def test_rows_that_are_not_finite_are_refused_whole(bad: float, column: int) -> None:
    rows = contours(pattern(200, 9, 7), 7)
    spoiled = rows[100:].copy()
    spoiled[77, column] = bad
    f = Functionals()
    f.add(rows[:100])
    with pytest.raises(MalformedAudioError, match=rf"row 77, column {column} is .*must be finite"):
        f.add(spoiled)
    with pytest.raises(MalformedAudioError, match=rf"row 77, column {column} is .*must be finite"):
        smooth_lld(spoiled)
    f.add(rows[100:])
    assert f.rows == 200
    assert f.read().tobytes() == measured(rows).tobytes()


def test_wrong_shapes_types_and_sizes() -> None:
    f = Functionals()
    with pytest.raises(MalformedAudioError, match=r"\[n, 26\], got float64 of shape \[3, 26\]"):
        f.add(np.zeros((3, COLUMNS)))  # type: ignore[arg-type]
    with pytest.raises(MalformedAudioError, match=r"got float32 of shape \[3, 25\]"):
        f.add(np.zeros((3, 25), np.float32))
    with pytest.raises(MalformedAudioError, match=r"got float32 of shape \[26\]"):
        smooth_lld(np.zeros(COLUMNS, np.float32))
    for size in (63, 8640001, -1):
        with pytest.raises(ConfigError, match=rf"64 to 8640000, got {size}") as caught:
            Functionals(size)
        assert caught.value.field == "exact_frames"


@pytest.mark.parametrize("size", [64, 1000, EXACT_FRAMES])
def test_memory_is_as_stated(size: int) -> None:
    assert abs(Functionals(size).nbytes - 16 * size) < 190 * 1024


@given(st.lists(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=COLUMNS, max_size=COLUMNS), max_size=30))
@settings(max_examples=100, deadline=None)
def test_any_finite_rows_give_finite_figures(values: list[list[float]]) -> None:
    rows = np.array(values, dtype=np.float32).reshape(-1, COLUMNS)
    assert np.isfinite(measured(rows)).all()
    assert np.isfinite(measured(np.resize(rows, (len(rows) * 10, COLUMNS)), (), 64)).all()


def test_rows_may_lie_apart_or_out_of_order() -> None:
    rows = contours(pattern(300, 9, 8), 8)
    wide = np.zeros((300, 35), np.float32)
    wide[:, 9:] = rows
    assert measured(wide[:, 9:]).tobytes() == measured(rows).tobytes()
    assert smooth_lld(wide[:, 9:]).tobytes() == smooth_lld(rows).tobytes()
    for view in (rows[::-1], np.asfortranarray(rows), rows[::3], wide[::2, 9:]):
        assert measured(view).tobytes() == measured(view.copy(order="C")).tobytes()


@pytest.mark.parametrize("voicing", [pattern(700, 8, 9), np.ones(50, bool)])
def test_smoothing_equals_the_reference(voicing: NDArray[np.bool_]) -> None:
    rows = contours(voicing, 9)
    x = rows.astype(np.float64)
    want = np.stack([(sma3 if c < F0 else sma3_nonzero)(x[:, c]) for c in range(SQUARE)], axis=1)
    assert smooth_lld(rows) == pytest.approx(want, rel=FLOAT, abs=1e-12)
    assert smooth_lld(rows[:1]) == pytest.approx(x[:1, :SQUARE], rel=FLOAT)
    assert smooth_lld(rows[:0]).shape == (0, 25)


def percentiles(contour: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.percentile(contour, [20, 50, 80])


@pytest.mark.parametrize("spread", [0.1, 1.0, 5.0])
def test_percentiles_of_long_segments_keep_their_bounds(spread: float) -> None:
    rng = np.random.default_rng(10)
    n, block = 20_000, 64
    rows = contours(pattern(n, 30, 10), 10)
    rows[:, LOUDNESS] = np.clip(np.exp(rng.normal(0, spread, n)), 2e-4, 900)
    rows[:, F0] *= rng.uniform(0.5, 1.5, n).astype(np.float32)
    loudness = sma3(rows[:-1, LOUDNESS].astype(np.float64))
    pitch = sma3_nonzero(rows[:-6, F0].astype(np.float64))
    assert 0 < pitch.max() < 64
    got = measured(rows, (), block)
    at = INDEX["loudness_sma3_percentile20.0"]
    assert got[at : at + 3] == pytest.approx(percentiles(loudness), rel=0.001)
    assert not np.array_equal(got[at : at + 3], measured(rows)[at : at + 3])  # a histogram it is
    at = INDEX["F0semitoneFrom27.5Hz_sma3nz_percentile20.0"]
    assert got[at : at + 3] == pytest.approx(percentiles(pitch[pitch != 0]), abs=0.005)


def test_every_value_of_long_segments_keeps_its_bound() -> None:
    """Constant contours, so that each percentile is the value itself, wherever in its bin that lies."""
    rng = np.random.default_rng(15)
    rows = np.zeros((80, COLUMNS), np.float32)
    for loudness, pitch in zip(10 ** rng.uniform(-4, 3, 300), rng.uniform(0, 64, 300), strict=True):
        rows[:, LOUDNESS], rows[:, F0] = loudness, pitch
        figures = dict(zip(FUNCTIONAL_NAMES, measured(rows, (), 64), strict=True))
        assert figures["loudness_sma3_percentile50.0"] == pytest.approx(loudness, rel=0.001)
        assert figures["F0semitoneFrom27.5Hz_sma3nz_percentile50.0"] == pytest.approx(pitch, abs=0.005)


def test_values_off_the_histograms_count_as_their_ends() -> None:
    rows = np.zeros((300, COLUMNS), np.float32)
    rows[:, LOUDNESS], rows[:, F0] = 1e6, 1e6
    figures = dict(zip(FUNCTIONAL_NAMES, measured(rows, (), 64), strict=True))
    assert figures["loudness_sma3_percentile50.0"] == pytest.approx(1000, rel=0.003)
    assert figures["F0semitoneFrom27.5Hz_sma3nz_percentile50.0"] == pytest.approx(64, abs=0.01)
    rows[:, LOUDNESS], rows[:, F0] = -5, -5
    figures = dict(zip(FUNCTIONAL_NAMES, measured(rows, (), 64), strict=True))
    assert figures["loudness_sma3_percentile50.0"] == 0
    assert figures["F0semitoneFrom27.5Hz_sma3nz_percentile50.0"] == pytest.approx(0, abs=0.005)


def test_all_but_percentiles_and_slopes_stays_exact() -> None:
    rows = contours(pattern(5000, 20, 11), 11)
    short, whole = measured(rows, (), 64), measured(rows)
    differ = {FUNCTIONAL_NAMES[i] for i in np.flatnonzero(short != whole)}
    assert differ
    assert all("percentile" in n or "pctlrange" in n or "Slope" in n or n == "loudnessPeaksPerSec" for n in differ), differ


def test_slopes_are_pooled_over_blocks() -> None:
    """Four blocks of 100 rows: the figures are those of the smoothed contours of the blocks, taken together."""
    n, block = 400, 100
    rows = contours(np.ones(n + 1, bool), 12)
    loudness = sma3(rows[:n, LOUDNESS].astype(np.float64)).reshape(-1, block)
    parts = [reference.extrema.slopes(y) for y in loudness]
    rising = np.concatenate([p.rising for p in parts])
    inner = np.concatenate([p.rising[: len(p.rising) - (p.end > 0)] for p in parts])
    peaks = sum(kind > 0 for y in loudness for _, kind in reference.extrema.extrema(y))
    figures = dict(zip(FUNCTIONAL_NAMES, measured(rows, (), block), strict=True))
    assert figures["loudness_sma3_meanRisingSlope"] == pytest.approx(rising.mean(), rel=4 * FLOAT)
    assert figures["loudness_sma3_stddevRisingSlope"] == pytest.approx(
        np.sqrt(((inner - rising.mean()) ** 2).sum() / len(rising)), rel=4 * FLOAT
    )
    assert figures["loudnessPeaksPerSec"] == pytest.approx(peaks / (n * 0.01), rel=4 * FLOAT)


def test_a_day_keeps_its_digits() -> None:
    """8.64 million rows: one block again and again has the moments of the block."""
    block = contours(pattern(86_400, 25, 13), 13)
    block[:, 6] = 1e4 + block[:, 6] * 1e-2  # a spread of a millionth of the mean
    f = Functionals(1000)
    for _ in range(100):
        f.add(block)
    got = f.read()
    assert f.rows == 8_640_000
    ring = np.concatenate([block[-1:], block, block[:1]]).astype(np.float64)  # every block but the first and the last has these neighbours
    for name, column, smooth in (("loudness_sma3", LOUDNESS, sma3), ("mfcc1_sma3", 6, sma3), ("HNRdBACF_sma3nz", 13, sma3_nonzero)):
        contour = smooth(ring[:, column])[1:-1]
        contour = contour[contour != 0]
        at = INDEX[f"{name}_amean"]
        assert got[at] == pytest.approx(contour.mean(), rel=1e-5), name  # at the ends of the whole, a few rows of millions differ
        assert got[at + 1] == pytest.approx(contour.std() / contour.mean(), rel=1e-5), name


def test_a_window_that_slides_equals_its_rows_alone() -> None:
    """The recipe of the docstring."""
    rows = contours(pattern(3000, 20, 14), 14)
    window = Functionals(exact_frames=1000)
    recent = np.empty((0, COLUMNS), dtype=np.float32)
    for start in range(0, len(rows), 100):
        recent = np.concatenate([recent, rows[start : start + 100]])[-1000:]
        window.reset()
        window.add(recent)
        assert window.read().tobytes() == measured(rows[max(0, start - 900) : start + 100]).tobytes()
    assert_equals_reference(recent)
