"""Many at once: strangers, the same thing again and again, and two who disagree at the same instant. What is somebody's own counts once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

from firedoor.journal import Kind
from firedoor.vendors.slack.delivery import Ack
from firedoor.vendors.slack.raw import Raw
from tests.abuse.acts import ACTS, DECIDING
from tests.abuse.attempt import Attempt, Make, Theme
from tests.abuse.ground import Ground
from tests.channels.slack.scene import SlackMode

STRANGERS: Final = tuple(f"U0X{number:02}" for number in range(20))
USERS: Final = tuple({"id": member, "name": member.lower()} for member in STRANGERS)
MANY: Final = {2: "U0BEN", 5: "U0CYD", 10: "U0DAN"}  # how often, and by whom: nobody may ask for many runs within the hour
# One approval that counts, and what comes of it; one denial.
APPROVED: Final = ("{open}: approve by Ben", "{open}: approval.decided", "{open}: granted", "effect: shut front/k1")
DENIED: Final = ("{open}: deny by Cyd", "{open}: approval.decided")


def attempts(way: SlackMode) -> Iterator[Attempt]:
    """Crowds of each kind, again and again: what goes wrong among many goes wrong sometimes."""
    del way
    for name in DECIDING:
        for who in ((*STRANGERS,), ("U0EVE",) * 20, ("U0ADA", "U0GUS", "U0FAR", "U0EVE") * 5):
            if not (name in ("stop", "look to stop", "/firedoor stop") and "U0ADA" in who):  # she may
                make = _crowd(name, who)
                yield Attempt(kind="twenty at once", variation=f"{name}: {', '.join(dict.fromkeys(who))[:40]}", make=make)
    for times in MANY:
        for trial in range(3):
            yield Attempt(kind="the same again", variation=f"{times} deliveries, {trial}", make=_same(times), allowed=APPROVED)
            yield Attempt(kind="the same again", variation=f"{times} submissions, {trial}", make=_repeated(times), allowed=APPROVED)
            yield Attempt(
                kind="the same again",
                variation=f"{times} forms, {trial}",
                make=_forms(times, trial),
                allowed=(f"{_name(times, trial)} begun",),
            )
    for trial in range(8):
        yield Attempt(kind="yes and no at once", variation=str(trial), make=_both(trial), allowed=(*APPROVED, *DENIED))
    for trial in range(8):
        yield Attempt(kind="a crowd around one", variation=str(trial), make=_around(trial), allowed=APPROVED)


async def _all(ground: Ground, name: str, payloads: Sequence[Raw]) -> None:
    """Delivered in the same instant."""
    tasks = asyncio.all_tasks()
    acks: list[Ack] = await asyncio.gather(*(ground.stage.deliver(ACTS[name].way, one) for one in payloads))
    await ground.settle(tasks)
    ground.take(acks)


def _crowd(name: str, members: Sequence[str]) -> Make:
    async def make(ground: Ground) -> None:
        await _all(ground, name, [await ACTS[name].payload(ground, member) for member in members])

    return make


def _same(times: int) -> Make:
    async def make(ground: Ground) -> None:
        await _all(ground, "approve", [await ground.decision("U0BEN")] * times)
        await _ended(ground)

    return make


def _repeated(times: int) -> Make:
    """Each with a trigger of its own, as from a finger that trembles."""

    async def make(ground: Ground) -> None:
        await _all(ground, "approve", [await ground.decision("U0BEN") for _ in range(times)])
        await _ended(ground)

    return make


def _name(times: int, trial: int) -> str:
    return f"261125-{times:03}{trial:03}"


def _forms(times: int, trial: int) -> Make:
    async def make(ground: Ground) -> None:
        await _all(ground, "form", [ground.form(MANY[times], run=_name(times, trial)) for _ in range(times)])

    return make


def _both(trial: int) -> Make:
    """Whoever is first, there is one ruling; and if that is no, nothing is done."""

    async def make(ground: Ground) -> str:
        payloads = [await ground.decision("U0BEN"), await ground.decision("U0CYD", approve=False)]
        await _all(ground, "approve", payloads[:: -1 if trial % 2 else 1])
        return await _ended(ground)

    return make


def _around(trial: int) -> Make:
    """Ben approves in the middle of strangers who press, submit and stop."""

    async def make(ground: Ground) -> None:
        payloads = [await ACTS["approve" if number % 2 else "deny"].payload(ground, member) for number, member in enumerate(STRANGERS)]
        payloads.insert(trial * 2, await ground.decision("U0BEN"))
        await _all(ground, "approve", payloads)
        await _ended(ground)

    return make


async def _ended(ground: Ground) -> str:
    """How the run ends: by one ruling, and with what that ruling allows."""
    stage, effects = ground.stage, ground.stage.lab.vendor.effects
    before = effects.total()
    report = await stage.runs[-1]
    rulings = [event.body["ruling"] for event in await stage.lab.events(ground.open) if event.kind == Kind.CLOSED]
    assert len(rulings) == 1, rulings
    assert report["outcome"] == {"granted": "contained", "denied": "denied"}[str(rulings[0])], (rulings, report["outcome"])
    assert rulings[0] == "granted" or effects.total() == before, "denied, and done"
    return f"(it ended: {report['outcome']})"


THEME: Final = Theme(name="crowds", attempts=attempts, prepare=Ground.prepare, control=Ground.control, scene={"users": USERS})
