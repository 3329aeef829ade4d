"""One way to write a value down, so that equal values have equal bytes: the ground under every digest, proof and hash chain."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from enum import Enum

from typing_extensions import TypeAliasType

JSON = TypeAliasType("JSON", "str | bool | int | float | Sequence[JSON] | Mapping[str, JSON] | None")


def plain(value: object) -> JSON:  # noqa: PLR0911 - one return a kind of value reads best
    """A value of our own as JSON data: dataclasses by field, enums by value, sets sorted, times in UTC to the microsecond."""
    match value:
        case None | str() | bool() | int() | float() if not isinstance(value, Enum):
            return value
        case Enum():
            return plain(value.value)
        case datetime():
            return instant(value)
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case AbstractSet():
            return sorted((plain(item) for item in value), key=canonical)
        case Sequence():
            return [plain(item) for item in value]
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    raise TypeError(f"{type(value).__name__} has no canonical form")


def canonical(value: object) -> str:
    """Canonical JSON: sorted keys, no spaces, no NaN, characters as they are."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: object) -> str:
    """``sha256:`` and the 64 hexadecimal digits of the canonical form."""
    return "sha256:" + hashlib.sha256(canonical(value).encode()).hexdigest()


def instant(moment: datetime) -> str:
    """A moment in UTC, to the microsecond, as people and `datetime.fromisoformat` read it."""
    if moment.tzinfo is None:
        raise TypeError("a moment without a time zone has no canonical form")
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
