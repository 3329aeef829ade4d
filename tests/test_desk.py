from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from firedoor.approval import Answer, Decision, Person, Request, Roster, Ruling
from firedoor.desk import Desk
from firedoor.errors import BadInput, DecisionRefused, UnknownRun
from firedoor.journal import Event, Journal, Kind
from firedoor.model import Mode, Tier
from firedoor.run import ITSELF, Order, resumed
from firedoor.seal import Seal
from firedoor.stops import Stops
from firedoor.store import Store
from tests.fakes import KEYS, resumption

ADA, BEN = (Person(name=name, slack=f"U0{name.upper()}") for name in ("Ada", "Ben"))
CEM = Person(name="Cem", slack="U0CEM", keys=(KEYS["Cem"].public,))
ROSTER, SEAL = Roster(people=(ADA, BEN, CEM)), Seal(b"k" * 32)
NOON = datetime(2023, 10, 18, 12, tzinfo=UTC)
EDGE = NOON + timedelta(minutes=30)
TICK = timedelta(microseconds=1)


class Clock(datetime):
    """The desk's clock, stopped."""

    moment = NOON

    @classmethod
    def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
        assert tz is UTC
        return cls.moment


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> type[Clock]:
    monkeypatch.setattr("firedoor.desk.datetime", Clock)
    monkeypatch.setattr("firedoor.journal.POLL_SECONDS", 0.01)
    monkeypatch.setattr(Clock, "moment", NOON)
    return Clock


class Interrupted(Journal):
    """Just before an event of this kind is put on record, something else happens."""

    before: tuple[Kind, Callable[[], Awaitable[object]]] | None = None

    async def append(self, run: str, kind: Kind, body: object, **more: Any) -> Event:
        if self.before and self.before[0] is kind:
            (_, happens), self.before = self.before, None
            await happens()
        return await super().append(run, kind, body, **more)


@dataclass(frozen=True, slots=True)
class Scene:
    """One run that has been asked for, the desk where it is, and a desk of another process."""

    journal: Interrupted
    desk: Desk
    elsewhere: Desk

    async def asked(self, run: str = "r1", *, mode: Mode = Mode.LIVE, required: Tier = Tier.ONE) -> Request:
        order = Order(run=run, incident="i", playbook="fire", mode=mode, requester="Ada", asked=NOON, inputs={}, title="Shut the doors")
        await self.journal.append(run, Kind.OPENED, order)
        request = Request(
            run=run, mode=mode, playbook="fire", fingerprint="f", effects={"i": ("e",)}, covers={}, required=required, requester="Ada",
            roster=ROSTER.hash, barred=(), requested=NOON, expires=EDGE, lapses=EDGE + timedelta(hours=4), nonce=f"nonce of {run}",
        )  # fmt: skip
        await self.desk.ask(request)
        return request

    async def yes(self, who: Person | None = BEN, *, run: str = "r1", answer: Answer = Answer.APPROVE, asked: str = "") -> Decision:
        return await self.elsewhere.decide(run, who, answer, via="test", asked=asked)

    async def decided(self, run: str = "r1") -> list[str]:
        return [f"{one.by} {one.answer}" for one in (await self.desk.record(run)).decisions]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    url = f"sqlite:///{tmp_path / 'journal.db'}"
    async with Store(url) as here, Store(url) as there:
        journal = Interrupted(here)
        desks = (Desk(journal=one, roster=ROSTER, seal=SEAL) for one in (journal, Journal(there)))
        yield Scene(journal, *desks)


async def ruling(scene: Scene, request: Request) -> Ruling:
    async with asyncio.timeout(20):
        return await scene.desk.wait(request)


@pytest.mark.parametrize(("answer", "due"), [(Answer.APPROVE, Ruling.GRANTED), (Answer.DENY, Ruling.DENIED)])
async def test_one_answer_rules(scene: Scene, answer: Answer, due: Ruling) -> None:
    request = await scene.asked()
    waiting = asyncio.create_task(ruling(scene, request))
    assert await scene.elsewhere.may_decide("r1", BEN) == request
    decision = await scene.yes(answer=answer)
    assert SEAL.holds(decision)
    assert await waiting is due
    assert await ruling(scene, request) is due  # asked again, it is read
    record = await scene.desk.record("r1")
    assert record.ruling is due
    assert (scene.desk.grant(record) is not None) is (due is Ruling.GRANTED)
    with pytest.raises(DecisionRefused, match=f"waits for no decision: it was {due}"):
        await scene.yes(CEM)


