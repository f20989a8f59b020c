"""What the tests of RoutingService ask it, and a server that has learned."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from simpatico.server.routing.router import Router
from simpatico.v1 import caller_service_pb2 as callers_pb
from simpatico.v1 import routing_service_pb2 as pb
from simpatico.v1 import routing_service_pb2_grpc as rpc
from tests.server import test_grpc_callers as callers_test
from tests.server.running import Running, Start
from tests.server.test_grpc_app import reason_of
from tests.server.test_grpc_callers import KEY

LONG_S = 30.0
"""An answer that is not a question of time: this machine may be busy."""


async def start_with_agents(start: Start, database: dict[str, Any], **settings: Any) -> Running:
    """Start a server with three agents."""
    running = await start(**database, **settings)
    for name in ("good", "bad", "other"):
        assert (await ask(running, "UpsertAgent", agent=pb.Agent(agent_id=name, skills=["cards"]))).created
    return running


async def ask(server: Running, method: str, token: str | None = None, **fields: Any) -> Any:
    """Call a method and return its answer."""
    async with server.channel() as channel:
        stub = rpc.RoutingServiceStub(channel)
        request = getattr(pb, f"{method}Request")(**fields)
        return await getattr(stub, method)(request, metadata=[("authorization", f"Bearer {token}")] if token else None)


async def refusal(server: Running, method: str, token: str | None = None, **fields: Any) -> tuple[str, str]:
    """Return status and reason of a call that is refused."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ask(server, method, token, **fields)
    return caught.value.code().name, reason_of(caught.value)


def a_call_to_route(*names: str, key: str = "", call_id: str = "c", **more: Any) -> pb.CallToRoute:
    """Return a call for the queue "sales"."""
    listed = [pb.Candidate(agent_id=name, idle_s=10.0) for name in names or ("bad", "good", "other")]
    return pb.CallToRoute(**{"call_id": call_id, "caller_key": key, "queue": "sales", "candidates": listed} | more)


async def ranked(server: Running, call: pb.CallToRoute, within_s: float = LONG_S) -> Any:
    """Ask for a ranking."""
    return await ask(server, "RankAgents", call=call, answer_within_s=within_s)


def router_of(server: Running) -> Router:
    """Return what ranks in it."""
    assert server.application._router is not None
    return server.application._router


async def grant(server: Running, key: str = KEY) -> None:
    """Record that a caller agreed."""
    await callers_test.ask(server, "SetConsent", caller_key=key, consent=callers_pb.CONSENT_GRANTED)


async def taught(server: Running, count: int = 60) -> None:
    """Let the good agent have settled every call and the bad one none."""
    await grant(server)
    for i in range(count):
        answer = await ranked(server, a_call_to_route(key=KEY, call_id=f"past-{i}"))
        taken = ("good", "bad")[i % 2]
        outcome = pb.Outcome(resolved=taken == "good", csat_5=5.0 if taken == "good" else 1.0)
        done = await ask(server, "RecordOutcome", request_id=f"r{i}", decision_id=answer.decision_id, outcome=outcome, taken_by=taken)
        assert (done.kept, done.repeated) == (True, False)
    await router_of(server).knowledge.renew()
