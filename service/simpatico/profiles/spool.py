"""Outcomes, decisions and calls on disk while the database is away, and back into it without loss or doubling.

The rules:

1. What was accepted is on the disk when `add_outcome`, `add_decision` or `add_call` returns, and survives a kill at any moment: the spool
   is a small SQLite file of its own (full sync), beside the process and not beside the database.
2. First in, first out; and while anything of a decision waits, what comes later of it waits behind, so that an outcome never overtakes its
   decision nor a report an earlier one. What belongs to another decision goes to the database itself, which knows whether it holds that:
   a report is never acknowledged for a decision that is nowhere, unless the database is away and cannot be asked.
3. Every item has an id, and applying one twice is applying it once. An item leaves the spool only after the database has committed it;
   a crash in between replays it, and nothing doubles.
4. What the database refuses (an outcome of a decision that it does not hold) is put aside and tried again at each replay for a week,
   because the decision may be in another machine's spool. Then it is dropped, and counted.
5. No caller key is ever in a spool; an erasure reaches it (`forget`), and so does a call that is detached (`forget_call`).
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simpatico.errors import DatabaseAwayError, LimitError, RequestConflictError
from simpatico.profiles.decision_codec import pack_outcome, unpack_block, unpack_ranking, unpack_request
from simpatico.profiles.decision_rows import Prepared, from_bytes, prepare, to_bytes
from simpatico.profiles.record_codec import pack_record
from simpatico.profiles.records import CallRecord, checked_text
from simpatico.profiles.schema import canonical_json
from simpatico.routing.types import Decision, Outcome

__all__ = ["KEEP_ASIDE_S", "MAX_ITEMS", "Item", "Spool", "unpack_decision"]

MAX_ITEMS = 1_000_000
"""Items that may wait: an hour of outage at 200 rankings and outcomes a second, and some."""
KEEP_ASIDE_S = 7 * 86_400.0
"""How long an item that the database refuses is tried again."""
BUSY_S = 5.0
_TABLE = """
CREATE TABLE IF NOT EXISTS items (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, id TEXT NOT NULL, caller_id TEXT, decision_id TEXT NOT NULL,
    body TEXT NOT NULL, at_s REAL NOT NULL, aside INTEGER NOT NULL DEFAULT 0, UNIQUE (kind, id))
