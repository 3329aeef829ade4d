"""${message}."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from firedoor.errors import Misconfigured

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What is new."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Never: an older Firedoor would write a record that a newer one has to read."""
    raise Misconfigured("a journal is never taken back to how it was before", advice="Use another database")
