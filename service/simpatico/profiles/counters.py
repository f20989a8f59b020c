"""Counts by day: the only thing that a call without consent leaves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from simpatico.profiles.records import checked_text
from simpatico.profiles.schema import counters
from simpatico.profiles.store import Work

__all__ = ["count", "count_all", "totals"]


def count(work: Work, name: str, by: int = 1) -> None:
    """Add to a counter of today (UTC)."""
    checked_text(name, "counter", longest=64)
    day = datetime.fromtimestamp(work.now_s, UTC).date().isoformat()
    values = {"day": day, "name": name, "value": by}
    keys = [counters.c.day, counters.c.name]
    added = {"value": counters.c.value + by}
    if work.connection.dialect.name == "sqlite":
        work.connection.execute(sqlite.insert(counters).values(values).on_conflict_do_update(index_elements=keys, set_=added))
    else:
        work.connection.execute(postgresql.insert(counters).values(values).on_conflict_do_update(index_elements=keys, set_=added))


def count_all(work: Work, counts: Mapping[str, int]) -> None:
    """Add to several counters of today, in one order, so that two processes doing so never wait for each other in a circle."""
    for name in sorted(counts):
        count(work, name, counts[name])


def totals(work: Work) -> dict[str, int]:
    """Return the sum over all days of each counter."""
    sums: dict[str, int] = {}
    for row in work.connection.execute(select(counters)):
        sums[row.name] = sums.get(row.name, 0) + row.value
    return sums
