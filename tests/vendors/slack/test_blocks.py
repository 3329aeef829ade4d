from __future__ import annotations

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from firedoor.vendors.slack.blocks import Surface, check_blocks, check_view
from firedoor.vendors.slack.forms import fill, initial
from firedoor.vendors.slack.raw import Raw, Refusal


def plain(length: int) -> Raw:
    return {"type": "plain_text", "text": "x" * length}


def button(**fields: object) -> Raw:
    return {"type": "button", "text": plain(1), "action_id": "go"} | fields


def actions(*elements: Raw) -> list[object]:
    return [{"type": "actions", "elements": list(elements)}]


def section(**fields: object) -> list[object]:
    return [{"type": "section", "text": plain(1)} | fields]


def select(**fields: object) -> Raw:
    return {"type": "static_select", "action_id": "pick", "options": [{"text": plain(1), "value": "a"}]} | fields


def typed(**fields: object) -> list[object]:
    return [{"type": "input", "label": plain(1), "element": {"type": "plain_text_input", "action_id": "x"} | fields}]


LIMITS: list[tuple[list[object], list[object], str]] = [
    ([{"type": "divider"}] * 50, [{"type": "divider"}] * 51, "/blocks]"),
    (section(text=plain(3000)), section(text=plain(3001)), "/blocks/0/text/text]"),
    (section(fields=[plain(2000)] * 10), section(fields=[plain(1)] * 11), "/blocks/0/fields]"),
    ([{"type": "header", "text": plain(150)}], [{"type": "header", "text": plain(151)}], "/blocks/0/text/text]"),
    (section(block_id="b" * 255), section(block_id="b" * 256), "/blocks/0/block_id]"),
    (actions(button(value="v" * 2000)), actions(button(value="v" * 2001)), "/blocks/0/elements/0/value]"),
    (actions(button(text=plain(75))), actions(button(text=plain(76))), "/blocks/0/elements/0/text/text]"),
    (actions(button(action_id="a" * 255)), actions(button(action_id="a" * 256)), "/blocks/0/elements/0/action_id]"),
    (actions(button(style="danger")), actions(button(style="loud")), "/blocks/0/elements/0/style]"),
    (actions(button(url="u" * 3000)), actions(button(url="u" * 3001)), "/blocks/0/elements/0/url]"),
    (
        actions(*(button(action_id=f"{n}") for n in range(25))),
        actions(*(button(action_id=f"{n}") for n in range(26))),
        "/blocks/0/elements]",
    ),
    (actions(button(), button(action_id="other")), actions(button(), button()), "/blocks/0/elements/1/action_id]"),
    (section(accessory=select()), section(accessory=select(options=[])), "/blocks/0/accessory/options]"),
    (
        section(accessory=select(options=[{"text": plain(1), "value": "a", "description": plain(75)}])),
        section(accessory=select(options=[{"text": plain(1), "value": "a", "description": plain(76)}])),
        "/blocks/0/accessory/options/0/description/text]",
    ),
    (
        section(accessory=select(initial_option={"text": plain(1), "value": "a"})),
        section(accessory=select(initial_option={"text": plain(2), "value": "a"})),
        "/blocks/0/accessory/initial_option]",
    ),
    (typed(max_length=3000, initial_value="x" * 3000), typed(max_length=3001), "/blocks/0/element/max_length]"),
    (typed(max_length=2, initial_value="xx"), typed(max_length=2, initial_value="xxx"), "/blocks/0/element/initial_value]"),
    (section(), [{"type": "hologram"}], "/blocks/0/type]"),
    (section(), section(txet="typo"), "/blocks/0]"),
    (section(), section(text=plain(0)), "/blocks/0/text/text]"),
    (section(), [{"type": "context", "elements": [plain(1)] * 11}], "/blocks/0/elements]"),
    ([{"type": "markdown", "text": "m" * 12_000}], [{"type": "markdown", "text": "m" * 12_001}], "/blocks/0/text]"),
    (section(), section(accessory={"type": "plain_text_input", "action_id": "x"}), "/blocks/0/accessory/type]"),
    (section(block_id="one"), section(block_id="one") + section(block_id="one"), "/blocks/1/block_id]"),
]


