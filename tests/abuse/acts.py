"""What people do to a run, genuine as Slack tells of it; each is made by the right person in the end, to show that it works."""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

from firedoor.channels.slack import home
from firedoor.channels.slack.blocks import APPROVE, DENY, STOP
from firedoor.vendors.slack.delivery import Kind as Way
from firedoor.vendors.slack.raw import Raw
from tests.abuse.attempt import Make
from tests.abuse.ground import KEY, Ground

Forge: TypeAlias = Callable[[Raw], Raw]
Where: TypeAlias = tuple[str | int, ...]
GONE: Final = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something that is done by a member. ``by`` is who may do it; ``opens``: it only opens a view."""

    way: Way
    payload: Callable[[Ground, str], Awaitable[Raw]]
    by: str = "U0BEN"
    opens: bool = False


def _line(line: str) -> Callable[[Ground, str], Awaitable[Raw]]:
    async def payload(ground: Ground, member: str) -> Raw:
        return ground.command(member, line.format(open=ground.open, over=ground.over))

    return payload


async def _form(ground: Ground, member: str) -> Raw:
    return ground.form(member)


async def _alert(ground: Ground, member: str) -> Raw:
    return ground.alert(member, f"the key {KEY} was seen in a public repository")


async def _home(ground: Ground, member: str) -> Raw:
    return ground.press_at_home(member, home.LOOK)


ACTS: Final[Mapping[str, Act]] = {
    "approve": Act(way="interactive", payload=lambda ground, member: ground.decision(member)),
    "deny": Act(way="interactive", payload=lambda ground, member: ground.decision(member, approve=False)),
    "look": Act(way="interactive", payload=lambda ground, member: ground.press(member, APPROVE), opens=True),
    "look to deny": Act(way="interactive", payload=lambda ground, member: ground.press(member, DENY), opens=True),
    "look to stop": Act(way="interactive", payload=lambda ground, member: ground.press(member, STOP), opens=True),
    "look at home": Act(way="interactive", payload=_home, opens=True),
    "stop": Act(way="interactive", payload=lambda ground, member: ground.halt(member)),
    "/firedoor stop": Act(way="slash_commands", payload=_line("stop {open}")),
    "/firedoor contain": Act(way="slash_commands", payload=_line(f"contain leaked-aws-key access_keys={KEY}"), by="U0ADA"),
    "/firedoor undo": Act(way="slash_commands", payload=_line("undo {over}"), by="U0ADA"),
    "form": Act(way="interactive", payload=_form, by="U0ADA"),
    "form from an alert": Act(way="interactive", payload=_alert, by="U0ADA", opens=True),
}
DECIDING: Final = ("approve", "deny", "look", "look to deny", "look at home", "look to stop", "stop", "/firedoor stop")
ASKING: Final = ("/firedoor contain", "/firedoor undo", "form", "form from an alert")


def doing(name: str, member: str, *forges: Forge) -> Make:
    """The act by that member, forged."""

    async def make(ground: Ground) -> None:
        act = ACTS[name]
        payload = await act.payload(ground, member)
        for forge in forges:
            payload = forge(payload)
        await ground.send(act.way, payload)

    return make


def put(value: object, *where: Where) -> Forge:
    """The payload with another value in those of these places that it has; `GONE` takes them away."""

    def forge(payload: Raw) -> Raw:
        made = copy.deepcopy(payload)
        for *above, last in where:
            place = _place(made, tuple(above))
            if isinstance(place, dict) and (last in place or len(where) == 1):
                if value is GONE:
                    place.pop(last, None)
                else:
                    place[last] = value
        return made

    return forge


def _place(payload: Raw, way: Where) -> object:
    found: object = payload
    for step in way:
        if isinstance(found, dict):
            found = found.get(step)
        elif isinstance(found, list) and isinstance(step, int):
            found = cast("list[object]", found)[step]
        else:
            return None
    return found


USER: Final[tuple[Where, ...]] = (("user_id",), ("user", "id"))
USERS_TEAM: Final[tuple[Where, ...]] = (("user", "team_id"),)
TEAM: Final[tuple[Where, ...]] = (("team_id",), ("team", "id"))
APP: Final[tuple[Where, ...]] = (("api_app_id",), ("view", "app_id"))
