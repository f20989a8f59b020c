"""Rankings within a deadline: what is known when the time is up is what counts, and no failure here is an error for who asks.

A ranking needs the caller's profile (one query), the declared agents and the queue's outcome model (both held in the process, renewed now
and then) and the live call's latest style. The query and the arithmetic race against the deadline; when it passes first, or the database
is away, the answer is the distributor's own order, marked so: whether the caller objects is not known then. The decision is written down
after the answer, into the spool if need be.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from simpatico.config import RoutingSettings
from simpatico.errors import DatabaseAwayError
from simpatico.profiles import agents as agents_table
from simpatico.profiles import callers, decisions, operations
from simpatico.profiles.records import CallerProfile, Consent
from simpatico.profiles.store import Work
from simpatico.routing.explanation import Counterfactual, counterfactuals
from simpatico.routing.posterior import Posterior
from simpatico.routing.ranking import neutral, rank
from simpatico.routing.types import MAX_SEED, Agent, Decision, NeutralReason, Ranking, RankRequest, StyleBelief
from simpatico.server.convert_routing import rank_request
from simpatico.server.learning import learn
from simpatico.server.memory import Memory
from simpatico.v1 import routing_service_pb2 as pb

__all__ = ["Answer", "Router"]

PAGE = 1000
"""Agents read at once."""

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """A ranking, and under which id its outcome is to be reported."""

    decision_id: str
    ranking: Ranking
    counterfactuals: tuple[Counterfactual, ...]
    kept: bool


class Router:
    """Ranks for one process.

    Parameters
    ----------
    memory
        Of the process.
    settings
        Section ``routing``.
    """

    def __init__(self, memory: Memory, settings: RoutingSettings) -> None:
        self._memory = memory
        self._settings = settings
        self.agents: dict[str, Agent] = {}
        self.models: Mapping[str, Posterior] = {}
        self._writing: dict[str, asyncio.Task[None]] = {}
        self._late: set[asyncio.Task[Any]] = set()
        self._renewing: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    def start(self) -> None:
        """Begin to renew agents and models."""
        self._renewing = asyncio.create_task(self._renew_always())

    async def stop(self) -> None:
        """Stop renewing, and wait until the last decisions are written down."""
        self._stopping.set()
        if self._renewing is not None:
            await self._renewing
        await asyncio.gather(*self._writing.values(), *self._late, return_exceptions=True)

    async def renew(self) -> None:
        """Read agents and outcomes anew; while the database is away, those of before stay.

        Raises
        ------
        DatabaseAwayError
            It is.
        """
        self.agents = {agent.agent_id: agent for agent in await self._memory.store.read(_everyone)}
        self.models = await asyncio.to_thread(learn, self._memory.url, self._memory.ring)

    async def rank(self, call: pb.CallToRoute, live: StyleBelief | None, within_s: float) -> Answer:
        """Answer, within the time.

        Raises
        ------
        SimpaticoError
            The request cannot be answered by anybody: fields out of range, nobody eligible, an agent whom nobody declared.
        """
        loop = asyncio.get_running_loop()
        end_s = loop.time() + within_s
        rank_request(call, {}, None, CallerProfile())  # a request that makes no sense is refused whether there is time or not
        known: _Known = _Known({}, CallerProfile())
        why: NeutralReason | None = None
        try:
            known = await self._before(end_s, self._known(call))
        except DatabaseAwayError:
            why = NeutralReason.STORE_UNAVAILABLE
        except TimeoutError:
            why = NeutralReason.DEADLINE
        request = rank_request(call, known.agents, live, known.profile)
        if why is not None:
            # Whether the caller has agreed is not known, so nothing of this call may be used or kept.
            return Answer(decisions.new_decision_id(kept=False), neutral(replace(request, live=None), why), (), kept=False)
        posterior, seed = self.models.get(call.queue), secrets.randbelow(MAX_SEED + 1)
        try:
            ranking, others = await self._before(end_s, asyncio.to_thread(_rank, request, posterior, seed))
        except TimeoutError:
            ranking, others = neutral(request, NeutralReason.DEADLINE, seed=seed), ()
        kept = known.profile.consent is Consent.GRANTED and known.profile.caller_id is not None
        answer = Answer(decisions.new_decision_id(kept=kept), ranking, others, kept)
        if known.profile.caller_id is not None and kept:
            self._write_down(known.profile.caller_id, Decision(answer.decision_id, call.call_id, self._memory.clock(), request, ranking))
        return answer

    async def written(self, decision_id: str) -> None:
        """Wait until a decision of this process is written down: its outcome may be reported before."""
        task = self._writing.get(decision_id)
        if task is not None:
            await asyncio.wait((task,))

    async def _known(self, call: pb.CallToRoute) -> _Known:
        missing = [c.agent_id for c in call.candidates if c.agent_id not in self.agents]
        if not call.caller_key and not missing:
            return _Known(self.agents, CallerProfile())
        return await self._memory.store.read(_look_up, call.caller_key, self.agents, missing)

    async def _before(self, end_s: float, work: Coroutine[Any, Any, T]) -> T:
        """Return what comes in time; what is late goes on by itself, as a query must not be torn from its connection."""
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

    def _write_down(self, caller_id: str, decision: Decision) -> None:
        async def write() -> None:
            try:
                await operations.log_decision(self._memory.store, self._memory.spool, caller_id, decision, now_s=self._memory.clock())
            except Exception:
                log.exception("a decision could not be written down")
            finally:
                del self._writing[decision.decision_id]

        self._writing[decision.decision_id] = asyncio.create_task(write())

    async def _renew_always(self) -> None:
        while not self._stopping.is_set():
            try:
                await self.renew()
            except DatabaseAwayError:
                pass  # the memory says so
            except Exception:
                log.exception("agents and models could not be renewed")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._settings.renew_s)


@dataclass(frozen=True, slots=True)
class _Known:
    agents: Mapping[str, Agent]
    profile: CallerProfile


def _rank(request: RankRequest, posterior: Posterior | None, seed: int) -> tuple[Ranking, tuple[Counterfactual, ...]]:
    return rank(request, posterior, seed=seed), counterfactuals(request, posterior, seed=seed)


def _look_up(work: Work, caller_key: str, held: Mapping[str, Agent], missing: list[str]) -> _Known:
    """Return the caller's profile and the agents; one whom nobody has declared is an error."""
    loaded = {agent_id: agents_table.load(work, agent_id) for agent_id in missing}
    return _Known({**held, **loaded} if loaded else held, callers.lookup(work, caller_key) if caller_key else CallerProfile())


def _everyone(work: Work) -> list[Agent]:
    found: list[Agent] = []
    while page := agents_table.list_agents(work, after=found[-1].agent_id if found else "", limit=PAGE):
        found += page
    return found
