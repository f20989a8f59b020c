"""What it costs that workers tell each other the latest style of every call: ``python -m bench.exchange``.

Two exchanges and their hub in one process, on one thread each as in a service; processor time is that of all three together.
"""

from __future__ import annotations

import asyncio
import statistics
import time

from simpatico.server.exchange import Exchange, Hub

CALLS = 500
ROUNDS = 40
VALUE = bytes(300)
"""A serialised style of two axes with its contributions has about so many bytes."""


async def measure() -> tuple[float, float]:
    """Return microseconds of processor time for each value that reaches the other process, and the median delay of one alone, ms."""
    with Hub() as hub:
        members = []
        for _ in range(2):
            number, end = hub.attach()
            members.append(Exchange(number))
            members[-1].join(end)
        here, there = members
        held = [here.hold(f"style/{i}") for i in range(CALLS)]
        began_s = time.process_time()
        for k in range(ROUNDS):
            value = k.to_bytes(2, "big") + VALUE
            for one in held:
                one.set(value)
            while any(there.latest(f"style/{i}") != (value,) for i in (0, CALLS - 1)):
                await asyncio.sleep(0.001)
        cpu_us = (time.process_time() - began_s) / (ROUNDS * CALLS) * 1e6
        delays = []
        for k in range(200):
            value = k.to_bytes(2, "big")
            sent_s = time.perf_counter()
            held[0].set(value)
            while there.latest("style/0") != (value,):
                await asyncio.sleep(0)
            delays.append((time.perf_counter() - sent_s) * 1e3)
        for member in members:
            await member.close()
    return cpu_us, statistics.median(delays)


def main() -> None:
    """Print the table."""
    runs = [asyncio.run(measure()) for _ in range(5)]
    cpu_us = statistics.median(run[0] for run in runs)
    print(f"| values a second ({CALLS} calls, a result each second) | processor time a value | share of a processor | delay of one value |")
    print("|---|---|---|---|")
    print(f"| {CALLS} | {cpu_us:.1f} µs | {CALLS * cpu_us / 1e4:.2f} % | {statistics.median(run[1] for run in runs):.2f} ms |")


if __name__ == "__main__":
    main()
