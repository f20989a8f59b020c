"""The router: asks for rankings at a rate, whatever becomes of the answers, and writes down what came back. A process of its own.

    python -m bench.ranking.load ADDRESS RATE SECONDS AGENTS KNOWN DEADLINE_S PIDS

prints one JSON object, with the processor time of PIDS (comma-separated) and of itself during the run. Latency counts from when a request
was due, not from when it was sent: a client that falls behind would otherwise hide that the service did. Between rankings the health check
is asked, which does nothing: the empty handler of the same run.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from grpc_health.v1 import health_pb2

from bench.ranking.database import CALLERS, QUEUE, agent_name, caller_key
from bench.server import TICKS_PER_S
from simpatico.v1 import routing_service_pb2 as pb

RANK = "/simpatico.v1.RoutingService/RankAgents"
HEALTH = "/grpc.health.v1.Health/Check"
HEALTH_PER_RANKING = 4
"""Of so many rankings one is followed by a health check."""
VARIANTS = 64
CONNECTIONS = 8
"""A router's pool: the kernel shares out connections among the workers of a service, not requests."""
TIMEOUT_S = 10.0


def requests(agents: int, known: bool, deadline_s: float) -> list[bytes]:
    """Return serialised requests with different loads and callers."""
    made = []
    for i in range(VARIANTS):
        rng = np.random.default_rng(i)
        candidates = [
            pb.Candidate(agent_id=agent_name(k), idle_s=float(rng.exponential(120.0)), occupancy=float(rng.uniform(0.7, 0.9)))
            for k in rng.permutation(agents).tolist()
        ]
        key = caller_key(i % CALLERS) if known else ""
        call = pb.CallToRoute(call_id=f"load-{i}", caller_key=key, queue=QUEUE, reason="bill", candidates=candidates)
        made.append(pb.RankAgentsRequest(call=call, answer_within_s=deadline_s).SerializeToString())
    return made


class Load:
    """What is asked and what came back: (kind, latency in s) of each answer."""

    def __init__(self, channels: list[grpc.aio.Channel]) -> None:
        self._rank = itertools.cycle([channel.unary_unary(RANK) for channel in channels])
        self._health = itertools.cycle([channel.unary_unary(HEALTH) for channel in channels])
        self._empty = health_pb2.HealthCheckRequest().SerializeToString()
        self.answers: list[tuple[str, float]] = []
        self.errors: Counter[str] = Counter()
        self.late_sends_s: list[float] = []
        self.answer_bytes = 0

    async def rank(self, request: bytes, due_s: float) -> None:
        """Ask for a ranking that is due."""
        self.late_sends_s.append(time.monotonic() - due_s)
        try:
            answer = await next(self._rank)(request, timeout=TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            self.errors[error.code().name] += 1
            return
        took_s = time.monotonic() - due_s
        self.answer_bytes = max(self.answer_bytes, len(answer))
        found = pb.RankAgentsResponse.FromString(answer)
        self.answers.append((found.neutral_reason if found.neutral else "informed", took_s))

    async def health(self, due_s: float) -> None:
        """Ask the empty handler."""
        try:
            await next(self._health)(self._empty, timeout=TIMEOUT_S)
            self.answers.append(("health check", time.monotonic() - due_s))
        except grpc.aio.AioRpcError as error:
            self.errors[error.code().name] += 1

    async def run(self, made: list[bytes], rate: float, seconds: float) -> None:
        """Ask at the rate, evenly spaced."""
        began_s = time.monotonic()
        tasks = []
        for i in range(int(rate * seconds)):
            due_s = began_s + i / rate
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            tasks.append(asyncio.create_task(self.rank(made[i % VARIANTS], due_s)))
            if i % HEALTH_PER_RANKING == 0:
                tasks.append(asyncio.create_task(self.health(time.monotonic())))
        await asyncio.gather(*tasks)


def cpu_s(pid: int) -> float:
    """Return the processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def connection(address: str) -> grpc.aio.Channel:
    """Return a channel with a connection of its own."""
    return grpc.aio.insecure_channel(address, options=[("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1)])


async def main() -> None:
    """Warm up for two seconds, ask, and print."""
    address, rate, seconds, agents, known, deadline_s, pids = sys.argv[1:]
    watched = [int(pid) for pid in pids.split(",")]
    made = requests(int(agents), known == "known", float(deadline_s))
    gc.disable()
    async with AsyncExitStack() as stack:
        channels = [await stack.enter_async_context(connection(address)) for _ in range(CONNECTIONS)]
        await Load(channels).run(made, float(rate) / 4, 2.0)
        load, own_s, served_s, began_s = Load(channels), time.process_time(), sum(map(cpu_s, watched)), time.monotonic()
        await load.run(made, float(rate), float(seconds))
        took_s = time.monotonic() - began_s
    found: dict[str, Any] = {
        "answers": load.answers,
        "errors": load.errors,
        "late_sends_s": load.late_sends_s,
        "cpu_share": (time.process_time() - own_s) / took_s,
        "served_share": (sum(map(cpu_s, watched)) - served_s) / took_s,
        "request_bytes": len(made[0]),
        "answer_bytes": load.answer_bytes,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main())
