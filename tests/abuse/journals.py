"""What somebody writes who has the journal's database: decisions, rulings, requests and plans, and what the next process makes of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

import sqlalchemy as sa

from firedoor.approval import Answer, Decision, Way, subject
from firedoor.canonical import canonical
from firedoor.errors import FiredoorError
from firedoor.journal import Kind
from firedoor.run import Record
from firedoor.seal import Seal
from firedoor.stage import Plainly
from firedoor.tables import events
from tests.abuse.attempt import Attempt, Make, Theme
from tests.abuse.ground import Ground, begun, held
from tests.channels.slack.scene import Report, SlackMode

Body = dict[str, Any]
Forge = Callable[[Decision, Seal], Decision]
VAULT: Final = {"name": "vault", "before": None}
STRANGE: Final = Seal(b"x" * 32)


def _signed(decision: Decision, seal: Seal) -> Decision:
    return replace(decision, proof=seal.sign(decision))


FORGED: Final[Mapping[str, Forge]] = {
    "no proof": lambda one, _: one,
    "another key": lambda one, _: _signed(one, STRANGE),
    "a word": lambda one, _: replace(one, proof="mac:"),
    "zeros": lambda one, _: replace(one, proof="mac:" + "0" * 64),
    "capitals": lambda one, seal: replace(one, proof=seal.sign(replace(one, by="Cyd")).upper()),
    "cut short": lambda one, seal: replace(one, proof=seal.sign(one)[:-1]),
    "longer": lambda one, seal: replace(one, proof=seal.sign(one) + "0"),
    "another prefix": lambda one, seal: replace(one, proof="ssh:" + seal.sign(one)),
    "no prefix": lambda one, seal: replace(one, proof=seal.sign(one).removeprefix("mac:")),
    "half of a pair": lambda one, _: replace(one, proof="\ud800"),
    "of another person": lambda one, seal: replace(one, proof=seal.sign(replace(one, by="Cyd"))),
    "of another answer": lambda one, seal: replace(one, proof=seal.sign(replace(one, answer=_other(one.answer)))),
    "of another reason": lambda one, seal: replace(one, proof=seal.sign(replace(one, reason="because"))),
    "of another way": lambda one, seal: replace(one, proof=seal.sign(replace(one, via="slack:U0CYD"))),
    "of another moment": lambda one, seal: replace(one, proof=seal.sign(replace(one, at=one.at + timedelta(microseconds=1)))),
    "of another request": lambda one, seal: replace(one, proof=seal.sign(replace(one, request="sha256:" + "0" * 64))),
    "of a request that is over": lambda one, seal: _signed(replace(one, request="sha256:" + "0" * 64), seal),
    "before it was asked": lambda one, seal: _signed(replace(one, at=one.at - timedelta(hours=1)), seal),
    "after it has expired": lambda one, seal: _signed(replace(one, at=one.at + timedelta(hours=1)), seal),
    "by the requester": lambda one, seal: _signed(replace(one, by="Ada"), seal),
    "by a stranger": lambda one, seal: _signed(replace(one, by="Eve"), seal),
    "by a name in another case": lambda one, seal: _signed(replace(one, by="ben"), seal),
    "by a name with a space": lambda one, seal: _signed(replace(one, by="Ben "), seal),
    "by a look-alike": lambda one, seal: _signed(replace(one, by="B\u0435n"), seal),
}
MAY_STOP: Final = ("by the requester", "before it was asked", "after it has expired")  # a stop is anybody's, at any time


def _other(answer: Answer) -> Answer:
    return Answer.DENY if answer is not Answer.DENY else Answer.APPROVE


def attempts(way: SlackMode) -> Iterator[Attempt]:
    """Events that are added, then rows that are altered, before another process takes the run over."""
    del way
    for answer in Answer:
        for what, forge in FORGED.items():
            if answer is not Answer.STOP or what not in MAY_STOP:
                yield Attempt(kind="decision by hand", variation=f"{answer}: {what}", make=_decided(answer, forge), writes=True)
    for what, kind, body in BY_HAND:
        yield Attempt(kind="ruling by hand", variation=what, make=_added(kind, body), writes=True)
        yield Attempt(kind="ruling by hand", variation=f"{what}, then resumed", make=_taken_over(_added(kind, body)), writes=True)
    for what, (member, changed) in REWRITTEN.items():
        for said in ("approve", "deny"):
            make = _taken_over(_rewritten(changed, member, approve=said == "approve"))
            yield Attempt(kind="request rewritten", variation=f"{what}, {said}", make=make, writes=True)
    for what, alter in UNDECIDED.items():
        yield Attempt(kind="plan rewritten", variation=what, make=_taken_over(alter), writes=True)
    for what, alter in DECIDED.items():
        yield Attempt(kind="plan rewritten", variation=what, make=_taken_over(alter), writes=True, allowed=APPROVED)
    yield Attempt(kind="plan rewritten", variation="one more, that only tells", make=_taken_over(ONE_MORE_TELLS), writes=True, allowed=ALL)
    yield Attempt(kind="stop of before", variation="its proof is good", make=_stopped_again, writes=True, allowed=ALL)


def _decided(answer: Answer, forge: Forge) -> Make:
    async def make(ground: Ground) -> None:
        record, stage = await ground.record(), ground.stage
        bare = Decision(request=subject(ground.open, record.request), answer=answer, by="Ben", via="slack:U0BEN", at=datetime.now(UTC))
        kind = Kind.STOP if answer is Answer.STOP else Kind.DECIDED
        await stage.lab.journal.append(ground.open, kind, forge(bare, stage.lab.seal))
        await asyncio.sleep(0.01)

    return make


def _added(kind: Kind, body: Body) -> Make:
    async def make(ground: Ground) -> None:
        await ground.stage.lab.journal.append(ground.open, kind, body)
        await asyncio.wait({ground.stage.runs[-1]}, timeout=0.05)

    return make


# What is added to the run that waits, as if its own process had.
BY_HAND: Final[tuple[tuple[str, Kind, Body], ...]] = (
    ("granted", Kind.CLOSED, {"ruling": "granted", "stopped_by": ""}),
    ("granted by nobody", Kind.CLOSED, {"ruling": "granted"}),
    ("a ruling that is none", Kind.CLOSED, {"ruling": "GRANTED"}),
    ("no ruling", Kind.CLOSED, {}),
    ("resumed", Kind.RESUMED, {"from": 0}),
    ("contained", Kind.FINISHED, {"outcome": "contained"}),
    ("failed, so that it is resumed", Kind.FINISHED, {"outcome": "failed"}),
    ("undone", Kind.UNDONE, {"by": "r0"}),
    ("a decision without a body", Kind.DECIDED, {}),
    ("a stop without a body", Kind.STOP, {}),
    ("a request without a body", Kind.REQUESTED, {}),
    ("a plan of nothing", Kind.PLANNED, {"items": [], "fingerprint": ""}),
    ("an event of no kind", cast("Kind", "approval.granted"), {"by": "Ben"}),
)


def _taken_over(make: Make) -> Make:
    """The process dies, the journal is altered, and another one goes on from there."""

    async def made(ground: Ground) -> str:
        ground.stage.runs[-1].cancel()
        await asyncio.gather(ground.stage.runs[-1], return_exceptions=True)
        try:
            await make(ground)
            async with asyncio.timeout(0.5):
                report = await ground.stage.engine.resume(ground.open, Plainly())
        except FiredoorError as error:
            return str(error)
        except TimeoutError:
            return "(it waits)"
        return f"(it ended: {report['outcome']})"

    return made


async def alter(ground: Ground, kind: Kind, change: Callable[[Body], None]) -> None:
    """The newest row of that kind, in place; its hash is no longer its own, which only the audit sees."""
    async with ground.stage.lab.store.transaction() as connection:
        mine = (events.c.run == ground.open) & (events.c.kind == str(kind))
        row = (await connection.execute(sa.select(events.c.seq, events.c.body).where(mine).order_by(events.c.n.desc()))).first()
        assert row is not None
        body = json.loads(row.body)
        change(body)
        await connection.execute(events.update().where(events.c.seq == row.seq).values(body=canonical(body)))


def _rewritten(changed: Body, member: str, *, approve: bool) -> Make:
    """The request is another, and somebody decides on that."""

    async def make(ground: Ground) -> None:
        await alter(ground, Kind.REQUESTED, lambda body: body.update(changed))
        await ground.send("interactive", await ground.decision(member, approve=approve))

    return make


LATER: Final = (datetime.now(UTC) + timedelta(days=300)).isoformat()
# Who decides then, and what was written into the request. The run needs two people, and asks for nothing else.
REWRITTEN: Final[Mapping[str, tuple[str, Body]]] = {
    "one is enough": ("U0BEN", {"required": 1}),
    "nobody is needed": ("U0BEN", {"required": 0}),
    "somebody else asked": ("U0ADA", {"requester": "Cyd", "required": 1}),
    "nobody asked": ("U0ADA", {"requester": "", "required": 1}),
    "the glass was broken": ("U0ADA", {"way": "break-glass", "required": 1}),
    "it is a freeze": ("U0ADA", {"way": "freeze", "required": 1}),
    "another plan": ("U0BEN", {"required": 1, "fingerprint": "sha256:" + "0" * 64}),
    "other lines": ("U0BEN", {"required": 1, "lines": ["water the plants"]}),
    "another run": ("U0BEN", {"required": 1, "run": "r0"}),
    "another mode": ("U0BEN", {"required": 1, "mode": "drill"}),
    "another roster": ("U0BEN", {"required": 1, "roster": "sha256:" + "0" * 64}),
    "more time": ("U0BEN", {"required": 1, "expires": LATER, "lapses": LATER}),
    "other effects": ("U0BEN", {"required": 1, "effects": {"shut/front": ["sha256:" + "0" * 64]}}),
}


def _item(**changed: object) -> Callable[[Body], None]:
    def change(body: Body) -> None:
        body["items"][0].update(changed)

    return change


def _planned(change: Callable[[Body], None]) -> Make:
    """Two have approved, and then the plan is another."""

    async def make(ground: Ground) -> None:
        await ground.approve()
        await alter(ground, Kind.PLANNED, change)

    return make


def _more(**changed: object) -> Callable[[Body], None]:
    def change(body: Body) -> None:
        body["items"].append({**body["items"][0], "id": "shut/vault", "label": "vault", "target": VAULT, **changed})

    return change


def _ordered(**changed: object) -> Make:
    async def make(ground: Ground) -> None:
        await alter(ground, Kind.OPENED, lambda body: body.update(changed))

    return make


async def _unasked(ground: Ground) -> None:
    """No request was ever made."""
    async with ground.stage.lab.store.transaction() as connection:
        await connection.execute(events.delete().where((events.c.run == ground.open) & (events.c.kind == str(Kind.REQUESTED))))


async def _tells_unasked(ground: Ground) -> None:
    await alter(ground, Kind.PLANNED, _item(telling=True))
    await _unasked(ground)


async def _copied(ground: Ground) -> None:
    """The approvals of a run that is over."""
    over = await ground.record(ground.over)
    for decision in over.decisions:
        await ground.stage.lab.journal.append(ground.open, Kind.DECIDED, decision)


async def _copied_whole(ground: Ground) -> None:
    """The request of a run that is over, with its approvals."""
    over: Record = await ground.record(ground.over)
    await ground.stage.lab.journal.append(ground.open, Kind.REQUESTED, over.request)
    await _copied(ground)


async def _a_denial_gone(ground: Ground) -> None:
    await ground.stage.desk.decide(ground.open, ground.person("Ben"), Answer.DENY, via="test")
    async with ground.stage.lab.store.transaction() as connection:
        await connection.execute(events.delete().where((events.c.run == ground.open) & (events.c.kind == str(Kind.DECIDED))))
    await ground.stage.desk.decide(ground.open, ground.person("Cyd"), Answer.APPROVE, via="test")


async def _stopped_again(ground: Ground) -> str:
    """A run is stopped in the middle of its writes and resumed; then the stop is put on record once more, with its good proof."""
    stage, run, gates = ground.stage, ground.open, (asyncio.Event(), asyncio.Event())
    for gate in gates:
        stage.lab.vendor.on_apply.append(held(gate))
    await ground.approve()
    await stage.until(lambda: begun(ground, run, 1))
    stop = await stage.desk.stop(run, ground.person("Ben"), via="test")
    gates[0].set()
    await stage.runs[-1]
    resumed = await ground.resume(run)
    await stage.until(lambda: _goes_on(ground, run, resumed))
    await stage.lab.journal.append(run, Kind.STOP, stop)
    stopped_by = stage.desk.stopped_by(await ground.record())
    gates[1].set()
    report = await resumed
    assert (stopped_by, report["outcome"]) == ("", "contained"), f"stopped by {stopped_by or 'nobody'}, {report['outcome']}"
    return f"(it ended: {report['outcome']})"


async def _goes_on(ground: Ground, run: str, resumed: asyncio.Task[Report]) -> bool:
    """Whether it is in the middle of its writes again; or it has ended, which it must not."""
    return resumed.done() or await begun(ground, run, 2)


UNDECIDED: Final[Mapping[str, Make]] = {
    "it only tells, and nobody was asked": _tells_unasked,
    "nobody was asked": _unasked,
    "approvals of another run": _copied,
    "a request of another run": _copied_whole,
    "it was somebody else's": _ordered(requester="Cyd"),
    "it breaks the glass": _ordered(way=str(Way.BREAK_GLASS)),
    "it is an undo": _ordered(undoes="r0"),
    "it is a drill": _ordered(mode="drill"),
}
# Two have approved before; that stands, and nothing may come of it but what they have approved.
APPROVED: Final = ("{open}: approve by Ben", "{open}: approve by Cyd", "{open}: granted")
DECIDED: Final[Mapping[str, Make]] = {
    "another target": _planned(_item(target=VAULT)),
    "another action": _planned(_item(action="fake.clear")),
    "another id": _planned(_item(id="shut/vault")),
    "one more": _planned(_more()),
    "another order": _planned(_item(needs=["shut/vault"])),
    "it only tells": _planned(_item(telling=True)),
    "a denial is gone": _a_denial_gone,
}
ALL: Final = (*APPROVED, "effect: shut front/k1", "effect: shut front/k2")
ONE_MORE_TELLS: Final = _planned(_more(telling=True))


async def _prepare(ground: Ground) -> None:
    """Each run needs two people, and leaves the vault alone."""
    ground.plain = {"front": {"k1": "open", "k2": "open"}, "vault": {"k1": "open"}}
    ground.asking = {"at_least": 2, "doors": ("front",)}
    await ground.prepare()


async def _control(ground: Ground) -> None:
    await ground.ask()  # some of what was written by hand bears the seal's own proof, of another hour
    await ground.control()


THEME: Final = Theme(name="the journal", attempts=attempts, prepare=_prepare, control=_control, ways=("socket",))
