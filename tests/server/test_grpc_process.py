"""The service as a process: signals, drain, sudden death, the port, what it imports."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys

import pytest

from simpatico.client import AnalysisClient, Drain, Event, Final, Ready
from simpatico.errors import RemoteError
from tests.server.calls import STEREO, TIMEOUT_S, begin, cut, noise
from tests.server.fakes import expected_final
from tests.server.running import ROOT, log_of, process

FAKE = "tests.server.fake_service"
HEAVY = ("torch", "torchaudio", "librosa", "numba", "pandas", "matplotlib")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains(number: signal.Signals) -> None:
    samples = noise(1.0)
    with process(FAKE, "server.drain_grace_s=0.5", "log.format=json") as (running, address):
        async with AnalysisClient(address) as client, client.stream() as stream:
            updates = aiter(stream)
            await begin(stream, "private-id", options={"no_interims": True})
            await stream.send(cut("private-id", samples))
            ready = await anext(updates)
            assert isinstance(ready, Ready)
            await stream.mark("private-id", "all of it is there")
            assert isinstance(await anext(updates), Event)
            running.send_signal(number)
            async with asyncio.timeout(TIMEOUT_S):
                assert await anext(updates) == Drain("private-id", 0.5)
                assert await anext(updates) == Final("private-id", expected_final("private-id", samples, STEREO), "drain", {})
                assert [u async for u in updates] == []
        assert await asyncio.to_thread(running.wait, TIMEOUT_S) == 0
        log = log_of(running)
    entries = [json.loads(line) for line in log.splitlines()]
    assert entries.pop(0)["event"].startswith("NO ACCESS CONTROL")
    assert [e["event"] for e in entries] == ["serving", "call started", "draining", "call ended", "stopped"]
    assert entries[1]["call"] == ready.log_id
    assert "private-id" not in log


async def test_a_second_signal_cuts_the_grace_short_and_a_third_ends_at_once() -> None:
    for signals, call_id in ((2, "quick"), (3, "slow")):
        with process(FAKE, "server.drain_grace_s=3000") as (running, address):
            async with AnalysisClient(address) as client, client.stream() as stream:
                updates = aiter(stream)
                await begin(stream, call_id)
                await anext(updates)
                if call_id == "slow":
                    await stream.send(cut(call_id, noise(30.0)))
                running.send_signal(signal.SIGTERM)
                assert isinstance(await anext(updates), Drain)
                for number in (signal.SIGINT, signal.SIGTERM)[: signals - 1]:  # two of a kind could reach a busy process as one
                    running.send_signal(number)
                if signals == 2:
                    assert [type(u) async for u in updates] == [Final]
                assert await asyncio.to_thread(running.wait, TIMEOUT_S) == 0


def test_what_a_start_makes_is_not_looked_through_for_garbage() -> None:
    with process(FAKE) as (running, _):
        assert running.stdout is not None
        assert int(running.stdout.readline()) > 10_000


async def test_a_killed_service_is_a_clear_error_for_its_client() -> None:
    with process(FAKE) as (running, address):
        async with AnalysisClient(address) as client, client.stream() as stream:
            updates = aiter(stream)
            await begin(stream, "a")
            await anext(updates)
            running.kill()
            with pytest.raises(RemoteError, match=f"{address}.*(UNAVAILABLE|closed the stream)") as caught:
                async with asyncio.timeout(TIMEOUT_S):
                    await anext(updates)
    assert caught.value.status == "UNAVAILABLE"


async def test_a_killed_client_frees_its_calls() -> None:
    program = (
        "import asyncio, sys, time\n"
        "from simpatico.client import AnalysisClient\n"
        "async def main():\n"
        "    async with AnalysisClient(sys.argv[1]) as client, client.stream() as stream:\n"
        "        await stream.start('a', encoding='l16', sample_rate_hz=8000, channels=1)\n"
        "        await anext(aiter(stream))\n"
        "        print('ready', flush=True)\n"
        "        await asyncio.sleep(1000)\n"
        "asyncio.run(main())\n"
    )
    with process(FAKE, "limits.calls=1") as (_, address):
        client = subprocess.Popen([sys.executable, "-c", program, address], stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert client.stdout is not None
        assert await asyncio.to_thread(client.stdout.readline) == "ready\n"
        client.kill()
        client.wait()
        client.stdout.close()
        async with AnalysisClient(address) as other, asyncio.timeout(TIMEOUT_S):
            while True:
                async with other.stream() as stream:
                    await begin(stream, "b")
                    if isinstance(await anext(aiter(stream)), Ready):
                        break
                await asyncio.sleep(0.05)


def test_a_service_that_cannot_be_reached_is_a_clear_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        target = f"127.0.0.1:{taken.getsockname()[1]}"

        async def call() -> None:
            async with AnalysisClient(target) as client:
                await client.analyze_recording(b"", call_id="a")

        with pytest.raises(RemoteError, match=f"{target}: UNAVAILABLE: .*is the service running there") as caught:
            asyncio.run(call())
    assert caught.value.status == "UNAVAILABLE"


def test_the_port_in_use_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", FAKE, f"server.port={port}"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
        )
    assert done.returncode != 0
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use; stop what uses it" in done.stderr


def test_importing_the_service_pulls_in_nothing_heavy() -> None:
    """Every module of the server, and what it loads when it starts."""
    program = (
        "import importlib, pkgutil, sys, simpatico.server, simpatico.client\n"
        "for module in pkgutil.iter_modules(simpatico.server.__path__):\n"
        "    importlib.import_module('simpatico.server.' + module.name)\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)))\n"
        "import simpatico.analysis, simpatico.style\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split() == ["[]", "[]"]
