"""A service that does nothing: takes a ranking's request and gives an answer of a ranking's size that was made before. It shows what the
client and gRPC alone can do.

    python -m bench.ranking.nothing AGENTS
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import grpc
import numpy as np
from grpc_health.v1 import health_pb2

from bench.ranking.database import agent_name
from bench.ranking.load import HEALTH, RANK
from simpatico.routing.ranked import Entries
from simpatico.server.routing.ranking_bytes import agents_bytes


async def main() -> None:
    """Serve until killed."""
    agents = int(sys.argv[1])
    ones = np.ones(agents)
    answer = agents_bytes(Entries([agent_name(i) for i in range(agents)], ones, ones, ones, ones))
    healthy = health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING).SerializeToString()

    def handler(reply: bytes) -> Any:
        async def serve(request: bytes, context: Any) -> bytes:  # noqa: ARG001  # it does nothing
            return reply

        return grpc.unary_unary_rpc_method_handler(serve)

    server = grpc.aio.server()
    for method, reply in ((RANK, answer), (HEALTH, healthy)):
        _, service, name = method.split("/")
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {name: handler(reply)}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"serving on 127.0.0.1:{port}", flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main())
