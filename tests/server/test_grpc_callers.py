"""``CallerService`` over a real connection, with a real database: what it does, for whom, and what it leaves behind."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from simpatico.errors import ConfigError, DatabaseAwayError
from simpatico.profiles import audit, calls
from simpatico.profiles.store import Work
from simpatico.server.access.methods import MAY_CALL
from simpatico.server.access.principals import AccessRole
from simpatico.server.app import Application
from simpatico.server.callers.service import CALLER_SERVICE
from simpatico.server.memory import Memory
from simpatico.v1 import caller_service_pb2 as pb
from simpatico.v1 import caller_service_pb2_grpc as rpc
from tests.profiles.samples import a_call
from tests.server.calls import TIMEOUT_S
from tests.server.fakes import FakeAnalyzer
from tests.server.running import Running, Start, settings_with
from tests.server.test_grpc_app import reason_of
from tests.server.tokens import Issuer

KEY = "customer-4711"
ISSUER = Issuer()
SECRET = base64.b64encode(bytes(range(32))).decode()
Ask = Callable[..., Awaitable[Any]]


@pytest.fixture
def database(tmp_path: Path) -> dict[str, Any]:
    """Return settings of a database of its own."""
    (tmp_path / "secrets").write_text(f"2026-11 {SECRET}\n")
    return {
        "database__url": f"sqlite:///{tmp_path}/simpatico.db",
        "database__secrets": str(tmp_path / "secrets"),
        "database__spool": str(tmp_path / "spool" / "spool.db"),
        "database__anchors": str(tmp_path / "anchors"),
    }


@pytest.fixture
async def server(start: Start, database: dict[str, Any]) -> Running:
    return await start(**database)


def memory_of(server: Running) -> Memory:
    assert server.application.memory is not None
    return server.application.memory


async def ask(server: Running, method: str, token: str | None = None, **fields: Any) -> Any:
    """Call a method of the service and return its answer."""
    async with server.channel() as channel:
        stub = rpc.CallerServiceStub(channel)
        request = getattr(pb, f"{method}Request")(**fields)
        return await getattr(stub, method)(request, metadata=[("authorization", f"Bearer {token}")] if token else None)


async def refusal(server: Running, method: str, token: str | None = None, **fields: Any) -> tuple[str, str, str]:
    """Return status, reason and message of a call that is refused."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ask(server, method, token, **fields)
    return caught.value.code().name, reason_of(caught.value), caught.value.details() or ""


async def keep_a_call(server: Running, call_id: str = "call-1") -> None:
    assert await memory_of(server).store.write("test", calls.keep, KEY, a_call(call_id)) is None


async def actions(server: Running) -> list[tuple[str, str]]:
    """Return (actor, action) of every entry of the audit log, which must verify."""

    def query(work: Work) -> list[tuple[str, str]]:
        found = [(sealed.entry.actor, sealed.entry.action) for sealed in audit.entries(work)]
        assert not found or audit.verify_log(work).ok
        return found

    return await memory_of(server).store.read(query)


async def test_from_consent_to_erasure(server: Running, tmp_path: Path) -> None:
    granted = await ask(server, "SetConsent", caller_key=KEY, consent=pb.CONSENT_GRANTED, notice_id="n1")
    assert granted.consent == pb.CONSENT_GRANTED
    assert not granted.HasField("receipt")
    await keep_a_call(server)
    await keep_a_call(server, "call-2")
    profile = await ask(server, "GetCaller", caller_key=KEY)
    assert (profile.consent, profile.notice_id, profile.calls) == (pb.CONSENT_GRANTED, "n1", 2)
    assert {axis.name: axis.calls for axis in profile.axes} == {"assertiveness": 2, "responsiveness": 2}
    assert sum(profile.reasons.values()) == 2
    export = await ask(server, "ExportCaller", caller_key=KEY)
    held = json.loads(export.json)
    assert [call["call_id"] for call in held["calls"]] == ["call-1", "call-2"]
    assert "call-2" in export.html
    detached = await ask(server, "DetachCall", caller_key=KEY, call_id="call-2")
    assert (detached.rows["calls"], detached.rows["spool"]) == (1, 0)
    memory_of(server).spool.add_call("somebody else", a_call("call-3"), 0.0)
    assert (await refusal(server, "DetachCall", caller_key=KEY, call_id="call-3"))[:2] == ("FAILED_PRECONDITION", "UNKNOWN_CALL")
    assert (await ask(server, "GetCaller", caller_key=KEY)).calls == 1
    erased = await ask(server, "EraseCaller", caller_key=KEY)
    assert (erased.receipt.rows["callers"], erased.receipt.rows["calls"], erased.receipt.scrubbed) == (1, 1, True)
    assert await refusal(server, "GetCaller", caller_key=KEY) == ("NOT_FOUND", "UNKNOWN_CALLER", "nothing is held of this caller")
    again = await ask(server, "EraseCaller", caller_key=KEY)
    assert set(again.receipt.rows.values()) == {0}
    assert again.receipt.receipt_id != erased.receipt.receipt_id
    said = [action for _, action in await actions(server)]
    assert said == [
        "consent.granted", "profile.read", "caller.exported", "call.detached", "profile.read", "caller.erased", "caller.erased",
    ]  # fmt: skip
    assert KEY.encode() not in b"".join(path.read_bytes() for path in tmp_path.glob("simpatico.db*"))
    assert b"call-1" not in b"".join(path.read_bytes() for path in tmp_path.glob("simpatico.db*"))


