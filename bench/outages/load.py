"""Who uses the service meanwhile: media gateways that stream calls, a distributor that asks for rankings and reports outcomes.

The distributor does what a good one does: a report that was not acknowledged is sent again under the same id until it is. What was
acknowledged is written down in a `Ledger`, to be held against the database afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

import grpc
import numpy as np
from numpy.typing import NDArray

from simpatico.client import AnalysisClient, CallFailed, Chunk, Final, Interim
from simpatico.errors import RemoteError
from simpatico.v1 import caller_service_pb2 as callers_pb
from simpatico.v1 import caller_service_pb2_grpc as callers_rpc
from simpatico.v1 import routing_service_pb2 as pb
from simpatico.v1 import routing_service_pb2_grpc as rpc

__all__ = ["AGENTS", "CALLERS", "Distributor", "Ledger", "Ranked", "StreamedCall", "consent", "stream_call"]

CALLERS = tuple(f"customer-{i:04d}" for i in range(8))
AGENTS = tuple(f"agent-{i}" for i in range(6))
QUEUE = "sales"
CHUNK_S = 0.1
RATE_HZ = 8000
RPC_S = 20.0
"""An RPC that takes longer is lost; SQLite alone waits five seconds for a lock."""
AGAIN_S = 0.3
"""Pause before a report is sent again."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """An answer: when it was asked (``time.monotonic``), how long it took, and why it was neutral ("" when it was not)."""

    at_s: float
    latency_s: float
    neutral_reason: str


@dataclass
class Ledger:
    """What the service promised.

    Attributes
    ----------
    decided
        Ids of decisions that it said are kept.
    acknowledged
        Report id -> decision id of outcomes that it said are kept.
    repeated
        Reports that were sent though they had been acknowledged, and answered as kept again.
    unacknowledged
        Reports that were sent and not acknowledged.
    rankings
        Every answer.
    errors
        RPCs that ended with a status, by method and status.
    """

    decided: set[str] = field(default_factory=set)
    acknowledged: dict[str, str] = field(default_factory=dict)
    repeated: int = 0
    unacknowledged: dict[str, pb.RecordOutcomeRequest] = field(default_factory=dict)
    rankings: list[Ranked] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)


async def consent(address: str) -> None:
    """Let every caller agree, and declare the agents."""
    async with grpc.aio.insecure_channel(address) as channel:
        stub, routing = callers_rpc.CallerServiceStub(channel), rpc.RoutingServiceStub(channel)
        for key in CALLERS:
            await stub.SetConsent(callers_pb.SetConsentRequest(caller_key=key, consent=callers_pb.CONSENT_GRANTED, notice_id="n1"))
        for name in AGENTS:
            await routing.UpsertAgent(pb.UpsertAgentRequest(agent=pb.Agent(agent_id=name)))


class Distributor:
    """Asks for rankings and reports outcomes, one loop after the other or many at once.

    Parameters
    ----------
    ledger
        Where answers are written down.
    rng
        Of the order of things.
    prefix
        Of ids, so that those of several runs differ.
    late_s
        Longest time between a ranking and its first report.
    """

    def __init__(self, ledger: Ledger, rng: random.Random, prefix: str, late_s: float) -> None:
        self.ledger = ledger
        self._rng = rng
        self._prefix = prefix
        self._late_s = late_s
        self._number = 0
        self._open: set[asyncio.Task[None]] = set()
        self.stopping = asyncio.Event()

    async def ask_at(self, address: str, rate_hz: float) -> None:
        """Ask for so many rankings a second until `stopping`, then see the reports through."""
        async with grpc.aio.insecure_channel(address) as channel:
            stub = rpc.RoutingServiceStub(channel)
            while not self.stopping.is_set():
                task = asyncio.create_task(self._one(stub))
                self._open.add(task)
                task.add_done_callback(self._open.discard)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.stopping.wait(), self._rng.expovariate(rate_hz))
            await asyncio.gather(*self._open)

    async def ask_on(self, address: str, loops: int) -> None:
        """Ask as fast as the service answers, from several loops at once, until it is gone."""
        async with grpc.aio.insecure_channel(address) as channel:
            stub = rpc.RoutingServiceStub(channel)

            async def loop() -> None:
                while not self.stopping.is_set():
                    await self._one(stub)

            # What the service before this one may or may not have written down.
            await asyncio.gather(*(self._send(stub, request) for request in list(self.ledger.unacknowledged.values())))
            await asyncio.gather(*(loop() for _ in range(loops)))

    async def _one(self, stub: rpc.RoutingServiceStub) -> None:
        number, self._number = self._number, self._number + 1
        name = f"{self._prefix}-{number}"
        listed = [pb.Candidate(agent_id=agent, idle_s=float(i)) for i, agent in enumerate(AGENTS)]
        call = pb.CallToRoute(call_id=name, caller_key=self._rng.choice(CALLERS), queue=QUEUE, candidates=listed)
        began_s = time.monotonic()
        try:
            answer = await stub.RankAgents(pb.RankAgentsRequest(call=call), timeout=RPC_S)
        except grpc.aio.AioRpcError as error:
            self.ledger.errors[f"RankAgents {error.code().name}"] += 1
            return
        self.ledger.rankings.append(Ranked(began_s, time.monotonic() - began_s, answer.neutral_reason))
        if not answer.kept:
            return
        self.ledger.decided.add(answer.decision_id)
        taken = answer.agents[0].agent_id
        await self._pause(self._rng.uniform(0.0, self._late_s))
        first = pb.Outcome(resolved=self._rng.random() < 0.6)
        if not await self._report(stub, f"{name}-a", answer.decision_id, first, taken):
            return
        if self._rng.random() < 0.3:
            await self._pause(self._rng.uniform(0.0, self._late_s))
            await self._report(stub, f"{name}-b", answer.decision_id, pb.Outcome(csat_5=float(self._rng.randint(1, 5))), "")

    async def _pause(self, seconds: float) -> None:
        if seconds > 0:
            await asyncio.sleep(seconds)

    async def _report(self, stub: rpc.RoutingServiceStub, request_id: str, decision_id: str, outcome: pb.Outcome, taken: str) -> bool:
        """Report until it is acknowledged, and now and then once more; returns whether it was."""
        return await self._send(
            stub, pb.RecordOutcomeRequest(request_id=request_id, decision_id=decision_id, outcome=outcome, taken_by=taken)
        )

    async def _send(self, stub: rpc.RoutingServiceStub, request: pb.RecordOutcomeRequest) -> bool:
        until_s = time.monotonic() + 60.0
        self.ledger.unacknowledged[request.request_id] = request
        while time.monotonic() < until_s:
            try:
                answer = await stub.RecordOutcome(request, timeout=RPC_S)
            except grpc.aio.AioRpcError as error:
                self.ledger.errors[f"RecordOutcome {error.code().name}"] += 1
                if self.stopping.is_set() or error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                    return False
                await asyncio.sleep(AGAIN_S)
                continue
            if answer.kept:
                del self.ledger.unacknowledged[request.request_id]
                self.ledger.acknowledged[request.request_id] = request.decision_id
                if self._rng.random() < 0.1:
                    with contextlib.suppress(grpc.aio.AioRpcError):
                        self.ledger.repeated += (await stub.RecordOutcome(request, timeout=RPC_S)).kept
            return bool(answer.kept)
        return False


@dataclass(frozen=True, slots=True)
class StreamedCall:
    """What came of a call: seconds of audio sent and of the final, interim results, and the longest time without one."""

    sent_s: float
    final_s: float | None
    interims: int
    longest_pause_s: float
    error: str


async def stream_call(address: str, call_id: str, audio: NDArray[np.int16], seconds: float, **start: object) -> StreamedCall:
    """Stream a call in real time, with an interim result every second.

    Parameters
    ----------
    audio
        int16 [n, 2] at 8 kHz, at least ``seconds`` long.
    start
        Further fields of the call's start.
    """
    sent, seen, final = 0.0, [time.monotonic()], None
    try:
        async with AnalysisClient(address) as client, client.stream() as stream:

            async def send() -> None:
                nonlocal sent
                began_s = time.monotonic()
                for k in range(round(seconds / CHUNK_S)):
                    first = round(k * CHUNK_S * RATE_HZ)
                    piece = audio[first : first + round(CHUNK_S * RATE_HZ)]
                    await stream.send([Chunk(call_id, first, piece.tobytes())])
                    sent = len(piece) / RATE_HZ + sent
                    await asyncio.sleep(max(0.0, began_s + (k + 1) * CHUNK_S - time.monotonic()))
                await stream.end(call_id)
                await stream.close()

            await stream.start(
                call_id,
                encoding="l16",
                sample_rate_hz=RATE_HZ,
                channels=2,
                options={"interim_period_s": 1.0},
                **start,  # type: ignore[arg-type]
            )
            sending = asyncio.create_task(send())
            async for update in stream:
                if isinstance(update, Interim):
                    seen.append(time.monotonic())
                elif isinstance(update, Final):
                    final = update.analysis.call.duration_s
                elif isinstance(update, CallFailed):
                    return StreamedCall(sent, None, len(seen) - 1, _longest(seen), str(update))
            await sending
    except (RemoteError, asyncio.CancelledError) as error:
        return StreamedCall(sent, final, len(seen) - 1, _longest(seen), str(error) or type(error).__name__)
    return StreamedCall(sent, final, len(seen) - 1, _longest(seen), "")


def _longest(seen: list[float]) -> float:
    return max((b - a for a, b in pairwise(seen)), default=0.0)
