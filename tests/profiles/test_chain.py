"""The audit log's chain: every way to tamper with it is found, where it was done."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simpatico.profiles import chain
from simpatico.profiles.chain import GENESIS, Entry, FaultKind, Head, Sealed, link, parse_anchors, verify
from simpatico.profiles.keys import KeyRing

RING = KeyRing({"k1": b"s" * 32})
OTHER = KeyRing({"k1": b"t" * 32})
Log = list[Sealed]


def make(count: int, ring: KeyRing = RING) -> tuple[Log, Head]:
    """Return a log and its head."""
    log: Log = []
    for seq in range(1, count + 1):
        # The clock goes backwards on purpose.
        entry = Entry(seq, 1_000_000 - seq, "router", "decision.made", f"d{seq}", {"agents": seq, "neutral": False})
        log.append(link(log[-1].hash if log else GENESIS, entry, ring))
    return log, Head.make(count, log[-1].hash if log else GENESIS, ring)


def kinds(log: Log, head: Head, anchors: tuple[Head, ...] = (), ring: KeyRing = RING) -> list[tuple[int, FaultKind]]:
    """Return what is found."""
    return [(fault.seq, fault.kind) for fault in verify(log, head, ring, anchors).faults]


def test_a_hash_by_hand() -> None:
    log, _ = make(2)
    first = b'[1,999999,"router","decision.made","d1",{"agents":1,"neutral":false}]'
    assert log[0].entry.canonical() == first
    assert log[0].hash == hashlib.sha256(b"0" * 64 + first).hexdigest()
    assert log[1].hash == hashlib.sha256(log[0].hash.encode() + log[1].entry.canonical()).hexdigest()


@pytest.mark.parametrize("count", [0, 1, 7])
def test_a_whole_log_is_whole(count: int) -> None:
    log, head = make(count)
    report = verify(log, head, RING, (head,))
    assert report.ok
    assert (report.entries, report.head, report.unsealed, report.anchors) == (count, head.hash, 0, 1)


CHANGES: dict[str, Callable[[Entry], Entry]] = {
    "time": lambda e: replace(e, at_ms=e.at_ms + 1),
    "actor": lambda e: replace(e, actor="admin"),
    "action": lambda e: replace(e, action="caller.read"),
    "subject": lambda e: replace(e, subject=""),
    "detail": lambda e: replace(e, detail={**e.detail, "agents": 99}),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("at", [0, 3, 6])
def test_a_changed_entry(change: Callable[[Entry], Entry], at: int) -> None:
    log, head = make(7)
    log[at] = replace(log[at], entry=change(log[at].entry))
    assert kinds(log, head) == [(at + 1, FaultKind.CHANGED)]


@given(st.integers(0, 9), st.integers(1, 9))
def test_dropped_entries(first: int, count: int) -> None:
    log, head = make(10)
    left = log[:first] + log[first + count :]
    found = kinds(left, head)
    if first + count < 10:
        assert found == [(first + count + 1, FaultKind.MISSING)]
    else:
        assert found == [(first, FaultKind.TRUNCATED)]


def test_dropped_and_renumbered() -> None:
    log, head = make(5)
    left = [*log[:2], *(replace(s, entry=replace(s.entry, seq=s.entry.seq - 1)) for s in log[3:])]
    assert (3, FaultKind.CHANGED) in kinds(left, head)


@given(st.permutations(range(6)))
def test_reordered_entries(order: list[int]) -> None:
    log, head = make(6)
    assert bool(kinds([log[i] for i in order], head)) == (order != sorted(order))


@given(st.permutations(range(1, 9)).map(lambda order: [*order, 9]), st.one_of(st.none(), st.integers(1, 9)))
def test_rows_that_changed_places_are_told_apart_from_changed_ones(order: list[int], changed: int | None) -> None:
    """Row ``order[i]`` now stands as entry i + 1, with its hash and seal, the last as it was; of one that did not move the content may be
    another."""
    log, head = make(9)
    moved = {seq for seq, was in enumerate(order, start=1) if was != seq}
    tampered = [replace(log[was - 1], entry=replace(log[was - 1].entry, seq=seq)) for seq, was in enumerate(order, start=1)]
    expected = dict.fromkeys(moved, FaultKind.ORDER)
    if changed is not None and changed not in moved:
        row = tampered[changed - 1]
        tampered[changed - 1] = replace(row, entry=replace(row.entry, subject="another"))
        expected[changed] = FaultKind.CHANGED
    assert dict(kinds(tampered, head)) == expected
    for fault in verify(tampered, head, RING).faults:
        if fault.kind is FaultKind.ORDER:
            assert fault.message == f"what stands as entry {fault.seq} was entry {order[fault.seq - 1]}: entries were moved"


@given(st.integers(0, 5), st.integers(0, 5))
def test_contents_that_were_exchanged(a: int, b: int) -> None:
    log, head = make(6)
    log[a], log[b] = (
        replace(log[b], entry=replace(log[b].entry, seq=a + 1)),
        replace(log[a], entry=replace(log[a].entry, seq=b + 1)),
    )
    assert bool(kinds(log, head)) == (a != b)


def test_a_chain_recomputed_without_the_secret_is_forged() -> None:
    log, _ = make(4)
    forged = log[:2]
    for sealed in log[2:]:
        forged.append(link(forged[-1].hash, replace(sealed.entry, actor="nobody"), OTHER))
    found = kinds(forged, Head.make(4, forged[-1].hash, OTHER))
    assert found == [(3, FaultKind.FORGED), (4, FaultKind.FORGED), (4, FaultKind.FORGED)]


def test_truncation_at_the_end_with_the_head_left() -> None:
    log, head = make(5)
    assert kinds(log[:3], head) == [(3, FaultKind.TRUNCATED)]


def test_an_older_state_of_everything_is_found_by_the_anchor_only() -> None:
    _, head = make(5)
    old_log, old_head = make(3)
    assert kinds(old_log, old_head) == []
    assert kinds(old_log, old_head, (old_head, head)) == [(3, FaultKind.TRUNCATED)]


def test_everything_after_an_anchor_may_grow() -> None:
    _, early = make(3)
    log, head = make(5)
    assert kinds(log, head, (early,)) == []


def test_a_log_rewritten_by_a_holder_of_the_secret_is_found_by_the_anchor() -> None:
    _, anchor = make(3)
    log: Log = []
    for seq in range(1, 6):
        log.append(link(log[-1].hash if log else GENESIS, Entry(seq, 0, "x", "y", "z"), RING))
    assert kinds(log, Head.make(5, log[-1].hash, RING), (anchor,)) == [(3, FaultKind.REWRITTEN)]


def test_a_forged_anchor_is_a_fault() -> None:
    log, head = make(2)
    assert kinds(log, head, (Head.make(2, log[-1].hash, OTHER),)) == [(2, FaultKind.FORGED)]


def test_seals_of_a_secret_no_longer_held_are_counted_not_trusted() -> None:
    log, head = make(3, KeyRing({"k0": b"z" * 32}))
    report = verify(log, head, RING)
    assert report.ok
    assert report.unsealed == 4
    log[1] = replace(log[1], entry=replace(log[1].entry, actor="x"))
    assert kinds(log, head) == [(2, FaultKind.CHANGED)]


def test_what_is_no_digest_is_a_fault_and_no_crash() -> None:
    log, head = make(3)
    log[1] = replace(log[1], hash="not hexadecimal, é", seal="é")
    assert {kind for _, kind in kinds(log, head)} == {FaultKind.CHANGED, FaultKind.FORGED}


def test_a_report_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chain.MAX_FAULTS <= 10_000
    monkeypatch.setattr(chain, "MAX_FAULTS", 20)
    log, head = make(60)
    broken = [replace(s, entry=replace(s.entry, actor="x")) for s in log]
    assert len(verify(broken, head, RING).faults) == 20


def test_anchors_are_read_back_and_a_torn_last_line_is_skipped() -> None:
    _, a = make(2)
    _, b = make(4)
    assert parse_anchors(f"{a.line()}\n{b.line()}\n{b.line()[:30]}") == [a, b]
    with pytest.raises(ValueError, match="line 1 is not an anchor"):
        parse_anchors("hello\n")


def test_nan_has_no_place_in_an_entry() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        link(GENESIS, Entry(1, 0, "a", "b", "c", {"x": float("nan")}), RING)
