"""Between an answer and the database: decisions that are noted down, and reports that reach another process first."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from simpatico.errors import DatabaseAwayError
from simpatico.profiles import decisions
from simpatico.profiles.notebook import Notebook
from simpatico.profiles.spool import Spool
from simpatico.profiles.store import Store
from simpatico.routing.types import Decision
from simpatico.server.routing import journal
from simpatico.v1 import routing_service_pb2 as pb
from tests.profiles.conftest import url  # noqa: F401  # a fixture
from tests.server.calls import TIMEOUT_S
from tests.server.routing_calls import a_call_to_route, ask, grant, ranked, refusal, router_of, start_with_agents
from tests.server.running import Start
from tests.server.test_grpc_callers import KEY, memory_of
from tests.server.test_grpc_callers import ask as ask_callers
from tests.server.test_grpc_callers import database as sqlite_database  # noqa: F401  # a fixture

SETTLED = pb.Outcome(resolved=True)


@pytest.fixture
def database(sqlite_database: dict[str, Any], url: str) -> dict[str, Any]:  # noqa: F811
    """Return settings of a database of each kind."""
    return {**sqlite_database, "database__url": url}


def noted(tmp_path: Path) -> list[Path]:
    """Return the files of notebooks."""
    return list((tmp_path / "spool").glob("spool.db.noted-*"))


async def test_an_answer_that_was_not_written_down_is_found_by_the_next_process(
    start: Start, database: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process is killed between answer and database; the report reaches the one after it, first while the database is away."""
    killed = await start_with_agents(start, database)
    await grant(killed)

    async def never(_: journal.Journal) -> None:
        await asyncio.Event().wait()

    with monkeypatch.context() as patched:
        patched.setattr(journal.Journal, "_write", never)
        answer = await ranked(killed, a_call_to_route(key=KEY, call_id="last"))
    assert answer.kept
    (file,) = noted(tmp_path)
    assert b'"last"' in file.read_bytes()
    assert KEY.encode() not in file.read_bytes()
    dying = router_of(killed).journal
    dying._writer.cancel()
    dying._pending.clear()
    for held in memory_of(killed).notebook._files():
        held.release()
    memory_of(killed).notebook._file = None
    after = await start(**database)
    assert noted(tmp_path) == []
    assert memory_of(after).spool.waiting() == 1

    async def away(self: Store, *_: Any, **__: Any) -> Any:
        raise DatabaseAwayError("the database cannot be reached")

    with monkeypatch.context() as patched:
        patched.setattr(Store, "read", away)
        patched.setattr(Store, "fetch", away)
        patched.setattr(Store, "write", away)
        report = {"request_id": "r1", "decision_id": answer.decision_id, "outcome": SETTLED, "taken_by": "good"}
        assert (await ask(after, "RecordOutcome", **report)).kept
    await memory_of(after).tend()
    assert memory_of(after).spool.waiting() == 0
    found = await memory_of(after).store.read(decisions.load, answer.decision_id)
    assert (found.call_id, found.taken, found.outcome.resolved) == ("last", "good", True)
    assert [entry.agent_id for entry in found.ranking.entries] == [agent.agent_id for agent in answer.agents]


async def test_what_is_written_down_is_noted_down_no_more(start: Start, database: dict[str, Any], tmp_path: Path) -> None:
    server = await start_with_agents(start, database)
    await grant(server)
    answers = [await ranked(server, a_call_to_route(key=KEY, call_id=f"call-{i}")) for i in range(3)]
    for answer in answers:
        await router_of(server).journal.written(answer.decision_id)
    assert all(b"call-" not in file.read_bytes() for file in noted(tmp_path))
    await ranked(server, a_call_to_route(call_id="of a stranger"))
    assert len(noted(tmp_path)) == 1
    await ask_callers(server, "EraseCaller", caller_key=KEY)
    await server.application.stop()
    assert noted(tmp_path) == []
    assert not any(b"call-" in file.read_bytes() for file in (tmp_path / "spool").iterdir())


