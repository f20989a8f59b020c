"""Decisions that a killed process had answered: they are found, once, and nothing else is left of them."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simpatico.errors import DatabaseAwayError
from simpatico.profiles import callers, decisions, notebook, operations, privacy
from simpatico.profiles.decision_codec import KEPT_FACTORS
from simpatico.profiles.decision_rows import prepare
from simpatico.profiles.note_codec import pack_note, read_notes
from simpatico.profiles.notebook import Notebook, adopt
from simpatico.profiles.operations import Replay
from simpatico.profiles.spool import Spool
from simpatico.profiles.store import BlockingStore
from simpatico.routing.ranked import Entries
from simpatico.routing.ranking import neutral
from simpatico.routing.types import Agent, Candidate, Decision, NeutralReason, RankRequest
from tests.profiles.samples import CALLER, NOW_S, a_decision

ROOT = Path(__file__).resolve().parents[2]
WHO = "c" * 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the spool is."""
    return tmp_path / "spool" / "spool.db"


@pytest.fixture
def waiting(path: Path) -> Spool:
    """Return an empty spool."""
    return Spool(path)


def files(path: Path) -> list[Path]:
    """Return the files of notebooks."""
    return sorted(path.parent.glob("spool.db.noted-*"))


def die(book: Notebook) -> None:
    """Leave a notebook as a process that is killed leaves it: the lock goes, the file stays."""
    for file in book._files():
        file.release()
    book._file, book._full = None, []


def crowded(agents: int) -> Decision:
    """Return a decision over so many agents, with reasons for as many as keep theirs."""
    made = a_decision(agents=agents)
    entries = tuple(replace(e, factors=e.factors if i < KEPT_FACTORS else ()) for i, e in enumerate(made.ranking.entries))
    return replace(made, ranking=replace(made.ranking, entries=entries))


def a_note(made: Decision) -> bytes:
    """Return the record of a decision."""
    return b"".join(pack_note(WHO, prepare(made)))


def bare_neutral(candidates: tuple[Candidate, ...]) -> Decision:
    """Return a neutral decision of a caller of whom nothing is known."""
    request = RankRequest("loans", candidates)
    return replace(a_decision(), request=request, ranking=neutral(request, NeutralReason.NO_OUTCOMES, seed=2**53 - 1))


agents = st.builds(
    Agent,
    st.text("aé#\n\"'", min_size=1, max_size=4).filter(str.strip),
    st.frozensets(st.sampled_from(["cards", "loans"])),
    st.frozensets(st.sampled_from(["en", "fi"])),
    st.integers(1, 1000),
)
crowds = st.lists(
    st.builds(Candidate, agents, st.integers(0, 1000), st.floats(0, 1e8), st.none() | st.floats(0, 1)),
    min_size=1, max_size=6, unique_by=lambda c: c.agent.agent_id,
)  # fmt: skip


@given(st.lists(st.tuples(crowds, st.booleans()), min_size=1, max_size=4))
def test_a_decision_survives_exactly(made: list[tuple[list[Candidate], bool]]) -> None:
    """Agents may be declared anew in between: each decision has them as they were then."""
    data, expected = b"", []
    for crowd, plain in made:
        one = bare_neutral(tuple(crowd))
        if not plain:
            rows = np.linspace(0.1, 0.9, 4 * len(crowd)).reshape(4, -1)
            entries = Entries([c.agent.agent_id for c in reversed(crowd)], *rows)
            one = replace(one, ranking=replace(a_decision().ranking, entries=entries))
        data += a_note(one)
        expected.append((WHO, one))
    assert list(read_notes(data)) == expected


@pytest.mark.parametrize("made", [a_decision(), a_decision(block=3), a_decision(agents=2)])
def test_everything_that_a_decision_can_have_survives(made: Decision) -> None:
    assert list(read_notes(a_note(made))) == [(WHO, made)]


@given(st.data())
def test_a_file_that_was_cut_off_is_read_to_there(data: st.DataObject) -> None:
    made = [a_decision(f"call-{i}") for i in range(3)]
    records = [a_note(one) for one in made]
    whole = b"".join(records)
    cut = data.draw(st.integers(0, len(whole)))
    ends = np.cumsum([len(record) for record in records])
    assert [one for _, one in read_notes(whole[:cut])] == made[: int(np.sum(ends <= cut))]


@pytest.mark.parametrize("wrong", [b"\0" * 64, b"DEC1" + b"\1" * 200, b"SQLite format 3\0" * 9])
def test_what_is_no_record_is_said(wrong: bytes) -> None:
    """Zeros, as after the power went, and bytes of something else: what came before them counts."""
    whole = a_note(a_decision())
    found = read_notes(whole + wrong)
    next(found)
    if wrong.startswith(b"DEC1"):
        assert list(found) == [], "it says of itself that it is longer than what is there"
        return
    with pytest.raises(ValueError, match=f"no record at byte {len(whole)} of"):
        next(found)
    changed = bytearray(whole)
    changed[-1] ^= 1
    with pytest.raises(ValueError, match="no record at byte"):
        list(read_notes(bytes(changed)))


