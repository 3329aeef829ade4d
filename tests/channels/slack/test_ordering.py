"""The form through the whole app: opened, filled in, submitted once or twice, slow, forged; one form is one run."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from firedoor.channels.slack import forms
from firedoor.errors import Unreachable
from firedoor.journal import Kind
from firedoor.vendors.faults import Fault
from firedoor.vendors.slack.delivery import Ack
from firedoor.vendors.slack.forms import action, fill, find_element
from firedoor.vendors.slack.people import Modal, NotOffered
from firedoor.vendors.slack.raw import Raw, objects
from firedoor.vendors.slack.world import View
from tests import fakes
from tests.channels.slack.samples import HOSTILE
from tests.channels.slack.scene import ROOM, Scene

KEY = "AKIAIOSFODNN7EXAMPLE"
FIELDS = {"in:access_keys/value": KEY}


async def form(stage: Scene, name: str = "ada", playbook: str = "leaked-aws-key") -> Modal:
    """Somebody opens the form."""
    assert (await stage.people[name].command(ROOM, f"/firedoor contain {playbook}".strip())).ok
    return await stage.people[name].wait_for_modal(lambda modal: modal.title == "Contain", 10)


async def became(stage: Scene, name: str = "ada") -> str:
    """What stands in the form's place in the end."""
    return (await stage.people[name].wait_for_modal(lambda modal: modal.title not in ("Contain", "Planning"), 10)).shown


def view_of(stage: Scene, member: str = "U0ADA") -> View:
    return stage.slack.world.modals[member][-1]


async def send(stage: Scene, view: View, member: str = "U0ADA", values: Mapping[str, Any] | None = None, metadata: str = "") -> Ack:
    """A submission on the wire: any member, any content, as often as one likes."""
    state = {"playbook": {forms.CHOOSE: {"type": "static_select", "selected_option": {"value": "leaked-aws-key"}}}}
    for name, value in (values or {"access_keys": KEY}).items():
        state[forms.FIELD + name] = {"value": {"type": "plain_text_input", "value": value}}
    definition: Raw = {**view.definition, **({"private_metadata": metadata} if metadata else {})}
    payload = stage.slack._people.acts.payloads.submission(
        stage.slack.world.user(member), replace(view, definition=definition, values=cast("Any", state))
    )
    return await stage.deliver("interactive", payload)


def words(ack: Ack) -> str:
    return json.dumps(ack.payload, ensure_ascii=False)


async def test_from_an_empty_form_to_a_request(either: Scene) -> None:
    stage = either
    ada = stage.people["ada"]
    empty = await form(stage, playbook="")
    assert [block["block_id"] for block in empty.blocks if block["type"] == "input"] == ["playbook"]
    assert (await ada.click_in_modal(forms.CHOOSE, value="session-hijack")).ok
    hijack = await ada.wait_for_modal(lambda modal: "in:users" in json.dumps(modal.blocks), 10)
    assert hijack.view_id == empty.view_id
    with pytest.raises(NotOffered, match="required_field_empty"):
        await ada.submit({})

    # the fields of the same name keep what was typed, the others go
    acts = stage.slack._people.acts
    assert not await acts.click_view(
        stage.slack.world.user("U0ADA"), "modal", forms.CHOOSE, entry="identity-breach", entries={"in:users/value": "ada@example.com"}
    )
    breach = await ada.wait_for_modal(lambda modal: "in:access_keys" in json.dumps(modal.blocks), 10)
    [users] = [block for block in breach.blocks if block["block_id"] == "in:users"]
    assert cast("Raw", users["element"])["initial_value"] == "ada@example.com"
    assert (await ada.submit({"in:access_keys/value": f"{KEY}, {KEY}\nASIAIOSFODNN7EXAMPLE"})).ok
    assert (await ada.modal() or breach).title == "Planning"
    answer = await became(stage)
    [run] = await stage.lab.journal.runs()
    assert answer == f"Run {run} of identity-breach is planned; the request stands in the channel."
    assert (await stage.request(run)).buttons
    [order] = stage.small.orders
    assert (order.run, order.requester, order.inputs["users"]) == (run, "Ada", ("ada@example.com",))
    assert order.inputs["access_keys"] == (KEY, "ASIAIOSFODNN7EXAMPLE")
    assert not [one for one in await ada.messages(ROOM) if one.ephemeral], "told once"
    assert [request.error for request in stage.slack.requests if request.error] == []


