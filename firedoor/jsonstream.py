"""JSON of any size, read as it comes: the items of one list as whole values, or every string of a document where it stands.

The standard library reads a document only whole. Memory here is bounded by one item, or by one piece of one string. An error names the
place, never the content: what is read here holds secrets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from firedoor.errors import BadInput
from firedoor.textfile import CutShort

MOST_ITEM: Final = 1 << 23  # characters of one item of a list
LONGEST_PIECE: Final = 1 << 20  # characters of a string that are given at once
OVERLAP: Final = 1 << 15  # what a piece repeats of the one before, so that no token is cut in two
MOST_DEPTH: Final = 200
MOST_MEMBERS: Final = 40
LONGEST_MEMBER: Final = 1 << 20

Path: TypeAlias = tuple[str | int, ...]

_SPACE: Final = re.compile(r"[ \t\r\n]*")
_BETWEEN: Final = re.compile(r"[ \t\r\n,]*")
_STRING: Final = re.compile(r'[^"\\]*+(?:\\(?:u[0-9a-fA-F]{4}|[^u])[^"\\]*+)*+', re.DOTALL)
_SCALAR: Final = re.compile(r"[-+.0-9A-Za-z]+")
_PLAIN: Final = re.compile(r"true|false|null|NaN|-?Infinity|-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_ENDED: Final = re.compile(r"[ \t\r\n]*[],:}]")
_ESCAPE: Final = 6  # the longest one: a backslash, u, and four digits


class NotJson(BadInput):
    """The text is not JSON, or not of the shape that was to be expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A string of the document, or a piece of a long one. ``path`` are the keys and numbers that lead to it.

    ``first`` and ``last``: nothing of the string comes before, or after. Pieces overlap by `OVERLAP`.
    """

    path: Path
    text: str = field(repr=False)
    first: bool = True
    last: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """An object that has ended, with those of its members that are short strings, `MOST_MEMBERS` at most. ``cut``: there were others.

    ``lists`` are the names of those that are lists, as many at most.
    """

    path: Path
    texts: Mapping[str, str] = field(repr=False)
    cut: bool = False
    lists: Sequence[str] = ()


def items(pieces: Iterable[str], key: str = "") -> Iterator[object]:
    """The items of the list that the document is; with ``key``, of the list under that key of the object that it is.

    Raises `NotJson` and `CutShort`, after as many items as could be read.
    """
    buffer = _Buffer(pieces)
    sign = buffer.peek()
    if key and sign == "{":
        buffer.at += 1
        _go_to(buffer, key)
    elif key or sign != "[":
        raise _odd(buffer, "it does not begin as it should")
    if buffer.peek() != "[":
        raise _odd(buffer, "there is no list where one should be")
    buffer.at += 1
    while (sign := buffer.peek(_BETWEEN)) != "]":
        if not sign:
            raise _cut(buffer)
        yield _value(buffer)
    buffer.at += 1
    last = buffer.last()  # read on, so that a file which is cut off further down is not taken for whole
    if bool(key) != bool(last) or last not in ("}", ""):
        raise _cut(buffer)


def strings(pieces: Iterable[str]) -> Iterator[Text | Members]:
    """Every string of the document in its order, and every object when it ends. Raises as `items` does; keys are no strings."""
    buffer = _Buffer(pieces)
    frames: list[_Frame] = []
    begun = False
    while frames or not begun:
        sign = buffer.peek(_BETWEEN if begun else _SPACE)
        if not sign:
            raise _cut(buffer) if begun else _odd(buffer, "it is empty")
        frame = frames[-1] if frames else None
        begun = True
        if sign in "]}":
            if frame is None or (sign == "}") is not frame.keyed:
                raise _odd(buffer, "a bracket closes what was not opened")
            buffer.at += 1
            frames.pop()
            if frame.keyed:
                yield Members(path=_path(frames), texts=frame.members, cut=frame.cut, lists=frame.lists)
            continue
        if frame is not None and frame.keyed:
            frame.key = _key(buffer)
        elif frame is not None:
            frame.number += 1
        yield from _one(buffer, frames)
    if buffer.peek():
        raise _odd(buffer, "something stands after its end")


@dataclass(slots=True)
class _Frame:
    """An object or a list that has not ended."""

    keyed: bool
    key: str = ""
    number: int = -1
    members: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    lists: list[str] = field(default_factory=list)

    def keep(self, text: str, *, whole: bool) -> None:
        """Keep a member that is a short string."""
        if whole and len(text) <= LONGEST_MEMBER and len(self.members) < MOST_MEMBERS:
            self.members[self.key] = text
        else:
            self.cut = True


class _Buffer:
    """What was read and not yet used. ``at`` is the next character of it, ``gone`` how many came before it."""

    def __init__(self, pieces: Iterable[str]) -> None:
        self._pieces = iter(pieces)
        self.text = ""
        self.at = 0
        self.gone = 0

    def more(self) -> bool:
        """Read on; whether there was anything."""
        for piece in self._pieces:
            if piece:
                self.gone += self.at
                self.text, self.at = self.text[self.at :] + piece, 0
                return True
        return False

    def peek(self, skipped: re.Pattern[str] = _SPACE) -> str:
        """The next character that is not skipped; nothing at the end."""
        while True:
            self.at = skipped.match(self.text, self.at).end()  # type: ignore[union-attr] # it matches nothing, too
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.more():
                return ""

    def last(self) -> str:
        """The last character of all that is not a space; nothing where there is none. Reads to the end."""
        found = self.text[self.at :].rstrip()[-1:]
        for piece in self._pieces:
            found = piece.rstrip()[-1:] or found
        self.text, self.at = "", 0
        return found


_DECODER: Final = json.JSONDecoder(strict=False)
_HALF: Final = object()


def _value(buffer: _Buffer) -> object:
    """One whole value."""
    while True:
        found, end = _decoded(buffer)
        if found is not _HALF and (buffer.text[end - 1] in '}]"' or _ENDED.match(buffer.text, end)):
            buffer.at = end
            return found
        if len(buffer.text) - buffer.at > MOST_ITEM:
            raise _odd(buffer, f"it cannot be read here, or an item of more than {MOST_ITEM >> 20} million characters begins here")
        if not buffer.more():
            raise _cut(buffer)


def _decoded(buffer: _Buffer) -> tuple[object, int]:
    try:
        return _DECODER.raw_decode(buffer.text, buffer.at)
    except (ValueError, RecursionError):
        return _HALF, 0  # raised clear of the decoder's error, which carries the text


def _go_to(buffer: _Buffer, key: str) -> None:
    while buffer.peek(_BETWEEN) == '"':
        if _key(buffer) == key:
            return
        buffer.peek()
        _value(buffer)
    raise _odd(buffer, f"it has no {key}")


def _key(buffer: _Buffer) -> str:
    if buffer.peek() != '"':
        raise _odd(buffer, "a key is missing")
    key = _value(buffer)
    if buffer.peek() != ":":
        raise _odd(buffer, "a colon is missing")
    buffer.at += 1
    return str(key)


def _one(buffer: _Buffer, frames: list[_Frame]) -> Iterator[Text]:
    """A value: a string is given, an object or a list is begun, anything else is passed over."""
    sign = buffer.peek()
    if sign == '"':
        buffer.at += 1
        yield from _string(buffer, frames)
    elif sign and sign in "[{":
        if len(frames) >= MOST_DEPTH:
            raise _odd(buffer, f"it is nested more than {MOST_DEPTH} deep")
        buffer.at += 1
        if sign == "[" and frames and frames[-1].keyed and len(frames[-1].lists) < MOST_MEMBERS:
            frames[-1].lists.append(frames[-1].key)
        frames.append(_Frame(keyed=sign == "{"))
    elif not sign:
        raise _cut(buffer)
    else:
        _pass_over(buffer)


def _string(buffer: _Buffer, frames: list[_Frame]) -> Iterator[Text]:
    path, kept, first = _path(frames), "", True
    while True:
        end = _STRING.match(buffer.text, buffer.at).end()  # type: ignore[union-attr] # it matches nothing, too
        whole = end < len(buffer.text) and buffer.text[end] == '"'
        if whole or end - buffer.at >= LONGEST_PIECE:
            text = kept + _unescaped(buffer, end)
            buffer.at = end + whole
            if first and frames and frames[-1].keyed:
                frames[-1].keep(text, whole=whole)
            yield Text(path=path, text=text, first=first, last=whole)
            kept, first = text[-OVERLAP:], False
        if whole:
            return
        if len(buffer.text) - end >= _ESCAPE:
            raise _odd(buffer, "a string holds what no string may")
        if not buffer.more():
            raise _cut(buffer)


def _unescaped(buffer: _Buffer, end: int) -> str:
    raw = buffer.text[buffer.at : end]
    if "\\" not in raw:
        return raw
    try:
        text: str = json.loads(f'"{raw}"', strict=False)
    except ValueError:
        text = ""  # as above
    if not text:
        raise _odd(buffer, "a string holds what no string may")
    return text


def _pass_over(buffer: _Buffer) -> None:
    while True:
        found = _SCALAR.match(buffer.text, buffer.at)
        if found is None:
            raise _odd(buffer, "something else than a value stands here")
        if found.end() == len(buffer.text) and buffer.more():
            continue
        if not _PLAIN.fullmatch(found[0]):
            raise _odd(buffer, "something else than a value stands here")
        buffer.at = found.end()
        return


def _path(frames: list[_Frame]) -> Path:
    return tuple(frame.key if frame.keyed else frame.number for frame in frames)


def _odd(buffer: _Buffer, what: str) -> NotJson:
    return NotJson(f"the file is no such JSON: {what} (character {buffer.gone + buffer.at + 1})", advice="Export it again")


def _cut(buffer: _Buffer) -> CutShort:
    return CutShort(f"the file ends in the middle (after character {buffer.gone + len(buffer.text)})", advice="Export or fetch it again")
