"""The audit log's hash chain: how an entry is written down, linked and sealed, and how a log is checked. Pure; knows no SQL.

The rules:

1. Entry ``n`` has ``hash[n] = SHA-256(hash[n-1] || canonical(entry n))`` with digests in hexadecimal and ``hash[0]`` 64 zeros, so an
entry that was changed,
   dropped or moved breaks the chain at its place. ``seq`` counts 1, 2, 3 without gaps.
2. ``seal[n] = HMAC(audit key, hash[n])``. Who can write to the database but does not hold the deployment's secret cannot make a seal, so
   a chain that was recomputed from some entry on is found too. An entry sealed with a secret that is no longer held is still checked by
   its hash; the report counts such entries.
3. A chain cannot show that entries are missing at its *end*: every beginning of it is a valid chain. Therefore the head (last ``seq`` and
   hash, sealed) is kept apart, in a row of its own, and again *outside the database* as an anchor. Restoring an older state of the whole
   database, head included, is found by the newest anchor, provided that whoever did it could not also reach the anchor. Entries younger
   than the newest anchor are protected by rules 1 and 2 only.
4. An entry holds no personal content: who did what to what, by ids that mean nothing outside the deployment, and counts.

References
----------
Schneier, B. & Kelsey, J. (1999). Secure audit logs to support computer forensics. ACM TISSEC 2(2), 159-176. Crosby, S. A. & Wallach, D. S.
(2009). Efficient data structures for tamper-evident logging. USENIX Security 18 (truncation, and why heads must be kept elsewhere).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from simpatico.profiles.keys import KeyRing

__all__ = ["GENESIS", "Entry", "Fault", "FaultKind", "Head", "Report", "Sealed", "link", "parse_anchors", "verify"]

GENESIS = "0" * 64
"""What stands before the first entry."""
MAX_FAULTS = 100
"""Faults that a report lists; a log that was tampered with in more places needs no longer list."""
_PURPOSE = "audit"
_HEAD_PURPOSE = "audit-head"


@dataclass(frozen=True, slots=True)
class Entry:
    """What happened.

    Parameters
    ----------
    seq
        1 for the first entry.
    at_ms
        Milliseconds since 1970 (UTC) by the clock of whoever wrote it. The order of entries is that of ``seq``: a clock may go backwards.
    actor
        Who did it: the name of a role or token, never a person's.
    action
        What was done, for instance ``caller.export``.
    subject
        What it was done to: an id of ours, or "".
    detail
        Counts and ids; JSON values without NaN.
    """

    seq: int
    at_ms: int
    actor: str
    action: str
    subject: str
    detail: Mapping[str, object] = field(default_factory=dict)

    def canonical(self) -> bytes:
        """Return the one way to write this entry down: JSON without spaces, keys sorted, ASCII."""
        content = [self.seq, self.at_ms, self.actor, self.action, self.subject, self.detail]
        return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode("ascii")


@dataclass(frozen=True, slots=True)
class Sealed:
    """An entry with its place in the chain: hexadecimal digests of 32 bytes, and the id of the secret behind the seal."""

    entry: Entry
    hash: str
    key_id: str
    seal: str


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain: 0 and `GENESIS` while it is empty. ``seal`` covers both."""

    seq: int
    hash: str
    key_id: str
    seal: str

    @classmethod
    def make(cls, seq: int, digest: str, ring: KeyRing) -> Head:
        """Seal a head with the active secret."""
        return cls(seq, digest, ring.active, ring.mac(_HEAD_PURPOSE, f"{seq}:{digest}".encode()).hex())

    def line(self) -> str:
        """Return the head as one line, to be kept outside the database."""
        return f"{self.seq} {self.hash} {self.key_id} {self.seal}"


class FaultKind(StrEnum):
    """What can be wrong with a log."""

    CHANGED = "changed"
    """An entry does not have the hash that follows from it and the one before."""
    MISSING = "missing"
    """Entries between two others are not there."""
    ORDER = "order"
    """An entry stood elsewhere, its number is not the next, or the head is of another log."""
    FORGED = "forged"
    """A seal was not made with the deployment's secret."""
    TRUNCATED = "truncated"
    """The log ends before the head or an anchor says."""
    REWRITTEN = "rewritten"
    """The entry at an anchor is another one than when the anchor was taken."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Where, what, and in words."""

    seq: int
    kind: FaultKind
    message: str


_FOLLOWS = Fault(0, FaultKind.ORDER, "")
"""Of an entry that is as it was, but stands behind one that is not."""


@dataclass(frozen=True, slots=True)
class Report:
    """Result of a check. ``unsealed`` entries carry seals of secrets no longer held: their hashes were checked, their seals not."""

    entries: int
    head: str
    faults: tuple[Fault, ...]
    unsealed: int
    anchors: int

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


def link(previous: str, entry: Entry, ring: KeyRing) -> Sealed:
    """Put an entry behind the one with the hash ``previous``."""
    digest = _hash(previous, entry)
    return Sealed(entry, digest, ring.active, ring.mac(_PURPOSE, digest.encode()).hex())


def _hash(previous: str, entry: Entry) -> str:
    return hashlib.sha256(previous.encode() + entry.canonical()).hexdigest()


def _sealed_with(ring: KeyRing, key_id: str, purpose: str, content: str, seal: str) -> bool:
    """Return whether this seal was made with that secret; whatever stands in the database is compared, text or not."""
    return hmac.compare_digest(ring.mac(purpose, content.encode(), key_id=key_id).hex().encode(), seal.encode())


