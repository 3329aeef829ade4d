"""How the journal's tables came to be, revision by revision. A database is brought up to date when it is opened, under the write lock.

A revision adds to what is there: no event is ever rewritten, or its hash would no longer be its own. A new one is a file in ``versions``,
made by hand or by ``alembic --config firedoor/migrations/alembic.ini revision -m "..."``, and its name in `KNOWN`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import sqlalchemy as sa

from firedoor.errors import Misconfigured
from firedoor.tables import metadata

KNOWN: Final = ("0001", "0002")  # oldest first; the last is where this Firedoor wants its database
VERSION: Final = sa.Table("firedoor_version", sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True))
FROM_BEFORE: Final = "about"  # a table of the first journals, which had no revisions


def up_to_date(connection: sa.Connection) -> bool:
    """Whether the tables are as this Firedoor wants them. Raises `Misconfigured` for a database of a newer one, or of another program."""
    return stands_at(connection) == KNOWN[-1]


def stands_at(connection: sa.Connection) -> str:
    """The revision that the tables are of; empty where there is none yet. Raises as `up_to_date`."""
    names = set(sa.inspect(connection).get_table_names())
    if VERSION.name not in names:
        _check_ours(connection, names)
        return ""
    found = connection.execute(sa.select(VERSION.c.version_num)).scalar()
    if found is not None and found not in KNOWN:
        raise Misconfigured(
            f"the journal was written by a newer Firedoor (revision {found}; this one knows {KNOWN[-1]})",
            advice="Use that version, or a database of its own for this one",
        )
    return str(found or "")


def bring_up_to_date(connection: sa.Connection) -> None:
    """Make the tables of a new database as they are to be; bring others there revision by revision. In the transaction that is open."""
    if set(sa.inspect(connection).get_table_names()) & {*metadata.tables, VERSION.name}:
        upgrade(connection)
        return
    metadata.create_all(connection)
    VERSION.create(connection)
    connection.execute(VERSION.insert().values(version_num=KNOWN[-1]))


def upgrade(connection: sa.Connection) -> None:
    """Every revision that is missing. Loads Alembic, which takes a fifth of a second."""
    from alembic import command  # noqa: PLC0415 - a database that is up to date needs none of it
    from alembic.config import Config  # noqa: PLC0415

    here = Path(__file__).parent
    config = Config(here / "alembic.ini", config_args={"here": str(here)})
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _check_ours(connection: sa.Connection, names: set[str]) -> None:
    """Raise `Misconfigured` where a table that we would use is another program's: Prefect, say, has ``events`` too."""
    for name in names & set(metadata.tables):
        stored = {column["name"] for column in sa.inspect(connection).get_columns(name)}
        if stored != set(metadata.tables[name].columns.keys()):
            raise Misconfigured(
                f"the database has a table {name!r} of another program",
                advice="Give the journal a database of its own: FIREDOOR_DATABASE_URL",
            )
    if FROM_BEFORE in names and "events" not in names:
        raise Misconfigured(
            f"the database has a table {FROM_BEFORE!r} of another program",
            advice="Give the journal a database of its own: FIREDOOR_DATABASE_URL",
        )
