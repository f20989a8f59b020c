"""Which files are meant by what is written on the command line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from simpatico.archive import find_left_out, find_recordings
from simpatico.archive.recordings import printable
from simpatico.errors import RequestError


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("b/2.wav", "b/1.FLAC", "b/.hidden.wav", "b/.git/x.wav", "b/notes.txt", "b/c/3.mp3", "a.ogg", "plain", "odd[1].wav"):
        path = tmp_path / "calls" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "paths"),
    [
        (["calls"], ["calls/a.ogg", "calls/odd[1].wav", "calls/b/1.FLAC", "calls/b/2.wav", "calls/b/c/3.mp3"]),
        (["calls/b", "calls"], ["calls/b/1.FLAC", "calls/b/2.wav", "calls/b/c/3.mp3", "calls/a.ogg", "calls/odd[1].wav"]),
        (["calls/b/*.wav", "./calls/b/2.wav"], ["calls/b/2.wav"]),
        (["calls/**/*.mp3"], ["calls/b/c/3.mp3"]),
        (["calls/b/c*"], ["calls/b/c/3.mp3"]),
        (["calls/plain", "none.wav"], ["calls/plain", "none.wav"]),
        (["calls/odd[1].wav"], ["calls/odd[1].wav"]),
    ],
)
def test_each_file_once_in_order(tree: Path, arguments: list[str], paths: list[str]) -> None:
    assert [os.path.normpath(r.path) for r in find_recordings(arguments)] == paths


def test_below_a_directory_the_relative_path_is_kept(tree: Path) -> None:
    found = find_recordings([tree / "calls" / "b", "calls/a.ogg"])
    assert [r.relative for r in found] == ["1.FLAC", "2.wav", "c/3.mp3", "a.ogg"]


@pytest.mark.parametrize(
    ("argument", "words"), [("empty", "directory empty holds no recording"), ("calls/*.aiff", r"nothing matches calls/\*.aiff")]
)
def test_nothing_found(tree: Path, argument: str, words: str) -> None:
    with pytest.raises(RequestError, match=words):
        find_recordings([argument])


def test_names_that_are_not_utf8_are_shown_escaped(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/caf\xe9.wav"
    Path(os.fsdecode(raw)).touch()
    (found,) = find_recordings([tmp_path])
    assert os.fsencode(found.path) == raw
    assert found.name == f"{tmp_path}/caf\\xe9.wav"
    assert printable("naïve.wav") == "naïve.wav"


def test_pipes_in_a_directory_are_no_recordings(tree: Path) -> None:
    """Nobody may ever write to them, and the run would wait for ever; one that is named outright is read."""
    before = find_recordings([tree])
    os.mkfifo(tree / "endless.wav")
    (tree / "gone.wav").symlink_to(tree / "nowhere.wav")
    found = find_recordings([tree])
    assert [recording.path for recording in found if recording not in before] == [str(tree / "gone.wav")], "it fails, and is reported"
    assert [recording.path for recording in find_recordings([tree / "endless.wav"])] == [str(tree / "endless.wav")]


def test_sound_of_other_kinds_in_directories_is_left_out_and_listed(tree: Path) -> None:
    for name in ("b/4.AIFF", "z.m4a", "b/.5.aiff"):
        (tree / "calls" / name).touch()
    assert find_left_out(["calls", "calls/z.m4a"]) == ["calls/z.m4a", "calls/b/4.AIFF"]
    assert not {r.path for r in find_recordings(["calls"])} & set(find_left_out(["calls"]))
