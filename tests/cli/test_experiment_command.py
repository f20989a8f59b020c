"""``simpatico routing experiment``: what is started is what a service reads."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from simpatico.profiles import audit, experiments
from simpatico.profiles.store import BlockingStore
from tests.cli.conftest import Command
from tests.cli.season import settings_of
from tests.profiles.conftest import clock, store, url  # noqa: F401  # fixtures


@pytest.fixture
def options(url: str, tmp_path: Path) -> tuple[str, ...]:  # noqa: F811
    return settings_of(url, tmp_path)


def test_from_start_to_end(store: BlockingStore, command: Command, options: tuple[str, ...]) -> None:  # noqa: F811
    terms = ("--queue", "sales", "--days", 28, "--begin", "2026-12-01", "--block-hours", 2, "--washout-minutes", 10)
    done = command("routing", "experiment", "start", "winter", *terms, *options)
    assert (done.code, done.out) == (0, "experiment winter in sales, 2026-12-01 00:00:00 UTC to 2026-12-29 00:00:00 UTC\n")
    held = store.read(experiments.running, "sales")
    assert held is not None
    schedule = experiments.schedule_of(held)
    assert (schedule.end_s - schedule.start_s, schedule.block_s, schedule.washout_s, schedule.aa) == (28 * 86_400.0, 7200.0, 600.0, False)
    again = command("routing", "experiment", "start", "spring", "--queue", "sales", "--days", 3, *options)
    assert again.code == 2
    assert "queue 'sales' runs experiment 'winter'; end it first" in again.err
    started = command("routing", "experiment", "start", "check", "--queue", "support", "--days", 3, "--aa", *options)
    assert started.code == 0
    listed = command("routing", "experiment", "list", *options)
    assert [line.split()[0] for line in listed.out.splitlines() if "UTC" in line] == ["winter", "check"]
    assert "A/A" in listed.out
    document = json.loads(command("routing", "experiment", "list", "--json", *options).out)
    assert [one["experiment_id"] for one in document] == ["winter", "check"]
    assert document[1]["start_s"] == pytest.approx(time.time(), abs=600.0)
    assert str(schedule.seed) not in listed.out + json.dumps(document) + done.out
    for _ in range(2):
        assert command("routing", "experiment", "end", "winter", *options).code == 0
    assert store.read(experiments.running, "sales") is None
    said = store.read(lambda work: [(s.entry.actor, s.entry.action, s.entry.subject) for s in audit.entries(work)])
    assert said == [
        ("operator", "experiment.started", "winter"),
        ("operator", "experiment.started", "check"),
        ("operator", "experiment.ended", "winter"),
    ]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("start", "x", "--queue", "q", "--days", 0.1), "end_s must be at least two blocks"),
        (("start", "x", "--queue", "q", "--days", 1e9), "end_s is 1e+09 days after start_s; at most 731 work, 28 is usual"),
        (
            ("start", "x", "--queue", "q", "--days", 9, "--begin", "9999-12-30"),
            "start_s is 2.53402e+11; it must be seconds since 1970, from 0 to 3",
        ),
        (("start", "x", "--queue", "q", "--days", 9, "--begin", "1969-12-30"), "start_s is -172800"),
        (("start", "x", "--queue", "q", "--days", 9, "--block-hours", 0), "--block-hours: 0 is no length"),
        (("start", "x", "--queue", "q", "--days", 9, "--washout-minutes", 999), "washout_s is 59940"),
        (("start", "x", "--queue", "q", "--days", 9, "--begin", "soon"), "--begin 'soon' is no day or time"),
        (("end", "x"), "there is no experiment 'x'"),
    ],
)
def test_what_cannot_be(store: BlockingStore, command: Command, options: tuple[str, ...], args: tuple[object, ...], message: str) -> None:  # noqa: F811
    done = command("routing", "experiment", *args, *options)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert store.read(experiments.list_experiments) == []
