"""CallerService on each database: whoever may not, or asks for what cannot be, gets the right status, and no row of any table changes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import grpc
import pytest
from sqlalchemy import select

from simpatico.profiles import audit, callers, calls, decisions, training
from simpatico.profiles.schema import metadata
from simpatico.profiles.store import Work
from simpatico.routing.types import Outcome
from simpatico.server.access.methods import MAY_CALL
from simpatico.server.access.principals import AccessRole
from simpatico.server.callers.service import CALLER_SERVICE
from simpatico.v1 import caller_service_pb2 as pb
from tests.profiles.conftest import url  # noqa: F401  # a fixture
from tests.profiles.samples import a_call, a_decision
from tests.server.running import Running, Start
from tests.server.test_grpc_callers import KEY, METHODS, SECRET, ask, memory_of, refusal
from tests.server.tokens import Issuer

ISSUER = Issuer()
STRANGER = Issuer()
"""Issues tokens for somebody else's service."""
MORE: dict[str, dict[str, Any]] = {"SetConsent": {"consent": pb.CONSENT_UNKNOWN}, "DetachCall": {"call_id": "call-1"}}
"""What each method needs besides the key, so that nothing but the refusal keeps it from changing something."""
Dump = dict[str, list[tuple[Any, ...]]]


@pytest.fixture
async def server(start: Start, url: str, tmp_path: Path) -> Running:  # noqa: F811
    """Return a service that asks who calls, with something in every table."""
    return await guarded(start, url, tmp_path, ISSUER)


async def guarded(start: Start, database_url: str, folder: Path, issuer: Issuer) -> Running:
    """Start a service that knows one issuer's tokens, with a caller's rows in it."""
    (folder / "secrets").write_text(f"2026-11 {SECRET}\n")
    running = await start(
        database__url=database_url,
        database__secrets=str(folder / "secrets"),
        database__spool=str(folder / "spool.db"),
        database__tend_s=3600,
        access__keys=str(issuer.public(folder / "keys.json")),
    )
    await memory_of(running).store.write("test", fill)
    return running


def fill(work: Work) -> None:
    caller_id = callers.grant(work, KEY, "n1").caller_id
    made = a_decision()
    decisions.log(work, caller_id, [made])
    decisions.record_outcome(work, "r1", made.decision_id, Outcome(csat_5=4.0), "agent-1")
    calls.keep(work, KEY, a_call("call-1"))
    training.set_aside(work, KEY, "call-1", "norms", {"x": 1.0})


async def dump(server: Running) -> Dump:
    """Return every row of every table."""

    def everything(work: Work) -> Dump:
        return {
            table.name: [tuple(row) for row in work.connection.execute(select(table).order_by(*table.primary_key.columns))]
            for table in metadata.sorted_tables
        }

    return await memory_of(server).store.read(everything)


async def refused(server: Running, method: str, token: str | None, **fields: Any) -> tuple[str, str]:
    given = {"caller_key": KEY, **MORE.get(method, {}), **fields}
    return (await refusal(server, method, token, **given))[:2]


async def test_who_may_not_changes_nothing(server: Running) -> None:
    before = await dump(server)
    assert all(before[name] for name in ("callers", "profiles", "calls", "decisions", "outcomes", "training", "audit", "audit_head"))
    bad = {
        "none": None,
        "expired": ISSUER.token("privacy", now_s=time.time() - 7200.0),
        "not yet": ISSUER.odd(roles=["privacy"], nbf=int(time.time()) + 3600),
        "foreign": STRANGER.token("privacy"),
        "foreign, under our key's id": STRANGER.odd(roles=["privacy"], kid=ISSUER.key["kid"]),
        "of another audience": ISSUER.token("privacy", audience="payroll"),
        "torn": ISSUER.token("privacy")[:-4],
        "no token": "x" * 4000,
    }
    for name, token in bad.items():
        for method in METHODS:
            assert await refused(server, method, token) == ("UNAUTHENTICATED", "UNAUTHENTICATED"), (name, method)
    for role in AccessRole:
        for method in METHODS:
            if role not in MAY_CALL[f"/{CALLER_SERVICE}/{method}"]:  # type: ignore[operator]
                assert await refused(server, method, ISSUER.token(role)) == ("PERMISSION_DENIED", "FORBIDDEN"), (role, method)
    assert await dump(server) == before


