"""Rankings within a deadline: what is known when the time is up is what counts, and no failure here is an error for who asks.

A ranking needs the caller's profile (one query), what the process holds of agents, models and experiments, and the live call's latest
style. The query races against the deadline; when the deadline passes first, or it is plain that it will, or the database is away, the
answer is the distributor's own order, marked so: whether the caller objects is not known then, and nothing of them is used. The decision is
written down after the answer.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from simpatico.config import RoutingSettings
from simpatico.errors import DatabaseAwayError
from simpatico.profiles import decisions
from simpatico.profiles.records import CallerProfile, Consent
from simpatico.routing.candidates import Candidates
from simpatico.routing.explanation import Counterfactual, counterfactuals
from simpatico.routing.intent import Intent
from simpatico.routing.posterior import Posterior
from simpatico.routing.ranking import neutral, rank_scored
from simpatico.routing.types import MAX_SEED, BlockArm, Decision, NeutralReason, Ranking, RankRequest, StyleBelief
from simpatico.server.arrival import Arrivals
from simpatico.server.callers.consents import Consents
from simpatico.server.exchange import Exchange
from simpatico.server.memory import Memory
from simpatico.server.routing.convert import informed, rank_request
from simpatico.server.routing.desk import Desk
from simpatico.server.routing.journal import Journal
from simpatico.server.routing.knowledge import Found, Knowledge
from simpatico.server.routing.pressure import Pressure
from simpatico.v1 import routing_service_pb2 as pb

__all__ = ["Answer", "Router"]

ON_A_THREAD = 2000
"""Agents from which the arithmetic leaves the event loop's thread. Up to here the loop stands still for some 5 ms at most, which no live
call notices, and on a thread the answer would come a quarter to a few times later (`python -m bench.ranking_threads`, decision 0197)."""

log = logging.getLogger(__name__)
T = TypeVar("T")
Explained = tuple[Ranking, tuple[Counterfactual, ...]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A ranking, and under which id its outcome is to be reported; ``intent`` None where nothing may be used of the caller, or nothing
    could be looked up."""

    decision_id: str
    ranking: Ranking
    counterfactuals: tuple[Counterfactual, ...]
    kept: bool
    intent: Intent | None = None


