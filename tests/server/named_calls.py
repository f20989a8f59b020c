"""Live calls of named callers: how tests hold one, and what they find in the database afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import text

from simpatico.client import Caller, CallFailed, CallStream, Event, Final, Ready, Update
from simpatico.errors import DatabaseAwayError
from simpatico.profiles import callers, counters
from simpatico.profiles.schema import metadata
from simpatico.profiles.store import Store, Work
from simpatico.v1 import caller_service_pb2 as pb
from tests.server.calls import TIMEOUT_S, begin, cut, noise
from tests.server.running import Running
from tests.server.test_grpc_callers import KEY, ask, memory_of


async def grant(server: Running, key: str = KEY) -> None:
    """Record that a caller agreed."""
    await ask(server, "SetConsent", caller_key=key, consent=pb.CONSENT_GRANTED)


class Talk:
    """A call and what was said about it."""

    def __init__(self, stream: CallStream, call_id: str) -> None:
        self.stream, self.call_id = stream, call_id
        self._updates = aiter(stream)

    async def next(self) -> Update:
        """Return what the service says next."""
        async with asyncio.timeout(TIMEOUT_S):
            return await anext(self._updates)

    async def event(self, *kinds: str) -> str:
        """Return the label of the next event of those kinds ("consent"); everything else but a fault is passed over."""
        while True:
            update = await self.next()
            assert not isinstance(update, CallFailed | Final), update
            if isinstance(update, Event) and update.kind in (kinds or ("consent",)):
                return update.label

    async def final(self, **more: Any) -> Final:
        """End the call and return its final."""
        await self.stream.end(self.call_id, **more)
        while not isinstance(update := await self.next(), Final):
            assert not isinstance(update, CallFailed), update
        return update


@asynccontextmanager
async def talking(server: Running, call_id: str = "live", caller: Caller | None = None, **more: Any) -> AsyncIterator[Talk]:
    """Yield an open call of two seconds of noise, of which the client is told what is known of the caller."""
    caller = Caller(KEY, **more) if caller is None else caller
    async with server.client() as client, client.stream() as stream:
        talk = Talk(stream, call_id)
        await begin(stream, call_id, caller=caller)
        assert isinstance(await talk.next(), Ready)
        await stream.send(cut(call_id, noise(2.0)))
        yield talk


async def held(server: Running, key: str = KEY, store: Store | None = None) -> list[dict[str, Any]]:
    """Return the rows of a caller's calls."""

    def query(work: Work) -> list[dict[str, Any]]:
        profile = callers.lookup(work, key)
        rows = work.connection.execute(text("SELECT * FROM calls WHERE caller_id = :id ORDER BY call_seq"), {"id": profile.caller_id})
        return [dict(row._mapping) for row in rows]

    return await (store or memory_of(server).store).read(query)


async def dump(server: Running) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table but the counters, after what waits in memory has been written."""
    await memory_of(server).tend()

    def query(work: Work) -> dict[str, list[tuple[Any, ...]]]:
        tables = [name for name in metadata.tables if name != "counters"]
        return {name: sorted(map(tuple, work.connection.execute(text(f"SELECT * FROM {name}"))), key=repr) for name in tables}

    return await memory_of(server).store.read(query)


async def counted(server: Running) -> dict[str, int]:
    """Return the counters, after what waits in memory has been written."""
    await memory_of(server).tend()
    return await memory_of(server).store.read(counters.totals)


def away_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the database be away."""

    async def gone(self: Store, *_: Any, **__: Any) -> Any:
        raise DatabaseAwayError("the database cannot be reached")

    monkeypatch.setattr(Store, "read", gone)
    monkeypatch.setattr(Store, "fetch", gone)
    monkeypatch.setattr(Store, "write", gone)
