"""The tables. What is in the database is here, and the migrations in `migrations/` lead to it (a test compares).

Conventions: times are seconds since 1970 (UTC), double precision, named ``*_at_s``; ids are the deployment's strings or random hexadecimal
ones of ours; JSON is text in one canonical form. Everything personal hangs on ``callers.caller_id`` by foreign keys that cascade, so that
deleting one row reaches all of it; `PERSONAL` names those tables. The pseudonymous key itself stands in ``callers`` only.
"""

from __future__ import annotations

import json
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

__all__ = [
    "PERSONAL",
    "Canonical",
    "Json",
    "agent_comments",
    "agents",
    "audit",
    "audit_head",
    "callers",
    "calls",
    "canonical_json",
    "counters",
    "decisions",
    "experiments",
    "metadata",
    "outcomes",
    "profiles",
    "training",
]

ID = String(256)
"""Ids that the deployment gives; as long as routing admits."""
OWN_ID = String(33)
"""Random ids of ours: up to 33 characters."""
DIGEST = String(64)
KEY_ID = String(32)


def canonical_json(value: object) -> str:
    """Return the one way to write a value down: sorted keys, no spaces.

    Raises
    ------
    ValueError
        When a number is NaN or infinite.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


class Canonical(str):
    """Canonical JSON that was written down already; a column of `Json` takes it as it is."""

    __slots__ = ()

    @classmethod
    def of_figures(cls, value: object) -> Canonical:
        """Write a value down in a tenth of the time: keys are sorted, there are no spaces; numbers read as the same, but may be written
        otherwise than by `canonical_json`. NaN and infinities, which would become null, are for the caller to refuse."""
        return cls(orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY).decode())


class Json(TypeDecorator[Any]):
    """JSON in canonical text, the same in both databases."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Write."""
        return value if value is None or isinstance(value, Canonical) else canonical_json(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002
        """Read."""
        return None if value is None else json.loads(value)


Serial = BigInteger().with_variant(Integer, "sqlite")
"""Counts up; SQLite only counts up in columns of exactly this type."""

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)


def _caller(*, primary_key: bool = False) -> Column[str]:
    key = ForeignKey("callers.caller_id", ondelete="CASCADE")
    return Column("caller_id", OWN_ID, key, nullable=False, primary_key=primary_key, index=not primary_key)


callers = Table(
    "callers",
    metadata,
    Column("caller_id", OWN_ID, primary_key=True),
    Column("key_id", KEY_ID, nullable=False),
    Column("key_digest", DIGEST, nullable=False),
    Column("audit_ref", OWN_ID, nullable=False),
    Column("consent", String(16), nullable=False),
    Column("notice_id", ID),
    Column("consent_at_s", Double, nullable=False),
    Column("seen_at_s", Double, nullable=False),
    UniqueConstraint("key_digest", "key_id"),
)
"""Who has said yes or no. Nobody else has a row."""

profiles = Table(
    "profiles",
    metadata,
    _caller(primary_key=True),
    Column("model", ID, nullable=False),
    Column("style", Json, nullable=False),
    Column("habits", Json, nullable=False),
    Column("calls", Integer, nullable=False),
)
"""What the calls add up to. A copy: always equal to what `calls` gives."""

calls = Table(
    "calls",
    metadata,
    Column("call_seq", Serial, primary_key=True),
    _caller(),
    Column("call_id", ID, nullable=False, unique=True),
    Column("started_at_s", Double, nullable=False),
    Column("weekday", Integer, nullable=False),
    Column("hour", Integer, nullable=False),
    Column("reason", ID, nullable=False),
    Column("notice_id", ID),
    Column("duration_s", Double, nullable=False),
    Column("speech_s", Double, nullable=False),
    Column("model", ID, nullable=False),
    Column("style", Json, nullable=False),
    Column("figures", Json, nullable=False),
    Column("kept_at_s", Double, nullable=False, index=True),
    sqlite_autoincrement=True,
)
"""Per-call aggregates of the caller; no figure of the pair, nothing of the agent."""