def parse_anchors(text: str) -> list[Head]:
    """Read heads as `Head.line` wrote them, one a line; a last line that was cut off by a crash is skipped.

    Raises
    ------
    ValueError
        When another line is not a head.
    """
    lines = text.split("\n")
    heads = []
    for number, line in enumerate(lines[:-1], start=1):
        words = line.split()
        if len(words) != 4 or not words[0].isdigit() or len(words[1]) != len(GENESIS):
            raise ValueError(f"line {number} is not an anchor: expected 'seq hash key-id seal', got {line[:100]!r}")
        heads.append(Head(int(words[0]), words[1], words[2], words[3]))
    return heads


class _Checker:
    """State of one pass over a log."""

    def __init__(self, ring: KeyRing, anchors: Sequence[Head]) -> None:
        self.ring = ring
        self.anchors: dict[int, set[str]] = {}
        for anchor in anchors:
            self.anchors.setdefault(anchor.seq, set()).add(anchor.hash)
        self.seq = 0
        self.hash = GENESIS
        self.faults: list[Fault] = []
        self.broken: dict[int, tuple[Sealed, str]] = {}  # index of a fault -> the entry that does not follow, and what stands before it
        self.unsealed = 0
        self.entries = 0

    def fault(self, seq: int, kind: FaultKind, message: str) -> None:
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(Fault(seq, kind, message))

    def see(self, sealed: Sealed) -> None:
        entry = sealed.entry
        self.entries += 1
        if entry.seq > self.seq + 1:
            self.fault(entry.seq, FaultKind.MISSING, f"entries {self.seq + 1} to {entry.seq - 1} are missing")
        elif entry.seq <= self.seq:
            self.fault(entry.seq, FaultKind.ORDER, f"entry {entry.seq} stands after entry {self.seq}")
        elif _hash(self.hash, entry) != sealed.hash:
            if len(self.faults) < MAX_FAULTS:
                self.broken[len(self.faults)] = (sealed, self.hash)
            self.fault(entry.seq, FaultKind.CHANGED, f"entry {entry.seq} was changed, or does not belong here")
        self._seal(entry.seq, sealed)
        for anchored in self.anchors.get(entry.seq, ()):
            if anchored != sealed.hash:
                self.fault(entry.seq, FaultKind.REWRITTEN, f"entry {entry.seq} is another one than when its anchor was taken")
        # Going on from what is written finds every place that was tampered with, not only the first.
        self.seq, self.hash = max(self.seq, entry.seq), sealed.hash

    def _seal(self, seq: int, sealed: Sealed) -> None:
        if sealed.key_id not in self.ring.key_ids:
            self.unsealed += 1
        elif not _sealed_with(self.ring, sealed.key_id, _PURPOSE, sealed.hash, sealed.seal):
            self.fault(seq, FaultKind.FORGED, f"entry {seq} was not sealed with this deployment's secret")

    def tell_moved(self) -> None:
        """Say of entries that do not follow whether they were moved; one that only stands behind a moved one has no fault of its own."""
        places = {sealed.entry.seq: before for sealed, before in self.broken.values()}
        digests = [sealed.hash for sealed, _ in self.broken.values()]
        for index, (sealed, _) in self.broken.items():
            for seq, before in places.items():
                entry = replace(sealed.entry, seq=seq)
                if any(_hash(previous, entry) == sealed.hash for previous in (before, *digests)):
                    here = sealed.entry.seq
                    moved = Fault(here, FaultKind.ORDER, f"what stands as entry {here} was entry {seq}: entries were moved")
                    self.faults[index] = moved if seq != here else _FOLLOWS
        self.faults = [fault for fault in self.faults if fault is not _FOLLOWS]

    def end(self, head: Head) -> None:
        if head.key_id not in self.ring.key_ids:
            self.unsealed += 1
        elif not _sealed_with(self.ring, head.key_id, _HEAD_PURPOSE, f"{head.seq}:{head.hash}", head.seal):
            self.fault(head.seq, FaultKind.FORGED, "the head of the log was not sealed with this deployment's secret")
        if (head.seq, head.hash) != (self.seq, self.hash):
            kind = FaultKind.TRUNCATED if head.seq > self.seq else FaultKind.ORDER
            self.fault(self.seq, kind, f"the log ends with entry {self.seq}, its head says {head.seq}")
        last = max(self.anchors, default=0)
        if last > self.seq:
            self.fault(self.seq, FaultKind.TRUNCATED, f"the log ends with entry {self.seq}, an anchor outside the database says {last}")


def verify(entries: Iterable[Sealed], head: Head, ring: KeyRing, anchors: Sequence[Head] = ()) -> Report:
    """Check a log from its first entry to its last.

    Parameters
    ----------
    entries
        In the order of the log.
    head
        The head as kept in the database.
    ring
        The deployment's secrets.
    anchors
        Heads that were kept outside the database. Their own seals are checked as the head's is; a forged one is a fault.

    Returns
    -------
    Report
        With every fault up to a hundred, in the order of the log.
    """
    checker = _Checker(ring, anchors)
    for anchor in anchors:
        known = anchor.key_id in ring.key_ids
        if known and not _sealed_with(ring, anchor.key_id, _HEAD_PURPOSE, f"{anchor.seq}:{anchor.hash}", anchor.seal):
            checker.fault(anchor.seq, FaultKind.FORGED, f"the anchor at entry {anchor.seq} was not made with this deployment's secret")
    for sealed in entries:
        checker.see(sealed)
    checker.tell_moved()
    checker.end(head)
    return Report(checker.entries, checker.hash, tuple(checker.faults), checker.unsealed, len(anchors))
