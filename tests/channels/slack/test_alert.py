"""The shortcut in a message's menu, from the alert to the form: what is read, filled in, remembered, and told to be left out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.channels.slack import forms, prefill
from firedoor.channels.slack.alert import CONTAIN_FROM_ALERT, words_of
from firedoor.indicators import find
from firedoor.matching import ranked
from firedoor.vendors.slack.blocks import Surface, check_view
from firedoor.vendors.slack.people import Modal, NotOffered
from tests.channels.slack.samples import HOSTILE
from tests.channels.slack.scene import ROOM, Scene
from tests.channels.slack.test_blocks import texts
from tests.channels.slack.test_forms import BOOKS, fields, golden
from tests.test_indicators import ALERTS

BLOCKS = [
    {"type": "header", "text": {"type": "plain_text", "text": "Impossible travel"}},
    {"type": "section", "fields": [{"type": "mrkdwn", "text": "*User*\n<mailto:ada@acme.example|ada@acme.example>"}]},
    {
        "type": "context",
        "elements": [{"type": "mrkdwn", "text": "from `203.0.113[.]66`, <!date^1772593506^{date} {time}|at five past three>"}],
    },
]
ATTACHMENTS = [
    {
        "fallback": "key AKIAIOSFODNN7EXAMPLE",
        "fields": [{"title": "Host", "value": "db-3.internal", "short": True}],
        "title_link": "https://siem.example.com/alert?user=eve@acme.example",
        "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "role arn:aws:iam::111122223333:role/web"}}],
        "image_url": "https://img.example.com/x.png",
    }
]
RICH = {
    "type": "rich_text",
    "elements": [
        {
            "type": "rich_text_section",
            "elements": [
                {"type": "text", "text": "o'"},
                {"type": "link", "url": "mailto:brien@acme.example", "text": "brien@acme.example"},
                {"type": "text", "text": " and 1.2.3", "style": {"bold": True}},
                {"type": "text", "text": "[.]4 "},
                {"type": "user", "user_id": "U0ADA"},
                {"type": "link", "url": "https://evil.example.com/x", "text": "okta.example.com"},
                {"type": "date", "timestamp": 1772593506, "format": "{time}"},
            ],
        },
        {
            "type": "rich_text_list",
            "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "0oa1gjh63g214q0Hq0g4"}]}],
        },
    ],
}


def named(message: Mapping[str, Any]) -> list[str]:
    return [str(one) for one in find(words_of(message)).indicators]


def test_all_the_words_of_a_message_are_read() -> None:
    text = "ALERT <@U0ADA> see <#C0INC|incident> <!channel>"
    assert named({"text": text, "blocks": BLOCKS, "attachments": ATTACHMENTS, "ts": "1.2"}) == [
        "user ada@acme.example",
        "address 203.0.113.66",
        "moment 2026-03-04T03:05:06Z",
        "access key AKIAIOSFODNN7EXAMPLE",
        "host db-3.internal",
        "host siem.example.com",
        "AWS role arn:aws:iam::111122223333:role/web",
    ]


def test_a_link_that_slack_made_of_a_part_of_a_name_is_put_together_again() -> None:
    expected = ["user o'brien@acme.example", "address 1.2.3.4", "host okta.example.com", "moment 2026-03-04T03:05:06Z"]
    assert named({"blocks": [RICH]}) == [*expected, "host evil.example.com", "Okta app 0oa1gjh63g214q0Hq0g4"]
    assert named({"text": "o'<mailto:brien@acme.example|brien@acme.example>"}) == ["user o'brien@acme.example"]
    assert named({"text": "<https://evil.example.com/x|okta.example.com>"}) == ["host okta.example.com", "host evil.example.com"]
    assert named({"text": "&lt;!date^1772593506^x|y&gt; <!date^99999999999999999999^x|y> <!date^x^y|z>"}) == []


def test_a_message_nested_beyond_all_measure_is_read_to_its_end() -> None:
    deep: Any = {"text": "ada@example.com"}
    for _ in range(20_000):
        deep = {"elements": [deep]}
    assert named({"blocks": [deep]}) == ["user ada@example.com"]
    assert named({"text": 7, "blocks": "x", "attachments": {"text": ["ben@example.com", None, 3.5]}}) == ["user ben@example.com"]


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_becomes_a_form(name: str) -> None:
    found = prefill.fitting(find(ALERTS[name][0]))
    for match in ranked(BOOKS, found.indicators):
        view = forms.form(
            BOOKS, run="260304-a1b2c3", chosen=match.book, values=prefill.fields(match), notes=prefill.notes(match, found), found=found
        )
        check_view(view, Surface.MODAL)
        filled = {key: one["element"].get("initial_value") for key, one in fields(view).items()}
        for one in found.indicators:
            named_ = one.value in json.dumps(view["blocks"][1:3])
            assert named_ or one in match.used, f"{one} is neither filled in nor told of"
            assert not (one.why_not and any(one.value in (text or "").split() for text in filled.values()))
    best = ranked(BOOKS, found.indicators)[0]
    order = [match.book for match in ranked(BOOKS, found.indicators)]
    notes = prefill.notes(best, found)
    golden(f"alert-{name}", forms.form(order, run="260304-a1b2c3", chosen=best.book, values=prefill.fields(best), notes=notes, found=found))


def test_a_form_remembers_what_it_has_room_for_and_counts_the_rest() -> None:
    text = " ".join(f"arn:aws:iam::111122223333:role/{'r' * 60}{number:04d}" for number in range(50))
    found = prefill.fitting(find(text))
    assert 0 < len(found.indicators) < 50
    assert len(found.indicators) + found.left_out == 50
    match = ranked(BOOKS, found.indicators)[0]
    notes = prefill.notes(match, found)
    assert f"{found.left_out} more that it names had no room here." in notes
    view = forms.form(BOOKS, run="260304-a1b2c3", chosen=match.book, values=prefill.fields(match), notes=notes, found=found)
    check_view(view, Surface.MODAL)
    assert prefill.recall(json.loads(view["private_metadata"])) == found
    assert prefill.notes(None, find("")) == ["The message names nothing that Firedoor knows."]
    assert "longer than Firedoor reads" in prefill.notes(None, find("x" * 200_000))[-1]


@given(st.text())
def test_what_is_remembered_is_recalled(text: str) -> None:
    found = find(f"{text}@example.com {text}.example.com ada@example.com {text}")
    assert prefill.recall(json.loads(json.dumps(prefill.remember(found)))) == prefill.fitting(found)


async def post(stage: Scene, text: str, **more: Any) -> str:
    """The alert, as the company's SIEM posts it."""
    async with aiohttp.ClientSession() as http:
        url = f"{stage.slack.url}people/integrations/B0SIEM/messages"
        async with http.post(url, json={"channel": ROOM, "text": text, **more}) as reply:
            return str((await reply.json())["ts"])