def test_a_file_is_emptied_as_soon_as_everything_is_written_down(path: Path, waiting: Spool) -> None:
    book, one, two = Notebook(path), a_decision("call-one"), a_decision("call-two")
    assert not path.parent.exists(), "who notes nothing down makes no file"
    book.note(WHO, prepare(one))
    book.note(WHO, prepare(two))
    (file,) = files(path)
    assert file.stat().st_mode & 0o077 == path.parent.stat().st_mode & 0o077 == 0
    assert b"call-one" in file.read_bytes()
    book.done([one.decision_id, "k" + "0" * 32])
    assert b"call-two" in file.read_bytes()
    book.done([two.decision_id])
    assert file.read_bytes() == b""
    three = a_decision("call-three")
    book.note(WHO, prepare(three))
    assert list(read_notes(file.read_bytes())) == [(WHO, three)]
    assert adopt(waiting, now_s=NOW_S) == 0, "a living process' file is its own"
    book.done([three.decision_id])
    book.close()
    assert files(path) == []


def test_under_steady_load_files_take_turns(path: Path) -> None:
    """One that never gets empty would keep what was written down long ago."""
    now = [0.0]
    book, made = Notebook(path, lambda: now[0]), [a_decision(f"call-{i}") for i in range(4)]
    for i, one in enumerate(made):
        book.note(WHO, prepare(one))
        if i:
            book.done([made[i - 1].decision_id])
        now[0] += 0.6
    assert [list(read_notes(file.read_bytes())) for file in files(path)] in (
        [[(WHO, made[2]), (WHO, made[3])]],
        [[(WHO, made[3])]],
    )
    book.done([made[3].decision_id])
    book.close()
    assert files(path) == []


def test_what_a_killed_process_left_is_applied_once(store: BlockingStore, path: Path, waiting: Spool) -> None:
    """It had written one of three down, spooled another, and struck out neither; reports come before and after it is found."""
    caller_id = store.write("router", callers.grant, CALLER).caller_id
    assert caller_id
    book, made = Notebook(path), [a_decision(f"call-{i}") for i in range(3)]
    for one in made:
        book.note(caller_id, prepare(one))
    store.write("router", decisions.log, caller_id, [made[0]])
    waiting.add_decision(caller_id, made[1], NOW_S)
    waiting.add_outcome("early", made[2].decision_id, a_decision().outcome.updated(replace(made[0].outcome, csat_5=4.0)), "agent-1", NOW_S)
    assert store.run(operations.replay(store.store, waiting, now_s=NOW_S)) == Replay(applied=1, aside=1)
    die(book)
    waiting.add_decision(caller_id, made[1], NOW_S)
    assert adopt(waiting, now_s=NOW_S) == 2
    assert files(path) == []
    assert waiting.holds(made[2].decision_id)
    assert store.run(operations.replay(store.store, waiting, now_s=NOW_S)) == Replay(applied=2, repeated=2)
    assert waiting.waiting() == 0
    for one in made[:2]:
        assert store.read(decisions.load, one.decision_id) == one
    last = store.read(decisions.load, made[2].decision_id)
    assert (last.request, last.ranking, last.taken, last.outcome.csat_5) == (made[2].request, made[2].ranking, "agent-1", 4.0)


def test_of_who_withdrew_meanwhile_nothing_is_taken_up(store: BlockingStore, path: Path, waiting: Spool) -> None:
    caller_id = store.write("router", callers.grant, CALLER).caller_id
    assert caller_id
    book = Notebook(path)
    book.note(caller_id, prepare(a_decision("call-secret")))
    die(book)
    erased = store.run(operations.erase_caller(store.store, waiting, "privacy", CALLER))
    assert erased.spooled == 1, "an erasure reaches what killed processes left"
    assert files(path) == []
    assert not any(b"call-secret" in file.read_bytes() for file in path.parent.iterdir())
    book.note(caller_id, prepare(made := a_decision("call-secret")))
    die(book)
    store.write("privacy", privacy.withdraw, CALLER)
    adopt(waiting, now_s=NOW_S)
    assert store.run(operations.replay(store.store, waiting, now_s=NOW_S)) == Replay(repeated=1)
    assert not store.read(decisions.held) & {made.decision_id}


@contextmanager
def no_file_may_grow_beyond(size: int) -> Iterator[None]:
    """Refuse writes, as a disk that is full does."""
    most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        signal.signal(signal.SIGXFSZ, handler)


