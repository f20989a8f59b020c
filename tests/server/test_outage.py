"""The short form of ``python -m bench.outage``: a real service under load whose database is killed, locked or full, or that is killed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.outages.load import Ledger
from bench.outages.postgres import Cluster
from bench.outages.scenarios import Outage, cluster_down, disk_full, kill_again_and_again, locked, outage
from bench.outages.serving import Deployment
from simpatico.routing.types import NeutralReason

pytestmark = pytest.mark.slow
CALLS = 2
RATE_HZ = 15.0
SEED = 20261122
PATIENT: dict[str, Any] = {"routing__answer_within_s": 10.0}
"""A busy machine's rankings wait for the database, and so find that it is away."""
NEUTRAL = {reason.value for reason in NeutralReason}


@pytest.fixture(scope="module")
def audio() -> NDArray[np.int16]:
    """Return half a minute of two tones that take turns."""
    t = np.arange(8000 * 30) / 8000
    first = (t % 2 < 0.9).astype(float)
    tone = 6000 * np.sin(2 * np.pi * 150 * t)
    return np.stack([tone * first, tone * (1 - first)], axis=1).astype(np.int16)


def something_waits(_: Ledger, spooled: int) -> bool:
    return spooled > 0


def away_is_noticed(ledger: Ledger, spooled: int) -> bool:
    return spooled > 0 and any(ranked.neutral_reason == "store_unavailable" for ranked in ledger.rankings)


def a_report_is_refused(ledger: Ledger, _: int) -> bool:
    return ledger.errors["RecordOutcome UNAVAILABLE"] > 0


def check_calls(found: Outage, seconds: float) -> None:
    """Calls know nothing of the trouble: every second of them was heard, every interim result came."""
    assert [call.error for call in found.calls] == [""] * CALLS
    for call in found.calls:
        assert call.final_s == pytest.approx(seconds)
        assert call.interims >= seconds - 1


def reasons(found: Outage) -> Counter[str]:
    """Return why rankings were neutral while the database was away."""
    return found.phases[1].reasons


async def test_postgresql_is_killed_and_comes_back(cluster: Cluster, audio: NDArray[np.int16], tmp_path: Path) -> None:
    place = Deployment(tmp_path, cluster.make_another())
    found = await outage(
        place, cluster_down(cluster), audio, calls=CALLS, phases_s=(3, 3, 3), rate_hz=RATE_HZ, seed=SEED, until=away_is_noticed, **PATIENT
    )
    check_calls(found, 9)
    assert found.errors == {}, "every ranking was answered, and every report taken at once"
    assert set(reasons(found)) <= NEUTRAL
    assert reasons(found)["store_unavailable"] > 0
    assert found.spooled > 0
    assert found.counted.kept, found.counted
    assert found.counted.decisions_lost == 0
    assert found.counted.outcomes_promised > 0


async def test_sqlite_is_locked_by_another_program(audio: NDArray[np.int16], tmp_path: Path) -> None:
    place = Deployment(tmp_path, f"sqlite:///{tmp_path}/simpatico.db")
    trouble = locked(str(tmp_path / "simpatico.db"))
    found = await outage(
        place, trouble, audio, calls=CALLS, phases_s=(1, 7, 2), rate_hz=RATE_HZ, seed=SEED, until=something_waits, **PATIENT
    )
    check_calls(found, 10)
    assert found.errors == {}
    assert found.spooled > 0
    assert found.counted.kept, found.counted
    assert found.counted.decisions_lost == 0


async def test_on_a_full_disk_nothing_is_promised(audio: NDArray[np.int16], tmp_path: Path) -> None:
    """Neither database nor spool can be written: reports are refused, and taken when they come again."""
    place = Deployment(tmp_path, f"sqlite:///{tmp_path}/simpatico.db")
    found = await outage(
        place, disk_full, audio, calls=CALLS, phases_s=(2, 2, 3), rate_hz=RATE_HZ, seed=SEED, until=a_report_is_refused, **PATIENT
    )
    check_calls(found, 7)
    assert not [what for what in found.errors if what.startswith("RankAgents")]
    assert set(found.errors) == {"RecordOutcome UNAVAILABLE"}
    assert found.counted.kept, found.counted
    assert found.counted.decisions_lost == 0, "they wait in memory"


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_a_service_that_is_killed_loses_nothing_that_it_acknowledged(
    database: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    running: Cluster | None = None
    url = f"sqlite:///{tmp_path}/simpatico.db"
    if database == "postgresql":
        running = request.getfixturevalue("cluster")
        url = running.make_another()
    place = Deployment(tmp_path, url)
    kills = 3 if running is None else 2
    found = await kill_again_and_again(place, kills=kills, longest_s=0.4, seed=SEED, cluster=running, away_every=2)
    assert found.lives == kills
    assert found.counted.kept, found.counted
    assert found.counted.decisions_lost == 0, "each was noted down before its answer"
    assert found.counted.outcomes_promised >= kills
