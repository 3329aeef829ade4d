"""Find the channel that was prepared for notices.

It is the one that the configuration names by its id (``slack_channel``); nothing is searched for by name, since anybody may make a channel
with a name that looks like it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from firedoor.action import Query, QuerySpec
from firedoor.errors import Misconfigured, NotFound
from firedoor.vendors.slack.client import SlackClient
from firedoor.vendors.slack.values import Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedChannel:
    """There is one, so nothing is asked."""


class FindChannel(Query[PreparedChannel, Notice]):
    """The place of the run's one notice."""

    spec = QuerySpec(
        id="slack.find_channel",
        title="Find the channel that was prepared for notices",
        reads=frozenset({"channels:read", "groups:read"}),
        pages=("https://docs.slack.dev/reference/methods/conversations.info",),
    )
    question = PreparedChannel
    target = Notice

    def __init__(self, slack: SlackClient) -> None:
        self._slack = slack

    async def find(self, question: PreparedChannel) -> Sequence[Notice]:
        """One notice, not yet told of its run. Raises `Misconfigured` where Slack shows the app no such channel."""
        del question
        try:
            found = await self._slack.channel(self._slack.channel_id)
        except NotFound as missing:
            raise Misconfigured("Slack shows the app no such channel", target=self._slack.channel_id, advice=missing.advice) from missing
        return (Notice(channel=found.id, name=found.name),)
