"""Experiments as they are stored."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simpatico.errors import ScheduleError
from simpatico.profiles import experiments
from simpatico.profiles.store import BlockingStore
from simpatico.routing.experiment import Schedule

SCHEDULE = Schedule("exp-1", 1_790_000_000.5, 1_790_604_800.5, 7200.0, 900.0, 2**63 - 1, aa=True)


def test_a_schedule_comes_back_as_it_was(store: BlockingStore) -> None:
    store.write("admin", experiments.start, "exp-1", "sales", experiments.pack_schedule(SCHEDULE))
    (held,) = store.read(experiments.list_experiments)
    assert experiments.schedule_of(held) == SCHEDULE


@pytest.mark.parametrize("change", [{"seed": -1}, {"block_s": None}, {"another": 1}])
def test_what_is_stored_but_no_schedule(change: dict[str, object]) -> None:
    experiment = experiments.Experiment("exp-1", "sales", experiments.pack_schedule(SCHEDULE) | change, 0.0)
    with pytest.raises(ScheduleError):
        experiments.schedule_of(experiment)
    with pytest.raises(ScheduleError, match=r"experiment 'exp-1' is stored without a schedule: .*start_s"):
        experiments.schedule_of(replace(experiment, config={}))
