"""The database itself: migrations lead to the tables, transactions are whole, two processes do not hurt each other."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from simpatico.errors import ConfigError, DatabaseAwayError, DatabaseVersionError, ProfileError, UnknownAgentError
from simpatico.profiles import callers, counters, decisions, engine, lessons, migrate, privacy
from simpatico.profiles.decision_codec import pack_ranking, pack_request
from simpatico.profiles.schema import Canonical, Json, canonical_json, metadata
from simpatico.profiles.store import BlockingStore, Store, Work
from simpatico.routing.types import Outcome, Source
from tests.profiles.conftest import Cluster
from tests.profiles.samples import RING, Clock, a_decision


def test_migrations_lead_to_the_tables(store: BlockingStore) -> None:
    def differences(work: Work) -> object:
        context = MigrationContext.configure(work.connection, opts={"compare_type": True, "target_metadata": metadata})
        return compare_metadata(context, metadata)

    assert store.read(differences) == []


def test_migrations_go_back_to_nothing_and_forth_again(store: BlockingStore) -> None:
    def tables(work: Work) -> set[str]:
        return set(inspect(work.connection).get_table_names())

    store.write("admin", lambda work: migrate.downgrade(work.connection, "base"))
    assert store.read(tables) == {"alembic_version"}
    store.run(store.store.open())
    assert store.read(tables) == {"alembic_version", *metadata.tables}
    store.write("admin", counters.count, "again")


@pytest.mark.parametrize("revision", ["0001", "0002"])
def test_what_a_build_before_had_written_is_there_afterwards(store: BlockingStore, revision: str) -> None:
    """Its rows have their agents in JSON; the second build's also had apart what models learn from."""
    caller_id = store.write("router", callers.grant, "a").caller_id
    store.write("admin", lambda work: migrate.downgrade(work.connection, revision))
    made, request = a_decision(), pack_request(a_decision().request)
    row = {name: value for name, value in decisions.prepare(made).values.items() if name != "agents"}
    row |= {"caller_id": caller_id, "request": canonical_json(request), "ranking": canonical_json(pack_ranking(made.ranking))}
    if revision == "0002":
        row["lesson"] = canonical_json({name: request[name] for name in ("reason", "live", "profile")})

    def old(work: Work) -> None:
        values = ", ".join(f":{name}" for name in row)
        work.connection.execute(text(f"INSERT INTO decisions ({', '.join(row)}) VALUES ({values})"), row)

    store.write("router", old)
    store.run(store.store.open())
    assert store.read(decisions.load, made.decision_id) == made
    with pytest.raises(UnknownAgentError, match="agent 'agent-9' was not eligible"):
        store.write("router", decisions.record_outcome, "r", made.decision_id, Outcome(csat_5=2.0), "agent-9")
    store.write("router", decisions.record_outcome, "r", made.decision_id, Outcome(csat_5=2.0), "agent-1")
    (lesson,) = store.read(lambda work: list(lessons.read(work, after=0, through=10)))
    assert (lesson.decision.taken, lesson.decision.request.profile) == ("agent-1", made.request.profile)
    (held,) = store.write("privacy", privacy.export, "a")["decisions"]
    assert (held["request"], held["ranking"]["entries"][0][0]) == (request, "agent-2")


def test_going_back_takes_what_a_build_before_could_not_read(store: BlockingStore) -> None:
    caller_id = store.write("router", callers.grant, "a").caller_id
    made = a_decision()
    store.write("router", decisions.log, caller_id, [made])
    store.write("router", decisions.record_outcome, "r", made.decision_id, Outcome(csat_5=2.0), "agent-1")
    store.write("admin", lambda work: migrate.downgrade(work.connection, "0002"))
    store.run(store.store.open())
    assert store.read(decisions.held) == set()
    assert store.read(decisions.newest_report) == 0


def test_opening_twice_changes_nothing(store: BlockingStore) -> None:
    store.write("admin", counters.count, "x")
    store.run(store.store.open())
    store.run(store.store.open(upgrade=False))
    assert store.read(counters.totals) == {"x": 1}


