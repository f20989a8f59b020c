"""Tables while they are written: what they hold is tested with the runs that write them."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np

from simpatico.archive.tables import open_table
from simpatico.archive.work import Rows


def test_csv_of_a_long_recording_takes_no_more_memory_than_of_a_short_one(tmp_path: Path) -> None:
    """As Python's numbers the 50,000 rows (8 minutes) would take over 40 MB."""
    count = 50_000
    times = np.arange(count) / 100
    values = np.random.default_rng(1).random((count, 25)).astype(np.float32)
    rows = Rows(np.zeros(count, np.int32), times, times + 0.02, values)
    tracemalloc.start()
    with open_table(tmp_path / "x.csv", "csv", "lld") as table:
        table.add("long.wav", rows)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 10e6
    lines = (tmp_path / "x.csv").read_text().splitlines()
    assert len(lines) == count + 1
    last = lines[-1].split(",")
    assert last[:4] == ["long.wav", "0", "499.99", "500.01"]
    np.testing.assert_array_equal(np.array(last[4:], np.float32), values[-1])
