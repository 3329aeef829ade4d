"""Sweep playbooks: which credentials are in scope, what is done with those of each type, and which ones are left alone for a while.

They are YAML data in ``playbooks/sweeps``. What is wrong with one is said with its line and column.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, StringConstraints, model_serializer, model_validator

from firedoor import yamlbook
from firedoor.approval import Person, Roster
from firedoor.canonical import digest
from firedoor.catalogue import Catalogue
from firedoor.errors import BadInput, nearest, shown
from firedoor.playbook import Approval, UnitId
from firedoor.scope import Scope
from firedoor.shelf import ROOT, SWEEPS
from firedoor.treatment import Aim, Treatment

FOLDER: Final = ROOT / SWEEPS

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=400)]
CredentialName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+:[a-z0-9_]+:[^\s/]+/\S+$", max_length=400)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ScopeTable(_Frozen):
    """``scope``: see `firedoor.scope.Scope`. ``everything`` must be said where nothing but the types narrows it."""

    types: Annotated[tuple[UnitId, ...], Field(min_length=1)]
    places: tuple[str, ...] = ()
    holders: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    given_to: tuple[str, ...] = ()
    unused_for_days: Annotated[int, Field(ge=1, le=3650)] | None = None
    created_before: datetime | None = None
    everything: bool = False

    def read(self) -> Scope:
        """The scope."""
        before = self.created_before
        return Scope(
            types=self.types,
            places=self.places,
            holders=self.holders,
            owners=self.owners,
            given_to=self.given_to,
            unused_for=None if self.unused_for_days is None else timedelta(days=self.unused_for_days),
            created_before=None if before is None else before if before.tzinfo else before.replace(tzinfo=UTC),
        )


class ExceptionTable(_Frozen):
    """A credential that is left alone until a day, by ``owner``'s wish and a second person's approval. It is in every report until then."""

    credential: CredentialName
    owner: Words
    reason: Words
    expires: date
    approved_by: Words

    @property
    def type(self) -> str:
        """The type of the credential that it names."""
        return ".".join(self.credential.split(":", 2)[:2])

    @property
    def place(self) -> str:
        """Where that credential is."""
        return self.credential.split(":", 2)[2].partition("/")[0]

    @property
    def says(self) -> str:
        """Until when, for whom and why, and who approved it."""
        return f"until {self.expires}, for {self.owner}, approved by {self.approved_by}: {self.reason}"

    def in_force(self, now: datetime) -> bool:
        """Whether it still holds; its last day is the one it names, in UTC."""
        return now.astimezone(UTC).date() <= self.expires


class Sweep(_Frozen):
    """A whole sweep playbook. ``treat`` maps each type of the scope to its action; ``at_most`` is how many credentials one run may change.

    ``order`` names types of which one after the other is settled in each round, those that it leaves out at the end, together.
    ``deadline_days``: how long a phase of a hygiene sweep may be away for it to count as on its way.
    """

    sweep: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$", max_length=60)]
    title: Words
    about: Words
    aim: Aim
    scope: ScopeTable
    treat: dict[UnitId, UnitId]
    order: tuple[UnitId, ...] = ()
    at_most: Annotated[int, Field(ge=1, le=1_000_000)]
    batch: Annotated[int, Field(ge=1, le=500)] = 100
    deadline_days: Annotated[int, Field(ge=1, le=366)] | None = None
    exceptions: tuple[ExceptionTable, ...] = ()
    approval: Approval = Approval()
    version: Literal[1] = 1

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if untreated := sorted(set(self.scope.types) ^ set(self.treat)):
            raise ValueError(f"each type in the scope has its treatment, and no other has one: {', '.join(untreated)}")
        if strange := sorted(set(self.order) - set(self.treat)):
            raise ValueError(f"the order names what is not treated: {', '.join(strange)}")
        if len(set(self.order)) < len(self.order):
            raise ValueError("the order names a type twice")
        if self.scope.read().everything and not self.scope.everything:
            raise ValueError("nothing narrows this scope; if every credential of these types is meant, say so: everything: true")
        if (self.aim is Aim.HYGIENE) != (self.deadline_days is not None):
            raise ValueError("a hygiene sweep has a deadline_days, and a containment sweep has none")
        names = [one.credential for one in self.exceptions]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"excepted twice: {', '.join(twice)}")
        if alone := [one.credential for one in self.exceptions if one.owner.casefold() == one.approved_by.casefold()]:
            raise ValueError(f"an exception is approved by somebody else than its owner: {', '.join(alone)}")
        return self

    @model_serializer(mode="wrap")
    def _brief(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without an order nothing is said of it: playbooks that were signed before there was any keep their digest."""
        return {key: value for key, value in whole(self).items() if key != "order" or value}

    @property
    def digest(self) -> str:
        """Names what it says, whatever its file's layout."""
        return digest(self.model_dump(mode="json"))


