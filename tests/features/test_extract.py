"""Features of files and samples: what is measured is what the core says of that stretch, whatever way the audio came in."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from simpatico.audio import ReadLimits, StreamResampler
from simpatico.core import (
    EGEMAPS_COLUMNS,
    EGEMAPS_UNITS,
    EXACT_FRAMES,
    FUNCTIONAL_NAMES,
    FUNCTIONAL_UNITS,
    FrameExtractor,
    Functionals,
    smooth_lld,
)
from simpatico.errors import AudioError, AudioFormatError, ConfigError, MalformedAudioError, RequestError, StreamTooLongError
from simpatico.features import SETS, Features, Windows, extract, names_of, units_of
from simpatico.features.summary import SUMMARY_NAMES, summarise
from simpatico.types import AudioFormat
from tests.conftest import SAMPLES, SampleCall
from tests.features.voices import RATE_HZ, voices

Samples = NDArray[np.float32]


def core_rows(samples: Samples, rate_hz: int = RATE_HZ, columns: str = "egemaps") -> NDArray[np.float32]:
    """Rows of the core for samples [n], all at once."""
    extractor = FrameExtractor(rate_hz, sets=(columns,))
    return np.concatenate([extractor.push(np.ascontiguousarray(samples)), extractor.finish()])


def core_figures(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    functionals = Functionals(EXACT_FRAMES)
    functionals.add(rows)
    return functionals.read()


def equal(found: Features, expected: Features) -> bool:
    """Whether both say the same of the same stretch, to the bit."""
    same = (found.channel, found.start_s, found.end_s, found.set) == (expected.channel, expected.start_s, expected.end_s, expected.set)
    return same and np.array_equal(found.values, expected.values, equal_nan=True)


def test_names_and_units_go_with_the_values() -> None:
    for name in SETS:
        (found,) = extract((voices(1)[:, 0], RATE_HZ), set=name)
        assert found.names == names_of(name)
        assert found.units == units_of(name)
        assert len(found.names) == len(found.units) == found.values.shape[-1]
        assert found.values.dtype == np.float32
        assert np.array_equal([found[n] for n in found], found.values.T)
        with pytest.raises(ValueError, match="read-only"):
            found.values[0] = 0
        with pytest.raises(KeyError, match="'F0' is not in"):
            found["F0"]
    assert names_of("egemaps-v02") == FUNCTIONAL_NAMES
    assert units_of("egemaps-v02") == FUNCTIONAL_UNITS
    assert tuple(name.split("_sma3")[0] for name in names_of("lld")) == EGEMAPS_COLUMNS[:25]
    assert units_of("lld") == EGEMAPS_UNITS[:25]


def test_the_whole_of_each_channel_is_what_the_core_says() -> None:
    samples = voices(3)
    found = extract((samples, RATE_HZ))
    assert [(f.channel, f.start_s, f.end_s) for f in found] == [(c, 0.0, len(samples) / RATE_HZ) for c in range(3)]
    for features in found:
        np.testing.assert_array_equal(features.values, core_figures(core_rows(samples[:, features.channel])))


def test_descriptors_and_signals_are_what_the_core_says() -> None:
    samples = voices(2)
    for features in extract((samples, RATE_HZ), set="lld"):
        rows = core_rows(samples[:, features.channel])
        np.testing.assert_array_equal(features.values, smooth_lld(rows)[:-4])
        np.testing.assert_allclose(features.row_starts_s, np.arange(len(rows) - 4) * 0.01, rtol=0, atol=1e-12)
        np.testing.assert_array_equal(features["Loudness_sma3"], features.values[:, 0])
    for features in extract((samples, RATE_HZ), set="signals"):
        expected = summarise(core_rows(samples[:, features.channel], columns="signals"))
        np.testing.assert_array_equal(features.values, expected)
        assert features["f0_median_st"] == expected[SUMMARY_NAMES.index("f0_median_st")]


def test_segments_are_rows_of_the_stream_in_the_order_asked_for() -> None:
    samples = voices(2)
    rows = [core_rows(samples[:, c]) for c in range(2)]
    segments = [(2.0, 3.004), (0.5, 1.5, 1), (0.0, 4.0), (0.5, 1.5, 0), (2.0, 3.004)]
    found = extract((samples, RATE_HZ), segments=segments)
    expected = [
        (2.0, 3.004, 0),
        (2.0, 3.004, 0),
        (2.0, 3.004, 1),
        (2.0, 3.004, 1),
        (0.5, 1.5, 0),
        (0.5, 1.5, 1),
        (0.0, 4.0, 0),
        (0.0, 4.0, 1),
    ]
    assert [(f.start_s, f.end_s, f.channel) for f in found] == expected
    for f in found:
        a, b = round(f.start_s * 100), round(f.end_s * 100)
        np.testing.assert_array_equal(f.values, core_figures(rows[f.channel][a:b]))


def test_windows_lie_wholly_inside() -> None:
    samples = voices(1)[: int(3.99 * RATE_HZ)]
    found = extract((samples, RATE_HZ), segments=Windows(1.0, 0.5))
    assert [(f.start_s, f.end_s) for f in found] == [(0.5 * k, 0.5 * k + 1.0) for k in range(6)]
    again = extract((samples, RATE_HZ), segments=[(f.start_s, f.end_s) for f in found])
    assert all(map(equal, found, again))
    assert extract((samples, RATE_HZ), segments=Windows(5.0, 1.0)) == ()


def test_a_cut_equals_the_audio_cut_out_to_the_sample() -> None:
    samples = voices(2)
    (found,) = extract((samples, RATE_HZ), start_s=0.7001, end_s=2.9003, channel=1)
    (expected,) = extract((samples[round(0.7001 * RATE_HZ) : round(2.9003 * RATE_HZ)], RATE_HZ), channel=1)
    np.testing.assert_array_equal(found.values, expected.values)
    assert (found.start_s, found.end_s) == pytest.approx((0.7001, 2.9003), abs=1 / RATE_HZ)
    (tail,) = extract((samples, RATE_HZ), start_s=3.5, end_s=99.0, channel=0)
    assert tail.end_s == pytest.approx(len(samples) / RATE_HZ)


def test_files_streams_and_samples_give_the_same(tmp_path: Path) -> None:
    samples = np.round(voices(2) * 32767) / 32768
    path = tmp_path / "call.wav"
    soundfile.write(path, samples, RATE_HZ, subtype="PCM_16")
    for name in SETS:
        expected = extract((samples, RATE_HZ), set=name)
        with path.open("rb") as file:
            ways = [
                extract(path, set=name),
                extract(str(path), set=name),
                extract(io.BytesIO(path.read_bytes()), set=name),
                extract(file, set=name),
            ]
        ways.append(extract(((samples * 32768).astype(np.int16), RATE_HZ), set=name))
        ways.append(extract(io.BytesIO(path.read_bytes()[44:]), set=name, raw=AudioFormat(RATE_HZ, 2, "l16")))
        for found in ways:
            assert len(found) == len(expected)
            assert all(map(equal, found, expected))
    assert [f.file for f in extract(path)] == [str(path)] * 2


@pytest.mark.parametrize("rate_hz", [11_025, 44_100])
def test_other_rates_go_through_the_resampler(rate_hz: int) -> None:
    n = int(2.5 * rate_hz)
    samples = np.random.default_rng(1).normal(0, 0.05, (n, 1)).astype(np.float32)
    (found,) = extract((samples, rate_hz), set="lld")
    core_hz = 16_000 if rate_hz > 16_000 else 8_000
    resampler = StreamResampler(rate_hz, core_hz, 1)
    wide = np.concatenate([resampler.push(samples), resampler.finish()])[:, 0]
    np.testing.assert_array_equal(found.values, smooth_lld(core_rows(wide, core_hz))[:-4])
    assert len(found.values) == 250 - 4


@pytest.mark.parametrize("channels", [1, 2, 64])
def test_many_channels_of_a_file(channels: int, tmp_path: Path) -> None:
    samples = np.tile(voices(2)[: RATE_HZ // 2], (1, 32))[:, :channels]
    for suffix in ("wav", "flac") if channels <= 8 else ("wav",):
        path = tmp_path / f"array.{suffix}"
        soundfile.write(path, samples, RATE_HZ, subtype="PCM_16")
        found = extract(path)
        assert [f.channel for f in found] == list(range(channels))
        assert all(np.array_equal(f.values, found[f.channel % 2].values) for f in found)
        assert [f.channel for f in extract(path, channel=[channels - 1, 0])] == list(dict.fromkeys([channels - 1, 0]))


def test_too_many_channels_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "array.wav"
    soundfile.write(path, np.zeros((100, 65)), RATE_HZ)
    with pytest.raises(AudioFormatError, match="65 channels cannot be used: 1 to 64 work"):
        extract(path)


@pytest.mark.parametrize("name", sorted(p.name for p in SAMPLES.iterdir() if p.suffix in {".wav", ".flac"}))
def test_sample_calls(name: str, sample_calls: list[SampleCall]) -> None:
    call = next(c for c in sample_calls if c.path.name == name)
    found = extract(call.path, end_s=5.0)
    assert all(map(equal, found, extract((call.samples[: 5 * RATE_HZ], RATE_HZ))))
    assert all(np.isfinite(f.values).all() for f in found)


def test_compressed_files(tmp_path: Path) -> None:
    for suffix in ("flac", "ogg", "mp3"):
        path = tmp_path / f"voice.{suffix}"
        soundfile.write(path, voices(1), RATE_HZ)
        (found,) = extract(path, set="signals")
        (plain,) = extract((voices(1), RATE_HZ), set="signals")
        # Lossy codecs move the median pitch of two seconds of voice by far less than half a semitone.
        assert found["f0_median_st"] == pytest.approx(plain["f0_median_st"], abs=0.5)


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_what_is_too_short_has_no_figures(rows: int) -> None:
    samples = voices(1)[: rows * RATE_HZ // 100]
    (figures,) = extract((samples, RATE_HZ))
    assert np.isnan(figures.values).all()
    (contours,) = extract((samples, RATE_HZ), set="lld")
    assert contours.values.shape == (0, 25)
    (segment,) = extract((voices(1), RATE_HZ), segments=[(1.0, 1.0 + 0.01 * rows + 0.001)])
    assert np.isnan(segment.values).all()


def test_the_shortest_that_has_figures() -> None:
    samples = voices(1)[: 6 * RATE_HZ // 100]
    assert np.isfinite(extract((samples, RATE_HZ))[0].values).all()
    assert len(extract((samples, RATE_HZ), set="lld")[0].values) == 2


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"set": "compare"}, ConfigError, "'compare' is not known: egemaps-v02, lld, signals"),
        ({"segments": [(1.0, 1.0)]}, RequestError, "from 1 to 1 s cannot be measured"),
        ({"segments": [(-1.0, 1.0)]}, RequestError, "from -1 to 1 s"),
        ({"segments": [(0.0, float("nan"))]}, RequestError, "from 0 to nan s"),
        ({"segments": [(0.0, 1e308)]}, RequestError, r"from 0 to 1e\+308 s cannot be measured: .* up to 1e\+09"),
        ({"segments": [(0.0, 1.0), (1.0,)]}, RequestError, r"segments\[1\] is \(1.0,\)"),
        ({"segments": [("a", "b")]}, RequestError, r"segments\[0\] is"),
        ({"segments": [(0.0, 1.0, 2)]}, AudioFormatError, "channel 2 does not exist in audio of 2"),
        ({"segments": [(0.0, 1.0, -1)]}, RequestError, "channel -1"),
        ({"segments": [(0.0, 1.0, 0), (0.0, 9.0, 0)]}, RequestError, r"segments\[1\], 0 to 9 s"),
        ({"segments": [(0.0, 1.0), (0.0, 1.0, 3)]}, AudioFormatError, r"^segments\[1\]: channel 3 does not exist"),
        ({"segments": [(0.0, 9.0)]}, RequestError, r"segments\[0\], 0 to 9 s, reaches beyond the end of the recording, which lasts 4 s"),
        ({"segments": [(8.0, 9.0)]}, RequestError, r"segments\[0\], 8 to 9 s, reaches beyond"),
        ({"segments": [(0.0, 1.0)], "start_s": 1.0}, RequestError, "give either them or start_s"),
        ({"start_s": 4.0}, RequestError, "start_s is 4: the recording lasts 4 s"),
        ({"start_s": 2.0, "end_s": 1.0}, RequestError, "the cut from 2 to 1 s"),
        ({"start_s": -1.0}, RequestError, "the cut from -1"),
        ({"channel": 2}, AudioFormatError, "channel 2 does not exist in audio of 2 channels: 0 to 1 work"),
        ({"channel": [0, -1]}, AudioFormatError, "channel -1"),
    ],
)
def test_what_cannot_be_measured_is_named(options: dict[str, object], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        extract((voices(2), RATE_HZ), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("windows", [(0.0, 1.0), (1.0, 0.0), (float("inf"), 1.0), (1.0, float("nan")), (0.001, 1.0)])
def test_windows_that_make_no_sense(windows: tuple[float, float]) -> None:
    with pytest.raises(ConfigError, match=r"0.01 s \(one frame\) or more works"):
        Windows(*windows)


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (np.zeros((2, 2, 2), np.float32), r"shape \[2, 2, 2\]"),
        (np.zeros(8, np.int32), "int32"),
        (np.array([0.0, np.nan]), "sample 1 of channel 0 is nan"),
        (np.array([0.0, 1e300]), "sample 1 of channel 0 is inf"),
    ],
)
def test_samples_that_are_none(samples: Samples, words: str) -> None:
    with pytest.raises(MalformedAudioError, match=words):
        extract((samples, RATE_HZ))


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("no sound at all")
    soundfile.write(tmp_path / "cut.wav", voices(1), RATE_HZ)
    (tmp_path / "cut.wav").write_bytes((tmp_path / "cut.wav").read_bytes()[:-101])
    for name, words in (("empty", "is empty"), ("text", "is not audio"), ("cut", "is truncated"), ("none", "does not exist")):
        with pytest.raises(AudioError, match=words):
            extract(tmp_path / f"{name}.wav")
    soundfile.write(tmp_path / "long.wav", voices(1), RATE_HZ)
    with pytest.raises(StreamTooLongError, match="at most 1 s"):
        extract(tmp_path / "long.wav", limits=ReadLimits(max_duration_s=1.0))


@pytest.mark.parametrize("channel", [np.int64(1), np.array([1]), [np.int32(1)], (1,), range(1, 2), iter([1])])
def test_channels_by_whatever_counts(channel: Any) -> None:
    (found,) = extract((voices(2), RATE_HZ), channel=channel)
    assert found.channel == 1
    np.testing.assert_array_equal(found.values, extract((voices(2), RATE_HZ))[1].values)


@pytest.mark.parametrize("channel", [True, [False], 1.0, [0.0], "0", ["0"]])
def test_channels_by_what_does_not(channel: Any) -> None:
    with pytest.raises(AudioFormatError, match=r"channel is .*: a channel counted from 0, or several, work"):
        extract((voices(2), RATE_HZ), channel=channel)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (None, r"NoneType is no recording: a path, a file open in binary mode or \(samples, rate_hz\) works"),
        (voices(1)[:, 0], r"samples without their rate are no recording: .*\(samples, rate_hz\) works"),
        (3, "int is no recording"),
        (b"call.wav", "bytes is no recording"),
        ((voices(1),), r"a tuple of 1 is no recording: \(samples, rate_hz\) works"),
        ((RATE_HZ, voices(1)), r"the tuple is \(rate_hz, samples\), as SciPy gives it: \(samples, rate_hz\) works"),
        ((voices(1), voices(1)), "a sample rate must be a number, got ndarray"),
        ((voices(1), "8000"), "a sample rate must be a number, got str"),
        ((voices(2).T, RATE_HZ), r"samples of shape \[2, \d+\] would be \d+ channels: \[n, channels\] works, samples.T has that shape"),
    ],
)
def test_sources_that_are_none(source: Any, words: str) -> None:
    with pytest.raises(AudioError, match=words):
        extract(source)
