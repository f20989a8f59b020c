"""What a caller may ask for: everything shown, everything gone, and nothing of it in files, dumps, spools or the audit log."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from simpatico.errors import UnknownCallerError, UnknownDecisionError
from simpatico.profiles import audit, callers, calls, counters, decisions, operations, page, privacy, training
from simpatico.profiles.records import CallerProfile, Consent
from simpatico.profiles.schema import PERSONAL, metadata
from simpatico.profiles.spool import Spool
from simpatico.profiles.store import BlockingStore, Work
from simpatico.profiles.texts import NotKept
from simpatico.routing.types import Outcome
from tests.profiles.conftest import Cluster
from tests.profiles.samples import CALLER, NOW_S, RING, a_call, a_decision, as_stored
from tests.profiles.test_callers import sizes

OTHER = "customer-0815-Zucchini"


def fill(store: BlockingStore, caller: str, prefix: str, count: int = 3) -> list[str]:
    """Give a caller something in every table; returns the ids of the decisions."""
    store.write("router", callers.grant, caller, f"{prefix}-notice")
    caller_id = store.read(callers.lookup, caller).caller_id
    ids = []
    for i in range(count):
        call_id = f"{prefix}-call-{i}"
        made = a_decision(call_id)
        store.write("router", decisions.log, caller_id, [made])
        store.write("router", decisions.record_outcome, f"{prefix}-request-{i}", made.decision_id, Outcome(csat_5=4.0), "agent-1")
        store.write("router", calls.keep, caller, a_call(call_id))
        store.write("router", training.set_aside, caller, call_id, "norms", {f"{prefix}-feature": 0.5})
        ids.append(made.decision_id)
    return ids


def traces(store: BlockingStore, caller: str, prefix: str, ids: list[str]) -> list[str]:
    """Return every string that would give the caller away."""
    profile = store.read(callers.lookup, caller)
    assert profile.caller_id
    return [caller, RING.refs(caller)[0].digest, profile.caller_id, prefix, *ids]


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """Return an empty spool."""
    return Spool(tmp_path / "spool" / "spool.db")


def test_every_table_with_something_personal_is_known_to_erasure() -> None:
    personal = {"callers"}
    while True:
        more = {t.name for t in metadata.tables.values() for key in t.foreign_keys if key.column.table.name in personal} | personal
        if more == personal:
            break
        personal = more
    assert personal == {table.name for table in PERSONAL}
    for table in metadata.tables.values():
        assert not {"caller_id", "call_id", "decision_id"} & set(table.columns.keys()) or table in PERSONAL


def test_an_export_equals_what_was_stored(store: BlockingStore) -> None:
    ids = fill(store, CALLER, "mine")
    fill(store, OTHER, "theirs")
    profile = store.read(callers.lookup, CALLER)
    held = store.write("privacy", privacy.export, CALLER)
    assert json.loads(json.dumps(held, allow_nan=False)) == held

    def rows(work: Work) -> dict[str, list[dict[str, object]]]:
        found = {}
        for table in ("calls", "decisions", "training"):
            columns = metadata.tables[table]
            query = columns.select().where(columns.c.caller_id == profile.caller_id).order_by(*columns.primary_key.columns)
            found[table] = [{k: v for k, v in row._mapping.items() if k != "caller_id"} for row in work.connection.execute(query)]
        return found

    stored = store.read(rows)
    assert {name: held[name] for name in stored} | {"decisions": [as_stored(one) for one in held["decisions"]]} == stored

    def the_others(work: Work) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
        profiles, outcomes = metadata.tables["profiles"], metadata.tables["outcomes"]
        mine = profiles.select().where(profiles.c.caller_id == profile.caller_id)
        reports = outcomes.select().where(outcomes.c.decision_id.in_(ids)).order_by(outcomes.c.outcome_seq)
        found = [dict(row._mapping) for row in work.connection.execute(mine)]
        return [{k: v for k, v in row.items() if k != "caller_id"} for row in found], [
            dict(r._mapping) for r in work.connection.execute(reports)
        ]

    assert ([held["profile"]], held["outcomes"]) == store.read(the_others)
    assert len(held["calls"]) == len(held["outcomes"]) == 3
    assert {row["decision_id"] for row in held["outcomes"]} == set(ids)
    assert held["calls"][0]["figures"] == {"articulation_rate_hz": 4.25}
    assert held["consent"] == {"state": "granted", "notice_id": "mine-notice", "at_s": NOW_S, "seen_at_s": NOW_S}
    assert held["profile"]["calls"] == 3
    text_of_it = json.dumps(held)
    assert "theirs" not in text_of_it
    for hidden in (CALLER, RING.refs(CALLER)[0].digest, profile.caller_id, profile.audit_ref):
        assert str(hidden) not in text_of_it


def test_the_readable_page_shows_everything_and_runs_nothing(store: BlockingStore) -> None:
    fill(store, CALLER, "mine")
    store.write("router", training.set_aside, CALLER, "c", "<script>alert(1)</script>", {"<b>": "&"})
    held = store.write("privacy", privacy.export, CALLER)
    shown = page.render(held)
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown
    for wanted in ("mine-call-2", "mine-request-1", "mine-notice", "articulation rate hz: 4.25", "2026-09-21 14:13:20 UTC"):
        assert wanted in shown, wanted
    assert "Nothing." in page.render({**held, "training": [], "profile": None})


def test_erasure_leaves_nothing_in_tables_and_says_so(store: BlockingStore) -> None:
    fill(store, CALLER, "mine")
    fill(store, OTHER, "theirs")
    before = store.read(callers.lookup, OTHER)
    audit_ref = store.read(callers.lookup, CALLER).audit_ref
    exported = store.write("privacy", privacy.export, CALLER)
    receipt = store.write("privacy", privacy.erase, CALLER)
    assert receipt.rows == {"outcomes": 3, "decisions": 3, "training": 3, "calls": 3, "profiles": 1, "callers": 1}
    assert len(exported["calls"]) == receipt.rows["calls"]
    assert store.read(callers.lookup, CALLER) == CallerProfile()
    assert store.read(callers.lookup, OTHER) == before
    left = store.read(sizes)
    assert (left["callers"], left["calls"], left["outcomes"]) == (1, 3, 3)
    entries = [sealed.entry for sealed in store.read(lambda work: list(audit.entries(work)))]
    assert [e.action for e in entries[-2:]] == ["caller.exported", "caller.erased"]
    assert all(e.subject == audit_ref for e in entries[-2:])
    assert entries[-1].detail == {"receipt": receipt.receipt_id, "rows": dict(receipt.rows)}
    assert entries[-1].seq == receipt.entry
    assert "mine" not in str(entries)
    assert store.read(audit.verify_log).ok
    with pytest.raises(UnknownCallerError):
        store.write("privacy", privacy.export, CALLER)
    with pytest.raises(UnknownDecisionError):
        store.write("router", decisions.record_outcome, "late", exported["decisions"][0]["decision_id"], Outcome(csat_5=1.0))


def test_erasing_nobody_gives_a_receipt_of_nothing(store: BlockingStore) -> None:
    receipt = store.write("privacy", privacy.erase, "never seen")
    assert set(receipt.rows.values()) == {0}
    assert "caller_id" not in repr(receipt)


def files_with(folder: Path, needles: list[str]) -> dict[str, list[str]]:
    """Return which needles (as text, or as bytes where they are hexadecimal) are in which files below a folder."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            hits = [n for n in needles if n.encode() in content]
            if hits:
                found[path.name] = hits
    return found


