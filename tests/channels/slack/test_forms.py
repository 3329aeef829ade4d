"""The form of every playbook: within Slack's limits, whatever the playbook; and what is read out of one that comes back."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor import shelf
from firedoor.channels.slack import forms
from firedoor.errors import BadInput
from firedoor.inputs import InputType
from firedoor.playbook import Input, Playbook, find
from firedoor.vendors.slack.blocks import Surface, check_view
from tests.channels.slack.samples import HOSTILE
from tests.channels.slack.test_blocks import GOLDEN, texts

BOOKS = [find(name) for name in shelf.shelf()]
BY_NAME = {book.playbook: book for book in BOOKS}


def golden(name: str, made: object) -> None:
    """Look at a change in what people see before you accept it: FIREDOOR_GOLDEN=write pytest writes the files anew."""
    path = GOLDEN / f"{name}.json"
    text = json.dumps(made, indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("FIREDOOR_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def book(count: int, label: str = "", **changed: Any) -> Playbook:
    """A playbook with so many inputs of every type, all its words hostile."""
    kinds = list(InputType)
    inputs = {
        f"input_{number}": Input(
            type=kinds[number % len(kinds)],
            many=number % 2 == 0,
            required=number % 3 == 0,
            help=f"help {number}{label}",
            example=f"example {number}{label}",
        )
        for number in range(count)
    }
    return BOOKS[0].model_copy(update={"inputs": inputs, "title": f"Title{label}", "about": f"About it{label}. More of it.", **changed})


def fields(view: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["block_id"].removeprefix(forms.FIELD): one for one in view["blocks"] if one["type"] == "input"}


@pytest.mark.parametrize("name", [None, *BY_NAME])
def test_every_playbook_is_a_form(name: str | None) -> None:
    chosen = BY_NAME[name] if name else None
    view = forms.form(BOOKS, run="260304-a1b2c3", chosen=chosen)
    check_view(view, Surface.MODAL)
    asked = fields(view)
    assert list(asked) == ["playbook", *(chosen.inputs if chosen else ())]
    for key, wanted in chosen.inputs.items() if chosen else ():
        field = asked[key]
        assert field["optional"] is not wanted.required
        assert field["hint"]["text"].startswith(wanted.help)
        assert field["element"]["placeholder"]["text"] == wanted.example
        assert field["element"]["multiline"] is wanted.many
        assert len(wanted.example) <= field["element"]["max_length"]
        assert ("UTC" in field["hint"]["text"]) is (wanted.type is InputType.MOMENT)
    options = asked["playbook"]["element"]["options"]
    assert [one["value"] for one in options] == list(BY_NAME)
    assert all(one["text"]["text"] and one["description"]["text"] for one in options)
    assert asked["playbook"]["element"].get("initial_option", {}).get("value") == name
    golden(f"form-{name or 'empty'}", view)


@pytest.mark.parametrize("label", ["", *HOSTILE.values()], ids=["tame", *HOSTILE])
@pytest.mark.parametrize("count", [0, 1, 30, 200])
def test_every_size_of_every_form_is_within_slacks_limits_and_is_inert(count: int, label: str) -> None:
    made = book(count, label)
    many = [made, *(made.model_copy(update={"playbook": f"book-{number}"}) for number in range(150))]
    values = dict.fromkeys(made.inputs, label * 20)
    view = forms.form(many, run="260304-a1b2c3", chosen=made, values=values, notes=[label] * 5)
    check_view(view, Surface.MODAL)
    for one in texts(view):
        assert one["type"] == "plain_text", "nothing in a form is parsed"
        assert one.get("emoji") is False
        assert "<" not in one["text"]
    shown = len(fields(view)) - 1
    assert shown == min(count, forms.MOST_FIELDS)
    assert (f"{count - shown} more inputs" in json.dumps(view)) is (count > shown)
    check_view(forms.planning(label or "r"), Surface.MODAL)


def stood(chosen: str, values: Mapping[str, str | None]) -> Mapping[str, Any]:
    """A view as Slack sends it back."""
    view = forms.form(BOOKS, run="260304-a1b2c3", chosen=BY_NAME[chosen])
    state: dict[str, Any] = {forms.FIELD + name: {"value": {"value": text}} for name, text in values.items()}
    state["playbook"] = {forms.CHOOSE: {"selected_option": {"value": chosen}}}
    return {**view, "state": {"values": state}}


def test_what_was_typed_becomes_inputs() -> None:
    filled = forms.read(
        stood("session-hijack", {"users": " ada@example.com,ben@example.com;\n cyd@example.com\n", "since": " ", "addresses": None})
    )
    assert (filled.run, filled.shown, filled.chosen) == ("260304-a1b2c3", "session-hijack", "session-hijack")
    typed = forms.checked(BY_NAME["session-hijack"], filled.values)
    assert typed == {"users": ("ada@example.com", "ben@example.com", "cyd@example.com")}
    single = forms.checked(BY_NAME["session-hijack"], {"users": "a@b.example", "since": " 2023-10-18T16:00:00Z "})
    assert single["since"] == ("2023-10-18T16:00:00Z",)


WRONG = [
    ("session-hijack", {}, {"users": "This is missing. For example: ada@example.com"}),
    ("session-hijack", {"users": " , ,"}, {"users": "This is missing"}),
    ("session-hijack", {"users": "ada@example.com b/c"}, {"users": "SOLIDUS"}),
    ("session-hijack", {"users": "\u0430da@example.com"}, {"users": "CYRILLIC SMALL LETTER A"}),
    ("session-hijack", {"users": "a@b.c", "since": "yesterday"}, {"since": "Write it like 2023-10-18T16:00:00Z"}),
    ("session-hijack", {"users": "a@b.c", "since": "2123-10-18T16:00:00Z"}, {"since": "yet to come"}),
    ("session-hijack", {"addresses": "1.2.3"}, {"users": "missing", "addresses": "no IP address"}),
    ("leaked-aws-key", {"access_keys": "<!channel>", "roles": "*b*"}, {"access_keys": "not an AWS access key id", "roles": "AWS"}),
    ("leaked-aws-key", {"access_keys": "x" * 4096}, {"access_keys": "not an AWS access key id"}),
    ("restore-user", {"users": "a@b.c", "how": "x" * 1001}, {"verified_by": "missing", "how": "the most is 1000", "reference": "missing"}),
]


@pytest.mark.parametrize(("name", "values", "wrong"), WRONG)
def test_what_is_wrong_is_said_under_its_field(name: str, values: dict[str, str], wrong: dict[str, str]) -> None:
    with pytest.raises(forms.Faulty) as faulty:
        forms.checked(BY_NAME[name], values)
    found = forms.placed(stood(name, values), faulty.value.fields)
    assert found.keys() == {forms.FIELD + name for name in wrong}
    for field, words in wrong.items():
        said = found[forms.FIELD + field]
        assert words in said
        assert "<" not in said
        assert "xxxxx" not in said, "a secret may have been pasted there"
        assert len(said) < 400


def test_what_concerns_no_field_stands_under_the_first() -> None:
    view = stood("session-hijack", {})
    assert forms.placed(view, {"": "one", "in:gone": "two", "in:users": "three"}) == {"playbook": "one two", "in:users": "three"}


@pytest.mark.parametrize(
    "changed",
    [
        {"private_metadata": ""},
        {"private_metadata": "[]"},
        {"private_metadata": "{}"},
        {"private_metadata": "[" * 3000},
        {"state": {"values": {}}},
        {"state": {}},
        {"state": {"values": {"playbook": {forms.CHOOSE: {"selected_option": 7}}}}},
    ],
)
def test_a_form_that_is_not_ours_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="not as Firedoor made it"):
        forms.read({**stood("session-hijack", {}), **changed})


@given(st.dictionaries(st.sampled_from(["users", "since", "addresses", "colour"]), st.text(max_size=60)))
def test_whatever_is_typed_is_taken_or_complained_of(values: dict[str, str]) -> None:
    filled = forms.read(stood("session-hijack", values))
    wrong: Mapping[str, str] = {}
    taken: Mapping[str, tuple[str, ...]] = {}
    try:
        taken = forms.checked(BY_NAME["session-hijack"], filled.values)
    except forms.Faulty as faulty:
        wrong = faulty.fields
    assert bool(wrong) is not bool(taken)
    assert all(words and "<" not in words for words in wrong.values())
    assert "colour" not in taken


def test_what_is_typed_stays_where_the_field_stays() -> None:
    view = forms.form(BOOKS, run="260304-a1b2c3", chosen=BY_NAME["identity-breach"], values={"users": "ada@example.com", "colour": "puce"})
    assert fields(view)["users"]["element"]["initial_value"] == "ada@example.com"
    assert "puce" not in json.dumps(view)
    long = forms.form(BOOKS, run="r", chosen=BY_NAME["session-hijack"], values={"since": "x" * 500})
    check_view(long, Surface.MODAL)
    assert fields(long)["since"]["element"]["initial_value"] == "x" * 500, "cut, it could pass for something else"
