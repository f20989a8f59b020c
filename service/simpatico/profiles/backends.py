"""How transactions reach a database: SQLite on threads of the process's own, PostgreSQL over the network on the event loop.

A transaction on SQLite is handed to a thread once and comes back once, however many statements it has. (A driver that hands over each
statement by itself costs a ranking of a known caller more than its arithmetic: `docs/decisions/0189-known-callers.md`.)
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Dialect, Engine, PoolProxiedConnection, Select
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.sql.compiler import SQLCompiler

from simpatico.errors import DatabaseAwayError
from simpatico.profiles import engine as engines

__all__ = ["Backend", "Embedded", "Remote", "make_backend"]

T = TypeVar("T")
READERS = 4
"""Threads that read SQLite at once; writes have one of their own, and so have single statements."""
_READ, _WRITE, _FETCH = "read", "write", "fetch"


class Backend(Protocol):
    """What runs transactions. Errors of the driver pass through.

    Attributes
    ----------
    embedded
        Whether the database is a file of ours.
    makes
        Whether a file that is not there is made.
    database
        Path of the file, or name of the database.
    """

    embedded: bool
    makes: bool
    database: str

    async def transact(self, action: Callable[[Connection], T], *, read_only: bool) -> T:
        """Run an action in a transaction that commits when it returns and leaves nothing when it raises."""

    async def fetch(self, statement: Select[Any], values: Mapping[str, str]) -> Sequence[Sequence[Any]]:
        """Run one statement that reads, by itself, and return its rows as the driver has them.

        Of a statement that is a constant everything is made once: that, a connection of its own, and no transaction around it make it cost
        a tenth of `transact`. Raises the driver's own errors.
        """

    async def scrub(self, *, deep: bool) -> bool:
        """As `engine.scrub_sqlite` and `engine.scrub_postgresql`."""

    async def close(self) -> None:
        """Close all connections, once what was begun has ended; what is asked later opens new ones."""


class _Compiled:
    """The text of statements in one dialect, and in which order it takes their parameters."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._texts: dict[int, tuple[Select[Any], str, Sequence[str]]] = {}

    def of(self, statement: Select[Any], values: Mapping[str, str]) -> tuple[str, list[str]]:
        """Return the text and its parameters."""
        held = self._texts.get(id(statement))
        if held is None:
            made = statement.compile(dialect=self._dialect)
            assert isinstance(made, SQLCompiler)
            held = self._texts[id(statement)] = statement, str(made), made.positiontup or ()
        return held[1], [values[name] for name in held[2]]


