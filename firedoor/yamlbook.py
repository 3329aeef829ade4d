"""A YAML file of ours as a typed value. What is wrong with it is said with its line and column, the first few faults at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from firedoor.errors import BadInput, nearest
from firedoor.yamlmarks import Malformed, load, place

LONGEST = 100_000
MOST_FAULTS = 5

B = TypeVar("B", bound=BaseModel)


def parse(shape: type[B], text: str, *, source: str, what: str, name: str = "") -> B:
    """The value that the text is, of which ``what`` is the kind and its first key; ``name`` is what it must call itself ("": anything).

    Raises `BadInput` with line and column.
    """
    if len(text) > LONGEST:
        raise BadInput(f"{source} has {len(text)} characters; no {what} is longer than {LONGEST}")
    try:
        tree, data = load(text)
    except Malformed as error:
        raise BadInput(f"{source}, {error}") from None
    if not isinstance(data, dict):
        raise BadInput(f"{source}, line 1, column 1: a {what} is a mapping that begins with `{what}: name`")
    try:
        book = shape.model_validate(data)
    except ValidationError as error:
        faults = {place(tree, _path(fault)): _words(fault, shape, what) for fault in reversed(error.errors())}  # of one place, the first
        said = [f"{source}, {where}: {words}" for where, words in reversed(faults.items())]
        raise BadInput("; ".join(said[:MOST_FAULTS])) from None
    called = str(getattr(book, what))
    if name and called != name:
        raise BadInput(f"{source}, {place(tree, (what,))}: it calls itself {called!r}; its file makes it {name!r}")
    return book


def text_of(path: Path, *, what: str) -> str:
    """What the file says. Raises `BadInput`."""
    try:
        if (size := path.stat().st_size) > LONGEST:
            raise BadInput(f"{path.name} has {size} bytes; no {what} is longer than {LONGEST}")
        return path.read_bytes().decode()
    except OSError as error:
        raise BadInput(f"{path.name} cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path.name} is no text: byte {error.start + 1} is not UTF-8") from None


def _path(fault: ErrorDetails) -> list[int | str]:
    """The way to the fault in the file. Where a key itself is wrong, pydantic says so by a step more."""
    return [part for part in fault["loc"] if part != "[key]"]


def _words(fault: ErrorDetails, shape: type[BaseModel], what: str) -> str:
    match fault["type"]:
        case "missing":
            return "this is missing"
        case "extra_forbidden":
            return f"a {what} has no such key here{nearest(str(fault['loc'][-1]), _keys(shape))}"
        case _:
            return fault["msg"].removeprefix("Value error, ")


def _keys(shape: type[BaseModel]) -> Iterator[str]:
    """Every key that stands anywhere in such a file."""
    for name, field in shape.model_fields.items():
        yield field.alias or name
        for part in _parts(field.annotation):
            yield from _keys(part)


def _parts(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _parts(argument)
