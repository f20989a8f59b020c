"""``simpatico features`` as its users start it, and as the power goes out under it."""

from __future__ import annotations

import contextlib
import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from simpatico.features import extract, names_of, on_opensmile_scale
from tests.features.voices import RATE_HZ, voices

if TYPE_CHECKING:
    from tests.cli.conftest import Run
    from tests.conftest import SampleCall

KEYS = ["file", "channel", "start_s", "end_s"]
PATIENCE_S = 120.0


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    folder = tmp_path / "calls"
    folder.mkdir()
    soundfile.write(folder / "a.wav", voices(1), RATE_HZ)
    soundfile.write(folder / "b.flac", voices(2, length_s=2.0), RATE_HZ)
    return folder


def read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize("name", ["egemaps-v02", "lld", "signals"])
def test_every_set_of_the_sample_calls(run: Run, sample_calls: list[SampleCall], tmp_path: Path, name: str) -> None:
    done = run("features", sample_calls[0].path.parent, "--set", name, "--out", tmp_path / "x.csv")
    assert done.returncode == 0, done.stderr
    header, *rows = read(tmp_path / "x.csv")
    assert header == [*KEYS, *names_of(name)]  # type: ignore[arg-type]
    assert {row[0] for row in rows} == {str(call.path) for call in sample_calls}
    assert {row[1] for row in rows} == {"0", "1"}
    assert done.stdout == ""
    assert f"6 files, {len(rows)} rows in {tmp_path / 'x.csv'}" in done.stderr
    assert "\x1b" not in done.stderr  # no progress bar where there is no terminal


