"""Commands beside a service that serves: its own decisions are made again, while it makes more."""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from pathlib import Path

import pytest

from bench.outages.load import Distributor, Ledger, consent
from bench.outages.serving import Deployment, Service
from tests.cli.conftest import Command

WAIT_S = 120.0
BY_THE_MODEL = 20
"""Rankings of a model that has learned from the first ones, before the commands run."""


def load(service: Service, ledger: Ledger, enough: threading.Event) -> None:
    """Let a distributor ask and report as fast as it is answered, until it is enough."""

    async def run() -> None:
        await consent(service.address)
        distributor = Distributor(ledger, random.Random(1), "live", late_s=0.0)
        asking = asyncio.create_task(distributor.ask_on(service.address, 3))
        await asyncio.to_thread(enough.wait)
        distributor.stopping.set()
        await asking

    asyncio.run(run())


def has_learned(ledger: Ledger) -> bool:
    return sum(ranked.neutral_reason == "" for ranked in tuple(ledger.rankings)) >= BY_THE_MODEL


@pytest.mark.slow
def test_what_a_service_decided_is_made_again_beside_it(command: Command, tmp_path: Path) -> None:
    place = Deployment(tmp_path, f"sqlite:///{tmp_path}/simpatico.db")
    service = place.start(routing__renew_s=1, routing__answer_within_s=5)
    options = [word for key in ("url", "secrets") for word in ("--set", f"database.{key}={place.url if key == 'url' else tmp_path / key}")]
    enough, ledger = threading.Event(), Ledger()
    thread = threading.Thread(target=load, args=(service, ledger, enough))
    thread.start()
    try:
        until_s = time.monotonic() + WAIT_S
        while not has_learned(ledger) and thread.is_alive() and time.monotonic() < until_s:
            time.sleep(0.05)
        beside = command("routing", "replay", "--json", *options)
        verified = command("audit", "verify", "--no-anchors", *options)
        purged = command("purge", "--json", *options)
    finally:
        enough.set()
        thread.join()
        code = service.stop()
    assert (beside.code, verified.code, purged.code, code) == (0, 0, 0, 0)
    assert "RankAgents UNAVAILABLE" not in ledger.errors
    counts = json.loads(command("routing", "replay", "--load-weight", "0.2", "--json", *options).out)["counts"]
    assert counts["decisions"] == len(ledger.decided) >= json.loads(beside.out)["counts"]["decisions"] > 0
    assert counts["same"] > 0
    assert counts["same"] + counts["neutral"] == counts["decisions"]
    assert counts["compared"] == counts["same"]
