"""The audit log in the database: whatever is done to its rows behind our back is found."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from simpatico.errors import AuditError
from simpatico.profiles import audit, callers, operations, retention
from simpatico.profiles.chain import FaultKind, Report, verify
from simpatico.profiles.keys import KeyRing
from simpatico.profiles.store import BlockingStore, Store, Work
from tests.profiles.samples import RING, Clock


def some(work: Work, count: int) -> None:
    """Append entries."""
    for i in range(count):
        audit.append(work, "thing.done", f"thing-{i}", {"n": i, "share": 0.1 * i, "ok": True})


def tamper(store: BlockingStore, *statements: str) -> list[tuple[int, FaultKind]]:
    """Do something to the rows behind our back and return what is found."""

    def do(work: Work) -> None:
        for statement in statements:
            work.connection.execute(text(statement))

    store.write("x", do)
    return [(fault.seq, fault.kind) for fault in store.read(audit.verify_log).faults]


def test_a_log_is_whole_over_many_batches(store: BlockingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "BATCH", 4)
    for count in (0, 1, 3, 5):
        store.write("x", some, count)
    report = store.read(audit.verify_log)
    assert (report.ok, report.entries, report.unsealed) == (True, 9, 0)
    assert report.head == store.read(audit.head).hash


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE audit SET actor = 'nobody' WHERE seq = 3", (3, FaultKind.CHANGED)),
        ("UPDATE audit SET subject = '' WHERE seq = 3", (3, FaultKind.CHANGED)),
        ("UPDATE audit SET at_ms = at_ms + 1 WHERE seq = 3", (3, FaultKind.CHANGED)),
        ("UPDATE audit SET detail = '{}' WHERE seq = 3", (3, FaultKind.CHANGED)),
        ("UPDATE audit SET detail = replace(detail, ',', ', ') WHERE seq = 3", (3, FaultKind.CHANGED)),
        ("UPDATE audit SET detail = 'not json' WHERE seq = 3", (3, FaultKind.CHANGED)),
        ("UPDATE audit SET seal = 'ff' WHERE seq = 3", (3, FaultKind.FORGED)),
        ("DELETE FROM audit WHERE seq = 3", (4, FaultKind.MISSING)),
        ("DELETE FROM audit WHERE seq IN (5, 6)", (4, FaultKind.TRUNCATED)),
        ("DELETE FROM audit_head", (6, FaultKind.ORDER)),
    ],
)
def test_tampering_is_found(store: BlockingStore, statement: str, expected: tuple[int, FaultKind]) -> None:
    store.write("x", some, 6)
    assert expected in tamper(store, statement)


def test_reordering_is_found(store: BlockingStore) -> None:
    store.write("x", some, 6)
    found = tamper(
        store,
        "UPDATE audit SET seq = 100 WHERE seq = 2",
        "UPDATE audit SET seq = 2 WHERE seq = 4",
        "UPDATE audit SET seq = 4 WHERE seq = 100",
    )
    assert found == [(2, FaultKind.ORDER), (4, FaultKind.ORDER)]
    assert [fault.message for fault in store.read(audit.verify_log).faults] == [
        "what stands as entry 2 was entry 4: entries were moved",
        "what stands as entry 4 was entry 2: entries were moved",
    ]


def test_neighbours_that_change_places_and_a_change_beside_them(store: BlockingStore) -> None:
    store.write("x", some, 9)
    found = tamper(
        store,
        "UPDATE audit SET seq = 100 WHERE seq = 2",
        "UPDATE audit SET seq = 2 WHERE seq = 3",
        "UPDATE audit SET seq = 3 WHERE seq = 100",
        "UPDATE audit SET actor = 'nobody' WHERE seq = 7",
    )
    assert found == [(2, FaultKind.ORDER), (3, FaultKind.ORDER), (7, FaultKind.CHANGED)]


def test_a_log_that_grows_while_it_is_read_is_intact(url: str, store: BlockingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The head, and every page, must be of one moment."""
    monkeypatch.setattr(audit, "BATCH", 2)
    store.write("x", some, 5)

    def others_write() -> None:
        with BlockingStore(url, RING) as other:
            other.write("x", some, 3)

    def check(work: Work) -> Report:
        latest = audit.head(work)
        thread = threading.Thread(target=others_write)
        thread.start()
        thread.join()
        return verify(audit.entries(work), latest, work.ring)

    found = store.read(check)
    assert (found.ok, found.entries) == (True, 5)
    assert store.read(audit.verify_log).entries == 8


