"""What is set aside for training, by consent; erased and exported with everything else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import insert, select

from simpatico.profiles import counters
from simpatico.profiles.callers import find, new_id
from simpatico.profiles.records import Consent, checked_json, checked_text
from simpatico.profiles.schema import training
from simpatico.profiles.store import Work

__all__ = ["read", "set_aside"]


def set_aside(work: Work, caller_key: str, call_id: str, purpose: str, content: Mapping[str, Any]) -> bool:
    """Keep features of a call for training if the caller has agreed; returns whether they were kept.

    Raises
    ------
    RequestError
        When a number in ``content`` is not finite.
    """
    checked_text(call_id, "call_id")
    checked_text(purpose, "purpose")
    kept = checked_json(content, "content")
    row = find(work, caller_key, lock=True)
    if row is None or row.consent != Consent.GRANTED:
        counters.count(work, "training.not_kept")
        return False
    values = {"row_id": new_id(), "caller_id": row.caller_id, "call_id": call_id, "purpose": purpose, "content": kept}
    work.connection.execute(insert(training).values(at_s=work.now_s, **values))
    return True


def read(work: Work, purpose: str) -> Iterator[Mapping[str, Any]]:
    """Yield what was set aside for a purpose, without saying whose it is."""
    rows = work.connection.execute(select(training.c.content).where(training.c.purpose == purpose).order_by(training.c.row_id))
    for row in rows:
        yield row.content
