"""A media gateway: streams calls in real time over one stream until its standard input is closed. A process of its own.

python -m bench.ranking.calls ADDRESS CALLS
"""

from __future__ import annotations

import asyncio
import sys
import time

from bench.server import RATE_HZ, sample_audio
from simpatico.client import AnalysisClient, CallFailed, CallStream, Chunk

LOOP_S = 120.0
CHUNK_S = 0.1


async def listen(stream: CallStream) -> None:
    """Take what the service says; a call that fails ends the bench."""
    async for update in stream:
        if isinstance(update, CallFailed):
            raise update.error


async def main() -> None:
    """Stream."""
    address, calls = sys.argv[1], int(sys.argv[2])
    audio = sample_audio(LOOP_S + calls)
    size = int(CHUNK_S * RATE_HZ)
    async with AnalysisClient(address) as client, client.stream() as stream:
        listening = asyncio.create_task(listen(stream))
        for k in range(calls):
            await stream.start(str(k), encoding="l16", sample_rate_hz=RATE_HZ, channels=2)
        print("streaming", flush=True)
        closed = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
        began_s, sent = time.monotonic(), 0
        while not closed.done() and not listening.done():
            at = sent % int(LOOP_S * RATE_HZ)
            await stream.send([Chunk(str(k), sent, audio[at + k * RATE_HZ : at + k * RATE_HZ + size].tobytes()) for k in range(calls)])
            sent += size
            await asyncio.sleep(max(0.0, began_s + sent / RATE_HZ - time.monotonic()))
        if listening.done():
            listening.result()
            raise SystemExit("the service closed the stream")
        print(f"{time.monotonic() - began_s - sent / RATE_HZ:.3f}", flush=True)  # how late the last chunk was


if __name__ == "__main__":
    asyncio.run(main())
