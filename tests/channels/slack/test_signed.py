"""Where chat is downstream of the attacker it advises, says so, and what is signed elsewhere counts. And who may act in it at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from firedoor.approval import Answer
from firedoor.channels.slack.blocks import ADVISE, APPROVE, DENY, STOP, ask_of
from firedoor.journal import Kind
from firedoor.run import fold
from firedoor.vendors.faults import Fault
from firedoor.vendors.slack.directory import UserGroup
from tests.channels.slack.scene import KEYS, ROOM, Scene, scene
from tests.channels.slack.test_telling import another

DANS: Mapping[str, Mapping[str, str]] = {"front": {"k1": "open"}, "dans": {"k4": "open"}}


@pytest.fixture
async def tainted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    """Dan, who is on the roster, is in the plan."""
    async with scene(tmp_path, monkeypatch, doors=DANS) as found:
        yield found


async def sign(stage: Scene, name: str, answer: Answer, run: str = "r1") -> None:
    decision, document = await stage.desk.draw_up(run, stage.desk.roster.by_name(name), answer, via="terminal")
    await stage.desk.submit(run, replace(decision, proof=KEYS[name].sign(document).proof))


async def advice(stage: Scene, run: str = "r1") -> list[Mapping[str, Any]]:
    return [event.body for event in await stage.lab.events(run) if event.kind == Kind.NOTED and "advice" in event.body]


async def test_chat_advises_and_signatures_decide(tainted: Scene) -> None:
    run = await tainted.ask()
    request = await tainted.request()
    assert "Chat only advises here" in request.shown
    assert "Why: Dan of the roster is in the plan." in request.shown
    for verb in ("approve", "deny", "stop"):
        assert f"`firedoor {verb} r1 --key FILE`" in request.shown
    modal = await tainted.open("ben")
    assert modal.submit == ADVISE
    told = await tainted.submit("ben", "looks right")
    assert told.title == "Advice noted"
    assert "firedoor approve r1 --key FILE" in told.shown
    await tainted.people["ben"].close_modal()
    await tainted.open("cyd", action=DENY)
    assert (await tainted.submit("cyd", "not sure")).title == "Advice noted"
    assert [(one["by"], one["advice"]) for one in await advice(tainted)] == [("Ben", "approve"), ("Cyd", "deny")]
    assert await tainted.decisions() == []
    assert not tainted.lab.vendor.effects
    assert (await tainted.request()).buttons, "it still waits"
    await sign(tainted, "Ben", Answer.APPROVE)
    assert (await run)["approval"]["by"] == ["Ben"]
    assert list(tainted.lab.vendor.effects) == ["shut front/k1"]


async def test_a_stop_in_chat_has_no_force_and_a_signed_one_has(tainted: Scene) -> None:
    run = await tainted.ask()
    cyd = tainted.people["cyd"]
    assert (await cyd.command(ROOM, "/firedoor stop r1")).ok
    assert "firedoor stop r1 --key FILE" in (await tainted.told("cyd")).shown
    assert not await tainted.recorded(Kind.STOP)
    await sign(tainted, "Cyd", Answer.STOP)
    assert (await run)["outcome"] == "stopped"
    assert not tainted.lab.vendor.effects


async def test_a_stop_written_into_the_journal_by_hand_stops_nothing(tainted: Scene) -> None:
    run = await tainted.ask()
    decision, _ = await tainted.desk.draw_up("r1", tainted.desk.roster.by_name("Cyd"), Answer.STOP, via="terminal")
    await tainted.lab.journal.append("r1", Kind.STOP, replace(decision, proof=tainted.lab.seal.sign(decision)))
    await sign(tainted, "Ben", Answer.APPROVE)
    assert (await run)["outcome"] == "partial"
    assert list(tainted.lab.vendor.effects) == ["shut front/k1"]


async def test_a_run_is_stopped_from_its_thread(stage: Scene) -> None:
    held = asyncio.Event()

    async def hold(effect: Any) -> None:
        await held.wait()
        effect()

    stage.lab.vendor.on_apply.append(hold)
    run = await stage.ask()
    await stage.open("ben")
    await stage.submit("ben")
    cyd = stage.people["cyd"]
    progress = await cyd.wait_for_message(ROOM, lambda one: any(button.action_id == STOP for button in one.buttons), 10)
    assert (await cyd.click(ROOM, progress.ts, STOP)).ok
    modal = await cyd.wait_for_modal(lambda one: one.submit == "Stop", 10)
    assert "Shut the doors, run r1" in modal.shown
    assert not await stage.recorded(Kind.STOP)
    assert (await cyd.submit({})).ok
    assert "begins no further write" in (await cyd.wait_for_modal(lambda one: not one.submit, 10)).shown
    held.set()
    report = await run
    assert report["outcome"] in ("stopped", "partial")
    assert len(stage.lab.vendor.effects) < 2, "one was on its way"
    assert fold("r1", await stage.lab.events()).stops[0].by == "Cyd"
    ended = await cyd.wait_for_message(ROOM, lambda one: one.ts == progress.ts and not one.buttons, 10)
    assert "steps ended" in ended.shown
    assert (await cyd.command(ROOM, "/firedoor stop r1")).ok


NO_LONGER = [
    ({"deleted": True}, "your account is deactivated"),
    ({"is_restricted": True}, "guests have no say here"),
    ({"is_bot": True}, "bots have no say here"),
]


@pytest.mark.parametrize(("changed", "words"), NO_LONGER)
async def test_who_a_person_is_by_now_counts_and_not_who_they_were(stage: Scene, changed: dict[str, Any], words: str) -> None:
    await stage.ask()
    await stage.open("ben")
    users = stage.slack.world.directory.users
    users["U0BEN"] = replace(users["U0BEN"], **changed)  # type: ignore[index]
    acts = stage.slack._people.acts
    view = stage.slack.world.modals["U0BEN"][-1]
    view = replace(view, values={"reason": {"text": {"type": "plain_text_input", "value": None}}})
    ack = await stage.deliver("interactive", acts.payloads.submission(users["U0BEN"], view))
    assert words in str(ack.payload)
    assert await stage.decisions() == []


async def test_whoever_is_in_none_of_the_groups_does_not_decide(stage: Scene) -> None:
    groups = stage.slack.world.directory.usergroups
    groups["S0ONE"] = UserGroup(id="S0ONE", handle="oncall", users=("U0CYD",))  # type: ignore[index]
    object.__setattr__(stage.audience, "groups", ("S0ONE",))
    run = await stage.ask()
    assert "<!subteam^S0ONE>" in (await stage.request()).shown
    await stage.people["ben"].click(ROOM, (await stage.request()).ts, APPROVE)
    assert "in none of the user groups" in (await stage.told("ben")).shown
    await stage.people["ada"].command(ROOM, "/firedoor status r1")  # who asks, or looks, need be in none
    assert "waits for 1 approval" in (await stage.told("ada")).shown
    await stage.open("cyd")
    await stage.submit("cyd")
    assert (await run)["approval"]["by"] == ["Cyd"]


async def test_while_slack_does_not_say_nobody_decides_in_it(stage: Scene) -> None:
    await stage.ask()
    stage.slack.faults.plan(Fault(operation="users.info", status=500, body="down"))
    await stage.people["ben"].click(ROOM, (await stage.request()).ts, APPROVE)
    assert "did not say whether your account is in order" in (await stage.told("ben")).shown
    await stage.open("ben")


async def test_people_are_reminded_and_then_more_of_them(stage: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.asking.REMINDED_AT", (0.0006, 0.0009))
    run = await stage.ask(at_least=2)
    first = await stage.request()
    assert "<@U0BEN> <@U0CYD> <@U0DAN>" in first.shown, "not Ada, who asks"
    await stage.open("ben")
    await stage.submit("ben")
    cyd = stage.people["cyd"]
    soon = await cyd.wait_for_message(ROOM, lambda one: "<@U0CYD>" in one.shown and "*1 more approval needed" in one.shown, 10)
    assert "<@U0BEN>" not in soon.shown, "he has decided"
    later = await cyd.wait_for_message(ROOM, lambda one: "<!channel> *1 more approval needed" in one.shown, 10)
    assert soon.thread_ts == later.thread_ts == first.ts
    await stage.open("cyd")
    await stage.submit("cyd")
    assert (await run)["approval"]["by"] == ["Ben", "Cyd"]
    # A process that takes the run over later calls nobody twice.
    record = fold("r1", await stage.lab.events())
    assert record.request is not None
    posted = stage.posted()
    again = another(stage)
    await again.reminded(ask_of(record, record.request), 1)
    assert stage.posted() == posted