"""


@dataclass(frozen=True, slots=True)
class Item:
    """Something that waits: ``kind`` is "outcome", "decision" or "call" (without a ``decision_id``), ``body`` its canonical JSON (of a
    decision the bytes of `decision_rows`; canonical JSON in builds before), ``at_s`` when it was spooled, ``aside`` 1 when the database
    refused it."""

    seq: int
    kind: str
    id: str
    caller_id: str | None
    decision_id: str
    body: str | bytes
    at_s: float
    aside: int


class Spool:
    """The file. Safe to use from several threads, and from several processes at once.

    Parameters
    ----------
    path
        Of the file; it is made when needed, with its folder, readable by its owner only.

    Raises
    ------
    DatabaseAwayError
        From every method, when the disk refuses.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    @property
    def path(self) -> Path:
        """Of the file."""
        return self._path

    def add_outcome(self, request_id: str, decision_id: str, outcome: Outcome, taken: str | None, at_s: float) -> None:
        """Keep a report of an outcome.

        Raises
        ------
        RequestConflictError
            When the id waits already with other content.
        LimitError
            When a million items wait.
        """
        checked_text(request_id, "request_id")
        checked_text(decision_id, "decision_id", longest=33)
        body = canonical_json({"outcome": pack_outcome(outcome), "taken": taken})
        self._add("outcome", request_id, None, decision_id, body, at_s)

    def add_decision(self, caller_id: str, decision: Decision | Prepared, at_s: float) -> None:
        """Keep a decision for a caller known to have agreed; raises as `add_outcome`, and as `decision_rows.prepare`."""
        self._add(*_decision_values(caller_id, decision, at_s))

    def add_decisions(self, items: Iterable[tuple[str, Decision | Prepared]], at_s: float) -> int:
        """Keep decisions, each with the id of its caller, all or none; returns how many did not wait here already.

        Raises
        ------
        LimitError
            When a million items wait.
        RequestError, UnknownDecisionError
            As `decision_rows.prepare`.
        """
        rows = [_decision_values(caller_id, decision, at_s) for caller_id, decision in items]
        if not rows:
            return 0
        with _Transaction(self) as db:
            new = [
                row for row in rows if db.execute("SELECT 1 FROM items WHERE kind = 'decision' AND id = ?", (row[1],)).fetchone() is None
            ]
            for row in new:
                _insert(db, *row)
        return len(new)

    def add_call(self, caller_id: str, record: CallRecord, at_s: float) -> None:
        """Keep a call of a caller known to have agreed; raises as `add_outcome`."""
        self._add("call", record.call_id, caller_id, "", canonical_json(pack_record(record)), at_s)

    def _add(self, kind: str, item_id: str, caller_id: str | None, decision_id: str, body: str | bytes, at_s: float) -> None:
        with _Transaction(self) as db:
            _insert(db, kind, item_id, caller_id, decision_id, body, at_s)

    def waiting(self) -> int:
        """Return how many items wait, those put aside left out."""
        with _Transaction(self) as db:
            return int(db.execute("SELECT count(*) FROM items WHERE aside = 0").fetchone()[0])

    def holds(self, decision_id: str) -> bool:
        """Return whether a decision, or a report of its outcome, waits here, put aside or not."""
        with _Transaction(self) as db:
            return db.execute("SELECT 1 FROM items WHERE decision_id = ? LIMIT 1", (decision_id,)).fetchone() is not None

    def has(self, seq: int) -> bool:
        """Return whether an item is still here. Waits for no other process."""
        with self._lock:
            return self._run(lambda db: db.execute("SELECT 1 FROM items WHERE seq = ?", (seq,)).fetchone()) is not None

    def items(self, *, aside: bool = False, after: int = 0, limit: int = 500) -> list[Item]:
        """Return what waits (or what was put aside), first in first."""
        columns = "seq, kind, id, caller_id, decision_id, body, at_s, aside"
        wanted = f"SELECT {columns} FROM items WHERE aside = ? AND seq > ? ORDER BY seq LIMIT ?"
        with _Transaction(self) as db:
            return [Item(*row) for row in db.execute(wanted, (int(aside), after, limit))]

    def remove(self, seqs: Sequence[int]) -> None:
        """Take out items that the database has committed."""
        with _Transaction(self) as db:
            db.executemany("DELETE FROM items WHERE seq = ?", [(seq,) for seq in seqs])

    def put_aside(self, seq: int) -> None:
        """Let the items behind it pass."""
        with _Transaction(self) as db:
            db.execute("UPDATE items SET aside = 1 WHERE seq = ?", (seq,))

    def expire(self, now_s: float) -> int:
        """Drop what was put aside too long ago; returns how many. With a clock that went backwards, none."""
        with _Transaction(self) as db:
            return db.execute("DELETE FROM items WHERE aside = 1 AND at_s < ?", (now_s - KEEP_ASIDE_S,)).rowcount

    def forget(self, caller_id: str | None, decision_ids: Iterable[str]) -> int:
        """Take out everything of a caller, and empty the write-ahead log; returns how many items went."""
        with _Transaction(self) as db:
            ids, gone = set(decision_ids), 0
            if caller_id is not None:
                ids |= {
                    row[0] for row in db.execute("SELECT decision_id FROM items WHERE caller_id = ? AND kind = 'decision'", (caller_id,))
                }
                gone = db.execute("DELETE FROM items WHERE caller_id = ?", (caller_id,)).rowcount
            gone += _delete_of(db, ids)
        self._truncate()
        return gone

    def forget_call(self, caller_id: str, call_id: str, decision_ids: Iterable[str]) -> int:
        """Take out everything of one call of a caller, and of these decisions, and empty the write-ahead log; returns how many items
        went."""
        with _Transaction(self) as db:
            waiting = db.execute("SELECT decision_id, body FROM items WHERE caller_id = ? AND kind = 'decision'", (caller_id,))
            ids = {*decision_ids, *(decision_id for decision_id, body in waiting if unpack_decision(decision_id, body).call_id == call_id)}
            gone = db.execute("DELETE FROM items WHERE caller_id = ? AND kind = 'call' AND id = ?", (caller_id, call_id)).rowcount
            gone += _delete_of(db, ids)
        self._truncate()
        return gone

    def _truncate(self) -> None:
        with self._lock:
            self._run(lambda db: db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone())

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _run(self, action: Any) -> Any:
        try:
            if self._connection is None:
                self._connection = self._open()
            return action(self._connection)
        except (sqlite3.Error, OSError) as error:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            raise DatabaseAwayError(f"the spool {str(self._path)!r} cannot be used ({error}); is the disk full or read-only?") from error

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        db = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        self._path.chmod(0o600)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
            db.execute(f"PRAGMA {pragma}")
        db.execute(_TABLE)
        db.execute("CREATE INDEX IF NOT EXISTS items_of_decision ON items (decision_id)")
        return db