async def use(stage: Scene, ts: str, name: str = "ada") -> Modal:
    assert (await stage.people[name].shortcut(CONTAIN_FROM_ALERT, channel=ROOM, ts=ts)).ok
    return await stage.people[name].wait_for_modal(lambda modal: modal.title == "Contain", 10)


def values(modal: Modal) -> dict[str, str]:
    found = fields({"blocks": modal.blocks})
    return {name: one["element"].get("initial_value", "") for name, one in found.items() if name != "playbook"}


async def test_from_an_alert_to_a_request(either: Scene) -> None:
    stage = either
    ts = await post(stage, "Alert", blocks=BLOCKS, attachments=ATTACHMENTS)
    modal = await use(stage, ts)
    assert fields({"blocks": modal.blocks})["playbook"]["element"]["initial_option"]["value"] == "identity-breach"
    assert values(modal) == {
        "users": "ada@acme.example",
        "since": "2026-03-04T03:05:06Z",
        "access_keys": "AKIAIOSFODNN7EXAMPLE",
        "apps": "",
        "roles": "arn:aws:iam::111122223333:role/web",
        "sso_users": "",
        "addresses": "203.0.113.66",
    }
    assert "Filled in from the alert: 1 user, 1 address, 1 moment, 1 access key, 1 AWS role." in modal.shown
    assert "Also named: host db-3.internal, host siem.example.com." in modal.shown

    # another playbook: what fits there is filled in, what does not is named, and what was typed or emptied stays so
    ada = stage.people["ada"]
    user = stage.slack.world.user("U0ADA")
    typed = {"in:users/value": "", "in:addresses/value": "198.51.100.9"}
    assert not await stage.slack._people.acts.click_view(user, "modal", forms.CHOOSE, entry="session-hijack", entries=typed)
    hijack = await ada.wait_for_modal(lambda one: "in:apps" not in json.dumps(one.blocks), 10)
    assert values(hijack) == {"users": "", "since": "2026-03-04T03:05:06Z", "addresses": "198.51.100.9"}
    assert "Also named: access key AKIAIOSFODNN7EXAMPLE, host db-3.internal" in hijack.shown
    assert (await ada.submit({"in:users/value": "ben@acme.example"})).ok
    answer = await ada.wait_for_modal(lambda one: one.title == "Your run", 10)
    assert "of session-hijack is planned" in answer.shown
    [order] = stage.small.orders
    assert order.inputs == {"users": ("ben@acme.example",), "since": ("2026-03-04T03:05:06Z",), "addresses": ("198.51.100.9/32",)}