async def test_what_cannot_be_asked_changes_nothing(server: Running) -> None:
    before, privacy = await dump(server), ISSUER.token("privacy")
    for key in ("", "x" * 257, "é" * 200, "x" * 3_000_000):
        for method in METHODS:
            assert await refused(server, method, privacy, caller_key=key) == ("INVALID_ARGUMENT", "REQUEST"), (method, len(key))
    for method in METHODS:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await ask(server, method, privacy, caller_key="x" * 10_000_000, **MORE.get(method, {}))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    for consent in (pb.CONSENT_UNSPECIFIED, pb.CONSENT_OBJECTED, 99):
        assert await refused(server, "SetConsent", privacy, consent=consent) == ("INVALID_ARGUMENT", "REQUEST")
    assert await refused(server, "SetConsent", privacy, consent=pb.CONSENT_GRANTED, notice_id="n" * 257) == ("INVALID_ARGUMENT", "REQUEST")
    assert await refused(server, "DetachCall", privacy, call_id="call-9") == ("FAILED_PRECONDITION", "UNKNOWN_CALL")
    assert await refused(server, "DetachCall", privacy, call_id="") == ("INVALID_ARGUMENT", "REQUEST")
    for method in ("GetCaller", "ExportCaller", "DetachCall"):
        assert await refused(server, method, privacy, caller_key="nobody") == ("NOT_FOUND", "UNKNOWN_CALLER")
    assert await dump(server) == before


async def test_a_request_that_comes_again_changes_nothing_more(server: Running) -> None:
    privacy = ISSUER.token("privacy")
    before = await dump(server)
    await ask(server, "SetConsent", privacy, caller_key=KEY, consent=pb.CONSENT_GRANTED, notice_id="n1")
    assert await dump(server) == before, "consent on the same notice was given already"
    assert (await ask(server, "DetachCall", privacy, caller_key=KEY, call_id="call-1")).rows["calls"] == 1
    detached = await dump(server)
    assert await refused(server, "DetachCall", privacy, call_id="call-1") == ("FAILED_PRECONDITION", "UNKNOWN_CALL")
    assert await dump(server) == detached
    for method in ("Object", "EraseCaller"):
        await ask(server, method, privacy, caller_key=KEY)
        once = await dump(server)
        memory_of(server).store._clock = lambda: time.time() + 1000.0
        again = await ask(server, method, privacy, caller_key=KEY)
        assert set(again.receipt.rows.values()) == {0}
        twice = await dump(server)
        # That it was asked for again is in the audit log and counted by day; nothing else is another.
        told = {"audit", "audit_head", "counters"}
        assert {name: rows for name, rows in twice.items() if name not in told} == {n: rows for n, rows in once.items() if n not in told}
        assert len(twice["audit"]) == len(once["audit"]) + 1


async def test_a_clock_that_goes_backwards_changes_no_answer_and_ages_nobody(server: Running) -> None:
    privacy = ISSUER.token("privacy")
    profile = await ask(server, "GetCaller", privacy, caller_key=KEY)
    before = await dump(server)
    memory_of(server).store._clock = lambda: time.time() - 3e8
    assert await ask(server, "GetCaller", privacy, caller_key=KEY) == profile
    await ask(server, "SetConsent", privacy, caller_key=KEY, consent=pb.CONSENT_GRANTED, notice_id="n1")
    assert await memory_of(server).store.write("test", calls.keep, KEY, a_call("call-2")) is None
    after = await dump(server)
    seen = list(metadata.tables["callers"].columns.keys()).index("seen_at_s")
    assert after["callers"][0][seen] >= before["callers"][0][seen]
    assert [row[2] for row in after["calls"]] == ["call-1", "call-2"], "in the order of their coming"
    erased = await ask(server, "EraseCaller", privacy, caller_key=KEY)
    assert erased.receipt.rows["calls"] == 2
    assert (await memory_of(server).store.read(audit.verify_log)).ok
