"""A call that ends in the very moment in which its caller withdraws: on each database, whoever comes first, nothing is left and the receipt
is right."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from simpatico.profiles import audit, callers, calls, decisions, privacy, training
from simpatico.profiles.store import Store, Work
from tests.profiles.samples import CALLER, RING, a_call, a_decision
from tests.profiles.test_callers import sizes

ROUNDS = 30


@pytest.mark.parametrize("end", [privacy.withdraw, privacy.erase, privacy.object_to])
def test_a_call_that_ends_while_its_caller_says_no(url: str, end: Callable[[Work, str], privacy.Receipt]) -> None:
    async def run() -> None:
        store = Store(url, RING)
        await store.open()
        for i in range(ROUNDS):
            await store.write("test", privacy.erase, CALLER)
            caller_id = (await store.write("test", callers.grant, CALLER)).caller_id
            work: list[Any] = [
                store.write("router", calls.keep, CALLER, a_call(f"call-{i}"), known_as=caller_id),
                store.write("router", decisions.log, caller_id, [a_decision(f"call-{i}")]),
                store.write("router", training.set_aside, CALLER, f"call-{i}", "norms", {"f": 1.0}),
                store.write("privacy", end, CALLER),
            ]
            turn = i % len(work)
            results = await asyncio.gather(*work[turn:], *work[:turn])
            kept, logged, aside, receipt = results[len(work) - turn :] + results[: len(work) - turn]
            assert [receipt.rows[name] for name in ("calls", "decisions", "training")] == [kept is None, logged, aside]
            left = await store.read(sizes)
            assert not {"calls", "profiles", "decisions", "training"} & left.keys()
        assert (await store.read(audit.verify_log)).ok
        await store.close()

    asyncio.run(run())