@pytest.mark.parametrize("deep", [False, True])
def test_erasure_leaves_nothing_in_sqlite_files(tmp_path: Path, spool: Spool, deep: bool) -> None:
    """Among enough other callers that pages split and merge."""
    with BlockingStore(f"sqlite:///{tmp_path}/simpatico.db", RING, clock=lambda: NOW_S) as store:
        for i in range(12):
            fill(store, f"before-{i}", f"b{i}")
        ids = fill(store, CALLER, "mine-alone", 8)
        for i in range(12):
            fill(store, f"after-{i}", f"a{i}")
        needles = traces(store, CALLER, "mine-alone", ids)
        spool.add_outcome("mine-alone-late", ids[0], Outcome(csat_5=2.0), None, NOW_S)
        caller_id = store.read(callers.lookup, CALLER).caller_id
        assert caller_id
        spooled = a_decision("mine-alone-spooled")
        spool.add_decision(caller_id, spooled, NOW_S)
        assert files_with(tmp_path, needles), "the search itself works"
        erasure = store.run(operations.erase_caller(store.store, spool, "privacy", CALLER, deep=deep))
        assert erasure.scrubbed
        assert erasure.spooled == 2
        assert files_with(tmp_path, needles) == {}
        assert store.read(lambda work: work.connection.execute(text("PRAGMA integrity_check")).scalar_one()) == "ok"
    spool.close()
    assert files_with(tmp_path, needles) == {}


