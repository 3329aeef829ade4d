"""What the workers of a sweep share: how much of an approval is used up, and when a vendor may be asked again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from firedoor.errors import Misconfigured

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Two tables more."""
    op.create_table(
        "allotments",
        sa.Column("run", sa.Text, primary_key=True),
        sa.Column("cover", sa.Text, primary_key=True),
        sa.Column("used", sa.BigInteger, nullable=False),
    )
    op.create_table("paces", sa.Column("bucket", sa.Text, primary_key=True), sa.Column("free", sa.Float, nullable=False))


def downgrade() -> None:
    """Never: a journal of a newer Firedoor is not read by an older one."""
    raise Misconfigured("a journal is never taken back to how it was before", advice="Use another database")
