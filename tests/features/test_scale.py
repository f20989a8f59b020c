"""What rests on formants and periods on openSMILE's scale."""

from __future__ import annotations

import json
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simpatico.core import FUNCTIONAL_NAMES
from simpatico.errors import AudioFormatError, ConfigError, RequestError
from simpatico.features import SCALED_NAMES, FeatureStream, Smile, Windows, extract, on_opensmile_scale
from simpatico.features.results import SetName
from simpatico.features.scale import AMPLITUDE_NAMES, PREDICTORS, REACH, TOLD_NAMES

STORED = json.loads(files("simpatico.features").joinpath("opensmile_scale.json").read_text("utf-8"))
COLUMNS = [FUNCTIONAL_NAMES.index(name) for name in SCALED_NAMES]
AMPLITUDES = [FUNCTIONAL_NAMES.index(name) for name in AMPLITUDE_NAMES]


def a_row() -> np.ndarray:
    return np.random.default_rng(3).uniform(1, 5, 88).astype(np.float32)


def a_plausible_row(measured_at: str, seed: int = 3) -> np.ndarray:
    """Every predictor within two SD of the fitted voices, amplitudes as openSMILE's are."""
    rng, row = np.random.default_rng(seed), a_row()
    for name, (centre, spread) in STORED[measured_at]["predictors"].items():
        row[FUNCTIONAL_NAMES.index(name)] = centre + spread * rng.uniform(-2, 2)
    for mean, variation in zip(AMPLITUDES[::2], AMPLITUDES[1::2], strict=True):
        row[mean], row[variation] = rng.uniform(-150, -50), rng.uniform(-1.5, -0.5)
    return row


@pytest.mark.parametrize(("rate_hz", "measured_at"), [(8000, "8000"), (11025, "8000"), (16000, "16000"), (48000, "16000")])
def test_each_of_the_23_is_what_the_stored_lines_say(rate_hz: int, measured_at: str) -> None:
    row = a_plausible_row(measured_at)
    out = on_opensmile_scale(row, rate_hz)
    for name, column in zip(SCALED_NAMES, COLUMNS, strict=True):
        offset, *weights = STORED[measured_at]["weights"][name]
        line = offset
        for weight, (predictor, (centre, spread)) in zip(weights, STORED[measured_at]["predictors"].items(), strict=True):
            line += weight * (float(row[FUNCTIONAL_NAMES.index(predictor)]) - centre) / spread
        if "amplitude" in name:
            floor = -201.0 if name.endswith("amean") else 0.0
            assert out[column] == pytest.approx(floor + max(line, 0) * (float(row[column]) - floor), rel=1e-5)
        else:
            assert out[column] == pytest.approx(line if name.startswith("HNR") else max(line, 0), rel=1e-4)


@given(st.integers(0, 10_000), st.sampled_from(["8000", "16000"]))
def test_no_figure_is_what_opensmiles_cannot_be(seed: int, measured_at: str) -> None:
    rng, row = np.random.default_rng(seed), a_plausible_row(measured_at, seed)
    for name in TOLD_NAMES[:-1]:
        column = FUNCTIONAL_NAMES.index(name)
        row[column] = abs(row[column]) * 10 ** rng.uniform(-2, 2)
    for mean, variation in zip(AMPLITUDES[::2], AMPLITUDES[1::2], strict=True):
        row[mean], row[variation] = rng.uniform(-201, 0), -(10 ** rng.uniform(-2, 2))
    out = on_opensmile_scale(row, int(measured_at))
    assert (out[AMPLITUDES[::2]] >= -201).all()
    assert (out[AMPLITUDES[1::2]] <= 0).all()
    assert (out[[FUNCTIONAL_NAMES.index(name) for name in TOLD_NAMES[:-1]]] >= 0).all()


@pytest.mark.parametrize("statistic", ["amean", "stddevNorm"])
def test_amplitudes_are_stretched_from_what_they_are_without_a_voice(statistic: str) -> None:
    column = FUNCTIONAL_NAMES.index(f"F2amplitudeLogRelF0_sma3nz_{statistic}")
    floor = -201.0 if statistic == "amean" else 0.0
    row = a_plausible_row("8000")
    above = []
    for ours in (floor + 1, floor + 10, floor + 100):
        row[column] = ours
        above.append((float(on_opensmile_scale(row, 8000)[column]) - floor) / (ours - floor))
    assert above[0] > 0
    assert above == pytest.approx([above[2]] * 3, rel=1e-4)


