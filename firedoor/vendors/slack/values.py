"""What tasks and Slack's client pass between them. Replies arrive here through the allow-lists of `firedoor.vendors.slack.replies`."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from firedoor.errors import BadInput, shown
from firedoor.model import Briefing, Target

# C: every channel made since 2021 or so; G: private ones from before. A direct conversation (D) is no place for a notice.
_CHANNEL: Final = re.compile(r"[CG][A-Z0-9]{2,20}")
_PERSON: Final = re.compile(r"[UW][A-Z0-9]{2,20}")
_LONGEST_NAME: Final = 80  # Slack's own bound for a channel's name


def check_channel(text: str) -> str:
    """The channel's id itself, where Slack could have made it. Raises `BadInput` otherwise; a name is never one."""
    if not _CHANNEL.fullmatch(text):
        raise BadInput("that is no id of a Slack channel", target=shown(text), advice="Copy it from the channel's details: C0123ABCDEF")
    return text


def check_person(text: str) -> str:
    """The person's id itself, where Slack could have made it. Raises `BadInput` otherwise."""
    if not _PERSON.fullmatch(text):
        raise BadInput("that is no id of a Slack user", target=shown(text), advice="Copy it from the person's profile: U0123ABCDEF")
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice(Target):
    """The one notice of a run in a channel. ``name`` is the channel's, without its sign.

    ``run``, ``incident``, ``title``, ``text`` (the report so far) and ``scope`` (the names of the run's targets) come with the briefing.
    ``since``: the notice cannot be older than that, on Slack's clock.
    """

    channel: str
    name: str
    run: str = ""
    incident: str = ""
    title: str = ""
    text: str = ""
    scope: tuple[str, ...] = ()
    since: datetime | None = None

    def __post_init__(self) -> None:
        check_channel(self.channel)
        if not 0 < len(self.name) <= _LONGEST_NAME or not self.name.isprintable() or " " in self.name:
            raise BadInput("that is no name of a Slack channel", target=shown(self.name), advice="Copy it from Slack, without its #")
        if self.since is not None and self.since.tzinfo is None:
            raise BadInput("the moment to look back to has no time zone", target=self.label, advice="Give it in UTC")

    @property
    def label(self) -> str:
        """The channel, as people call it."""
        return f"#{self.name}"

    @property
    def names(self) -> tuple[str, ...]:
        """The channel, by id and by name."""
        return (f"slack:channel:{self.channel}", f"slack:channel:{self.name}")

    @property
    def mark(self) -> Mark:
        """What its message carries."""
        return Mark(run=self.run, incident=self.incident)

    def bound(self, moment: datetime) -> Self:
        """The same notice, which was not posted before ``moment``."""
        return dataclasses.replace(self, since=moment)

    def briefed(self, briefing: Briefing) -> Self:
        """The same notice with something to say."""
        return dataclasses.replace(
            self, run=briefing.run, incident=briefing.incident, title=briefing.title, text=briefing.text, scope=briefing.scope
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """By what a notice is found again: metadata of its message, which nobody sees."""

    run: str
    incident: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a notice says, as it came, not yet made safe to show: a title, the lines below it, and a last line that is always there."""

    title: str
    lines: tuple[str, ...] = ()
    last: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRecord:
    """A channel as Slack shows it. ``shared``: people of another organisation are in it, or invited; ``joined``: the app is in it."""

    id: str
    name: str
    private: bool
    shared: bool
    joined: bool
    archived: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRecord:
    """A user as Slack shows them. ``email`` is empty where Slack does not tell it: to a token without the scope, and of some guests.

    ``admin``: an administrator or an owner of the workspace.
    """

    id: str
    email: str
    bot: bool
    deleted: bool
    admin: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRecord:
    """One of the app's own marked messages. ``answered``: people wrote below it."""

    ts: str
    mark: Mark
    answered: bool
