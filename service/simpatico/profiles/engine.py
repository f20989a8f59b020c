"""Engines: SQLite for one machine, PostgreSQL for more, made alike enough that no query asks which it is.

SQLite: write-ahead log; a commit is on the disk when it returns (``synchronous=FULL``); foreign keys are checked; deleted content is
overwritten (``secure_delete``); transactions that write take the lock when they begin, so that two of them queue up rather than fail
half-way.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from simpatico.errors import ConfigError
from simpatico.profiles.schema import metadata

__all__ = ["make_engine", "password_of", "scrub_postgresql", "scrub_sqlite"]

BUSY_TIMEOUT_MS = 5_000
"""How long a SQLite transaction waits for another's lock."""
CONNECT_TIMEOUT_S = 5.0
COMMAND_TIMEOUT_S = 30.0
"""PostgreSQL: a query that takes longer is given up. Migrations of large tables are run by the command line."""
POOL = 8
"""Connections a process keeps to PostgreSQL."""
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "secure_delete=ON",
    f"busy_timeout={BUSY_TIMEOUT_MS}",
    "trusted_schema=OFF",
)


def make_engine(url: str) -> AsyncEngine | Engine:
    """Return an engine that connects when it is first used; an asynchronous one for PostgreSQL.

    Raises
    ------
    ConfigError
        When the URL is not of SQLite or PostgreSQL. A password in it is not repeated.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        raise ConfigError(
            "database.url is not a URL; use sqlite:///simpatico.db or postgresql://user@host:5432/name", field="database.url"
        ) from None
    if parsed.drivername == "sqlite":
        return _sqlite(parsed)
    if parsed.drivername in ("postgresql", "postgres"):
        options: dict[str, Any] = {"timeout": CONNECT_TIMEOUT_S, "command_timeout": COMMAND_TIMEOUT_S}
        return create_async_engine(
            parsed.set(drivername="postgresql+asyncpg"), pool_size=POOL, max_overflow=0, pool_pre_ping=True, connect_args=options
        )
    raise ConfigError(
        f"database.url is of {parsed.drivername!r}; use sqlite:///simpatico.db or postgresql://user@host/name", field="database.url"
    )


def password_of(url: str) -> str:
    """Return the password in a URL that `make_engine` takes, or "": it must not be said of what goes wrong."""
    parsed = make_url(url)
    query = parsed.query.get("password", "")
    return parsed.password or (query if isinstance(query, str) else query[-1])


def _sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:":
        raise ConfigError("database.url names no file; use sqlite:///simpatico.db, or switch the memory off", field="database.url")
    engine = create_engine(url.set(drivername="sqlite"), connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        # Transactions are begun below, not by the driver's own guess at what needs one.
        connection.isolation_level = None
        try:
            cursor = connection.cursor()
            for pragma in _PRAGMAS:
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()
        except BaseException:
            # Nobody else will: the pool has not seen it yet.
            connection.close()
            raise

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("isolation_level") == "AUTOCOMMIT":
            return
        read_only = options.get("simpatico_read_only", False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def scrub_sqlite(engine: Engine, *, deep: bool) -> bool:
    """Remove from a database's files what deleted rows left behind.

    SQLite overwrites deleted content in place; what is left is the write-ahead log, which is emptied here. ``deep`` writes every table anew
    (VACUUM), which blocks writers meanwhile: for the hour of the purge.

    Returns
    -------
    bool
        Whether it is done; False when a reader kept the log from being emptied: try again.
    """
    with engine.connect() as opened:
        connection = opened.execution_options(isolation_level="AUTOCOMMIT")
        if deep:
            connection.execute(text("VACUUM"))
        busy = connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)")).scalar_one()
        return int(busy) == 0


async def scrub_postgresql(engine: AsyncEngine, *, deep: bool) -> bool:
    """Vacuum the tables, as PostgreSQL keeps dead rows until then; returns True.

    ``deep`` writes every table anew (VACUUM FULL), which blocks writers meanwhile. PostgreSQL's own write-ahead log and all backups are the
    operator's (`docs/database.md`).
    """
    async with engine.connect() as opened:
        connection = await opened.execution_options(isolation_level="AUTOCOMMIT")
        for table in metadata.sorted_tables:
            await connection.execute(text(f"VACUUM {'(FULL)' if deep else ''} {table.name}"))
        if deep:
            await connection.execute(text("CHECKPOINT"))
        return True