async def test_a_disk_that_takes_no_note_is_said_once_and_rankings_go_on(
    start: Start, database: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server = await start_with_agents(start, database)
    await grant(server)

    def full(self: Notebook, caller_id: str, decision: Decision) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(Notebook, "note", full)
    for i in range(2):
        answer = await ranked(server, a_call_to_route(key=KEY, call_id=f"call-{i}"))
        assert (await ask(server, "RecordOutcome", request_id=f"r{i}", decision_id=answer.decision_id, outcome=SETTLED)).kept
    assert caplog.text.count("decisions cannot be noted down") == 1


async def test_decisions_wait_for_one_another_but_no_report_waits_for_them(
    start: Start, database: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is there goes into the database together, as soon as the outcome of one is reported, there are enough, or the service stops."""
    monkeypatch.setattr(journal, "GATHER_S", 3600.0)
    server = await start_with_agents(start, database)
    await grant(server)
    batches: list[int] = []
    write = journal.operations.log_decisions

    async def counted(store: Any, spool: Any, items: Any, **more: Any) -> None:
        batches.append(len(items))
        await write(store, spool, items, **more)

    monkeypatch.setattr(journal.operations, "log_decisions", counted)

    async def rank(count: int) -> list[Any]:
        return [await ranked(server, a_call_to_route(key=KEY, call_id=f"call-{i}")) for i in range(count)]

    answers = await rank(3)
    assert batches == []
    assert (await ask(server, "RecordOutcome", request_id="r", decision_id=answers[1].decision_id, outcome=SETTLED)).kept
    assert batches == [3]
    monkeypatch.setattr(journal, "BATCH", 4)
    await router_of(server).journal.written((await rank(4))[3].decision_id)
    last = (await rank(2))[0].decision_id
    await server.application.stop()
    assert batches == [3, 4, 2]
    assert last in await memory_of(server).store.read(decisions.held)


async def test_a_report_that_overtakes_its_decision_on_the_way_to_another_process_waits(
    start: Start, database: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two services on one database: neither hears of the other but through it."""
    one = await start_with_agents(start, database)
    two = await start(**database)
    await grant(one)
    write, go_on = journal.operations.log_decisions, asyncio.Event()

    async def slow(*args: Any, **more: Any) -> None:
        await go_on.wait()
        await write(*args, **more)

    monkeypatch.setattr(journal.operations, "log_decisions", slow)
    monkeypatch.setattr(journal, "ELSEWHERE_S", TIMEOUT_S)
    answer = await ranked(one, a_call_to_route(key=KEY))
    report = {"request_id": "r1", "decision_id": answer.decision_id, "outcome": SETTLED, "taken_by": "good"}
    reporting = asyncio.create_task(ask(two, "RecordOutcome", **report))
    while not router_of(two).journal._unsure and not reporting.done():
        await asyncio.sleep(0.001)
    go_on.set()
    done = await reporting
    assert (done.kept, done.repeated) == (True, False)
    assert (await memory_of(two).store.read(decisions.load, answer.decision_id)).taken == "good"
    assert router_of(two).journal._unsure == 0


async def test_a_decision_that_is_nowhere_is_unknown(start: Start, database: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    server = await start_with_agents(start, database)
    report = {"request_id": "r", "decision_id": decisions.new_decision_id(kept=True), "outcome": SETTLED}
    assert await refusal(server, "RecordOutcome", **report) == ("NOT_FOUND", "UNKNOWN_DECISION")
    asked: list[str] = []
    record = journal.operations.record_outcome

    async def counted(*args: Any, **more: Any) -> Any:
        asked.append(args[2])
        return await record(*args, **more)

    monkeypatch.setattr(journal.operations, "record_outcome", counted)
    monkeypatch.setattr(journal, "MAX_UNSURE", 0)
    assert await refusal(server, "RecordOutcome", **report) == ("NOT_FOUND", "UNKNOWN_DECISION")
    assert asked == ["r"], "when too many wait it is asked once"


def let_neither_be_written(patched: pytest.MonkeyPatch) -> None:
    """Let the disk be full for the database and for the spool."""

    async def away(self: Store, *_: Any, **__: Any) -> Any:
        raise DatabaseAwayError("database or disk is full")

    def full(self: Spool, *_: Any) -> None:
        raise DatabaseAwayError("the spool cannot be used (database or disk is full)")

    patched.setattr(Store, "write", away)
    patched.setattr(Spool, "add_decisions", full)
    patched.setattr(Spool, "add_outcome", full)


async def test_decisions_wait_for_a_disk_that_is_full(
    start: Start, database: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(journal, "AGAIN_S", 0.02)
    server = await start_with_agents(start, database)
    await grant(server)
    with monkeypatch.context() as patched:
        let_neither_be_written(patched)
        answers = [await ranked(server, a_call_to_route(key=KEY, call_id=f"call-{i}")) for i in range(3)]
        reports = [{"request_id": f"r{i}", "decision_id": answer.decision_id, "outcome": SETTLED} for i, answer in enumerate(answers)]
        for report in reports:
            assert await refusal(server, "RecordOutcome", **report) == ("UNAVAILABLE", "DATABASE_AWAY")
    for answer in answers:
        await router_of(server).journal.written(answer.decision_id)
    for report in reports:
        assert (await ask(server, "RecordOutcome", **report)).kept
    for answer in answers:
        assert (await memory_of(server).store.read(decisions.load, answer.decision_id)).outcome.resolved
    assert caplog.text.count("decisions wait: neither") == 1
    assert all(b"call-" not in file.read_bytes() for file in noted(tmp_path))


async def test_what_cannot_be_written_down_at_the_end_stays_noted_down(
    start: Start, database: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start_with_agents(start, database)
    await grant(server)
    with monkeypatch.context() as patched:
        let_neither_be_written(patched)
        answer = await ranked(server, a_call_to_route(key=KEY, call_id="last"))
        await server.application.stop()
    (file,) = noted(tmp_path)
    assert b'"last"' in file.read_bytes()
    after = await start(**database)
    await memory_of(after).tend()
    assert (await memory_of(after).store.read(decisions.load, answer.decision_id)).call_id == "last"
    assert noted(tmp_path) == []