def test_functionals_on_opensmiles_scale(run: Run, calls: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    done = run("features", calls / "a.wav", "--scale", "opensmile", "--out", tmp_path / "x.parquet")
    assert done.returncode == 0, done.stderr
    table = parquet.read_table(tmp_path / "x.parquet")
    assert table.schema.metadata[b"scale"] == b"opensmile"
    for row, own in zip(table.to_pylist(), extract(calls / "a.wav"), strict=True):
        mapped = on_opensmile_scale(own.values, RATE_HZ)
        assert (mapped != own.values).any()
        assert [row[name] for name in own.names] == [float(v) for v in mapped]


def test_windows_segments_and_channels(run: Run, calls: Path, tmp_path: Path) -> None:
    done = run("features", calls, "--set", "signals", "--window", 1, "--hop", 0.5, "--channel", 0, "--out", tmp_path / "w.csv")
    assert done.returncode == 0, done.stderr
    assert [row[1:4] for row in read(tmp_path / "w.csv")[8:]] == [["0", "0", "1"], ["0", "0.5", "1.5"], ["0", "1", "2"]]
    (tmp_path / "s.csv").write_text("file,start_s,end_s,channel\nb.flac,0.25,1.5,1\na.wav,0,1,\n")
    done = run("features", f"{calls}/*", "--segments", tmp_path / "s.csv", "--out", tmp_path / "s.parquet")
    assert done.returncode == 0, done.stderr
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = parquet.read_table(tmp_path / "s.parquet", columns=KEYS).to_pylist()
    assert [(Path(r["file"]).name, r["channel"], r["start_s"], r["end_s"]) for r in rows] == [("a.wav", 0, 0, 1), ("b.flac", 1, 0.25, 1.5)]


def test_bad_files_are_reported_and_the_others_done(run: Run, calls: Path, tmp_path: Path) -> None:
    (calls / "empty.wav").touch()
    (calls / "text.wav").write_text("no sound")
    whole = (calls / "a.wav").read_bytes()
    (calls / "torn.wav").write_bytes(whole[:-1000])
    soundfile.write(calls / "slow.wav", voices(1), 4000)
    soundfile.write(calls / "nan.wav", np.where(np.arange(RATE_HZ) == 7, np.nan, 0.1), RATE_HZ, "FLOAT")
    os.mkfifo(calls / "gone")
    (calls / "gone").unlink()
    for jobs in (1, 2):
        done = run("features", calls, calls / "gone", "--jobs", jobs, "--out", tmp_path / f"{jobs}.csv")
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert {Path(row[0]).name for row in read(tmp_path / f"{jobs}.csv")[1:]} == {"a.wav", "b.flac"}
        reported = {Path(file).name: error for file, error in read(tmp_path / f"{jobs}.csv.errors.csv")[1:]}
        words = {
            "empty.wav": "is empty",
            "gone": "No such file",
            "nan.wav": "sample 7 of channel 0 is nan",
            "slow.wav": "4000 Hz",
            "text.wav": "is not audio",
            "torn.wav": "truncated",
        }
        assert reported.keys() == words.keys()
        for name, word in words.items():
            assert word in reported[name]
            assert reported[name] in done.stderr
            assert reported[name].count(str(calls / name)) == 1
        assert f"6 files failed, listed in {tmp_path / f'{jobs}.csv.errors.csv'}" in done.stderr


def test_a_channel_that_there_is_not_names_the_file_and_leaves_nothing_behind(run: Run, calls: Path, tmp_path: Path) -> None:
    soundfile.write(calls / "mono.wav", voices(1)[:, 0], RATE_HZ)
    done = run("features", calls / "mono.wav", "--channel", 1, "--out", tmp_path / "x.csv")
    assert done.returncode == 2
    assert f"{calls / 'mono.wav'}: channel 1 does not exist in audio of 1 channel: 0 works" in done.stderr
    assert f"1 file failed, listed in {tmp_path / 'x.csv.errors.csv'}\n" in done.stderr  # and nothing is said of others that are kept
    assert not (tmp_path / "x.csv.partial").exists()
    done = run("features", calls, "--channel", 1, "--out", tmp_path / "x.csv")
    assert "1 file, 1 row in" in done.stderr
    assert f"2 files failed, listed in {tmp_path / 'x.csv.errors.csv'}; {tmp_path / 'x.csv.partial'} keeps the others" in done.stderr
    done = run("features", calls, "--channel", 5, "--overwrite", "--out", tmp_path / "x.csv")
    assert "3 files failed" in done.stderr
    assert len(list((tmp_path / "x.csv.partial").glob("*.npz"))) == 1  # what was measured before stays


def test_what_has_no_figures_or_is_left_out_is_said(run: Run, calls: Path, tmp_path: Path) -> None:
    for k in range(7):
        soundfile.write(calls / f"short{k}.wav", voices(1)[: 60 * k, 0], RATE_HZ)
    soundfile.write(calls / "other.aiff", voices(1), RATE_HZ)
    done = run("features", calls, "--out", tmp_path / "x.csv")
    assert done.returncode == 0, done.stderr
    named = ", ".join(str(calls / f"short{k}.wav") for k in range(5))
    assert f"9 files, 10 rows in {tmp_path / 'x.csv'}\n" in done.stderr
    assert f": 7 rows hold no figures, as there is too little sound (egemaps-v02 needs 60 ms): {named} and 2 more\n" in done.stderr
    assert f": 1 file of a kind that is not read left out (WAV, FLAC, OGG and MP3 are): {calls / 'other.aiff'}\n" in done.stderr
    done = run("features", calls / "a.wav", "--out", tmp_path / "y.csv")
    assert "no figures" not in done.stderr
    assert "left out" not in done.stderr


def test_names_that_are_not_utf8(run: Run, calls: Path, tmp_path: Path) -> None:
    (calls / "a.wav").rename(calls / os.fsdecode(b"caf\xe9.wav"))
    (calls / os.fsdecode(b"bad\xff.wav")).touch()
    done = run("features", calls, "--out", tmp_path / "x.csv", "--jobs", 2)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert [Path(row[0]).name for row in read(tmp_path / "x.csv")[1:]] == ["b.flac", "b.flac", "caf\\xe9.wav"]
    (named, error), bad = read(tmp_path / "x.csv.errors.csv")[1], f"{calls}/bad\\xff.wav"
    assert named == bad
    assert error.startswith(f"{bad} is empty")
    assert done.stderr.count(bad) == 1


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--set", "compare"], "'compare' is not known"),
        (["--scale", "praat"], "the scale 'praat' is not known: own and opensmile work"),
        (["--scale", "opensmile", "--set", "lld"], "the set egemaps-v02 works with it, not lld"),
        (["--out", "x.xlsx"], ".csv and .parquet work"),
        (["--out", "/nowhere/x.csv"], "'/nowhere' does not exist"),
        (["--window", 0], "window_s is 0"),
        (["--window", 1e308], "window_s is 1e+308: 0.01 s (one frame) or more works, up to 1e+09"),
        (["--hop", 1], "a hop needs a --window"),
        (["--window", 1, "--set", "lld"], "windows are for functionals"),
        (["--window", 1, "--segments", "x"], "give either --window or --segments"),
        (["--segments", "/nowhere/s.csv"], "cannot be read"),
        (["--channel", -1], "channel"),
        (["--jobs", 0], "jobs"),
    ],
)
def test_wrong_usage_is_said_before_anything_is_measured(run: Run, calls: Path, tmp_path: Path, args: list[object], words: str) -> None:
    done = run("features", calls, "--out", tmp_path / "x.csv", *args)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert words in " ".join(done.stderr.replace("│", " ").split())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["calls"]