def test_a_restored_older_database_is_found_by_the_anchor(store: BlockingStore, tmp_path: Path) -> None:
    anchors = tmp_path / "anchors"
    store.write("x", some, 3)
    old = store.read(audit.head)
    store.run(operations.anchor(store.store, anchors))
    store.write("x", some, 2)
    store.run(operations.anchor(store.store, anchors))
    store.run(operations.anchor(store.store, anchors))
    assert len(anchors.read_text().splitlines()) == 2
    found = tamper(
        store,
        "DELETE FROM audit WHERE seq > 3",
        f"UPDATE audit_head SET seq = {old.seq}, hash = '{old.hash}', key_id = '{old.key_id}', seal = '{old.seal}'",
    )
    assert found == []
    report = store.read(audit.verify_log, audit.read_anchors(anchors))
    assert [(f.seq, f.kind) for f in report.faults] == [(3, FaultKind.TRUNCATED)]
    assert "an anchor outside the database says 5" in report.faults[0].message


def test_an_anchor_torn_by_a_crash_does_not_hurt_the_next(store: BlockingStore, tmp_path: Path) -> None:
    anchors = tmp_path / "anchors"
    store.write("x", some, 1)
    store.run(operations.anchor(store.store, anchors))
    whole = anchors.read_bytes()
    store.write("x", some, 1)
    for cut in (1, 30, 100):
        anchors.write_bytes(whole + store.read(audit.head).line().encode()[:cut])
        assert len(audit.read_anchors(anchors)) == 1
        store.run(operations.anchor(store.store, anchors))
        assert [head.seq for head in audit.read_anchors(anchors)] == [1, 2]
    anchors.write_text("something else\n")
    with pytest.raises(AuditError, match="line 1 is not an anchor"):
        audit.read_anchors(anchors)


def test_writers_at_once_make_one_chain(url: str, store: BlockingStore) -> None:
    async def many() -> None:
        others = [Store(url, RING) for _ in range(3)]
        await asyncio.gather(*(other.write("x", some, 2) for _ in range(6) for other in others))
        for other in others:
            await other.close()

    asyncio.run(many())
    report = store.read(audit.verify_log)
    assert (report.ok, report.entries) == (True, 36)


def test_a_rotation_goes_on_with_the_chain(store: BlockingStore, reopen: Callable[..., BlockingStore]) -> None:
    store.write("x", some, 2)
    ring = KeyRing({"k2": b"test secret of the deployment, two", "k1": b"test secret of the deployment, one"})
    rotated = reopen(ring)
    rotated.write("x", some, 2)
    assert rotated.read(audit.verify_log).ok
    without_old = reopen(KeyRing({"k2": b"test secret of the deployment, two"})).read(audit.verify_log)
    assert (without_old.ok, without_old.unsealed) == (True, 2)
    with_wrong = reopen(KeyRing({"k2": b"test secret of the deployment, two", "k1": b"some other secret than it was before"}))
    assert {f.kind for f in with_wrong.read(audit.verify_log).faults} == {FaultKind.FORGED}


def test_a_clock_that_goes_backwards_is_no_fault(store: BlockingStore, clock: Clock) -> None:
    store.write("x", some, 1)
    clock.now_s -= 1e8
    store.write("x", callers.grant, "someone")
    assert store.read(audit.verify_log).ok


def test_purging_leaves_the_log_alone(store: BlockingStore, clock: Clock) -> None:
    store.write("x", some, 3)
    clock.now_s += 1e9
    store.write("x", retention.purge, retention.Retention())
    assert store.read(audit.verify_log).entries == 4
