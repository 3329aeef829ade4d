"""A tabletop on an estate that is real to the code, a recording proxy before each vendor: people are asked, and not one write leaves."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from firedoor import auditing, exercising, running
from firedoor.approval import Answer
from firedoor.channels.slack.blocks import APPROVE, DENY
from firedoor.errors import BadInput
from firedoor.exercise import estate, tabletopwords
from firedoor.journal import Event, Journal, Kind
from firedoor.report import RunOutcome
from firedoor.store import Store
from firedoor.vendors.access import Access, CallPolicy
from firedoor.vendors.slack.people import Person
from tests.company import Company
from tests.preview.proxy import Proxy
from tests.preview.test_preview import asked_of, behind_proxies

pytestmark = [
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:client.files_upload:UserWarning"),
]
SCENARIO = "cloudflare-okta-2023"
Report = Any
# What Slack is asked beyond looks: to ask and tell people, and to let them look.
TALKING = {"chat.postMessage", "chat.update", "views.open", "apps.connections.open", "bots.info", "usergroups.users.list"}


@pytest.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Company, dict[str, Proxy]]]:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    async with behind_proxies(tmp_path, monkeypatch) as (acme, proxies):
        yield acme, {proxy.vendor: proxy for proxy in proxies}


@pytest.fixture(autouse=True)
def accesses(monkeypatch: pytest.MonkeyPatch) -> list[Access]:
    """The access of every vendor client that is made."""
    found: list[Access] = []
    made = CallPolicy.__init__

    def noted(self: CallPolicy, **how: Any) -> None:
        found.append(how["access"])
        made(self, **how)

    monkeypatch.setattr(CallPolicy, "__init__", noted)
    return found


def given(acme: Company, **changed: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    everything = {name: tuple(value.split(",")) for name, value in asked_of(acme)["identity-breach"].items()}
    return {**everything, **changed}


def hold(acme: Company, about: dict[str, tuple[str, ...]] | None = None, said: list[str] | None = None) -> asyncio.Task[Report]:
    about = given(acme) if about is None else about
    say = said.append if said is not None else lambda _: None
    return asyncio.create_task(cast("Any", exercising.hold(SCENARIO, about, requester=acme.asker, say=say)))


@asynccontextmanager
async def journal(acme: Company) -> AsyncIterator[Journal]:
    async with Store(f"sqlite:///{acme.folder / 'state' / 'journal.db'}") as store:
        yield Journal(store)


async def recorded(acme: Company, kind: Kind, mode: str = "exercise") -> Event:
    """Such an event of a run in that mode, once there is one."""
    async with asyncio.timeout(20):
        while True:
            if (acme.folder / "state" / "journal.db").exists():
                async with journal(acme) as record:
                    for opened in await record.opened(most=9, mode=mode):
                        for event in await record.events(opened.run, only=kind):
                            return event
            await asyncio.sleep(0.05)


def messages(acme: Company) -> list[dict[str, Any]]:
    """What the app has said to all in the channel."""
    found = cast("Any", acme.slack.state()["messages"])[estate.CHANNEL]
    return [one for one in found if one.get("metadata")]


async def test_people_are_asked_and_not_one_write_leaves(scene: tuple[Company, dict[str, Proxy]], accesses: list[Access]) -> None:
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
    assert (await running.show(report["run"]))["mode"] == "exercise"
    with pytest.raises(BadInput, match="nothing to undo"):
        await running.undo(report["run"], requester=acme.asker, say=lambda _: None)
    with pytest.raises(BadInput, match="is over"):
        await running.resume(report["run"], say=lambda _: None)


async def test_who_looks_closely_is_told_that_it_is_an_exercise_and_a_denial_ends_it(scene: tuple[Company, dict[str, Proxy]]) -> None:
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


async def test_nothing_is_guessed_and_what_is_designated_is_taken(scene: tuple[Company, dict[str, Proxy]]) -> None:
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


async def test_where_slack_is_away_people_sign(scene: tuple[Company, dict[str, Proxy]], monkeypatch: pytest.MonkeyPatch) -> None:
    acme, proxies = scene
    monkeypatch.setenv("FIREDOOR_SLACK_BASE_URL", "http://127.0.0.1:9/api/")
    said: list[str] = []
    task = hold(acme, said=said)
    asked = await recorded(acme, Kind.REQUESTED)
    await acme.sign(asked.run, 1)
    report = await task
    assert report["approval"]["ruling"] == "granted"
    assert (report["clocks"]["posted"], report["people"][0]["answer"]) == (None, "approve")
    assert any("EXERCISE: Run" in line and "Nothing will be changed" in line for line in said)
    assert [proxy.writes for proxy in proxies.values()] == [[]] * 4


async def test_a_real_containment_is_asked_for_and_done_while_an_exercise_waits(scene: tuple[Company, dict[str, Proxy]]) -> None:
    acme, _ = scene
    users = tuple(acme.estate.victims[:1])
    listens = asyncio.Event()
    serving = asyncio.create_task(running.serve(say=lambda text: listens.set() if text.startswith("Listening") else None))
    try:
        async with Person(acme.slack.url, acme.member(0)) as asker:
            await asyncio.wait_for(listens.wait(), 20)
            rehearsal = hold(acme, {"users": users})
            exercise = (await recorded(acme, Kind.REQUESTED)).run
            assert sum(one.method == "apps.connections.open" for one in acme.slack.requests) == 1, "who could contain hears what people do"
            await asker.command(estate.CHANNEL, f"/firedoor contain identity-breach users={users[0]}")
            real = (await recorded(acme, Kind.REQUESTED, mode="live")).run
            await acme.sign(real, 1)
            ended = await recorded(acme, Kind.FINISHED, mode="live")
            assert cast("Any", ended.body)["outcome"] == "contained"
            assert acme.okta.world.user(users[0]).status == "SUSPENDED"
            await acme.sign(exercise, 1)
            report = await rehearsal
        assert report["outcome"] == "previewed"
        assert {one["action"] for one in report["withheld"]} == {"jira.open_ticket", "slack.notify"}, (
            "all else was done in earnest meanwhile"
        )
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def test_whoever_asks_an_exercise_for_a_containment_is_sent_elsewhere(scene: tuple[Company, dict[str, Proxy]]) -> None:
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


async def test_called_off_it_is_resumed_as_an_exercise(scene: tuple[Company, dict[str, Proxy]], accesses: list[Access]) -> None:
    acme, proxies = scene
    task = hold(acme)
    run = (await recorded(acme, Kind.REQUESTED)).run
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    resumed = asyncio.create_task(cast("Any", running.resume(run, say=lambda _: None)))
    await acme.sign(run, 1)
    report = await resumed
    assert (report["mode"], report["against"], report["outcome"]) == ("exercise", "live", "previewed")
    assert set(accesses) == {Access.READ}
    assert [proxies[vendor].writes for vendor in ("okta", "aws", "jira")] == [[]] * 3
