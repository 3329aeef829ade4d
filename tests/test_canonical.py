from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum, IntEnum, StrEnum
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.canonical import canonical, digest, instant, plain

TEXT = st.text(st.characters(exclude_categories=()), max_size=8)  # half surrogate pairs too
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12)
AWARE = st.datetimes(timezones=st.timezones())


class Colour(StrEnum):
    RED = "red"


class Level(IntEnum):
    TWO = 2


class Odd(Enum):
    PAIR = (1, "x")


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: object = None


@given(VALUES)
def test_what_is_written_is_read_back_and_written_alike(value: object) -> None:
    text = canonical(value)
    text.encode()
    again = json.loads(text)
    assert canonical(again) == text
    assert digest(again) == digest(value)


@given(st.dictionaries(TEXT, VALUES, max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_keys_does_not_matter(value: dict[str, object], dice: object) -> None:
    names = list(value)
    dice.shuffle(names)  # type: ignore[attr-defined]
    assert canonical({name: value[name] for name in names}) == canonical(value)


@given(st.lists(LEAVES, max_size=6, unique_by=(canonical, lambda value: value)))  # a set takes 0, 0.0 and False for one
def test_sets_are_sorted_whatever_they_hold(values: list[object]) -> None:
    assert canonical(set(values)) == canonical(frozenset(reversed(values)))


@given(VALUES, VALUES)
def test_different_values_differ(one: object, other: object) -> None:
    assert (json.loads(canonical(one)) == json.loads(canonical(other))) or digest(one) != digest(other)


@given(TEXT)
def test_an_escape_is_no_half_of_a_pair(text: str) -> None:
    assert json.loads(canonical(text)) == json.loads(json.dumps(text))
    assert canonical("\\ud800") != canonical("\ud800")


@given(AWARE)
def test_a_moment_is_the_same_wherever_it_is_told(moment: datetime) -> None:
    try:
        there = moment.astimezone(timezone(timedelta(hours=-7)))
        text = instant(moment)
    except OverflowError:
        return
    assert text == instant(there)
    assert text.endswith("Z")
    assert datetime.fromisoformat(text) == moment.astimezone(UTC)  # within one zone: Python never calls the doubled hour equal across zones


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Point(1, Colour.RED), '{"x":1,"y":"red"}'),
        ({Colour.RED: Level.TWO}, '{"red":2}'),
        (MappingProxyType({"b": (1, 2), "a": {2, 1}}), '{"a":[1,2],"b":[1,2]}'),
        (Odd.PAIR, '[1,"x"]'),
        (datetime(2023, 10, 18, 16, 0, tzinfo=UTC), '"2023-10-18T16:00:00.000000Z"'),
        ("ü\u2028\x00", '"ü\u2028\\u0000"'),
        ([True, 1, 1.0, None], "[true,1,1.0,null]"),
    ],
)
def test_the_form(value: object, text: str) -> None:
    assert canonical(value) == text


def test_a_digest_says_which_it_is() -> None:
    assert digest({}) == "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


@pytest.mark.parametrize(
    "make",
    [object, lambda: b"secret", lambda: bytearray(b"x"), lambda: {1: "a"}, lambda: {("a",): 1}, lambda: {Level.TWO: 1}, lambda: Point,
     lambda: timedelta(1), lambda: [b"x"], lambda: datetime(2023, 1, 1)],  # noqa: DTZ001
)  # fmt: skip
def test_what_has_no_form_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(TypeError):
        plain(make())


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_json_has_no_word_for_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical({"n": number})
