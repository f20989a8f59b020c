"""Decisions on their way into the database: noted down in a file before the answer, written down after it, in batches, by one writer; into
the spool while the database is away. While the spool cannot be used either (a full disk) they wait in memory.

The note is for a process that is killed in between: whoever comes next finds it (`simpatico.profiles.notebook`). A decision of a thousand
agents is a hundred kilobytes of text. It is put together on a thread, so that live calls do not wait for it, and the statements of a batch
are one transaction: one entry into the audit log's chain after another, but one commit.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from simpatico.errors import DatabaseAwayError, SimpaticoError, UnknownDecisionError
from simpatico.profiles import operations
from simpatico.profiles.decisions import Prepared, Recorded, prepare
from simpatico.routing.types import Decision, Outcome
from simpatico.server.memory import Memory

__all__ = ["ELSEWHERE_S", "MAX_BEHIND", "Journal"]

BATCH = 32
"""Decisions of one transaction: a few milliseconds of statements, a few megabytes of text."""
ELSEWHERE_S = 2.0
"""How long a report waits for a decision that is not there: another process may be about to write it down. With a thousand waiting there
(`MAX_BEHIND`) that takes about as long."""
FIRST_PAUSE_S = 0.025
"""Before the database is asked again; each pause is twice as long."""
AGAIN_S = 1.0
"""Before decisions that neither database nor spool takes are tried again."""
MAX_UNSURE = 100
"""Reports that may wait so at once; more are refused at once."""
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
        self._pending: dict[str, asyncio.Future[bool]] = {}  # False when an attempt has failed, and there is another future for the next
        self._writer: asyncio.Task[None] | None = None
        self._noting = self._writing = True
        self._closing = asyncio.Event()
        self._unsure = 0

    @property
    def full(self) -> bool:
        """Whether so many decisions wait that no more should come."""
        return len(self._pending) >= MAX_BEHIND

    def write(self, caller_id: str, decision: Decision) -> None:
        """Take a decision of a caller who has agreed: it is noted down now, and written soon."""
        self._note(caller_id, decision)
        self._waiting.append((caller_id, decision))
        self._pending[decision.decision_id] = asyncio.get_running_loop().create_future()
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())

    def _note(self, caller_id: str, decision: Decision) -> None:
        try:
            self._memory.notebook.note(caller_id, decision)
            self._noting = True
        except Exception as error:
            if self._noting or not isinstance(error, OSError):  # once for a disk that is full
                log.exception("decisions cannot be noted down; if this process is killed now, the last ones are lost")
            self._noting = False

    async def written(self, decision_id: str) -> None:
        """Wait until a decision of this process is written down: its outcome may be reported before."""
        while (pending := self._pending.get(decision_id)) is not None:
            await asyncio.shield(pending)

    async def report(self, request_id: str, decision_id: str, outcome: Outcome, taken: str | None) -> Recorded:
        """Record an outcome, once its decision is written down, here or in another process that ranked a moment ago.

        Raises
        ------
        UnknownDecisionError, UnknownAgentError, RequestConflictError, OutcomeError
            As `operations.record_outcome`; the first after `ELSEWHERE_S`.
        DatabaseAwayError
            Neither database nor spool takes it, or has taken its decision so far: it is to be sent again.
        """
        pending = self._pending.get(decision_id)
        if pending is not None and not await asyncio.shield(pending):
            raise DatabaseAwayError("this decision could not be written down so far; report it again")
        memory, paused_s, pause_s = self._memory, 0.0, FIRST_PAUSE_S
        while True:
            try:
                return await operations.record_outcome(
                    memory.store, memory.spool, request_id, decision_id, outcome, taken, now_s=memory.clock()
                )
            except UnknownDecisionError:
                if paused_s >= ELSEWHERE_S or self._unsure >= MAX_UNSURE:
                    raise
            self._unsure += 1
            try:
                await asyncio.sleep(pause_s)
            finally:
                self._unsure -= 1
            paused_s += pause_s
            pause_s = min(2.0 * pause_s, ELSEWHERE_S - paused_s)

    async def close(self) -> None:
        """Wait until the last is written down, or until it is plain that it cannot be: then it stays noted down."""
        self._closing.set()
        while self._pending:
            await asyncio.wait(tuple(self._pending.values()))

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            last = self._closing.is_set()
            if await self._written_down(batch):
                self._strike_out(batch)
            elif not last:
                self._waiting = batch + self._waiting
                for _, decision in batch:
                    self._pending[decision.decision_id].set_result(False)
                    self._pending[decision.decision_id] = asyncio.get_running_loop().create_future()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), AGAIN_S)
                continue
            for _, decision in batch:
                self._pending.pop(decision.decision_id).set_result(True)

    async def _written_down(self, batch: list[tuple[str, Decision]]) -> bool:
        """Whether the database or the spool has a batch, or it is given up for a defect of ours; False when both refuse for now."""
        memory = self._memory
        try:
            prepared = await asyncio.to_thread(_prepared, batch)
            await operations.log_decisions(memory.store, memory.spool, prepared, now_s=memory.clock())
        except DatabaseAwayError as error:
            if self._writing:
                log.error("decisions wait: neither the database nor the spool takes them: %s", error)
            self._writing = False
            return False
        except Exception:
            log.exception("decisions could not be written down")
        self._writing = True
        return True

    def _strike_out(self, batch: list[tuple[str, Decision]]) -> None:
        try:
            self._memory.notebook.done(decision.decision_id for _, decision in batch)
        except OSError:
            log.exception("decisions that are written down cannot be struck out")


def _prepared(batch: list[tuple[str, Decision]]) -> list[tuple[str, Prepared]]:
    """Put rows together; one that cannot be stored is left out, and said, so that it does not take the others with it."""
    found = []
    for caller_id, decision in batch:
        try:
            found.append((caller_id, prepare(decision)))
        except SimpaticoError as error:
            log.error("a decision cannot be written down: %s", error)
    return found
