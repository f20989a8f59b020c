"""The table of an archive: equal however it came about, whole or absent, a bad file no harm to the others."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from simpatico.archive import Measurement, Outcome, Summary, find_recordings, run, tasks_of, tasks_with_segments
from simpatico.archive.parts import PartStore
from simpatico.archive.work import measure_task
from simpatico.errors import ConfigError, MissingPackageError, OutputError
from simpatico.features import SETS, Windows, extract, names_of, units_of
from simpatico.features.results import SetName
from tests.features.voices import RATE_HZ, voices

KEYS = ["file", "channel", "start_s", "end_s"]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory of recordings: one, two and three channels, three rates, one very short, one with an odd name."""
    folder = tmp_path_factory.mktemp("archive")
    soundfile.write(folder / "one.wav", voices(1, length_s=2.0), RATE_HZ)
    soundfile.write(folder / "two.flac", voices(2, 16_000, 1.5), 16_000)
    soundfile.write(folder / 'three, "quoted".wav', voices(3, 44_100, 1.0), 44_100)
    soundfile.write(folder / "odd.wav", voices(1, length_s=1.0), RATE_HZ)
    (folder / "odd.wav").rename(folder / os.fsdecode(b"caf\xe9.wav"))
    soundfile.write(folder / "short.wav", voices(1)[:80], RATE_HZ)
    return folder


def measure(
    folder: Path | Sequence[Path], out: Path, measurement: Measurement | None = None, **options: object
) -> tuple[Summary, list[Outcome]]:
    outcomes: list[Outcome] = []
    arguments = [folder] if isinstance(folder, Path) else folder
    tasks = tasks_of(find_recordings(arguments))
    return run(tasks, measurement or Measurement(), out, report=outcomes.append, **options), outcomes  # type: ignore[arg-type]


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", SETS)
def test_csv_holds_what_extract_gives(archive: Path, tmp_path: Path, name: SetName) -> None:
    summary, outcomes = measure(archive, tmp_path / "x.csv", Measurement(name))
    rows = read_csv(tmp_path / "x.csv")
    assert list(rows[0]) == [*KEYS, *names_of(name)]
    found = [(r.name, f) for r in find_recordings([archive]) for f in extract(r.path, set=name)]
    expected = [
        (file, str(f.channel), f"{start:.10g}", values)
        for file, f in found
        for start, values in zip(f.row_starts_s, np.atleast_2d(f.values), strict=True)
    ]
    assert [(row["file"], row["channel"], row["start_s"]) for row in rows] == [e[:3] for e in expected]
    for row, (*_, values) in zip(rows, expected, strict=True):
        read = [float(row[n]) if row[n] else np.nan for n in names_of(name)]
        np.testing.assert_array_equal(np.array(read, np.float32), values)
    assert summary.rows == len(rows)
    assert (summary.files, len(outcomes), summary.failures) == (5, 5, ())
    assert summary.without_rows == (1 if name == "lld" else 0)
    assert any("caf\\xe9.wav" in row["file"] for row in rows)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.csv"]


