"""The tables of the journal's database: the events, the leases, what was seen, and two counts that workers share.

How they came to be is in `firedoor.migrations`.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

events = sa.Table(
    "events",
    metadata,
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

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("resource", sa.Text, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("fence", sa.BigInteger, nullable=False),
    sa.Column("expires", sa.Float, nullable=False),
)

seen = sa.Table(
    "seen",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("at", sa.Float, nullable=False, index=True),
)

allotments = sa.Table(
    "allotments",
    metadata,
    sa.Column("run", sa.Text, primary_key=True),
    sa.Column("cover", sa.Text, primary_key=True),
    sa.Column("used", sa.BigInteger, nullable=False),
)

paces = sa.Table(
    "paces",
    metadata,
    sa.Column("bucket", sa.Text, primary_key=True),
    sa.Column("free", sa.Float, nullable=False),
)
