"""Tables are made and changed step by step: Alembic's migrations in `migrations/`, run inside the transaction of the caller."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from simpatico.errors import DatabaseVersionError

__all__ = ["check", "configuration", "current", "downgrade", "newest", "upgrade"]

_LOCK = 0x53494D50
"""PostgreSQL advisory lock ("SIMP"): several processes may start at once."""


def configuration(connection: Connection) -> Config:
    """Return Alembic's configuration for an open connection; there is no file of it."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def newest() -> str:
    """Return the revision that this build's tables have."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return str(ScriptDirectory.from_config(config).get_current_head())


def current(connection: Connection) -> str | None:
    """Return the revision of the database, None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def upgrade(connection: Connection) -> None:
    """Bring the tables up to this build's.

    Raises
    ------
    DatabaseVersionError
        When the database is from a newer build.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    found = current(connection)
    if found == newest():
        return
    _refuse_unknown(found)
    command.upgrade(configuration(connection), "head")


def downgrade(connection: Connection, revision: str) -> None:
    """Take the tables back to a revision ("base" for none); what they hold beyond it is lost."""
    command.downgrade(configuration(connection), revision)


def check(connection: Connection) -> None:
    """Refuse a database whose tables are not this build's.

    Raises
    ------
    DatabaseVersionError
        With what to do.
    """
    found = current(connection)
    if found != newest():
        _refuse_unknown(found)
        raise DatabaseVersionError(
            f"the database's tables are of revision {found}, this build needs {newest()}; run: simpatico database upgrade"
        )


def _refuse_unknown(found: str | None) -> None:
    script = ScriptDirectory(str(Path(__file__).parent / "migrations"))
    if found is not None and found not in {revision.revision for revision in script.walk_revisions()}:
        raise DatabaseVersionError(
            f"the database's tables are of revision {found}, which this build does not know (its newest is {newest()}); use the newer build"
        )
