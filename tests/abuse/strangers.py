"""Who is not ours, or no longer, or may not: each of them does everything that people do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, cast

from firedoor.settings import PersonTable
from firedoor.vendors.faults import Fault
from firedoor.vendors.slack.directory import User
from tests.abuse.acts import ACTS, APP, ASKING, DECIDING, GONE, TEAM, USER, USERS_TEAM, Forge, doing, put
from tests.abuse.attempt import Attempt, Make, Theme
from tests.abuse.ground import Ground
from tests.channels.slack.scene import KEYS, SlackMode

# Max may ask and not decide, Nan the other way round; Out is in no group that decides, and Gone has left Slack.
ROSTER: Final = (
    PersonTable(name="Ada", slack="U0ADA", keys=(KEYS["Ada"].public,)),
    PersonTable(name="Ben", slack="U0BEN", keys=(KEYS["Ben"].public,)),
    PersonTable(name="Cyd", slack="U0CYD", keys=(KEYS["Cyd"].public,)),
    PersonTable(name="Far", slack="U0FAR"),
    PersonTable(name="Max", slack="U0MAX", may_approve=False),
    PersonTable(name="Nan", slack="U0NAN", may_request=False),
    PersonTable(name="Out", slack="U0OUT"),
    PersonTable(name="Gone", slack="U0GONE"),
)
USERS: Final = ({"id": "U0MAX", "name": "max"}, {"id": "U0NAN", "name": "nan"}, {"id": "U0OUT", "name": "out"})
ON_CALL: Final = {"S0ONCALL": ("U0ADA", "U0BEN", "U0CYD", "U0MAX", "U0NAN", "U0FAR")}
HUGE: Final = "A" * 100_000

ELSEWHERE: Final[Mapping[str, tuple[Forge, ...]]] = {
    "another team": (put("T0002", *TEAM, *USERS_TEAM),),
    "a team in another case": (put("t0001", *TEAM, *USERS_TEAM),),
    "a team with a space": (put("T0001 ", *TEAM, *USERS_TEAM),),
    "no team": (put(GONE, *TEAM, *USERS_TEAM),),
    "another enterprise": (put({"id": "E0002"}, ("enterprise",)), put("E0002", ("enterprise_id",))),
    "another app": (put("A0002", *APP),),
    "an app in another case": (put("a0001", *APP),),
    "an empty app": (put("", *APP),),
    "another team that authorizes itself": (put("T0002", *TEAM, *USERS_TEAM), put([{"team_id": "T0001"}], ("authorizations",))),
}
NOBODY: Final[Mapping[str, Forge]] = {
    "a stranger": put("U0EVE", *USER),
    "a guest": put("U0GUS", *USER),
    "a member that Slack does not know": put("U0XXX", *USER),
    "a name": put("Ben", *USER),
    "a member in another case": put("u0ben", *USER),
    "a member with a space": put("U0BEN ", *USER),
    "a member and a NUL": put("U0BEN\x00", *USER),
    "a look-alike": put("U0\u0412EN", *USER),
    "two members": put("U0BEN,U0CYD", *USER),
    "a mention": put("<@U0BEN>", *USER),
    "an empty id": put("", *USER),
    "no id": put(GONE, *USER),
    "a huge id": put(HUGE, *USER),
    "the app itself": put("U0BOT", *USER),
    "Slackbot": put("USLACKBOT", *USER),
    "a bot's id": put("B0001", *USER),
}
SHAPES: Final[Mapping[str, object]] = {
    "a list": ["U0BEN"],
    "an object": {"id": "U0BEN"},
    "nothing": None,
    "a number": 10**30,
    "a truth": True,
    "a half of a pair": "\ud800",
}


def attempts(way: SlackMode) -> Iterator[Attempt]:
    """Everybody does everything."""
    for name, act in ACTS.items():
        for where, forges in ELSEWHERE.items():
            if not (name == "/firedoor stop" and where == "another enterprise" and way == "socket"):
                yield Attempt(kind="another workspace or app", variation=f"{name}: {where}", make=doing(name, act.by, *forges))
        yield Attempt(kind="another workspace or app", variation=f"{name}: a namesake elsewhere", make=doing(name, "U0FAR"))
    for name, act in ACTS.items():
        for who, forge in NOBODY.items():
            yield Attempt(kind="not on the roster", variation=f"{name}: {who}", make=doing(name, act.by, forge))
    for name, act in ACTS.items():
        if act.way == "slash_commands" and way == "http":
            continue  # a form of fields holds text and nothing else
        for place, ids in (("user", USER), ("team", (*TEAM, *USERS_TEAM)), ("app", APP)):
            for shape, value in SHAPES.items():
                make = doing(name, act.by, put(value, *ids))
                yield Attempt(kind="ids of a wrong type", variation=f"{name}: {place} is {shape}", make=make)
    yield from _no_longer()
    for name in DECIDING[:4]:
        yield Attempt(kind="may not approve", variation=f"{name}: not an approver", make=doing(name, "U0MAX"))
        yield Attempt(kind="may not approve", variation=f"{name}: asked for it", make=doing(name, "U0ADA"))
    for name in ASKING:
        yield Attempt(kind="may not ask", variation=name, make=doing(name, "U0NAN"))
    for name in DECIDING[:5]:  # who stops a run need be in none
        yield Attempt(kind="not in the user group", variation=name, make=doing(name, "U0OUT"))


CHANGED: Final[Mapping[str, Mapping[str, Any]]] = {
    "deactivated": {"deleted": True},
    "a guest by now": {"is_restricted": True},
    "a bot by now": {"is_bot": True},
    "of another team by now": {"team_id": "T0002"},
}
SAID: Final[Mapping[str, Mapping[str, Any]]] = {
    "a guest of one channel": {"is_ultra_restricted": True},
    "a stranger to Slack": {"is_stranger": True},
}
OURS: Final = put("T0001", *USERS_TEAM)


def _no_longer() -> Iterator[Attempt]:
    kind = "no longer who they were"
    for name, act in ACTS.items():
        for who, changed in CHANGED.items():
            yield Attempt(kind=kind, variation=f"{name}: {who}", make=_while(act.by, changed, doing(name, act.by, OURS)))
        for who, said in SAID.items():
            user = {"ok": True, "user": {"id": act.by, "team_id": "T0001", **said}}
            fault = Fault(operation="users.info", status=200, body=json.dumps(user))
            yield Attempt(kind=kind, variation=f"{name}: {who}", make=_where(fault, doing(name, act.by)))
        silent = Fault(operation="users.info", status=500, body="down")
        yield Attempt(kind=kind, variation=f"{name}: Slack does not say", make=_where(silent, doing(name, act.by)))
        yield Attempt(kind=kind, variation=f"{name}: Slack knows them no more", make=doing(name, "U0GONE"))


def _while(member: str, changed: Mapping[str, Any], make: Make) -> Make:
    """While Slack has the member like that."""

    async def made(ground: Ground) -> str | None:
        users = cast("dict[str, User]", ground.stage.slack.world.directory.users)
        kept = users[member]
        users[member] = replace(kept, **changed)
        try:
            return await make(ground)
        finally:
            users[member] = kept

    return made


def _where(fault: Fault, make: Make) -> Make:
    """Where Slack answers so."""

    async def made(ground: Ground) -> str | None:
        ground.stage.slack.faults.plan(fault)
        try:
            return await make(ground)
        finally:
            ground.stage.slack.faults.take(fault.operation)

    return made


THEME: Final = Theme(
    name="who it is",
    attempts=attempts,
    prepare=Ground.prepare,
    control=Ground.control,
    scene={"people": ROSTER, "users": USERS, "groups": ON_CALL},
)
