"""Raw JSON as Slack sends and takes it, and the few ways in which the simulator looks into it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

Raw: TypeAlias = dict[str, object]


class Refusal(Exception):
    """What Slack answers in place of doing what was asked. It becomes a reply on the wire and never leaves the simulator."""

    def __init__(self, code: str, **details: object) -> None:
        super().__init__(code)
        self.code = code
        self.details = details


def mapping(value: object) -> Raw:
    """``value`` where it is an object, an empty one otherwise."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[object]:
    """``value`` where it is an array, an empty one otherwise."""
    return list(value) if isinstance(value, list | tuple) else []


def text(value: object) -> str:
    """``value`` where it is a string, an empty one otherwise."""
    return value if isinstance(value, str) else ""


def objects(value: object) -> list[Raw]:
    """The objects in the array ``value``."""
    return [entry for entry in items(value) if isinstance(entry, dict)]


def texts(value: object) -> list[str]:
    """The strings in the array ``value``."""
    return [entry for entry in items(value) if isinstance(entry, str)]


def without_empty(raw: Raw, *keys: str) -> Raw:
    """``raw`` less those of ``keys`` that say nothing: Slack leaves such fields out."""
    return {key: value for key, value in raw.items() if key not in keys or value not in (None, "", [], {}, ())}


def first(values: Sequence[Raw]) -> Raw | None:
    """The first of ``values``, None where there is none."""
    return values[0] if values else None
