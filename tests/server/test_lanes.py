"""Lanes: order within a call, concurrency between calls, faults, fairness."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from simpatico.server.analysis.lanes import JOBS_PER_SLICE, Lane, Threads

SOON_S = 60.0


@pytest.fixture
def threads() -> Iterator[Threads]:
    """Return four threads."""
    pool = Threads(4)
    yield pool
    pool.close()


async def until(condition: object) -> None:
    """Wait until the callable is true."""
    async with asyncio.timeout(SOON_S):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.002)


class Crowd:
    """A job that takes a while, and how many threads were in it at once at worst."""

    def __init__(self, seconds: float) -> None:
        self.worst = 0
        self._seconds = seconds
        self._inside = 0
        self._lock = threading.Lock()

    def __call__(self) -> None:
        """Do it."""
        with self._lock:
            self._inside += 1
            self.worst = max(self.worst, self._inside)
        time.sleep(self._seconds)
        with self._lock:
            self._inside -= 1


async def test_jobs_of_a_lane_keep_their_order_and_weight(threads: Threads) -> None:
    lanes, results = [], []
    for _ in range(20):
        got: list[int | None] = []
        results.append(got)
        lanes.append(Lane[int](threads, lambda result, _error, got=got: got.append(result)))  # type: ignore[misc]
    for number in range(50):
        for lane in lanes:
            lane.put(lambda number=number: number, weight=2)  # type: ignore[misc]
    assert all(lane.weight == 100 for lane in lanes)
    await until(lambda: all(len(got) == 50 for got in results))
    assert results == [list(range(50))] * 20
    assert all(lane.weight == 0 for lane in lanes)


async def test_only_one_thread_at_a_time_is_in_a_lane(threads: Threads) -> None:
    job, done = Crowd(0.0005), []
    lane = Lane[None](threads, lambda _, error: done.append(error))
    for _ in range(100):
        lane.put(job)
        await asyncio.sleep(0)
    await until(lambda: len(done) == 100)
    assert job.worst == 1


async def test_nothing_follows_an_error(threads: Threads) -> None:
    delivered: list[tuple[int | None, str]] = []
    go_on = threading.Event()

    def fail() -> int:
        go_on.wait(SOON_S)
        raise ValueError("no")

    lane = Lane[int](threads, lambda result, error: delivered.append((result, str(error))))
    lane.put(lambda: 1)
    lane.put(fail)
    lane.put(lambda: 3)
    go_on.set()
    await until(lambda: len(delivered) == 2)
    lane.put(lambda: 4)
    await asyncio.sleep(0.05)
    assert delivered == [(1, "None"), (None, "no")]


async def test_a_closed_lane_delivers_nothing_more(threads: Threads) -> None:
    delivered: list[int | None] = []
    go_on = threading.Event()
    lane = Lane[int](threads, lambda result, _: delivered.append(result))
    lane.put(lambda: int(go_on.wait(SOON_S)), weight=5)
    lane.put(lambda: 2, weight=5)
    await asyncio.sleep(0.02)
    lane.close()
    assert lane.weight == 0
    go_on.set()
    lane.put(lambda: 3)
    await asyncio.sleep(0.05)
    assert delivered == []


async def test_a_busy_lane_lets_others_in() -> None:
    pool = Threads(1)
    order: list[str] = []
    held = threading.Event()
    busy = Lane[str](pool, lambda result, _: order.append(result or ""))
    other = Lane[str](pool, lambda result, _: order.append(result or ""))
    busy.put(lambda: str(held.wait(SOON_S)))
    for _ in range(100):
        busy.put(lambda: "busy")
    other.put(lambda: "other")
    held.set()
    await until(lambda: len(order) == 102)
    assert order.index("other") == JOBS_PER_SLICE < 20
    pool.close()


async def test_one_thread_does_the_lanes_while_none_waits_long(threads: Threads, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads in the analysis would only take the interpreter from each other."""
    monkeypatch.setattr("simpatico.server.analysis.lanes.PATIENCE_S", SOON_S)
    job, done = Crowd(0.001), []
    for _ in range(40):
        Lane[None](threads, lambda _, error: done.append(error)).put(job)
        await asyncio.sleep(0)
    await until(lambda: len(done) == 40)
    assert job.worst == 1


