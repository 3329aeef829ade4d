"""The events, the leases, and what was seen. The first journals have the tables already, and get the revision's name only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from firedoor.errors import Misconfigured

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make each table that is not there."""
    there = set(sa.inspect(op.get_bind()).get_table_names())
    if "events" not in there:
        op.create_table(
            "events",
            sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
            sa.Column("run", sa.Text, nullable=False),
            sa.Column("n", sa.Integer, nullable=False),
            sa.Column("at", sa.Text, nullable=False),
            sa.Column("kind", sa.Text, nullable=False),
            sa.Column("body", sa.Text, nullable=False),
            sa.Column("claim", sa.Text, nullable=True),
            sa.Column("run_prev", sa.Text, nullable=False),
            sa.Column("prev", sa.Text, nullable=False, unique=True),
            sa.Column("hash", sa.Text, nullable=False, unique=True),
            sa.UniqueConstraint("run", "n"),
            sa.UniqueConstraint("run", "claim"),
        )
    if "leases" not in there:
        op.create_table(
            "leases",
            sa.Column("resource", sa.Text, primary_key=True),
            sa.Column("holder", sa.Text, nullable=False),
            sa.Column("fence", sa.BigInteger, nullable=False),
            sa.Column("expires", sa.Float, nullable=False),
        )
    if "seen" not in there:
        op.create_table("seen", sa.Column("key", sa.Text, primary_key=True), sa.Column("at", sa.Float, nullable=False))
        op.create_index("ix_seen_at", "seen", ["at"])


def downgrade() -> None:
    """Never: there is nothing before it but a database without a journal."""
    raise Misconfigured("a journal is never taken back to how it was before", advice="Use another database")
