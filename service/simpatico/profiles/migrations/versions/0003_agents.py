"""The agents of a decision as bytes, in a column of their own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Decisions of before keep NULL, and their agents where they are."""
    op.add_column("decisions", sa.Column("agents", sa.LargeBinary(), nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        # Numbers hardly get shorter, and trying takes the server a millisecond a row.
        op.execute("ALTER TABLE decisions ALTER COLUMN agents SET STORAGE EXTERNAL")


def downgrade() -> None:
    """Take back; decisions that were made since lose their agents, and go: a build before could not read them."""
    op.execute("DELETE FROM outcomes WHERE decision_id IN (SELECT decision_id FROM decisions WHERE agents IS NOT NULL)")
    op.execute("DELETE FROM decisions WHERE agents IS NOT NULL")
    op.drop_column("decisions", "agents")