class Router:
    """Ranks for one process.

    Parameters
    ----------
    memory
        Of the process.
    settings
        Section ``routing``.
    exchange, consents, arrivals
        Of the process.
    watchers
        Desktops that may watch at once.
    """

    def __init__(
        self, memory: Memory, settings: RoutingSettings, exchange: Exchange, consents: Consents, arrivals: Arrivals, watchers: int
    ) -> None:
        self._memory = memory
        self._arrivals = arrivals
        self.knowledge = Knowledge(memory, settings, exchange)
        self.journal = Journal(memory)
        self.desk = Desk(memory, self.knowledge, exchange, consents, watchers)
        self.pressure = Pressure()
        self._late: set[asyncio.Task[Any]] = set()
        self._turn = asyncio.Lock()

    def start(self) -> None:
        """Begin to renew what is known."""
        self.knowledge.start()

    async def stop(self) -> None:
        """Stop renewing, and wait until the last decisions are written down."""
        await self.knowledge.stop()
        await asyncio.gather(*self._late, return_exceptions=True)
        await self.journal.close()
        await self.desk.stop()

    async def rank(self, call: pb.CallToRoute, candidates: Candidates, live: StyleBelief | None, end_s: float) -> Answer:
        """Answer, by a moment of the event loop's clock. What ``call`` says of candidates is not looked at.

        Raises
        ------
        SimpaticoError
            The request cannot be answered by anybody: fields out of range, nobody eligible, an agent whom nobody declared.
        """
        asked = rank_request(call, candidates)  # what makes no sense is refused whether there is time or not
        if self.pressure.is_late(end_s, len(asked.candidates)) or (call.caller_key and self.journal.full):
            return self._unasked(call, asked, NeutralReason.OVERLOADED)
        self.pressure.began()
        try:
            return await self._rank(call, asked, live, end_s)
        finally:
            self.pressure.ended()

    async def _rank(self, call: pb.CallToRoute, asked: RankRequest, live: StyleBelief | None, end_s: float) -> Answer:
        try:
            found = await self.find([call.caller_key], self.knowledge.undeclared(asked.eligible), end_s)
        except DatabaseAwayError:
            return self._unasked(call, asked, NeutralReason.STORE_UNAVAILABLE)
        except TimeoutError:
            return self._unasked(call, asked, NeutralReason.DEADLINE)
        profile, at_s = found.profiles[0], self._memory.clock()
        request, block = informed(asked, found.agents, live, profile), self.knowledge.block(call.queue, at_s)
        seed = new_seed()
        try:
            ranking, others = await self._explained(request, block, seed, end_s)
        except TimeoutError:
            ranking, others = neutral(request, NeutralReason.DEADLINE, seed=seed), ()
        kept = is_kept(profile)
        intent = None if request.objected else self.knowledge.learned.intent(request, profile.caller_id)
        answer = Answer(decisions.new_decision_id(kept=kept), ranking, others, kept, intent)
        self.note(call, profile, Decision(answer.decision_id, call.call_id, at_s, request, ranking, block), intent)
        return answer

    def _unasked(self, call: pb.CallToRoute, asked: RankRequest, why: NeutralReason) -> Answer:
        """Whether the caller has agreed is not known, so nothing of them may be used or kept; who comes is still told."""
        answer = Answer(decisions.new_decision_id(kept=False), neutral(asked, why), (), kept=False)
        decision = Decision(answer.decision_id, call.call_id, self._memory.clock(), asked, answer.ranking)
        self.desk.note(call, decision, CallerProfile())
        return answer

    async def find(self, keys: list[str], missing: Sequence[str], end_s: float) -> Found:
        """As `Knowledge.find`, in time.

        Raises
        ------
        TimeoutError
            The time is up. What was asked goes on by itself: a query must not be torn from its connection.
        """
        if not missing and not any(keys):
            return await self.knowledge.find(keys, missing)
        return await self.before(end_s, self.knowledge.find(keys, missing))

    def note(self, call: pb.CallToRoute, profile: CallerProfile, decision: Decision, intent: Intent | None) -> None:
        """Remember a decision for the agent's desktop, and write it down if its caller has agreed."""
        self.desk.note(call, decision, profile, intent)
        if profile.caller_id is not None and is_kept(profile):
            self.journal.write(profile.caller_id, decision)

    async def before(self, end_s: float, work: Coroutine[Any, Any, T]) -> T:
        """Return what comes in time; raises TimeoutError as `find`."""
        task = asyncio.ensure_future(work)
        done, _ = await asyncio.wait((task,), timeout=max(0.0, end_s - asyncio.get_running_loop().time()))
        if not done:
            self._late.add(task)
            task.add_done_callback(self._forget_late)
            raise TimeoutError
        return task.result()

    def _forget_late(self, task: asyncio.Task[Any]) -> None:
        self._late.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.info("a late ranking failed: %s", type(error).__name__)

    async def _explained(self, request: RankRequest, block: BlockArm | None, seed: int, end_s: float) -> Explained:
        """Rank; raises TimeoutError when that is, or would be, too late."""
        loop, agents = asyncio.get_running_loop(), len(request.candidates)
        async with self._turn:
            await self._arrivals.all_in()  # who comes meanwhile sees how many wait
            began_s = loop.time()
            if began_s + self.pressure.arithmetic_s(agents) > end_s:
                raise TimeoutError
            posterior = self.knowledge.learned.models.get(request.queue)
            if agents > ON_A_THREAD:
                answer = await self.before(end_s, asyncio.to_thread(_explained, request, posterior, seed, block))
            else:
                answer = _explained(request, posterior, seed, block)
            ended_s = loop.time()
        if not answer[0].neutral:
            self.pressure.computed(agents, ended_s - began_s)
        if ended_s > end_s:
            raise TimeoutError
        return answer


def is_kept(profile: CallerProfile) -> bool:
    """Whether decisions of this caller are kept."""
    return profile.consent is Consent.GRANTED and profile.caller_id is not None


def new_seed() -> int:
    """Return a seed for one decision."""
    return secrets.randbelow(MAX_SEED + 1)


def _explained(request: RankRequest, posterior: Posterior | None, seed: int, block: BlockArm | None) -> Explained:
    ranking, scores = rank_scored(request, posterior, seed=seed, block=block)
    return ranking, () if scores is None else counterfactuals(request, posterior, seed=seed, block=block, actual=scores)