def test_erasure_leaves_nothing_in_postgresql(cluster: Cluster, spool: Spool) -> None:
    """In a dump at once, and in the tables' files after they were written anew; its write-ahead log is not ours to clean."""
    url = cluster.make("erasure")
    with BlockingStore(url, RING) as store:
        for i in range(5):
            fill(store, f"before-{i}", f"b{i}")
        ids = fill(store, CALLER, "mine-alone", 4)
        needles = traces(store, CALLER, "mine-alone", ids)
        assert all(n in cluster.dump("erasure") for n in needles[1:])
        store.write("privacy", privacy.erase, CALLER)
        dumped = cluster.dump("erasure")
        assert "before-0" not in dumped, "keys are never in it"
        assert "b0-call-0" in dumped
        assert [n for n in needles if n in dumped] == []
        assert store.run(operations.erase_caller(store.store, spool, "privacy", CALLER, deep=True)).scrubbed
        oid = store.read(lambda work: work.connection.execute(text("SELECT oid FROM pg_database WHERE datname = 'erasure'")).scalar_one())
        assert files_with(cluster.data / "base" / str(oid), needles) == {}


def test_withdrawal_in_the_middle_of_a_call_leaves_nothing_of_it(store: BlockingStore, spool: Spool) -> None:
    store.write("router", callers.grant, CALLER, "n")
    caller_id = store.read(callers.lookup, CALLER).caller_id
    assert caller_id
    made = a_decision("call-now")
    store.write("router", decisions.log, caller_id, [made])
    erasure = store.run(operations.withdraw_caller(store.store, spool, "router", CALLER))
    assert erasure.receipt.rows["decisions"] == 1
    # What the call still brings: its end, a second ranking, a report.
    assert store.write("router", calls.keep, CALLER, a_call("call-now"), known_as=caller_id) is NotKept.WITHDRAWN
    assert store.write("router", calls.keep, CALLER, a_call("call-now")) is NotKept.NO_CONSENT
    assert store.write("router", decisions.log, caller_id, [a_decision("call-now")]) == 0
    with pytest.raises(UnknownDecisionError):
        store.write("router", decisions.record_outcome, "r", made.decision_id, Outcome(resolved=True))
    assert set(store.read(sizes)) == {"audit", "audit_head", "counters"}
    assert store.read(callers.lookup, CALLER).consent is Consent.UNKNOWN
    # Saying yes again later starts from nothing.
    assert store.write("router", callers.grant, CALLER, "n").calls == 0


def test_an_objection_keeps_itself_and_nothing_else(store: BlockingStore, spool: Spool) -> None:
    fill(store, CALLER, "mine")
    erasure = store.run(operations.object_caller(store.store, spool, "privacy", CALLER))
    assert erasure.receipt.rows == {"outcomes": 3, "decisions": 3, "training": 3, "calls": 3, "profiles": 1, "callers": 0}
    profile = store.read(callers.lookup, CALLER)
    assert (profile.consent, profile.belief, profile.calls, profile.notice_id) == (Consent.OBJECTED, None, 0, None)
    assert store.write("router", calls.keep, CALLER, a_call("later")) is NotKept.OBJECTED
    assert store.write("router", calls.keep, CALLER, a_call("later"), known_as="who they were") is NotKept.OBJECTED
    assert store.write("router", decisions.log, profile.caller_id, [a_decision()]) == 0
    assert set(store.read(sizes)) == {"audit", "audit_head", "callers", "counters"}
    again = store.write("privacy", privacy.object_to, CALLER)
    assert set(again.rows.values()) == {0}
    # Withdrawing a consent that is not there does not undo the objection; erasing on the caller's own request does.
    store.write("router", privacy.withdraw, CALLER)
    assert store.read(callers.lookup, CALLER).consent is Consent.OBJECTED
    store.write("privacy", privacy.erase, CALLER)
    assert store.read(callers.lookup, CALLER).consent is Consent.UNKNOWN


def test_a_stranger_may_object(store: BlockingStore) -> None:
    store.write("privacy", privacy.object_to, CALLER)
    assert store.read(callers.lookup, CALLER).consent is Consent.OBJECTED
    assert store.read(counters.totals) == {"consent.objected": 1}


def test_after_a_rotation_erasure_still_finds_the_caller(store: BlockingStore, reopen: Callable[..., BlockingStore]) -> None:
    from tests.profiles.test_callers import NEW_RING

    fill(store, CALLER, "mine")
    rotated = reopen(NEW_RING)
    assert rotated.write("privacy", privacy.erase, CALLER).rows["calls"] == 3
    assert "callers" not in rotated.read(sizes)