@pytest.mark.parametrize("name", SETS)
def test_parquet_holds_what_csv_holds(archive: Path, tmp_path: Path, name: SetName, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr("simpatico.archive.tables._GROUP_ROWS", 100)
    for out in ("x.csv", "x.parquet"):
        measure(archive, tmp_path / out, Measurement(name))
    table = parquet.read_table(tmp_path / "x.parquet")
    rows = read_csv(tmp_path / "x.csv")
    assert table.column_names == list(rows[0])
    units = [table.schema.field(n).metadata for n in names_of(name)]
    assert units == [{b"unit": u.encode()} for u in units_of(name)]
    assert table.schema.metadata[b"feature_set"] == name.encode()
    assert table.schema.metadata[b"scale"] == b"own"
    assert [str(t) for t in table.schema.types[:5]] == ["string", "int32", "double", "double", "float"]
    for column in table.column_names:
        values = table.column(column).to_pylist()
        texts = [row[column] for row in rows]
        if column == "file":
            assert values == texts
        else:
            np.testing.assert_allclose(values, [float(text) if text else np.nan for text in texts], rtol=1e-7)


def test_processes_make_no_difference(archive: Path, tmp_path: Path) -> None:
    (archive / "bad.wav").write_bytes(b"RIFF")
    try:
        for jobs in (1, 2):
            measure(archive, tmp_path / f"{jobs}.csv", Measurement("lld"), jobs=jobs)
    finally:
        (archive / "bad.wav").unlink()
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()
    assert (tmp_path / "1.csv.errors.csv").read_bytes() == (tmp_path / "2.csv.errors.csv").read_bytes()


def test_a_bad_file_costs_no_other_and_is_measured_when_mended(archive: Path, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    calls.mkdir()
    for path in archive.glob("*.*"):
        (calls / path.name).write_bytes(path.read_bytes())
    (calls / "bad.wav").write_text("no recording")
    summary, outcomes = measure([calls, calls / "none.wav"], tmp_path / "x.csv")
    assert [Path(f.file).name for f in summary.failures] == ["bad.wav", "none.wav"]
    assert [r["error"] for r in read_csv(tmp_path / "x.csv.errors.csv")] == [f.error for f in summary.failures]
    assert "is not audio" in summary.failures[0].error
    assert "No such file" in summary.failures[1].error
    assert summary.files == 5
    assert len(outcomes) == 7
    soundfile.write(calls / "bad.wav", voices(1, length_s=1.0), RATE_HZ)
    summary, outcomes = measure(calls, tmp_path / "x.csv", overwrite=True)
    assert [Path(o.file).name for o in outcomes if not o.resumed] == ["bad.wav"]
    assert summary.failures == ()
    measure(calls, tmp_path / "fresh.csv")
    assert (tmp_path / "x.csv").read_bytes() == (tmp_path / "fresh.csv").read_bytes()
    assert not (tmp_path / "x.csv.errors.csv").exists()
    assert not (tmp_path / "x.csv.partial").exists()


class Stop(BaseException):
    """What a kill looks like from inside."""


def stop_after(count: int) -> object:
    seen: list[Outcome] = []

    def report(outcome: Outcome) -> None:
        seen.append(outcome)
        if len(seen) >= count:
            raise Stop

    return report


@pytest.mark.parametrize("count", [1, 3, 5])
def test_going_on_gives_what_going_through_gives(archive: Path, tmp_path: Path, count: int) -> None:
    tasks = tasks_of(find_recordings([archive]))
    with pytest.raises(Stop):
        run(tasks, Measurement(), tmp_path / "x.csv", report=stop_after(count))  # type: ignore[arg-type]
    assert not (tmp_path / "x.csv").exists()
    _, outcomes = measure(archive, tmp_path / "x.csv")
    assert sum(o.resumed for o in outcomes) == count
    measure(archive, tmp_path / "fresh.csv")
    assert (tmp_path / "x.csv").read_bytes() == (tmp_path / "fresh.csv").read_bytes()


def test_only_what_rests_on_the_same_is_taken_over(archive: Path, tmp_path: Path) -> None:
    """Another set, other windows, other channels, another scale: measured anew."""
    tasks = tasks_of(find_recordings([archive]))
    for k, measurement in enumerate(
        (
            Measurement(),
            Measurement("signals"),
            Measurement(windows=Windows(0.5, 0.25)),
            Measurement(channels=(0,)),
            Measurement(scale="opensmile"),
        )
    ):
        with pytest.raises(Stop):
            run(tasks, measurement, tmp_path / "x.csv", report=stop_after(5))  # type: ignore[arg-type]
        assert len(list((tmp_path / "x.csv.partial").glob("*.npz"))) == 5 * (k + 1)
    _, outcomes = measure(archive, tmp_path / "x.csv", Measurement(windows=Windows(0.5, 0.3)))
    assert not any(o.resumed for o in outcomes)


def test_changed_files_and_torn_parts_are_measured_anew(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(Stop):
        run(tasks_of(find_recordings([archive])), Measurement(), tmp_path / "x.csv", report=stop_after(5))  # type: ignore[arg-type]
    before = {part: part.stat().st_mtime_ns for part in (tmp_path / "x.csv.partial").glob("*.npz")}
    torn = sorted(before)[0]
    torn.write_bytes(torn.read_bytes()[:-30])
    os.utime(archive / "one.wav", ns=(1, 1))
    _, outcomes = measure(archive, tmp_path / "x.csv")
    anew = {Path(o.file).name for o in outcomes if not o.resumed}
    assert "one.wav" in anew
    assert len(anew) in {1, 2}  # the torn part may have been that of one.wav
    measure(archive, tmp_path / "fresh.csv")
    assert (tmp_path / "x.csv").read_bytes() == (tmp_path / "fresh.csv").read_bytes()


def test_windows_and_channels(archive: Path, tmp_path: Path) -> None:
    summary, _ = measure(archive, tmp_path / "x.csv", Measurement("signals", Windows(0.5, 0.25), (0,)))
    rows = read_csv(tmp_path / "x.csv")
    of_two = [(r["channel"], r["start_s"], r["end_s"]) for r in rows if r["file"].endswith("two.flac")]
    assert of_two == [("0", f"{0.25 * k:g}", f"{0.25 * k + 0.5:g}") for k in range(5)]
    assert summary.without_rows == 1
    summary, _ = measure(archive, tmp_path / "y.csv", Measurement("signals", channels=(1,)))
    assert sorted(Path(f.file).name for f in summary.failures) == ["caf\\xe9.wav", "one.wav", "short.wav"]


def test_segments(archive: Path, tmp_path: Path) -> None:
    table = tmp_path / "segments.csv"
    table.write_text("file,start_s,end_s,channel\ntwo.flac,0.5,1,1\none.wav,1,1.5,\none.wav,0,1,\nshort.wav,0,3,\nnone.wav,0,1,\n")
    tasks, failures = tasks_with_segments(find_recordings([archive]), table)
    summary = run(tasks, Measurement(), tmp_path / "x.csv", failures=failures)
    rows = [(Path(r["file"]).name, r["channel"], r["start_s"], r["end_s"]) for r in read_csv(tmp_path / "x.csv")]
    assert rows == [("one.wav", "0", "1", "1.5"), ("one.wav", "0", "0", "1"), ("two.flac", "1", "0.5", "1")]
    assert [Path(f.file).name for f in summary.failures] == ["none.wav", "short.wav"]
    assert summary.failures[1].error.startswith(f"{table}, line 5, 0 to 3 s, reaches beyond the end of {archive / 'short.wav'}, which")
    table.write_text("file,start_s,end_s,channel\none.wav,0,1,0\none.wav,0,1,1\n")
    tasks, _ = tasks_with_segments(find_recordings([archive]), table)
    (failure,) = run(tasks, Measurement(), tmp_path / "y.csv").failures
    assert failure.error.startswith(f"{archive / 'one.wav'}: {table}, line 3: channel 1 does not exist in audio of 1 channel")


def test_when_nothing_can_be_measured_nothing_is_written(tmp_path: Path) -> None:
    summary, _ = measure([tmp_path / "none.wav"], tmp_path / "x.csv")
    assert (summary.files, summary.rows) == (0, 0)
    assert not (tmp_path / "x.csv").exists()
    assert (tmp_path / "x.csv.errors.csv").exists()


def test_outputs_that_cannot_be(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "old.csv").write_text("mine")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "taken.csv.partial").write_text("a file")
    for name, error, words in (
        ("x.xlsx", ConfigError, r"ends in '.xlsx': .csv and .parquet work"),
        ("old.csv", OutputError, "exists: --overwrite replaces it"),
        ("folder.csv", OutputError, "is a directory"),
        ("none/x.csv", OutputError, "does not exist; create it first"),
        ("taken.csv", OutputError, "cannot be written"),
    ):
        with pytest.raises(error, match=words):
            measure(archive, tmp_path / name)
    assert (tmp_path / "old.csv").read_text() == "mine"
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingPackageError, match=r"pip install pyarrow, or give an output that ends in \.csv"):
        measure(archive, tmp_path / "x.parquet")


def test_two_runs_at_one_output(archive: Path, tmp_path: Path) -> None:
    with PartStore(tmp_path / "x.csv"), pytest.raises(OutputError, match="another run is writing"):
        measure(archive, tmp_path / "x.csv")
    measure(archive, tmp_path / "x.csv")


def test_a_full_disk_leaves_the_old_table_and_the_parts(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.csv").write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("simpatico.archive.tables._Csv.add", full)
    with pytest.raises(OutputError, match="No space left on device; what is measured is kept"):
        measure(archive, tmp_path / "x.csv", overwrite=True)
    assert (tmp_path / "x.csv").read_text() == "old"
    monkeypatch.undo()
    _, outcomes = measure(archive, tmp_path / "x.csv", overwrite=True)
    assert all(o.resumed for o in outcomes)


def test_a_defect_in_one_file_costs_no_other(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = measure_task

    def broken(task: object, measurement: Measurement) -> object:
        if "two" in task.recording.path:  # type: ignore[attr-defined]
            raise ZeroDivisionError("by zero")
        return real(task, measurement)

    monkeypatch.setattr(sys.modules["simpatico.archive.run"], "measure_task", broken)
    summary, _ = measure(archive, tmp_path / "x.csv")
    assert [f.error for f in summary.failures] == [
        f"{archive / 'two.flac'} cannot be measured, by a defect of ours: ZeroDivisionError: by zero"
    ]
    assert summary.files == 4


def test_without_posix_locks_the_systems_that_work_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simpatico.archive.parts.fcntl", None)
    with pytest.raises(OutputError, match=r"this system has no POSIX locks \(fcntl\); Linux, macOS and WSL work"):
        PartStore(tmp_path / "x.csv")
    assert list(tmp_path.iterdir()) == []


def test_every_error_says_of_which_file_it_is(tmp_path: Path) -> None:
    """What the audio layer finds in the samples knows no name; among thousands of recordings it needs one."""
    soundfile.write(tmp_path / "nan.wav", np.full(8000, np.nan, np.float32), 8000, subtype="FLOAT")
    soundfile.write(tmp_path / "slow.wav", np.zeros(6000), 6000)
    (tmp_path / "empty.wav").touch()
    _, outcomes = measure(tmp_path, tmp_path / "x.csv")
    errors = {Path(outcome.file).name: outcome.error for outcome in outcomes}
    assert errors["nan.wav"].startswith(f"{tmp_path}/nan.wav: sample 0 of channel 0 is nan")
    assert errors["slow.wav"].startswith(f"{tmp_path}/slow.wav: sample rate 6000 Hz cannot be used")
    assert errors["empty.wav"].startswith(f"{tmp_path}/empty.wav is empty")


def test_beside_the_table_only_what_is_ours_is_deleted(archive: Path, tmp_path: Path) -> None:
    partial = tmp_path / "x.csv.partial"
    partial.mkdir()
    (partial / "thesis.txt").write_text("mine")
    measure(archive, tmp_path / "x.csv")
    assert [path.name for path in partial.iterdir()] == ["thesis.txt"]


def test_what_a_killed_run_left_half_done_goes(archive: Path, tmp_path: Path) -> None:
    partial = tmp_path / "x.csv.partial"
    partial.mkdir()
    for name in ("0123.4711.unfinished", "table.csv"):
        (partial / name).write_text("half of it")
    measure([archive, tmp_path / "none.wav"], tmp_path / "x.csv")
    assert {path.suffix for path in partial.iterdir()} == {".npz", ""}, "parts for another run, and the lock"