async def test_withdrawal_erases_and_an_objection_stays(server: Running) -> None:
    await ask(server, "SetConsent", caller_key=KEY, consent=pb.CONSENT_GRANTED)
    await keep_a_call(server)
    withdrawn = await ask(server, "SetConsent", caller_key=KEY, consent=pb.CONSENT_UNKNOWN)
    assert (withdrawn.consent, withdrawn.receipt.rows["calls"]) == (pb.CONSENT_UNKNOWN, 1)
    objected = await ask(server, "Object", caller_key=KEY)
    assert objected.receipt.rows["callers"] == 0
    status, reason, _ = await refusal(server, "SetConsent", caller_key=KEY, consent=pb.CONSENT_GRANTED)
    assert (status, reason) == ("FAILED_PRECONDITION", "CONSENT")
    left = await ask(server, "SetConsent", caller_key=KEY, consent=pb.CONSENT_UNKNOWN)
    assert left.consent == pb.CONSENT_OBJECTED
    assert (await ask(server, "GetCaller", caller_key=KEY)).consent == pb.CONSENT_OBJECTED
    await ask(server, "EraseCaller", caller_key=KEY)
    assert (await ask(server, "SetConsent", caller_key=KEY, consent=pb.CONSENT_GRANTED)).consent == pb.CONSENT_GRANTED


METHODS = ("SetConsent", "GetCaller", "ExportCaller", "EraseCaller", "Object", "DetachCall")


@pytest.mark.parametrize(
    ("key", "message"),
    [("", "has 0 bytes"), ("x" * 257, "at most 256 bytes"), ("é" * 200, "has 400 bytes"), ("x" * 3_000_000, "at most 256 bytes")],
)
async def test_keys_that_cannot_be(server: Running, key: str, message: str) -> None:
    more: dict[str, dict[str, Any]] = {"SetConsent": {"consent": pb.CONSENT_GRANTED}, "DetachCall": {"call_id": "c"}}
    for method in METHODS:
        status, reason, said = await refusal(server, method, caller_key=key, **more.get(method, {}))
        assert (status, reason) == ("INVALID_ARGUMENT", "REQUEST")
        assert message in said
        assert len(said) < 200
    assert await actions(server) == []


async def test_a_key_of_ten_megabytes_and_bytes_that_are_no_message(server: Running) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ask(server, "EraseCaller", caller_key="x" * 10_000_000)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert (await refusal(server, "EraseCaller", caller_key="x" * 5_000_000))[:2] == ("RESOURCE_EXHAUSTED", "MESSAGE_TOO_LARGE")
    async with server.channel() as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary(f"/{CALLER_SERVICE}/EraseCaller")(b"\xff\xff")
    assert (caught.value.code().name, reason_of(caught.value)) == ("INVALID_ARGUMENT", "REQUEST")
    assert await actions(server) == []


@pytest.mark.parametrize("consent", [pb.CONSENT_UNSPECIFIED, pb.CONSENT_OBJECTED, 77])
async def test_consents_that_cannot_be_set(server: Running, consent: Any) -> None:
    status, reason, message = await refusal(server, "SetConsent", caller_key=KEY, consent=consent)
    assert (status, reason) == ("INVALID_ARGUMENT", "REQUEST")
    assert "recorded with Object" in message
    assert await actions(server) == []


async def test_what_is_not_there_cannot_be_asked_for(server: Running) -> None:
    for method in ("GetCaller", "ExportCaller", "DetachCall"):
        more = {"call_id": "c"} if method == "DetachCall" else {}
        assert (await refusal(server, method, caller_key=KEY, **more))[:2] == ("NOT_FOUND", "UNKNOWN_CALLER")
    await ask(server, "SetConsent", caller_key=KEY, consent=pb.CONSENT_GRANTED)
    assert (await refusal(server, "DetachCall", caller_key=KEY, call_id="c"))[1] == "UNKNOWN_CALL"
    assert [action for _, action in await actions(server)] == ["consent.granted"]


