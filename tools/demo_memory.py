"""The demonstration's second act: a caller nobody knows is ranked, heard, ranked again, agrees to be remembered, calls again, and leaves.

Everything that is printed is what the service answered; only the call centre's past is invented (`demo_past`), and says so.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

import grpc
import numpy as np
from demo_past import AGENTS, HEARD_SD, QUEUE, RULE, Past

from simpatico.audio import CallReader, open_call
from simpatico.client import Caller, CallFailed, Chunk, Event, Final, Interim
from simpatico.routing_client import RoutingClient
from simpatico.v1 import caller_service_pb2 as callers_pb
from simpatico.v1 import caller_service_pb2_grpc as callers_rpc
from simpatico.v1 import routing_service_pb2 as pb

__all__ = ["play"]

KEY = "customer-4711"
CHUNK_S = 0.1
LONG_S = 10.0
"""Nobody waits for an answer in a demonstration; a distributor would ask for 0.05 s."""
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Stage:
    """Where it plays: the service, and the files of its memory."""

    target: str
    memory: Path
    past: Past


def say(text: str = "") -> None:
    """Print at once."""
    print(text, flush=True)


def axes_of(estimate: Any) -> str:
    """Return what is believed of a caller, in words."""
    return ", ".join(f"{axis.name} {axis.mean:+.2f} ± {axis.sd:.2f} SD" for axis in estimate)


async def ask(router: RoutingClient, call_id: str) -> pb.RankAgentsResponse:
    """Ask who should take the call."""
    call = pb.CallToRoute(
        call_id=call_id, caller_key=KEY, queue=QUEUE, candidates=[pb.Candidate(agent_id=name, idle_s=30.0) for name in AGENTS]
    )
    return await router.rank_agents(call, answer_within_s=LONG_S)


def doubt(style: Any) -> str:
    """Return how sure the direction of the first axis is."""
    axis = style.axes[0]
    sure = NormalDist().cdf(abs(axis.mean) / axis.sd)
    return f"even the direction of {axis.name} is only {100 * sure:.0f} % sure"


def show(answer: pb.RankAgentsResponse) -> None:
    """Print a ranking."""
    say(f"      it rests on: {', '.join(answer.basis) or 'the distributor alone'}; the decision is {'kept' if answer.kept else 'not kept'}")
    for place, agent in enumerate(answer.agents, 1):
        say(
            f"      {place}. {agent.agent_id:<5} expected utility {agent.expected_utility:.3f} ± {agent.sd:.3f},"
            f" placed first in {100 * agent.propensity:.0f} % of draws"
        )
    first = answer.agents[0]
    if first.factors:
        say(f"      why {first.agent_id}: {first.factors[0].words}")
    for other in answer.counterfactuals:
        if other.without in {"live_evidence", "profile"}:
            change = "somebody else first" if other.first_changes else "the same agent first"
            say(f"      without the {other.without.replace('_', ' ')}: {change} ({', '.join(other.agent_ids[:4])})")


def moved(before: pb.RankAgentsResponse, after: pb.RankAgentsResponse) -> float:
    """Return the largest change of an agent's expectation."""
    known = {agent.agent_id: agent.expected_utility for agent in before.agents}
    return max(abs(agent.expected_utility - known[agent.agent_id]) for agent in after.agents)


async def play(stage: Stage, recording: Path, speed: float) -> None:
    """Play the act."""
    say("A caller is remembered")
    say("----------------------")
    say(f"The past is invented: {stage.past.calls} calls of {stage.past.callers} callers who agreed, with outcomes drawn by a rule:")
    say(f"  {RULE[0]}\n  ({RULE[1]};")
    say(f"  their style is known to ± {HEARD_SD:g} SD). The service is told the outcomes and not the rule. All else is what it answers.\n")
    async with RoutingClient(stage.target) as router, grpc.aio.insecure_channel(stage.target) as channel:
        desk = callers_rpc.CallerServiceStub(channel)
        await learned(router)
        first = await first_call(router, recording, speed)
        await second_call(router, desk, first)
        await leaves(desk, stage.memory)


async def learned(router: RoutingClient) -> None:
    """Wait until the service has read the past."""
    async with asyncio.timeout(PATIENCE_S):
        while (await ask(router, "nobody")).neutral:
            await asyncio.sleep(0.1)


async def first_call(router: RoutingClient, recording: Path, speed: float) -> pb.RankAgentsResponse:
    """Stream a call of somebody unknown, ranked three times on the way; return the first ranking."""
    say(f"1. {KEY} calls. Nobody knows them, and nothing was heard yet:")
    unknown = await ask(router, "call-1")
    show(unknown)
    with open_call(recording, caller_channel=0) as reader:
        async with router.stream() as calls:
            audio = reader.format
            await calls.start(
                "call-1",
                encoding="f32",
                sample_rate_hz=audio.sample_rate_hz,
                channels=audio.channels,
                codec=audio.codec,
                caller=Caller(KEY, reason="booking"),
            )
            await streamed(router, calls, reader, speed, unknown)
    return unknown


