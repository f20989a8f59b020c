"""What opensmile takes as a time: seconds, samples, text, and what pandas and NumPy have for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from simpatico.errors import RequestError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Time", "one_each", "seconds_of"]

Time: TypeAlias = "float | str | pd.Timedelta | None"
"""Seconds as a number, "1.5s" or "500ms" (a string without unit counts samples), a Timedelta; None or NaT for the end of the signal."""

_UNITS_S: Final = {"s": 1.0, "sec": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "m": 60.0, "min": 60.0, "h": 3600.0}
_TIME: Final = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-z]*)\s*", re.IGNORECASE)


def seconds_of(time: Time, rate_hz: int, default: float) -> float:
    """Return seconds; ``default`` where there is no time.

    Raises
    ------
    RequestError
        It is not a time.
    """
    if time is None or time != time or (isinstance(time, str) and time.strip().lower() in {"", "nat", "nan"}):  # noqa: PLR0124
        return default
    if isinstance(time, str):
        match = _TIME.fullmatch(time)
        unit = match[2].lower() if match else "?"
        if match is None or unit not in {"", *_UNITS_S}:
            raise RequestError(f"{time!r} is not a time: seconds as a number, '1.5s', '250ms' or samples as '4000' work", field="start")
        return float(match[1]) * _UNITS_S[unit] if unit else float(match[1]) / rate_hz
    if isinstance(time, np.timedelta64):
        return float(time / np.timedelta64(1, "ns")) * 1e-9
    return float(time.total_seconds() if isinstance(time, timedelta) else time)


def one_each(times: Time | Sequence[Time], count: int, name: str) -> list[Time]:
    """Return one time per file, of one for all or one each.

    Raises
    ------
    RequestError
        There are more or fewer times than files.
    """
    found: list[Any] = [times] * count if isinstance(times, str) or not isinstance(times, Iterable) else list(times)
    if len(found) != count:
        raise RequestError(f"{name} has {len(found)} entries for {count} files: one each or one for all work", field=name)
    return found