async def test_a_lane_that_waits_long_gets_another_thread(threads: Threads) -> None:
    """The first job ends only when the others, behind it, have been done."""
    results: list[bool | None] = []
    others_done = threading.Barrier(3)

    def wait() -> bool:
        return others_done.wait(SOON_S) >= 0

    for _ in range(3):
        Lane[bool](threads, lambda result, _: results.append(result)).put(wait)
        await asyncio.sleep(0)
    await until(lambda: len(results) == 3)
    assert results == [True] * 3


async def test_what_a_second_thread_does_later_is_not_delivered_sooner(threads: Threads) -> None:
    """The first thread has done a job of the lane, and has not handed it over while it does another lane's; a second does the next."""
    held, order = threading.Event(), []
    lane = Lane[int](threads, lambda result, _: order.append(result))
    lane.put(lambda: 1)
    Lane[bool](threads, lambda *_: None).put(lambda: held.wait(SOON_S))
    await asyncio.sleep(0)
    second = threading.Event()
    lane.put(lambda: second.set() or 2)  # type: ignore[func-returns-value]
    await until(second.is_set)
    await until(lambda: order)
    held.set()
    await until(lambda: len(order) == 2)
    assert order == [1, 2]


async def test_lanes_and_other_jobs_take_turns_on_one_thread() -> None:
    """A job of a recording comes in between long before the lanes are done."""
    pool = Threads(1)
    order: list[str] = []

    def job() -> str:
        time.sleep(0.001)
        return "lane"

    for _ in range(200):
        Lane[str](pool, lambda result, _: order.append(result or "")).put(job)
    await asyncio.sleep(0.005)
    order.append(await pool.run(lambda: "recording"))
    await until(lambda: len(order) == 201)
    assert order.index("recording") < 150
    pool.close()


async def deliver_at_once(threads: Threads, *lanes: Lane[int]) -> None:
    """Have each lane do one job that returns 1 and one that returns 2, all handed over together."""
    held = threading.Event()
    Lane[bool](threads, lambda *_: None).put(lambda: held.wait(SOON_S))
    await asyncio.sleep(0)
    for number in (1, 2):
        for lane in lanes:
            lane.put(lambda number=number: number)  # type: ignore[misc]
    held.set()


async def test_a_callback_that_raises_ends_its_own_lane_alone(
    threads: Threads, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Before, what was handed over with it reached nobody."""
    monkeypatch.setattr("simpatico.server.analysis.lanes.PATIENCE_S", SOON_S)
    told: list[tuple[int | None, str]] = []
    before: list[int | None] = []
    after: list[int | None] = []

    def faulty(result: int | None, error: Exception | None) -> None:
        told.append((result, str(error)))
        if error is None:
            raise KeyError("no such call")

    lanes = [Lane[int](threads, deliver) for deliver in (lambda r, _: before.append(r), faulty, lambda r, _: after.append(r))]
    await deliver_at_once(threads, *lanes)
    await until(lambda: len(before) == len(after) == 2)
    lanes[1].put(lambda: 3)
    await asyncio.sleep(0.05)
    assert before == after == [1, 2]
    assert told == [(1, "None"), (None, "'no such call'")], "its owner hears of it once, and of nothing after it"
    assert lanes[1].weight == 0
    assert not caplog.records, "its owner knows"


@pytest.mark.parametrize("closes", [False, True])
async def test_a_callback_that_cannot_be_told_is_in_the_log(threads: Threads, caplog: pytest.LogCaptureFixture, closes: bool) -> None:
    """It raises when it is told that it raised; or it has closed its lane, as one whose call is over does."""
    told: list[str] = []
    others: list[int | None] = []

    def faulty(result: int | None, error: Exception | None) -> None:
        told.append(str(error))
        if closes:
            lane.close()
        raise ValueError(f"raised at {result}")

    lane = Lane[int](threads, faulty)
    await deliver_at_once(threads, lane, Lane[int](threads, lambda result, _: others.append(result)))
    await until(lambda: len(others) == 2 and caplog.records)
    assert told == (["None"] if closes else ["None", "raised at 1"])
    (record,) = caplog.records
    assert record.exc_info is not None
    assert "raised at" in caplog.text
    assert "Traceback" in caplog.text