def test_what_lies_far_out_counts_as_at_the_reach_and_no_farther() -> None:
    row = a_plausible_row("8000")
    f0 = FUNCTIONAL_NAMES.index("F0semitoneFrom27.5Hz_sma3nz_amean")
    centre, spread = STORED["8000"]["predictors"][FUNCTIONAL_NAMES[f0]]
    at: dict[float, np.ndarray] = {}
    for sd in (REACH - 1, REACH, 10 * REACH):
        row[f0] = centre + sd * spread
        at[sd] = on_opensmile_scale(row, 8000)[COLUMNS]
    np.testing.assert_allclose(at[REACH], at[10 * REACH], rtol=1e-5)
    told = [c for c in range(len(COLUMNS)) if at[REACH][c] > 0 and SCALED_NAMES[c] in TOLD_NAMES]
    assert len(told) > 10  # a line below what a figure can be counts as that
    assert (at[REACH - 1][told] != at[REACH][told]).all()


def test_the_other_65_and_the_input_stay() -> None:
    row = a_row()
    before = row.copy()
    out = on_opensmile_scale(row, 8000)
    others = np.setdiff1d(np.arange(88), COLUMNS)
    assert len(others) == 65
    np.testing.assert_array_equal(out[others], row[others])
    np.testing.assert_array_equal(row, before)


@pytest.mark.parametrize(
    ("mean", "goes_with_it"),
    [
        ("F2bandwidth", ("F2bandwidth_sma3nz_amean", "F2bandwidth_sma3nz_stddevNorm")),
        ("jitterLocal", ("jitterLocal_sma3nz_amean", "jitterLocal_sma3nz_stddevNorm")),
        ("HNRdBACF", ("HNRdBACF_sma3nz_stddevNorm",)),
    ],
)
def test_what_was_not_found_stays_as_it_is_and_tells_nothing_about_the_others(mean: str, goes_with_it: tuple[str, ...]) -> None:
    row = a_plausible_row("8000")
    row[FUNCTIONAL_NAMES.index(f"{mean}_sma3nz_amean")] = 0
    average = row.copy()
    for name in goes_with_it:
        average[FUNCTIONAL_NAMES.index(name)] = STORED["8000"]["predictors"][name][0]
    gone = [FUNCTIONAL_NAMES.index(name) for name in goes_with_it]
    out = on_opensmile_scale(row, 8000)
    np.testing.assert_array_equal(out[gone], row[gone])
    others = np.setdiff1d(COLUMNS, gone)
    np.testing.assert_allclose(out[others], on_opensmile_scale(average, 8000)[others], rtol=1e-4)
    assert (out[others] != row[others]).mean() > 0.9


def test_a_formant_that_was_found_at_its_average_tells_as_much_as_none() -> None:
    average, absent = a_plausible_row("16000"), a_plausible_row("16000")
    for kind in ("amean", "stddevNorm"):
        name = f"F3frequency_sma3nz_{kind}"
        average[FUNCTIONAL_NAMES.index(name)] = STORED["16000"]["predictors"][name][0]
        absent[FUNCTIONAL_NAMES.index(name)] = 0
    others = [c for c in COLUMNS if not FUNCTIONAL_NAMES[c].startswith("F3frequency")]
    np.testing.assert_allclose(on_opensmile_scale(absent, 16000)[others], on_opensmile_scale(average, 16000)[others], rtol=1e-5)


def test_nan_stays_nan_and_tells_nothing_about_the_others() -> None:
    row = a_plausible_row("8000")
    column = FUNCTIONAL_NAMES.index("F1frequency_sma3nz_amean")
    row[column] = np.nan
    out = on_opensmile_scale(row, 8000)
    assert np.isnan(out[column])
    assert np.isfinite(np.delete(out, column)).all()


@pytest.mark.parametrize("amplitude", [0, -201])
def test_nothing_voiced_leaves_all_as_it_is(amplitude: float) -> None:
    row = np.zeros(88, np.float32)
    row[[FUNCTIONAL_NAMES.index(f"F{k}amplitudeLogRelF0_sma3nz_amean") for k in (1, 2, 3)]] = amplitude
    np.testing.assert_array_equal(on_opensmile_scale(row, 8000), row)


@given(st.integers(1, 5), st.sampled_from([8000, 16000]))
def test_a_table_is_mapped_row_by_row(count: int, rate_hz: int) -> None:
    rows = np.random.default_rng(count).uniform(0.1, 3000, (count, 88)).astype(np.float32)
    np.testing.assert_array_equal(on_opensmile_scale(rows, rate_hz), np.stack([on_opensmile_scale(r, rate_hz) for r in rows]))


@pytest.mark.parametrize("rate_hz", [0, -8000, 4000, 200000])
def test_rates_that_no_audio_has_are_refused(rate_hz: int) -> None:
    with pytest.raises(AudioFormatError, match=f"sample rate {rate_hz} Hz"):
        on_opensmile_scale(a_row(), rate_hz)


