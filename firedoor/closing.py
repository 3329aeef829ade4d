"""The end of a sweep: every credential in scope in one disposition, and each that is left over by name. Pure.

What the last listing shows counts. What it does not show any more is gone. What could not be listed is left over, whatever was written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from firedoor.finding import Finding
from firedoor.inventory import Disposition, State
from firedoor.named import parted
from firedoor.scope import NOBODY_KNOWS, REMEDY, Unknown
from firedoor.source import Sighting
from firedoor.sweep import Known, Row, Unlisted
from firedoor.sweepbook import Sweep
from firedoor.treatment import Aim

GONE: Final = "the last listing does not show it any more"
MADE_GONE: Final = "the last listing does not show it any more, as this sweep wrote"
UNSEEN: Final = "it was written to, and no listing has shown it since"


@dataclass(slots=True, kw_only=True)
class Closure:
    """What is counted while place after place is closed. ``left`` are the rows that are left over, ``unlisted`` what nobody could list,
    ``unknown`` how many the last listing left out for what nobody knows of them: in containment these are left over, by number.

    ``ends`` tells how a credential of a type ends where its treatment took it away. ``outside`` are credentials that the playbook names as
    exceptions, and that are listed outside the scope.
    """

    book: Sweep
    ends: Mapping[str, Disposition]
    deadline: datetime | None
    counts: Counter[tuple[str, Disposition]] = field(default_factory=Counter)
    left: list[Row] = field(default_factory=list)
    excepted: list[Row] = field(default_factory=list)
    outside: set[str] = field(default_factory=set)
    pending: int = 0
    unlisted: list[Unlisted] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    changed: int = 0

    @property
    def in_scope(self) -> int:
        """How many credentials were accounted for."""
        return sum(self.counts.values())

    @property
    def left_over(self) -> int:
        """How much is left over: credentials, and what could not be listed, each holder or place counting as one."""
        doubted = self.unknown.total() if self.book.aim is Aim.CONTAINMENT else 0
        return len(self.left) + sum(len(one.holders) or 1 for one in self.unlisted) + doubted

    @property
    def closed(self) -> bool:
        """Whether nothing is left over, of something."""
        return not self.left_over and self.in_scope > 0

    def take(self, row: Row, seen: Known, *, listed: bool, whole: bool, named: Sequence[Sighting] = ()) -> None:
        """Take in a credential's newest row; ``seen`` is all that was seen of its place, ``listed`` whether the last listing shows it.

        Without ``whole`` that listing failed, for the place or for some of its holders. ``named``: what names it in a notice.
        """
        if row.outside and listed:
            self.outside |= {one.credential for one in self.book.exceptions if one.credential == row.credential}
        if parted(row.credential)[1] in seen.made:
            return
        if row.credential in seen.came:
            self.findings.append(_came(row))
        if row.outside and not named:
            return
        written = seen.rows[row.credential].written
        if not listed:
            row = self._missing(row, written=written, whole=whole)
        elif row.outside:
            row = _out_of_scope(row, named[0])
        self._count(row, written=written)

    def sighted(self, one: Sighting, says: str, *, due: bool) -> None:
        """Take in a credential that was used, or (``due``) that must be accounted for, and that no listing shows.

        ``says`` is what its vendor says of it, empty where it is gone.
        """
        name = f"{one.type.replace('.', ':')}:{one.place or 'unknown'}/{one.id}"
        label = f"{one.type.partition('.')[2].replace('_', ' ')} {one.id}"
        what, rule = ("imported as leaked", "leaked_and_not_listed") if due else ("used", "used_but_not_listed")
        nowhere = f"no listing of {one.place} shows it" if due and one.place else "no listing shows it"
        told = f"{one.count} time(s), last {one.last:%Y-%m-%d %H:%M} UTC{f', by {one.by}' if one.by else ''}"
        self.findings.append(Finding(rule=rule, says=f"{label} was {what} {told}, and {nowhere}", subject=name, at=one.last))
        disposition = Disposition.FAILED if says else Disposition.GONE
        reason = f"it was {what}, and {nowhere}: {says}" if says else f"it was {what}, and its vendor says that it is no more"
        self._count(
            Row(credential=name, label=label, type=one.type, state="unknown", disposition=disposition, reason=reason), written=False
        )

    def _count(self, row: Row, *, written: bool) -> None:
        if row.disposition is None:
            row = replace(row, disposition=Disposition.FAILED, reason=UNSEEN)
        assert row.disposition is not None
        self.counts[row.type, row.disposition] += 1
        self.changed += written
        if row.disposition is Disposition.EXCEPTED:
            self.excepted.append(row)
        if row.disposition is Disposition.PENDING and self._in_time(row):
            self.pending += 1
        elif not row.disposition.closed:
            self.left.append(row)

    def _missing(self, row: Row, *, written: bool, whole: bool) -> Row:
        """What the last listing does not show: gone, where it was a whole listing."""
        if not whole:
            return replace(row, disposition=Disposition.FAILED, reason="it could not be listed again, so nobody knows how it stands")
        if written:
            return replace(row, disposition=self.ends.get(row.type, Disposition.GONE), reason=MADE_GONE)
        return replace(row, disposition=Disposition.GONE, reason=GONE)

    def _in_time(self, row: Row) -> bool:
        return self.book.aim is Aim.HYGIENE and row.until is not None and self.deadline is not None and row.until <= self.deadline

    def by_type(self) -> Iterator[tuple[str, dict[str, int]]]:
        """How many of each type ended how."""
        for kind in self.book.scope.types:
            yield kind, {str(one): self.counts[kind, one] for one in Disposition if self.counts[kind, one]}


def begin(book: Sweep, ends: Mapping[str, Disposition], asked: datetime) -> Closure:
    """A closure of nothing yet."""
    return Closure(book=book, ends=ends, deadline=None if book.deadline_days is None else asked + timedelta(days=book.deadline_days))


def in_doubt(book: Sweep, unknown: Mapping[str, int]) -> Iterator[dict[str, str]]:
    """What is left over by number in containment: those that the scope leaves out for what nobody knows of them, with what to do."""
    for what in Unknown if book.aim is Aim.CONTAINMENT else ():
        if count := unknown.get(what, 0):
            why = f"nobody knows {NOBODY_KNOWS[what]}, so the scope leaves them out, and they were not changed: {REMEDY[what]}"
            yield {"id": f"{count} credential(s) of an unknown {what.replace('_', ' ')}", "outcome": str(Disposition.FAILED), "reason": why}


def _out_of_scope(row: Row, by: Sighting) -> Row:
    """How a credential ends that a notice names, and that the sweep is not about: what its vendor says of it counts."""
    if row.state in (State.INACTIVE, State.EXPIRED):
        return replace(row, disposition=Disposition.REVOKED, reason=f"it is named in the notice ({by.by}), and is {row.state}")
    stands = "is active" if row.state == State.ACTIVE else "may be active"
    why = f"it is named in the notice ({by.by}), {stands}, and is outside this sweep's scope, so it was not changed"
    return replace(row, disposition=Disposition.FAILED, reason=f"{why}: close it at its vendor, or sweep again with a scope that holds it")


def _came(row: Row) -> Finding:
    says = f"{row.label} appeared while the sweep was under way: somebody made it after the first listing"
    if row.outside:
        says = f"{says}; it is outside this sweep's scope, and was not changed"
    return Finding(rule="came_meanwhile", says=says, subject=row.credential)
