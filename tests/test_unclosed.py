"""Whom open incidents concern, from the journal alone: from the request until somebody closes it, and who is none of theirs."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from firedoor import watching
from firedoor.approval import Answer, Ruling
from firedoor.errors import BadInput, Forbidden
from firedoor.journal import Event, Kind
from firedoor.look import Closing
from firedoor.model import Mode, Plan
from firedoor.run import ITSELF, Item, Record
from firedoor.unclosed import Incidents, concerned, is_open
from firedoor.vendors.unclosed import Nobody
from tests.fakes import KEYS, ROSTER, SHUT, Clear, Lab, Shut, book, failing, hasten, lab, resumption, spec

OPEN = {"k": "open"}
NOW = datetime(2026, 11, 26, 3, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hasten(monkeypatch)


class LetIn(Shut):
    """Opens a door again, for people who have been spoken to."""

    spec = spec("let_in", reopens=("fake.shut",))


class GiveBack(Shut):
    """Gives a door a new key."""

    spec = spec("give_back", recovers=True)


ACTIONS: tuple[type[Shut], ...] = (Shut, Clear, LetIn, GiveBack)
KNOWN = {unit.spec.id: unit for unit in ACTIONS}
SPECS = {name: unit.spec for name, unit in KNOWN.items()}


def incidents(it: Lab, **changed: Any) -> Incidents:
    return Incidents(it.journal, changed.get("actions", KNOWN), it.roster)


async def whom(it: Lab, **changed: Any) -> list[tuple[str, str]]:
    return [(one.run, one.label) for one in await incidents(it, **changed).concerned()]


def closing(run: str, signer: str = "Ada") -> Closing:
    """Ada's word that it is over, signed by somebody."""
    bare = Closing(run=run, incident="i", playbook="fire", by="Ada", at=datetime.now(UTC), reason="over", look="", left=())
    return replace(bare, proof=KEYS[signer].sign(bare.document).proof)


async def test_from_the_request_until_somebody_closes_it(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN, "b": OPEN}) as it:
        known = incidents(it)
        assert await known.concerned() == ()
        run = asyncio.ensure_future(it.contain(answer=None))
        async for _ in it.journal.ticks("r1"):
            if Kind.REQUESTED in await it.kinds():
                break
        assert [(one.run, one.names) for one in await known.concerned()] == [("r1", ("fake:door:a",)), ("r1", ("fake:door:b",))]
        await it.decide("r1", ROSTER.people[1], Answer.APPROVE)
        await run
        assert await whom(it) == [("r1", "a"), ("r1", "b")], "that they are contained does not close it"
        await it.journal.append("r1", Kind.CONCLUDED, closing("r1", "Cem"))
        assert len(await known.concerned()) == 2, "nor does a word that is not signed by who gives it"
        await it.journal.append("r1", Kind.CONCLUDED, closing("r1"))
        assert await known.concerned() == ()
        assert await whom(it) == []


async def test_what_people_said_no_to_and_what_is_no_incident(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN, "b": {"k": "stuck"}, "c": OPEN}, actions=ACTIONS) as it:
        await it.contain(run="denied", answer=Answer.DENY)
        await it.contain(run="drill", mode=Mode.DRILL, doors=["a"])
        await it.contain(run="stuck", doors=["b"], answer=None)
        it.vendor.doors["a"]["k"] = "open"
        await it.contain(book(steps=[{**SHUT, "action": "fake.let_in"}]), run="back", doors=["a"])
        it.vendor.doors["a"]["k"] = "open"
        await it.contain(book(steps=[{**SHUT, "action": "fake.give_back"}]), run="given", doors=["a"])
        sweep = replace(it.order("sweep"), sweep=True)
        await it.journal.append("sweep", Kind.OPENED, sweep)
        assert await whom(it) == []
        await it.contain(run="r1", doors=["c"])
        assert await whom(it) == [("r1", "c")]
        await it.undo("r1")
        assert await whom(it) == []


