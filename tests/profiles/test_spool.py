"""The spool: an outage loses nothing and doubles nothing, by count and by id."""

from __future__ import annotations

import asyncio
import json
import math
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from simpatico.errors import (
    DatabaseAwayError,
    LimitError,
    RequestConflictError,
    RequestError,
    UnknownAgentError,
    UnknownCallError,
    UnknownDecisionError,
)
from simpatico.profiles import audit, callers, calls, counters, decisions, operations, privacy, spool
from simpatico.profiles.fusion import AxisEvidence
from simpatico.profiles.operations import Replay
from simpatico.profiles.record_codec import pack_record, unpack_record
from simpatico.profiles.records import CallRecord
from simpatico.profiles.schema import outcomes
from simpatico.profiles.spool import KEEP_ASIDE_S, Spool
from simpatico.profiles.store import BlockingStore, Store, Work
from simpatico.profiles.texts import NotKept
from simpatico.routing.types import Outcome
from tests.profiles.conftest import Cluster
from tests.profiles.samples import CALLER, NOW_S, RING, a_call, a_decision


@pytest.fixture
def waiting(tmp_path: Path) -> Spool:
    """Return an empty spool."""
    return Spool(tmp_path / "spool" / "spool.db")


def request_ids(work: Work) -> list[str]:
    """Return the ids of all reports that are in the database, in the order of their arrival."""
    return list(work.connection.execute(select(outcomes.c.request_id).order_by(outcomes.c.outcome_seq)).scalars())


def prepared(store: BlockingStore) -> tuple[str, str]:
    """Return a caller's id and the id of a decision of theirs."""
    caller_id = store.write("router", callers.grant, CALLER).caller_id
    assert caller_id
    made = a_decision()
    store.write("router", decisions.log, caller_id, [made])
    return caller_id, made.decision_id


def test_an_outage_from_end_to_end(cluster: Cluster, waiting: Spool) -> None:
    """A real server is stopped between reports and started again."""

    async def run() -> None:
        store = Store(cluster.make_another(), RING)
        await store.open()
        caller_id = (await store.write("router", callers.grant, CALLER)).caller_id
        assert caller_id
        before, during = a_decision("call-before"), a_decision("call-during")
        await operations.log_decision(store, waiting, caller_id, before, now_s=NOW_S)

        async def report(number: int, decision_id: str) -> None:
            outcome = Outcome(csat_5=1.0 + number % 5)
            await operations.record_outcome(store, waiting, f"r{number:02d}", decision_id, outcome, "agent-1", now_s=NOW_S)

        for number in range(5):
            await report(number, before.decision_id)
        cluster.stop()
        try:
            with pytest.raises(DatabaseAwayError):
                await store.read(callers.lookup, CALLER)
            await operations.log_decision(store, waiting, caller_id, during, now_s=NOW_S)
            for number in range(5, 15):
                await report(number, during.decision_id)
            assert not (await operations.replay(store, waiting, now_s=NOW_S)).finished
            assert waiting.waiting() == 11
        finally:
            cluster.start()
        # While something waits, what comes later waits behind it, although the database is back.
        await report(15, during.decision_id)
        await report(5, during.decision_id)
        assert waiting.waiting() == 12
        assert await operations.replay(store, waiting, now_s=NOW_S) == Replay(applied=12)
        await report(16, during.decision_id)
        assert waiting.waiting() == 0
        assert await store.read(request_ids) == [f"r{number:02d}" for number in range(17)]
        found = await store.read(decisions.load, during.decision_id)
        assert (found.request, found.ranking, found.taken) == (during.request, during.ranking, "agent-1")
        assert (await store.read(counters.totals))["outcomes.kept"] == 17
        assert (await store.read(audit.verify_log)).ok
        await store.close()

    asyncio.run(run())


