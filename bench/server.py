"""What the service costs: cold start and its largest parts, memory over a long call, processor time per live call.

    python -m bench.server [--minutes 60] [--calls 50] [--start-only]

Each figure is of a service in a process of its own, measured from outside (/proc), with the shipped bundle. Audio: the sample calls, one
after another. Processor
times are user and system time of the service alone, so the client on the same machine does not count.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simpatico.audio import read_call
from simpatico.client import AnalysisClient, CallFailed, CallStream, Chunk, Event, Final

ROOT = Path(__file__).resolve().parent.parent
RATE_HZ = 8000
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
SERVE = (
    "-m",
    "simpatico",
    "serve",
    "--port",
    "0",
    "--realtime-factor",
    "inf",
    "--set",
    "log.level=warning",
    "--set",
    "limits.call_length_s=1e6",
)


class Service:
    """A running service, seen from outside; ``rankings`` is where it serves them, if on a port of their own."""

    def __init__(self, process: subprocess.Popen[str], address: str, started_s: float, rankings: str | None = None) -> None:
        self.pid, self.address, self.started_s, self.rankings = process.pid, address, started_s, rankings

    def rss_mib(self) -> float:
        """Return the resident memory."""
        status = Path(f"/proc/{self.pid}/status").read_text("utf-8")
        match = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert match is not None
        return int(match.group(1)) / 1024

    def cpu_s(self) -> float:
        """Return user and system time so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


@contextmanager
def service(*more: str) -> Iterator[Service]:
    """Start a service, and stop it in the end."""
    began_s = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, *SERVE, *more], cwd=ROOT, env={**os.environ, **ONE_THREAD}, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.startswith("serving on "):
            raise SystemExit("the service did not start")
        started_s = time.monotonic() - began_s
        rankings = process.stdout.readline().split()[-1] if "--routing-port" in more else None
        yield Service(process, line.split()[-1], started_s, rankings)
    finally:
        process.terminate()
        process.wait()


def sample_audio(seconds: float) -> NDArray[np.int16]:
    """Return int16 [n, 2]: the sample calls one after another, repeated."""
    files = sorted(p for p in (ROOT / "audio_samples").iterdir() if p.suffix in {".wav", ".flac"})
    calls = np.concatenate([read_call(p).samples for p in files])
    pcm = np.clip(np.round(calls * 32768), -32768, 32767).astype(np.int16)
    return np.resize(pcm, (int(seconds * RATE_HZ), 2))


def cold_start(repeats: int = 5) -> None:
    """Print how long it takes to serve, and which imports take longest."""
    started_s, cpu_s, rss_mib = [], [], []
    for _ in range(repeats):
        with service() as running:
            started_s.append(running.started_s)
            cpu_s.append(running.cpu_s())
            rss_mib.append(running.rss_mib())
    print("## Cold start to SERVING\n")
    print(
        f"{np.median(started_s):.2f} s wall, {np.median(cpu_s):.2f} s processor time, {np.median(rss_mib):.0f} MiB (medians of {repeats})\n"
    )
    modules = "simpatico.server.app, simpatico.analysis, simpatico.style, simpatico.config"
    runs = [imports_us(modules) for _ in range(repeats)]
    total = float(np.median([sum(run.values()) for run in runs]))
    medians = {package: float(np.median([run.get(package, 0) for run in runs])) for package in runs[0]}
    print("| package | import, ms | share |\n|---|---|---|")
    for package, us in sorted(medians.items(), key=lambda item: -item[1])[:10]:
        print(f"| {package} | {us / 1000:.0f} | {us / total:.0%} |")
    print(f"| all | {total / 1000:.0f} | |\n")


