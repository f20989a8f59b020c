"""Callers: who they are (a pseudonym under HMAC), what they agreed to, what is known when they call."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Row, func, insert, select, tuple_, update

from simpatico.errors import ConsentError, UnknownCallerError
from simpatico.profiles import audit, counters
from simpatico.profiles.fusion import AxisProfile
from simpatico.profiles.habits import Habits, population
from simpatico.profiles.records import CallerProfile, Consent, checked_text
from simpatico.profiles.schema import callers, profiles
from simpatico.profiles.store import Work

__all__ = ["everyone", "find", "grant", "held_under", "known", "lock", "lookup", "read_profile", "rekey", "require", "said"]

EVERYONE_CALLERS = 2000
"""Callers whose habits make up the deployment's."""
PAGE = 500
"""Callers asked for at once."""


def new_id() -> str:
    """Return 32 random hexadecimal digits."""
    return secrets.token_hex(16)


def find(work: Work, caller_key: str, *, lock: bool = False) -> Row[Any] | None:
    """Return the caller's row, whichever of the held secrets it was made with; ``lock`` keeps others from changing it meanwhile.

    Raises
    ------
    RequestError
        When the key is empty, too long or not text.
    """
    wanted = select(callers).where(_is(work, caller_key))
    return _best(work, work.connection.execute(wanted.with_for_update() if lock else wanted).all())


def _is(work: Work, caller_key: str) -> ColumnElement[bool]:
    pairs = [(ref.digest, ref.key_id) for ref in work.ring.refs(caller_key)]
    return tuple_(callers.c.key_digest, callers.c.key_id).in_(pairs)


def _best(work: Work, rows: Sequence[Row[Any]]) -> Row[Any] | None:
    # Two rows of one caller cannot be made by `grant`; were there two, the one under the active secret counts.
    return min(rows, key=lambda row: work.ring.key_ids.index(row.key_id), default=None)


def require(work: Work, caller_key: str, *, lock: bool = False) -> Row[Any]:
    """Return the caller's row, as `find` does.

    Raises
    ------
    UnknownCallerError
        When there is none.
    """
    row = find(work, caller_key, lock=lock)
    if row is None:
        raise UnknownCallerError("nothing is held of this caller", field="caller_key")
    return row


def lock(work: Work, caller_id: str) -> None:
    """Keep others from changing what is held of a caller until this transaction ends."""
    work.connection.execute(select(callers.c.caller_id).where(callers.c.caller_id == caller_id).with_for_update())


def grant(work: Work, caller_key: str, notice_id: str | None = None) -> CallerProfile:
    """Record that the caller agreed, on being given that notice. Repeating it only changes the notice.

    Raises
    ------
    ConsentError
        When the caller has objected: an objection ends by erasure, on the caller's own request, and not by the next call's form.
    """
    if notice_id is not None:
        checked_text(notice_id, "notice_id")
    row = find(work, caller_key)
    if row is not None and row.consent == Consent.OBJECTED:
        raise ConsentError("this caller has objected; only the caller's own request to erase that ends it", field="consent")
    values = {"consent": Consent.GRANTED, "notice_id": notice_id, "consent_at_s": work.now_s, "seen_at_s": work.now_s}
    if row is not None and row.notice_id == notice_id:
        _rekey(work, row, caller_key)
    elif row is not None:
        work.connection.execute(update(callers).where(callers.c.caller_id == row.caller_id).values(values))
        _rekey(work, row, caller_key)
        audit.append(work, "consent.granted", row.audit_ref, {"again": True})
    else:
        insert_caller(work, caller_key, values)
    return lookup(work, caller_key)


def insert_caller(work: Work, caller_key: str, values: Mapping[str, object]) -> str:
    """Insert a caller under the active secret, with an entry in the log; returns the caller's id."""
    ref = work.ring.refs(caller_key)[0]
    caller_id, audit_ref = new_id(), new_id()
    work.connection.execute(
        insert(callers).values(caller_id=caller_id, key_id=ref.key_id, key_digest=ref.digest, audit_ref=audit_ref, **values)
    )
    audit.append(work, f"consent.{values['consent']}", audit_ref, {"again": False})
    return caller_id


def _rekey(work: Work, row: Row[Any], caller_key: str) -> bool:
    """Move a row that an older secret made to the active one, while the pseudonym is at hand."""
    if row.key_id == work.ring.active:
        return False
    ref = work.ring.refs(caller_key)[0]
    moved = update(callers).where(callers.c.caller_id == row.caller_id).values(key_id=ref.key_id, key_digest=ref.digest)
    work.connection.execute(moved)
    counters.count(work, "callers.rekeyed")
    return True


