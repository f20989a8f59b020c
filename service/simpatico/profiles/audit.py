"""The audit log in the database: appended to in the transaction of what it records, read back to be checked."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sqlalchemy import insert, select, update

from simpatico.errors import AuditError
from simpatico.profiles.chain import GENESIS, Entry, Head, Report, Sealed, link, parse_anchors, verify
from simpatico.profiles.schema import audit, audit_head
from simpatico.profiles.store import Work

__all__ = ["Happening", "append", "append_all", "entries", "head", "read_anchors", "verify_log", "write_anchor"]

BATCH = 1000
"""Rows fetched at once."""
_ONE = 1


Happening = tuple[str, str, Mapping[str, object]]
"""Action, subject and detail of an entry."""


def append(work: Work, action: str, subject: str = "", detail: Mapping[str, object] | None = None) -> int:
    """Append an entry and return its number. Call it last: it holds the log's only lock until the transaction ends.

    Parameters
    ----------
    action
        ``noun.verb``.
    subject, detail
        Ids of ours and counts; never a key, a call id, or anything a person said.
    """
    return append_all(work, [(action, subject, detail or {})])


def append_all(work: Work, happenings: Sequence[Happening]) -> int:
    """Append entries, one behind the other, and return the last one's number; as `append`, with as many statements as for one."""
    before, rows = _head_for_update(work), []
    seq, digest = before.seq, before.hash
    for action, subject, detail in happenings:
        seq += 1
        entry = Entry(seq, round(work.now_s * 1000.0), work.actor, action, subject, detail)
        sealed = link(digest, entry, work.ring)
        digest = sealed.hash
        rows.append(
            {
                "seq": seq,
                "at_ms": entry.at_ms,
                "actor": entry.actor,
                "action": action,
                "subject": subject,
                "detail": json.dumps(detail, sort_keys=True, separators=(",", ":"), allow_nan=False),
                "hash": sealed.hash,
                "key_id": sealed.key_id,
                "seal": sealed.seal,
            }
        )
    after = Head.make(seq, digest, work.ring)
    work.connection.execute(_INSERT, rows)
    work.connection.execute(_MOVE_HEAD, {"seq": after.seq, "hash": after.hash, "key_id": after.key_id, "seal": after.seal})
    return seq


_INSERT = insert(audit)
_LOCKED_HEAD = select(audit_head).where(audit_head.c.one == _ONE).with_for_update()
_MOVE_HEAD = update(audit_head).where(audit_head.c.one == _ONE)


def _head_for_update(work: Work) -> Head:
    found = work.connection.execute(_LOCKED_HEAD).one_or_none()
    if found is not None:
        return Head(found.seq, found.hash, found.key_id, found.seal)
    start = Head.make(0, GENESIS, work.ring)
    work.connection.execute(insert(audit_head).values(one=_ONE, seq=0, hash=GENESIS, key_id=start.key_id, seal=start.seal))
    return start


def head(work: Work) -> Head:
    """Return where the log ends. When its row is gone, an unsigned empty head, which the check of any log reports."""
    found = work.connection.execute(select(audit_head).where(audit_head.c.one == _ONE)).one_or_none()
    if found is not None:
        return Head(found.seq, found.hash, found.key_id, found.seal)
    return Head.make(0, GENESIS, work.ring)


def entries(work: Work, *, after: int = 0) -> Iterator[Sealed]:
    """Yield the log's entries in order, from the one behind ``after``."""
    while True:
        rows = work.connection.execute(select(audit).where(audit.c.seq > after).order_by(audit.c.seq).limit(BATCH)).all()
        for row in rows:
            yield Sealed(Entry(row.seq, row.at_ms, row.actor, row.action, row.subject, _detail(row.detail)), row.hash, row.key_id, row.seal)
        if len(rows) < BATCH:
            return
        after = rows[-1].seq


def _detail(text: str) -> dict[str, object]:
    """Read a detail; what is no JSON object was tampered with, and must only not be mistaken for what was there."""
    try:
        value = json.loads(text)
    except ValueError:
        return {"unreadable": text}
    # Another spelling of the same value is a change too.
    spelled = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return value if isinstance(value, dict) and spelled == text else {"unreadable": text}


def verify_log(work: Work, anchors: list[Head] | None = None) -> Report:
    """Check the whole log against its head and against anchors from outside the database."""
    return verify(entries(work), head(work), work.ring, anchors or [])


def read_anchors(path: Path) -> list[Head]:
    """Read the anchors kept in a file; none when there is no file.

    Raises
    ------
    AuditError
        When the file is something else.
    """
    try:
        return parse_anchors(path.read_text("utf-8"))
    except FileNotFoundError:
        return []
    except (ValueError, OSError) as error:
        raise AuditError(f"the anchors in {str(path)!r} cannot be read: {error}", field="anchors") from error


def write_anchor(path: Path, latest: Head) -> None:
    """Append a head to a file of anchors, on the disk when this returns; nothing when the newest anchor is the same."""
    known = read_anchors(path)
    if known and known[-1].seq == latest.seq and known[-1].hash == latest.hash:
        return
    content = path.read_bytes() if path.exists() else b""
    whole = content.rfind(b"\n") + 1
    with path.open("ab") as file:
        # What a crash left of a line goes, or it would be read as one.
        file.truncate(whole)
        file.write(latest.line().encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
