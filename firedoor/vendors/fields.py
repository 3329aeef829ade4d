"""Reading a vendor's JSON field by field. What is not named by the reader is dropped unread; what is wrong is told without its content."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, TypeVar

T = TypeVar("T")
Object: TypeAlias = Mapping[str, object]

_BROKEN = object()


class WrongShape(ValueError):
    """A reply is not what the vendor documents. The message names the field, never its content."""


def one(body: bytes, read: Callable[[Object], T]) -> T:
    """The value that ``read`` finds in a JSON object."""
    return read(an_object(_json(body), "the reply"))


def many(body: bytes, read: Callable[[Object], T]) -> tuple[T, ...]:
    """The values that ``read`` finds in a JSON array of objects, in the vendor's order."""
    return each(_json(body), "the reply", read)


def each(value: object, name: str, read: Callable[[Object], T]) -> tuple[T, ...]:
    """The values that ``read`` finds in a list of objects."""
    return tuple(read(an_object(item, f"an item of {name}")) for item in a_list(value, name))


def an_object(value: object, name: str) -> Object:
    """``value`` where it is an object. Raises `WrongShape`."""
    if not isinstance(value, Mapping):
        raise WrongShape(f"{name} is not an object")
    return value


def a_list(value: object, name: str) -> Sequence[object]:
    """``value`` where it is a list. Raises `WrongShape`."""
    if not isinstance(value, list):
        raise WrongShape(f"{name} is not a list")
    return value


def text(item: Object, name: str) -> str:
    """A field that must hold text, and not none. Raises `WrongShape`."""
    value = item.get(name)
    if not isinstance(value, str) or not value:
        raise WrongShape(f"{name} is missing or not text")
    return value


def text_or_empty(item: Object, name: str) -> str:
    """A field that may be missing."""
    return text(item, name) if item.get(name) else ""


def _json(body: bytes) -> object:
    try:
        read: object = json.loads(body)
    except ValueError:
        # Not chained: the JSON error carries the whole body, and with it fields that must not leave.
        read = _BROKEN
    if read is _BROKEN:
        raise WrongShape("the reply is empty" if not body else "the reply is not whole JSON")
    return read
