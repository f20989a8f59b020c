"""Tables of segments: what is read, what is refused and where, and how names find their recordings."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simpatico.archive import Recording, tasks_with_segments
from simpatico.archive.listing import read_segments
from simpatico.errors import RequestError
from simpatico.features import Segment


def table(folder: Path, text: str | bytes) -> Path:
    path = folder / "segments.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize(
    "text",
    [
        "file,start_s,end_s\na.wav,0.5,1\nb.wav,2,3.25\n",
        "\ufefffile;label;end_s;start_s\r\na.wav;x;1;0.5\r\nb.wav;y;3.25;2\r\n",
        "file\tstart_s\tend_s\tchannel\na.wav\t0.5\t1\t\nb.wav\t2\t3.25\t",
        ' file , start_s, end_s\n"a.wav",0.5,1\n\nb.wav,2,3.25',
    ],
)
def test_what_is_read(text: str, tmp_path: Path) -> None:
    assert list(read_segments(table(tmp_path, text))) == [("a.wav", Segment(0.5, 1.0)), ("b.wav", Segment(2.0, 3.25))]


def test_segments_of_channels(tmp_path: Path) -> None:
    assert list(read_segments(table(tmp_path, "channel,file,start_s,end_s\n1,a.wav,0,1\n"))) == [("a.wav", Segment(0.0, 1.0, 1))]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "lacks file, start_s, end_s"),
        ("file,start,end\na,0,1\n", "lacks start_s, end_s in its first line"),
        ("file,start_s,end_s,file\na,0,1,b\n", "has a column twice"),
        ("file,start_s,end_s\n", "holds no segment below its header"),
        ("file,start_s,end_s\na,0,1\na,1,1\n", r"line 3 holds no segment \(file='a', start_s='1', end_s='1'\)"),
        ("file,start_s,end_s\na,2,1\n", "line 2 holds no segment"),
        ("file,start_s,end_s\na,-1,1\n", "line 2"),
        ("file,start_s,end_s\na,0,inf\n", "line 2"),
        ("file,start_s,end_s\na,nan,1\n", "line 2"),
        ("file,start_s,end_s\na,0\n", "line 2"),
        ("file,start_s,end_s\n,0,1\n", "line 2"),
        ("file,start_s,end_s,channel\na,0,1,left\n", "channel='left'"),
        ("file,start_s,end_s,channel\na,0,1,-1\n", "channel='-1'"),
        ('file,start_s,end_s\n"a,0,1\n', "is not CSV"),
    ],
)
def test_what_is_refused(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=words):
        list(read_segments(table(tmp_path, text)))


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="cannot be read"):
        list(read_segments(tmp_path / "none.csv"))


NUMBERS = st.tuples(st.floats(0, 1e5), st.floats(0.001, 1e4)).map(lambda p: (p[0], p[0] + p[1])).filter(lambda p: p[0] < p[1])


@given(st.lists(st.tuples(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1), NUMBERS), min_size=1, max_size=5))
def test_whatever_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, tuple[float, float]]]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([("file", "start_s", "end_s"), *((name, *times) for name, times in rows)])
    path = table(tmp_path_factory.mktemp("table"), text.getvalue())
    assert list(read_segments(path)) == [(name, Segment(*times)) for name, times in rows]


def test_names_find_their_recordings(tmp_path: Path) -> None:
    """By the path given, by the path below the directory, by the bare name, in this order."""
    recordings = [Recording("calls/1/a.wav", "1/a.wav"), Recording("calls/2/a.wav", "2/a.wav"), Recording("calls/2/b.wav", "2/b.wav")]
    text = "file,start_s,end_s\nb.wav,3,4\n2/a.wav,1,2\ncalls/1/a.wav,0,1\n./2/b.wav,0,1\n"
    tasks, failures = tasks_with_segments(recordings, table(tmp_path, text))
    assert failures == []
    assert [(t.recording.path, t.segments) for t in tasks] == [
        ("calls/1/a.wav", (Segment(0, 1),)),
        ("calls/2/a.wav", (Segment(1, 2),)),
        ("calls/2/b.wav", (Segment(3, 4), Segment(0, 1))),
    ]


def test_names_that_find_none_or_several_are_failures(tmp_path: Path) -> None:
    recordings = [Recording("1/a.wav", "1/a.wav"), Recording("2/a.wav", "2/a.wav")]
    tasks, failures = tasks_with_segments(recordings, table(tmp_path, "file,start_s,end_s\na.wav,0,1\nc.wav,0,1\n1/a.wav,0,1\n"))
    assert [t.recording.path for t in tasks] == ["1/a.wav"]
    assert [f.file for f in failures] == ["a.wav", "c.wav"]
    assert "fits 2 recordings" in failures[0].error
    assert "is not among the recordings given" in failures[1].error


def test_bytes_that_are_not_utf8_find_their_file(tmp_path: Path) -> None:
    path = b"caf\xe9.wav".decode("utf-8", "surrogateescape")
    tasks, failures = tasks_with_segments([Recording(path, path)], table(tmp_path, b"file,start_s,end_s\ncaf\xe9.wav,0,1\n"))
    assert (len(tasks), failures) == (1, [])