async def streamed(router: RoutingClient, calls: Any, reader: CallReader, speed: float, unknown: pb.RankAgentsResponse) -> None:
    """Send the call, and rank it half-way and at its end."""
    updates, length_s = aiter(calls), int(reader.duration_s)
    sending = Sending(calls, reader, speed)
    await sending.until(length_s / 2)
    heard = await interim(updates, int(length_s / 2))
    say(f"\n2. In the middle of the call ({heard.call.duration_s:.0f} s, {heard.style.evidence_s:.0f} s of the caller's speech):")
    say(f"      heard: {axes_of(heard.style.axes)} (0 ± 1: nothing known)")
    show(await ask(router, "call-1"))
    await calls.consent("call-1", "granted", "notice-1")
    while not isinstance(update := await anext(updates), Event) or update.label != "granted":
        pass
    say("\n3. The agent asks whether this call may be remembered; the caller agrees (notice-1).")
    await sending.until(length_s)
    heard = await interim(updates, length_s)
    say(f"\n4. At the end ({heard.call.duration_s:.0f} s, {heard.style.evidence_s:.0f} s of the caller's speech):")
    say(f"      heard: {axes_of(heard.style.axes)}")
    answer = await ask(router, "call-1")
    show(answer)
    say(f"      Hearing the caller has moved expectations by up to {moved(unknown, answer):.3f}, on thin ground: {doubt(heard.style)}.")
    say("      The norms of the bundle that ships, prior-1, rest on five callers: a call leaves almost as much open as there was before.")
    taken = answer.agents[0].agent_id
    outcome = pb.Outcome(resolved=True, handle_s=reader.duration_s)
    desktop = asyncio.create_task(coming(router, taken))
    recorded = await router.record_outcome("outcome-1", answer.decision_id, outcome, taken_by=taken)
    say(f"\n5. {taken} takes the call. The demonstration reports it as settled; the outcome is {'kept' if recorded.kept else 'not kept'}.")
    told = await desktop
    say(f'   {taken}\'s desktop was told, and not who calls: {axes_of(told.style)}; "{told.advice}"')
    say(f"   Whether the caller wants to decide or to browse: {told.intent.lean} ({told.intent.why.replace('_', ' ')}).")
    await calls.end("call-1", reason="booking")
    while not isinstance(update := await anext(updates), Final):
        assert not isinstance(update, CallFailed), update
    say(f"   The call's aggregates are {'kept' if update.kept else 'not kept'}; its audio never was.")


async def coming(router: RoutingClient, agent_id: str) -> pb.WatchAssignmentsResponse:
    """Return what an agent's desktop is told of the next call."""
    async with asyncio.timeout(PATIENCE_S):
        async for told in router.watch_assignments(agent_id):
            return told
    raise AssertionError("the service ended the watch")


class Sending:
    """A recording on its way, as far as it was sent."""

    def __init__(self, calls: Any, reader: CallReader, speed: float) -> None:
        self._calls, self._reader, self._speed = calls, reader, speed
        self._rest = np.zeros((0, reader.format.channels), np.float32)
        self._sent = 0

    async def until(self, seconds: float) -> None:
        """Send up to that second."""
        rate_hz = self._reader.format.sample_rate_hz
        size = round(CHUNK_S * rate_hz)
        while self._sent < round(seconds * rate_hz):
            while len(self._rest) < size and (block := next(self._reader, None)) is not None:
                self._rest = np.concatenate([self._rest, block])
            if not len(self._rest):
                return
            piece, self._rest = self._rest[:size], self._rest[size:]
            await self._calls.send([Chunk("call-1", self._sent, np.ascontiguousarray(piece, "<f4").tobytes())])
            self._sent += len(piece)
            await asyncio.sleep(CHUNK_S / self._speed)


async def interim(updates: Any, seconds: int) -> Any:
    """Return the first interim result from that second on."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            update = await anext(updates)
            if isinstance(update, CallFailed):
                raise update.error
            if isinstance(update, Interim) and update.analysis.call.duration_s >= seconds:
                return update.analysis


async def second_call(router: RoutingClient, desk: Any, unknown: pb.RankAgentsResponse) -> None:
    """Rank the same caller's next call before they speak."""
    profile = await desk.GetCaller(callers_pb.GetCallerRequest(caller_key=KEY))
    say(f"\n6. {KEY} calls again, and has not spoken yet. From {profile.calls} call before, about {', '.join(profile.reasons)}:")
    say(f"      what their calls have in common: {axes_of(profile.axes)} (0 ± 0.71: nothing known)")
    answer = await ask(router, "call-2")
    show(answer)
    say(f"      The profile has moved expectations by up to {moved(unknown, answer):.3f}, on ground that is thinner still.")
    await router.record_outcome("outcome-2", answer.decision_id, pb.Outcome(resolved=True), taken_by=answer.agents[0].agent_id)


async def leaves(desk: Any, memory: Path) -> None:
    """Show everything that is held, erase it, and look for traces."""
    export = await desk.ExportCaller(callers_pb.ExportCallerRequest(caller_key=KEY))
    page = Path(tempfile.mkdtemp(prefix="simpatico-demo-")) / "export.html"
    page.write_text(export.html, "utf-8")
    say(f"\n7. The caller asks what is held of them. Everything, as a page to read: {page}")
    receipt = (await desk.EraseCaller(callers_pb.EraseCallerRequest(caller_key=KEY))).receipt
    rows = ", ".join(f"{count} in {name}" for name, count in sorted(receipt.rows.items()) if count)
    say(f"\n8. And has it erased. Receipt {receipt.receipt_id}: rows deleted: {rows}.")
    files = [path for path in memory.iterdir() if path.is_file()]
    traces = sum(path.read_bytes().count(trace) for path in files for trace in (KEY.encode(), b"call-1", b"notice-1"))
    say(f"   {traces} traces of the caller, the call or the notice in the {len(files)} files of the memory.")
    say(f"   The page of step 7 is the caller's own copy, and stays where it is until you delete it: {page.parent}")
    try:
        await desk.GetCaller(callers_pb.GetCallerRequest(caller_key=KEY))
    except grpc.aio.AioRpcError as error:
        say(f"   Asked again, the service says {error.code().name}: {error.details()}.")
    if traces:
        raise SystemExit("an erased caller was found in the memory's files")