def rekey(work: Work, caller_keys: Iterable[str]) -> int:
    """Move all of these callers to the active secret, after a rotation that cannot wait until they call; returns how many moved."""
    moved = 0
    for caller_key in caller_keys:
        row = find(work, caller_key)
        moved += row is not None and _rekey(work, row, caller_key)
    audit.append(work, "callers.rekeyed", "", {"moved": moved, "to": work.ring.active})
    return moved


def held_under(work: Work) -> dict[str, int]:
    """Return how many callers stand under each key id: a secret that none stands under can be dropped."""
    rows = work.connection.execute(select(callers.c.key_id, func.count()).group_by(callers.c.key_id))
    return {row[0]: row[1] for row in rows}


def touch(work: Work, row: Row[Any], caller_key: str | None) -> None:
    """Note that a caller called, for retention, and re-key if the pseudonym is at hand."""
    if caller_key is not None:
        _rekey(work, row, caller_key)
    work.connection.execute(update(callers).where(callers.c.caller_id == row.caller_id).values(seen_at_s=max(work.now_s, row.seen_at_s)))


def lookup(work: Work, caller_key: str) -> CallerProfile:
    """Return what is known of a caller, for the service's own use during a call; a stranger's is empty. One query, and writes nothing."""
    held = (profiles.c.model, profiles.c.style, profiles.c.habits, profiles.c.calls)
    joined = select(callers, *held).outerjoin(profiles, profiles.c.caller_id == callers.c.caller_id)
    rows = work.connection.execute(joined.where(_is(work, caller_key))).all()
    row = _best(work, rows)
    return CallerProfile() if row is None else _profile(row)


def known(work: Work, caller_id: str) -> CallerProfile:
    """Return what is known of a caller by our own id, as `lookup` does; empty when the row is gone."""
    held = (profiles.c.model, profiles.c.style, profiles.c.habits, profiles.c.calls)
    joined = select(callers, *held).outerjoin(profiles, profiles.c.caller_id == callers.c.caller_id)
    row = work.connection.execute(joined.where(callers.c.caller_id == caller_id)).one_or_none()
    return CallerProfile() if row is None else _profile(row)


def said(work: Work, caller_ids: Collection[str]) -> dict[str, Consent]:
    """Return what callers have said, by our own ids; those whose row is gone are left out."""
    found: dict[str, Consent] = {}
    ids = sorted(caller_ids)
    for start in range(0, len(ids), PAGE):
        wanted = select(callers.c.caller_id, callers.c.consent).where(callers.c.caller_id.in_(ids[start : start + PAGE]))
        found.update((row.caller_id, Consent(row.consent)) for row in work.connection.execute(wanted))
    return found


def read_profile(work: Work, caller_key: str) -> CallerProfile:
    """Return what is known of a caller, for a person; that it was read is in the audit log.

    Raises
    ------
    UnknownCallerError
        When nothing is held.
    """
    require(work, caller_key)
    profile = lookup(work, caller_key)
    audit.append(work, "profile.read", profile.audit_ref, {"calls": profile.calls})
    return profile


def _profile(row: Row[Any]) -> CallerProfile:
    """Return the profile in a row of callers joined with profiles."""
    bare = CallerProfile(Consent(row.consent), row.caller_id, row.audit_ref, row.notice_id)
    if row.model is None or bare.consent is not Consent.GRANTED:
        return bare
    axes = {name: AxisProfile(*values) for name, values in row.style.items()}
    return replace(bare, calls=row.calls, model=row.model, axes=axes, habits=unpack_habits(row.habits))


def pack_habits(habits: Habits) -> dict[str, Any]:
    """Return habits as JSON values."""
    return {
        "reasons": dict(habits.reasons),
        "moves": [[a, b, n] for (a, b), n in sorted(habits.moves.items())],
        "times": [[slot, value, reason, n] for (slot, value, reason), n in sorted(habits.times.items())],
        "last": habits.last,
    }


def unpack_habits(packed: Mapping[str, Any]) -> Habits:
    """Return what `pack_habits` packed."""
    return Habits(
        dict(packed["reasons"]),
        {(a, b): n for a, b, n in packed["moves"]},
        {(slot, value, reason): n for slot, value, reason, n in packed["times"]},
        packed["last"],
    )


def everyone(work: Work) -> Habits:
    """Return the habits of the deployment: those of up to 2,000 callers who called last, added up. For the service to keep a while."""
    newest = (
        select(profiles.c.habits)
        .join(callers, callers.c.caller_id == profiles.c.caller_id)
        .where(callers.c.consent == Consent.GRANTED)
        .order_by(callers.c.seen_at_s.desc())
        .limit(EVERYONE_CALLERS)
    )
    return population(unpack_habits(row.habits) for row in work.connection.execute(newest))