def test_an_output_that_exists_is_kept_unless_told_otherwise(run: Run, calls: Path, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("mine")
    done = run("features", calls, "--out", tmp_path / "x.csv")
    assert done.returncode == 2
    assert "--overwrite replaces it" in done.stderr
    assert (tmp_path / "x.csv").read_text() == "mine"
    assert run("features", calls, "--out", tmp_path / "x.csv", "--overwrite").returncode == 0
    assert len(read(tmp_path / "x.csv")) == 4


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unwritable for root")
def test_a_directory_that_cannot_be_written_to(run: Run, calls: Path, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    done = run("features", calls, "--out", tmp_path / "locked" / "x.csv")
    assert done.returncode == 2
    assert "cannot be written" in done.stderr


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
def test_on_a_terminal_there_is_a_progress_bar(calls: Path, tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "simpatico", "features", str(calls), "--out", str(tmp_path / "x.csv"), "--jobs", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, env={**os.environ, "TERM": "xterm"}) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # EIO: the other end was closed
            while piece := os.read(ours, 1000):
                shown += piece
        assert process.stdout is not None
        assert process.stdout.read() == b""
    os.close(ours)
    assert process.returncode == 0
    assert b"Measuring" in shown
    assert b"2/2" in shown


def children(pid: int) -> set[int]:
    """Processes started by a process and by those, as Linux lists them."""
    found: set[int] = set()
    try:
        direct = {int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
    except OSError:
        return found
    for child in direct:
        found |= {child} | children(child)
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in {"Z", "X"}
    except OSError:
        return False


FILES = 10
BEFORE = 4
"""Files that are through when the run comes to those of which nothing ever comes, one for each process."""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize(("jobs", "kill"), [(1, signal.SIGKILL), (2, signal.SIGKILL), (2, signal.SIGINT)])
def test_what_a_killed_run_had_done_is_not_done_again(
    run: Run, sample_calls: list[SampleCall], tmp_path: Path, jobs: int, kill: int
) -> None:
    """Kill it after a few files: nothing of it lives on, the next run does the rest, and the table equals that of a run in one go."""
    calls, endless = tmp_path / "calls", [tmp_path / f"endless{k}.wav" for k in range(jobs)]
    calls.mkdir()
    files = [Path(shutil.copyfile(sample_calls[0].path, calls / f"{k:03}.wav")) for k in range(FILES)]
    for pipe in endless:
        os.mkfifo(pipe)
    out = tmp_path / "x.csv"
    listed = [str(path) for path in (*files[:BEFORE], *endless, *files[BEFORE:])]
    command = [sys.executable, "-m", "simpatico", "features", *listed, "--out", str(out), "--jobs", str(jobs)]
    popen = partial(subprocess.Popen, preexec_fn=hear_ctrl_c)
    with popen(command, stderr=subprocess.PIPE, start_new_session=True) as process:
        deadline = time.monotonic() + PATIENCE_S
        while len(parts(out)) < BEFORE and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        workers = children(process.pid)
        process.send_signal(kill)
        if kill == signal.SIGINT:  # what has begun is ended first
            end(endless)
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == (-kill if kill == signal.SIGKILL else 130), errors
    assert b"Traceback" not in errors
    deadline = time.monotonic() + PATIENCE_S
    while any(map(alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(map(alive, workers))
    done_before = parts(out)
    assert BEFORE <= len(done_before) < FILES  # two processes had three more in hand
    assert not out.exists()
    stamps = {part: part.stat().st_mtime_ns for part in done_before}
    # A run that fails at one more file keeps its parts, which shows that the old ones were not written again.
    again = run("features", calls, tmp_path / "none.wav", "--out", out, "--jobs", jobs)
    assert again.returncode == 2, again.stderr
    assert {part: part.stat().st_mtime_ns for part in done_before} == stamps
    assert len(parts(out)) == FILES
    assert run("features", calls, "--out", tmp_path / "fresh.csv", "--jobs", jobs).returncode == 0
    assert out.read_bytes() == (tmp_path / "fresh.csv").read_bytes()


def end(pipes: list[Path]) -> None:
    """Let every pipe end for whoever reads from it, or comes to read."""
    for pipe in pipes:
        os.close(os.open(pipe, os.O_RDWR))
        pipe.unlink()


def hear_ctrl_c() -> None:
    """What a shell starts in the background is deaf to it, and so is what that starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def parts(out: Path) -> list[Path]:
    return sorted(out.with_name(out.name + ".partial").glob("*.npz"))


def test_the_table_does_not_replace_what_it_is_made_of(run: Run, calls: Path, tmp_path: Path) -> None:
    segments, recording = tmp_path / "turns.csv", tmp_path / "odd.csv"
    segments.write_text("file,start_s,end_s\na.wav,0,1\n")
    recording.write_bytes((calls / "a.wav").read_bytes())
    (tmp_path / "link.csv").symlink_to(segments)
    for out in (segments, tmp_path / "link.csv"):
        done = run("features", calls, "--segments", segments, "--out", out, "--overwrite")
        assert done.returncode == 2
        assert f"--out: '{out}' is read in this run and would be lost; name another file" in done.stderr
    assert run("features", recording, "--out", recording, "--overwrite").returncode == 2
    listed, parts = tmp_path / "x.csv.errors.csv", tmp_path / "x.csv.partial"
    os.link(segments, listed)
    done = run("features", calls, "--segments", segments, "--out", tmp_path / "x.csv")
    assert done.returncode == 2
    assert f"'{listed}' is read in this run" in done.stderr
    listed.unlink()
    parts.mkdir()
    shutil.copyfile(segments, parts / "table.csv")
    done = run("features", calls, "--segments", parts / "table.csv", "--out", tmp_path / "x.csv")
    assert done.returncode == 2
    assert f"'{parts}' is read in this run" in done.stderr
    assert (parts / "table.csv").read_bytes() == segments.read_bytes()
    assert segments.read_text().startswith("file,start_s")
    assert recording.read_bytes() == (calls / "a.wav").read_bytes()
