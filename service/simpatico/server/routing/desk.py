"""Who comes to which agent: told to whoever watches the agent, in whichever process, as soon as the distributor says who takes a call.

Rules:
1. What was ranked or assigned here is remembered for a while. When a report says who takes the call, the process that remembers announces
   it: as a value that stands in the exchange (for desktops that come later) and as a message (for those that are there).
2. A report may reach another process of the service than the ranking did: that asks the others, and the one that remembers announces.
3. The same report again, or through another process, changes nothing. Another agent for the same call ends the first's.
4. What was said ends with the first report of an outcome, and after `STANDS_S` at the latest.
5. Of the caller there is what the ranking believed, how unusual the reason is, and nothing else. Of a caller who agreed and no longer does,
   there is neither from then on.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from simpatico.errors import DatabaseAwayError, DrainingError, SessionLimitError, SlowWatcherError
from simpatico.profiles import callers
from simpatico.profiles.habits import CallTime, PastCall, surprise
from simpatico.profiles.records import CallerProfile, Consent
from simpatico.routing.belief import combine
from simpatico.routing.intent import Intent
from simpatico.routing.observations import DEFAULT_AXES
from simpatico.routing.types import Decision, Source, StyleBelief
from simpatico.server.callers.consents import Consents, Said
from simpatico.server.exchange import Exchange, Held
from simpatico.server.memory import Memory
from simpatico.server.routing.advice import advice
from simpatico.server.routing.convert import intent_to_proto
from simpatico.server.routing.knowledge import Knowledge
from simpatico.v1 import routing_service_pb2 as pb

__all__ = ["Brief", "Desk", "Watcher"]

REMEMBERED = 20_000
"""Rankings remembered: over a minute and a half at 200 a second; the distributor says within seconds who takes a call."""
REMEMBERED_S = 900.0
"""How long, at most."""
STANDS_S = 3600.0
"""How long an announcement stands when no outcome is reported."""
WAITING = 64
"""Announcements that may wait for one desktop: an agent takes few calls in the time that a living client needs to read."""
_TAKEN, _OVER = "routing/taken", "routing/over"
RETRY_S = 5.0


@dataclass(slots=True)
class Brief:
    """What is remembered of a ranked call: ``live`` and ``profile`` as believed, ``caller_id`` of a caller who had agreed."""

    call_id: str
    decision_id: str
    reason: str
    live: StyleBelief | None
    profile: StyleBelief | None
    intent: Intent | None
    caller_id: str | None
    utc_offset_min: int
    made_s: float
    forget: Callable[[], None] = lambda: None
    reports: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Standing:
    agent_id: str
    brief: Brief
    held: Held
    end: asyncio.TimerHandle


class Watcher:
    """One desktop's announcements, as an asynchronous iterator of serialised responses; a context manager. Made by `Desk.watch`."""

    def __init__(self, desk: Desk, topic: str, exchange: Exchange) -> None:
        self._desk = desk
        self._waiting: deque[bytes] = deque()
        self._shown: set[str] = set()
        self._something = asyncio.Event()
        self._fault: Exception | None = None
        self._unlisten = exchange.listen(topic, self._put)
        for value in exchange.latest(topic):
            self._take(value)

    def _put(self, value: bytes) -> None:
        self._take(value)
        if len(self._waiting) > WAITING:
            self.end(SlowWatcherError(f"{WAITING} announcements wait to be read: read them, and watch again", retry_after_s=RETRY_S))

    def _take(self, value: bytes) -> None:
        message = pb.WatchAssignmentsResponse.FromString(value)
        known = message.decision_id in self._shown
        if known is not message.over:
            return  # told already; or over before it was told
        (self._shown.discard if message.over else self._shown.add)(message.decision_id)
        self._waiting.append(value)
        self._something.set()

    def end(self, fault: Exception) -> None:
        """Raise this from the iterator, now."""
        self._fault = self._fault or fault
        self._waiting.clear()
        self._something.set()

    @property
    def fault(self) -> Exception | None:
        """Why it has ended, or None."""
        return self._fault

    def __aiter__(self) -> Watcher:
        return self

    async def __anext__(self) -> bytes:
        while not self._waiting:
            if self._fault is not None:
                raise self._fault
            self._something.clear()
            await self._something.wait()
        return self._waiting.popleft()

    async def ended(self) -> None:
        """Wait until it has been ended by the service."""
        while self._fault is None:
            self._something.clear()
            await self._something.wait()

    def __enter__(self) -> Watcher:
        return self

    def __exit__(self, *_: object) -> None:
        self._unlisten()
        self._desk._watchers.discard(self)


