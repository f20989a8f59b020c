"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "agents",
        sa.Column("agent_id", sa.String(length=256), nullable=False),
        sa.Column("skills", sa.Text(), nullable=False),
        sa.Column("languages", sa.Text(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("updated_at_s", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("agent_id", name=op.f("pk_agents")),
    )
    op.create_table(
        "audit",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=256), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=256), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(length=128), nullable=False),
        sa.Column("key_id", sa.String(length=32), nullable=False),
        sa.Column("seal", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
    )
    op.create_table(
        "audit_head",
        sa.Column("one", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=128), nullable=False),
        sa.Column("key_id", sa.String(length=32), nullable=False),
        sa.Column("seal", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "callers",
        sa.Column("caller_id", sa.String(length=33), nullable=False),
        sa.Column("key_id", sa.String(length=32), nullable=False),
        sa.Column("key_digest", sa.String(length=64), nullable=False),
        sa.Column("audit_ref", sa.String(length=33), nullable=False),
        sa.Column("consent", sa.String(length=16), nullable=False),
        sa.Column("notice_id", sa.String(length=256), nullable=True),
        sa.Column("consent_at_s", sa.Double(), nullable=False),
        sa.Column("seen_at_s", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("caller_id", name=op.f("pk_callers")),
        sa.UniqueConstraint("key_digest", "key_id", name=op.f("uq_callers_key_digest")),
    )
    op.create_table(
        "counters",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "name", name=op.f("pk_counters")),
    )
    op.create_table(
        "experiments",
        sa.Column("experiment_id", sa.String(length=256), nullable=False),
        sa.Column("queue", sa.String(length=256), nullable=False),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("started_at_s", sa.Double(), nullable=False),
        sa.Column("ended_at_s", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("experiment_id", name=op.f("pk_experiments")),
    )
    op.create_index(op.f("ix_experiments_queue"), "experiments", ["queue"], unique=False)
    op.create_index(
        "uq_experiments_running",
        "experiments",
        ["queue"],
        unique=True,
        sqlite_where=sa.text("ended_at_s IS NULL"),
        postgresql_where=sa.text("ended_at_s IS NULL"),
    )
    op.create_table(
        "model_states",
        sa.Column("queue", sa.String(length=256), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("through_seq", sa.BigInteger(), nullable=False),
        sa.Column("stale", sa.Boolean(), nullable=False),
        sa.Column("updated_at_s", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("queue", name=op.f("pk_model_states")),
    )
    op.create_table(
        "agent_comments",
        sa.Column("comment_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("agent_id", sa.String(length=256), nullable=False),
        sa.Column("author", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at_s", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.agent_id"], name=op.f("fk_agent_comments_agent_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("comment_seq", name=op.f("pk_agent_comments")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_agent_comments_agent_id"), "agent_comments", ["agent_id"], unique=False)
    op.create_table(
        "calls",
        sa.Column("call_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("caller_id", sa.String(length=33), nullable=False),
        sa.Column("call_id", sa.String(length=256), nullable=False),
        sa.Column("started_at_s", sa.Double(), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=256), nullable=False),
        sa.Column("notice_id", sa.String(length=256), nullable=True),
        sa.Column("duration_s", sa.Double(), nullable=False),
        sa.Column("speech_s", sa.Double(), nullable=False),
        sa.Column("model", sa.String(length=256), nullable=False),
        sa.Column("style", sa.Text(), nullable=False),
        sa.Column("figures", sa.Text(), nullable=False),
        sa.Column("kept_at_s", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["caller_id"], ["callers.caller_id"], name=op.f("fk_calls_caller_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("call_seq", name=op.f("pk_calls")),
        sa.UniqueConstraint("call_id", name=op.f("uq_calls_call_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_calls_caller_id"), "calls", ["caller_id"], unique=False)
    op.create_index(op.f("ix_calls_kept_at_s"), "calls", ["kept_at_s"], unique=False)
    op.create_table(
        "decisions",
        sa.Column("decision_id", sa.String(length=33), nullable=False),
        sa.Column("caller_id", sa.String(length=33), nullable=False),
        sa.Column("call_id", sa.String(length=256), nullable=False),
        sa.Column("at_s", sa.Double(), nullable=False),
        sa.Column("queue", sa.String(length=256), nullable=False),
        sa.Column("policy_version", sa.String(length=256), nullable=False),
        sa.Column("neutral_reason", sa.String(length=64), nullable=True),
        sa.Column("experiment_id", sa.String(length=256), nullable=True),
        sa.Column("block", sa.Integer(), nullable=True),
        sa.Column("arm", sa.String(length=8), nullable=True),
        sa.Column("washout", sa.Boolean(), nullable=True),
        sa.Column("ranked", sa.Boolean(), nullable=True),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("ranking", sa.Text(), nullable=False),
        sa.Column("taken", sa.String(length=256), nullable=True),
        sa.ForeignKeyConstraint(["caller_id"], ["callers.caller_id"], name=op.f("fk_decisions_caller_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_decisions")),
    )
    op.create_index(op.f("ix_decisions_at_s"), "decisions", ["at_s"], unique=False)
    op.create_index(op.f("ix_decisions_call_id"), "decisions", ["call_id"], unique=False)
    op.create_index(op.f("ix_decisions_caller_id"), "decisions", ["caller_id"], unique=False)
    op.create_index(op.f("ix_decisions_experiment_id"), "decisions", ["experiment_id"], unique=False)
    op.create_index(op.f("ix_decisions_queue"), "decisions", ["queue"], unique=False)
    op.create_table(
        "profiles",
        sa.Column("caller_id", sa.String(length=33), nullable=False),
        sa.Column("model", sa.String(length=256), nullable=False),
        sa.Column("style", sa.Text(), nullable=False),
        sa.Column("habits", sa.Text(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["caller_id"], ["callers.caller_id"], name=op.f("fk_profiles_caller_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("caller_id", name=op.f("pk_profiles")),
    )
    op.create_table(
        "training",
        sa.Column("row_id", sa.String(length=33), nullable=False),
        sa.Column("caller_id", sa.String(length=33), nullable=False),
        sa.Column("call_id", sa.String(length=256), nullable=False),
        sa.Column("purpose", sa.String(length=256), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("at_s", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["caller_id"], ["callers.caller_id"], name=op.f("fk_training_caller_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("row_id", name=op.f("pk_training")),
    )
    op.create_index(op.f("ix_training_at_s"), "training", ["at_s"], unique=False)
    op.create_index(op.f("ix_training_call_id"), "training", ["call_id"], unique=False)
    op.create_index(op.f("ix_training_caller_id"), "training", ["caller_id"], unique=False)
    op.create_table(
        "outcomes",
        sa.Column("outcome_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("request_id", sa.String(length=256), nullable=False),
        sa.Column("decision_id", sa.String(length=33), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("taken", sa.String(length=256), nullable=True),
        sa.Column("at_s", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.decision_id"], name=op.f("fk_outcomes_decision_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("outcome_seq", name=op.f("pk_outcomes")),
        sa.UniqueConstraint("request_id", name=op.f("uq_outcomes_request_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_outcomes_decision_id"), "outcomes", ["decision_id"], unique=False)


def downgrade() -> None:
    """Take back."""
    op.drop_index(op.f("ix_outcomes_decision_id"), table_name="outcomes")
    op.drop_table("outcomes")
    op.drop_index(op.f("ix_training_caller_id"), table_name="training")
    op.drop_index(op.f("ix_training_call_id"), table_name="training")
    op.drop_index(op.f("ix_training_at_s"), table_name="training")
    op.drop_table("training")
    op.drop_table("profiles")
    op.drop_index(op.f("ix_decisions_queue"), table_name="decisions")
    op.drop_index(op.f("ix_decisions_experiment_id"), table_name="decisions")
    op.drop_index(op.f("ix_decisions_caller_id"), table_name="decisions")
    op.drop_index(op.f("ix_decisions_call_id"), table_name="decisions")
    op.drop_index(op.f("ix_decisions_at_s"), table_name="decisions")
    op.drop_table("decisions")
    op.drop_index(op.f("ix_calls_kept_at_s"), table_name="calls")
    op.drop_index(op.f("ix_calls_caller_id"), table_name="calls")
    op.drop_table("calls")
    op.drop_index(op.f("ix_agent_comments_agent_id"), table_name="agent_comments")
    op.drop_table("agent_comments")
    op.drop_table("model_states")
    op.drop_index(
        "uq_experiments_running",
        table_name="experiments",
        sqlite_where=sa.text("ended_at_s IS NULL"),
        postgresql_where=sa.text("ended_at_s IS NULL"),
    )
    op.drop_index(op.f("ix_experiments_queue"), table_name="experiments")
    op.drop_table("experiments")
    op.drop_table("counters")
    op.drop_table("callers")
    op.drop_table("audit_head")
    op.drop_table("audit")
    op.drop_table("agents")
