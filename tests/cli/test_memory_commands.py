"""``simpatico audit``, ``purge`` and ``database`` against each database: what they find, what they print, and how they end."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from simpatico.profiles import audit, callers, calls, migrate, operations
from simpatico.profiles.store import BlockingStore, Work
from tests.cli.conftest import Command, Run
from tests.cli.season import settings_of
from tests.profiles.conftest import store, url  # noqa: F401  # fixtures
from tests.profiles.samples import CALLER, DAY_S, RING, Clock, a_call
from tests.profiles.test_callers import sizes


@pytest.fixture
def clock() -> Clock:
    """Return a clock at this moment: the commands go by the real one."""
    now = Clock()
    now.now_s = time.time()
    return now


@pytest.fixture
def options(url: str, tmp_path: Path) -> tuple[str, ...]:  # noqa: F811
    return settings_of(url, tmp_path, f"database.anchors={tmp_path / 'anchors'}")


def fill(work: Work) -> None:
    for i in range(6):
        audit.append(work, "thing.done", f"thing-{i}", {"n": i})


@pytest.fixture
def anchored(store: BlockingStore, tmp_path: Path) -> BlockingStore:  # noqa: F811
    """Return a log of six entries and an anchor at the last."""
    store.write("x", fill)
    store.run(operations.anchor(store.store, tmp_path / "anchors"))
    return store


def test_an_intact_log(anchored: BlockingStore, command: Command, options: tuple[str, ...], tmp_path: Path) -> None:
    done = command("audit", "verify", *options)
    assert (done.code, done.err) == (0, "")
    assert f"6 entries, the last {anchored.read(audit.head).hash}\nanchors: 1 from {tmp_path / 'anchors'}\nintact\n" == done.out
    report = json.loads(command("audit", "verify", "--json", *options).out)
    assert report == {"ok": True, "entries": 6, "head": anchored.read(audit.head).hash, "faults": [], "unsealed": 0, "anchors": 1}


SWAP = tuple(f"UPDATE audit SET seq = {to} WHERE seq = {seq}" for seq, to in ((2, 100), (4, 2), (100, 4)))


@pytest.mark.parametrize(
    ("statements", "entry", "kind", "words"),
    [
        (("UPDATE audit SET actor = 'nobody' WHERE seq = 3",), 3, "changed", "entry 3 was changed"),
        (("DELETE FROM audit WHERE seq = 3",), 4, "missing", "entries 3 to 3 are missing"),
        (SWAP, 2, "order", "what stands as entry 2 was entry 4"),
        (("DELETE FROM audit WHERE seq > 4", "UPDATE audit_head SET seq = 4"), 4, "truncated", "an anchor outside the database says 6"),
        (("DELETE FROM audit", "DELETE FROM audit_head"), 0, "truncated", "ends with entry 0, an anchor outside the database says 6"),
    ],
    ids=["changed", "dropped", "reordered", "cut off", "emptied"],
)
def test_a_log_that_was_tampered_with(
    anchored: BlockingStore,
    command: Command,
    options: tuple[str, ...],
    statements: tuple[str, ...],
    entry: int,
    kind: str,
    words: str,
) -> None:
    for statement in statements:
        anchored.write("x", lambda work, sql=statement: work.connection.execute(text(sql)))  # type: ignore[misc]
    done = command("audit", "verify", *options)
    assert (done.code, done.err) == (4, "")
    assert words in done.out
    assert "NOT INTACT" in done.out
    report = json.loads(command("audit", "verify", "--json", *options).out)
    assert (entry, kind) in [(fault["seq"], fault["kind"]) for fault in report["faults"]]


def test_an_older_state_of_the_whole_is_found_by_the_anchors_alone(
    anchored: BlockingStore, command: Command, options: tuple[str, ...], tmp_path: Path
) -> None:
    old = anchored.read(audit.head)
    anchored.write("x", fill)
    anchored.run(operations.anchor(anchored.store, tmp_path / "anchors"))

    def restore(work: Work) -> None:
        work.connection.execute(text("DELETE FROM audit WHERE seq > 6"))
        values = {"hash": old.hash, "key": old.key_id, "seal": old.seal}
        work.connection.execute(text("UPDATE audit_head SET seq = 6, hash = :hash, key_id = :key, seal = :seal"), values)

    anchored.write("x", restore)
    without = command("audit", "verify", "--no-anchors", *options)
    assert (without.code, "intact" in without.out) == (0, True)
    assert "an older state of the whole database would not be found" in without.out
    assert command("audit", "verify", *options).code == 4
    (tmp_path / "anchors").rename(tmp_path / "copy")
    gone = command("audit", "verify", *options)
    assert gone.code == 2
    assert "there are no anchors in" in gone.err
    assert "--no-anchors checks without" in gone.err
    assert command("audit", "verify", "--anchors", tmp_path / "copy", *options).code == 4


def test_a_purge_is_rehearsed_then_done_then_nothing_is_left(
    store: BlockingStore,  # noqa: F811
    clock: Clock,
    command: Command,
    options: tuple[str, ...],
) -> None:
    clock.now_s -= 20 * DAY_S
    store.write("router", callers.grant, CALLER)
    store.write("router", calls.keep, CALLER, a_call())
    clock.now_s += 20 * DAY_S
    days = ("--set", "retention.callers_days=19", "--set", "retention.counters_days=19")
    before = store.read(sizes)
    rehearsed = json.loads(command("purge", "--dry-run", "--json", *days, *options).out)
    assert rehearsed["dry_run"]
    assert {name: count for name, count in rehearsed["rows"].items() if count} == {"callers": 1, "calls": 1, "profiles": 1, "counters": 1}
    assert store.read(sizes) == before
    table = command("purge", "--dry-run", *days, *options)
    assert "Rows that would go" in table.out
    done = command("purge", "--deep", "--json", *days, *options)
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out) == {"dry_run": False, "rows": rehearsed["rows"], "scrubbed": True}
    assert set(store.read(sizes)) == {"audit", "audit_head"}
    assert "Rows that went" in command("purge", *days, *options).out
    said = store.read(lambda work: [(s.entry.actor, s.entry.action) for s in audit.entries(work)])
    assert said[-1] == ("operator", "retention.purged")
    assert command("audit", "verify", "--no-anchors", *options).code == 0


def test_a_wrong_clock_purges_nothing(store: BlockingStore, clock: Clock, command: Command, options: tuple[str, ...]) -> None:  # noqa: F811
    clock.now_s += 2 * DAY_S
    store.write("router", callers.grant, CALLER)
    for flags in ((), ("--dry-run",)):
        done = command("purge", *flags, *options)
        assert done.code == 2
        assert "behind the newest entry of the audit log; set it right first" in done.err


def test_tables_are_made_and_checked(url: str, command: Command, options: tuple[str, ...]) -> None:  # noqa: F811
    before = command("database", "check", *options)
    assert before.code == (3 if url.startswith("sqlite") else 2)
    assert ("there is no database" if url.startswith("sqlite") else "run: simpatico database upgrade") in before.err
    assert command("database", "upgrade", *options).out == f"the tables are of revision {migrate.newest()}\n"
    with BlockingStore(url, RING) as made:
        made.write("router", callers.grant, CALLER)
    assert command("database", "check", *options).out.endswith("1 callers stand under key k1\n")


def test_what_is_missing_is_said(command: Command, tmp_path: Path) -> None:
    for args in (("audit", "verify"), ("purge",), ("database", "check"), ("routing", "lift")):
        done = command(*args)
        assert (done.code, done.out) == (2, "")
        assert "database.url is not set" in done.err
        done = command(*args, *settings_of("postgresql://nobody:hush@127.0.0.1:1/none", tmp_path))
        assert done.code == 3
        assert "the database cannot be reached" in done.err
        assert "hush" not in done.err
        assert command(*args, *settings_of("sqlite:///x", tmp_path)[:2]).err.startswith("simpatico: database.url needs database.secrets")


def test_settings_come_from_the_file_and_the_environment_as_those_of_the_service(
    url: str,  # noqa: F811
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secrets = settings_of(url, tmp_path)[3].partition("=")[2]
    (tmp_path / "service.toml").write_text(f"[server]\nport = 1\n[database]\nurl = '{url}'\nsecrets = '{secrets}'\n")
    assert command("database", "upgrade", "--config", tmp_path / "service.toml").code == 0
    monkeypatch.setenv("SIMPATICO_DATABASE__URL", url)
    monkeypatch.setenv("SIMPATICO_DATABASE__SECRETS", secrets)
    assert command("audit", "verify").code == 0


def test_exit_codes_of_a_process(run: Run, tmp_path: Path) -> None:
    options = settings_of(f"sqlite:///{tmp_path}/simpatico.db", tmp_path)
    assert run("database", "upgrade", *options).returncode == 0
    with BlockingStore(f"sqlite:///{tmp_path}/simpatico.db", RING) as opened:
        opened.write("x", fill)
        opened.write("x", lambda work: work.connection.execute(text("DELETE FROM audit WHERE seq = 2")))
    done = run("audit", "verify", *options)
    assert (done.returncode, done.stderr) == (4, "")


@pytest.mark.parametrize("name", ["evaluate", "replay"])
def test_a_memory_without_decisions_says_so(store: BlockingStore, command: Command, options: tuple[str, ...], name: str) -> None:  # noqa: F811
    done = command("routing", name, *options)
    assert (done.code, done.out) == (2, "")
    assert done.err == "simpatico: no decision is held yet: rankings for callers who agreed are, once the service has made some\n"
    assert "'yesterday' is no day or time" in command("routing", name, "--since", "yesterday", *options).err
