"""Heads of the journal that were told outside, found again in what people kept: a report, a ticket, a Slack thread. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

# Whatever stands between the words and the hash: quotes and a colon in JSON, a line break where a terminal wrapped.
_TOLD: Final = re.compile(r"journal[ _]head[\s\"'`*:=\\]*(?:\\n)?(sha256:[0-9a-f]{64})(?![0-9a-f])", re.IGNORECASE)
_HEAD: Final = re.compile(r"sha256:[0-9a-f]{64}")


def is_head(text: str) -> bool:
    """Whether it is written as heads are."""
    return _HEAD.fullmatch(text) is not None


def in_text(text: str) -> Sequence[str]:
    """The heads that a text tells as such, each once. Other hashes, such as a plan's fingerprint, are none."""
    return tuple(dict.fromkeys(found[1].lower() for found in _TOLD.finditer(text)))


def in_data(data: object) -> Sequence[str]:
    """The heads in data: as the value of ``journal_head``, or in any text."""
    return tuple(dict.fromkeys(_walk(data)))


def _walk(data: object) -> Iterator[str]:
    match data:
        case str():
            yield from in_text(data)
        case Mapping():
            for name, value in data.items():
                if name == "journal_head" and isinstance(value, str) and is_head(value):
                    yield value
                else:
                    yield from _walk(value)
        case Sequence() if not isinstance(data, bytes | bytearray):
            for value in data:
                yield from _walk(value)


def in_file(content: str) -> Sequence[str]:
    """The heads in what somebody saved: text, or JSON of any shape."""
    try:
        return tuple(dict.fromkeys((*in_text(content), *in_data(json.loads(content)))))
    except (ValueError, RecursionError):
        return in_text(content)
