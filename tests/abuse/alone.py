"""One person alone: freezes on a standing approval that is none, and glass that is broken by others or for too much."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from firedoor.approval import Answer, Decision, Way
from firedoor.errors import FiredoorError
from firedoor.journal import Kind
from firedoor.model import Reversal, Tier
from firedoor.run import Order
from firedoor.settings import PersonTable
from firedoor.stage import Plainly
from firedoor.standing import Standing, draw_up
from firedoor.terminal import STANDING
from tests import fakes
from tests.abuse.attempt import Attempt, Make, Theme
from tests.abuse.ground import Ground
from tests.abuse.signatures import UNKNOWN, Case, Forge, by, hand_in
from tests.channels.slack.scene import KEYS, Report, SlackMode

PEOPLE: Final = (
    PersonTable(name="Ada", slack="U0ADA", keys=(KEYS["Ada"].public,)),
    PersonTable(name="Ben", slack="U0BEN", keys=(KEYS["Ben"].public,)),
    PersonTable(name="Cyd", slack="U0CYD", keys=(KEYS["Cyd"].public,)),
    PersonTable(name="Eve", slack="U0EVE", keys=(KEYS["Eve"].public,), may_approve=False),
)
Draw = Callable[[Standing], Standing]


def _signed(standing: Standing, *names: str) -> Standing:
    for name in names:
        standing = standing.signed_by(name, KEYS[name].sign(standing.document).proof)
    return standing


def _both(**changed: Any) -> Draw:
    """Both sign, and then it is another."""
    return lambda standing: replace(_signed(standing, "Ben", "Cyd"), **changed)


def _made(**changed: Any) -> Draw:
    """It is so, and both have signed that."""
    return lambda standing: _signed(replace(standing, **changed), "Ben", "Cyd")


def _written(**proofs: str) -> Draw:
    return lambda standing: replace(standing, signed=proofs)


def _over(**changed: Any) -> Draw:
    """Signatures over another one."""
    return lambda standing: replace(standing, signed=_signed(replace(standing, **changed), "Ben", "Cyd").signed)


NOW: Final = datetime.now(UTC)
OKTA: Final = ("okta.suspend_user",)
DRAWN: Final[Mapping[str, Draw]] = {
    "unsigned": lambda standing: standing,
    "signed by one": lambda standing: _signed(standing, "Ben"),
    "signed by one under two names": lambda one: replace(one, signed=dict.fromkeys(("Ben", "Cyd"), KEYS["Ben"].sign(one.document).proof)),
    "signed by one whose name is written twice": lambda one: replace(
        one, signed=dict.fromkeys(("Ben", "ben"), KEYS["Ben"].sign(one.document).proof)
    ),
    "signed by one and a stranger": lambda one: replace(
        one, signed={**_signed(one, "Ben").signed, "Cyd": UNKNOWN.sign(one.document).proof}
    ),
    "signed by one and somebody who may not approve": lambda standing: _signed(standing, "Ben", "Eve"),
    "signed by strangers": lambda one: replace(
        one, signed={"Mal": UNKNOWN.sign(one.document).proof, "Mel": UNKNOWN.sign(one.document).proof}
    ),
    "signed without a touch": lambda one: replace(
        one, signed={name: KEYS[name].sign(one.document, flags=0).proof for name in ("Ben", "Cyd")}
    ),
    "signed for git": lambda one: replace(
        one, signed={name: KEYS[name].sign(one.document, namespace="git").proof for name in ("Ben", "Cyd")}
    ),
    "signed with words": _written(Ben="yes", Cyd="yes"),
    "signed with MACs": _written(Ben="mac:" + "0" * 64, Cyd="mac:" + "0" * 64),
    "widened to 50 targets": _both(most=50),
    "widened to more actions": lambda one: replace(_signed(replace(one, actions=OKTA), "Ben", "Cyd"), actions=one.actions),
    "made to last": _both(expires=NOW + timedelta(days=3000)),
    "made anew": _both(nonce="0"),
    "of other moments": _both(made=NOW - timedelta(days=2)),
    "over another roster": _over(roster="sha256:0"),
    "over another nonce": _over(nonce="0"),
    "over fewer targets": _over(most=1),
    "expired": _made(expires=NOW - timedelta(seconds=1), made=NOW - timedelta(days=90)),
    "not yet in force": _made(made=NOW + timedelta(days=1)),
    "of another roster": _made(roster="sha256:" + "0" * 64),
    "for other actions": _made(actions=OKTA),
    "for nothing": _made(actions=()),
    "for no target": _made(most=0),
    "for less than none": _made(most=-1),
}


def attempts(way: SlackMode) -> Iterator[Attempt]:
    """Standing approvals that are put into the journal; then others than its beginner on broken glass, and too much at once."""
    del way
    for what, draw in DRAWN.items():
        yield Attempt(kind="forged standing approval", variation=what, make=_freeze(draw))
    yield Attempt(kind="forged standing approval", variation="good, for four targets", make=_freeze(_made(), targets=4))
    for number, body in enumerate(BROKEN):
        yield Attempt(kind="forged standing approval", variation=f"misshapen {number}", make=_freeze(None, body=body))
    for answer in Answer:
        for what, how in SIGNED.items():
            for at_the_desk in (True, False):
                if answer is Answer.STOP and what in MAY_STOP:
                    continue  # anybody on the roster may stop it
                make = _on_glass(how, answer, at_the_desk=at_the_desk)
                variation = f"{answer}: {what}{'' if at_the_desk else ', by hand'}"
                yield Attempt(kind="glass broken by another", variation=variation, make=make, writes=not at_the_desk)
    for member in ("U0ADA", "U0BEN", "U0EVE"):
        for approve in (True, False):
            yield Attempt(
                kind="glass broken in chat",
                variation=f"{'approve' if approve else 'deny'} by {member}",
                make=_in_chat(member, approve=approve),
            )
    for what, (doors, action, way_in) in TOO_MUCH.items():
        run = f"alone-{what.replace(' ', '-')}"
        begun = (f"{run} begun", f"{run}: approval.decided", f"{run}: approve by Ada", f"{run}: granted")
        make = _alone(run, doors, action, way_in)
        yield Attempt(kind="too much alone", variation=what, make=make, allowed=begun if what == "what cannot be taken back" else ())


BROKEN: Final[tuple[Mapping[str, Any], ...]] = ({}, {"most": "many"}, {"signed": []}, {"actions": "*", "most": 9, "signed": {}})


def _freeze(draw: Draw | None, *, targets: int = 1, body: Mapping[str, Any] | None = None) -> Make:
    async def make(ground: Ground) -> None:
        stage = ground.stage
        standing = replace(draw_up(roster=stage.desk.roster.hash, now=NOW, days=90), actions=("fake.shut",))
        await stage.lab.journal.append(STANDING, Kind.STANDING, draw(standing) if draw else dict(body or {}))
        if targets > 1:
            stage.lab.vendor.doors = {f"front{number}": {"k1": "open"} for number in range(targets)}
        await ground.send("slash_commands", ground.command("U0ADA", "freeze ada@example.com"))
        ground.restore()

    return make


def _ada(text: Callable[[Case], str], **how: Any) -> Forge:
    return lambda case: case.said(proof=KEYS["Ada"].sign(text(case), **how).proof)


SIGNED: Final[Mapping[str, Forge]] = {
    "by another approver": by("Ben", KEYS["Ben"]),
    "by somebody who may not approve": by("Eve", KEYS["Eve"]),
    "by another in her name": lambda case: case.said(proof=KEYS["Ben"].sign(case.text()).proof),
    "by the process": lambda case: case.said(proof=case.seal.sign(case.decision)),
    "by an unknown key": lambda case: case.said(proof=UNKNOWN.sign(case.text()).proof),
    "by nobody": lambda case: case.decision,
    "without a touch": _ada(lambda case: case.text(), flags=0),
    "over an ordinary run": _ada(lambda case: case.text(request=case.of(way=Way.ORDINARY))),
    "over another run": _ada(lambda case: case.text(run="r0")),
}
MAY_STOP: Final = ("by another approver", "by somebody who may not approve")  # anybody on the roster may


def _on_glass(forge: Forge, answer: Answer, *, at_the_desk: bool) -> Make:
    """Ada has broken the glass; it waits for her own signature."""

    async def make(ground: Ground) -> str:
        stage, run = ground.stage, ground.kept["glass"]
        request = (await ground.record(run)).request
        assert request is not None
        bare = Decision(request=request.digest, answer=answer, by="Ada", via="terminal", at=request.requested)
        decision = forge(Case(decision=bare, run=run, request=request, over=request, seal=stage.lab.seal))
        return await hand_in(ground, run, decision, at_the_desk=at_the_desk)

    return make


def _in_chat(member: str, *, approve: bool) -> Make:
    async def make(ground: Ground) -> None:
        await ground.send("interactive", await ground.decision(member, approve=approve, run=ground.kept["glass"]))

    return make


class Burn(fakes.Shut):
    """Cannot be taken back."""

    spec = fakes.spec("burn", reversal=Reversal.NEVER)


class Both(fakes.Shut):
    """Needs two people."""

    spec = fakes.spec("both", tier=Tier.TWO)


def _alone(run: str, doors: int, action: str, way: Way) -> Make:
    """Ada begins it, and signs it herself."""

    async def make(ground: Ground) -> str:
        stage = ground.stage
        stage.lab.vendor.doors = {f"front{number}": {"k1": "open"} for number in range(doors)}
        standing = replace(draw_up(roster=stage.desk.roster.hash, now=datetime.now(UTC), days=90), actions=("fake.shut",))
        order = replace(stage.lab.order(run), way=way, standing=_signed(standing, "Ben", "Cyd") if way is Way.FREEZE else None)
        task = _begin(ground, order, steps=({"id": "shut", "action": action, "for_each": "${queries.doors}"},))
        signing = asyncio.create_task(_signs(ground, run))
        try:
            return f"(it ended: {(await task)['outcome']})"
        except FiredoorError as refused:
            return str(refused)
        finally:
            signing.cancel()
            await asyncio.gather(signing, return_exceptions=True)
            ground.restore()

    return make


def _begin(ground: Ground, order: Order, **book: Any) -> asyncio.Task[Report]:
    stage = ground.stage
    stage.lab.actions = (fakes.Shut, fakes.Clear, Burn, Both)
    engine = stage.lab.engine(journal=stage.lab.journal)
    task = asyncio.create_task(cast("Any", engine.contain(order, fakes.book(**book), Plainly())))
    stage.runs.insert(0, task)  # it ends with the scene
    return task


async def _signs(ground: Ground, run: str) -> None:
    await ground.stage.until(lambda: ground.stage.recorded(Kind.REQUESTED, run))
    await ground.decide("Ada", Answer.APPROVE, run)


TOO_MUCH: Final[Mapping[str, tuple[int, str, Way]]] = {
    "six targets": (6, "fake.shut", Way.BREAK_GLASS),
    "fifty targets": (50, "fake.shut", Way.BREAK_GLASS),
    "what cannot be taken back": (1, "fake.burn", Way.BREAK_GLASS),
    "what needs two": (1, "fake.both", Way.BREAK_GLASS),
    "four targets in a freeze": (4, "fake.shut", Way.FREEZE),
    "another action in a freeze": (1, "fake.clear", Way.FREEZE),
    "what cannot be taken back in a freeze": (1, "fake.burn", Way.FREEZE),
    "what needs two in a freeze": (1, "fake.both", Way.FREEZE),
}


async def _prepare(ground: Ground) -> None:
    await ground.prepare()
    await _break_glass(ground)


async def _break_glass(ground: Ground) -> asyncio.Task[Report]:
    run = ground.kept["glass"] = f"glass-{len(ground.stage.runs)}"
    ground.restore()
    task = _begin(ground, replace(ground.stage.lab.order(run), way=Way.BREAK_GLASS))
    await ground.stage.until(lambda: ground.stage.recorded(Kind.REQUESTED, run))
    return task


async def _control(ground: Ground) -> None:
    """Whoever breaks the glass signs for it; a freeze on a good standing approval begins, and whoever began it signs for that."""
    stage, effects = ground.stage, ground.stage.lab.vendor.effects
    glass, before = await _break_glass(ground), effects.total()
    await ground.decide("Ada", Answer.APPROVE, ground.kept["glass"])
    assert (await glass)["outcome"] == "contained"
    ground.restore()
    known = set(await stage.lab.journal.runs())
    await _freeze(_made())(ground)
    [run] = set(await stage.lab.journal.runs()) - known
    await ground.decide("Ada", Answer.APPROVE, run)
    await stage.until(lambda: stage.recorded(Kind.FINISHED, run))
    assert effects.total() == before + 2, effects
    await _break_glass(ground)


THEME: Final = Theme(name="alone", attempts=attempts, prepare=_prepare, control=_control, ways=("socket",), scene={"people": PEOPLE})