def imports_us(modules: str) -> Counter[str]:
    """Return how long a fresh process takes to import each package for some modules, without what it imports in turn, microseconds."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", f"import {modules}"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    own: Counter[str] = Counter()
    for line in done.stderr.splitlines():
        match = re.match(r"import time:\s+(\d+) \|\s+\d+ \|\s*([\w.]+)", line)
        if match:
            own[match.group(2).split(".")[0]] += int(match.group(1))
    return own


async def long_call(minutes: float, *, interims: bool) -> None:
    """Print the memory of the service while one long call is streamed faster than real time."""
    audio = sample_audio(minutes * 60)
    marks = {f"{minutes * k / 8:.1f} min": int(len(audio) * k / 8) for k in range(1, 8)}
    how = "interim results every second" if interims else "no interim results"
    print(f"## Memory over one call of {minutes:g} minutes, {how}\n\n| call time | RSS, MiB |\n|---|---|")
    with service() as running:
        before_cpu_s, began_s = running.cpu_s(), time.monotonic()
        print(f"| before | {running.rss_mib():.1f} |")
        async with AnalysisClient(running.address) as client, client.stream() as stream:
            await stream.start("long", encoding="l16", sample_rate_hz=RATE_HZ, channels=2, options={"no_interims": not interims})
            sending = asyncio.create_task(send_all(stream, audio, marks))
            final = await read_long(stream, running)
            await sending
        wall_s, cpu_s = time.monotonic() - began_s, running.cpu_s() - before_cpu_s
    length_s = final.analysis.call.duration_s
    print(
        f"\n{len(final.analysis.dialogue.utterances)} utterances; {length_s / wall_s:.0f} times real time, {cpu_s:.1f} s of processor time "
        f"({cpu_s / length_s * 1000:.1f} ms per call second)\n"
    )


async def read_long(stream: CallStream, running: Service) -> Final:
    """Print the memory at each mark and at the end; return the final."""
    async for update in stream:
        match update:
            case CallFailed():
                raise update.error
            case Event():
                print(f"| {update.label} | {running.rss_mib():.1f} |", flush=True)
            case Final():
                print(f"| end | {running.rss_mib():.1f} |")
                return update
    raise SystemExit("the service closed the stream without a final")


async def send_all(stream: CallStream, audio: NDArray[np.int16], marks: dict[str, int], size: int = RATE_HZ // 2) -> None:
    """Send the audio in chunks of half a second, a mark after each number of samples in ``marks``, then end."""
    left = dict(marks)
    for first in range(0, len(audio), size):
        await stream.send([Chunk("long", first, audio[first : first + size].tobytes())])
        for label in [label for label, at in left.items() if at <= first + size]:
            await stream.mark("long", label)
            del left[label]
    await stream.end("long")


async def live_calls(calls: int, seconds: float, batched: bool, interims: bool) -> tuple[float, float]:
    """Stream ``calls`` calls of ``seconds`` in chunks of 100 ms; return the service's processor time per call second, and its memory per
    call in MiB."""
    audio = sample_audio(seconds + calls)
    size = RATE_HZ // 10
    names = [str(k) for k in range(calls)]
    with service() as running:
        empty_mib, before_s = running.rss_mib(), running.cpu_s()
        async with AnalysisClient(running.address) as client, client.stream() as stream:
            for name in names:
                await stream.start(name, encoding="l16", sample_rate_hz=RATE_HZ, channels=2, options={"no_interims": not interims})

            async def send() -> None:
                for first in range(0, int(seconds * RATE_HZ), size):
                    # Each call hears another second of the audio, so that not all begin to speak at once.
                    chunks = [
                        Chunk(name, first, audio[first + k * RATE_HZ : first + k * RATE_HZ + size].tobytes())
                        for k, name in enumerate(names)
                    ]
                    for batch in [chunks] if batched else [[chunk] for chunk in chunks]:
                        await stream.send(batch)

            sending = asyncio.create_task(send())
            reading = asyncio.create_task(read_finals(stream, calls))
            await sending
            full_mib = running.rss_mib()
            for name in names:
                await stream.end(name)
            await reading
        used_s = running.cpu_s() - before_s
    return used_s / (calls * seconds), (full_mib - empty_mib) / calls


async def read_finals(stream: CallStream, calls: int) -> None:
    """Read until all calls have their finals."""
    left = calls
    async for update in stream:
        if isinstance(update, CallFailed):
            raise update.error
        left -= isinstance(update, Final)
        if not left:
            return


async def many_calls(calls: int, seconds: float) -> None:
    """Print what a live call costs."""
    print(f"## Processor time of live calls ({calls} calls of {seconds:g} s, two channels, chunks of 100 ms)\n")
    print("| messages | interims | ms per call second | calls per processor | MiB per call |\n|---|---|---|---|---|")
    for batched in (False, True):
        for interims in (True, False):
            cost_s, mib = await live_calls(calls, seconds, batched, interims)
            message = "one for all calls" if batched else "one for each call"
            print(f"| {message} | {'every second' if interims else 'none'} | {cost_s * 1000:.1f} | {1 / cost_s:.0f} | {mib:.2f} |")


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0, help="length of the long call")
    parser.add_argument("--calls", type=int, default=50, help="live calls at once")
    parser.add_argument("--seconds", type=float, default=30.0, help="length of each live call")
    parser.add_argument("--start-only", action="store_true", help="measure the cold start and nothing else")
    options = parser.parse_args()
    cold_start()
    if options.start_only:
        return
    for interims in (False, True):
        asyncio.run(long_call(options.minutes, interims=interims))
    asyncio.run(many_calls(options.calls, options.seconds))


if __name__ == "__main__":
    main()
