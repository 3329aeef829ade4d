"""Post one notice about the run to the prepared channel.

It says what is still open first, a screenful at the most, in plain text that forms no mention and no link, and where to see the rest. It is
posted once: its message carries the run and the incident as metadata, by which it is found again. Only a message of this very app counts.

It does not tell whom it concerns what is known of them. Where a person among the run's targets is a member of the channel, or where that
cannot be ruled out (a public channel, one shared with another organization, too many members, a member whose address Slack does not tell),
the message says only that an incident is under way and how to see it. Nor does it say which of these was the reason.

It cannot see who reads along by other ways: a workspace's owners and their exports, other apps in the channel, people who are invited
later. Nor does it know a target who goes by quite another name in Slack.

A notice cannot be unread, so undoing is partial: its message is deleted, for those who have not seen it yet. One that people have written
below is left alone, since deleting would take away what they talk about. The message is not edited when the run goes on.

It is looked for among what was written since the run began to post it, 2,000 messages at the most. Where there are more, nobody can say
whether it stands: nothing is posted, and the step ends with words that send a person to look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from firedoor.action import Action, Spec
from firedoor.errors import NotFound
from firedoor.model import Change, Intent, Plan, Receipt, Reversal, Snapshot, Tier
from firedoor.vendors.slack.client import SlackClient
from firedoor.vendors.slack.notices import read_back, written
from firedoor.vendors.slack.problems import TooLong
from firedoor.vendors.slack.readers import withheld
from firedoor.vendors.slack.values import ChannelRecord, MessageRecord, Notice

LOOK_BACK: Final = timedelta(days=7)


class Place(StrEnum):
    """How the channel takes a notice."""

    OPEN = "open"
    ARCHIVED = "archived"
    OUTSIDE = "the app is not in it"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeState(Snapshot):
    """``posted``: the timestamp of the run's notice, empty where there is none; ``answered``: people have written below it.

    ``withheld``: why the notice may name nobody and nothing, empty where it may. Who the members are is not kept.
    """

    place: Place
    posted: str = ""
    answered: bool = False
    withheld: str = ""


class Notify(Action[Notice, NoticeState]):
    """`chat.postMessage`, once."""

    spec = Spec(
        id="slack.notify",
        title="Post one notice about the run to the prepared channel",
        reads=frozenset({"channels:read", "groups:read", "channels:history", "groups:history", "users:read", "users:read.email"}),
        writes=frozenset({"chat:write"}),
        tier=Tier.AUTO,
        reversal=Reversal.PARTIAL,
        limit=1,
        settle_within=10.0,
        unestablished=(
            "that a message shows in conversations.history once it is posted; if it shows late and the reply was lost too, it stands twice",
            "that metadata of the app's own messages is read with the history scopes alone",
            "whether Slack tells the e-mail address of every guest; where it does not, details are withheld",
        ),
        pages=(
            "https://docs.slack.dev/reference/methods/chat.postMessage",
            "https://docs.slack.dev/reference/methods/conversations.history",
            "https://docs.slack.dev/messaging/message-metadata/",
        ),
    )
    target = Notice

    def __init__(self, slack: SlackClient) -> None:
        self._slack = slack

    async def clock(self, target: Notice) -> datetime:
        """Slack's; never ahead of it, so that the message itself cannot be older than T."""
        del target
        return await self._slack.now()

    def lease(self, target: Notice) -> str:
        """The channel's notices."""
        return f"slack:notice:{target.channel}"

    async def read(self, target: Notice) -> NoticeState:
        """The channel, the run's notice in it, and, before there is one, who would read it."""
        try:
            channel = await self._slack.channel(target.channel)
        except NotFound:
            return NoticeState(place=Place.UNKNOWN)
        if not channel.joined:
            return NoticeState(place=Place.OUTSIDE)
        place = Place.ARCHIVED if channel.archived else Place.OPEN
        found = await self._find(channel, target)
        if found is not None:
            return NoticeState(place=place, posted=found.ts, answered=found.answered)
        return NoticeState(place=place, withheld=await withheld(self._slack, channel, target.scope))

    async def _find(self, channel: ChannelRecord, target: Notice) -> MessageRecord | None:
        """The run's notice. Before the run's first intent it has posted none, so that a flooded channel must not keep it from its first."""
        if target.since is not None:
            return await self._slack.find_message(channel, target.mark, since=target.since)
        try:
            return await self._slack.find_message(channel, target.mark, since=await self._slack.now() - LOOK_BACK)
        except TooLong:
            return None

    def plan(self, target: Notice, before: NoticeState) -> Plan:
        """One message, where there is none of this run."""
        if before.posted:
            return Plan(reason=f"the notice of run {target.run} stands in {target.label}")
        match before.place:
            case Place.UNKNOWN:
                return Plan(impossible=f"Slack shows the app no channel {target.channel}; set slack_channel, and invite the app to it")
            case Place.OUTSIDE:
                return Plan(impossible=f"the app is not in {target.label}; invite it there")
            case Place.ARCHIVED:
                return Plan(impossible=f"{target.label} is archived; set slack_channel to a channel that is in use")
        how = f", with no detail: {before.withheld}" if before.withheld else ""
        # The words are no part of the effect: the report grows, members come and go, and still one notice is due, and no second one.
        change = Change(
            key="post",
            subject=f"slack:channel:{target.channel}",
            says=f"post a notice of the run to {target.label}{how}",
            at={"channel": target.channel},
            before={"words": written(target, brief=bool(before.withheld))},
            after={"words": "posted"},
        )
        return Plan(changes=(change,))

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        """Post, or for an undo delete."""
        if change.key == "delete":
            await self._slack.delete(change.at["channel"], change.at["ts"])
        else:
            words, mark = read_back(change.before["words"])
            await self._slack.post(change.at["channel"], words, mark)
        return self.receipt(change, intent)

    def receipt(self, change: Change, intent: Intent) -> Receipt:
        """Which of the two was done."""
        return Receipt(change=change.key, at=intent.at, facts={"did": change.key})

    def plan_undo(self, target: Notice, receipts: Sequence[Receipt], now: NoticeState) -> Plan:
        """Delete the message that this run posted, if nobody has written below it."""
        if not any(receipt.facts.get("did") == "post" for receipt in receipts):
            return Plan(reason=f"this run posted no notice to {target.label}")
        if not now.posted:
            return Plan(reason=f"no notice of run {target.run} is found in {target.label} any more")
        if now.answered:
            return Plan(impossible=f"people have written below the notice in {target.label}, so it is left there; tell them how it ended")
        change = Change(
            key="delete",
            subject=f"slack:channel:{target.channel}",
            says=f"delete the notice of run {target.run} from {target.label}",
            at={"channel": target.channel, "ts": now.posted},
            after={"words": "deleted"},
        )
        return Plan(changes=(change,))
