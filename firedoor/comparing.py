"""Two inventories that were saved, held against each other: what came, went and changed, and what only one of the two can tell of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from firedoor.errors import BadInput
from firedoor.scope import Scope

SESSION: Final = "aws.session"
USE: Final = frozenset({"last_use", "last_used", "last_used_behind_seconds"})
OPTIONS: Final = {
    "types": "--system and --kind",
    "places": "--place",
    "holders": "--holder",
    "owners": "--owner",
    "given_to": "--given-to",
    "unused_for_days": "--unused-for",
}

Row = Mapping[str, Any]


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)


class _Row(_Read):
    name: str
    type: str
    place: str
    holder: str
    id: str


class Filters(_Read):
    """What an inventory was narrowed to, each empty where nothing narrowed it."""

    types: list[str] = []
    places: list[str] = []
    holders: list[str] = []
    owners: list[str] = []
    given_to: list[str] = []
    unused_for_days: int | None = None

    @classmethod
    def of(cls, scope: Scope) -> Filters:
        """Those of a scope. In which order they were given, and how often, does not matter."""
        return cls(
            types=sorted(set(scope.types)),
            places=sorted(set(scope.places)),
            holders=sorted(set(scope.holders)),
            owners=sorted(set(scope.owners)),
            given_to=sorted(set(scope.given_to)),
            unused_for_days=None if scope.unused_for is None else scope.unused_for.days,
        )

    @property
    def told(self) -> Mapping[str, str]:
        """Those that narrow anything, in words, by option."""
        return {OPTIONS[name]: _words(value) for name, value in self.model_dump().items() if value}


class _NotListed(_Read):
    type: str
    place: str | None
    why: str


class _Sessions(_Read):
    first: str | None = None


class _Inventory(_Read):
    credentials: list[_Row]
    unlisted: list[str] = []
    filters: Filters | None = None
    listed: dict[str, list[str]] | None = None
    not_listed: list[_NotListed] = []
    sessions: _Sessions | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """An inventory in a file. ``about`` is what it says of itself; its rows are kept as they were written."""

    name: str
    rows: Mapping[str, Row]
    about: _Inventory

    def why_absent(self, row: Row) -> str:
        """Why it cannot tell of a credential of the other's that it does not show; empty where it can, and so there is none."""
        kind, place = str(row["type"]), str(row["place"])
        if self.about.listed is None:
            return self._in_words
        if place in self.about.listed.get(kind, ()):
            return self._before_the_files(row)
        for one in self.about.not_listed:
            if one.type == kind and one.place in (None, place):
                return self._gap(one)
        return f"{kind} in {place} was not looked at in {self.name}"

    def gaps(self) -> Iterator[str]:
        """What it could not list, in words."""
        if self.about.listed is None and self.about.unlisted:
            yield self._in_words
        for one in self.about.not_listed:
            yield self._gap(one)

    def _before_the_files(self, row: Row) -> str:
        """Why files that begin at a moment cannot show a session; empty where they can, and for any other credential."""
        first, seen = self.about.sessions.first if self.about.sessions else None, row.get("last_used") or row.get("created")
        if row["type"] == SESSION and first and isinstance(seen, str) and seen < first:
            return f"CloudTrail's files in {self.name} begin at {first}, after the session was seen last"
        return ""

    @property
    def _in_words(self) -> str:
        """What an older inventory says of its gaps, which a program cannot read; empty where it says nothing."""
        told = "; ".join(self.about.unlisted)
        return f"{self.name} tells in words only what could not be listed: {told}" if told else ""

    def _gap(self, one: _NotListed) -> str:
        if one.place is None:
            return f"{one.type} could not be listed everywhere in {self.name}: {one.why}"
        return f"{one.place} could not be listed in {self.name} ({one.type}): {one.why}"


def compare(before: Path, after: Path) -> Mapping[str, Any]:
    """What came, went and changed. Raises `BadInput` where one is no inventory, or they were made with different filters."""
    return difference(read(before), read(after))