async def test_two_people_are_two(scene: Scene) -> None:
    request = await scene.asked(required=Tier.TWO)
    waiting = asyncio.create_task(ruling(scene, request))
    await scene.yes(BEN)
    with pytest.raises(DecisionRefused, match="decided on this already"):
        await scene.yes(BEN)
    await asyncio.sleep(0.05)
    assert not waiting.done()
    assert scene.desk.grant(await scene.desk.record("r1")) is None
    await scene.yes(CEM)
    assert await waiting is Ruling.GRANTED


@pytest.mark.parametrize(("person", "words"), [(None, "roster"), (ADA, "yourself"), (replace(BEN, slack="U0EVIL"), "roster")])
async def test_who_may_not_decide_leaves_no_trace(scene: Scene, person: Person | None, words: str) -> None:
    await scene.asked()
    with pytest.raises(DecisionRefused, match=words):
        await scene.yes(person)
    with pytest.raises(DecisionRefused, match=words):
        await scene.desk.may_decide("r1", person)
    assert await scene.decided() == []


async def test_what_was_not_asked_takes_no_decision(scene: Scene) -> None:
    with pytest.raises(UnknownRun):
        await scene.yes(run="r9")
    order = Order(run="r0", incident="i", playbook="fire", mode=Mode.LIVE, requester="Ada", asked=NOON, inputs={}, title="Shut the doors")
    await scene.journal.append("r0", Kind.OPENED, order)
    with pytest.raises(DecisionRefused, match="nothing was asked"):
        await scene.yes(run="r0")


async def test_who_was_shown_something_else_decides_nothing(scene: Scene) -> None:
    request = await scene.asked()
    with pytest.raises(DecisionRefused, match="not what is being asked now"):
        await scene.yes(asked="sha256:0")
    await scene.yes(asked=request.digest)
    assert await scene.decided() == ["Ben approve"]


async def test_of_one_person_s_answers_at_once_one_counts(scene: Scene) -> None:
    await scene.asked(required=Tier.TWO)
    clicks = [
        desk.decide("r1", BEN, answer, via="test") for desk in (scene.desk, scene.elsewhere) for answer in (Answer.APPROVE, Answer.DENY) * 2
    ]
    answers = await asyncio.gather(*clicks, return_exceptions=True)
    assert sum(isinstance(one, Decision) for one in answers) == 1
    assert sum(isinstance(one, DecisionRefused) for one in answers) == 7
    assert len(await scene.decided()) == 1


async def test_a_double_click_is_told_as_such_before_the_ruling(scene: Scene) -> None:
    await scene.asked()
    await scene.yes()
    with pytest.raises(DecisionRefused, match="you have decided on this already"):
        await scene.desk.may_decide("r1", BEN)


async def test_two_people_at_once_both_count(scene: Scene) -> None:
    await scene.asked(required=Tier.TWO)
    await asyncio.gather(scene.desk.decide("r1", BEN, Answer.APPROVE, via="test"), scene.yes(CEM))
    assert sorted(await scene.decided()) == ["Ben approve", "Cem approve"]


async def test_after_a_denial_nobody_approves_though_it_is_not_ruled_yet(scene: Scene) -> None:
    """So nobody can turn a denial into a grant by removing its row: there is no approval that it outweighed."""
    await scene.asked()
    await scene.yes(answer=Answer.DENY)
    with pytest.raises(DecisionRefused, match="it is denied"):
        await scene.yes(CEM)
    assert await scene.decided() == ["Ben deny"]


@pytest.mark.parametrize(("moment", "counts"), [(EDGE - TICK, True), (EDGE, False), (EDGE + TICK, False)])
async def test_the_edge_of_time(scene: Scene, clock: type[Clock], moment: datetime, counts: bool) -> None:  # noqa: FBT001
    """What was decided in time counts, also where nobody rules on it until later."""
    request = await scene.asked()
    clock.moment = moment
    if counts:
        await scene.yes()
    else:
        with pytest.raises(DecisionRefused, match="expired"):
            await scene.yes()
    clock.moment = EDGE + timedelta(hours=1)
    assert await ruling(scene, request) is (Ruling.GRANTED if counts else Ruling.EXPIRED)