async def test_what_is_wrong_stands_under_its_field_and_starts_nothing(stage: Scene) -> None:
    await form(stage)
    ada = stage.people["ada"]
    assert (await ada.submit({"in:access_keys/value": "nonsense <!channel>", "in:roles/value": "arn:aws:iam::1:role/x"})).ok
    modal = await ada.modal()
    assert modal is not None
    assert modal.errors.keys() == {"in:access_keys", "in:roles"}
    assert "not an AWS access key id" in modal.errors["in:access_keys"]
    assert "nonsense" not in str(modal.errors)
    assert not stage.small.orders
    assert (await ada.submit({"in:access_keys/value": KEY, "in:roles/value": ""})).ok
    assert "is planned" in await became(stage)
    assert len(stage.small.orders) == 1


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_words_are_inert(stage: Scene, name: str) -> None:
    await form(stage)
    values = dict.fromkeys(("access_keys", "roles", "principals", "addresses"), HOSTILE[name])
    ack = await send(stage, view_of(stage), values=values)
    assert ack.payload["response_action"] == "errors"
    assert cast("Raw", ack.payload["errors"]).keys() == {forms.FIELD + field for field in values}
    assert "<!" not in words(ack)
    assert len(words(ack)) < 4000
    assert not stage.small.orders


async def test_two_submissions_are_one_run(stage: Scene) -> None:
    await form(stage)
    view = view_of(stage)
    first, second = await asyncio.gather(send(stage, view), send(stage, view))
    assert [ack.payload["response_action"] for ack in (first, second)] == ["update", "update"]
    assert "is planned" in await became(stage)
    third = await send(stage, view)  # Slack delivers it once more, after all
    assert third.came
    [run] = await stage.lab.journal.runs()
    assert [order.run for order in stage.small.orders] == [run]
    assert len([kind for kind in await stage.lab.kinds(run) if kind == Kind.OPENED]) == 1


async def test_one_submission_that_is_delivered_again_and_again_is_one_run(either: Scene) -> None:
    stage = either
    await form(stage)
    acts, view = stage.slack._people.acts, view_of(stage)
    blocks = objects(view.definition["blocks"])
    payload = acts.payloads.submission(stage.slack.world.user("U0ADA"), replace(view, values=fill(blocks, {}, FIELDS)))
    for _ in range(3):
        assert (await stage.deliver("interactive", payload)).came
    await stage.until(lambda: _any_run(stage))
    assert (await stage.deliver("interactive", payload)).came
    assert len(stage.small.orders) == 1
    assert len(await stage.lab.journal.runs()) == 1


async def test_two_processes_begin_one_run_once(stage: Scene) -> None:
    """Each has its own socket, and Slack gives the second submission to the other one."""
    await form(stage)
    run = forms.read({**view_of(stage).definition, "state": {"values": {"playbook": {forms.CHOOSE: {"selected_option": None}}}}}).run
    other = asyncio.create_task(cast("Any", stage.lab.contain(run=run, answer=None)))
    await stage.until(lambda: stage.recorded(Kind.REQUESTED, run))
    ack = await send(stage, view_of(stage))
    assert f"run {run} was begun before" in words(ack)
    assert not stage.small.orders
    other.cancel()
    await asyncio.gather(other, return_exceptions=True)


async def test_two_forms_are_two_runs_unless_they_ask_for_the_very_same(stage: Scene) -> None:
    """Whoever is second is told of the first, where it stands, and is given the way to its thread."""
    for name, key, words in (("ada", KEY, "is planned"), ("ben", KEY, "does this already"), ("ben", f"{KEY[:-1]}F", "is planned")):
        await form(stage, name)
        assert (await stage.people[name].submit({"in:access_keys/value": key})).ok
        shown = await became(stage, name)
        assert words in shown
        if words == "does this already":
            [run] = await stage.lab.journal.runs()
            place = f"https://acme.slack.com/archives/{ROOM}/p{(await stage.request(run)).ts.replace('.', '')}"
            assert f"run {run} does this already: waits for 1 approval until " in shown
            assert "asked for by Ada" in shown
            assert place in shown
        await stage.people[name].close_modal()
    assert len(await stage.lab.journal.runs()) == 2
    async with asyncio.timeout(10):
        while stage.posted() < 2:  # noqa: ASYNC110 - a request is posted beside the form's answer
            await asyncio.sleep(0.01)
    assert stage.posted() == 2


async def slow(monkeypatch: pytest.MonkeyPatch, trouble: Exception | None = None) -> asyncio.Event:
    """The vendor answers only once the event is set."""
    gate = asyncio.Event()

    async def find(self: fakes.Find, question: fakes.Names) -> Sequence[fakes.Door]:
        del self
        await gate.wait()
        if trouble is not None:
            raise trouble
        return [fakes.Door(name=name) for name in question.names]

    monkeypatch.setattr(fakes.Find, "find", find)
    return gate


