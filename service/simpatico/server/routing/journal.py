"""Decisions on their way into the database: noted down in a file before the answer, written down after it, in batches, by one writer; into
the spool while the database is away. While the spool cannot be used either (a full disk) they wait in memory.

The note is for a process that is killed in between: whoever comes next finds it (`simpatico.profiles.notebook`). A decision is put
together once, as the bytes that the note, the row and the spool all hold. The writer waits a moment, so that what comes meanwhile goes
along: a batch is one transaction of as many statements as one decision takes, and one hand-over to a thread and back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from simpatico.errors import DatabaseAwayError, SimpaticoError, UnknownDecisionError
from simpatico.profiles import operations
from simpatico.profiles.decision_rows import Prepared, prepare
from simpatico.profiles.decisions import Recorded
from simpatico.routing.types import Decision, Outcome
from simpatico.server.memory import Memory

__all__ = ["ELSEWHERE_S", "MAX_BEHIND", "Journal"]

BATCH = 64
"""Decisions of one transaction: some ten milliseconds of statements, a few megabytes."""
GATHER_S = 0.1
"""How long the first of a batch waits for others, unless its outcome is reported."""
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
        self._waiting: list[tuple[str, Prepared]] = []
        self._pending: dict[str, asyncio.Future[bool]] = {}  # False when an attempt has failed, and there is another future for the next
        self._writer: asyncio.Task[None] | None = None
        self._noting = self._writing = True
        self._closing = asyncio.Event()
        self._hurry = asyncio.Event()
        self._unsure = 0

    @property
    def full(self) -> bool:
        """Whether so many decisions wait that no more should come."""
        return len(self._pending) >= MAX_BEHIND

    def write(self, caller_id: str, decision: Decision) -> None:
        """Take a decision of a caller who has agreed: it is noted down now, and written soon."""
        try:
            prepared = prepare(decision)
        except SimpaticoError as error:
            log.error("a decision cannot be written down: %s", error)
            return
        self._note(caller_id, prepared)
        self._waiting.append((caller_id, prepared))
        self._pending[decision.decision_id] = asyncio.get_running_loop().create_future()
        if len(self._waiting) >= BATCH:
            self._hurry.set()
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())

    def _note(self, caller_id: str, prepared: Prepared) -> None:
        try:
            self._memory.notebook.note(caller_id, prepared)
            self._noting = True
        except Exception as error:
            if self._noting or not isinstance(error, OSError):  # once for a disk that is full
                log.exception("decisions cannot be noted down; if this process is killed now, the last ones are lost")
            self._noting = False

    async def written(self, decision_id: str) -> None:
        """Wait until a decision of this process is written down: its outcome may be reported before."""
        while (pending := self._pending.get(decision_id)) is not None:
            self._hurry_with(decision_id)
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
        if pending is not None:
            self._hurry_with(decision_id)
            if not await asyncio.shield(pending):
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
        self._hurry.set()
        while self._pending:
            await asyncio.wait(tuple(self._pending.values()))

    async def _write(self) -> None:
        while self._waiting:
            await self._gathered()
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            last = self._closing.is_set()
            if await self._written_down(batch):
                self._strike_out(batch)
            elif not last:
                self._waiting = batch + self._waiting
                for _, made in batch:
                    self._pending[made.decision_id].set_result(False)
                    self._pending[made.decision_id] = asyncio.get_running_loop().create_future()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), AGAIN_S)
                continue
            for _, made in batch:
                self._pending.pop(made.decision_id).set_result(True)

    def _hurry_with(self, decision_id: str) -> None:
        """Let a decision wait for no others, unless it is being written already."""
        if any(made.decision_id == decision_id for _, made in self._waiting):
            self._hurry.set()

    async def _gathered(self) -> None:
        """Wait until there are enough for a batch, or somebody waits for one of them, or it has been long enough."""
        if len(self._waiting) < BATCH and not self._closing.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), GATHER_S)
        self._hurry.clear()

    async def _written_down(self, batch: list[tuple[str, Prepared]]) -> bool:
        """Whether the database or the spool has a batch, or it is given up for a defect of ours; False when both refuse for now."""
        memory = self._memory
        try:
            await operations.log_decisions(memory.store, memory.spool, batch, now_s=memory.clock())
        except DatabaseAwayError as error:
            if self._writing:
                log.error("decisions wait: neither the database nor the spool takes them: %s", error)
            self._writing = False
            return False
        except Exception:
            log.exception("decisions could not be written down")
        self._writing = True
        return True

    def _strike_out(self, batch: list[tuple[str, Prepared]]) -> None:
        try:
            self._memory.notebook.done(made.decision_id for _, made in batch)
        except OSError:
            log.exception("decisions that are written down cannot be struck out")
