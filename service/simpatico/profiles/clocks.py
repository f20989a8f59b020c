"""What time it is by the database's clock."""

from __future__ import annotations

import time

from sqlalchemy import func, select

from simpatico.profiles.store import Work

__all__ = ["database_time_s"]


def database_time_s(work: Work) -> float:
    """Return the database's time, seconds since 1970 (UTC); that of this machine where the database is a file of it."""
    if work.connection.dialect.name == "sqlite":
        return time.time()
    return float(work.connection.execute(select(func.extract("epoch", func.clock_timestamp()))).scalar_one())
