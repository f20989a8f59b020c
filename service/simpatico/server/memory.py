"""The memory of a process: its database, spool and notebook beside it, and who looks after them while the service runs.

Without ``database.url`` there is none: nothing is kept of anybody, and the services that need it are not served.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable

from simpatico.config import DatabaseSettings
from simpatico.errors import ConfigError, DatabaseAwayError, LimitError
from simpatico.profiles import counters, notebook, operations
from simpatico.profiles.keys import KeyRing, parse_key_ring
from simpatico.profiles.spool import Spool
from simpatico.profiles.store import Store
from simpatico.server.logs import fields

__all__ = ["Memory", "Tally", "key_ring"]

log = logging.getLogger(__name__)


class Tally:
    """Counts that wait for the database, of what happens too often for a transaction of its own. A process that is killed loses its."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, name: str, by: int = 1) -> None:
        """Count."""
        self._counts[name] += by

    async def flush(self, store: Store) -> None:
        """Bring them into the database. Raises DatabaseAwayError; they wait on then."""
        waiting, self._counts = self._counts, Counter()
        if not waiting:
            return
        try:
            await store.write("service", counters.count_all, waiting)
        except DatabaseAwayError:
            self._counts.update(waiting)
            raise


class Memory:
    """A database, its spool, and the notebook of decisions that are on their way into either.

    Parameters
    ----------
    settings
        With a URL and secrets.
    clock
        Seconds since 1970, UTC.

    Attributes
    ----------
    tally
        Counts that go into the database with the next `tend`.

    Raises
    ------
    ConfigError, KeyRingError
        The URL or the secrets cannot be used.
    """

    def __init__(self, settings: DatabaseSettings, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.url = settings.url
        self.ring = key_ring(settings)
        self.store = Store(settings.url, self.ring, clock=clock)
        self.spool = Spool(settings.spool)
        self.notebook = notebook.Notebook(settings.spool)
        self.tally = Tally()
        self._settings = settings
        self._tending: asyncio.Task[None] | None = None
        self._opened = False
        self._away = False
        self._stopping = asyncio.Event()

    async def open(self) -> None:
        """Take up what killed processes left behind, make or upgrade the tables, and begin to look after the spool.

        A database on another machine may be away for now: the service starts, and it is tried again.

        Raises
        ------
        DatabaseAwayError
            A database that is a file cannot be opened.
        DatabaseVersionError
            Its tables are of another build.
        """
        await self._adopt()
        try:
            await self.store.open()
            self._opened = True
        except DatabaseAwayError as error:
            if self.store.embedded:
                raise
            self._away = True
            log.error("the database is away and is tried again: %s", error)
        self._tending = asyncio.create_task(self._tend())

    async def close(self) -> None:
        """Stop looking after it, and close all connections."""
        if self._tending is not None:
            self._stopping.set()
            await self._tending  # a query must not be torn from its connection
            self._tending = None
        if self._opened:
            with contextlib.suppress(DatabaseAwayError):
                await self.tally.flush(self.store)
                await self._anchor()
        await self.store.close()
        self.notebook.close()
        await asyncio.to_thread(self.spool.close)

    async def tend(self) -> None:
        """Bring counts, what waits in the spool and what killed processes left into the database, and anchor the audit log.

        What cannot be done now is left for the next time.
        """
        await self._adopt()
        try:
            if not self._opened:
                await self.store.open()
                self._opened = True
            done = await operations.replay(self.store, self.spool, now_s=self.clock())
            if done.applied or done.dropped:
                log.info("spool replayed", extra=fields(applied=done.applied, aside=done.aside, dropped=done.dropped))
            await self.tally.flush(self.store)
            await self._anchor()
            await self.store.ping()  # nothing may have waited, and others that find it away leave it to this to say so
        except DatabaseAwayError as error:
            self._away = True
            log.warning("the database is away: %s", error)
        else:
            if self._away:
                log.info("the database is back")
            self._away = False

    async def _tend(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._settings.tend_s)
                return
            try:
                await self.tend()
            except Exception:
                log.exception("the memory could not be looked after")

    async def _adopt(self) -> None:
        try:
            found = await operations.adopt_left_behind(self.spool, now_s=self.clock())
        except (DatabaseAwayError, LimitError) as error:
            log.error("what a killed process left behind cannot be taken up: %s", error)
        else:
            if found:
                log.warning("a killed process left decisions behind", extra=fields(decisions=found))

    async def _anchor(self) -> None:
        if self._settings.anchors is not None:
            await operations.anchor(self.store, self._settings.anchors)


def key_ring(settings: DatabaseSettings) -> KeyRing:
    """Read the deployment's secrets.

    Raises
    ------
    ConfigError, KeyRingError
        There are none, or they cannot be read or used.
    """
    path = settings.secrets
    if path is None:
        raise ConfigError(
            "database.url needs database.secrets, the key ring that callers' pseudonyms are hashed with: a file with a line such as "
            "'2026-11 ' and what `openssl rand -base64 32` prints",
            field="database.secrets",
        )
    try:
        return parse_key_ring(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not text in UTF-8"
        raise ConfigError(f"cannot read database.secrets {str(path)!r}: {why}", field="database.secrets") from None
