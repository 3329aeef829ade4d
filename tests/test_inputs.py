from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.errors import BadInput
from firedoor.inputs import MOST_VALUES, InputType, bind, pairs
from firedoor.playbook import Input, Playbook, find

KEY = "AKIAIOSFODNN7EXAMPLE"


def book(**inputs: Input) -> Playbook:
    """A real playbook with other inputs: binding looks at nothing else."""
    return find("session-hijack").model_copy(update={"inputs": inputs})


LOGINS = Input(type=InputType.OKTA_LOGIN, many=True, help="who", example="ada@example.com")
KEYS = Input(type=InputType.AWS_ACCESS_KEY, many=True, required=False, help="which", example=KEY)
SINCE = Input(type=InputType.MOMENT, required=False, default="1970-01-01T00:00:00Z", help="since when", example="2023-10-18T16:00:00Z")
NOTE = Input(type=InputType.TEXT, help="why", example="a ticket")
BOOK = book(users=LOGINS, keys=KEYS)


def refused(playbook: Playbook, given: dict[str, tuple[str, ...]]) -> str:
    with pytest.raises(BadInput) as error:
        bind(playbook, given)
    assert error.value.exit_code == 2
    assert error.value.advice
    return str(error.value)


def test_words_become_values() -> None:
    assert pairs([]) == {}
    assert pairs(["a=1", " b = 2 , 3", "a=4=5", "c="]) == {"a": ("1", "4=5"), "b": ("2", "3"), "c": ("",)}


def test_a_default_stands_for_what_is_left_out() -> None:
    dated = book(since=SINCE)
    assert bind(dated, {}) == {"since": ("1970-01-01T00:00:00Z",)}
    assert bind(dated, {"since": ("2023-10-18T18:00:00+02:00",)}) == {"since": ("2023-10-18T16:00:00Z",)}
    assert "empty list" in refused(dated, {"since": ("",)}), "what is given empty was meant to be something"


@pytest.mark.parametrize("word", ["users", "=x", " =x", "", "hush-hush"])
def test_a_word_of_another_form_is_not_repeated(word: str) -> None:
    with pytest.raises(BadInput, match="input 2 is not of the form key=value") as error:
        pairs(["a=1", word])
    assert "hush" not in str(error.value)


def test_inputs_are_bound_in_order_and_without_repeats() -> None:
    given = {"users": ("grace@example.com", "ada@example.com", "", "grace@example.com")}
    assert bind(BOOK, given) == {"users": ("grace@example.com", "ada@example.com"), "keys": ()}
    assert bind(book(note=NOTE), {"note": ("for ü & me",)}) == {"note": ("for ü & me",)}


ADA = ("ada@example.com",)
REFUSED = [
    ({"user": ADA}, "session-hijack has no input 'user'; did you mean 'users'? Nothing was changed. Its inputs are: users, keys."),
    ({"us\u0435rs": ADA}, r"has no input 'us\u0435rs'; did you mean 'users'?"),
    ({"x" * 10_000: ADA}, "has no input 'xxx"),
    ({}, "the input 'users' is missing: who. Nothing was changed. For example: users=ada@example.com."),
    ({"users": ()}, "the input 'users' is an empty list"),
    ({"users": ("", "")}, "the input 'users' is an empty list"),
    ({"users": ADA, "keys": ("",)}, "the input 'keys' is an empty list"),  # a variable that was not set: not the same as leaving it out
    ({"users": (*ADA, "ada/../root")}, "value 2 of the input 'users': character 4 of the login is SOLIDUS (U+002F)"),
    ({"users": ("a..b@example.com",)}, "value 1 of the input 'users': the login holds two dots in a row"),
    ({"users": ("\u0430da@example.com",)}, "CYRILLIC SMALL LETTER A (U+0430)"),
    ({"users": ("ada\u200b@example.com",)}, "ZERO WIDTH SPACE"),
    ({"users": ("ada@example.com\n",)}, "U+000A"),
    ({"users": ("me",)}, "Okta's word for the owner of the API token"),
    ({"users": ("x" * 1_000_000,)}, "an Okta login has 1 to 100 characters, not 1000000"),
    ({"users": tuple(f"u{number}@example.com" for number in range(10_000))}, "the input 'users' has 10000 values; the most is 500"),
    ({"users": ADA, "keys": (KEY, "wJalrXUtnFEMI/K7MDENG/hush")}, "value 2 of the input 'keys': that is not an AWS access key id"),
    ({"users": ADA, "keys": (KEY.lower(),)}, "that is not an AWS access key id"),
]


@pytest.mark.parametrize(("given_", "words"), REFUSED)
def test_what_cannot_be_used_is_said(given_: dict[str, tuple[str, ...]], words: str) -> None:
    said = refused(BOOK, given_)
    assert words in said
    assert "hush" not in said
    assert len(said) < 600


def test_as_many_values_as_are_allowed() -> None:
    most = tuple(f"u{number}@example.com" for number in range(MOST_VALUES))
    assert bind(BOOK, {"users": most})["users"] == most


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (("a", "b"), "takes one value, not 2"),
        (("a\u202eb",), "value 1 of the input 'note': character 2 is U+202E, which cannot be seen"),
        (("a\x1b[2J",), "character 2 is U+001B"),
        (("x" * 1001,), "it has 1001 characters; the most is 1000"),
    ],
)
def test_text_is_one_line_that_can_be_seen(value: tuple[str, ...], words: str) -> None:
    with pytest.raises(BadInput) as error:
        bind(book(note=NOTE), {"note": value})
    assert words in str(error.value)
    assert "\u202e" not in str(error.value)
    assert "\x1b" not in str(error.value)


@given(st.lists(st.text(max_size=20), max_size=3), st.sampled_from(InputType))
def test_whatever_is_given_is_bound_or_refused(values: list[str], kind: InputType) -> None:
    try:
        bound = bind(book(x=Input(type=kind, many=True, help="h", example="e")), {"x": tuple(values)})
    except BadInput:
        return
    assert all(value.isprintable() for value in bound["x"])
    assert set(bound["x"]) == {value for value in values if value}
