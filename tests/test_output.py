"""Output files: whole under their name or not there, whatever fails, and nothing beside them."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from simpatico import output
from simpatico.errors import OutputError
from simpatico.output import check_output, publish, whole_file

OLD = "the good file of an earlier run\n"


@pytest.fixture(params=["nameless", "named"])
def _either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the files of a process in /proc, as in other systems, the file has a name while it is written."""
    if request.param == "named":
        monkeypatch.setattr(output, "_OPEN_FILES", "/nowhere")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.usefixtures("_either_way")
@pytest.mark.parametrize("before", [None, OLD])
def test_a_file_takes_its_name_when_it_is_whole(tmp_path: Path, before: str | None) -> None:
    path = tmp_path / "käse \udce9.json"
    if before is not None:
        path.write_text(before)
        path.chmod(0o640)
    with whole_file(path) as file:
        file.write("first \udce9\r\n" * 100_000)
        file.flush()
        assert (path.read_text() if path.exists() else None) == before
    assert path.read_bytes() == b"first \\udce9\r\n" * 100_000
    assert names(tmp_path) == [path.name]
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == (0o666 & ~umask if before is None else 0o640)


@pytest.mark.usefixtures("_either_way")
@pytest.mark.parametrize("before", [None, OLD])
@pytest.mark.parametrize("failing", ["block", "fsync", "interrupted"])
def test_whatever_fails_the_earlier_file_stays_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str | None, failing: str
) -> None:
    path = tmp_path / "x.json"
    if before is not None:
        path.write_text(before)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if failing == "fsync":
        monkeypatch.setattr(os, "fsync", full)

    def write() -> None:
        with whole_file(path) as file:
            file.write("half of it")
            if failing == "block":
                full()
            elif failing == "interrupted":
                raise KeyboardInterrupt("by Ctrl-C")

    with pytest.raises((OSError, KeyboardInterrupt), match=r"No space left|by Ctrl-C"):
        write()
    assert (path.read_text() if path.exists() else None) == before
    assert names(tmp_path) == ([] if before is None else ["x.json"])


KILLED = """
import os, signal, sys
from pathlib import Path
from simpatico.output import whole_file
with whole_file(Path(sys.argv[1])) as file:
    file.write("half of it" * 100_000)
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="this system has no files without a name")
def test_a_process_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(OLD)
    for name in ("x.json", "new.json"):
        done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / name)], check=False)
        assert done.returncode == -signal.SIGKILL
    assert names(tmp_path) == ["x.json"]
    assert (tmp_path / "x.json").read_text() == OLD


@pytest.mark.usefixtures("_either_way")
def test_a_new_file_replaces_none_and_is_its_owners_from_the_first_moment(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    with whole_file(path, new=True, mode=0o600) as file:
        assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == 0o600
        file.write("s3cret")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError) as info, whole_file(path, new=True, mode=0o600) as file:
        file.write("another")
    assert info.value.filename == str(path)
    assert path.read_text() == "s3cret"
    assert names(tmp_path) == ["secret"]


@pytest.mark.usefixtures("_either_way")
def test_errors_name_the_file_that_was_asked_for(tmp_path: Path) -> None:
    for path in (tmp_path / "none" / "x", tmp_path / ("x" * 300)):
        with pytest.raises(OSError, match=r"No such file|too long") as info, whole_file(path) as file:
            file.write("x")
        assert info.value.filename == str(path)
    assert names(tmp_path) == []


@pytest.mark.usefixtures("_either_way")
def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "x.json").write_text(OLD)
    (tmp_path / "link.json").symlink_to(tmp_path / "real" / "x.json")
    with whole_file(tmp_path / "link.json") as file:
        file.write("new")
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "real" / "x.json").read_text() == "new"
    assert names(tmp_path / "real") == ["x.json"]


def test_a_pipe_is_written_to_as_it_is(tmp_path: Path) -> None:
    """Nor is /dev/null replaced by a file, which for root would be possible."""
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    check_output(pipe)
    with whole_file(pipe) as file:
        file.write("through")
    reader.join()
    assert got == ["through"]
    assert pipe.is_fifo()


def test_what_cannot_be_written_is_said_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_output(tmp_path / "x.json")
    with pytest.raises(OutputError, match="is a directory; name a file in it"):
        check_output(tmp_path)
    with pytest.raises(OutputError, match=r"the directory '.*none' does not exist; create it first"):
        check_output(tmp_path / "none" / "x.json")
    with pytest.raises(OSError, match="too long"):
        check_output(tmp_path / ("x" * 300))
    (tmp_path / "dangling").symlink_to(tmp_path / "none" / "x.json")
    with pytest.raises(OutputError, match="none' does not exist"):
        check_output(tmp_path / "dangling")
    monkeypatch.setattr(os, "access", lambda path, _: Path(path) != tmp_path)  # root may write everywhere
    with pytest.raises(OutputError, match=r"x.json' cannot be written: '.*' is read-only for this user; write elsewhere"):
        check_output(tmp_path / "x.json")


def test_a_finished_file_is_published(tmp_path: Path) -> None:
    (tmp_path / "unfinished").write_text("new")
    (tmp_path / "x.csv").write_text(OLD)
    publish(tmp_path / "unfinished", tmp_path / "x.csv")
    assert names(tmp_path) == ["x.csv"]
    assert (tmp_path / "x.csv").read_text() == "new"
    with pytest.raises(FileNotFoundError):
        publish(tmp_path / "unfinished", tmp_path / "x.csv")