def shelf(root: Path = FOLDER) -> dict[str, Path]:
    """The sweep playbooks there are, by name."""
    return {path.stem: path for path in sorted(root.glob("*.yaml"))}


def find(name: str, known: Catalogue, root: Path = FOLDER) -> Sweep:
    """The sweep of that name, or in that file. Raises `BadInput`: unknown (with the nearest), or broken (with line and column)."""
    files = shelf(root)
    path = Path(name) if name.endswith((".yaml", ".yml")) else files.get(name)
    if path is None:
        raise BadInput(f"there is no sweep {shown(name)}{nearest(name, files)}", advice=f"There are: {', '.join(files) or 'none'}")
    book = yamlbook.parse(Sweep, yamlbook.text_of(path, what="sweep"), source=path.name, what="sweep", name=path.stem)
    if faults := lint(book, known):
        raise BadInput(f"the sweep {book.sweep} is broken: {'; '.join(faults)}")
    return book


def lint(book: Sweep, known: Catalogue) -> Sequence[str]:
    """What only the catalogue can tell: that each type is listed by a source, and treated by an action made for it and for the aim."""
    faults = []
    for kind, name in book.treat.items():
        try:
            known.source_of(kind)
            action = known.action(name)
        except BadInput as unknown:
            faults.append(unknown.what)
            continue
        if not issubclass(action, Treatment):
            faults.append(f"{name} treats no credentials; it is for playbooks")
        elif action.treats != kind:
            faults.append(f"{name} treats {action.treats}, not {kind}")
        elif book.aim not in action.serves and not _nobody_misses_it(book):
            faults.append(_unfit(book.aim, name, kind, known))
    faults += _apart(book, known)
    for strange in (one for one in book.exceptions if one.type not in book.treat):
        near = nearest(strange.type, book.treat)
        faults.append(f"the exception {strange.credential} is of no type that this sweep treats{near}")
    return faults


def vouch(book: Sweep, roster: Roster) -> None:
    """Raises `BadInput` where an exception is not approved by an approver on the roster who is somebody else than its owner."""
    faults = [f"the exception {one.credential} {why}" for one in book.exceptions if roster.people and (why := _unvouched(one, roster))]
    if faults:
        advice = "approved_by names an approver on the roster who is not the exception's owner"
        raise BadInput(f"the sweep {book.sweep} is broken: {'; '.join(faults)}", advice=advice)


def _unvouched(one: ExceptionTable, roster: Roster) -> str:
    by, owner = _whom(one.approved_by, roster), _whom(one.owner, roster)
    if by is None:
        names = [person.name for person in roster.people]
        return f"is approved by {shown(one.approved_by)}, who is nobody on the roster{nearest(one.approved_by, names)}"
    if not by.may_approve:
        return f"is approved by {by.name}, who may not approve"
    return f"is approved by its owner: {shown(one.owner)} and {shown(one.approved_by)} are both {by.name}" if by == owner else ""


def _whom(called: str, roster: Roster) -> Person | None:
    """The person of the roster whom a name in a playbook means: by their name, their Slack id or one of their accounts."""
    wanted = _spelled(called)
    for person in roster.people:
        accounts = (*person.names, *(name.rpartition(":")[2] for name in person.names))
        if wanted in map(_spelled, (person.name, person.slack, *accounts)):
            return person
    return None


def _spelled(name: str) -> str:
    """A name without what people spell in different ways."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().removeprefix("@").split())


def _apart(book: Sweep, known: Catalogue) -> Sequence[str]:
    """The types of one source that the order sets apart: they are listed together, so they are treated together."""
    sources = (unit for unit in known.sources.values() if len(set(unit.spec.types) & set(book.treat)) > 1)
    faults = []
    for types in (sorted(set(unit.spec.types) & set(book.treat)) for unit in sources):
        named = sorted(book.order.index(kind) for kind in types if kind in book.order)
        if named and named != list(range(named[0], named[0] + len(types))):
            faults.append(f"{' and '.join(types)} are listed together, so the order names both or neither, with nothing between them")
    return faults


def _nobody_misses_it(book: Sweep) -> bool:
    """Whether it takes by night only what is unused: nothing needs to come in its place."""
    return book.aim is Aim.HYGIENE and book.scope.unused_for_days is not None


def _unfit(aim: Aim, name: str, kind: str, known: Catalogue) -> str:
    """Why a treatment does not serve the aim, and what to write instead."""
    fit = sorted(
        other for other, unit in known.actions.items() if issubclass(unit, Treatment) and unit.treats == kind and aim in unit.serves
    )
    instead = f"treat it with {' or '.join(fit)}, " if fit else ""
    if aim is Aim.CONTAINMENT:
        return f"{name} lets what it replaces work on for days, and containment shuts at once: {instead}or say aim: hygiene"
    why = f"{name} puts nothing in the place of what it shuts, so whoever still uses it would stand still"
    return f"{why}: {instead}narrow the scope to what nobody uses (unused_for_days), or say aim: containment"