class Embedded:
    """SQLite.

    Parameters
    ----------
    engine
        Of the file.
    threads
        Whether transactions run on threads, so that an event loop goes on meanwhile; False runs them in the thread that asks.
    """

    embedded = True

    def __init__(self, engine: Engine, *, threads: bool) -> None:
        self._engine = engine
        self.database = engine.url.database or ""
        self._path = Path(self.database)
        self._threads = threads
        self._pools: dict[str, ThreadPoolExecutor] = {}
        self._fetching: PoolProxiedConnection | None = None
        self._compiled = _Compiled(engine.dialect)
        self._turn = asyncio.Lock()
        self.makes = True

    async def transact(self, action: Callable[[Connection], T], *, read_only: bool) -> T:
        """As `Backend.transact`.

        Raises
        ------
        DatabaseAwayError
            There is no such file, or others write for too long.
        """
        self._check_file()
        if read_only:
            return await self._on(_READ, lambda: self._transact(action, read_only=True))
        # There is one writer: others wait here, where they hold neither a thread nor a connection that a reader could use.
        if self._turn.locked():
            try:
                await asyncio.wait_for(self._turn.acquire(), engines.BUSY_TIMEOUT_MS / 1000.0)
            except TimeoutError as error:
                raise DatabaseAwayError("the database is locked by whoever writes to it; try again later") from error
        else:
            await self._turn.acquire()
        try:
            return await self._on(_WRITE, lambda: self._transact(action, read_only=False))
        finally:
            self._turn.release()

    async def fetch(self, statement: Select[Any], values: Mapping[str, str]) -> Sequence[Sequence[Any]]:
        """As `Backend.fetch`; raises as `transact`."""
        self._check_file()
        text, ordered = self._compiled.of(statement, values)
        return await self._on(_FETCH, lambda: self._fetch(text, ordered))

    async def scrub(self, *, deep: bool) -> bool:
        """As `engine.scrub_sqlite`."""
        return await self._on(_WRITE, lambda: engines.scrub_sqlite(self._engine, deep=deep))

    async def close(self) -> None:
        """As `Backend.close`."""
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            await asyncio.to_thread(pool.shutdown)
        if self._fetching is not None:
            self._fetching.close()
            self._fetching = None
        self._engine.dispose()

    def _transact(self, action: Callable[[Connection], T], *, read_only: bool) -> T:
        with self._engine.connect() as connection:
            chosen = connection.execution_options(simpatico_read_only=read_only)
            with chosen.begin():
                return action(chosen)

    def _fetch(self, text: str, values: Sequence[str]) -> Sequence[Sequence[Any]]:
        if self._fetching is None:
            self._fetching = self._engine.raw_connection()
        connection: Any = self._fetching.driver_connection
        try:
            found: Sequence[Sequence[Any]] = connection.execute(text, values).fetchall()
        except sqlite3.Error:
            self._fetching.invalidate()
            self._fetching = None
            raise
        return found

    async def _on(self, kind: str, work: Callable[[], T]) -> T:
        if not self._threads:
            return work()
        pool = self._pools.get(kind)
        if pool is None:
            pool = self._pools[kind] = ThreadPoolExecutor(READERS if kind == _READ else 1, f"database-{kind}")
        return await asyncio.get_running_loop().run_in_executor(pool, work)

    def _check_file(self) -> None:
        path = self._path
        if path.exists():
            return
        if not path.parent.is_dir():
            raise DatabaseAwayError(f"there is no folder for the database {str(path)!r}; make it first", field="database.url")
        if not self.makes:
            raise DatabaseAwayError(f"there is no database {str(path)!r}; is that the file that the service uses?", field="database.url")
        # For its owner's eyes from the first moment on; SQLite gives its other files the same rights, and says what is wrong otherwise.
        with contextlib.suppress(OSError):
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


class Remote:
    """PostgreSQL."""

    embedded = False

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self.makes = True
        self.database = engine.url.database or ""
        self._fetching: PoolProxiedConnection | None = None
        self._turn = asyncio.Lock()
        self._compiled = _Compiled(engine.dialect)

    async def transact(self, action: Callable[[Connection], T], *, read_only: bool) -> T:
        """As `Backend.transact`."""
        async with self._engine.connect() as connection:
            chosen = connection
            if read_only:
                # One snapshot for all of a query's statements, as SQLite gives; this travels with BEGIN and costs no round trip.
                chosen = await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            async with chosen.begin():
                return await chosen.run_sync(action)

    async def fetch(self, statement: Select[Any], values: Mapping[str, str]) -> Sequence[Sequence[Any]]:
        """As `Backend.fetch`. A connection that was kept may have been closed by the server since: then it is tried with a new one."""
        text, ordered = self._compiled.of(statement, values)
        async with self._turn:
            kept = self._fetching is not None
            try:
                return await self._fetch(text, ordered)
            except TimeoutError:
                raise
            except Exception:  # asyncpg has an error of its own kind for each state that a connection may have been lost in
                if not kept:
                    raise
            return await self._fetch(text, ordered)

    async def _fetch(self, text: str, values: Sequence[str]) -> Sequence[Sequence[Any]]:
        if self._fetching is None:
            self._fetching = await self._engine.raw_connection()
        connection: Any = self._fetching.driver_connection
        try:
            found: Sequence[Sequence[Any]] = await connection.fetch(text, *values)
        except BaseException:
            self._fetching.invalidate()
            self._fetching = None
            raise
        return found

    async def scrub(self, *, deep: bool) -> bool:
        """As `engine.scrub_postgresql`."""
        return await engines.scrub_postgresql(self._engine, deep=deep)

    async def close(self) -> None:
        """As `Backend.close`."""
        if self._fetching is not None:
            self._fetching.invalidate()
            self._fetching = None
        await self._engine.dispose()


def make_backend(url: str, *, threads: bool) -> Backend:
    """Return what runs transactions on a database; it connects when it is first used. Raises ConfigError as `engine.make_engine`."""
    engine = engines.make_engine(url)
    return Remote(engine) if isinstance(engine, AsyncEngine) else Embedded(engine, threads=threads)
