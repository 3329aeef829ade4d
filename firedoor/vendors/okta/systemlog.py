"""The simulated System Log: entries that show late, the filter language, and the two ways of paging.

Of the filter language it knows ``eq`` and ``sw`` on the fields below, ``and``, ``or`` and parentheses; anything else is refused with
E0000031 as Okta refuses a bad search, so that a query which would not work there does not seem to work here. There is no ``q``.
Event types are Okta's; that a session clearance is written when there was no session to clear is an assumption.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, TypeAlias
from uuid import UUID

from firedoor.canonical import JSON

SINCE_DEFAULT: Final = timedelta(days=7)
_TOKEN: Final = re.compile(r'\s*(?:(?P<sign>[()])|"(?P<text>[^"\\]*)"|(?P<word>[A-Za-z.]+))')


class BadFilter(ValueError):
    """A filter that this log does not know how to answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Who acts or is acted on. ``name`` is a login or an app's name."""

    id: str
    type: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry. ``number`` is its place in the order of arrival."""

    number: int
    event_type: str
    published: datetime
    actor: Party
    targets: tuple[Party, ...]
    outcome: str
    reason: str
    ip: str = ""
    session: str = ""

    def shown(self) -> dict[str, JSON]:
        """As Okta's LogEvent."""
        return {
            "uuid": str(UUID(int=self.number + 1)),
            "published": stamp(self.published),
            "eventType": self.event_type,
            "version": "0",
            "severity": "INFO" if self.outcome == "SUCCESS" else "WARN",
            "displayMessage": self.event_type,
            "actor": _party(self.actor),
            "outcome": {"result": self.outcome, **({"reason": self.reason} if self.reason else {})},
            "target": [_party(target) for target in self.targets],
            **({"client": {"ipAddress": self.ip}} if self.ip else {}),
            **({"authenticationContext": {"authenticationStep": 0, "externalSessionId": self.session}} if self.session else {}),
            "transaction": {"type": "WEB", "id": f"sim{self.number:08d}", "detail": {}},
        }


Wanted: TypeAlias = Callable[[Entry], bool]


_FIELDS: Final[Mapping[str, Callable[[Entry], tuple[str, ...]]]] = {
    "eventType": lambda entry: (entry.event_type,),
    "actor.id": lambda entry: (entry.actor.id,),
    "actor.alternateId": lambda entry: (entry.actor.name,),
    "target.id": lambda entry: tuple(target.id for target in entry.targets),
    "target.alternateId": lambda entry: tuple(target.name for target in entry.targets),
    "outcome.result": lambda entry: (entry.outcome,),
}


class SystemLog:
    """Entries in the order of arrival. ``lag`` is how long after its publishing an entry shows."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.lag = timedelta(0)

    def write(
        self,
        event_type: str,
        *,
        at: datetime,
        actor: Party,
        targets: Iterable[Party] = (),
        outcome: str = "SUCCESS",
        reason: str = "",
        ip: str = "",
        session: str = "",
    ) -> None:
        """Append one entry, published ``at``."""
        self.entries.append(
            Entry(
                number=len(self.entries),
                event_type=event_type,
                published=at,
                actor=actor,
                targets=tuple(targets),
                outcome=outcome,
                reason=reason,
                ip=ip,
                session=session,
            )
        )

    def page(
        self, *, now: datetime, wanted: Wanted, since: datetime | None, until: datetime | None, after: int, limit: int
    ) -> tuple[Sequence[Entry], int | None]:
        """One page from arrival number ``after`` on, and where the next begins.

        With ``until`` the query is bounded and its last page has no next; without it there always is a next page, as Okta's polling
        queries have.
        """
        start = since or (until or now) - SINCE_DEFAULT
        matching = (
            entry
            for entry in islice(self.entries, after, None)
            if entry.published + self.lag <= now
            and entry.published >= start
            and (until is None or entry.published < until)
            and wanted(entry)
        )
        found = list(islice(matching, limit + 1))  # one more than shown, and no further: a long log is read once, not once a page
        page = found[:limit]
        if until is not None and len(found) <= limit:
            return page, None
        return page, page[-1].number + 1 if page else after


def parse(text: str) -> Wanted:
    """A filter expression as a predicate. Raises `BadFilter` for any form outside the ones named above."""
    words = _words(text)
    wanted = _either(words)
    if words:
        raise BadFilter(f"unexpected {words[0][1]}")
    return wanted


def stamp(moment: datetime) -> str:
    """A moment as Okta writes it: UTC, to the millisecond."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


_Words: TypeAlias = list[tuple[str, str]]


def _words(text: str) -> _Words:
    words: _Words = []
    position, text = 0, text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise BadFilter(f"cannot be read from character {position + 1} on")
        words.append((str(match.lastgroup), match[str(match.lastgroup)]))
        position = match.end()
    return words


def _either(words: _Words) -> Wanted:
    parts = [_both(words)]
    while words and words[0] == ("word", "or"):
        words.pop(0)
        parts.append(_both(words))
    return lambda entry: any(part(entry) for part in parts)


def _both(words: _Words) -> Wanted:
    parts = [_one(words)]
    while words and words[0] == ("word", "and"):
        words.pop(0)
        parts.append(_one(words))
    return lambda entry: all(part(entry) for part in parts)


def _one(words: _Words) -> Wanted:
    match words[:3]:
        case [("sign", "("), *_]:
            words.pop(0)
            inner = _either(words)
            if not words or words.pop(0) != ("sign", ")"):
                raise BadFilter("a parenthesis is not closed")
            return inner
        case [("word", field), ("word", "eq" | "sw" as operator), ("text", value)]:
            del words[:3]
            if field not in _FIELDS:
                raise BadFilter(f"no field {field}")
            values = _FIELDS[field]
            if operator == "eq":
                return lambda entry: value in values(entry)
            return lambda entry: any(each.startswith(value) for each in values(entry))
    raise BadFilter("a comparison is missing or not of a known form")


def _party(party: Party) -> dict[str, JSON]:
    return {"id": party.id, "type": party.type, "alternateId": party.name, "displayName": party.name}
