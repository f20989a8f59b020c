"""What is stored as text: what callers have said, and text that both databases can hold. Pure."""

from __future__ import annotations

from enum import StrEnum

from simpatico.errors import RequestError

__all__ = ["MAX_TEXT", "Consent", "NotKept", "checked_text"]

MAX_TEXT = 256
"""Characters of an id or name, as in `simpatico.routing.types`."""


class Consent(StrEnum):
    """What a caller has said. The strings are stored."""

    UNKNOWN = "unknown"
    """Nothing: the call is analysed for itself, nothing is kept. Such a caller has no row."""
    GRANTED = "granted"
    """Yes."""
    OBJECTED = "objected"
    """No: neutral routing. Only this is kept."""


class NotKept(StrEnum):
    """Why a named caller's call is not kept. The strings are told to clients."""

    NO_CONSENT = "no_consent"
    """The caller has not agreed."""
    WITHDRAWN = "withdrawn"
    """They had, and their consent ended during the call, by withdrawal or erasure; also when it was given anew since."""
    OBJECTED = "objected"
    """They object, or did during the call."""
    NO_DATABASE = "no_database"
    """The deployment remembers nobody."""
    DATABASE_AWAY = "database_away"
    """It could not be asked whether the caller agrees."""
    CALL_ID_TAKEN = "call_id_taken"
    """Another call of this id is kept."""
    FAILED = "failed"
    """By a defect, which is in the log."""


def checked_text(value: str, name: str, *, empty: bool = False, longest: int = MAX_TEXT) -> str:
    """Return the text if both databases can store it.

    Raises
    ------
    RequestError
        When it is empty (unless that is allowed), longer than ``longest``, or holds NUL or half a surrogate pair.
    """
    if not isinstance(value, str) or not (0 if empty else 1) <= len(value) <= longest:
        got = f"{len(value)} characters" if isinstance(value, str) else repr(type(value).__name__)
        raise RequestError(f"{name} must be text of {0 if empty else 1} to {longest} characters, got {got}", field=name)
    if "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
        raise RequestError(f"{name} holds NUL or half a surrogate pair; send text", field=name)
    return value