def test_on_a_full_disk_what_was_noted_stays(path: Path) -> None:
    book, one, two, three = Notebook(path), a_decision(), crowded(9), crowded(9)
    book.note(WHO, prepare(one))
    (file,) = files(path)
    with no_file_may_grow_beyond(file.stat().st_size + 100), pytest.raises(OSError, match=r"only 100 of \d+ bytes were taken"):
        book.note(WHO, prepare(two))
    book.note(WHO, prepare(three))
    assert list(read_notes(file.read_bytes())) == [(WHO, one), (WHO, three)]
    with no_file_may_grow_beyond(0):
        book.done([one.decision_id, three.decision_id])
        assert file.read_bytes() == b"", "room is not needed to strike out"
        with pytest.raises(OSError, match=r"bytes were taken|File too large"):
            book.note(WHO, prepare(two))
    book.note(WHO, prepare(two))
    assert [len(list(read_notes(file.read_bytes()))) for file in files(path)] == [1]


def test_what_the_spool_cannot_take_is_left(path: Path, waiting: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    book = Notebook(path)
    book.note(WHO, prepare(a_decision()))
    die(book)

    def refuse(*_: Any) -> int:
        raise DatabaseAwayError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(waiting, "add_decisions", refuse)
        with pytest.raises(DatabaseAwayError):
            adopt(waiting, now_s=NOW_S)
    assert len(files(path)) == 1
    assert adopt(waiting, now_s=NOW_S) == 1


def test_a_file_that_cannot_be_read_to_its_end_is_said(path: Path, waiting: Spool, caplog: pytest.LogCaptureFixture) -> None:
    book = Notebook(path)
    book.note(WHO, prepare(a_decision()))
    die(book)
    (file,) = files(path)
    file.write_bytes(file.read_bytes() + b"\0" * 100)
    assert adopt(waiting, now_s=NOW_S) == 1
    assert "cannot be read to its end: no record at byte" in caplog.text


def test_a_file_is_not_taken_from_under_its_owner(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between making a file and locking it somebody may have taken it for one that was left behind."""
    locked, taken = notebook._lock, []

    def lock(descriptor: int) -> bool:
        if not taken:
            taken.extend(files(path))
            taken[0].unlink()
        return locked(descriptor)

    monkeypatch.setattr(notebook, "_lock", lock)
    book = Notebook(path)
    book.note(WHO, prepare(a_decision()))
    assert len(files(path)) == 1
    assert files(path) != taken


def test_a_kill_leaves_what_was_noted(path: Path, waiting: Spool) -> None:
    """A real process, a real SIGKILL, while it notes as fast as it can: whatever it said is there."""
    script = (
        "import itertools, sys\nfrom pathlib import Path\nfrom simpatico.profiles.notebook import Notebook\n"
        "from simpatico.profiles.decision_rows import prepare\nfrom tests.profiles.samples import a_decision\n"
        "book = Notebook(Path(sys.argv[1]))\n"
        "for i in itertools.count():\n    made = a_decision(f'call-{i}')\n    book.note('c' * 32, prepare(made))\n"
        "    print(made.decision_id, flush=True)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment)
    assert process.stdout is not None
    said = [process.stdout.readline().strip() for _ in range(20)]
    assert adopt(waiting, now_s=NOW_S) == 0
    process.kill()
    with process.stdout:
        said += [line.strip() for line in process.stdout]
    process.wait()
    assert adopt(waiting, now_s=NOW_S) in (len(said), len(said) + 1)
    assert [item.id for item in waiting.items(limit=10**6)][: len(said)] == said


def test_while_nothing_is_written_down_files_do_not_multiply(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "MOST_FILES", 2)
    now = [0.0]
    book, made = Notebook(path, lambda: now[0]), [a_decision(f"call-{i}") for i in range(9)]
    for one in made:
        book.note(WHO, prepare(one))
        now[0] += 2.0
    assert sorted(len(list(read_notes(file.read_bytes()))) for file in files(path)) == [1, 1, 7]
    book.done(one.decision_id for one in made)
    book.close()
    assert files(path) == []


def test_what_cannot_be_removed_is_said(path: Path, waiting: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    book = Notebook(path)
    book.note(WHO, prepare(a_decision()))
    die(book)

    def refuse(_: Path) -> None:
        raise PermissionError("not yours")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refuse)
        with pytest.raises(DatabaseAwayError, match=r"noted down beside .* cannot be taken up: not yours"):
            adopt(waiting, now_s=NOW_S)
    assert waiting.waiting() == 1
    assert adopt(waiting, now_s=NOW_S) == 0, "it waits already"
    assert (files(path), waiting.waiting()) == ([], 1)