agents = Table(
    "agents",
    metadata,
    Column("agent_id", ID, primary_key=True),
    Column("skills", Json, nullable=False),
    Column("languages", Json, nullable=False),
    Column("capacity", Integer, nullable=False),
    Column("updated_at_s", Double, nullable=False),
)
"""As declared; never a personality."""

agent_comments = Table(
    "agent_comments",
    metadata,
    Column("comment_seq", Serial, primary_key=True),
    Column("agent_id", ID, ForeignKey("agents.agent_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("author", String(16), nullable=False),
    Column("text", Text, nullable=False),
    Column("at_s", Double, nullable=False),
    sqlite_autoincrement=True,
)
"""What an agent, or their supervisor, says to what is held on them."""

decisions = Table(
    "decisions",
    metadata,
    Column("decision_id", OWN_ID, primary_key=True),
    _caller(),
    Column("call_id", ID, nullable=False, index=True),
    Column("at_s", Double, nullable=False, index=True),
    Column("queue", ID, nullable=False, index=True),
    Column("policy_version", ID, nullable=False),
    Column("neutral_reason", String(64)),
    Column("experiment_id", ID, index=True),
    Column("block", Integer),
    Column("arm", String(8)),
    Column("washout", Boolean),
    Column("ranked", Boolean),
    Column("request", Json, nullable=False),
    Column("ranking", Json, nullable=False),
    Column("taken", ID),
    Column("lesson", Json),
    Column("agents", LargeBinary),
)
"""Every ranking for a caller who has agreed. ``agents`` is the whole eligible set in neutral order, and the propensity of each
(`agent_columns`); it stands last, so that SQLite reads what is before it without it. Rows of builds before it have NULL there, the agents
in ``request`` and ``ranking``, and in ``lesson`` (NULL since) a copy of what models learn of ``request``."""

outcomes = Table(
    "outcomes",
    metadata,
    Column("outcome_seq", Serial, primary_key=True),
    Column("request_id", ID, nullable=False, unique=True),
    Column("decision_id", OWN_ID, ForeignKey("decisions.decision_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("digest", DIGEST, nullable=False),
    Column("outcome", Json, nullable=False),
    Column("taken", ID),
    Column("at_s", Double, nullable=False),
    sqlite_autoincrement=True,
)
"""Reports as they came; what is known of a call is the later over the earlier."""

experiments = Table(
    "experiments",
    metadata,
    Column("experiment_id", ID, primary_key=True),
    Column("queue", ID, nullable=False, index=True),
    Column("config", Json, nullable=False),
    Column("started_at_s", Double, nullable=False),
    Column("ended_at_s", Double),
)
"""Switchback experiments, one at a time for a queue."""

training = Table(
    "training",
    metadata,
    Column("row_id", OWN_ID, primary_key=True),
    _caller(),
    Column("call_id", ID, nullable=False, index=True),
    Column("purpose", ID, nullable=False),
    Column("content", Json, nullable=False),
    Column("at_s", Double, nullable=False, index=True),
)
"""What was set aside for training, by consent."""

audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("actor", ID, nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", ID, nullable=False),
    Column("detail", Text, nullable=False),
    Column("hash", String(128), nullable=False),
    Column("key_id", KEY_ID, nullable=False),
    Column("seal", String(128), nullable=False),
)
"""Append-only and chained; nothing personal. See `chain`."""

audit_head = Table(
    "audit_head",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", String(128), nullable=False),
    Column("key_id", KEY_ID, nullable=False),
    Column("seal", String(128), nullable=False),
)
"""One row: where the log ends."""

counters = Table(
    "counters",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""Counts by day (UTC); the only thing that a call without consent leaves."""

Index("uq_experiments_running", experiments.c.queue, unique=True, sqlite_where=experiments.c.ended_at_s.is_(None),
      postgresql_where=experiments.c.ended_at_s.is_(None))  # fmt: skip

PERSONAL = (outcomes, decisions, training, calls, profiles, callers)
"""Tables with rows of a caller, in an order in which they can be deleted."""
