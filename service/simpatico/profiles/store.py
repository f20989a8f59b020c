"""The database behind one object: opens it, runs queries in transactions, and turns its failures into ours.

Queries are plain functions of a `Work` (a connection in a transaction, the secrets, who asks, and when), so that there is one set of
them. `Store` runs them on an async engine for the server; `BlockingStore` is the same thing for a command line. One transaction is one
call of `read` or `write`: it commits as a whole or leaves nothing. A write that collides with another process's is run once more.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Concatenate, Final, ParamSpec, Self, TypeVar

import asyncpg
from sqlalchemy import Connection, Select, literal_column, select
from sqlalchemy.exc import DatabaseError, DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from simpatico.errors import DatabaseAwayError, ProfileError
from simpatico.profiles import migrate
from simpatico.profiles.backends import make_backend
from simpatico.profiles.engine import password_of
from simpatico.profiles.keys import KeyRing

__all__ = ["BlockingStore", "Store", "Work"]

P = ParamSpec("P")
T = TypeVar("T")
ATTEMPTS = 3
"""Runs of a write that collides with others before it is given up."""
_COLLIDED = ("40001", "40P01")
"""PostgreSQL's SQLSTATE of a serialisation failure and of a deadlock: the transaction left nothing and may be run again."""
_AWAY_CLASSES = ("08", "28", "3D", "53", "57P", "58")
"""How PostgreSQL's SQLSTATE begins when it is not the query's fault: no connection, not let in, no such database, no resources (disk,
memory, connections), shutting down or still starting, system errors (PostgreSQL manual, appendix A)."""
LONGEST_CAUSE = 200
"""Characters of what the driver says."""
_NOTHING: Final[Select[Any]] = select(literal_column("1"))
_READ_ONLY = "25006"
"""To a write: the server is a standby. To a read: a query of ours that should not write does."""
_AWAY = (OperationalError, InterfaceError, PoolTimeoutError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Work:
    """What a query needs: ``connection`` in a transaction; ``now_s`` since 1970, UTC; ``actor`` for the audit log (a role)."""

    connection: Connection
    ring: KeyRing
    now_s: float
    actor: str


Query = Callable[Concatenate[Work, P], T]


class Store:
    """A database, for asynchronous use.

    Parameters
    ----------
    url
        ``sqlite:///path`` (three slashes for a relative path, four for an absolute one) or ``postgresql://user:password@host:port/name``.
    ring
        The deployment's secrets.
    clock
        Seconds since 1970, UTC.
    threads
        Whether queries on SQLite run on threads, so that the event loop goes on meanwhile. A query may then run at the same time as what
        called for it, and must not touch what the loop changes.

    Raises
    ------
    ConfigError
        When the URL is not one of these.
    """

    def __init__(self, url: str, ring: KeyRing, *, clock: Callable[[], float] = time.time, threads: bool = True) -> None:
        self._backend = make_backend(url, threads=threads)
        self._password = password_of(url)
        self._ring = ring
        self._clock = clock

    @property
    def embedded(self) -> bool:
        """Whether the database is a file of ours (SQLite)."""
        return self._backend.embedded

    async def open(self, *, upgrade: bool = True) -> None:
        """Make or upgrade the tables; with ``upgrade`` False only check that they are this build's, and make no file.

        Raises
        ------
        DatabaseAwayError, DatabaseVersionError
        """
        self._backend.makes = upgrade
        try:
            await self._run(migrate.upgrade if upgrade else migrate.check, read_only=not upgrade)
        except DatabaseAwayError as error:
            if not self.embedded or error.field:
                raise
            path = self._backend.database
            raise DatabaseAwayError(f"{str(error).partition('; ')[0]}: {path!r}; give database.url a file that can be written") from error

    async def read(self, query: Query[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a query that changes nothing; all its statements see the database at one moment.

        Raises
        ------
        DatabaseAwayError
            When the database cannot be reached. Errors of the query pass through.
        """
        return await self._run(lambda c: query(self._work(c, "read"), *args, **kwargs), read_only=True)

    async def write(self, actor: str, query: Query[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a query in a transaction that commits when it returns and leaves nothing when it raises.

        Raises
        ------
        DatabaseAwayError
            When the database cannot be reached. It is then unknown whether the last commit arrived: queries are safe to repeat.
        """
        return await self._run(lambda c: query(self._work(c, actor), *args, **kwargs), read_only=False)

    async def fetch(self, statement: Select[Any], values: Mapping[str, str]) -> Sequence[Sequence[Any]]:
        """Run one statement that reads, by itself, as the driver does: its rows are the driver's, JSON is text. For what is asked at every
        call; ``statement`` is a constant, of which everything is made once.

        Raises
        ------
        DatabaseAwayError
            When the database cannot be reached.
        """
        try:
            return await self._backend.fetch(statement, values)
        except Exception as error:
            if _is_away(error):
                raise self._away(error) from error
            raise

    async def scrub(self, *, deep: bool = False) -> bool:
        """Remove what deleted rows left in the database's files; see `engine.scrub_sqlite`. Returns whether all of it went."""
        try:
            return await self._backend.scrub(deep=deep)
        except (DBAPIError, *_AWAY) as error:
            if _is_away(error):
                raise self._away(error) from error
            raise

    async def ping(self) -> None:
        """See whether the database answers.

        Raises
        ------
        DatabaseAwayError
            It does not; the message says why.
        """
        await self.fetch(_NOTHING, {})

    async def close(self) -> None:
        """Close all connections."""
        await self._backend.close()

    @property
    def ring(self) -> KeyRing:
        """The deployment's secrets."""
        return self._ring

    def _work(self, connection: Connection, actor: str) -> Work:
        return Work(connection, self._ring, self._clock(), actor)

    async def _run(self, action: Callable[[Connection], T], *, read_only: bool) -> T:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._backend.transact(action, read_only=read_only)
            except IntegrityError as error:
                if attempt == ATTEMPTS:
                    raise ProfileError(f"the write collided with others {ATTEMPTS} times: {error.orig}; try again") from error
            except DBAPIError as error:
                if _sqlstate(error) in _COLLIDED and attempt < ATTEMPTS:
                    continue
                if _is_away(error) or (_sqlstate(error) == _READ_ONLY and not read_only):
                    raise self._away(error) from error
                raise
            except _AWAY as error:
                raise self._away(error) from error
        raise AssertionError("unreachable")

    def _away(self, error: BaseException) -> DatabaseAwayError:
        """Return what to raise: with what the driver or the server says, in one line, and without a password."""
        cause = getattr(error, "orig", None) or error
        why = " ".join(str(cause).split())
        if self._password:
            why = why.replace(self._password, "***")
        return DatabaseAwayError(f"the database cannot be reached ({type(cause).__name__}: {why[:LONGEST_CAUSE]}); try again later")


def _sqlstate(error: BaseException) -> str:
    return getattr(getattr(error, "orig", error), "sqlstate", None) or ""


def _is_away(error: BaseException) -> bool:
    """Return whether it is the database that fails, not the query."""
    if isinstance(error, (*_AWAY, asyncpg.InterfaceError, sqlite3.OperationalError)) or type(error) is sqlite3.DatabaseError:
        return True
    if not isinstance(error, DBAPIError):
        return _sqlstate(error).startswith(_AWAY_CLASSES)
    # sqlite3's plain DatabaseError: "file is not a database", "disk image is malformed".
    return error.connection_invalidated or type(error) is DatabaseError or _sqlstate(error).startswith(_AWAY_CLASSES)


class BlockingStore:
    """A `Store` for programs without an event loop; use it in a ``with`` statement, which opens and closes it."""

    def __init__(self, url: str, ring: KeyRing, *, clock: Callable[[], float] = time.time, upgrade: bool = True) -> None:
        self.store = Store(url, ring, clock=clock, threads=False)
        self._upgrade = upgrade
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        """Open."""
        try:
            self._runner.run(self.store.open(upgrade=self._upgrade))
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close."""
        self._runner.run(self.store.close())
        self._runner.close()

    def read(self, query: Query[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `Store.read`."""
        return self._runner.run(self.store.read(query, *args, **kwargs))

    def write(self, actor: str, query: Query[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `Store.write`."""
        return self._runner.run(self.store.write(actor, query, *args, **kwargs))

    def run(self, work: Any) -> Any:
        """Wait for a coroutine that uses ``self.store``."""
        return self._runner.run(work)