def _decision_values(caller_id: str, decision: Decision | Prepared, at_s: float) -> tuple[str, str, str, str, bytes, float]:
    made = prepare(decision) if isinstance(decision, Decision) else decision
    return ("decision", made.decision_id, caller_id, made.decision_id, b"".join(to_bytes(made)), at_s)


def unpack_decision(decision_id: str, body: str | bytes) -> Decision:
    """Return the decision that waits as this `Item.body`."""
    if isinstance(body, bytes):
        return from_bytes(body)
    held = json.loads(body)  # spooled by a build before
    request = unpack_request(held["queue"], held["request"])
    ranking = unpack_ranking(held["policy_version"], held["neutral_reason"], held["ranking"])
    return Decision(decision_id, held["call_id"], held["at_s"], request, ranking, unpack_block(held["block"]))


def _insert(
    db: sqlite3.Connection, kind: str, item_id: str, caller_id: str | None, decision_id: str, body: str | bytes, at_s: float
) -> None:
    held = db.execute("SELECT body, decision_id FROM items WHERE kind = ? AND id = ?", (kind, item_id)).fetchone()
    if held is not None:
        if held != (body, decision_id):
            raise RequestConflictError(f"{kind} {item_id[:40]!r} waits with other content; use a new id", field="request_id")
        return
    if db.execute("SELECT count(*) FROM items").fetchone()[0] >= MAX_ITEMS:
        raise LimitError(f"{MAX_ITEMS} items wait for the database; no more are taken", retry_after_s=60.0)
    values = (kind, item_id, caller_id, decision_id, body, at_s)
    db.execute("INSERT INTO items (kind, id, caller_id, decision_id, body, at_s) VALUES (?, ?, ?, ?, ?, ?)", values)


def _delete_of(db: sqlite3.Connection, decision_ids: Iterable[str]) -> int:
    """Delete decisions and the reports of their outcomes; returns how many items went."""
    return sum(db.execute("DELETE FROM items WHERE decision_id = ?", (decision_id,)).rowcount for decision_id in sorted(decision_ids))


class _Transaction:
    """One transaction on a spool, as a context manager."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def __enter__(self) -> sqlite3.Connection:
        self._spool._lock.acquire()
        try:
            db: sqlite3.Connection = self._spool._run(lambda db: (db.execute("BEGIN IMMEDIATE"), db)[1])
        except BaseException:
            self._spool._lock.release()
            raise
        return db

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        try:
            if isinstance(error, sqlite3.Error):
                self._spool._run(_raiser(error))
            self._spool._run(lambda db: db.execute("ROLLBACK" if kind is not None else "COMMIT"))
        finally:
            self._spool._lock.release()


def _raiser(error: sqlite3.Error) -> Any:
    def fail(_db: sqlite3.Connection) -> None:
        raise error

    return fail