async def test_an_answer_that_comes_in_while_the_request_expires_counts(scene: Scene, clock: type[Clock]) -> None:
    """It was made in time, and is on record before the ruling: the ruling is one on all that is on record."""
    request = await scene.asked()

    async def at_the_last_moment() -> None:
        clock.moment = EDGE - TICK
        await scene.yes()
        clock.moment = EDGE

    scene.journal.before = (Kind.CLOSED, at_the_last_moment)
    clock.moment = EDGE
    assert await ruling(scene, request) is Ruling.GRANTED
    assert scene.desk.grant(await scene.desk.record("r1")) is not None


async def test_an_answer_that_comes_in_behind_the_ruling_is_refused(scene: Scene, clock: type[Clock]) -> None:
    """It was made in time, but waited for the database while the request was ruled on: whoever made it is told so."""
    request = await scene.asked()

    async def expire() -> None:
        clock.moment = EDGE
        assert await Desk(journal=scene.elsewhere._journal, roster=ROSTER, seal=SEAL).wait(request) is Ruling.EXPIRED

    scene.journal.before = (Kind.DECIDED, expire)
    with pytest.raises(DecisionRefused, match="it was expired"):
        await scene.desk.decide("r1", BEN, Answer.APPROVE, via="test")
    assert await scene.decided() == []


async def test_an_answer_is_not_lost_to_what_else_is_noted(scene: Scene) -> None:
    await scene.asked()
    scene.journal.before = (Kind.DECIDED, lambda: scene.elsewhere._journal.append("r1", Kind.NOTED, {}))
    await scene.desk.decide("r1", BEN, Answer.APPROVE, via="test")
    assert await scene.decided() == ["Ben approve"]


async def test_a_stop_rules_too_and_takes_no_answer_after(scene: Scene) -> None:
    request = await scene.asked()
    await scene.elsewhere.stop("r1", CEM, via="test")
    with pytest.raises(DecisionRefused, match="it was stopped"):
        await scene.yes()
    assert await ruling(scene, request) is Ruling.STOPPED


async def test_what_somebody_else_wrote_in_their_name_does_not_bind_a_person(scene: Scene) -> None:
    request = await scene.asked()
    forged = Decision(request=request.digest, answer=Answer.APPROVE, by="Ben", via="slack:U0BEN", at=NOON)
    await scene.journal.append("r1", Kind.DECIDED, forged)
    await scene.yes()
    assert await ruling(scene, request) is Ruling.GRANTED


async def test_a_stop_has_its_force_once(scene: Scene) -> None:
    """Until the run is resumed, whoever puts it on record again, in the journal or at the desk."""
    await scene.asked()
    stop = await scene.desk.stop("r1", CEM, via="test")
    assert scene.desk.stopped_by(await scene.desk.record("r1")) == "Cem"
    order = (await scene.desk.record("r1")).order
    await scene.journal.append("r1", Kind.RESUMED, resumed(resumption(order, "Cem", roster=ROSTER), 0))
    await scene.journal.append("r1", Kind.STOP, stop)
    assert scene.desk.stopped_by(await scene.desk.record("r1")) == ""
    with pytest.raises(DecisionRefused, match="has been resumed since"):
        await scene.desk.submit("r1", stop)
    await scene.desk.stop("r1", CEM, via="test")  # by a clock that is years behind that of whoever resumed it
    assert scene.desk.stopped_by(await scene.desk.record("r1")) == "Cem"


async def test_what_goes_on_by_no_signature_undoes_no_stop(scene: Scene) -> None:
    """Whoever has the database alone, and whatever was signed before the stop."""
    await scene.asked()
    record = await scene.desk.record("r1")
    stops = Stops(scene.journal, record, scene.desk.stopped_by)
    await scene.desk.stop("r1", CEM, via="test")
    signed = resumption(record.order, "Cem", roster=ROSTER)
    early = resumption(record.order, "Cem", roster=ROSTER, at=NOON - TICK)
    for said in (
        {"from": 0},
        resumed(ITSELF, 0),
        resumed(early, 0),
        resumed(replace(signed, by="Ben"), 0),
        resumed(replace(signed, proof=""), 0),
    ):
        await scene.journal.append("r1", Kind.RESUMED, said)
        assert (scene.desk.stopped_by(await scene.desk.record("r1")), await stops.by()) == ("Cem", "Cem")
    await scene.journal.append("r1", Kind.RESUMED, resumed(signed, 0))
    assert (scene.desk.stopped_by(await scene.desk.record("r1")), await stops.by()) == ("", "")