def read(path: Path) -> Saved:
    """An inventory that was saved with ``--json``. Raises `BadInput`, with the row and the field that is wrong."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        about = _Inventory.model_validate(found)
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror})") from error
    except ValidationError as error:
        raise _no_inventory(path, _fault(error)) from None
    except (ValueError, RecursionError):
        raise _no_inventory(path, "") from None
    return Saved(name=str(path), rows={one["name"]: one for one in found["credentials"]}, about=about)


def difference(before: Saved, after: Saved) -> Mapping[str, Any]:
    """What came, went, and what changed, where a later last use is no change; and what cannot be told, because one of the two did not look,
    or could not. ``whole``: nothing is of the last kind. Raises `BadInput` where their filters differ.
    """
    _check_filters(before, after)
    old, new = before.rows, after.rows
    lacking: dict[str, list[Row]] = {why: [] for one in (before, after) for why in one.gaps()}
    came = _apart((new[name] for name in sorted(new.keys() - old.keys())), before, lacking)
    went = _apart((old[name] for name in sorted(old.keys() - new.keys())), after, lacking)
    unknown = [one.name for one in (before, after) if one.about.filters is None]
    filters = before.about.filters or after.about.filters
    return {
        "came": came,
        "went": went,
        "changed": dict(_changed(old, new)),
        "not_comparable": [{"why": why, "credentials": rows} for why, rows in lacking.items()],
        "filters": filters.model_dump() if filters is not None and not unknown else None,
        "filters_not_known": unknown,
        "whole": not lacking and not unknown,
    }


def exit_code(found: Mapping[str, Any]) -> int:
    """0: they are the same. 1: they differ. 4: what is told is not all, since the two could not be compared whole."""
    if not found["whole"]:
        return 4
    return 1 if found["came"] or found["went"] or found["changed"] else 0


def _apart(rows: Iterator[Row], other: Saved, lacking: dict[str, list[Row]]) -> list[Row]:
    """The rows whose absence in the other inventory says something; the rest goes to ``lacking``, by reason."""
    telling = []
    for row in rows:
        if why := other.why_absent(row):
            lacking.setdefault(why, []).append(row)
        else:
            telling.append(row)
    return telling


def _changed(old: Mapping[str, Row], new: Mapping[str, Row]) -> Iterator[tuple[str, Mapping[str, Sequence[Any]]]]:
    for name in sorted(old.keys() & new.keys()):
        was, now = old[name], new[name]
        fields = {key for key in was.keys() | now.keys() if was.get(key) != now.get(key)}
        if fields - USE:
            yield name, {key: [was.get(key), now.get(key)] for key in sorted(fields)}


def _check_filters(before: Saved, after: Saved) -> None:
    if before.about.filters is None or after.about.filters is None:
        return
    old, new = before.about.filters.told, after.about.filters.told
    apart = [
        f"{option} {old.get(option, 'not given')} in {before.name}, {new.get(option, 'not given')} in {after.name}"
        for option in OPTIONS.values()
        if old.get(option) != new.get(option)
    ]
    if apart:
        raise BadInput(f"the two inventories were made with different filters: {'; '.join(apart)}", advice="Make both with the same ones")


def _words(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _fault(error: ValidationError) -> str:
    """The first thing that is wrong; a row by its number, the first being 1."""
    fault = error.errors(include_input=False, include_url=False)[0]
    where = [str(part + 1) if isinstance(part, int) else part for part in fault["loc"]]
    what = "is missing" if fault["type"] == "missing" else "is no text" if fault["type"] == "string_type" else "is not as it should be"
    match where:
        case []:
            return ""
        case ["credentials", row]:
            return f"row {row} is no credential"
        case ["credentials", row, *field]:
            return f"in row {row}, {'.'.join(field)} {what}"
        case _:
            return f"{'.'.join(where)} {what}"


def _no_inventory(path: Path, why: str) -> BadInput:
    return BadInput(f"{path} is no inventory{f': {why}' if why else ''}", advice="Make one: firedoor inventory --json > FILE")