@pytest.mark.parametrize("shape", [(), (87,), (88, 2)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(RequestError, match=r"88\] functionals work"):
        on_opensmile_scale(np.zeros(shape, np.float32), 8000)


def test_smile_maps_functionals_when_asked() -> None:
    pytest.importorskip("pandas", reason="pandas is not installed")
    x = np.random.default_rng(1).normal(0, 0.1, 16000).astype(np.float32)
    x += np.sin(2 * np.pi * 150 * np.arange(16000) / 8000).astype(np.float32) * 0.3
    own, mapped = (Smile(scale=scale).process_signal(x, 8000).to_numpy() for scale in ("own", "opensmile"))
    assert (own != mapped).any()
    np.testing.assert_array_equal(mapped, on_opensmile_scale(own, 8000))


@pytest.mark.parametrize("rate_hz", [8000, 11025, 16000, 44100])
def test_recordings_and_streams_are_mapped_when_asked(rate_hz: int) -> None:
    rng = np.random.default_rng(7)
    x = (0.1 * rng.normal(size=2 * rate_hz) + 0.3 * np.sin(2 * np.pi * 150 * np.arange(2 * rate_hz) / rate_hz)).astype(np.float32)
    (own,) = extract((x, rate_hz))
    (mapped,) = extract((x, rate_hz), scale="opensmile")
    assert (own.values != mapped.values).any()
    np.testing.assert_array_equal(mapped.values, on_opensmile_scale(own.values, rate_hz))
    windows = Windows(1.0, 0.5)
    pairs = zip(extract((x, rate_hz), segments=windows), extract((x, rate_hz), segments=windows, scale="opensmile"), strict=True)
    for a, b in pairs:
        np.testing.assert_array_equal(b.values, on_opensmile_scale(a.values, rate_hz))
    (nothing,) = extract((x[:100], rate_hz), scale="opensmile")
    assert np.isnan(nothing.values).all()


@pytest.mark.parametrize("name", ["lld", "signals"])
def test_only_functionals_are_on_opensmiles_scale(name: SetName) -> None:
    with pytest.raises(ConfigError, match=f"the set egemaps-v02 works with it, not {name}"):
        extract((np.zeros(8000, np.float32), 8000), set=name, scale="opensmile")
    with pytest.raises(ConfigError, match="'mel' is not known: own and opensmile work"):
        FeatureStream(8000, set=name, scale="mel")  # type: ignore[arg-type]


def test_descriptors_of_smile_have_no_scale_but_their_own() -> None:
    with pytest.raises(ConfigError, match="the set egemaps-v02 works with it, not lld"):
        Smile(feature_level="lld", scale="opensmile")
    assert Smile(feature_level="lld", scale="own").scale == "own"


def test_an_unknown_scale_is_refused() -> None:
    with pytest.raises(ConfigError, match="'mel' is not known: own and opensmile work"):
        Smile(scale="mel")


def test_the_stored_weights_are_of_the_names_in_use() -> None:
    for stored in STORED.values():
        assert tuple(stored["predictors"]) == PREDICTORS
        assert tuple(stored["weights"]) == SCALED_NAMES
        assert all(spread > 0 for _, spread in stored["predictors"].values())


@pytest.mark.reference
@pytest.mark.parametrize("rate_hz", [8000, 16000])
def test_ours_come_near_to_opensmiles_on_voices_that_nothing_was_fitted_on(rate_hz: int) -> None:
    pytest.importorskip("opensmile", reason="opensmile is not installed")
    from bench.egemaps_material import Core
    from bench.egemaps_material import Smile as Theirs
    from bench.synthvoice import HELD_OUT_FAMILIES, Condition, draw_voice, speak, through

    rng, ours, smile = np.random.default_rng(31), Core(), Theirs()
    line = Condition(8000, "tel", "none", np.inf) if rate_hz == 8000 else Condition(16000, "full", "none", np.inf)
    family = HELD_OUT_FAMILIES[0]
    sounds = [through(speak(rng, draw_voice(rng, family), 2.0), line, rng) for k in range(12)]
    theirs = np.stack([smile.functionals(x, rate_hz) for x in sounds])[:, COLUMNS]
    own = np.stack([ours.measure(x, rate_hz).functionals for x in sounds]).astype(np.float32)
    mapped = on_opensmile_scale(own, rate_hz)[:, COLUMNS]
    off, was = (np.abs(x - theirs).mean(0) for x in (mapped, own[:, COLUMNS]))
    assert np.median(off / was) < 0.85  # .31 at 8 kHz, .73 at 16 kHz, where ours of clean voices are near already
    frequency = [k for k, name in enumerate(SCALED_NAMES) if name.endswith("frequency_sma3nz_amean")]
    r = [np.corrcoef(mapped[:, k], theirs[:, k])[0, 1] for k in frequency]
    assert min(r) > 0.6  # .70 to .90 over the 90 voices of the bench's check