@pytest.mark.parametrize(("good", "bad", "pointer"), LIMITS)
def test_the_last_good_one_and_the_first_bad_one(good: list[object], bad: list[object], pointer: str) -> None:
    check_blocks(good)
    with pytest.raises(Refusal) as refused:
        check_blocks(bad)
    assert refused.value.code == "invalid_blocks"
    assert any(pointer in str(problem) for problem in refused.value.details["errors"])  # type: ignore[attr-defined]


VIEW: Raw = {"type": "modal", "title": plain(24), "blocks": []}
INPUT: Raw = {"type": "input", "label": plain(1), "element": {"type": "plain_text_input", "action_id": "x"}}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"title": plain(25)}, "/view/title/text]"),
        ({"private_metadata": "p" * 3001}, "/view/private_metadata]"),
        ({"submit": plain(25)}, "/view/submit/text]"),
        ({"callback_id": "c" * 256}, "/view/callback_id]"),
        ({"blocks": [{"type": "divider"}] * 101}, "/view/blocks]"),
        ({"blocks": [INPUT]}, "/view/submit]"),
        ({"blocks": [{"type": "markdown", "text": "x"}]}, "/view/blocks/0/type]"),
        ({"colour": "red"}, "/view]"),
    ],
)
def test_views(change: Raw, pointer: str) -> None:
    check_view(VIEW | {"private_metadata": "p" * 3000, "submit": plain(24), "blocks": [{"type": "divider"}] * 99 + [INPUT]}, Surface.MODAL)
    with pytest.raises(Refusal) as refused:
        check_view(VIEW | change, Surface.MODAL)
    assert refused.value.code == "invalid_arguments"
    assert pointer in str(refused.value.details)


async def test_the_reply_names_the_culprit(client: AsyncWebClient) -> None:
    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel="C0INC", text="x", blocks=section(text=plain(3001)))  # type: ignore[arg-type]
    assert refused.value.response["error"] == "invalid_blocks"
    assert refused.value.response["response_metadata"]["messages"] == [
        "[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]"
    ]
    with pytest.raises(SlackApiError, match="invalid_blocks_format"):
        await client.chat_postMessage(channel="C0INC", text="x", blocks="{}")


def test_missing_ids_are_filled_in() -> None:
    block = check_blocks(actions({"type": "button", "text": plain(1)}))[0]
    assert block["block_id"]
    assert block["elements"][0]["action_id"]  # type: ignore[index]


def field(element: Raw) -> list[Raw]:
    return [{"type": "input", "block_id": "b", "label": plain(1), "element": element}]


@pytest.mark.parametrize(
    ("element", "entry", "code"),
    [
        (select(), "b", "no_such_option"),
        ({"type": "plain_text_input", "action_id": "pick", "max_length": 2}, "abc", "too_long"),
        ({"type": "plain_text_input", "action_id": "pick", "min_length": 2}, "a", "too_short"),
        ({"type": "plain_text_input", "action_id": "other"}, "a", "no_such_field"),
        ({"type": "file_input", "action_id": "pick"}, "a", "element_not_simulated"),
    ],
)
def test_what_a_field_does_not_take(element: Raw, entry: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        fill(field(element), {}, {"pick": entry})
    assert refused.value.code == code


def test_state_values_by_element() -> None:
    option = {"text": plain(1), "value": "a"}
    assert fill(field(select()), {}, {"pick": "a"}) == {"b": {"pick": {"type": "static_select", "selected_option": option}}}
    users: Raw = {"type": "multi_users_select", "action_id": "pick", "initial_users": ["U1"]}
    assert fill(field(users), {}, {}) == {"b": {"pick": {"type": "multi_users_select", "selected_users": ["U1"]}}}
    typed: Raw = {"type": "plain_text_input", "action_id": "pick"}
    before = fill(field(typed), {}, {"pick": "kept"})
    assert fill(field(typed), before, {}) == before
    assert fill(field(typed), before, {"pick": ""}) == {"b": {"pick": {"type": "plain_text_input", "value": None}}}
    assert initial(select(initial_option=option)) == {"type": "static_select", "selected_option": option}