class Desk:
    """For one process, and its event loop's thread.

    Parameters
    ----------
    memory, knowledge, exchange, consents
        Of the process.
    watchers
        Desktops that may watch at once.
    """

    def __init__(self, memory: Memory, knowledge: Knowledge, exchange: Exchange, consents: Consents, watchers: int) -> None:
        self._memory = memory
        self._knowledge = knowledge
        self._exchange = exchange
        self._consents = consents
        self._limit = watchers
        self._briefs: OrderedDict[str, Brief] = OrderedDict()
        self._standing: dict[str, _Standing] = {}
        self._watchers: set[Watcher] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._draining = False
        exchange.listen(_TAKEN, self._hear_taken)
        exchange.listen(_OVER, self._hear_over)

    def note(self, call: pb.CallToRoute, decision: Decision, profile: CallerProfile, intent: Intent | None = None) -> None:
        """Remember a call that was ranked or assigned."""
        now_s = time.monotonic()
        while self._briefs and (len(self._briefs) >= REMEMBERED or next(iter(self._briefs.values())).made_s < now_s - REMEMBERED_S):
            self._briefs.popitem(last=False)[1].forget()
        caller_id = profile.caller_id if profile.consent is Consent.GRANTED else None
        brief = _brief(decision, caller_id, intent, call.utc_offset_min, now_s)
        self._briefs[brief.decision_id] = brief
        if caller_id is not None:
            brief.forget = self._consents.listen(call.caller_key, lambda said: self._hear_consent(brief, said))

    async def taken(self, request_id: str, decision_id: str, agent_id: str) -> None:
        """Announce a call to the agent who takes it, as the distributor says."""
        brief = self._briefs.get(decision_id)
        if brief is None:
            self._exchange.publish(_TAKEN, json.dumps([request_id, decision_id, agent_id]).encode())
        else:
            await self._announce(brief, request_id, agent_id)

    def over(self, decision_id: str) -> None:
        """Say that a call is over."""
        self._exchange.publish(_OVER, json.dumps([decision_id, ""]).encode())

    def watch(self, agent_id: str) -> Watcher:
        """Return what comes to an agent, first of all what stands.

        Raises
        ------
        DrainingError, SessionLimitError
            Not here, not now.
        """
        if self._draining:
            raise DrainingError("the service is stopping: watch again, at another process")
        if len(self._watchers) >= self._limit:
            raise SessionLimitError(f"{self._limit} desktops watch here; try again later or raise limits.watchers", retry_after_s=RETRY_S)
        watcher = Watcher(self, _topic(agent_id), self._exchange)
        self._watchers.add(watcher)
        return watcher

    def drain(self) -> None:
        """End all watching: the desktops connect again, to another process."""
        self._draining = True
        for watcher in tuple(self._watchers):
            watcher.end(DrainingError("the service is stopping: watch again, at another process"))

    async def stop(self) -> None:
        """Let go of everything."""
        for standing in self._standing.values():
            standing.end.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _announce(self, brief: Brief, request_id: str, agent_id: str) -> None:
        if request_id in brief.reports:
            return
        brief.reports.add(request_id)
        standing = self._standing.get(brief.decision_id)
        if standing is not None and standing.agent_id == agent_id:
            return
        message = await self._message(brief)
        self._exchange.publish(_OVER, json.dumps([brief.decision_id, agent_id]).encode())
        if (standing := self._standing.get(brief.decision_id)) is not None and standing.agent_id == agent_id:
            return
        topic, value = _topic(agent_id), message.SerializeToString()
        end = asyncio.get_running_loop().call_later(STANDS_S, self.over, brief.decision_id)
        self._standing[brief.decision_id] = _Standing(agent_id, brief, self._exchange.hold(topic, value), end)
        self._exchange.publish(topic, value)

    async def _message(self, brief: Brief) -> pb.WatchAssignmentsResponse:
        told = None
        if brief.caller_id is not None:
            try:
                profile = await self._memory.store.read(callers.known, brief.caller_id)
            except DatabaseAwayError:
                profile = CallerProfile(Consent.GRANTED)
            if profile.consent is not Consent.GRANTED:
                _strip(brief)
            elif brief.reason and profile.habits.calls:
                local = time.gmtime(self._memory.clock() + 60.0 * brief.utc_offset_min)
                past = PastCall(brief.reason, CallTime(local.tm_wday, local.tm_hour))
                found = await asyncio.to_thread(surprise, profile.habits, self._knowledge.learned.everyone, past)
                told = pb.Surprise(bits=found.bits, unusual=found.unusual)
        belief = _belief(brief)
        return pb.WatchAssignmentsResponse(
            call_id=brief.call_id,
            decision_id=brief.decision_id,
            reason=brief.reason,
            style=[pb.BelievedAxis(name=axis.name, mean=axis.mean, sd=axis.sd) for axis in belief.axes] if belief is not None else (),
            basis=sorted(belief.sources) if belief is not None else (),
            advice=advice(belief),
            surprise=told,
            intent=intent_to_proto(brief.intent),
        )

    def _hear_taken(self, value: bytes) -> None:
        request_id, decision_id, agent_id = json.loads(value)
        brief = self._briefs.get(decision_id)
        if brief is not None:
            task = asyncio.create_task(self._announce(brief, request_id, agent_id))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _hear_over(self, value: bytes) -> None:
        decision_id, next_agent = json.loads(value)
        standing = self._standing.get(decision_id)
        if standing is None or standing.agent_id == next_agent:
            return
        del self._standing[decision_id]
        standing.end.cancel()
        standing.held.close()
        message = pb.WatchAssignmentsResponse(call_id=standing.brief.call_id, decision_id=decision_id, over=True)
        self._exchange.publish(_topic(standing.agent_id), message.SerializeToString())

    def _hear_consent(self, brief: Brief, said: Said) -> None:
        if said.consent is Consent.GRANTED:
            return
        _strip(brief)
        standing = self._standing.get(brief.decision_id)
        if standing is not None:  # for desktops that come later; what was shown was shown
            bare = pb.WatchAssignmentsResponse(
                call_id=brief.call_id, decision_id=brief.decision_id, reason=brief.reason, advice=advice(None), intent=intent_to_proto(None)
            )
            standing.held.set(bare.SerializeToString())


def _topic(agent_id: str) -> str:
    return "coming/" + agent_id


def _strip(brief: Brief) -> None:
    brief.live = brief.profile = brief.intent = brief.caller_id = None


def _brief(decision: Decision, caller_id: str | None, intent: Intent | None, utc_offset_min: int, now_s: float) -> Brief:
    request = decision.request
    return Brief(
        decision.call_id, decision.decision_id, request.reason, request.live, request.profile, intent, caller_id, utc_offset_min, now_s
    )


def _belief(brief: Brief) -> StyleBelief | None:
    """Return what is believed of the caller: put together when it is told, which most rankings' never is here."""
    if brief.live is None and brief.profile is None:
        return None
    belief = combine(brief.live, brief.profile, DEFAULT_AXES)
    return replace(belief, sources=belief.sources - {Source.PRIOR})
