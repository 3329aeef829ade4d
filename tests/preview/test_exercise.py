"""A tabletop on an estate that is real to the code, a recording proxy before each vendor: people are asked, and not one write leaves."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from firedoor import auditing, running
from firedoor.approval import Answer
from firedoor.channels.slack.blocks import APPROVE, DENY
from firedoor.errors import BadInput
from firedoor.exercise import estate, tabletopwords
from firedoor.journal import Kind
from firedoor.report import RunOutcome
from firedoor.vendors.access import Access
from firedoor.vendors.slack.people import Person
from tests.preview.rehearsing import QUIET, Scene, accesses, given, hold, messages, recorded, scene

__all__ = ["accesses", "scene"]  # fixtures

pytestmark = QUIET
# What Slack is asked beyond looks: to ask and tell people, and to let them look.
TALKING = {"chat.postMessage", "chat.update", "views.open", "apps.connections.open", "bots.info", "usergroups.users.list"}


async def test_people_are_asked_and_not_one_write_leaves(scene: Scene, accesses: list[Access]) -> None:
    acme, proxies = scene
    said: list[str] = []
    task = hold(acme, said=said)
    await acme.approve()
    report = await task
    assert report["outcome"] == "previewed", report["open"]
    assert {step["outcome"] for step in report["steps"]} <= {"PREVIEWED", "ALREADY"}

    for vendor in ("okta", "aws", "jira"):
        assert proxies[vendor].writes == [], vendor
        assert proxies[vendor].seen, f"{vendor} was read"
    assert set(accesses) == {Access.READ}, "no client that writes was even made"
    assert acme.okta.accepted_writes.total() + len(acme.aws.accepted_writes()) + acme.jira.accepted_writes.total() == 0
    assert not (acme.folder / "state" / "tickets").exists()

    called = {wire.path.rpartition("/")[2] for wire in proxies["slack"].writes}
    assert called <= TALKING, "nothing but talking to people"
    posts = messages(acme)
    assert {one["metadata"]["event_payload"]["run"] for one in posts} == {report["run"]}
    assert Counter(one["metadata"]["event_payload"]["what"] for one in posts) == {"request": 1, "progress": 1, "report": 1}
    for one in posts:
        assert one["text"].startswith("EXERCISE")
        assert "EXERCISE" in json.dumps(one["blocks"])

    would = {one["action"] for one in report["withheld"]}
    assert {"okta.suspend_user", "aws.deactivate_access_keys", "okta.block_addresses", "jira.open_ticket", "slack.notify"} <= would
    assert [clock["minutes"] for clock in report["history"]] == [35, 83, 331]
    assert all(clock["seconds"] is not None for clock in report["history"])
    clocks = report["clocks"]
    assert 0 <= clocks["planned"] <= clocks["posted"] <= clocks["looked"] <= clocks["decided"] <= clocks["ruled"] <= clocks["over"]
    names = [str(person["name"]) for person in acme.estate.people]
    assert [(one["name"], one["answer"]) for one in report["people"]] == [(names[1], "approve"), (names[2], None), (names[3], None)]
    assert report["residual"]
    words = tabletopwords.render(report)
    for expected in (
        "EXERCISE, nothing was changed. It would have been",
        "## What would have been written",
        "2 did not answer",
        "331 minutes",
    ):
        assert expected in words
    assert any(line.startswith("EXERCISE: run") for line in said)

    assert (await auditing.verify()).faults == ()
    pack = await auditing.export(report["run"], acme.folder / "pack.zip")
    assert pack
    shown = await running.show(report["run"])
    assert {**shown, "journal_head": ""} == {**report, "journal_head": ""}
    with pytest.raises(BadInput, match="nothing to undo"):
        await running.undo(report["run"], who=acme.who(), say=lambda _: None)
    with pytest.raises(BadInput, match="is over"):
        await running.resume(report["run"], who=acme.who(), say=lambda _: None)


async def test_who_looks_closely_is_told_that_it_is_an_exercise_and_a_denial_ends_it(scene: Scene) -> None:
    acme, _ = scene
    task = hold(acme, given(acme, users=tuple(acme.estate.victims[:1])))
    async with Person(acme.slack.url, acme.member(1)) as person:
        post = await person.wait_for_message(estate.CHANNEL, lambda one: any(button.action_id == APPROVE for button in one.buttons), 20)
        assert "EXERCISE: " in post.shown
        await person.click(estate.CHANNEL, post.ts, DENY)
        modal = await person.wait_for_modal(lambda one: bool(one.submit), 10)
        assert "EXERCISE: " in modal.shown
        assert "This is an exercise: nothing will be changed" in modal.shown
        await person.submit({"reason/text": "a bad plan"})
    report = await task
    assert (report["outcome"], RunOutcome(report["outcome"]).exit_code, report["withheld"]) == ("denied", 3, [])
    assert (report["people"][0]["answer"], report["approval"]["ruling"]) == ("deny", "denied")


async def test_nothing_is_guessed_and_what_is_designated_is_taken(scene: Scene) -> None:
    acme, proxies = scene
    with pytest.raises(BadInput, match="nothing says what the exercise is about") as refused:
        await hold(acme, {})
    for wanted in ("users: the Okta logins", "exercise_inputs", "-i users="):
        assert wanted in str(refused.value)
    assert not any(proxy.seen for proxy in proxies.values()), "nothing was touched"
    toml = acme.folder / "firedoor.toml"
    responder = acme.estate.people[1]["accounts"][0].rpartition(":")[2]
    toml.write_text(f'exercise_inputs = {{ users = "{responder}" }}\n{toml.read_text()}')
    report = await hold(acme, {})
    assert (report["outcome"], report["people"]) == ("failed", []), "the guard says what it would say, and leaves nothing to approve"
    assert {step["outcome"] for step in report["steps"] if not step["telling"]} == {"REFUSED"}
    assert report["steps"][0]["reason"]


async def test_whoever_asks_an_exercise_for_a_containment_is_sent_elsewhere(scene: Scene) -> None:
    acme, proxies = scene
    task = hold(acme)
    exercise = (await recorded(acme, Kind.REQUESTED)).run
    async with Person(acme.slack.url, acme.member(0)) as asker:
        for order in ("contain identity-breach users=a@b.example", f"undo {exercise}", "freeze a@b.example", "drill"):
            seen = {one.ts for one in await asker.messages(estate.CHANNEL)}
            await asker.command(estate.CHANNEL, f"/firedoor {order}")
            told = await asker.wait_for_message(estate.CHANNEL, lambda one, seen=seen: one.ephemeral and one.ts not in seen, 10)  # type: ignore[misc]
            assert "only an exercise listens here just now" in told.shown
    await acme.sign(exercise, 1, Answer.DENY)
    assert (await task)["outcome"] == "denied"
    assert proxies["okta"].writes == []
