"""Assignments within a deadline: several callers wait, several agents are free. `simpatico.routing.assignment` chooses.

What goes wrong, and what the time is too short for, ends in what the distributor would have done by itself, and nobody waits for that:
the profiles of all callers are one query that races against the deadline, the choice is made on a thread, one at a time, and its work is
bounded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from simpatico.errors import DatabaseAwayError, NoCandidatesError, RequestError
from simpatico.profiles import decisions
from simpatico.profiles.records import CallerProfile
from simpatico.routing.assignment import MAX_WAITING, Assigned, Waiting, assign, assign_neutrally, slots_of
from simpatico.routing.policy import DEFAULT_POLICY
from simpatico.routing.posterior import Posterior
from simpatico.routing.types import Agent, Decision, NeutralReason, StyleBelief
from simpatico.server.memory import Memory
from simpatico.server.routing.convert import candidates_from_proto, informed, rank_request
from simpatico.server.routing.router import Router, is_kept, new_seed
from simpatico.v1 import routing_service_pb2 as pb

__all__ = ["AssignedAll", "Assigner", "Given"]

REDRAWS = 100
"""Assignments drawn to estimate propensities, where there is time for so many: a standard error of 5 points or less."""
REDRAWN_PAIRS = 1_000_000
"""Pairs of a call and a free place in all redraws together: a fifth of a second or so."""
AT_A_TIME = 16
"""Decisions noted down before others get their turn: some 3 ms with 1,000 agents each."""
MOST_PAIRS = 1_000_000
"""Of one assignment, above which it is left to the distributor: 500 calls and 1,000 agents are half of it."""


@dataclass(frozen=True, slots=True)
class Given:
    """What one call got, and under which id its outcome is to be reported ("" when nobody is left for it)."""

    assigned: Assigned
    decision_id: str
    kept: bool


@dataclass(frozen=True, slots=True)
class AssignedAll:
    """What all calls got, in the order asked, and by which policy and seed."""

    given: tuple[Given, ...]
    policy_version: str
    seed: int


class Assigner:
    """Assigns for one process.

    Parameters
    ----------
    memory, router
        Of the process.
    """

    def __init__(self, memory: Memory, router: Router) -> None:
        self._memory = memory
        self._router = router
        self._busy = asyncio.Lock()

    async def assign(self, calls: Sequence[pb.CallToRoute], live: Sequence[StyleBelief | None], end_s: float) -> AssignedAll:
        """Answer, by a moment of the event loop's clock.

        Parameters
        ----------
        calls
            Longest wait first.
        live
            What each has said so far.

        Raises
        ------
        SimpaticoError
            The request cannot be answered by anybody: fields out of range, nobody waits, nobody eligible, an agent whom nobody declared.
        """
        knowledge, seed = self._router.knowledge, new_seed()
        plain = _plain(calls, knowledge.agents)
        missing = tuple({name for w in plain for name in w.request.eligible.ids} - knowledge.agents.keys())
        if self._busy.locked():
            return await self._unasked(calls, plain, NeutralReason.OVERLOADED, seed)
        try:
            found = await self._router.find([call.caller_key for call in calls], missing, end_s)
        except (DatabaseAwayError, TimeoutError) as error:
            why = NeutralReason.DEADLINE if isinstance(error, TimeoutError) else NeutralReason.STORE_UNAVAILABLE
            return await self._unasked(calls, plain, why, seed)
        profiles, at_s = found.profiles, self._memory.clock()
        waiting = [
            Waiting(w.call_id, informed(w.request, found.agents, heard, profile), knowledge.block(w.request.queue, at_s))
            for w, heard, profile in zip(plain, live, profiles, strict=True)
        ]
        try:
            chosen = await self._router.before(end_s, self._chosen(waiting, knowledge.learned.models, seed))
        except TimeoutError:
            chosen = assign_neutrally(waiting, NeutralReason.DEADLINE, seed=seed)
        return await self._answer(calls, waiting, chosen, profiles, at_s, seed)

    async def _unasked(self, calls: Sequence[pb.CallToRoute], waiting: Sequence[Waiting], why: NeutralReason, seed: int) -> AssignedAll:
        """Who has agreed is not known: nothing of anybody is used or kept."""
        nobody = [CallerProfile()] * len(waiting)
        return await self._answer(calls, waiting, assign_neutrally(waiting, why, seed=seed), nobody, self._memory.clock(), seed)

    async def _chosen(self, waiting: Sequence[Waiting], models: Mapping[str, Posterior], seed: int) -> tuple[Assigned, ...]:
        async with self._busy:  # one that is late goes on to its end; two of them would leave no time for anything else
            return await asyncio.to_thread(_chosen, waiting, models, seed)

    async def _answer(
        self,
        calls: Sequence[pb.CallToRoute],
        waiting: Sequence[Waiting],
        assigned: Sequence[Assigned],
        profiles: Sequence[CallerProfile],
        at_s: float,
        seed: int,
    ) -> AssignedAll:
        given = []
        for place, (call, w, got, profile) in enumerate(zip(calls, waiting, assigned, profiles, strict=True)):
            if place % AT_A_TIME == AT_A_TIME - 1:
                await asyncio.sleep(0)  # live calls do not wait while five hundred decisions are noted down
            kept = got.ranking is not None and is_kept(profile) and not self._router.journal.full
            decision_id = "" if got.ranking is None else decisions.new_decision_id(kept=kept)
            if got.ranking is not None:
                decision = Decision(decision_id, w.call_id, at_s, w.request, got.ranking, w.block)
                intent = None if w.request.objected else self._router.knowledge.learned.intent(w.request, profile.caller_id)
                self._router.note(call, profile if kept else replace(profile, caller_id=None), decision, intent)
            given.append(Given(got, decision_id, kept))
        return AssignedAll(tuple(given), DEFAULT_POLICY.version, seed)


def _plain(calls: Sequence[pb.CallToRoute], agents: Mapping[str, Agent]) -> list[Waiting]:
    """Return the calls as asked, of callers about whom nothing is known yet.

    Raises
    ------
    NoCandidatesError, RequestError
        Nobody waits; too many; one twice; or a field is out of range.
    """
    if not calls:
        raise NoCandidatesError("nobody waits: an assignment needs at least one call", field="calls")
    if len(calls) > MAX_WAITING:
        raise RequestError(f"{len(calls)} calls wait; at most {MAX_WAITING} can be assigned at once", field="calls")
    waiting = [Waiting(call.call_id, rank_request(call, candidates_from_proto(call, agents))) for call in calls]
    names = [w.call_id for w in waiting]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise RequestError(f"call {twice!r} waits twice; list each once", field="calls")
    return waiting


def _chosen(waiting: Sequence[Waiting], models: Mapping[str, Posterior], seed: int) -> tuple[Assigned, ...]:
    places = sum(min(room, len(waiting)) for room in slots_of(waiting).values())
    pairs = max(1, places * len(waiting))
    if pairs > MOST_PAIRS:
        return assign_neutrally(waiting, NeutralReason.OVERLOADED, seed=seed)
    return assign(waiting, models, seed=seed, redraws=min(REDRAWS, REDRAWN_PAIRS // pairs))
