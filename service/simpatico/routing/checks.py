"""What text, numbers and counts that came from outside must be; raised where they enter, with the field's name and the value."""

from __future__ import annotations

import math

from simpatico.errors import RequestError, SimpaticoError

__all__ = ["MAX_ID_LENGTH", "MAX_TAGS", "checked_count", "checked_name", "checked_number", "checked_tags"]

MAX_ID_LENGTH = 256
"""Characters of an id, queue, reason, skill or language: longer ones are a mistake or an attack, never a name."""
MAX_TAGS = 200
"""Skills or languages of one agent or request."""


def checked_name(value: str, field_name: str, error: type[SimpaticoError] = RequestError) -> None:
    """Raise ``error`` unless the value is text of 1 to 256 characters."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ID_LENGTH:
        shown = repr(value if len(str(value)) <= 40 else str(value)[:40] + "...")
        raise error(f"{field_name} must be text of 1 to {MAX_ID_LENGTH} characters, got {shown}", field=field_name)


def checked_number(value: float, field_name: str, low: float, high: float, error: type[SimpaticoError] = RequestError) -> None:
    """Raise ``error`` unless the value is a finite number from ``low`` to ``high``."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or not low <= value <= high:
        raise error(f"{field_name} must be a finite number from {low:g} to {high:g}, got {value!r}", field=field_name)


def checked_count(value: int, field_name: str, low: int, high: int) -> None:
    """Raise RequestError unless the value is a whole number from ``low`` to ``high``."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise RequestError(f"{field_name} must be a whole number from {low} to {high}, got {value!r}", field=field_name)


def checked_tags(values: frozenset[str], field_name: str) -> None:
    """Raise RequestError unless these are at most 200 names."""
    if len(values) > MAX_TAGS:
        raise RequestError(f"{field_name} has {len(values)} entries; at most {MAX_TAGS} work", field=field_name)
    for value in values:
        checked_name(value, field_name)
