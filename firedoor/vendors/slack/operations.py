"""The one table of Slack methods that Firedoor calls to act. The guard admits nothing else, and it is the record of the scopes needed.

Names, arguments and scopes are those of Slack's method pages. Where people are asked is another client with methods of its own; see
`firedoor.channels.slack`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from firedoor.vendors.access import Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackOperation(Operation):
    """One Web API method. ``arguments`` are all that may be sent with it, ``verb`` is how slack-sdk sends it.

    Of some methods the channel decides the scope: ``per_channel`` is then its second half, and ``permission`` is empty. ``read`` stands for
    ``groups:read`` where the channel is private, for ``channels:read`` where it is public.
    """

    arguments: frozenset[str]
    verb: str = "GET"
    per_channel: str = ""

    @property
    def scopes(self) -> str:
        """What a token needs for it, in words."""
        if self.per_channel:
            return f"groups:{self.per_channel}, or channels:{self.per_channel} where the channel is public"
        return self.permission or "no scope at all"

    def scope_in(self, *, private: bool) -> str:
        """The scope that is used in a channel of that kind."""
        return f"{'groups' if private else 'channels'}:{self.per_channel}" if self.per_channel else self.permission


AUTH_TEST: Final = SlackOperation(name="auth.test", permission="", writes=False, verb="POST", arguments=frozenset())
CHANNEL_INFO: Final = SlackOperation(
    name="conversations.info", permission="", per_channel="read", writes=False, arguments=frozenset({"channel"})
)
CHANNEL_MEMBERS: Final = SlackOperation(
    name="conversations.members", permission="", per_channel="read", writes=False, arguments=frozenset({"channel", "cursor", "limit"})
)
CHANNEL_HISTORY: Final = SlackOperation(
    name="conversations.history",
    permission="",
    per_channel="history",
    writes=False,
    arguments=frozenset({"channel", "cursor", "include_all_metadata", "limit", "oldest"}),
)
USER_INFO: Final = SlackOperation(name="users.info", permission="users:read", writes=False, arguments=frozenset({"user"}))
USER_BY_EMAIL: Final = SlackOperation(
    name="users.lookupByEmail", permission="users:read.email", writes=False, arguments=frozenset({"email"})
)
# Each call is another message: after a lost reply the channel is read, never posted to again unseen.
POST_MESSAGE: Final = SlackOperation(
    name="chat.postMessage",
    permission="chat:write",
    writes=True,
    idempotent=False,
    verb="POST",
    arguments=frozenset({"blocks", "channel", "link_names", "metadata", "mrkdwn", "parse", "text", "unfurl_links", "unfurl_media"}),
    refusals=(
        "200 channel_not_found",
        "200 invalid_blocks",
        "200 invalid_metadata_format",
        "200 is_archived",
        "200 msg_too_long",
        "200 not_in_channel",
        "200 rate_limited",
        "200 restricted_action",
    ),
)
# Repeated after a lost reply it answers message_not_found, and the message is gone all the same.
DELETE_MESSAGE: Final = SlackOperation(
    name="chat.delete",
    permission="chat:write",
    writes=True,
    verb="POST",
    arguments=frozenset({"channel", "ts"}),
    refusals=("200 cant_delete_message", "200 compliance_exports_prevent_deletion", "200 message_not_found"),
)
# What users.info tells of an e-mail address it tells to tokens with this scope only.
EMAIL_SCOPE: Final = "users:read.email"

OPERATIONS: Final = (AUTH_TEST, CHANNEL_INFO, CHANNEL_MEMBERS, CHANNEL_HISTORY, USER_INFO, USER_BY_EMAIL, POST_MESSAGE, DELETE_MESSAGE)
BY_NAME: Final = {operation.name: operation for operation in OPERATIONS}
