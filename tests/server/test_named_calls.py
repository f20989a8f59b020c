"""Calls of named callers over a real connection, with a real database: what is kept of whom, and who can be named."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import grpc
import pytest

from simpatico.client import AnalysisClient, Caller, Final
from simpatico.errors import RemoteError
from simpatico.v1 import caller_service_pb2 as pb
from tests.server.calls import begin, cut, failure, noise, rest_of
from tests.server.named_calls import counted, dump, grant, held, talking
from tests.server.running import Running, Start
from tests.server.test_grpc_callers import KEY, ask, database, memory_of  # noqa: F401
from tests.server.test_routing_service import a_call_to_route
from tests.server.test_routing_service import ask as ask_router
from tests.server.tokens import Issuer

ISSUER = Issuer()
RAW = ("f32", 8000, 1)
TUESDAY_S = 1_790_058_900.0
"""2026-09-22 06:35 UTC."""


@pytest.fixture
async def server(start: Start, database: dict[str, Any]) -> Running:  # noqa: F811
    return await start(**database)


async def test_a_call_of_who_agreed_is_kept_with_reason_and_local_time(server: Running) -> None:
    await grant(server)
    caller = Caller(KEY, notice_id="n7", reason="cards", utc_offset_min=120, started_at_s=TUESDAY_S)
    async with talking(server, caller=caller) as talk:
        assert await talk.event() == "granted"
        final = await talk.final()
    assert (final.kept, final.not_kept_reason) == (True, "")
    (row,) = await held(server)
    assert (row["call_id"], row["reason"], row["notice_id"], row["weekday"], row["hour"]) == ("live", "cards", "n7", 1, 8)
    assert (row["duration_s"], row["started_at_s"]) == (2.0, TUESDAY_S)
    profile = await ask(server, "GetCaller", caller_key=KEY)
    assert (profile.calls, dict(profile.reasons)) == (1, {"cards": 1})
    before_s = time.time()
    async with talking(server, "second") as talk:
        assert (await talk.final(reason="loans")).kept
    second = (await held(server))[1]
    assert (second["call_id"], second["reason"], second["notice_id"]) == ("second", "loans", None)
    assert before_s <= second["started_at_s"] <= time.time()
    assert second["hour"] == time.gmtime(second["started_at_s"]).tm_hour


async def test_without_consent_the_database_holds_nothing_new_but_counters(server: Running) -> None:
    """Streamed, ranked, uploaded: by a stranger who is named, by one who is not, and by one who objected."""
    await ask_router(server, "UpsertAgent", agent={"agent_id": "good"})
    await ask(server, "Object", caller_key="objector")
    await grant(server)
    before, counts = await dump(server), await counted(server)
    for key in ("stranger", "objector", ""):
        async with server.client() as client, client.stream() as stream:
            await begin(stream, f"call-{key}", caller=Caller(key, reason="cards") if key else None)
            await stream.send(cut(f"call-{key}", noise(2.0)))
            route = a_call_to_route("good", key=key, call_id=f"call-{key}")
            assert not (await ask_router(server, "RankAgents", call=route)).kept
            await stream.end(f"call-{key}")
            final = (await rest_of(stream))[-1]
            assert isinstance(final, Final)
            why = {"stranger": "no_consent", "objector": "objected", "": ""}[key]
            assert (final.kept, final.not_kept_reason) == (False if key else None, why)
            uploaded = await client.analyze_recording(bytes(3200), call_id="x", raw=RAW, caller=Caller(key) if key else None)
            assert (uploaded.kept, uploaded.not_kept_reason) == (final.kept, final.not_kept_reason)
    assert await dump(server) == before
    new = {name: count - counts.get(name, 0) for name, count in (await counted(server)).items()}
    assert {name: count for name, count in new.items() if count} == {"calls.not_kept": 4, "calls.unnamed": 2, "decisions.not_kept": 3}


async def test_a_recording_is_kept_for_a_router_and_named_by_nobody_else(
    start: Start,
    database: dict[str, Any],  # noqa: F811
    tmp_path: Path,
) -> None:
    server = await start(**database, access__keys=str(ISSUER.public(tmp_path / "keys.json")))
    await ask(server, "SetConsent", ISSUER.token("router"), caller_key=KEY, consent=pb.CONSENT_GRANTED)

    async def upload(role: str, call_id: str, caller: Caller | None) -> tuple[bool | None, str]:
        async with AnalysisClient(server.address, token=ISSUER.token(role)) as client:
            uploaded = await client.analyze_recording(bytes(3200), call_id=call_id, raw=RAW, caller=caller)
        return uploaded.kept, uploaded.not_kept_reason

    assert await upload("router", "by-router", Caller(KEY, reason="cards", started_at_s=0.0)) == (True, "")
    assert await upload("router", "by-router", Caller(KEY)) == (False, "call_id_taken")
    for role in ("qa", "researcher"):
        assert await upload(role, "unnamed", None) == (None, "")
        with pytest.raises(RemoteError, match=r"needs the role router: leave header.caller out") as caught:
            await upload(role, "named", Caller(KEY))
        assert (caught.value.status, caught.value.reason) == ("PERMISSION_DENIED", "FORBIDDEN")
    (row,) = await held(server)
    assert (row["call_id"], row["started_at_s"], row["hour"]) == ("by-router", 0.0, 0)


async def test_nobody_is_remembered_under_a_telephone_number(server: Running) -> None:
    """But rankings are answered, and what ends remembering is taken under any key."""
    number, address = "+49 30 1234567", "ann@example.org"
    before = await dump(server)
    async with server.client() as client, client.stream() as stream:
        for key in (number, address):
            await begin(stream, key, caller=Caller(key))
        updates = await rest_of(stream)
        for key, looks_like in ((number, "a telephone number"), (address, "an e-mail address")):
            refused = failure(updates, key)
            assert (refused.status, refused.field) == ("INVALID_ARGUMENT", "start.caller.caller_key")
            assert f"looks like {looks_like}: send a pseudonym" in str(refused)
        with pytest.raises(RemoteError, match="looks like a telephone number") as caught:
            await client.analyze_recording(bytes(3200), call_id="x", raw=RAW, caller=Caller(number))
        assert caught.value.field == "header.caller.caller_key"
    with pytest.raises(grpc.aio.AioRpcError, match="looks like a telephone number"):
        await grant(server, number)
    await ask_router(server, "UpsertAgent", agent={"agent_id": "good"})
    assert not (await ask_router(server, "RankAgents", call=a_call_to_route("good", key=number))).kept
    assert (await ask(server, "SetConsent", caller_key=number, consent=pb.CONSENT_UNKNOWN)).consent == pb.CONSENT_UNKNOWN
    assert set((await ask(server, "EraseCaller", caller_key=number)).receipt.rows.values()) == {0}
    after = await dump(server)
    assert {name for name in after if after[name] != before[name]} == {"agents", "audit", "audit_head"}
    await ask(server, "Object", caller_key=number)
    assert (await ask_router(server, "RankAgents", call=a_call_to_route("good", key=number))).neutral_reason == "caller_objected"


async def test_a_deployment_may_accept_such_keys(start: Start, database: dict[str, Any]) -> None:  # noqa: F811
    server = await start(**database, callers__identifying_keys="accept")
    await grant(server, "ann@example.org")
    async with talking(server, caller=Caller("ann@example.org")) as talk:
        assert (await talk.final()).kept


async def test_two_calls_of_one_id_are_not_mixed(server: Running, caplog: pytest.LogCaptureFixture) -> None:
    await grant(server)
    for reason, kept, why in (("cards", True, ""), ("loans", False, "call_id_taken")):
        async with talking(server, reason=reason) as talk:
            final = await talk.final()
            assert (final.kept, final.not_kept_reason) == (kept, why)
    assert [row["reason"] for row in await held(server)] == ["cards"]
    assert "another one of its id is" in caplog.text
    assert (await counted(server))["calls.duplicate"] == 1


async def test_the_log_knows_no_caller(server: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="simpatico")
    async with talking(server, "private-id") as talk:
        await talk.event()
        await talk.stream.consent("private-id", "granted")
        await talk.event()
        await talk.final()
    said = [f"{record.getMessage()} {record.__dict__}" for record in caplog.records if record.name.startswith("simpatico")]
    assert any("call ended" in line for line in said)
    assert not [line for line in said if KEY in line or "private-id" in line]


BAD: list[tuple[dict[str, Any], str]] = [
    ({"caller_key": ""}, "start.caller.caller_key"),
    ({"caller_key": "x" * 257}, "start.caller.caller_key"),
    ({"caller_key": "x" * 3_000_000}, "start.caller.caller_key"),
    ({"notice_id": "n" * 257}, "start.caller.notice_id"),
    ({"notice_id": "a\0b"}, "start.caller.notice_id"),
    ({"reason": "r" * 257}, "start.caller.reason"),
    ({"utc_offset_min": 841}, "start.caller.utc_offset_min"),
    ({"utc_offset_min": -721}, "start.caller.utc_offset_min"),
    ({"started_at_s": -1.0}, "start.caller.started_at_s"),
    ({"started_at_s": float("nan")}, "start.caller.started_at_s"),
    ({"started_at_s": 1e12}, "start.caller.started_at_s"),
]


@pytest.mark.parametrize(("change", "field"), BAD)
async def test_callers_that_cannot_be_named(server: Running, change: dict[str, Any], field: str) -> None:
    before = await dump(server)
    fields = {"key": KEY} | {("key" if name == "caller_key" else name): value for name, value in change.items()}
    async with server.client() as client, client.stream() as stream:
        await begin(stream, "live", caller=Caller(**fields))
        error = failure(await rest_of(stream), "live")
        assert (error.status, error.reason, error.field) == ("INVALID_ARGUMENT", "REQUEST", field)
        assert len(str(error)) < 300
        assert "xxxx" not in str(error)
        with pytest.raises(RemoteError) as caught:
            await client.analyze_recording(bytes(3200), call_id="a", raw=RAW, caller=Caller(**fields))
    assert caught.value.field == field.replace("start.", "header.")
    assert await dump(server) == before


async def test_an_agents_channel_has_no_caller(server: Running) -> None:
    async with server.client() as client, client.stream() as stream:
        await begin(stream, "live", channels=1, caller_channel=None, caller=Caller(KEY))
        assert failure(await rest_of(stream), "live").field == "start.caller"


async def test_a_deployment_may_ask_for_the_notice(start: Start, database: dict[str, Any]) -> None:  # noqa: F811
    server = await start(**database, callers__require_notice=True)
    async with server.client() as client, client.stream() as stream:
        await begin(stream, "without", caller=Caller(KEY))
        await begin(stream, "with", caller=Caller(KEY, notice_id="n"))
        await begin(stream, "unnamed")
        updates = await rest_of(stream)
    error = failure(updates, "without")
    assert (error.field, "callers.require_notice" in str(error)) == ("start.caller.notice_id", True)
    assert {update.call_id for update in updates if isinstance(update, Final)} == {"with", "unnamed"}
