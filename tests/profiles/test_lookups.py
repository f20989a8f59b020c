"""Callers looked up for rankings: the same as by a query of its own, for many at once, with old secrets, and while the database is away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Select, select, text

from bench.outages.postgres import Cluster
from simpatico.errors import DatabaseAwayError, RequestError
from simpatico.profiles import callers, calls, lookups, privacy, schema
from simpatico.profiles.habits import Habits
from simpatico.profiles.keys import KeyRing
from simpatico.profiles.lookups import Lookups
from simpatico.profiles.records import CallerProfile
from simpatico.profiles.store import BlockingStore, Store
from tests.profiles.samples import CALLER, RING, a_call

NEWER = KeyRing({"k2": b"another secret of the deployment, two", "k1": b"test secret of the deployment, one"})
KEYS = (CALLER, "without calls", "objects", "nobody")


@pytest.fixture
def filled(store: BlockingStore) -> BlockingStore:
    """Return a database with a caller of each kind."""
    store.write("router", callers.grant, CALLER, "notice-7")
    store.write("router", calls.keep, CALLER, a_call())
    store.write("router", callers.grant, "without calls")
    store.write("privacy", privacy.object_to, "objects")
    return store


def looked_up(store: BlockingStore, *keys: str) -> list[CallerProfile]:
    """Ask for callers, all at once."""

    async def ask() -> list[CallerProfile]:
        asked = Lookups(store.store)
        return list(await asyncio.gather(*(asked.ask(key) for key in keys)))

    found: list[CallerProfile] = store.run(ask())
    return found


def known(store: BlockingStore, key: str) -> CallerProfile:
    """Return what a query of its own finds, without habits."""
    return replace(store.read(callers.lookup, key), habits=Habits())


def test_it_is_what_a_query_of_its_own_finds(filled: BlockingStore) -> None:
    expected = [known(filled, key) for key in KEYS]
    assert (expected[0].calls, expected[3]) == (1, CallerProfile())
    assert looked_up(filled, *KEYS) == expected
    assert [looked_up(filled, key) for key in KEYS] == [[one] for one in expected]
    assert looked_up(filled, CALLER, "nobody", CALLER) == [expected[0], expected[3], expected[0]]


def test_after_a_rotation_both_secrets_count(filled: BlockingStore, reopen: Callable[..., BlockingStore]) -> None:
    """Of two rows of one caller (which `grant` does not make) that of the active secret."""
    newer = reopen(NEWER)
    newer.write("router", callers.insert_caller, CALLER, {"consent": "objected", "consent_at_s": 1.0, "seen_at_s": 1.0})
    newer.write("router", callers.grant, "only newer")
    keys = (*KEYS, "only newer")
    assert looked_up(newer, *keys) == [known(newer, key) for key in keys]
    assert looked_up(newer, CALLER)[0].consent == "objected"
    assert looked_up(filled, CALLER)[0].calls == 1


def test_who_asks_meanwhile_goes_along_with_the_next(filled: BlockingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    fetch, go_on = Store.fetch, asyncio.Event()

    async def slow(self: Store, statement: Select[Any], values: Mapping[str, str]) -> Sequence[Sequence[Any]]:
        asked.append(len(values) // 2)
        await go_on.wait()
        return await fetch(self, statement, values)

    monkeypatch.setattr(Store, "fetch", slow)
    monkeypatch.setattr(lookups, "MOST", 3)

    async def many() -> None:
        made = Lookups(filled.store)
        first = made.ask(CALLER)
        await asyncio.sleep(0)
        others = [made.ask(f"stranger-{i}") for i in range(4)]
        others[0].cancel()
        given_up = made.ask("stranger-3")
        go_on.set()
        assert (await first).calls == 1
        assert await asyncio.gather(*others[1:], given_up) == [CallerProfile()] * 4

    filled.run(many())
    assert asked == [1, 3, 1]


def test_a_key_that_cannot_be_is_refused_at_once(filled: BlockingStore) -> None:
    with pytest.raises(RequestError, match="caller_key has 0 bytes"):
        looked_up(filled, CALLER, "")
    assert looked_up(filled, CALLER)[0].calls == 1


def test_a_statement_by_itself_sees_what_was_written_last(filled: BlockingStore) -> None:
    for notice in ("one", "two"):
        filled.write("router", callers.grant, CALLER, notice)
        assert looked_up(filled, CALLER)[0].notice_id == notice
    filled.write("privacy", privacy.erase, CALLER)
    assert looked_up(filled, CALLER) == [CallerProfile()]
    assert filled.run(filled.store.scrub()), "no reader keeps what was deleted in SQLite's log"


def test_a_file_that_is_no_database_any_more_is_away(tmp_path: Path, sqlite_template: Path) -> None:
    path = tmp_path / "simpatico.db"
    path.write_bytes(sqlite_template.read_bytes())
    with BlockingStore(f"sqlite:///{path}", RING) as store:
        assert looked_up(store, CALLER) == [CallerProfile()]
        for file in tmp_path.iterdir():
            file.write_bytes(b"something else, " * 1000)
        with pytest.raises(DatabaseAwayError, match="cannot be reached"):
            looked_up(store, CALLER)
        for file in tmp_path.iterdir():
            file.unlink()
        path.write_bytes(sqlite_template.read_bytes())
        assert looked_up(store, CALLER) == [CallerProfile()], "it is back"


def test_a_connection_that_the_server_closed_is_made_anew(postgres_url_with_tables: str) -> None:
    with BlockingStore(postgres_url_with_tables, RING) as store:
        store.write("router", callers.grant, CALLER)
        assert looked_up(store, CALLER)[0].consent == "granted"
        others = text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
        store.write("x", lambda work: work.connection.execute(others).all())
        assert looked_up(store, CALLER)[0].consent == "granted"


def test_a_server_that_is_gone_is_away(cluster: Cluster) -> None:
    store = BlockingStore(cluster.url("nowhere"), RING)
    with pytest.raises(DatabaseAwayError, match=r'database "nowhere" does not exist'):
        looked_up(store, CALLER)
    store.__exit__(None, None, None)


def test_a_statement_that_is_wrong_is_not_the_database_s_fault(store: BlockingStore) -> None:
    wrong = select(schema.callers.c.caller_id).where(text("no_such_column = 1"))
    with pytest.raises(Exception, match="no_such_column"):
        store.run(store.store.fetch(wrong, {}))
    assert looked_up(store, CALLER) == [CallerProfile()]