async def test_what_is_not_what_it_looks_like_is_told_and_not_filled_in(stage: Scene) -> None:
    modal = await use(stage, await post(stage, "users \u0430da@acme.example and ben@acme.example from 10.0.0.7, 203.0.113.66"))
    assert values(modal)["users"] == "ben@acme.example"
    assert "user \u0430[U+0430]da@acme.example (suspicious: it has CYRILLIC SMALL LETTER A (U+0430))" in modal.shown
    assert "address 10.0.0.7 (private)" in modal.shown


async def test_an_alert_that_names_nothing_opens_the_form_all_the_same(stage: Scene) -> None:
    modal = await use(stage, await post(stage, "Something is odd"))
    assert values(modal) == {}
    assert "names nothing that Firedoor knows" in modal.shown
    ts = await stage.people["eve"].say(ROOM, "host db-3.internal is odd")
    assert "The alert names: host db-3.internal." in (await use(stage, ts)).shown


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_message_is_inert(stage: Scene, name: str) -> None:
    text = f"{HOSTILE[name]}@acme.example ada@acme.example {HOSTILE[name]}.example.com {HOSTILE[name]}"[:39_000]
    modal = await use(stage, await post(stage, text.replace("\ud800", ""), attachments=[{"text": text.replace("\ud800", "")}]))
    for one in texts(list(modal.blocks)):
        assert one["type"] == "plain_text"
        assert "<" not in one["text"]
    assert [request.error for request in stage.slack.requests if request.error] == []


@pytest.mark.parametrize("name", ["eve", "gus"])
async def test_who_is_not_on_the_roster_gets_no_form(stage: Scene, name: str) -> None:
    ts = await post(stage, "ada@acme.example")
    assert (await stage.people[name].shortcut(CONTAIN_FROM_ALERT, channel=ROOM, ts=ts)).ok
    assert "You are not on the roster" in (await stage.told(name)).shown
    assert await stage.people[name].modal() is None


async def test_a_shortcut_that_is_delivered_twice_opens_one_form(stage: Scene) -> None:
    ts = await post(stage, "ada@acme.example")
    world = stage.slack.world
    acts, ada, room = stage.slack._people.acts, world.user("U0ADA"), world.channel(ROOM)
    payload = acts.payloads.message_shortcut(ada, room, world.find(room, ts), CONTAIN_FROM_ALERT)
    for _ in range(3):
        assert (await stage.deliver("interactive", payload)).came
    await stage.people["ada"].wait_for_modal(lambda modal: modal.title == "Contain", 10)
    assert stage.calls("views.open") == 1
    assert not [one for one in await stage.people["ada"].messages(ROOM) if one.ephemeral]


async def test_another_workspace_gets_no_form(stage: Scene) -> None:
    ts = await post(stage, "ada@acme.example")
    with pytest.raises(NotOffered):
        await stage.people["far"].shortcut(CONTAIN_FROM_ALERT, channel=ROOM, ts=ts)
    world = stage.slack.world
    far, room = world.user("U0FAR"), world.channel(ROOM)
    payload = stage.slack._people.acts.payloads.message_shortcut(far, room, world.find(room, ts), CONTAIN_FROM_ALERT)
    await stage.deliver("interactive", payload)
    assert "You are not on the roster" in (await stage.told("far")).shown
    assert await stage.people["far"].modal() is None
