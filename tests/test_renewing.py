"""A run whose roster changed while it was half done: asked for anew of the people who are on the roster now, and never on the old word."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from firedoor import ordering, renewing, resuming, watching
from firedoor.approval import Answer, Decision, Roster, Way
from firedoor.audit import audit
from firedoor.channel import Ask, Silent
from firedoor.errors import ApprovalInvalid, BadInput, DecisionRefused
from firedoor.exercise.keys import SecurityKey
from firedoor.journal import Event, Journal, Kind
from firedoor.renewing import asking
from firedoor.run import ITSELF, Record, Resumption, fold
from firedoor.stage import Plainly
from firedoor.standing import draw_up
from firedoor.wiring import follow_up
from tests.edits import Row
from tests.fakes import (
    ASKER,
    CLEAR,
    DAN,
    KEYS,
    NO,
    SHUT,
    YES,
    Effect,
    Lab,
    Report,
    book,
    hasten,
    lab,
    ordered,
    outcomes,
    resumption,
)
from tests.recorded import known
from tests.test_proofs import edited, inside, rewritten, setting

BOOK = book(steps=[SHUT, CLEAR])
DOORS = {"a": {"k1": "open", "k2": "open"}}
ALL = {"shut a/k1": 1, "shut a/k2": 1, "clear a": 1}
BENS = SecurityKey()
BEN = replace(YES, keys=(BENS.public,))
NEW = Roster(people=(ASKER, BEN, NO, DAN))  # Ben has another key, and Dan has come


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hasten(monkeypatch)


class Answering(Silent):
    """People who answer whatever is asked, and whether they may."""

    def __init__(self, it: Lab, answers: Mapping[str, Answer]) -> None:
        self.it, self.answers = it, answers
        self.asks: list[Ask] = []
        self.refused: list[str] = []

    async def asked(self, ask: Ask) -> None:
        self.asks.append(ask)
        for name, answer in self.answers.items():
            try:
                await self.it.desk().decide(ask.order.run, self.it.roster.by_name(name), answer, via="test")
            except DecisionRefused as why:
                self.refused.append(f"{name}: {why.what}")


async def half_done(it: Lab, *, after: int = 1, effect: bool = True, answer: Answer = Answer.APPROVE, asker: str = "Ada") -> None:
    """A signed run of which so many writes were answered; at the next its process died, its effect had or not. Then the roster changed."""
    dead = asyncio.Event()

    async def live(have: Effect) -> None:
        have()

    async def die(have: Effect) -> None:
        if effect:
            have()
        dead.set()
        await asyncio.Event().wait()

    it.vendor.on_apply.extend([*[live] * after, die])
    order = ordered(it.order(), asker)
    people = Answering(it, {"Cem" if asker == "Ben" else "Ben": answer})
    run = asyncio.create_task(it.engine(channel=people).contain(order, BOOK, Plainly()))
    death = asyncio.create_task(dead.wait())
    await asyncio.wait({run, death}, return_when=asyncio.FIRST_COMPLETED)
    run.cancel()
    death.cancel()
    await asyncio.gather(run, death, return_exceptions=True)
    it.roster = NEW


async def word(it: Lab, name: str = "Cem", run: str = "r1", *, roster: Roster = NEW) -> Resumption:
    record = fold(run, await it.events(run))
    return resumption(record.order, name, roster=roster, keys={**KEYS, "Ben": BENS})


async def gone_on(it: Lab, answers: Mapping[str, Answer] | None = None, *, by: Resumption | None = None, run: str = "r1") -> Report:
    people = Answering(it, {"Dan": Answer.APPROVE} if answers is None else answers)
    return await it.engine(channel=people).resume(run, Plainly(), by or await word(it, run=run))


async def test_what_is_left_is_asked_anew_of_who_is_there_now_and_done(tmp_path: Path) -> None:
    async with lab(tmp_path, DOORS) as it:
        await half_done(it)
        people = Answering(it, {"Cem": Answer.APPROVE, "Dan": Answer.APPROVE})
        report = await it.engine(channel=people).resume("r1", Plainly(), await word(it))
        assert (report["outcome"], it.vendor.effects) == ("contained", ALL)
        [ask] = people.asks
        assert ask.request.lines == ("clear a",), "what the dead process's last write had done is no longer to be done"
        assert (ask.request.requester, ask.request.roster) == ("Cem", NEW.hash)
        assert people.refused == ["Cem: you asked for this run yourself; somebody else must decide"]
        assert report["approval"]["by"] == ["Dan"]
        found = await audit(it.journal, known(it))
        assert found.faults == ()
        record = fold("r1", await it.events())
        assert record.renewal is not None
        assert not watching.is_going(record)
        assert watching.left_alone(record, {}, NEW) == ""


async def test_what_has_ended_well_is_not_asked_for_again(tmp_path: Path) -> None:
    async with lab(tmp_path, DOORS) as it:
        await half_done(it, after=2, effect=False)
        it.vendor.doors["a"]["k1"] = "open"  # that is for the watch to see, once the run is over
        people = Answering(it, {"Dan": Answer.APPROVE})
        report = await it.engine(channel=people).resume("r1", Plainly(), await word(it))
        assert people.asks[0].request.lines == ("clear a",)
        assert (outcomes(report), it.vendor.effects) == (["CHANGED", "CHANGED"], ALL)
        assert report["steps"][0]["changes"] == ["shut a/k1", "shut a/k2"]


async def test_where_nothing_is_left_nobody_is_asked_and_the_report_tells_who_was(tmp_path: Path) -> None:
    async with lab(tmp_path, DOORS) as it:
        people = Answering(it, {"Ben": Answer.APPROVE, "Cem": Answer.APPROVE})
        await it.engine(channel=people).contain(ordered(it.order()), book(steps=[SHUT, CLEAR], at_least=2), Plainly())
        await cut_after(it, Kind.RECEIPT)
        it.roster = NEW
        report = await gone_on(it)
        assert (report["outcome"], it.vendor.effects) == ("contained", ALL)
        assert (report["approval"]["by"], report["approval"]["ruling"]) == (["Ben", "Cem"], "granted")
        assert (await it.kinds()).count(Kind.REQUESTED) == 1
        assert (await audit(it.journal, known(it))).faults == ()
        undoing = asyncio.create_task(it.engine().undo(ordered(replace(it.order("u1"), undoes="r1"), roster=NEW), Plainly()))
        while Kind.REQUESTED not in await it.kinds("u1"):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.005)
        undoing.cancel()
        await asyncio.gather(undoing, return_exceptions=True)
        request = fold("u1", await it.events("u1")).request
        assert request is not None
        assert request.required == 2, "the way back takes as many as the way there"


async def test_it_goes_on_by_no_other_word(tmp_path: Path) -> None:
    async with lab(tmp_path, DOORS) as it:
        await half_done(it)
        old = await word(it, "Ada", roster=Roster(people=(ASKER, YES, NO)))
        for by, words in (
            (ITSELF, "the roster has changed since run r1 was ordered or approved"),
            (old, "not an order to resume run r1 that Ada signed"),
            (replace(await word(it), by="Dan"), "not an order to resume run r1 that Dan signed"),
            (resumption(fold("r1", await it.events()).order, "Ben", roster=NEW), "not an order to resume run r1 that Ben signed"),
        ):
            with pytest.raises(BadInput, match=words):
                await gone_on(it, by=by)
        assert Kind.RESUMED not in await it.kinds()
        assert it.vendor.effects == {"shut a/k1": 1, "shut a/k2": 1}


async def test_what_was_altered_on_record_is_not_asked_anew(tmp_path: Path) -> None:
    async with lab(tmp_path, DOORS) as it:
        await half_done(it)
        await rewritten(it, inside("r1", Kind.PLANNED, "items.0.target.name", "b"))
        with pytest.raises(ApprovalInvalid, match="the plan on record is not the one that was asked"):
            await gone_on(it)
        await rewritten(it, edited("r1", Kind.REQUESTED, setting(barred=["Ben"])))
        with pytest.raises(ApprovalInvalid, match="the request on record is not as Firedoor asked it"):
            await gone_on(it)


@pytest.mark.parametrize("effect", [False, True], ids=["had no effect", "had its effect"])
async def test_one_that_is_not_approved_ends_without_a_write_and_says_what_was_done(effect: bool, tmp_path: Path) -> None:  # noqa: FBT001
    async with lab(tmp_path, DOORS) as it:
        await half_done(it, effect=effect)
        report = await gone_on(it, {"Dan": Answer.DENY})
        assert report["outcome"] == "denied"
        done = ["shut a/k1", "shut a/k2"][: 1 + effect]
        assert it.vendor.effects == dict.fromkeys(done, 1)
        assert report["steps"][0]["changes"] == done
        assert outcomes(report) == ["CHANGED" if effect else "DENIED", "DENIED"]
        record = fold("r1", await it.events())
        assert bool(record.unsettled("shut/door:a")) is not effect, "a write of unknown fate is settled by reading"
        assert (watching.is_going(record), watching.left_alone(record, {}, NEW)) == (False, "")
        assert (await audit(it.journal, known(it))).faults == ()
        with pytest.raises(BadInput, match="run r1 is over: denied"):
            await gone_on(it)
        assert (await it.undo("r1", engine=it.engine(channel=Answering(it, {"Dan": Answer.APPROVE})), answer=None))[
            "outcome"
        ] == "contained"
        assert it.vendor.doors == DOORS


async def test_what_people_denied_is_not_asked_for_twice(tmp_path: Path) -> None:
    async with lab(tmp_path, DOORS) as it:
        await half_done(it, answer=Answer.DENY)
        await cut_after(it, Kind.CLOSED)
        report = await gone_on(it)
        assert (report["outcome"], it.vendor.effects) == ("denied", {})
        assert (await it.kinds()).count(Kind.REQUESTED) == 1


async def test_what_people_denied_before_its_process_died_is_denied(tmp_path: Path) -> None:
    async with lab(tmp_path, DOORS) as it, asyncio.timeout(20):
        await half_done(it, answer=Answer.DENY)
        await cut_after(it, Kind.DECIDED)
        assert ((await gone_on(it))["outcome"], it.vendor.effects) == ("denied", {})


async def test_a_denial_that_was_signed_counts_where_its_key_is_still_on_the_roster(tmp_path: Path) -> None:
    async with lab(tmp_path, DOORS) as it, asyncio.timeout(20):
        await half_done(it, answer=Answer.DENY)
        await cut_after(it, Kind.REQUESTED)
        it.roster = Roster(people=(ASKER, YES, NO))
        decision, document = await it.desk().draw_up("r1", NO, Answer.DENY, via="terminal")
        await it.desk().submit("r1", replace(decision, proof=KEYS["Cem"].sign(document).proof))
        it.roster = NEW
        assert ((await gone_on(it))["outcome"], it.vendor.effects) == ("denied", {})


@pytest.mark.parametrize("who", ["Ben", "Cem", "Nobody"])
async def test_what_nobody_vouches_for_ends_no_run(who: str, tmp_path: Path) -> None:
    """Whoever may write to the database alone cannot end what is left of a containment by saying that people denied it."""
    async with lab(tmp_path, DOORS) as it, asyncio.timeout(20):
        await half_done(it)
        request = fold("r1", await it.events()).request
        assert request is not None
        denied = Decision(request=request.digest, answer=Answer.DENY, by=who, via="test", at=request.requested, proof="mac:00")
        await it.journal.append("r1", Kind.DECIDED, denied)
        await it.journal.append("r1", Kind.CLOSED, {"ruling": "denied", "stopped_by": "", "mark": "mac:00"})
        assert ((await gone_on(it))["outcome"], it.vendor.effects) == ("contained", ALL)
        found = "\n".join(fault.what for fault in (await audit(it.journal, known(it))).faults)
        assert f"{who}'s decision to deny" in found
        assert "its mark is false" in found
        assert "plans the run a second time" not in found


@pytest.mark.parametrize("by", [ITSELF, None], ids=["by a process", "by a person"])
async def test_what_nobody_answered_in_time_is_brought_to_its_end_by_whoever_comes(by: Resumption | None, tmp_path: Path) -> None:
    async with lab(tmp_path, DOORS) as it:
        await it.engine().contain(ordered(it.order()), book(minutes=0), Plainly())
        await cut_after(it, Kind.REQUESTED)
        it.roster = NEW
        assert (await gone_on(it, by=by))["outcome"] == "expired"
        assert (await it.kinds()).count(Kind.REQUESTED) == 1
        assert (await audit(it.journal, known(it))).faults == ()


async def cut_after(it: Lab, kind: Kind) -> None:
    """What was recorded after the last event of that kind never was."""

    def edit(rows: list[Row]) -> None:
        del rows[max(number for number, row in enumerate(rows) if row["kind"] == kind) + 1 :]

    await rewritten(it, edit)


async def test_a_process_may_die_while_it_asks_anew(tmp_path: Path) -> None:
    async with lab(tmp_path, DOORS) as it:
        await half_done(it)
        await gone_on(it)
        await cut_after(it, Kind.PLANNED)
        it.vendor.effects.clear()
        it.vendor.cleared.clear()
        with pytest.raises(BadInput, match="the roster has changed"):
            await gone_on(it, by=ITSELF)
        assert (await gone_on(it))["outcome"] == "contained"
        assert it.vendor.effects == {"clear a": 1}
        assert (await audit(it.journal, known(it))).faults == ()


async def test_a_stop_while_it_is_planned_anew_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with lab(tmp_path, DOORS) as it:
        await half_done(it)
        plan = renewing.plan

        async def stopped_meanwhile(*given: Any, **named: Any) -> Any:
            await it.desk().stop("r1", DAN, via="test")
            return await plan(*given, **named)

        monkeypatch.setattr(renewing, "plan", stopped_meanwhile)
        with pytest.raises(BadInput, match="Dan has stopped run r1 since that was signed"):
            await gone_on(it)
        assert Kind.RESUMED not in await it.kinds()


async def test_a_stop_between_the_word_and_the_new_request_counts(tmp_path: Path) -> None:
    async with lab(tmp_path, DOORS) as it:
        await half_done(it)

        class Stopping(Journal):
            async def append(self, run: str, kind: Kind, *given: Any, **named: Any) -> Event:
                if kind is Kind.PLANNED:
                    await it.desk().stop(run, DAN, via="test")
                return await super().append(run, kind, *given, **named)

        report = await it.engine(journal=Stopping(it.store)).resume("r1", Plainly(), await word(it))
        assert (report["outcome"], it.vendor.effects) == ("stopped", {"shut a/k1": 1, "shut a/k2": 1})


async def test_what_was_planned_anew_by_nobody_is_not_asked_for(tmp_path: Path) -> None:
    async with lab(tmp_path, DOORS) as it:
        await half_done(it)
        by = {"from": 0, "via": "terminal", "by": "Cem"}
        opened, planned = (event for event in await it.events() if event.kind in (Kind.OPENED, Kind.PLANNED))
        await it.journal.append("r1", Kind.RESUMED, by)
        items = [{**item, "target": {**item["target"], "name": "vault"}} for item in cast("Any", planned.body["items"])]
        await it.journal.append("r1", Kind.PLANNED, {**planned.body, "items": items})
        with pytest.raises(BadInput, match="what is planned of run r1 is not what was asked for at first"):
            await gone_on(it)
        await it.journal.append("r2", Kind.OPENED, {**opened.body, "run": "r2", "roster": "sha256:0"})
        for kind, body in ((Kind.PLANNED, planned.body), (Kind.RESUMED, by), (Kind.PLANNED, planned.body)):
            await it.journal.append("r2", kind, body)
        with pytest.raises(BadInput, match="nothing on record shows that Firedoor ever asked for run r2"):
            await gone_on(it, run="r2")


async def test_once_it_was_asked_anew_a_process_may_take_it_over(tmp_path: Path) -> None:
    async with lab(tmp_path, DOORS) as it:
        await half_done(it)
        await gone_on(it)
        await cut_after(it, Kind.CLOSED)
        it.vendor.cleared.clear()
        assert (await gone_on(it, by=ITSELF))["outcome"] == "contained"
        it.roster = Roster(people=(ASKER, BEN, DAN))
        await cut_after(it, Kind.CLOSED)
        with pytest.raises(BadInput, match="the roster has changed"):
            await gone_on(it, by=ITSELF)


async def test_whoever_has_come_to_the_roster_is_spared_and_does_not_decide(tmp_path: Path) -> None:
    async with lab(tmp_path, DOORS) as it:
        await half_done(it)
        it.roster = Roster(people=(ASKER, BEN, NO, replace(DAN, names=("fake:door:a",))))
        with pytest.raises(BadInput, match="an account of yours is in this plan"):
            await gone_on(it, by=await word(it, "Dan", roster=it.roster))
        report = await gone_on(it, {}, by=await word(it, roster=it.roster))
        assert outcomes(report) == ["REFUSED", "REFUSED"]
        assert "clear a" not in it.vendor.effects


async def test_a_freeze_is_asked_for_anew_the_ordinary_way(tmp_path: Path) -> None:
    async with lab(tmp_path, DOORS) as it:
        await half_done(it)
        record = fold("r1", await it.events())
        frozen = replace(record.order, way=Way.FREEZE, standing=draw_up(roster="sha256:0", now=record.order.asked, days=9))
        asked = asking(frozen, await word(it))
        assert (asked.way, asked.standing, asked.requester) == (Way.ORDINARY, None, "Cem")


async def test_an_undo_is_asked_for_anew(tmp_path: Path) -> None:
    async with lab(tmp_path, DOORS) as it:
        await it.contain(BOOK)
        dead = asyncio.Event()

        async def die(have: Effect) -> None:
            have()
            dead.set()
            await asyncio.Event().wait()

        it.vendor.on_apply.append(die)
        run = asyncio.create_task(it.undo("r1"))
        await dead.wait()
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        it.roster = NEW
        assert (await gone_on(it, run="u1"))["outcome"] == "contained"
        assert it.vendor.doors == DOORS
        assert it.vendor.effects == {**ALL, "open a/k1": 1, "open a/k2": 1}
        assert (await audit(it.journal, known(it))).faults == ()


async def test_what_it_finds_beyond_is_not_asked_for_in_the_old_name(tmp_path: Path) -> None:
    async with lab(tmp_path, DOORS) as it:
        await half_done(it)
        await gone_on(it)
        following = follow_up(fold("r1", await it.events()).order, {"steps": []}, anew=True)
        assert following is not None
        with pytest.raises(BadInput, match="which was asked for anew under another roster"):
            await it.engine().contain(following, BOOK, Plainly())


async def test_a_sweep_is_begun_anew(tmp_path: Path) -> None:
    async with lab(tmp_path, DOORS) as it:
        order = ordered(it.order())
        assert ordering.outlived(Record(order=order), NEW)
        assert not ordering.outlived(Record(order=replace(order, sweep=True)), NEW)
        it.roster = NEW
        with pytest.raises(BadInput, match="the roster has changed since run r1 was ordered"):
            await resuming.check(it.desk(), Record(order=replace(order, sweep=True)), ITSELF)
