"""A client of ``RoutingService``: requests and answers as the proto has them (``routing_service_pb2``), faults as `RemoteError`.

Examples
--------
>>> async with RoutingClient("127.0.0.1:50051") as client:
...     answer = await client.rank_agents(call, answer_within_s=0.05)
...     await client.record_outcome("report-1", answer.decision_id, taken_by="ann")

>>> async with RoutingClient("127.0.0.1:50051", token=token_from(Path("ann.token"))) as client:
...     async for coming in client.watch_assignments("ann"):
...         print(coming.reason, coming.advice)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Iterable
from typing import TypeVar

import grpc

from simpatico.client import AnalysisClient, ClientTls, Token, raise_remote
from simpatico.v1 import routing_service_pb2 as pb
from simpatico.v1 import routing_service_pb2_grpc as rpc

__all__ = ["RoutingClient"]

T = TypeVar("T")


class RoutingClient(AnalysisClient):
    """A connection to the service that ranks and assigns too; an async context manager.

    Every method raises RemoteError when the service refuses it or cannot be reached. Parameters are those of `AnalysisClient`.
    """

    def __init__(self, target: str, *, tls: ClientTls | None = None, token: Token | None = None, plain_text_token: bool = False) -> None:
        super().__init__(target, tls=tls, token=token, plain_text_token=plain_text_token)
        self._routing: rpc.RoutingServiceAsyncStub = rpc.RoutingServiceStub(self._channel)

    async def rank_agents(
        self, call: pb.CallToRoute, *, answer_within_s: float = 0.0, timeout_s: float | None = None
    ) -> pb.RankAgentsResponse:
        """Ask who should take a call; the answer comes within ``answer_within_s`` (0: the deployment's choice), neutral if need be."""
        request = pb.RankAgentsRequest(call=call, answer_within_s=answer_within_s)
        return await self._ask(self._routing.RankAgents(request, timeout=timeout_s, metadata=self._metadata()))

    async def assign_callers(
        self, calls: Iterable[pb.CallToRoute], *, answer_within_s: float = 0.0, timeout_s: float | None = None
    ) -> pb.AssignCallersResponse:
        """Ask who takes whom, of calls in their order of waiting."""
        request = pb.AssignCallersRequest(calls=calls, answer_within_s=answer_within_s)
        return await self._ask(self._routing.AssignCallers(request, timeout=timeout_s, metadata=self._metadata()))

    async def record_outcome(
        self, request_id: str, decision_id: str, outcome: pb.Outcome | None = None, *, taken_by: str = "", timeout_s: float | None = None
    ) -> pb.RecordOutcomeResponse:
        """Report who takes or took a call, and how it went; the same report may be sent again under the same ``request_id``."""
        request = pb.RecordOutcomeRequest(request_id=request_id, decision_id=decision_id, outcome=outcome, taken_by=taken_by)
        return await self._ask(self._routing.RecordOutcome(request, timeout=timeout_s, metadata=self._metadata()))

    async def watch_assignments(self, agent_id: str) -> AsyncIterator[pb.WatchAssignmentsResponse]:
        """Yield who comes to an agent, first of all the calls that the agent has now, until the service ends it."""
        request = pb.WatchAssignmentsRequest(agent_id=agent_id)
        try:
            async for response in self._routing.WatchAssignments(request, metadata=self._metadata()):
                yield response
        except grpc.aio.AioRpcError as error:
            raise_remote(error, self.target)

    async def _ask(self, answer: Awaitable[T]) -> T:
        try:
            return await answer
        except grpc.aio.AioRpcError as error:
            raise_remote(error, self.target)