async def test_of_two_processes_with_the_same_order_one_begins_it(scene: Scene) -> None:
    await scene.asked()
    order = (await scene.desk.record("r1")).order
    await scene.desk.open(replace(order, run="r2"))
    with pytest.raises(BadInput, match="run r2 was begun with that order already"):
        await scene.elsewhere.open(replace(order, run="r2"))


async def test_two_processes_that_wait_rule_once(scene: Scene) -> None:
    request = await scene.asked()
    waits = [asyncio.create_task(desk.wait(request)) for desk in (scene.desk, scene.elsewhere)]
    await scene.yes()
    async with asyncio.timeout(20):
        assert await asyncio.gather(*waits) == [Ruling.GRANTED] * 2
    assert [one.kind for one in await scene.journal.events("r1")].count(Kind.CLOSED) == 1


async def test_a_decision_copied_into_another_run_counts_for_nothing(scene: Scene) -> None:
    await scene.asked("r1")
    await scene.asked("r2")
    decision = await scene.yes(run="r1")
    await scene.journal.append("r2", Kind.DECIDED, decision)
    record = await scene.desk.record("r2")
    assert record.request is not None
    assert scene.desk.tally(record.request, record) is Ruling.WAITING
    assert scene.desk.grant(record) is None


@pytest.mark.parametrize("mode", [Mode.LIVE, Mode.DRILL])
async def test_a_request_copied_with_its_approvals_grants_another_run_nothing(scene: Scene, mode: Mode) -> None:
    """Every proof in it holds: a drill's approval, say, put on record in a live run."""
    await scene.asked("r1", mode=mode)
    await scene.yes()
    await scene.asked("r2")
    for event in await scene.journal.events("r1"):
        if event.kind in (Kind.REQUESTED, Kind.DECIDED):
            await scene.journal.append("r2", Kind(event.kind), event.body)
    assert scene.desk.grant(await scene.desk.record("r1")) is not None
    assert scene.desk.grant(await scene.desk.record("r2")) is None


async def test_an_order_that_was_rewritten_is_granted_nothing(scene: Scene) -> None:
    await scene.asked(mode=Mode.DRILL)
    await scene.yes()
    record = await scene.desk.record("r1")
    assert scene.desk.grant(record) is not None
    for changed in ({"mode": Mode.LIVE}, {"run": "r2"}, {"playbook": "flood"}):
        assert scene.desk.grant(replace(record, order=replace(record.order, **changed))) is None


async def test_a_ruling_alone_grants_nothing_and_a_refusal_is_not_outweighed(scene: Scene) -> None:
    await scene.asked()
    await scene.journal.append("r1", Kind.CLOSED, {"ruling": Ruling.GRANTED})
    assert scene.desk.grant(await scene.desk.record("r1")) is None
    await scene.asked("r2")
    await scene.yes(run="r2")
    record = await scene.desk.record("r2")
    assert record.request is not None
    for ruling in (Ruling.DENIED, Ruling.EXPIRED, Ruling.STOPPED):
        closed = replace(record, ruling=ruling, ruling_mark=SEAL.mark(record.request.digest, ruling))
        assert scene.desk.grant(closed) is None


@pytest.mark.parametrize("ruling", [Ruling.DENIED, Ruling.EXPIRED, Ruling.STOPPED])
async def test_a_ruling_that_no_serving_process_gave_ends_nothing(scene: Scene, ruling: Ruling) -> None:
    request = await scene.asked()
    marks = ("", "mac:" + "0" * 64, SEAL.mark(request.digest), SEAL.mark(request.digest, Ruling.GRANTED), SEAL.mark("another", ruling))
    for mark in marks:
        await scene.journal.append("r1", Kind.CLOSED, {"ruling": ruling, "stopped_by": "Ben", "mark": mark})
        assert scene.desk.ruling(await scene.desk.record("r1")) is None
    await scene.yes()
    async with asyncio.timeout(20):
        assert await scene.desk.wait(request) is Ruling.GRANTED
    assert scene.desk.grant(await scene.desk.record("r1")) is not None


async def test_another_process_with_another_key_or_roster_grants_nothing(scene: Scene) -> None:
    await scene.asked()
    await scene.yes()
    record = await scene.desk.record("r1")
    for roster, seal in ((ROSTER, Seal(b"x" * 32)), (Roster(people=(ADA, BEN)), SEAL)):
        assert Desk(journal=scene.journal, roster=roster, seal=seal).grant(record) is None
    assert scene.desk.grant(record) is not None