async def test_roles(start: Start, database: dict[str, Any], tmp_path: Path) -> None:
    server = await start(**database, access__keys=str(ISSUER.public(tmp_path / "keys.json")))
    for role in AccessRole:
        token = ISSUER.token(role)
        for method in METHODS:
            if role not in MAY_CALL[f"/{CALLER_SERVICE}/{method}"]:  # type: ignore[operator]
                assert (await refusal(server, method, token, caller_key=KEY))[:2] == ("PERMISSION_DENIED", "FORBIDDEN")
    assert (await refusal(server, "EraseCaller", caller_key=KEY))[0] == "UNAUTHENTICATED"
    assert await actions(server) == []
    await ask(server, "SetConsent", ISSUER.token("router"), caller_key=KEY, consent=pb.CONSENT_GRANTED)
    await ask(server, "GetCaller", ISSUER.token("admin", "privacy"), caller_key=KEY)
    await ask(server, "Object", ISSUER.token("privacy"), caller_key=KEY)
    assert [actor for actor, _ in await actions(server)] == ["router", "privacy", "privacy"]


def test_nobody_but_the_privacy_desk_reads_profiles() -> None:
    rules = {name.rpartition("/")[2]: rule for name, rule in MAY_CALL.items() if name.startswith(f"/{CALLER_SERVICE}/")}
    only = frozenset({AccessRole.PRIVACY})
    assert {name for name, rule in rules.items() if rule == only} == {"GetCaller", "ExportCaller", "EraseCaller", "DetachCall"}
    assert set(rules) == {method.name for method in pb.DESCRIPTOR.services_by_name["CallerService"].methods}


async def test_the_log_knows_no_caller(server: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await ask(server, "SetConsent", caller_key=KEY, consent=pb.CONSENT_GRANTED)
    await ask(server, "EraseCaller", caller_key=KEY)
    await refusal(server, "GetCaller", caller_key=KEY)
    (refused,) = (vars(r)["simpatico_fields"] for r in caplog.records if r.message == "request refused")
    assert refused == {"code": "NOT_FOUND", "error": "UnknownCallerError", "method": "GetCaller"}
    assert not [r for r in caplog.records if r.name.startswith("simpatico") and KEY in f"{r.getMessage()} {r.__dict__}"]


async def test_health_answers_for_it(server: Running) -> None:
    async with server.channel() as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=CALLER_SERVICE))
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_without_a_database_it_is_not_served(start: Start) -> None:
    server = await start()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ask(server, "GetCaller", caller_key=KEY)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_what_was_written_is_there_after_a_restart(start: Start, database: dict[str, Any], tmp_path: Path) -> None:
    first = await start(**database)
    await ask(first, "SetConsent", caller_key=KEY, consent=pb.CONSENT_GRANTED, notice_id="n7")
    await first.application.stop()
    assert (tmp_path / "anchors").read_text().strip(), "the end of the audit log is anchored when the service stops"
    second = await start(**database)
    assert (await ask(second, "GetCaller", caller_key=KEY)).notice_id == "n7"


async def test_a_database_that_is_away_is_said_and_calls_go_on(
    start: Start, database: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    away = {**database, "database__url": "postgresql://nobody:s3cret@127.0.0.1:1/none"}
    server = await start(**away)
    assert "the database is away" in caplog.text
    assert (await refusal(server, "GetCaller", caller_key=KEY))[:2] == ("UNAVAILABLE", "DATABASE_AWAY")
    async with server.client() as client:
        assert (await client.analyze_recording(bytes(32_000), call_id="x", raw=("f32", 8000, 1))).analysis.call.duration_s == 1.0
    await memory_of(server).tend()
    said = [record for record in caplog.records if "the database is away" in record.message]
    assert [record.levelname for record in said] == ["ERROR", "WARNING"]
    assert all("ConnectionRefusedError: [Errno 111]" in record.message for record in said), "the cause"
    assert "s3cret" not in caplog.text


async def test_the_memory_is_looked_after(start: Start, database: dict[str, Any], tmp_path: Path) -> None:
    server = await start(**database, database__tend_s=0.05)
    await ask(server, "Object", caller_key=KEY)
    async with asyncio.timeout(TIMEOUT_S):
        while not (tmp_path / "anchors").exists():
            await asyncio.sleep(0.02)


async def test_a_folder_that_is_not_there_stops_the_start(start: Start, database: dict[str, Any]) -> None:
    with pytest.raises(DatabaseAwayError, match="no folder for the database"):
        await start(**{**database, "database__url": "sqlite:////nowhere/at/all.db"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"database__secrets": None}, r"needs database.secrets"),
        ({"database__secrets": "/nowhere"}, r"cannot read database.secrets '/nowhere': No such file"),
        ({"database__url": "mysql://x/y"}, r"database.url"),
    ],
)
def test_settings_that_cannot_be_used(database: dict[str, Any], change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Application(settings_with(**{**database, **change}), FakeAnalyzer)
