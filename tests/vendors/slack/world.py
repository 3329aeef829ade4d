"""The workspace that these tests talk to."""

from __future__ import annotations

BOT = "xoxb-planted-bot-token"
READER = "xoxb-planted-reader-token"
APP = "xapp-planted-app-token"

WORLD: dict[str, object] = {
    "team": {"id": "T0001", "name": "Acme", "domain": "acme"},
    "app": {
        "id": "A0001",
        "name": "Firedoor",
        "bot_id": "B0001",
        "bot_user": "U0BOT",
        "commands": ["/firedoor"],
        "shortcuts": {"contain": "message", "start": "global"},
        "shortcut_names": {"contain": "Contain this"},
        "events": ["message.groups", "app_mention", "app_home_opened"],
        "tokens": [
            {"token": BOT, "kind": "bot"},
            {"token": READER, "kind": "bot", "scopes": ["users:read", "groups:history"]},
            {"token": APP, "kind": "app"},
        ],
    },
    "users": [
        {"id": "U0ADA", "name": "ada", "real_name": "Ada", "email": "ada@acme.example"},
        {"id": "U0BEN", "name": "ben", "real_name": "Ben", "email": "ben@acme.example"},
        {"id": "U0EVE", "name": "eve", "real_name": "Eve", "email": "eve@acme.example"},
        {"id": "U0GUEST", "name": "gus", "is_restricted": True},
        {"id": "U0GONE", "name": "gone", "email": "gone@acme.example", "deleted": True},
        {"id": "U0FAR", "name": "far", "email": "far@other.example", "team_id": "T0002"},
    ],
    "channels": [
        {"id": "C0INC", "name": "incident", "private": True, "members": ["U0ADA", "U0BEN", "U0BOT", "U0FAR"]},
        {"id": "C0GEN", "name": "general", "members": ["U0ADA", "U0EVE"]},
        {"id": "C0HID", "name": "hidden", "private": True, "members": ["U0EVE"]},
    ],
    "usergroups": [{"id": "S0ONC", "handle": "oncall", "users": ["U0ADA", "U0GONE"]}],
    "integrations": [{"bot_id": "B0ALERT", "name": "Alerts"}],
}
