"""What is done in one transaction: each row is read once, kept in mind, and written with the others at the end (Fowler's unit of work).

Nobody else writes while the write lock is held, so what was read once stays so. However many works share the transaction, the newest event
and the turns that they ask for are one question, and what they record is one statement.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from firedoor.tables import events, leases

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Turn:
    """A lease as it stands: who has it (empty: nobody), by which number, until when in seconds since 1970."""

    holder: str
    fence: int
    expires: float


@dataclass(frozen=True, slots=True)
class End:
    """The newest event of the journal, or of a run: its ``seq``, its ``n`` and its ``hash``."""

    seq: int
    n: int
    hash: str


class Unit:
    """One open transaction with the write lock held. `flush` writes what was changed; whoever opened it sees to that."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._now = 0.0
        self._turns: dict[str, Turn | None] = {}
        self._stored: set[str] = set()  # the turns that have a row
        self._changed: dict[str, Turn] = {}
        self._head: End | None = None
        self._ends: dict[str, End | None] = {}
        self._added: list[Row] = []
        self._wrote: list[sa.Select[Any]] = []  # what is found in the database where this was committed

    @property
    def connection(self) -> sa.Connection:
        """For whatever else is to be asked or written; it sees what was changed so far."""
        self.flush()
        return self._connection

    def now(self) -> float:
        """The moment of this transaction, in seconds since 1970, by `clock`. Not before the write lock was granted."""
        self._now = self._now or clock(self._connection)
        return self._now

    def turns(self, resources: Collection[str]) -> Mapping[str, Turn | None]:
        """The leases of these resources, None where nobody has ever had one. One question for all that are not known yet."""
        if new := [one for one in resources if one not in self._turns]:
            found = {row.resource: Turn(row.holder, row.fence, row.expires) for row in self._connection.execute(_TURNS, {"these": new})}
            self._stored |= found.keys()
            self._turns |= {one: found.get(one) for one in new}
        return {one: self._turns[one] for one in resources}

    def change(self, resource: str, turn: Turn) -> None:
        """A lease is from now on like this. It was asked for before, by `turns`."""
        self._turns[resource] = self._changed[resource] = turn

    def ends(self, run: str) -> tuple[End | None, End | None]:
        """The newest event of the journal, and of a run, where there is one."""
        if run not in self._ends:
            found = {row.of: End(row.seq, row.n, row.hash) for row in self._connection.execute(_NEWEST, {"wanted": run})}
            self._ends[run] = found.get("run")
            if not self._added:
                self._head = found.get("journal")
        return self._head, self._ends[run]

    def claimed(self, run: str, claim: str) -> bool:
        """Whether somebody made that claim in the run."""
        if any((row["run"], row["claim"]) == (run, claim) for row in self._added):
            return True
        return self._connection.execute(_CLAIMED, {"in_run": run, "made": claim}).first() is not None

    def add(self, row: Row) -> None:
        """One event more at the end."""
        self._added.append(row)
        self._head = self._ends[row["run"]] = End(row["seq"], row["n"], row["hash"])

    def flush(self) -> None:
        """Write what was added and changed."""
        if self._added:
            self._connection.execute(_ADD, self._added)
            self._wrote.append(sa.select(events.c.seq).where(events.c.hash == self._added[-1]["hash"]))
            self._added = []
        if self._changed:
            rows = {name: {"of": name, "by": one.holder, "number": one.fence, "until": one.expires} for name, one in self._changed.items()}
            for statement, some in ((_CHANGE, rows.keys() & self._stored), (_GRANT, rows.keys() - self._stored)):
                if some:
                    self._connection.execute(statement, [rows[one] for one in sorted(some)])
            self._stored |= rows.keys()
            name, turn = next(iter(self._changed.items()))
            mine = (
                leases.c.resource == name,
                leases.c.fence == turn.fence,
                leases.c.holder == turn.holder,
                leases.c.expires == turn.expires,
            )
            self._wrote.append(sa.select(leases.c.fence).where(*mine))
            self._changed = {}

    def stands(self, connection: sa.Connection) -> bool:
        """Whether it was committed, asked in a later transaction. Any one row of it tells; False where none is left to tell."""
        return any(connection.execute(one).first() is not None for one in self._wrote)


def clock(connection: sa.Connection) -> float:
    """Seconds since 1970 by one clock for all who share the database: PostgreSQL's own where machines share it, else this machine's."""
    if connection.dialect.name != "postgresql":
        return time.time()
    return float((connection.execute(sa.text("SELECT extract(epoch FROM clock_timestamp())"))).scalar_one())


def _last(of: str, *where: sa.ColumnElement[bool], by: sa.Column[Any]) -> sa.Select[Any]:
    one = sa.select(events.c.seq, events.c.n, events.c.hash).where(*where).order_by(by.desc()).limit(1).subquery()
    return sa.select(sa.literal(of).label("of"), one.c.seq, one.c.n, one.c.hash)


# Written down once: to put a question together takes longer than to have it answered.
_TURN: Final[Mapping[str, sa.BindParameter[Any]]] = {
    "holder": sa.bindparam("by"),
    "fence": sa.bindparam("number"),
    "expires": sa.bindparam("until"),
}
_TURNS: Final = sa.select(leases).where(leases.c.resource.in_(sa.bindparam("these", expanding=True)))
_CHANGE: Final = leases.update().where(leases.c.resource == sa.bindparam("of")).values(_TURN)
_GRANT: Final = leases.insert().values({"resource": sa.bindparam("of"), **_TURN})
_ADD: Final = events.insert()
_NEWEST: Final = sa.union_all(_last("journal", by=events.c.seq), _last("run", events.c.run == sa.bindparam("wanted"), by=events.c.n))
_CLAIMED: Final = sa.select(events.c.n).where(events.c.run == sa.bindparam("in_run"), events.c.claim == sa.bindparam("made"))
