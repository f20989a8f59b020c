"""``RoutingService``: rankings, outcomes, agents. `simpatico.routing` ranks and `simpatico.profiles` keeps; here they are only asked."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from simpatico.errors import ForbiddenError, RequestError
from simpatico.profiles import agents
from simpatico.routing.candidates import Candidates
from simpatico.routing.standing import standing
from simpatico.routing.types import Outcome
from simpatico.server.aborting import Context, abort
from simpatico.server.access.principals import acting, only_own
from simpatico.server.analysis.live import live_style
from simpatico.server.analysis.service import Shared
from simpatico.server.arrival import arrived_s
from simpatico.server.decoding import Undecodable, decoder, not_a, unary, within
from simpatico.server.memory import Memory
from simpatico.server.routing.assigning import Assigner
from simpatico.server.routing.convert import (
    agent_from_proto,
    agent_to_proto,
    assigned_to_proto,
    candidates_from_proto,
    check_answer_within,
    held_to_proto,
    intent_to_proto,
    outcome_from_proto,
    ranking_to_proto,
)
from simpatico.server.routing.experimenting import Experimenting
from simpatico.server.routing.request_columns import FlatRankAgentsRequest, candidates_of
from simpatico.server.routing.router import Router
from simpatico.v1 import routing_service_pb2 as pb

__all__ = ["ROUTING_SERVICE", "RoutingService"]

ROUTING_SERVICE = pb.DESCRIPTOR.services_by_name["RoutingService"].full_name
LARGEST_PAGE = 1000
WAY_S = 0.1
"""At most so much of a deadline is left for the way,"""
WAY_SHARE = 0.2
"""and at most this share of it."""


class RoutingService:
    """Its methods, and their registration.

    Parameters
    ----------
    shared
        Of the process: its live calls.
    memory, router
        Of the process.
    """

    def __init__(self, shared: Shared, memory: Memory, router: Router) -> None:
        self._shared = shared
        self._memory = memory
        self._router = router
        self._assigner = Assigner(memory, router)
        self._experiments = Experimenting(memory, router.knowledge)

    def handler(self) -> grpc.GenericRpcHandler:
        """Return what a server registers."""
        limit = self._shared.settings.limits.message_bytes
        return grpc.method_handlers_generic_handler(
            ROUTING_SERVICE,
            {
                "RankAgents": within(FlatRankAgentsRequest, self.rank_agents, limit),
                "AssignCallers": within(pb.AssignCallersRequest, self.assign_callers, limit),
                "StartExperiment": unary(pb.StartExperimentRequest, self._experiments.start, limit),
                "ListExperiments": unary(pb.ListExperimentsRequest, self._experiments.list, limit),
                "EndExperiment": unary(pb.EndExperimentRequest, self._experiments.end, limit),
                "WatchAssignments": grpc.unary_stream_rpc_method_handler(
                    self.watch_assignments, request_deserializer=decoder(pb.WatchAssignmentsRequest, limit)
                ),
                "RecordOutcome": unary(pb.RecordOutcomeRequest, self.record_outcome, limit),
                "UpsertAgent": unary(pb.UpsertAgentRequest, self.upsert_agent, limit),
                "ListAgents": unary(pb.ListAgentsRequest, self.list_agents, limit),
                "GetAgent": unary(pb.GetAgentRequest, self.get_agent, limit),
                "CommentAgent": unary(pb.CommentAgentRequest, self.comment_agent, limit),
            },
        )

    async def rank_agents(self, request: Any, remaining_s: float | None) -> bytes:
        """Serve ``RankAgents``."""
        end_s, call = self._end_s(request.answer_within_s, remaining_s), request.call
        answer = await self._router.rank(call, self._candidates(request), live_style(self._shared.exchange, call.call_id), end_s)
        if not answer.kept:
            self._memory.tally.add("decisions.not_kept")
        intent = None if answer.intent is None else intent_to_proto(answer.intent)
        return ranking_to_proto(answer.decision_id, answer.ranking, answer.counterfactuals, kept=answer.kept, intent=intent)

    def _candidates(self, request: Any) -> Candidates:
        """Return who is eligible: read as columns where that can be, else by protobuf."""
        knowledge = self._router.knowledge
        found = candidates_of(request.call.candidates, knowledge.roster)
        if found is not None:
            return found
        data = request.SerializeToString()
        try:
            return candidates_from_proto(pb.RankAgentsRequest.FromString(data).call, knowledge.agents)
        except DecodeError:
            raise not_a("RankAgentsRequest", len(data)) from None

    async def assign_callers(self, request: pb.AssignCallersRequest, remaining_s: float | None) -> pb.AssignCallersResponse:
        """Serve ``AssignCallers``."""
        end_s = self._end_s(request.answer_within_s, remaining_s)
        live = [live_style(self._shared.exchange, call.call_id) for call in request.calls]
        answer = await self._assigner.assign(request.calls, live, end_s)
        if unkept := sum(1 for given in answer.given if given.decision_id and not given.kept):
            self._memory.tally.add("decisions.not_kept", unkept)
        return assigned_to_proto(answer)

    def _end_s(self, within_s: float, remaining_s: float | None) -> float:
        """Return when an answer must be ready, by the event loop's clock: by the request's deadline or the RPC's, whichever is earlier.

        The request's counts from when its RPC came, and from as much earlier as the loop is late. Of either some is left for the way.
        """
        within_s = check_answer_within(within_s, self._shared.settings.routing.answer_within_s)
        end_s = arrived_s() + _here(within_s) - self._router.pressure.lag_s()
        return end_s if remaining_s is None else min(end_s, asyncio.get_running_loop().time() + _here(remaining_s))

    async def record_outcome(self, request: pb.RecordOutcomeRequest) -> pb.RecordOutcomeResponse:
        """Serve ``RecordOutcome``."""
        outcome = outcome_from_proto(request.outcome)
        recorded = await self._router.journal.report(request.request_id, request.decision_id, outcome, request.taken_by or None)
        if request.taken_by and not recorded.repeated:
            await self._router.desk.taken(request.request_id, request.decision_id, request.taken_by)
        if outcome != Outcome() and not recorded.repeated:
            self._router.desk.over(request.decision_id)
        return pb.RecordOutcomeResponse(kept=recorded.kept, repeated=recorded.repeated)

    async def watch_assignments(self, request: pb.WatchAssignmentsRequest | Undecodable, context: Context) -> None:
        """Serve ``WatchAssignments``."""
        try:
            if isinstance(request, Undecodable):
                raise request.error
            only_own(request.agent_id)
            await self._router.knowledge.find([], [request.agent_id])
            with self._router.desk.watch(request.agent_id) as watcher:
                await context.send_initial_metadata(())
                ended = asyncio.ensure_future(watcher.ended())
                try:
                    async for message in watcher:
                        writing = asyncio.ensure_future(context.write(message))
                        await asyncio.wait((writing, ended), return_when=asyncio.FIRST_COMPLETED)
                        if not writing.done():
                            writing.cancel()
                            raise watcher.fault or AssertionError
                        await writing
                finally:
                    ended.cancel()
        except asyncio.CancelledError:
            if not self._shared.stopped:
                raise
        except Exception as error:
            await abort(context, error, method="WatchAssignments")

    async def upsert_agent(self, request: pb.UpsertAgentRequest) -> pb.UpsertAgentResponse:
        """Serve ``UpsertAgent``."""
        agent = agent_from_proto(request.agent)
        created = await self._memory.store.write(acting(), agents.upsert, agent)
        self._router.knowledge.declare(agent)
        return pb.UpsertAgentResponse(created=created)

    async def list_agents(self, request: pb.ListAgentsRequest) -> pb.ListAgentsResponse:
        """Serve ``ListAgents``."""
        if request.limit > LARGEST_PAGE:
            raise RequestError(f"limit must be at most {LARGEST_PAGE}, got {request.limit}", field="limit")
        found = await self._memory.store.read(agents.list_agents, after=request.after, limit=request.limit or LARGEST_PAGE)
        return pb.ListAgentsResponse(agents=[agent_to_proto(agent) for agent in found])

    async def get_agent(self, request: pb.GetAgentRequest) -> pb.GetAgentResponse:
        """Serve ``GetAgent``; the audit log says that it was read."""
        only_own(request.agent_id)
        held = await self._memory.store.write(acting(), agents.held_on, request.agent_id)
        models = sorted(self._router.knowledge.learned.models.items())
        return held_to_proto(held, [one for queue, model in models if (one := standing(queue, model, request.agent_id)) is not None])

    async def comment_agent(self, request: pb.CommentAgentRequest) -> pb.CommentAgentResponse:
        """Serve ``CommentAgent``."""
        if only_own(request.agent_id) and request.author != "agent":
            raise ForbiddenError("an agent comments as author 'agent'", field="author")
        await self._memory.store.write(acting(), agents.comment, request.agent_id, request.author, request.text)  # type: ignore[arg-type]
        return pb.CommentAgentResponse()


def _here(within_s: float) -> float:
    """How much of a deadline may be spent here."""
    return within_s - min(WAY_S, within_s * WAY_SHARE)
