"""Chat where it is downstream of the attacker: whoever decides there only advises, however entitled they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, cast

from firedoor.settings import PersonTable
from firedoor.vendors.slack.raw import Raw
from tests.abuse.acts import DECIDING, doing, put
from tests.abuse.attempt import Attempt, Make, Theme
from tests.abuse.ground import Ground
from tests.channels.slack.samples import HOSTILE
from tests.channels.slack.scene import KEYS, SlackMode

# Ann is Ada's second account: it is on the roster under a name of its own, and what it means is in the plan, as Dan is.
PEOPLE: Final = (
    PersonTable(name="Ada", slack="U0ADA", keys=(KEYS["Ada"].public,)),
    PersonTable(name="Ben", slack="U0BEN", keys=(KEYS["Ben"].public,)),
    PersonTable(name="Cyd", slack="U0CYD", keys=(KEYS["Cyd"].public,)),
    PersonTable(name="Dan", slack="U0DAN", accounts=("fake:door:dans",)),
    PersonTable(name="Ann", slack="U0ANN", accounts=("fake:door:adas",)),
)
MEMBERS: Final = ("U0BEN", "U0CYD", "U0DAN", "U0ANN", "U0ADA", "U0EVE")
EDITED: Final = ("{run} {said} {digest} x y z", "{run} {said} {digest}", "{run} stop {digest}", "{run} {said} ", "{run} {said} sha256:0")


def attempts(way: SlackMode) -> Iterator[Attempt]:
    """Each member in each way, with all that they might say, and views as a thief of the token would write them."""
    del way
    for member in MEMBERS:
        for name in DECIDING:
            kind = "in the plan, or a second account" if member in ("U0DAN", "U0ANN") else "chat where signatures count"
            yield Attempt(kind=kind, variation=f"{name} by {member}", make=doing(name, member), opens=member in ("U0BEN", "U0CYD"))
    for what, words in HOSTILE.items():
        for name in ("approve", "deny"):
            reason = put(words, ("view", "state", "values", "reason", "text", "value"))
            yield Attempt(kind="hostile advice", variation=f"{name}: {what}", make=doing(name, "U0BEN", reason))
    for metadata in EDITED:
        for name in ("approve", "deny"):
            yield Attempt(kind="edited view of advice", variation=f"{name}: {metadata}", make=_edited(name, metadata))
    for name in ("approve", "deny"):
        for times in (2, 5, 10):
            yield Attempt(kind="advice again and again", variation=f"{name}, {times} times", make=_again(name, times))


def _edited(name: str, metadata: str) -> Make:
    async def make(ground: Ground) -> None:
        payload = await ground.decision("U0BEN", approve=name == "approve")
        view = cast("Raw", payload["view"])
        run, said, digest, _ = str(view["private_metadata"]).split(" ", 3)
        view["private_metadata"] = metadata.format(run=run, said=said, digest=digest)
        await ground.send("interactive", payload)

    return make


def _again(name: str, times: int) -> Make:
    async def make(ground: Ground) -> None:
        for _ in range(times):
            await doing(name, "U0BEN")(ground)

    return make


async def _prepare(ground: Ground) -> None:
    ground.plain = {"front": {"k1": "open"}, "dans": {"k4": "open"}, "adas": {"k4": "open"}}
    await ground.prepare()


THEME: Final = Theme(
    name="chat that only advises",
    attempts=attempts,
    prepare=_prepare,
    control=Ground.control,
    scene={"people": PEOPLE, "users": ({"id": "U0ANN", "name": "ann"},)},
)
