"""Before whom a notice may speak freely: who reads a channel, and whether a target may be among them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from firedoor.errors import NotFound
from firedoor.vendors.slack.client import SlackClient
from firedoor.vendors.slack.values import ChannelRecord, PersonRecord

MOST_MEMBERS: Final = 40  # each is looked up by a call of its own, and Slack allows about a hundred a minute


async def withheld(slack: SlackClient, channel: ChannelRecord, scope: Iterable[str]) -> str:
    """Why nothing of the targets that go by the names in ``scope`` may be told in the channel; empty where everything may.

    What cannot be ruled out counts as the worse. Who the members are does not leave this function.
    """
    if not channel.private:
        return "the channel is public"
    if channel.shared:
        return "the channel is shared with another organization"
    members = await slack.members(channel, at_most=MOST_MEMBERS)
    if len(members) > MOST_MEMBERS:
        return f"the channel has more than {MOST_MEMBERS} members, who were not looked up"
    people = [await _person(slack, member) for member in members]
    if any(meant(scope, person) for person in people):
        return "a target of the run is a member of the channel"
    if any(not (person.email or person.bot or person.deleted) for person in people):
        return "Slack does not tell the e-mail address of every member of the channel"
    return ""


def meant(scope: Iterable[str], person: PersonRecord) -> bool:
    """Whether one of the targets may be that person.

    A name ``vendor:kind:ada+x@acme.example`` means whoever has ``ada`` before the @ of their address, at any host: the same person often
    goes by another one in Slack. ``slack:user:U0ADA`` means that user. Better too many than one too few: a few lines are at stake.
    """
    theirs = {person.id.casefold(), _word(person.email)} - {""}
    return bool(theirs & {_word(name.split(":", 2)[-1]) for name in scope})


def _word(name: str) -> str:
    """The part of a name that stands for a person: without a path before it, without host and tag after it."""
    return name.rpartition("/")[2].partition("@")[0].partition("+")[0].casefold()


async def _person(slack: SlackClient, member: str) -> PersonRecord:
    try:
        return await slack.person(member)
    except NotFound:
        return PersonRecord(id=member, email="", bot=False, deleted=False)