async def test_a_slow_plan_keeps_nobody_waiting(stage: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = await slow(monkeypatch)
    await form(stage)
    ada, view = stage.people["ada"], view_of(stage)
    assert (await ada.submit(FIELDS)).ok, "acked, though nothing is planned yet"
    planning = await ada.wait_for_modal(lambda modal: modal.title == "Planning", 10)
    assert not await stage.lab.journal.runs()
    assert (await send(stage, view)).came, "delivered again"
    gate.set()
    answer = await became(stage)
    assert answer.startswith("Run ")
    assert planning.shown.split(" ")[1] == answer.split(" ")[1]
    assert len(stage.small.orders) == 1


async def test_a_run_that_cannot_be_planned_says_so_in_the_form(stage: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = await slow(monkeypatch, Unreachable("no answer from *fake* <!channel>", vendor="fake", operation="find"))
    await form(stage)
    assert (await stage.people["ada"].submit(FIELDS)).ok
    gate.set()
    answer = await became(stage)
    assert "&lt;!channel&gt;" in answer or "NOT contained" in answer
    assert "<!" not in answer


async def test_who_closes_the_form_is_told_where_they_opened_it(stage: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = await slow(monkeypatch)
    await form(stage)
    ada = stage.people["ada"]
    assert (await ada.submit(FIELDS)).ok
    await ada.wait_for_modal(lambda modal: modal.title == "Planning", 10)
    await ada.close_modal()
    gate.set()
    assert "is planned; the request stands in the channel" in (await stage.told("ada")).shown


REFUSED = ("eve", "gus", "far")


@pytest.mark.parametrize("name", REFUSED)
async def test_who_is_not_on_the_roster_gets_no_form_and_starts_nothing(stage: Scene, name: str) -> None:
    if name != "far":  # another workspace does not even have the command
        assert (await stage.people[name].command(ROOM, "/firedoor contain")).ok
        assert "You are not on the roster" in (await stage.told(name)).shown
        assert await stage.people[name].modal() is None
    await form(stage)
    ack = await send(stage, view_of(stage), f"U0{name.upper()}")
    assert "You are not on the roster" in str(cast("Raw", ack.payload["errors"])["playbook"])
    assert not stage.small.orders
    assert not await stage.lab.journal.runs()


async def test_who_submits_asks_and_not_who_opened(stage: Scene) -> None:
    await form(stage)
    assert (await send(stage, view_of(stage), "U0BEN")).came
    await stage.until(lambda: _any_run(stage))
    assert [order.requester for order in stage.small.orders] == ["Ben"]


async def _any_run(stage: Scene) -> bool:
    return bool(await stage.lab.journal.runs())


async def test_a_submission_that_overtakes_the_choice_gets_the_fields_and_starts_nothing(stage: Scene) -> None:
    await form(stage, playbook="session-hijack")
    ack = await send(stage, view_of(stage), values={"users": "ada@example.com"})  # chosen: leaked-aws-key; shown: session-hijack
    assert ack.payload["response_action"] == "update"
    assert "in:access_keys" in words(ack)
    assert not stage.small.orders


FORGED = [
    ("r1", "not as Firedoor made it"),
    *((json.dumps({"run": run, "shown": "leaked-aws-key"}), "no name of a run") for run in ("r1", "260304-a1b2c3\n", "<!channel>")),
]


@pytest.mark.parametrize(("metadata", "said"), FORGED)
async def test_what_is_forged_starts_nothing(stage: Scene, metadata: str, said: str) -> None:
    await form(stage)
    ack = await send(stage, view_of(stage), metadata=metadata)
    assert said in words(ack)
    assert "<!" not in words(ack)
    assert not stage.small.orders


async def test_a_choice_from_an_older_form_changes_nothing(stage: Scene) -> None:
    await form(stage)
    old = view_of(stage)
    ada = stage.people["ada"]
    await ada.click_in_modal(forms.CHOOSE, value="session-hijack")
    await ada.wait_for_modal(lambda modal: "in:users" in json.dumps(modal.blocks), 10)
    blocks = objects(old.definition["blocks"])
    block_id, element = find_element(blocks, forms.CHOOSE)
    entry = "block-addresses"
    old = replace(old, values=fill(blocks, {}, {forms.CHOOSE: entry}))
    user = stage.slack.world.user("U0ADA")
    payload = stage.slack._people.acts.payloads.view_click(user, old, action(block_id, element, entry))
    assert (await stage.deliver("interactive", payload)).came
    await stage.until(lambda: _refused(stage, "hash_conflict"))
    assert "in:users" in json.dumps(view_of(stage).definition["blocks"])


async def _refused(stage: Scene, code: str) -> bool:
    return any(request.error == code for request in stage.slack.requests)


async def test_a_form_that_slack_does_not_open_is_told_of(stage: Scene) -> None:
    stage.slack.faults.plan(Fault(operation="views.open", status=503, body="<html>"), times=1)
    assert "Slack could not be reached" in await stage.say("ada", "/firedoor contain leaked-aws-key")
    assert await stage.people["ada"].modal() is None


async def test_an_order_may_be_typed_as_slack_and_phones_write_it(stage: Scene) -> None:
    line = "/firedoor Contain session-hijack -i users=<mailto:ada@example.com|ada@example.com>,<mailto:ben@example.com|ben@example.com>"
    assert "is planned" in await stage.say("ada", line)
    assert stage.small.orders[0].inputs["users"] == ("ada@example.com", "ben@example.com")
