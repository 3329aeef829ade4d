"""What an alert names: users, keys, roles, addresses, moments, hosts. Pure; linear in the text, whatever the text.

Alerts are written by machines that attackers feed. So a text is cut only at characters that stand in no name, and a piece counts as a whole
or not at all: half a name would be somebody else's. What is written so that nobody clicks on it (``203.0.113[.]7``, ``hxxp://``,
``ada[at]example.com``) is read as it is meant. What only looks like a name, because of a letter of another alphabet or one that cannot be
seen, is found as it stands, told to be so, and never corrected. What a piece is, `firedoor.recognising` knows.
"""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from firedoor.recognising import LONGEST, MESSAGES, Indicator, moment, recognise

MOST_TEXT: Final = 100_000
MOST_FOUND: Final = 50

_ENTITIES: Final = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#39;", "'"), ("&amp;", "&"))
_MOMENT: Final = re.compile(
    r"(?<![\w:./-])[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?"
    r"(?:[Zz]| ?UTC| ?[+-][0-9]{2}:?[0-9]{2})?(?![\w:-])"
)
_OPEN, _SHUT = r"[\[({]", r"[\])}]"
_DEFANGED: Final = re.compile(
    rf"{_OPEN}(?P<sign>\.|dot|@|at|:|://){_SHUT}|(?<![a-z])h(?:xx|\*\*)p(?P<secure>s?)(?=:|{_OPEN}:)", re.IGNORECASE
)
_WORDED: Final = {"dot": ".", "at": "@"}
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,15}\Z")
_HOST_OF_URL: Final = re.compile(r"(?:[^\s\"'<>`|/?#@]{0,200}@)?(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[^\s\"'<>`|/?#:@,;()\[\]{}\\]{1,260})")
_END_OF_URL: Final = re.compile(r"[\"'<>`|\\]|[,;](?=\Z|[A-Za-z0-9_.-]{1,40}[=:])|[)\]}](?=\Z|[.,;:!?])")
_APART: Final = re.compile(r"[\"<>`|,;()\[\]{}]|(?<!\w)'|'(?!\w)")
_NEXT_FIELD: Final = re.compile(r"&(?=[A-Za-z0-9_.-]{1,40}=)")
_ESCAPES: Final = tuple("nrtbfvux0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a text names, in its order and without repeats. ``left_out`` is how many more there were; ``cut``: the text was too long."""

    indicators: tuple[Indicator, ...]
    left_out: int = 0
    cut: bool = False


def find(text: str, *, most: int = MOST_FOUND) -> Found:
    """What the text names, at most so many."""
    plain = text[:MOST_TEXT]
    for entity, sign in _ENTITIES:
        plain = plain.replace(entity, sign)
    found: dict[tuple[str, str], Indicator] = {}
    for indicator in _in_order(plain.translate(_Between())):
        found.setdefault((indicator.kind, indicator.identity), indicator)
    return Found(indicators=tuple(found.values())[:most], left_out=max(0, len(found) - most), cut=len(text) > MOST_TEXT)


class _Between(dict[int, int]):
    """Signs of other scripts that stand between words become spaces. Those that may pass for one of ours stay, so that they are noticed."""

    def __missing__(self, code: int) -> int:
        character = chr(code)
        sign = not character.isascii() and unicodedata.category(character)[0] in "PSZ"
        alike = unicodedata.normalize("NFKC", character) in {".", "@", ":", "/", "-", "_"}
        self[code] = ord(" ") if sign and not alike else code
        return self[code]


def _in_order(text: str) -> Iterator[Indicator]:
    """Moments may hold a space, so they are found first; where they stood are digits then, which mean nothing."""
    moments = deque((match.start(), match[0]) for match in _MOMENT.finditer(text))
    reader = _Reader()
    for chunk in re.finditer(r"\S+|\n", _MOMENT.sub(lambda match: "0" * len(match[0]), text)):
        while moments and moments[0][0] < chunk.end():
            if (found := moment(moments.popleft()[1])) is not None:
                yield found
        yield from reader.chunk(chunk[0])


class _Reader:
    """Reads a text chunk by chunk, a chunk being what stands between two blanks. The word before tells what a number is."""

    def __init__(self) -> None:
        self._after = ""
        self._known: dict[tuple[str, str, bool], tuple[Indicator, ...]] = {}

    def chunk(self, chunk: str) -> Iterator[Indicator]:
        """What the chunk names. Of an address on the web only its host counts: whatever comes after it is anybody's to write."""
        if chunk == "\n":
            self._after = ""
            return
        plain = _DEFANGED.sub(_refanged, chunk)
        defanged, at = plain != chunk, 0
        while (sign := plain.find("://", at)) >= 0:
            scheme = _SCHEME.search(plain, max(at, sign - 16), sign)
            yield from self._words(plain[at : scheme.start() if scheme else sign], defanged=defanged)
            host = _HOST_OF_URL.match(plain, sign + 3)
            if host is not None:
                yield from self._word(host["host"].strip("[]"), named_as_host=True)
            end = _END_OF_URL.search(plain, host.end() if host else sign + 3)
            at = end.start() if end else len(plain)
        yield from self._words(plain[at:], defanged=defanged)

    def _words(self, text: str, *, defanged: bool) -> Iterator[Indicator]:
        for part in _APART.split(text):
            for field in _NEXT_FIELD.split(part):
                for value in _values(field):
                    yield from self._escaped(value, defanged=defanged)

    def _escaped(self, text: str, *, defanged: bool) -> Iterator[Indicator]:
        """After a backslash nobody can tell whether a letter is one: the ``n`` of a new line, or of a name."""
        first, *others = text.split("\\")
        yield from self._colons(first, defanged=defanged)
        for other in others:
            for found in self._colons(other, defanged=defanged):
                doubtful = other.startswith(_ESCAPES) and not found.why_not
                yield replace(found, why_not="suspicious: it follows a backslash") if doubtful else found

    def _colons(self, text: str, *, defanged: bool) -> Iterator[Indicator]:
        whole = self._word(text, named_as_host=defanged)
        if whole or ":" not in text or text.startswith("arn:"):
            yield from whole
            return
        parts = text.split(":")
        if "@" in parts[0] and not parts[1].isdigit() and parts[1]:
            parts = [parts[0].partition("@")[2]]  # git@host:path names a host, and nobody
        for part in parts:
            yield from self._word(part, named_as_host=defanged)

    def _word(self, text: str, *, named_as_host: bool) -> tuple[Indicator, ...]:
        asked = (text, self._after, named_as_host)
        if (found := self._known.get(asked)) is None:
            found = self._known[asked] = recognise(text, self._after, named_as_host=named_as_host)
        word = text.strip(":").casefold()[-40:]
        if word and not (self._after in MESSAGES and "@" in word):  # one header may name several messages
            self._after = "" if found else word
        return found


def _values(field: str) -> Iterator[str]:
    """What stands on the sides of each ``=``. It is a part of some names: ``bounces+ada=example.com@lists.example`` and roles."""
    held = ""
    *keys, last = field.split("=")
    for key in keys:
        whole = held + key
        if len(whole) > LONGEST:
            return
        if "+" in whole or whole.startswith("arn:"):
            held = f"{whole}="
        else:
            yield whole
            held = ""
    yield held + last


def _refanged(match: re.Match[str]) -> str:
    if match["sign"] is None:
        return f"http{match['secure'].lower()}"
    sign = match["sign"].lower()
    return _WORDED.get(sign, sign)