def test_a_crash_between_commit_and_removal_doubles_nothing(store: BlockingStore, waiting: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    caller_id, decision_id = prepared(store)
    waiting.add_decision(caller_id, late := a_decision("call-2"), NOW_S)
    waiting.add_outcome("r1", decision_id, Outcome(csat_5=2.0), None, NOW_S)
    monkeypatch.setattr(waiting, "remove", lambda _seqs: None)
    assert store.run(operations.replay(store.store, waiting, now_s=NOW_S)) == Replay(applied=2)
    monkeypatch.undo()
    assert store.run(operations.replay(store.store, waiting, now_s=NOW_S)) == Replay(repeated=2)
    assert store.read(request_ids) == ["r1"]
    assert store.read(decisions.load, late.decision_id) == late
    assert store.run(operations.replay(store.store, waiting, now_s=NOW_S)) == Replay()


def test_two_replays_at_once_double_nothing(store: BlockingStore, waiting: Spool) -> None:
    _, decision_id = prepared(store)
    for number in range(10):
        waiting.add_outcome(f"r{number}", decision_id, Outcome(csat_5=3.0), None, NOW_S)

    async def both() -> list[Replay]:
        return await asyncio.gather(*(operations.replay(store.store, waiting, now_s=NOW_S) for _ in range(2)))

    done = store.run(both())
    assert sum(replay.applied for replay in done) == 10
    assert sorted(store.read(request_ids)) == [f"r{number}" for number in range(10)]


def test_what_the_database_refuses_lets_the_rest_pass_and_is_tried_again(store: BlockingStore, waiting: Spool) -> None:
    caller_id, decision_id = prepared(store)
    elsewhere = a_decision("made on another machine")
    waiting.add_outcome("r1", elsewhere.decision_id, Outcome(csat_5=2.0), None, NOW_S)
    waiting.add_outcome("r2", decision_id, Outcome(csat_5=3.0), "agent-99", NOW_S)
    waiting.add_outcome("r3", decision_id, Outcome(csat_5=4.0), None, NOW_S)
    assert store.run(operations.replay(store.store, waiting, now_s=NOW_S)) == Replay(applied=1, aside=2)
    assert waiting.waiting() == 0
    store.write("router", decisions.log, caller_id, [elsewhere])
    assert store.run(operations.replay(store.store, waiting, now_s=NOW_S)) == Replay(applied=1, aside=1)
    assert store.read(request_ids) == ["r3", "r1"]
    # A clock that went backwards drops nothing; a week does.
    assert store.run(operations.replay(store.store, waiting, now_s=NOW_S - 1e9)) == Replay(aside=1)
    assert store.run(operations.replay(store.store, waiting, now_s=NOW_S + KEEP_ASIDE_S + 1)) == Replay(dropped=1)
    assert store.read(counters.totals)["spool.dropped"] == 1


def test_while_the_database_is_there_wrong_reports_are_refused_at_once(store: BlockingStore, waiting: Spool) -> None:
    _, decision_id = prepared(store)
    with pytest.raises(UnknownAgentError):
        store.run(operations.record_outcome(store.store, waiting, "r1", decision_id, Outcome(csat_5=2.0), "agent-99", now_s=NOW_S))
    assert waiting.waiting() == 0


def test_reports_of_decisions_that_are_not_kept_are_not_spooled(tmp_path: Path, waiting: Spool) -> None:
    gone = BlockingStore(f"sqlite:///{tmp_path}/no/such/folder.db", RING)
    ident = decisions.new_decision_id(kept=False)
    try:
        recorded = gone.run(operations.record_outcome(gone.store, waiting, "r", ident, Outcome(csat_5=2.0), None, now_s=NOW_S))
    finally:
        gone.__exit__(None, None, None)
    assert recorded.kept is False
    assert waiting.waiting() == 0


def test_a_spooled_decision_of_someone_who_withdrew_is_not_kept(store: BlockingStore, waiting: Spool) -> None:
    caller_id, _ = prepared(store)
    waiting.add_decision(caller_id, made := a_decision("call-2"), NOW_S)
    # Without `forget`, as when the service was killed in between.
    from simpatico.profiles import privacy

    store.write("router", privacy.withdraw, CALLER)
    waiting.add_outcome("r", made.decision_id, Outcome(csat_5=2.0), None, NOW_S)
    assert store.run(operations.replay(store.store, waiting, now_s=NOW_S)) == Replay(repeated=1, aside=1)
    assert store.read(counters.totals)["decisions.not_kept"] == 1
    assert store.read(request_ids) == []


def test_the_same_twice_is_once_and_another_of_its_id_is_refused(waiting: Spool) -> None:
    made = a_decision()
    for _ in range(2):
        waiting.add_outcome("r", made.decision_id, Outcome(csat_5=2.0), "agent-1", NOW_S)
        waiting.add_decision("c" * 32, made, NOW_S)
    assert waiting.waiting() == 2
    with pytest.raises(RequestConflictError, match="outcome 'r' waits with other content"):
        waiting.add_outcome("r", made.decision_id, Outcome(csat_5=3.0), "agent-1", NOW_S)
    with pytest.raises(RequestError, match="request_id"):
        waiting.add_outcome("x" * (10 << 20), made.decision_id, Outcome(csat_5=3.0), None, NOW_S)
    assert waiting.waiting() == 2


def test_a_spool_is_bounded(waiting: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "MAX_ITEMS", 3)
    for number in range(3):
        waiting.add_outcome(f"r{number}", "k1", Outcome(csat_5=2.0), None, NOW_S)
    with pytest.raises(LimitError, match="3 items wait"):
        waiting.add_outcome("r3", "k1", Outcome(csat_5=2.0), None, NOW_S)
    assert waiting.waiting() == 3


def test_a_spool_is_shared_by_processes_and_closed_to_others(waiting: Spool, tmp_path: Path) -> None:
    another = Spool(tmp_path / "spool" / "spool.db")
    waiting.add_outcome("r1", "k1", Outcome(csat_5=2.0), None, NOW_S)
    another.add_outcome("r2", "k1", Outcome(csat_5=2.0), None, NOW_S)
    assert [item.id for item in waiting.items()] == ["r1", "r2"]
    assert (tmp_path / "spool" / "spool.db").stat().st_mode & 0o077 == 0
    assert (tmp_path / "spool").stat().st_mode & 0o077 == 0


def test_a_spool_that_is_no_spool(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"hello " * 1000)
    broken = Spool(tmp_path / "x.db")
    with pytest.raises(DatabaseAwayError, match=r"the spool .* cannot be used \(file is not a database\)"):
        broken.waiting()


def test_a_spool_goes_on_after_its_disk_was_full(waiting: Spool, tmp_path: Path) -> None:
    waiting.add_outcome("r1", "k1", Outcome(csat_5=2.0), None, NOW_S)
    held = sqlite3.connect(tmp_path / "spool" / "spool.db", isolation_level=None)
    held.execute("CREATE TRIGGER full BEFORE INSERT ON items BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    with pytest.raises(DatabaseAwayError, match="disk full"):
        waiting.add_outcome("r2", "k1", Outcome(csat_5=2.0), None, NOW_S)
    held.execute("DROP TRIGGER full")
    held.close()
    waiting.add_outcome("r3", "k1", Outcome(csat_5=2.0), None, NOW_S)
    assert [item.id for item in waiting.items()] == ["r1", "r3"]


def test_a_call_waits_for_the_database_and_for_consent_as_it_is_then(cluster: Cluster, waiting: Spool) -> None:
    """Of three callers who had agreed, one withdraws before the database is back, and one had not been looked up."""

    async def run() -> None:
        url = cluster.make_another()
        store = Store(url, RING)
        await store.open()
        stays = (await store.write("router", callers.grant, CALLER)).caller_id
        leaves = (await store.write("router", callers.grant, "leaves")).caller_id
        await store.write("router", callers.grant, "unseen")

        async def keep(key: str, call: CallRecord, known_as: str | None) -> NotKept | None:
            return await operations.keep_call(store, waiting, key, call, known_as=known_as, now_s=NOW_S)

        assert await keep(CALLER, a_call("call-0"), stays) is None
        late = replace(a_call("call-1"), style={"assertiveness": AxisEvidence(0.0, 0.0, math.inf)}, notice_id=None)
        cluster.stop()
        try:
            assert await keep(CALLER, late, stays) is None
            assert await keep(CALLER, late, stays) is None, "the same call twice is once"
            assert await keep("leaves", a_call("call-2"), leaves) is None
            assert await keep("unseen", a_call("call-3"), None) is NotKept.DATABASE_AWAY
            with pytest.raises(RequestConflictError, match=r"call 'call-1' waits with other content"):
                await keep(CALLER, a_call("call-1"), stays)
            assert waiting.waiting() == 2
        finally:
            cluster.start()
        await store.write("router", privacy.withdraw, "leaves")
        assert await operations.replay(store, waiting, now_s=NOW_S) == Replay(applied=1, repeated=1)
        held = await store.write("router", privacy.export, CALLER)
        assert [call["call_id"] for call in held["calls"]] == ["call-0", "call-1"]
        assert {name: held["calls"][1][name] for name in pack_record(late)} == pack_record(late)
        assert (await store.read(callers.lookup, "leaves")).calls == 0
        assert waiting.waiting() == 0
        await store.close()

    asyncio.run(run())


def test_erasing_reaches_calls_in_the_spool_and_no_others(waiting: Spool) -> None:
    made = a_decision()
    waiting.add_call("mine", a_call("call-1"), NOW_S)
    waiting.add_decision("mine", made, NOW_S)
    waiting.add_outcome("r1", made.decision_id, Outcome(resolved=True), None, NOW_S)
    waiting.add_call("theirs", a_call("call-2"), NOW_S)
    assert waiting.forget("mine", []) == 3
    assert [(item.kind, item.id) for item in waiting.items()] == [("call", "call-2")]


def test_a_call_of_an_id_that_another_has_is_put_aside(store: BlockingStore, waiting: Spool) -> None:
    caller_id = store.write("router", callers.grant, CALLER).caller_id
    assert caller_id
    store.write("router", calls.keep, CALLER, a_call("call-1", reason="loans"))
    waiting.add_call(caller_id, a_call("call-1", reason="cards"), NOW_S)
    waiting.add_call(caller_id, a_call("call-2"), NOW_S)
    assert store.run(operations.replay(store.store, waiting, now_s=NOW_S)) == Replay(applied=1, aside=1)
    assert store.read(callers.lookup, CALLER).calls == 2


def test_a_record_survives_the_spool() -> None:
    record = a_call()
    assert unpack_record(json.loads(json.dumps(pack_record(record), allow_nan=False))) == record


def test_a_report_waits_behind_its_own_decision_alone(url: str, store: BlockingStore, waiting: Spool) -> None:
    """What waits of one decision keeps no other waiting, and no report is taken for a decision that is nowhere."""
    caller_id, held = prepared(store)
    spooled = a_decision("call-spooled")
    waiting.add_decision(caller_id, spooled, NOW_S)

    async def report(number: int, decision_id: str) -> bool:
        there = Store(url, RING)
        try:
            done = await operations.record_outcome(there, waiting, f"r{number}", decision_id, Outcome(csat_5=3.0), None, now_s=NOW_S)
        finally:
            await there.close()
        return done.kept

    assert asyncio.run(report(1, held))
    assert store.read(request_ids) == ["r1"]
    assert asyncio.run(report(2, spooled.decision_id))
    assert (store.read(request_ids), waiting.waiting()) == (["r1"], 2)
    nowhere = a_decision("call-nowhere").decision_id
    with pytest.raises(UnknownDecisionError):
        asyncio.run(report(3, nowhere))
    assert waiting.waiting() == 2
    assert store.run(operations.replay(store.store, waiting, now_s=NOW_S)) == Replay(applied=2)
    assert store.read(request_ids) == ["r1", "r2"]
    assert not waiting.holds(spooled.decision_id)


def test_a_call_that_is_detached_goes_from_the_spool_too(store: BlockingStore, waiting: Spool) -> None:
    """Of two calls that wait, and reports of the one's decisions, there and here: nothing of the one comes back, all of the other does."""
    caller_id, held = prepared(store)
    wrong, right = a_decision("call-1"), a_decision("call-2")
    for decision in (wrong, right):
        waiting.add_decision(caller_id, decision, NOW_S)
        waiting.add_call(caller_id, a_call(decision.call_id), NOW_S)
    for number, decision_id in enumerate((held, wrong.decision_id, right.decision_id)):
        waiting.add_outcome(f"r{number}", decision_id, Outcome(csat_5=2.0), None, NOW_S)
    waiting.add_call("somebody else", a_call("call-3"), NOW_S)
    removed = store.run(operations.detach_call(store.store, waiting, "privacy", CALLER, "call-1", now_s=NOW_S))
    assert removed == {"outcomes": 0, "decisions": 1, "training": 0, "calls": 0, "spool": 4}
    assert [(item.kind, item.id) for item in waiting.items()] == [
        ("decision", right.decision_id),
        ("call", "call-2"),
        ("outcome", "r2"),
        ("call", "call-3"),
    ]
    assert store.run(operations.replay(store.store, waiting, now_s=NOW_S)) == Replay(applied=3, repeated=1)
    found = store.write("privacy", privacy.export, CALLER)
    assert [call["call_id"] for call in found["calls"]] == ["call-2"]
    assert [decision["call_id"] for decision in found["decisions"]] == ["call-2"]
    with pytest.raises(UnknownCallError):
        store.run(operations.detach_call(store.store, waiting, "privacy", CALLER, "call-1", now_s=NOW_S))


def test_a_call_that_only_waits_can_be_detached(store: BlockingStore, waiting: Spool, tmp_path: Path) -> None:
    caller_id, _ = prepared(store)
    waiting.add_call(caller_id, a_call("call-elsewhere"), NOW_S)
    removed = store.run(operations.detach_call(store.store, waiting, "privacy", CALLER, "call-elsewhere", now_s=NOW_S))
    assert removed == {"outcomes": 0, "decisions": 0, "training": 0, "calls": 0, "spool": 1}
    assert not any(b"call-elsewhere" in file.read_bytes() for file in (tmp_path / "spool").iterdir())


def test_what_is_detached_while_it_is_replayed_stays_out(store: BlockingStore, waiting: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A replay had read it; then it was detached, here or by another process; then the replay applies what it had read."""
    caller_id, _ = prepared(store)
    waiting.add_call(caller_id, a_call("call-9"), NOW_S)
    waiting.add_decision(caller_id, a_decision("call-9"), NOW_S)
    read = waiting.items()
    store.run(operations.detach_call(store.store, waiting, "privacy", CALLER, "call-9", now_s=NOW_S))
    monkeypatch.setattr(waiting, "items", lambda *, aside, after: [] if aside or after else read)
    assert store.run(operations.replay(store.store, waiting, now_s=NOW_S)) == Replay(repeated=2)
    found = store.write("privacy", privacy.export, CALLER)
    assert (found["calls"], [decision["call_id"] for decision in found["decisions"]]) == ([], ["call-1"])
