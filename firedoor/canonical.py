"""One way to write a value down, so that equal values have equal bytes: the ground under every digest, proof and hash chain."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from enum import Enum

from typing_extensions import TypeAliasType

LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")

PLAIN = frozenset({str, bool, int, float, type(None)})

JSON = TypeAliasType("JSON", "str | bool | int | float | Sequence[JSON] | Mapping[str, JSON] | None")


def plain(value: object) -> JSON:  # noqa: PLR0911 - one return a kind of value reads best
    """A value of our own as JSON data: dataclasses by field, enums by value, sets sorted, times in UTC to the microsecond.

    Raises `TypeError` for everything else: bytes may be a secret, and a key that is no text could meet another that reads the same.
    """
    if type(value) in PLAIN:
        return value  # type: ignore[return-value]  # most are
    match value:
        case None | str() | bool() | int() | float() if not isinstance(value, Enum):
            return value
        case Enum():
            return plain(value.value)
        case datetime():
            return instant(value)
        case Mapping():
            return {_key(key): plain(item) for key, item in value.items()}
        case AbstractSet():
            return sorted((plain(item) for item in value), key=canonical)
        case Sequence() if not isinstance(value, bytes | bytearray | memoryview):
            return [plain(item) for item in value]
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    raise TypeError(f"{type(value).__name__} has no canonical form")


def canonical(value: object) -> str:
    """Canonical JSON: sorted keys, no spaces, no NaN, characters as they are.

    Half a surrogate pair alone has no bytes in UTF-8, so it is escaped: nobody can stop a run by calling themselves by one.
    """
    text = json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return LONE_SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", text)


def digest(value: object) -> str:
    """``sha256:`` and the 64 hexadecimal digits of the canonical form."""
    return "sha256:" + hashlib.sha256(canonical(value).encode()).hexdigest()


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a key of a canonical form is text, not {type(key).__name__}")
    return key.value if isinstance(key, Enum) else key


def instant(moment: datetime) -> str:
    """A moment in UTC, to the microsecond, as people and `datetime.fromisoformat` read it."""
    if moment.tzinfo is None:
        raise TypeError("a moment without a time zone has no canonical form")
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
