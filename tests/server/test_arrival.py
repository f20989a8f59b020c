"""Who has much to do lets RPCs come in first, and knows when each came."""

from __future__ import annotations

import asyncio

from simpatico.server.arrival import Arrivals, arrived_s


async def test_an_rpc_that_nobody_noted_came_now() -> None:
    loop = asyncio.get_running_loop()
    before_s = loop.time()
    assert before_s <= arrived_s() <= loop.time()


async def test_each_task_knows_when_its_own_rpc_came() -> None:
    arrivals, loop = Arrivals(), asyncio.get_running_loop()

    async def serve() -> tuple[float, float, float]:
        before_s = loop.time()
        arrivals.note()
        after_s = loop.time()
        await asyncio.sleep(0.02)
        return before_s, arrived_s(), after_s

    for before_s, came_s, after_s in await asyncio.gather(serve(), serve(), serve()):
        assert before_s <= came_s <= after_s


async def test_those_that_come_one_after_another_are_all_let_in() -> None:
    """Each comes three rounds of the loop after the one before, as they do from gRPC."""
    arrivals, came = Arrivals(), list[int]()

    async def coming() -> None:
        for number in range(20):
            for _ in range(3):
                await asyncio.sleep(0)
            arrivals.note()
            came.append(number)

    task = asyncio.create_task(coming())
    await arrivals.all_in(longest_s=60.0)
    assert len(came) == 20
    await task


async def test_it_does_not_wait_for_ever() -> None:
    arrivals = Arrivals()
    over = False

    async def coming() -> None:
        while not over:
            arrivals.note()
            await asyncio.sleep(0)

    task = asyncio.create_task(coming())
    await arrivals.all_in(longest_s=0.01)
    over = True
    await task
