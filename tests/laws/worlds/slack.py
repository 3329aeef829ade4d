from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from firedoor.vendors.slack.values import Notice
from tests.laws.worlds.base import Worlds
from tests.tasks.rooms.slack import CHANNEL

RUN, INCIDENT = "r7", "inc-7"
NOTICE = {
    "channel": CHANNEL,
    "name": "incidents",
    "run": RUN,
    "incident": INCIDENT,
    "title": "Contain <ada@acme.example>",
    "text": "# Still open\n- eve@acme.example was not suspended",
    "scope": ("okta:user:00u1", "okta:user:ada@acme.example"),
}
PEOPLE: list[dict[str, Any]] = [
    {"id": "U0ADA", "name": "ada", "email": "ada@corp.acme.example"},
    {"id": "U0BEN", "name": "ben", "email": "ben@acme.example"},
    {"id": "U0NIL", "name": "nil"},
    {"id": "U0FAR", "name": "far", "email": "far@other.example", "team_id": "T0002"},
    {"id": "U0GON", "name": "gone", "deleted": True},
]


def channels() -> st.SearchStrategy[dict[str, Any]]:
    """A workspace in which the channel is of any kind, with any members, may be missing, and may hold notices of this run and of others."""
    ids = [person["id"] for person in PEOPLE] + ["U0BOT"]
    flags = {name: st.booleans() for name in ("private", "archived")}
    members = st.lists(st.sampled_from(ids), unique=True) | st.lists(st.sampled_from(ids), unique=True).map(
        lambda some: [*{*some, "U0BOT"}]
    )
    channel = st.fixed_dictionaries({"id": st.just(CHANNEL), "name": st.just("incidents"), "members": members, **flags})
    mark = st.fixed_dictionaries({"run": st.sampled_from([RUN, "r8"]), "incident": st.sampled_from([INCIDENT, "inc-8"])})
    message = st.fixed_dictionaries(
        {
            "channel": st.just(CHANNEL),
            "by": st.sampled_from(["app", "app", "U0BEN", "B0009"]),
            "text": st.just("x"),
            "metadata": st.fixed_dictionaries(
                {"event_type": st.sampled_from(["firedoor_notice", "firedoor_notice", "firedoor"]), "event_payload": mark}
            ),
        }
    )

    def workspace(found: list[Any], told: list[Any]) -> dict[str, Any]:
        integrations = [{"bot_id": "B0009", "name": "Alerts"}]
        return {"users": PEOPLE, "channels": found, "integrations": integrations, "messages": told if found else []}

    return st.builds(workspace, st.lists(channel, max_size=1), st.lists(message, max_size=4))


WORLDS = Worlds(targets={Notice: NOTICE}, worlds={Notice: channels()})
