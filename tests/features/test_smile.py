"""The interface of the opensmile package, held against that package: index, columns, shapes, times, warnings. Values only loosely."""

from __future__ import annotations

import inspect
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile

from simpatico import features
from simpatico.errors import AudioError, AudioFormatError, ConfigError, MissingPackageError, RequestError
from simpatico.features import FeatureLevel, FeatureSet, Smile, extract
from tests.features.voices import RATE_HZ, voices

pd = pytest.importorskip("pandas")

LEVELS = ("Functionals", "LowLevelDescriptors")
TOO_SHORT = "Segment too short, filling with NaN."


@pytest.fixture(scope="module")
def opensmile() -> ModuleType:
    """Return the package that ours is held against; a test that asks for it is skipped, visibly, where it is absent."""
    return pytest.importorskip("opensmile")


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with recordings of one, two and three channels, 8, 16 and 44.1 kHz."""
    folder = tmp_path_factory.mktemp("recordings")
    soundfile.write(folder / "b one.wav", voices(1), RATE_HZ)
    soundfile.write(folder / "a two.wav", voices(2, 16_000, 2.0)[: 2 * 16_000 - 7], 16_000)
    soundfile.write(folder / "c three.wav", voices(3, 44_100, 1.5), 44_100)
    return folder


def both(package: ModuleType, level: str, **options: Any) -> tuple[Smile, Any]:
    theirs = package.Smile(package.FeatureSet.eGeMAPSv02, getattr(package.FeatureLevel, level), **options)
    return Smile(FeatureSet.eGeMAPSv02, FeatureLevel[level], **options), theirs


def assert_alike(ours: Any, theirs: Any) -> None:
    """Index and columns are equal, and NaN is where NaN is."""
    pd.testing.assert_index_equal(ours.index, theirs.index, exact=True)
    pd.testing.assert_index_equal(ours.columns, theirs.columns)
    np.testing.assert_array_equal(ours.isna().to_numpy(), theirs.isna().to_numpy())
    assert set(ours.dtypes) == {np.dtype(np.float32)}


@pytest.mark.reference
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("channels", [1, -1, -2, [0], [1, 0]])
def test_signals(opensmile: ModuleType, level: str, channels: int | list[int]) -> None:
    ours, theirs = both(opensmile, level, channels=channels)
    assert ours.feature_names == list(theirs.feature_names)
    assert (ours.num_features, ours.num_channels) == (theirs.num_features, theirs.num_channels)
    pd.testing.assert_index_equal(ours.column_names, theirs.column_names)
    signal = voices(2).T
    for options in ({}, {"file": "f.wav"}, {"start": 0.5}, {"start": "4000", "end": "2.5s"}, {"end": pd.Timedelta("1500ms")}):
        assert_alike(ours.process_signal(signal, RATE_HZ, **options), theirs.process_signal(signal, RATE_HZ, **options))
    shapes = [smile.to_numpy(smile.process_signal(signal, RATE_HZ)).shape for smile in (ours, theirs)]
    assert shapes[0] == shapes[1] == ours(signal, RATE_HZ).shape == theirs(signal, RATE_HZ).shape


@pytest.mark.reference
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("samples", [479, 480, 559, 560, 561, 799, 800, 8007])
def test_lengths(opensmile: ModuleType, level: str, samples: int) -> None:
    ours, theirs = both(opensmile, level)
    signal = voices(1)[:samples, 0]
    if samples >= 480:
        assert_alike(ours.process_signal(signal, RATE_HZ), theirs.process_signal(signal, RATE_HZ))
        return
    tables = []
    for smile in (ours, theirs):
        with pytest.warns(UserWarning, match=TOO_SHORT):
            tables.append(smile.process_signal(signal, RATE_HZ))
    assert_alike(*tables)


@pytest.mark.reference
@pytest.mark.parametrize("level", LEVELS)
def test_files(opensmile: ModuleType, level: str, recordings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = both(opensmile, level)
    monkeypatch.chdir(recordings)
    names = ["b one.wav", str(recordings / "a two.wav"), "./b one.wav", "c three.wav"]
    calls: list[Callable[[Any], Any]] = [
        *(lambda smile, name=name: smile.process_file(name) for name in names),
        lambda smile: smile.process_file(Path("b one.wav"), start=0.50001, end="1.7s"),
        lambda smile: smile.process_file("a two.wav", root=str(recordings), start="250 ms"),
        lambda smile: smile.process_files(names),
        lambda smile: smile.process_files(names[:2], starts=[0.1, 0.2], ends=[0.5, 0.9]),
        lambda smile: smile.process_files(names[:2], starts=0.1, ends="500ms"),
        lambda smile: smile.process_folder(str(recordings)),
        lambda smile: smile.process_folder(str(recordings), include_root=False),
        lambda smile: smile.process_index(pd.Index(names, name="file")),
        lambda smile: smile.process_index(
            pd.MultiIndex.from_arrays(
                [names[:2], pd.to_timedelta([0.1, 0.2], unit="s"), pd.to_timedelta([0.5, None], unit="s")], names=["file", "start", "end"]
            )
        ),
    ]
    for call in calls:
        assert_alike(call(ours), call(theirs))


@pytest.mark.reference
@pytest.mark.parametrize("level", LEVELS)
def test_parts_of_a_signal(opensmile: ModuleType, level: str) -> None:
    ours, theirs = both(opensmile, level, channels=[1, 0])
    starts, ends = pd.to_timedelta([0.1, 0.5, 1.0], unit="s"), pd.to_timedelta([0.5, 1.2, None], unit="s")
    parts = pd.MultiIndex.from_arrays([starts, ends], names=["start", "end"])
    of_files = pd.MultiIndex.from_arrays([["a", "b", "b"], starts, ends], names=["file", "start", "end"])
    for index in (parts, of_files, pd.Index(["a", "b"], name="file")):
        tables = [smile.process_signal_from_index(voices(2).T, RATE_HZ, index) for smile in (ours, theirs)]
        assert_alike(*tables)
    alone = [ours.process_signal(voices(2).T, RATE_HZ, start=start, end=end) for start, end in parts]
    pd.testing.assert_frame_equal(ours.process_signal_from_index(voices(2).T, RATE_HZ, parts), pd.concat(alone))
    assert ours.process_signal_from_index(voices(2).T, RATE_HZ, parts[:0]).index.names == ["start", "end"]
    with pytest.raises(RequestError, match=r"the index has the levels \['end', 'start'\]: \(start, end\) and"):
        ours.process_signal_from_index(voices(2).T, RATE_HZ, parts.swaplevel())


@pytest.mark.reference
def test_an_index_that_is_kept(opensmile: ModuleType, recordings: Path) -> None:
    files = pd.Index([str(recordings / "b one.wav"), str(recordings / "a two.wav")], name="file")
    parts = pd.MultiIndex.from_arrays(
        [files, pd.to_timedelta([0.1, 0.2], unit="s"), pd.to_timedelta([0.5, None], unit="s")], names=["file", "start", "end"]
    )
    for index in (files, parts):
        tables = [smile.process_index(index, preserve_index=True) for smile in both(opensmile, "Functionals")]
        assert_alike(*tables)
        pd.testing.assert_index_equal(tables[0].index, index)
        np.testing.assert_array_equal(tables[0].to_numpy(), Smile().process_index(index).to_numpy())
    with pytest.raises(ConfigError, match="preserve_index=True is for one row an entry, and descriptors have many"):
        Smile(feature_level="lld").process_index(files, preserve_index=True)
    with pytest.raises(ConfigError, match=r"cache_root='x' is not kept here: table.to_pickle"):
        Smile().process_index(files, cache_root="x")


@pytest.mark.reference
def test_what_the_object_of_the_package_has_is_there_or_named(opensmile: ModuleType) -> None:
    smile, theirs = both(opensmile, "Functionals")
    for name in (name for name in dir(theirs) if not name.startswith("_") and not hasattr(smile, name)):
        with pytest.raises(ConfigError, match=rf"^Smile\.{name} of opensmile is not here: "):
            getattr(smile, name)
    with pytest.raises(AttributeError, match="'Smile' object has no attribute 'nonsense'"):
        smile.nonsense  # noqa: B018
    assert isinstance(features.__version__, str)
    assert isinstance(opensmile.__version__, str)


def test_the_configuration_is_shown() -> None:
    shown = "Smile(FeatureSet.eGeMAPSv02, FeatureLevel.Functionals, sampling_rate=16000, channels=[0, 1], mixdown=True, resample=True"
    smile = Smile(sampling_rate=16000, channels=[0, 1], mixdown=True, resample=True, scale="opensmile")
    assert repr(smile) == str(smile) == f"{shown}, scale='opensmile')"
    assert repr(eval(repr(smile), dict(vars(features)))) == repr(smile)


@pytest.mark.reference
@pytest.mark.parametrize("level", LEVELS)
def test_a_part_without_sound_is_a_row_of_nan(opensmile: ModuleType, level: str, recordings: Path) -> None:
    for start, end in ((4.5, None), (4.0, None), (1.0, 1.0), (3.97, 4.2)):
        tables = []
        for smile in both(opensmile, level):
            with pytest.warns(UserWarning, match=TOO_SHORT):
                tables.append(smile.process_file(str(recordings / "b one.wav"), start=start, end=end))
        assert_alike(*tables)


@pytest.mark.parametrize("level", LEVELS)
def test_an_end_beyond_the_signal_is_the_end_of_the_signal(level: str) -> None:
    """There, the index then says an end that is not there; of files it says the end of the file, as ours does of both."""
    table = Smile(feature_level=level).process_signal(voices(1)[:, 0], RATE_HZ, start=3.0, end=99.0)
    assert table.index[-1][-1] == pd.Timedelta("4s")


@pytest.mark.reference
def test_mixing_down(opensmile: ModuleType) -> None:
    """Index and columns, and that it is the mean of the chosen channels that is measured."""
    for channels in (0, [0, 1]):
        ours, theirs = both(opensmile, "LowLevelDescriptors", mixdown=True, channels=channels)
        assert_alike(ours.process_signal(voices(2).T, RATE_HZ), theirs.process_signal(voices(2).T, RATE_HZ))
        chosen = voices(2)[:, np.atleast_1d(channels)].mean(1)
        expected = Smile(feature_level="lld").process_signal(chosen, RATE_HZ)
        pd.testing.assert_frame_equal(ours.process_signal(voices(2).T, RATE_HZ), expected)


@pytest.mark.reference
def test_rates(opensmile: ModuleType) -> None:
    signal = voices(2).T
    for smile in both(opensmile, "Functionals", sampling_rate=16_000):
        with pytest.raises((AudioFormatError, RuntimeError), match=r"8000.*16000 Hz"):
            smile.process_signal(signal, RATE_HZ)
    ours, theirs = both(opensmile, "LowLevelDescriptors", sampling_rate=16_000, resample=True, channels=[1])
    assert_alike(ours.process_signal(signal, RATE_HZ), theirs.process_signal(signal, RATE_HZ))


@pytest.mark.reference
def test_values_are_of_the_same_kind(opensmile: ModuleType) -> None:
    """The columns are not mixed up: pitch, level and share of the short window agree. How well all agree is measured by a bench."""
    ours, theirs = (smile.process_signal(voices(1)[:, 0], RATE_HZ).iloc[0] for smile in both(opensmile, "Functionals"))
    for name, tolerance in (
        ("F0semitoneFrom27.5Hz_sma3nz_percentile50.0", 0.5),
        ("equivalentSoundLevel_dBp", 0.1),
        ("loudness_sma3_amean", 0.05),
    ):
        assert ours[name] == pytest.approx(theirs[name], abs=tolerance), name
    ours, theirs = (smile.process_signal(voices(1)[:, 0], RATE_HZ) for smile in both(opensmile, "LowLevelDescriptors"))
    for name in ("Loudness_sma3", "alphaRatio_sma3", "mfcc1_sma3"):
        assert np.corrcoef(ours[name][:-3], theirs[name][:-3])[0, 1] > 0.99, name


def test_tables_hold_what_extract_gives(recordings: Path) -> None:
    path = recordings / "a two.wav"
    table = Smile(channels=[1, 0]).process_file(path, start=0.3, end=1.2)
    found = extract(path, start_s=0.3, end_s=1.2, channel=[1, 0])
    np.testing.assert_array_equal(table.to_numpy()[0], np.concatenate([f.values for f in found]))
    contours = Smile(feature_level="LowLevelDescriptors").process_file(path)
    np.testing.assert_array_equal(contours.to_numpy(), extract(path, set="lld", channel=0)[0].values)


def test_threads_and_files_without_number(recordings: Path) -> None:
    names = [str(p) for p in sorted(recordings.iterdir())] * 3
    pd.testing.assert_frame_equal(Smile(num_workers=3).process_files(names), Smile().process_files(names))
    empty = Smile().process_files([])
    assert empty.shape == (0, 88)
    assert empty.index.names == ["file", "start", "end"]


def test_the_module_stands_in_for_the_package() -> None:
    """What a script for opensmile says, with one import line changed."""
    smile = features.Smile(
        feature_set=features.FeatureSet.eGeMAPSv02, feature_level=features.FeatureLevel.LowLevelDescriptors, num_workers=2
    )
    assert smile.process_signal(voices(1)[:, 0], RATE_HZ).shape == (396, 25)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"start": "0:00:01"}, "'0:00:01' is not a time"),
        ({"end": "1 parsec"}, "is not a time"),
        ({"start": -1.0}, "from -1 to inf s"),
        ({"start": 2.0, "end": 1}, "from 2 to 1 s"),
    ],
)
def test_times_that_are_none(options: dict[str, object], words: str) -> None:
    with pytest.raises(RequestError, match=words):
        Smile().process_signal(voices(1)[:, 0], RATE_HZ, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("time", "seconds"),
    [("0.25s", 0.25), ("250ms", 0.25), ("2000", 0.25), (0.25, 0.25), (pd.Timedelta("0.25s"), 0.25), (np.timedelta64(250, "ms"), 0.25),
     ("0.004166666min", 0.25), (None, 0.0), (pd.NaT, 0.0), (math.nan, 0.0), ("", 0.0), (np.float32(0.25), 0.25)],
)  # fmt: skip
def test_times(time: Any, seconds: float) -> None:
    table = Smile().process_signal(voices(1)[:, 0], RATE_HZ, start=time)
    assert table.index[0][0].total_seconds() == pytest.approx(seconds, abs=1e-6)


def test_what_is_not_there_is_named(recordings: Path) -> None:
    with pytest.raises(ConfigError, match=r"FeatureSet 'ComParE_2016' is not measured here: FeatureSet.eGeMAPSv02 works$"):
        Smile("ComParE_2016")
    with pytest.raises(
        ConfigError, match=r"FeatureLevel 'lld_de' is not measured here: FeatureLevel\.LowLevelDescriptors and FeatureLevel\.F"
    ):
        Smile(feature_level="lld_de")
    with pytest.raises(ConfigError, match=r"FeatureSet \['x'\] is not measured here"):
        Smile(["x"])  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="resample needs a sampling_rate"):
        Smile(resample=True)
    with pytest.raises(AudioFormatError, match=r"channel 5 does not exist in audio of 2 channel\(s\)"):
        Smile(channels=[0, 5]).process_file(recordings / "a two.wav")
    with pytest.raises(AudioError, match=r"none\.wav does not exist"):
        Smile().process_file("none.wav")
    with pytest.raises(RequestError, match="file is ndarray: a path works; samples go to process_signal"):
        Smile().process_file(voices(1))  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="starts has 1 entries for 2 files"):
        Smile().process_files(["a", "b"], starts=[0.0])
    with pytest.raises(RequestError, match="is not a folder"):
        Smile().process_folder(recordings / "none")


@pytest.mark.reference
def test_every_set_and_level_of_the_package_works_or_is_named(opensmile: ModuleType) -> None:
    for ours, theirs in ((FeatureSet, opensmile.FeatureSet), (FeatureLevel, opensmile.FeatureLevel)):
        for member in theirs:
            if member.name in ours.__members__:
                assert getattr(ours, member.name).value == member.value
            else:
                assert not hasattr(ours, member.name)
                with pytest.raises(ConfigError, match=f"{member.name} is not measured here: {ours.__name__}"):
                    getattr(ours, member.name)
    with pytest.raises(AttributeError, match=r"FeatureSet has no 'eGeMAPS88': FeatureSet\.eGeMAPSv02 works"):
        getattr(FeatureSet, "eGeMAPS" + "88")
    smile = Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.LowLevelDescriptors)
    assert (smile.feature_set, smile.feature_level) == (FeatureSet.eGeMAPSv02, FeatureLevel.LowLevelDescriptors)
    with pytest.raises(ConfigError, match="FeatureSet 'eGeMAPSv01b' is not measured here"):
        Smile(opensmile.FeatureSet.eGeMAPSv01b)


@pytest.mark.reference
def test_the_constructor_takes_what_the_package_takes(opensmile: ModuleType) -> None:
    theirs = inspect.signature(opensmile.Smile).parameters
    defaults = {name: p.default for name, p in theirs.items() if name != "feature_set"}  # ours is the one set that we have
    assert {name: p.default for name, p in inspect.signature(Smile).parameters.items() if name in defaults} == defaults | {
        "feature_level": FeatureLevel.Functionals
    }
    smile = Smile(**(defaults | {"options": {}, "loglevel": 5, "num_workers": None, "verbose": False}))
    assert smile.process_signal(voices(1)[:, 0], RATE_HZ).shape == (1, 88)


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ({"options": {"a": 1}}, r"options=\{'a': 1\} are for openSMILE's configuration files"),
        ({"loglevel": "high"}, "loglevel='high' is not a whole number: 0 to 5 work"),
        ({"logfile": "x.log"}, "logfile='x.log' would stay empty"),
        ({"segment": object()}, "is not applied here: segment first, then process_index works"),
        ({"keep_nat": True}, "keep_nat=True is not done here"),
    ],
)
def test_arguments_that_would_do_nothing_are_refused(argument: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Smile(**argument)


def test_without_pandas_the_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingPackageError, match="pip install pandas pyarrow"):
        Smile().process_signal(voices(1)[:, 0], RATE_HZ)
    for measure in (Smile().process_file, lambda name: Smile().process_files([name]), lambda name: Smile().process_index([name])):
        with pytest.raises(MissingPackageError, match="pip install pandas pyarrow"):
            measure("none.wav")  # said before it is seen that there is none
    assert Smile()(voices(1)[:, 0], RATE_HZ).shape == (1, 88, 1)


def test_pandas_is_imported_with_the_first_table_only() -> None:
    code = (
        "import sys, numpy as np; from simpatico.features import Smile; s = Smile(); s(np.zeros(8000), 8000);"
        "print('pandas' in sys.modules); s.process_signal(np.zeros(8000), 8000); print('pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_sixteen_bits_and_channels_of_numpy(recordings: Path) -> None:
    """Integers have their full scale whatever becomes of the channels on the way."""
    samples = voices(2, length_s=1.0).T
    whole = np.round(samples * 32767).astype(np.int16)
    scaled = whole.astype(np.float32) / 32768
    for options in ({"mixdown": True, "channels": [0, 1]}, {"sampling_rate": 16_000, "resample": True}, {"channels": np.int64(1)}):
        smile = Smile(**options)  # type: ignore[arg-type]
        pd.testing.assert_frame_equal(smile.process_signal(whole, RATE_HZ), smile.process_signal(scaled, RATE_HZ))
    with pytest.raises(RequestError, match=r"files is 'call.wav': a list of paths works; process_file measures one"):
        Smile().process_files("call.wav")
    (recordings / "folder.wav").mkdir()
    try:
        assert len(Smile().process_folder(recordings)) == len([path for path in recordings.glob("*.wav") if path.is_file()])
    finally:
        (recordings / "folder.wav").rmdir()


def test_a_bad_file_among_many_is_named_once(tmp_path: Path) -> None:
    good, slow, broken = (tmp_path / f"{name}.wav" for name in ("good", "slow", "broken"))
    soundfile.write(good, voices(1), RATE_HZ)
    soundfile.write(slow, voices(1), 4000)
    soundfile.write(broken, np.where(np.arange(RATE_HZ) == 7, np.nan, 0.1), RATE_HZ, "FLOAT")
    for bad, words in ((slow, "sample rate 4000 Hz cannot be used"), (broken, "sample 7 of channel 0 is nan")):
        calls: list[Callable[[], object]] = [
            lambda bad=bad: extract(bad),
            lambda bad=bad: Smile().process_files([good, bad]),
            lambda bad=bad: Smile(mixdown=True).process_file(bad.name, root=str(tmp_path)),
            lambda bad=bad: Smile(num_workers=2).process_index(pd.Index([str(good), str(bad)])),
        ]
        for call in calls:
            with pytest.raises(AudioError, match=words) as raised:
                call()
            assert str(raised.value).count(str(bad)) == 1
    with pytest.raises(AudioFormatError, match=r"good.wav: channel 3 does not exist"):
        Smile(channels=3).process_file(good)
