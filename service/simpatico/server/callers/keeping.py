"""Calls of named callers: looked up when they begin, kept when they end, if the caller agrees then. Nothing here is in the way of audio.

Rules:
1. A caller is looked up once, beside the call. While the database is away, or slow, the call goes on as that of somebody unknown.
2. What is kept is decided by the consent that holds at the end of the call, in the transaction that keeps it. Consent that ended during
   the call holds, also when it was given anew: nothing of this call is kept.
3. A caller who was known to agree is kept through an outage by the spool. Of one who was not, nothing is.
4. Nothing here is an error for the client: what goes wrong is in the log, and the call's final says whether it was kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from simpatico.config import CallerSettings
from simpatico.errors import ConsentError, DatabaseAwayError, DuplicateCallError, RequestConflictError, SimpaticoError
from simpatico.profiles import callers, calls, operations
from simpatico.profiles.habits import CallTime
from simpatico.profiles.records import CallRecord, Consent
from simpatico.profiles.texts import NotKept
from simpatico.server.access.principals import acting
from simpatico.server.callers.consents import Consents, Said
from simpatico.server.callers.kept import NO_DATABASE, Keeping
from simpatico.server.callers.named import NamedCaller
from simpatico.server.exchange import Exchange
from simpatico.server.memory import Memory
from simpatico.server.status import fault_of
from simpatico.types import CallAnalysis

__all__ = ["NO_DATABASE", "Keeper", "Keeping", "NamedCall"]

LOOK_S = 5.0
"""How often it is looked whether the callers of open calls still agree: another machine may have been told otherwise."""
WAIT_S = 1.0
"""How long a final waits to say whether its call was kept. A commit takes milliseconds; nobody waits out an outage."""
UNAVAILABLE = "unavailable"

log = logging.getLogger(__name__)
T = TypeVar("T")


class Keeper:
    """For one process.

    Parameters
    ----------
    memory, exchange
        Of the process.
    settings
        Section ``callers``.

    Attributes
    ----------
    consents
        What callers say.
    """

    def __init__(self, memory: Memory, exchange: Exchange, settings: CallerSettings) -> None:
        self.memory = memory
        self.settings = settings
        self.consents = Consents(memory, exchange, settings)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._calls: set[NamedCall] = set()
        self._looking: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    def begin(
        self, caller: NamedCaller, tell: Callable[[str, str], None] | None = None, end: Callable[[Exception], None] | None = None
    ) -> NamedCall:
        """Return a named caller's call, which is being looked up.

        Parameters
        ----------
        caller
            Who.
        tell
            Called with kind and label of what the client is to be told: "consent", or "consent_failed".
        end
            Called when the call is to end because its caller withdrew or objected.
        """
        call = NamedCall(self, caller, tell, end)
        self._calls.add(call)
        if self._looking is None or self._looking.done():
            self._looking = self.spawn(self._look())
        return call

    def ended(self, call: NamedCall) -> None:
        """Forget a call."""
        self._calls.discard(call)

    def count_unnamed(self) -> None:
        """Count a call that named nobody."""
        self.memory.tally.add("calls.unnamed")

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run something that the process waits for before its memory closes."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def stop(self) -> None:
        """Wait until everything is kept that is to be."""
        self._stopping.set()
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _look(self) -> None:
        """While there are calls, look now and then whether their callers still agree. What is said to this service is heard at once."""
        while self._calls:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), LOOK_S)
                return
            known = {call.known_as for call in self._calls if call.known_as is not None}
            if not known:
                continue
            try:
                said = await self.memory.store.read(callers.said, known)
            except DatabaseAwayError:
                continue  # the memory says so
            except Exception:
                log.exception("it could not be looked whether callers still agree")
                continue
            ended = {caller_id: said.get(caller_id, Consent.UNKNOWN) for caller_id in known}
            for call in tuple(self._calls):
                consent = ended.get(call.known_as or "", Consent.GRANTED)
                if consent is not Consent.GRANTED:
                    call.hear(Said(consent))


class NamedCall:
    """One call of a named caller; made by `Keeper.begin`. For the event loop's thread."""

    def __init__(
        self, keeper: Keeper, caller: NamedCaller, tell: Callable[[str, str], None] | None, end: Callable[[Exception], None] | None
    ) -> None:
        self._keeper = keeper
        self._caller = caller
        self._tell, self._end = tell, end
        self._started_at_s = keeper.memory.clock() if caller.started_at_s is None else caller.started_at_s
        self._known_as: str | None = None
        self._refused: NotKept | None = None  # the caller withdrew or objected during this call
        self._heard_of = False
        self._unlisten = keeper.consents.listen(caller.key, self.hear)
        self._doing: set[asyncio.Task[None]] = set()
        self._do(self._look_up())

    @property
    def known_as(self) -> str | None:
        """Our id of the caller, if they have agreed as far as is known here."""
        return self._known_as

    def say(self, consent: Consent, notice_id: str | None) -> None:
        """Record what the caller says now; the client is told when it is done."""
        if consent is not Consent.GRANTED:
            self._refuse(consent)
        self._do(self._say(consent, notice_id))

    async def finish(self, analysis: CallAnalysis, shared_variance: Mapping[str, float], reason: str = "") -> Keeping:
        """Keep the call, if it may be; return whether it was, not known when that takes too long to wait for.

        Parameters
        ----------
        analysis
            The final one.
        shared_variance
            As `CallAnalyzer.shared_variance` has it then.
        reason
            Call reason, if it became known during the call.
        """
        keeping = self._keeper.spawn(self._keep(analysis, shared_variance, reason))
        done, _ = await asyncio.wait((keeping,), timeout=WAIT_S)
        if not done:
            return Keeping(None)
        reason_not = keeping.result()
        return Keeping(reason_not is None, reason_not)

    def close(self) -> None:
        """Listen no more to what the caller says."""
        self._unlisten()
        self._keeper.ended(self)
        self._tell = self._end = None

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._keeper.spawn(work)
        self._doing.add(task)
        task.add_done_callback(self._doing.discard)

    def _client(self, kind: str, label: str) -> None:
        if self._tell is not None:
            self._tell(kind, label)

    async def _look_up(self) -> None:
        label: str = UNAVAILABLE
        try:
            profile = await self._keeper.memory.store.read(callers.lookup, self._caller.key)
            if self._heard_of:
                return  # what was said since counts
            label = profile.consent
            self._known_as = profile.caller_id if profile.consent is Consent.GRANTED else None
        except DatabaseAwayError:
            pass  # the memory says so
        except Exception:
            log.exception("a caller could not be looked up")
        self._client("consent", label)

    def hear(self, said: Said) -> None:
        """Take note of what the caller has said, here or elsewhere."""
        self._heard_of = True
        if said.consent is Consent.GRANTED:
            self._known_as = None if self._refused else said.caller_id
        else:
            self._refuse(said.consent)
        if not said.done:
            return
        if said.consent is not Consent.GRANTED and self._keeper.settings.on_withdrawal == "end" and self._end is not None:
            self._end(ConsentError("the caller no longer agrees, and this deployment ends such calls (callers.on_withdrawal)"))
        else:
            self._client("consent", said.consent)

    def _refuse(self, consent: Consent) -> None:
        self._refused, self._known_as = NotKept.OBJECTED if consent is Consent.OBJECTED else NotKept.WITHDRAWN, None

    async def _say(self, consent: Consent, notice_id: str | None) -> None:
        consents, key = self._keeper.consents, self._caller.key
        try:
            if consent is Consent.GRANTED:
                await consents.grant(acting(), key, notice_id)
            elif consent is Consent.OBJECTED:
                await consents.object(acting(), key)
            else:
                await consents.withdraw(acting(), key)
        except Exception as error:
            if not isinstance(error, SimpaticoError):
                log.exception("what a caller said could not be recorded")
            self._client("consent_failed", fault_of(error).reason)

    async def _keep(self, analysis: CallAnalysis, shared_variance: Mapping[str, float], reason: str) -> NotKept | None:
        memory = self._keeper.memory
        if self._doing:
            await asyncio.wait(self._doing)
        if self._refused:
            memory.tally.add("calls.not_kept")
            return self._refused
        try:
            record = _record(replace(self._caller, reason=reason or self._caller.reason), analysis, shared_variance, self._started_at_s)
            return await operations.keep_call(
                memory.store, memory.spool, self._caller.key, record, known_as=self._known_as, now_s=memory.clock()
            )
        except (DuplicateCallError, RequestConflictError):
            log.warning("a call was not kept: another one of its id is")
            memory.tally.add("calls.duplicate")
            return NotKept.CALL_ID_TAKEN
        except Exception:
            log.exception("a call could not be kept")
            return NotKept.FAILED


def _record(caller: NamedCaller, analysis: CallAnalysis, shared_variance: Mapping[str, float], started_at_s: float) -> CallRecord:
    local = time.gmtime(started_at_s + 60.0 * caller.utc_offset_min)
    return calls.record_of(
        analysis,
        prior={},  # live calls are analysed without the profile
        shared_variance=shared_variance,
        started_at_s=started_at_s,
        time=CallTime(local.tm_wday, local.tm_hour),
        reason=caller.reason,
        notice_id=caller.notice_id,
    )