def test_a_database_of_a_newer_build_is_refused(store: BlockingStore) -> None:
    store.write("admin", lambda work: work.connection.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    for upgrade in (True, False):
        with pytest.raises(DatabaseVersionError, match="revision 9999, which this build does not know"):
            store.run(store.store.open(upgrade=upgrade))


def test_an_empty_database_is_refused_without_upgrade(url: str, tmp_path: Path) -> None:
    if url.startswith("sqlite"):
        with pytest.raises(DatabaseAwayError, match=r"there is no database '.*simpatico\.db'; is that the file"):
            BlockingStore(url, RING, upgrade=False).__enter__()
        assert list(tmp_path.iterdir()) == [], "looking makes no file"
        (tmp_path / "simpatico.db").touch()
    store = BlockingStore(url, RING, upgrade=False)
    with pytest.raises(DatabaseVersionError, match=f"revision None, this build needs {migrate.newest()}"):
        store.__enter__()


def test_several_processes_may_open_an_empty_database_at_once(url: str, patience: Callable[[int], None]) -> None:
    patience(120_000)

    async def all_at_once() -> None:
        stores = [Store(url, RING) for _ in range(4)]
        await asyncio.gather(*(store.open() for store in stores))
        for store in stores:
            await store.close()

    asyncio.run(all_at_once())


def test_a_transaction_that_raises_leaves_nothing(store: BlockingStore) -> None:
    def half(work: Work) -> None:
        counters.count(work, "half")
        raise KeyError("stop")

    with pytest.raises(KeyError):
        store.write("admin", half)
    assert store.read(counters.totals) == {}


def test_counting_at_once_loses_nothing(url: str, store: BlockingStore, patience: Callable[[int], None]) -> None:
    patience(120_000)

    async def many() -> None:
        others = [Store(url, RING) for _ in range(3)]
        await asyncio.gather(*(other.write("x", counters.count, "hits") for _ in range(20) for other in others))
        for other in others:
            await other.close()

    asyncio.run(many())
    assert store.read(counters.totals) == {"hits": 60}


def test_a_deadlock_is_run_again(postgres_url_with_tables: str) -> None:
    """Two transactions that lock the same two rows in opposite order: PostgreSQL ends one, which then runs once more."""
    runs, locked = [], set()

    def both(work: Work, first: str, second: str) -> None:
        runs.append(first)
        counters.count(work, first)
        locked.add(first)
        while len(locked) < 2:  # the other one gets its turn meanwhile
            work.connection.execute(text("SELECT pg_sleep(0.01)"))
        counters.count(work, second)

    async def at_once() -> dict[str, int]:
        store = Store(postgres_url_with_tables, RING)
        await asyncio.gather(store.write("x", both, "a", "b"), store.write("x", both, "b", "a"))
        totals = await store.read(counters.totals)
        await store.close()
        return totals

    assert asyncio.run(at_once()) == {"a": 2, "b": 2}
    assert len(runs) == 3


def test_counters_are_by_day(store: BlockingStore, clock: Clock) -> None:
    store.write("x", counters.count, "hits", 2)
    clock.now_s += 86_400.0
    store.write("x", counters.count, "hits", 3)
    assert store.read(counters.totals) == {"hits": 5}
    assert store.read(lambda work: work.connection.execute(text("SELECT count(*) FROM counters")).scalar_one()) == 2


def test_json_is_canonical_and_never_nan() -> None:
    assert canonical_json({"b": 1, "a": [None, True]}) == '{"a":[null,true],"b":1}'
    figures = {"b": [np.float64(0.1), 1e-7, -0.0, 1e300], "a": [None, True, np.int64(7), 2**63 - 1, Source.LIVE]}
    assert Canonical.of_figures(figures) == '{"a":[null,true,7,9223372036854775807,"live"],"b":[0.1,1e-7,-0.0,1e+300]}'
    for bad in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="not JSON compliant"):
            Json().process_bind_param({"x": bad}, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "match"),
    [
        ("mysql://x/y", "is of 'mysql'"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("no url", "is not a URL"),
    ],
)
def test_urls_that_cannot_be(url: str, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        Store(url, RING)


def test_a_password_is_not_repeated() -> None:
    with pytest.raises(ConfigError) as info:
        Store("oracle://scott:tiger@host/x", RING)
    assert "tiger" not in str(info.value)


@pytest.mark.parametrize("url", ["postgresql://ann:s3cret@host:half/db", "s3cret"])
def test_a_url_that_is_none_is_refused_in_words(url: str) -> None:
    with pytest.raises(ConfigError, match=r"database.url is not a URL; use sqlite:///") as info:
        Store(url, RING)
    assert "s3cret" not in str(info.value)
    assert info.value.__suppress_context__, "no traceback shows it either"


@pytest.mark.parametrize("url", ["postgresql://ann:s3cret@host/db", "postgresql://ann@host/db?password=s3cret"])
def test_what_the_driver_says_is_told_in_one_line_and_without_the_password(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(url, RING)

    async def refuse(*_: object, **__: object) -> None:
        raise ConnectionRefusedError(f"connecting to {url}\n  failed, s3cret and all")

    monkeypatch.setattr(store._backend, "fetch", refuse)
    monkeypatch.setattr(store._backend, "transact", refuse)
    monkeypatch.setattr(store._backend, "scrub", refuse)

    async def all_of_it() -> None:
        for action in (store.ping(), store.open(), store.read(lambda _: 1), store.write("x", lambda _: 1), store.scrub()):
            with pytest.raises(DatabaseAwayError, match=r"\(ConnectionRefusedError: connecting to .* failed, \*\*\* and all\)") as info:
                await action
            assert "s3cret" not in str(info.value)
            assert "\n" not in str(info.value)

    asyncio.run(all_of_it())


def test_a_database_that_answers_is_told_from_one_that_does_not(store: BlockingStore, tmp_path: Path) -> None:
    store.run(store.store.ping())
    with BlockingStore(f"sqlite:///{tmp_path}/gone.db", RING) as other:
        (tmp_path / "gone.db").unlink()
        other.store._backend.makes = False
        with pytest.raises(DatabaseAwayError, match="there is no database"):
            other.run(other.store.ping())


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"not a database at all, " * 100)
    store = BlockingStore(f"sqlite:///{tmp_path}/x.db", RING)
    with pytest.raises(DatabaseAwayError, match=r"file is not a database\): '.*x.db'; give database.url a file that can be written"):
        store.__enter__()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DatabaseAwayError, match="there is no folder for the database"):
        BlockingStore(f"sqlite:///{tmp_path}/no/x.db", RING).__enter__()


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(DatabaseAwayError, match="cannot be reached"):
        BlockingStore("postgresql://nobody@127.0.0.1:1/x", RING).__enter__()


