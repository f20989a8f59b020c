"""The outbox: order, what is dropped, what is never dropped, and when it asks to stop reading."""

from __future__ import annotations

import asyncio

from simpatico.server.analysis.outbox import HARD_LIMIT, SOFT_LIMIT, Outbox
from simpatico.v1 import analysis_pb2 as apb
from simpatico.v1 import analysis_service_pb2 as pb
from tests.server.calls import TIMEOUT_S


def interim(call_id: str, at_s: float) -> pb.StreamAnalyzeResponse:
    """Return an interim of a call."""
    return pb.StreamAnalyzeResponse(call_id=call_id, interim=pb.Interim(analysis=apb.CallAnalysis(call=apb.CallInfo(duration_s=at_s))))


def event(label: str) -> pb.StreamAnalyzeResponse:
    """Return an event."""
    return pb.StreamAnalyzeResponse(call_id="e", event=pb.Event(kind="mark", label=label))


async def drained(outbox: Outbox) -> list[pb.StreamAnalyzeResponse]:
    """Close, and return everything that is in it."""
    outbox.close()
    out = []
    while (response := await outbox.get()) is not None:
        out.append(response)
    return out


async def test_nothing_is_dropped_below_the_limit() -> None:
    outbox = Outbox()
    sent = [interim("a", k) if k % 2 else event(str(k)) for k in range(SOFT_LIMIT)]
    for response in sent:
        outbox.put(response)
    assert await drained(outbox) == sent


async def test_above_it_newer_interims_replace_older_ones_and_events_stay() -> None:
    outbox = Outbox()
    events = [event(str(k)) for k in range(SOFT_LIMIT)]
    for response in events:
        outbox.put(response)
    for k in range(1000):
        outbox.put(interim("a", k))
        outbox.put(interim("b", k))
    assert len(outbox) == SOFT_LIMIT + 2
    assert await drained(outbox) == [*events, interim("a", 999), interim("b", 999)]


async def test_an_interim_that_was_taken_is_not_replaced() -> None:
    outbox = Outbox()
    outbox.put(interim("a", 0))
    for k in range(SOFT_LIMIT):
        outbox.put(event(str(k)))
    assert await outbox.get() == interim("a", 0)
    outbox.put(interim("a", 1))
    outbox.put(interim("a", 2))
    assert [r for r in await drained(outbox) if r.HasField("interim")] == [interim("a", 2)]


async def test_room_is_taken_away_and_given_back() -> None:
    outbox = Outbox()
    for k in range(HARD_LIMIT):
        outbox.put(event(str(k)))
    waiting = asyncio.create_task(outbox.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    await outbox.get()
    await asyncio.wait_for(waiting, TIMEOUT_S)


async def test_get_waits_for_put_and_for_close() -> None:
    outbox = Outbox()
    first = asyncio.create_task(outbox.get())
    await asyncio.sleep(0)
    outbox.put(event("x"))
    assert await first == event("x")
    last = asyncio.create_task(outbox.get())
    await asyncio.sleep(0)
    outbox.close()
    assert await last is None
