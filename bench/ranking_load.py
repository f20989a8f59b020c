"""Rankings under load: how many are answered in time, and by the model, while calls stream.

    python -m bench.ranking_load [--rate 200] [--agents 1000] [--calls 50] [--seconds 20] [--workers 1] [--one-port]

The real service, a router that asks at a fixed rate whatever becomes of the answers (open loop), and a media gateway that streams calls in
real time, each in processes of their own, all on this machine. The router has a pool of connections to the port that the service has for
rankings, ``--one-port`` to the one that it has for all. Callers are unknown (nothing to look up, nothing
kept), or known and agreed (a profile to look up, every decision kept with all its agents). First the same router asks a service that does
nothing: what it measures then is itself, gRPC, and this machine's other work.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bench.ranking.database import fill
from bench.server import ONE_THREAD, ROOT, TICKS_PER_S, Service, service

OUTCOMES = 2000
SETTLE_S = 5.0


@contextmanager
def helper(module: str, *arguments: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a part of the bench; yield it and its first line."""
    command = [sys.executable, "-m", f"bench.ranking.{module}", *map(str, arguments)]
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **ONE_THREAD}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline()
    finally:
        process.kill()
        process.wait()


def ask(address: str, options: argparse.Namespace, known: str, pids: list[int]) -> dict[str, Any]:
    """Run the router; return what it saw."""
    arguments = (address, options.rate, options.seconds, options.agents, known, options.deadline_ms / 1000, ",".join(map(str, pids)))
    command = [sys.executable, "-m", "bench.ranking.load", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **ONE_THREAD}, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def distribution(latencies_s: list[float]) -> str:
    """Return cells of a table."""
    if not latencies_s:
        return "| 0 | | | | |"
    p50, p90, p99 = np.percentile(latencies_s, (50, 90, 99)) * 1000
    return f"| {len(latencies_s)} | {p50:.1f} | {p90:.1f} | {p99:.1f} | {max(latencies_s) * 1000:.0f} |"


def show(name: str, found: dict[str, Any], deadline_s: float) -> None:
    """Print what came back in one run."""
    rankings = [(kind, took) for kind, took in found["answers"] if kind != "health check"]
    health = [took for kind, took in found["answers"] if kind == "health check"]
    informed = [took for kind, took in rankings if kind == "informed"]
    neutral = [took for kind, took in rankings if kind != "informed"]
    errors = sum(found["errors"].values())
    asked = len(rankings) + errors
    for what, values in (
        ("all rankings", [took for _, took in rankings]),
        ("informed", informed),
        ("neutral", neutral),
        ("health check", health),
    ):
        print(f"| {name} | {what} {distribution(values)}")
    in_time = [kind for kind, took in rankings if took <= deadline_s]
    own = sum(kind == "informed" for kind in in_time)
    late = sum(took > deadline_s for took in informed)
    reasons = ", ".join(f"{kind} {n}" for kind, n in Counter(kind for kind, _ in rankings if kind != "informed").most_common())
    shares = " | ".join(f"{count / max(asked, 1):.1%}" for count in (len(in_time), own, len(in_time) - own))
    cells = [
        f"{late / max(asked, 1):.1%}",
        f"{np.percentile(found['late_sends_s'], 99) * 1000:.1f}",
        f"{found['cpu_share']:.0%}",
        f"{found['served_share']:.0%}",
    ]
    summary.append(f"| {name} | {shares} | {errors} | {' | '.join(cells)} | {reasons or 'none'} |")


summary: list[str] = []


def stat() -> tuple[float, float]:
    """Return busy and all processor time of the machine so far, in seconds."""
    ticks = [int(x) for x in Path("/proc/stat").read_text("utf-8").split("\n", 1)[0].split()[1:]]
    return (sum(ticks) - ticks[3] - ticks[4]) / TICKS_PER_S, sum(ticks) / TICKS_PER_S


def family(running: Service) -> list[int]:
    """Return the processes of a service."""
    children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text("utf-8").split()
    return [running.pid, *map(int, children)]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=200.0, help="rankings asked for in a second")
    parser.add_argument("--agents", type=int, default=1000, help="eligible agents")
    parser.add_argument("--calls", type=int, default=50, help="calls streamed meanwhile")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of each run")
    parser.add_argument("--deadline-ms", type=float, default=50.0, help="within which an answer is needed")
    parser.add_argument("--workers", type=int, default=1, help="processes of the service that analyse calls")
    parser.add_argument("--one-port", action="store_true", help="no process for rankings alone: they are asked of those that analyse")
    options = parser.parse_args()
    busy_s, all_s = stat()
    subprocess.run(["sleep", str(SETTLE_S)], check=True)
    before = [b - a for a, b in zip((busy_s, all_s), stat(), strict=True)]
    processes = f"{options.workers} worker(s)" + ("" if options.one_port else " and one for rankings")
    print(
        f"{options.rate:g} rankings a second of {options.agents} agents, {options.calls} calls streaming, {options.deadline_ms:g} ms, "
        f"{processes}, {os.cpu_count()} processors; others kept {before[0] / before[1]:.0%} of them busy before the start\n"
    )
    print("| service, callers | answers | count | median, ms | 90 % | 99 % | longest |\n|---|---|---|---|---|---|---|")
    deadline_s = options.deadline_ms / 1000
    with helper("nothing", options.agents) as (nothing, line):
        show("does nothing", ask(line.split()[-1], options, "unknown", [nothing.pid]), deadline_s)
    with tempfile.TemporaryDirectory() as folder:
        arguments = fill(Path(folder), options.agents, OUTCOMES)
        with ExitStack() as stack:
            port = () if options.one_port else ("--routing-port", "0")
            running = stack.enter_context(service(*arguments, *port, "--workers", str(options.workers)))
            stack.enter_context(helper("calls", running.address, options.calls))
            subprocess.run(["sleep", str(SETTLE_S)], check=True)
            for known in ("unknown", "known"):
                show(f"ours, {known}", ask(running.rankings or running.address, options, known, family(running)), deadline_s)
    print(
        "\n| service, callers | in time | by the model | neutral | errors | late, by the model | sent late, ms | client's CPU | "
        "service's CPU | why neutral |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    print("\n".join(summary))


if __name__ == "__main__":
    main()
