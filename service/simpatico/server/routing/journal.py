"""Decisions on their way into the database: written down after the answer, in batches, by one writer; into the spool while it is away.

A decision of a thousand agents is a hundred kilobytes of text. It is put together on a thread, so that live calls do not wait for it, and
the statements of a batch are one transaction: one entry into the audit log's chain after another, but one commit.
"""

from __future__ import annotations

import asyncio
import logging

from simpatico.errors import SimpaticoError
from simpatico.profiles import operations
from simpatico.profiles.decisions import Prepared, prepare
from simpatico.routing.types import Decision
from simpatico.server.memory import Memory

__all__ = ["MAX_BEHIND", "Journal"]

BATCH = 32
"""Decisions of one transaction: a few milliseconds of statements, a few megabytes of text."""
MAX_BEHIND = 1000
"""Decisions that may wait to be written; then rankings that would add to them are answered neutrally and not kept."""

log = logging.getLogger(__name__)


class Journal:
    """Writes decisions for one process.

    Parameters
    ----------
    memory
        Of the process.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._waiting: list[tuple[str, Decision]] = []
        self._pending: dict[str, asyncio.Future[None]] = {}
        self._writer: asyncio.Task[None] | None = None

    @property
    def full(self) -> bool:
        """Whether so many decisions wait that no more should come."""
        return len(self._pending) >= MAX_BEHIND

    def write(self, caller_id: str, decision: Decision) -> None:
        """Take a decision of a caller who has agreed; it is written soon."""
        self._waiting.append((caller_id, decision))
        self._pending[decision.decision_id] = asyncio.get_running_loop().create_future()
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())

    async def written(self, decision_id: str) -> None:
        """Wait until a decision of this process is written down: its outcome may be reported before."""
        pending = self._pending.get(decision_id)
        if pending is not None:
            await asyncio.shield(pending)

    async def close(self) -> None:
        """Wait until the last is written down."""
        while self._pending:
            await asyncio.wait(tuple(self._pending.values()))

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            try:
                prepared = await asyncio.to_thread(_prepared, batch)
                memory = self._memory
                await operations.log_decisions(memory.store, memory.spool, prepared, now_s=memory.clock())
            except Exception:
                log.exception("decisions could not be written down")
            finally:
                for _, decision in batch:
                    self._pending.pop(decision.decision_id).set_result(None)


def _prepared(batch: list[tuple[str, Decision]]) -> list[tuple[str, Prepared]]:
    """Put rows together; one that cannot be stored is left out, and said, so that it does not take the others with it."""
    found = []
    for caller_id, decision in batch:
        try:
            found.append((caller_id, prepare(decision)))
        except SimpaticoError as error:
            log.error("a decision cannot be written down: %s", error)
    return found