async def test_who_was_to_be_shut_out_and_was_not_is_at_large(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        it.vendor.on_apply.extend([failing(Forbidden("no", vendor="fake", operation="shut"))] * 3)
        report = await it.contain()
        assert [step["outcome"] for step in report["steps"]] == ["FAILED"]
        assert await whom(it) == [("r1", "a")]
        [one] = (await watching.past_of(it.journal)).runs
        assert watching.left_alone(one.record, SPECS, it.roster) == "", "it is watched, so somebody can close it"
        await it.journal.append("r1", Kind.RESUMED, {"from": 1})
        assert await whom(it) == [("r1", "a")], "nor while it is gone on with"


async def test_what_somebody_has_closed_is_not_gone_on_with(tmp_path: Path) -> None:
    """Nobody would watch what it did then, nor spare whom it concerns."""
    async with lab(tmp_path, {"a": OPEN}) as it:
        it.vendor.on_apply.extend([failing(Forbidden("no", vendor="fake", operation="shut"))] * 3)
        await it.contain()
        await it.journal.append("r1", Kind.CONCLUDED, closing("r1"))
        for by in (ITSELF, resumption(it.order(), "Ben")):
            with pytest.raises(BadInput, match="has closed run r1, and nobody watches it any more"):
                await it.resume(by=by)
        assert (Kind.RESUMED in await it.kinds(), it.vendor.effects) == (False, {})


async def test_whatever_cannot_be_read_may_concern_anybody(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN, "b": OPEN}) as it:
        await it.contain(doors=["a"])
        await it.contain(run="r2", doors=["b"])
        [one] = [one for one in await incidents(it, actions={}).concerned() if one.run == "r2"]
        assert (one.names, one.unread) == ((), "its target b cannot be read by this Firedoor")
        with sqlite3.connect(it.path) as other:
            other.execute("update events set body = '[' where run = 'r1' and kind = 'step.receipt'")
        other.close()
        known = incidents(it)
        for _ in range(2):
            found = {one.run: one for one in await known.concerned()}
            assert "damaged" in found["r1"].unread
            assert (found["r2"].label, found["r2"].unread) == ("b", "")
        await it.journal.append("r1", Kind.CONCLUDED, closing("r2"))
        assert "r1" in {one.run for one in await known.concerned()}, "that is another run's"
        await it.journal.append("r1", Kind.CONCLUDED, closing("r1"))
        assert "r1" not in {one.run for one in await known.concerned()}
        with sqlite3.connect(it.path) as other:
            other.execute("update events set body = '[' where run = 'r1' and kind = 'incident.closed'")
        other.close()
        assert "r1" in {one.run for one in await incidents(it).concerned()}


async def test_each_event_is_read_once_however_many_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        await it.contain()
        await it.contain(run="drill", mode=Mode.DRILL)
        read: list[Event] = []
        asked: list[str] = []
        own, listed = it.journal.events, it.journal.runs

        async def events(run: str, **only: Any) -> Any:
            found = await own(run, **only)
            asked.append(run)
            read.extend(found)
            return found

        async def runs() -> Any:
            asked.append("every run")
            return await listed()

        monkeypatch.setattr(it.journal, "events", events)
        monkeypatch.setattr(it.journal, "runs", runs)
        known = incidents(it)
        assert len({tuple(found) for found in await asyncio.gather(*(known.concerned() for _ in range(20)))}) == 1
        assert asked.count("every run") <= 2, "who came while others looked shares the look after it"
        await known.concerned()
        assert len(read) == len({(event.run, event.n) for event in read})
        assert [event.kind for event in read if event.run == "drill"] == [Kind.OPENED], "of a drill the order says enough"
        await it.journal.append("r1", Kind.CONCLUDED, closing("r1"))
        await known.concerned()
        asked.clear()
        assert await known.concerned() == ()
        assert asked == ["every run"], "what is closed is not read again"


def item(action: str = "fake.shut", **changed: Any) -> Item:
    plan = Plan(reason="it is shut")
    plain: dict[str, Any] = {"id": "s/a", "step": "s", "action": action, "label": "a", "target": {"name": "a"}, "plan": plan}
    return Item(**{**plain, **changed})


async def test_a_dead_process_keeps_nothing_open_beyond_its_request(tmp_path: Path) -> None:
    async with lab(tmp_path, {"a": OPEN}) as it:
        await it.contain(answer=Answer.DENY)
        [one] = (await watching.past_of(it.journal)).runs
    died = replace(one.record, report=None, ruling=None, decisions=[])
    assert died.request is not None
    until = died.request.expires
    assert is_open(died, SPECS, ROSTER, now=until - timedelta(seconds=1))
    assert not is_open(died, SPECS, ROSTER, now=until)
    assert is_open(replace(died, ruling=Ruling.GRANTED), SPECS, ROSTER, now=until)
    assert not is_open(replace(died, request=None), SPECS, ROSTER, now=NOW), "it died before it asked for its approval"
    idle = Record(order=died.order, items=(item(),))
    assert is_open(idle, SPECS, ROSTER, now=NOW), "it has nothing to ask for, and may be gone on with"
    for other in ({"sweep": True}, {"undoes": "r0"}, {"mode": Mode.DRILL}, {"mode": Mode.EXERCISE}):
        assert not is_open(replace(idle, order=replace(idle.order, **other)), SPECS, ROSTER, now=NOW)
    assert not is_open(replace(idle, items=(item("fake.let_in"),)), SPECS, ROSTER, now=NOW)
    assert not is_open(replace(idle, closing=closing("r1")), SPECS, ROSTER, now=NOW)


def test_whose_targets_they_are() -> None:
    record = Record(order=Lab.order(Lab(vendor=None, store=None, journal=None, path=Path()), doors=["a"]))  # type: ignore[arg-type]
    items = (item(), item(refused="it is ours"), item("fake.give_back"), item(telling=True), item(target={}), item(target={"nom": "a"}))
    record = replace(record, items=items)
    found = list(concerned(record, KNOWN))
    assert [(one.names, bool(one.unread)) for one in found] == [(("fake:door:a",), False), (("fake:door:a",), False), ((), True)]


async def test_a_drill_knows_no_incident() -> None:
    assert await Nobody().concerned() == ()