def test_a_write_that_always_collides_is_given_up(store: BlockingStore) -> None:
    runs = []

    def collide(work: Work) -> None:
        runs.append(1)
        for _ in range(2):
            work.connection.execute(text("INSERT INTO counters (day, name, value) VALUES ('d', 'n', 1)"))

    with pytest.raises(ProfileError, match="collided with others 3 times"):
        store.write("x", collide)
    assert len(runs) == 3


def test_sqlite_is_set_up_to_keep_and_to_forget(tmp_path: Path) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}

    def pragmas(connection: Connection) -> dict[str, object]:
        return {name: connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in wanted}

    with BlockingStore(f"sqlite:///{tmp_path}/x.db", RING) as store:
        assert store.read(lambda work: pragmas(work.connection)) == wanted


def test_the_database_of_a_file_is_for_its_owners_eyes_alone(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    with BlockingStore(f"sqlite:///{path}", RING) as store:
        store.write("admin", counters.count, "x")
        assert {file.name: oct(file.stat().st_mode & 0o777) for file in tmp_path.iterdir()} == {
            "memory.db": "0o600",
            "memory.db-shm": "0o600",
            "memory.db-wal": "0o600",
        }


@pytest.mark.parametrize("state", ["57P01", "57P03", "08006", "53100", "53300", "25006", "58030"])
def test_a_server_that_refuses_is_away(postgres_url_with_tables: str, state: str) -> None:
    """It is starting or stopping, full, or a standby: no fault of the query, and none of whoever asks."""
    with BlockingStore(postgres_url_with_tables, RING, upgrade=False) as store:
        refusal = text(f"DO $$ BEGIN RAISE EXCEPTION 'not now' USING ERRCODE = '{state}'; END $$")
        with pytest.raises(DatabaseAwayError, match=r"cannot be reached .*not now"):
            store.write("x", lambda work: work.connection.execute(refusal))
        with pytest.raises(DBAPIError, match="division by zero"):
            store.read(lambda work: work.connection.execute(text("SELECT 1 / 0")))


def test_a_database_that_is_not_there_is_away(cluster: Cluster) -> None:
    with pytest.raises(DatabaseAwayError, match=r'database "nowhere" does not exist'):
        BlockingStore(cluster.url("nowhere"), RING).__enter__()


def test_reading_writes_nothing(postgres_url_with_tables: str) -> None:
    with BlockingStore(postgres_url_with_tables, RING, upgrade=False) as store:
        with pytest.raises(DBAPIError, match="read-only transaction"):
            store.read(lambda work: work.connection.execute(text("DELETE FROM counters")))
        store.write("x", counters.count, "hits")


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold SQLite's write lock."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return what says how long is waited for SQLite's lock, ms, by databases that are opened from then on."""

    def wait_for(milliseconds: int) -> None:
        monkeypatch.setattr(engine, "BUSY_TIMEOUT_MS", milliseconds)
        pragmas = [pragma for pragma in engine._PRAGMAS if not pragma.startswith("busy_timeout")]
        monkeypatch.setattr(engine, "_PRAGMAS", (*pragmas, f"busy_timeout={milliseconds}"))

    return wait_for


def test_readers_go_on_while_writers_wait_for_a_lock(sqlite_template: Path, tmp_path: Path, patience: Callable[[int], None]) -> None:
    """As many writers as there could be connections wait for somebody who holds SQLite's write lock."""
    patience(120_000)
    path = Path(shutil.copy(sqlite_template, tmp_path / "simpatico.db"))

    async def all_at_once() -> dict[str, int]:
        store = Store(f"sqlite:///{path}", RING)
        await store.open(upgrade=False)
        with locked(path):
            writers = [asyncio.create_task(store.write("x", counters.count, "hits")) for _ in range(40)]
            await asyncio.sleep(0)
            read = [await store.read(counters.totals) for _ in range(5)]
            assert read == [{}] * 5
            assert not any(writer.done() for writer in writers), "nobody had to give up for a reader to get its turn"
        await asyncio.gather(*writers)
        counted = await store.read(counters.totals)
        await store.close()
        return counted

    assert asyncio.run(all_at_once()) == {"hits": 40}


def test_writers_give_up_when_a_lock_is_held_for_too_long(sqlite_template: Path, tmp_path: Path, patience: Callable[[int], None]) -> None:
    """The one who waits in the database, and those who wait behind it."""
    patience(50)
    path = Path(shutil.copy(sqlite_template, tmp_path / "simpatico.db"))

    async def all_at_once() -> list[object]:
        store = Store(f"sqlite:///{path}", RING)
        await store.open(upgrade=False)
        with locked(path):
            found = await asyncio.gather(*(store.write("x", counters.count, "hits") for _ in range(3)), return_exceptions=True)
        await store.close()
        return list(found)

    assert {type(error) for error in asyncio.run(all_at_once())} == {DatabaseAwayError}
