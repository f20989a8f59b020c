"""What models learn of a decision, beside it; no saved models."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Decisions of before keep NULL: filling it in would mean reading every one."""
    op.add_column("decisions", sa.Column("lesson", sa.Text(), nullable=True))
    op.drop_table("model_states")


def downgrade() -> None:
    """Take back; models that were saved before are not there again."""
    op.create_table(
        "model_states",
        sa.Column("queue", sa.String(length=256), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("through_seq", sa.BigInteger(), nullable=False),
        sa.Column("stale", sa.Boolean(), nullable=False),
        sa.Column("updated_at_s", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("queue", name=op.f("pk_model_states")),
    )
    op.drop_column("decisions", "lesson")
