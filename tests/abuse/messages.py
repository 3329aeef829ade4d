"""Messages that are not as Firedoor made them: whoever has stolen the bot token edits them, and people press what they find there.

What they press may open a view, which shows what the journal has. Nothing may come of the pressing itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from firedoor.channels.slack import forms, home
from firedoor.channels.slack.blocks import APPROVE, DECIDE, DENY, STOP
from firedoor.vendors.slack.raw import Raw
from tests.abuse.acts import GONE, Forge, Where, put
from tests.abuse.attempt import Attempt, Make, Theme
from tests.abuse.ground import Ground
from tests.channels.slack.scene import SlackMode

ACTION: Final[Where] = ("actions", 0, "action_id")
VALUE: Final[Where] = ("actions", 0, "value")
BLOCK: Final[Where] = ("actions", 0, "block_id")
PRESSED: Final = {"look": APPROVE, "deny": DENY, "stop": STOP, "home look": home.LOOK, "home deny": home.REFUSE}
SWAPPED: Final = {name: [other for other in PRESSED if other != name] for name in PRESSED}

OTHER: Final = "another"  # waits too: whoever presses its own button is shown it
VALUES: Final[Mapping[str, object]] = {
    "a run that is over": "r0",
    "another run that waits": OTHER,
    "a run that does not exist": "r404",
    "nothing": "",
    "no value": GONE,
    "none": None,
    "a list": ["{open}"],
    "an object": {"run": "{open}"},
    "a number": 1,
    "3,000 characters": "r" * 3000,
    "a space behind": "{open} ",
    "another case": "R1",
    "a look-alike": "\u0433{open}",
    "a path": "../{open}",
    "two runs": "{open} r0",
    "a NUL": "{open}\x00",
    "half of a pair": "{open}\ud800",
    "SQL": "{open}' OR '1'='1",
}
FOREIGN: Final = (
    "approve",
    "firedoor_Approve",
    "firedoor_approve ",
    "",
    DECIDE,
    forms.CONTAIN,
    "x" * 255,
    "*",
    ".*",
    None,
    ["firedoor_stop"],
)


def pressing(name: str, *forges: Forge) -> Make:
    """Ben presses what he finds under the request, or in his home tab."""

    async def make(ground: Ground) -> None:
        at_home = name.startswith("home")
        payload = ground.press_at_home("U0BEN", PRESSED[name]) if at_home else await ground.press("U0BEN", PRESSED[name])
        for forge in forges:
            payload = forge(payload)
        await ground.send("interactive", _filled(payload, ground.open))

    return make


def _filled(value: Raw, run: str) -> Raw:
    def fill(found: object) -> object:
        match found:
            case str():
                return found.replace("{open}", run)
            case dict():
                return {key: fill(one) for key, one in found.items()}
            case list():
                return [fill(one) for one in found]
        return found

    filled = fill(value)
    assert isinstance(filled, dict)
    return filled


def attempts(way: SlackMode) -> Iterator[Attempt]:
    """Each button with each wrong value, place, name and surrounding."""
    del way
    for name in PRESSED:
        place = "home:" if name.startswith("home") else "decide:"
        for what, value in VALUES.items():
            yield Attempt(kind="edited button", variation=f"{name}: its value is {what}", make=pressing(name, put(value, VALUE)))
            moved = f"{place}{value}" if isinstance(value, str) else value
            make = pressing(name, put(moved, BLOCK), put("r404", VALUE))
            if value != "r404":
                yield Attempt(kind="edited button", variation=f"{name}: its place is that of {what}", make=make)
    for name in PRESSED:
        place = "home:" if name.startswith("home") else "decide:"
        for what, value in VALUES.items():
            if isinstance(value, str) and value != OTHER:
                make = pressing(name, put(value, VALUE), put(f"{place}{value}", BLOCK))
                yield Attempt(kind="button of another run", variation=f"{name}: {what}", make=make)
    for foreign in FOREIGN:
        make = pressing("look", put(foreign, ACTION))
        yield Attempt(kind="foreign action", variation=f"{str(foreign)[:40]!r} with our value", make=make)
    for name in PRESSED:
        for what, forge in SHAPES.items():
            yield Attempt(kind="misshapen click", variation=f"{name}: {what}", make=pressing(name, forge), opens=True)
    for name in PRESSED:
        for where, forge in PLACES.items():
            yield Attempt(kind="button in another place", variation=f"{name}: {where}", make=pressing(name, forge), opens=True)
    for name, others in SWAPPED.items():
        for other in others:
            make = pressing(name, put(PRESSED[other], ACTION), put(f"{'home' if other.startswith('home') else 'decide'}:{{open}}", BLOCK))
            yield Attempt(kind="button under other words", variation=f"{other} where {name} stood", make=make, opens=True)


SHAPES: Final[Mapping[str, Forge]] = {
    "no actions": put([], ("actions",)),
    "actions are none": put(None, ("actions",)),
    "actions are text": put("firedoor_approve", ("actions",)),
    "an action is text": put(["firedoor_approve"], ("actions",)),
    "an action is none": put([None], ("actions",)),
    "no container": put(GONE, ("container",)),
    "an empty container": put({}, ("container",)),
    "a container that is text": put("C0INC", ("container",)),
    "no trigger": put(GONE, ("trigger_id",)),
    "a trigger of another": put("1.2.3", ("trigger_id",)),
    "no response address": put(GONE, ("response_url",)),
    "a user that is text": put("U0BEN", ("user",)),
}
PLACES: Final[Mapping[str, Forge]] = {
    "another channel": put({"type": "message", "message_ts": "1.1", "channel_id": "C0GEN"}, ("container",)),
    "a direct message": put({"type": "message", "message_ts": "1.1", "channel_id": "D0BEN"}, ("container",)),
    "an ephemeral message": put({"type": "message", "message_ts": "1.1", "channel_id": "C0INC", "is_ephemeral": True}, ("container",)),
    "another message": put({"type": "message", "message_ts": "1.1", "channel_id": "C0INC"}, ("container",)),
    "a view": put({"type": "view", "view_id": "V1"}, ("container",)),
}


async def _prepare(ground: Ground) -> None:
    await ground.stage.ask(OTHER)
    await ground.prepare()


THEME: Final = Theme(name="edited messages", attempts=attempts, prepare=_prepare, control=Ground.control)
