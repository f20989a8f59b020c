"""What is known of callers, looked up before their calls are ranked: for everybody who asks at the same time, one statement.

A ranking waits for it, so it is as short as it can be: one statement without a transaction around it, whose text is made once
(`Store.fetch`), and without habits, which no ranking uses. Whoever asks while a statement is under way goes along with the next one:
however many wait, there is one at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson
from sqlalchemy import Select, and_, bindparam, or_, select

from simpatico.profiles.fusion import AxisProfile
from simpatico.profiles.keys import CallerRef
from simpatico.profiles.records import CallerProfile, Consent
from simpatico.profiles.schema import callers, profiles
from simpatico.profiles.store import Store

__all__ = ["Lookups"]

MOST = 32
"""Callers that one statement looks up."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A caller, and who waits."""

    refs: tuple[CallerRef, ...]
    futures: list[asyncio.Future[CallerProfile]]


class Lookups:
    """Of one process; for its event loop's thread.

    Parameters
    ----------
    store
        Of the process.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: dict[str, _Asked] = {}
        self._asking: asyncio.Task[None] | None = None

    def ask(self, caller_key: str) -> asyncio.Future[CallerProfile]:
        """Return what will hold the caller's profile, without habits; a stranger's is empty. Or DatabaseAwayError.

        Raises
        ------
        RequestError
            When the key is empty, too long or not text.
        """
        future: asyncio.Future[CallerProfile] = asyncio.get_running_loop().create_future()
        asked = self._waiting.get(caller_key)
        if asked is None:
            asked = self._waiting[caller_key] = _Asked(self._store.ring.refs(caller_key), [])
        asked.futures.append(future)
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        return future

    async def _ask(self) -> None:
        while self._waiting:
            keys = list(self._waiting)[:MOST]
            asked = [self._waiting.pop(key) for key in keys]
            try:
                found = await self._found(asked)
            except Exception as error:
                for future in (future for one in asked for future in one.futures if not future.done()):
                    future.set_exception(error)
                continue
            for one, profile in zip(asked, found, strict=True):
                for future in one.futures:
                    if not future.done():
                        future.set_result(profile)

    async def _found(self, asked: Sequence[_Asked]) -> list[CallerProfile]:
        """Return the profile of each; of two rows of one caller that of the secret that comes first (`callers.find`)."""
        pairs = [ref for one in asked for ref in one.refs]
        values = {f"{name}_{i}": value for i, ref in enumerate(pairs) for name, value in (("digest", ref.digest), ("key", ref.key_id))}
        rows = {(row[0], row[1]): row for row in await self._store.fetch(_wanted(len(pairs)), values)}
        return [
            next((_profile(row) for ref in one.refs if (row := rows.get((ref.digest, ref.key_id))) is not None), CallerProfile())
            for one in asked
        ]


@cache
def _wanted(pairs: int) -> Select[Any]:
    """What looks up so many pairs of digest and key id."""
    columns = (callers.c.key_digest, callers.c.key_id, callers.c.consent, callers.c.caller_id, callers.c.audit_ref, callers.c.notice_id)
    matches = (and_(callers.c.key_digest == bindparam(f"digest_{i}"), callers.c.key_id == bindparam(f"key_{i}")) for i in range(pairs))
    wanted = select(*columns, profiles.c.model, profiles.c.style, profiles.c.calls)
    return wanted.outerjoin(profiles, profiles.c.caller_id == callers.c.caller_id).where(or_(*matches))


def _profile(row: Sequence[Any]) -> CallerProfile:
    _, _, consent, caller_id, audit_ref, notice_id, model, style, calls = row
    said = Consent(consent)
    if model is None or said is not Consent.GRANTED:
        return CallerProfile(said, caller_id, audit_ref, notice_id)
    axes = {name: AxisProfile(*values) for name, values in orjson.loads(style).items()}
    return CallerProfile(said, caller_id, audit_ref, notice_id, calls, model, axes)
