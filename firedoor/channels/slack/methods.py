"""The methods of Slack's Web API with which people are asked and told, and the scopes that each needs of the bot's token.

Names and scopes are those of Slack's method pages. What the actions send to Slack has a table of its own:
`firedoor.vendors.slack.operations`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_HISTORY: Final = frozenset({"groups:history", "im:history"})  # of the channel, and of the conversation with one person
_NONE: Final[frozenset[str]] = frozenset()

# The slash command and the shortcut are features of the app, and no method's.
FEATURES: Final = frozenset({"commands"})
METHODS: Final[Mapping[str, frozenset[str]]] = {
    "apps.connections.open": _NONE,  # connections:write, of the app-level token
    "auth.test": _NONE,
    "bots.info": frozenset({"users:read"}),
    "chat.getPermalink": _NONE,
    "chat.postEphemeral": frozenset({"chat:write"}),
    "chat.postMessage": frozenset({"chat:write"}),
    "chat.update": frozenset({"chat:write"}),
    "conversations.history": _HISTORY,
    "conversations.info": frozenset({"groups:read"}),
    "conversations.open": frozenset({"im:write"}),
    "conversations.replies": _HISTORY,
    "usergroups.users.list": frozenset({"usergroups:read"}),
    "users.info": frozenset({"users:read"}),
    "views.open": _NONE,
    "views.publish": _NONE,
    "views.update": _NONE,
}
