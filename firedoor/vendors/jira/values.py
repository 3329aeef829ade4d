"""What tasks and Jira's client pass between them. Replies arrive here through the allow-lists of `firedoor.vendors.jira.replies`."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Self

from firedoor.errors import BadInput, shown
from firedoor.model import Briefing, Target

LONGEST_SUMMARY: Final = 255  # Jira's own bound
LONGEST_NAME: Final = 255

_PROJECT: Final = re.compile(r"[A-Z][A-Z0-9_]{1,79}")
_INCIDENT: Final = re.compile(r"[A-Za-z0-9](?:[._-]?[A-Za-z0-9]){0,99}")


class Flavour(StrEnum):
    """Which Jira it is: Cloud (REST v3) or Data Center (REST v2)."""

    CLOUD = "cloud"
    DATA_CENTER = "data_center"


class Place(StrEnum):
    """Where a ticket is: in Jira, or in a file on the machine that Firedoor runs on."""

    JIRA = "jira"
    FILE = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket(Target):
    """The one ticket of an incident. Incident, title, text and scope come by `briefed`; before, they are empty.

    ``place`` is where it goes if nobody in the run can read it there; ``project``, ``issue_type`` and ``security_level`` are Jira's names.
    ``begun`` is when the first write for it was begun (Jira's clock), None where none was.
    """

    place: Place
    project: str = ""
    issue_type: str = ""
    security_level: str = ""
    incident: str = ""
    title: str = ""
    text: str = ""
    scope: tuple[str, ...] = ()
    begun: datetime | None = None

    def __post_init__(self) -> None:
        if self.place is Place.JIRA:
            _check(_PROJECT, self.project, "a Jira project key: capital letters, digits and _")
            for name, value in (("issue type", self.issue_type), ("security level", self.security_level)):
                if not value or len(value) > LONGEST_NAME or not value.isprintable():
                    raise BadInput(f"the {name} has no name, or one that Jira could not have", advice=f"Set jira_{name.replace(' ', '_')}")
        if self.incident:
            _check(_INCIDENT, self.incident, "an incident: letters, digits and single . _ -")
        if self.begun is not None and self.begun.tzinfo is None:
            raise BadInput("the moment of the first write has no time zone", advice="Give it in UTC")

    @property
    def label(self) -> str:
        """The project, or what the file is."""
        return f"Jira project {self.project}" if self.place is Place.JIRA else "a local ticket file"

    @property
    def names(self) -> tuple[str, ...]:
        """The project."""
        return (f"jira:project:{self.project}",) if self.place is Place.JIRA else ("jira:file:tickets",)

    @property
    def marker(self) -> str:
        """The label by which the ticket is found again, and the name of its file; empty before it is briefed."""
        return f"firedoor-{self.incident}" if self.incident else ""

    @property
    def summary(self) -> str:
        """The ticket's title: one line."""
        line = " ".join(f"[firedoor] {self.title}: {self.incident}".split())
        return line if len(line) <= LONGEST_SUMMARY else f"{line[: LONGEST_SUMMARY - 3]}..."

    @property
    def evidence(self) -> str:
        """The name under which the report is attached: of its content, so that the same report is attached once."""
        return f"{self.marker}-{sha256(self.text)[:12]}.md" if self.text and self.marker else ""

    @property
    def people(self) -> tuple[str, ...]:
        """The logins that are e-mail addresses among the names in scope: whom Jira may know."""
        values = (name.split(":", 2)[-1].lower() for name in self.scope)
        return tuple(dict.fromkeys(value for value in values if "@" in value))

    @property
    def accounts(self) -> tuple[str, ...]:
        """The names in scope that are Atlassian's own accounts."""
        places = ("jira:project:", "jira:file:")
        return tuple(name for name in self.scope if name.startswith(("jira:", "atlassian:")) and not name.startswith(places))

    def briefed(self, briefing: Briefing) -> Self:
        """The ticket of the run's incident, with the report so far."""
        return dataclasses.replace(self, incident=briefing.incident, title=briefing.title, text=briefing.text, scope=briefing.scope)

    def bound(self, moment: datetime) -> Self:
        """The ticket of which a write was begun at ``moment``."""
        return dataclasses.replace(self, begun=moment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A security level of a project that we may set."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A Jira user. ``id`` is what Jira asks for them by: the account id (Cloud) or the username (Data Center). ``email`` may be hidden."""

    id: str
    email: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An issue to be made. ``level`` is the id of its security level, ``marker`` its label, ``text`` Markdown."""

    project: str
    issue_type: str
    level: str
    marker: str
    summary: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """An issue of ours. ``level`` is the id of its security level (empty: whoever sees the project sees it), ``files`` its attachments."""

    key: str
    url: str
    level: str = ""
    files: tuple[str, ...] = ()


def paper(summary: str, text: str) -> str:
    """What a ticket file holds."""
    return f"{summary}\n\n{text}"


def encoded(text: str) -> bytes:
    """A text in UTF-8. Half a surrogate pair, which UTF-8 has no bytes for, is written as its escape."""
    return text.encode("utf-8", "backslashreplace")


def sha256(text: str) -> str:
    """The digest of a text, in hexadecimal."""
    return hashlib.sha256(encoded(text)).hexdigest()


def _check(pattern: re.Pattern[str], text: str, what: str) -> None:
    if not pattern.fullmatch(text):
        raise BadInput(f"that is not {what}", target=shown(text), advice="Copy it from Jira, or from the run")
