"""Finds the credentials in a HAR file: what a browser sent and was sent while somebody recorded it for a vendor's support.

The file is read as it comes, however large, its entries and what stands around them. A secret becomes a fingerprint at the end of its
entry; it is never stored, shown, or tried.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import unquote_plus, urlsplit

from firedoor import tokens
from firedoor.errors import BadInput, shown
from firedoor.fingerprints import Fingerprints
from firedoor.jsonstream import Members, NotJson, Text, strings
from firedoor.jsonstream import Path as Place
from firedoor.leaks import UNKNOWN, Leak, clean
from firedoor.textfile import CutShort, pieces
from firedoor.tokens import Token

MOST_FOUND: Final = 50_000
MOST_NAMES: Final = 200
ENTRY: Final = ("log", "entries")
_LISTS: Final = ("cookies", "headers", "queryString", "params")


@dataclass(slots=True, kw_only=True)
class Scanned:
    """What a HAR file holds. ``leaks`` are its credentials, each once; those without an owner are left over.

    ``entries`` is how many requests were read. ``redacted`` counts values that somebody had taken out, ``other_cookies`` names those that
    open no session by their name (`MOST_NAMES` at most). ``unread`` counts values too long, and bodies in base64 that could not be decoded;
    ``left_out`` what is beyond `MOST_FOUND`. ``incomplete`` says why the file was not read whole.
    """

    leaks: dict[str, Leak] = field(default_factory=dict)
    entries: int = 0
    redacted: int = 0
    other_cookies: set[str] = field(default_factory=set)
    unread: int = 0
    left_out: int = 0
    incomplete: str = ""

    @property
    def left_over(self) -> list[Leak]:
        """Those whose owner nobody knows."""
        return [leak for leak in self.leaks.values() if not leak.owner]

    @property
    def whole(self) -> bool:
        """Whether all of the file was looked at."""
        return not self.incomplete and not self.unread and not self.left_out


@dataclass(slots=True, kw_only=True)
class _Entry:
    """What the present entry has brought so far. Whose cookies they are, its URL tells, which may come last."""

    number: int
    found: list[tuple[Token, str]] = field(default_factory=list)
    cookies: list[tuple[str, str, str]] = field(default_factory=list, repr=False)
    host: str = ""
    at: datetime | None = None
    left_out: int = 0

    def add(self, token: Token, where: str) -> None:
        """Note a credential, where there is room for one more."""
        if len(self.found) < MOST_FOUND:
            self.found.append((token, where))
        else:
            self.left_out += 1


def scan(path: Path, fingerprints: Fingerprints) -> Scanned:
    """The credentials in the file. Raises `BadInput` where it cannot be read, or is no HAR file from its beginning.

    One that breaks off later gives what stood before, and is never called whole.
    """
    scanned, entry, is_har = Scanned(), _Entry(number=-1), False
    broken: BadInput | None = None
    try:
        for one in strings(pieces(path)):
            if one.path[:2] != ENTRY or len(one.path) < 3 or not isinstance(one.path[2], int):
                is_har = is_har or (isinstance(one, Members) and one.path == ENTRY[:1] and ENTRY[1] in one.lists)
                _around(scanned, one, fingerprints)
                continue
            is_har = True
            if one.path[2] != entry.number:
                _close(scanned, entry, fingerprints)
                entry = _Entry(number=one.path[2])
            if isinstance(one, Text):
                for token in tokens.in_text(one.text, first=one.first, last=one.last):
                    entry.add(token, _where(one.path))
            else:
                _members(scanned, entry, one)
    except (CutShort, NotJson) as error:
        broken = error
    if broken is not None and not is_har:
        raise broken.with_traceback(None)  # whose frames hold what was being read
    if not is_har:
        raise BadInput(
            "that is JSON, and no HAR file: it has no log with a list of entries", target=shown(path.name), advice="Export it as HAR"
        )
    _close(scanned, entry, fingerprints)
    scanned.incomplete = broken.what if broken is not None else ""
    return scanned


def _around(scanned: Scanned, one: Text | Members, fingerprints: Fingerprints) -> None:
    """What stands around the entries: titles of pages, which browsers fill with addresses, comments, and whatever else somebody wrote."""
    outside, where = _Entry(number=-1), f"around the entries, {_words(one.path)}"
    if isinstance(one, Text):
        for token in tokens.in_text(one.text, first=one.first, last=one.last):
            outside.add(token, where)
        if one.first and one.last:
            key = next((part for part in reversed(one.path) if isinstance(part, str)), "")
            for name, value in ((key, one.text), *_query(one.text)):
                _named(outside, name, value, where)
        scanned.unread += one.first and not one.last
    elif "name" in one.texts and "value" in one.texts:
        _named(outside, one.texts["name"], one.texts["value"], where)
    for token, place in outside.found:
        _take(scanned, _leak(outside, token, place, fingerprints))


def _members(scanned: Scanned, entry: _Entry, one: Members) -> None:
    """An object that ended: a name with its value, a body, or the request or entry itself."""
    inner, texts = one.path[3:], one.texts
    if one.cut and inner not in (("response", "content"), ("request", "postData")):  # a body that is long was searched as text
        scanned.unread += 1
    match inner:
        case ():
            entry.at = _moment(texts.get("startedDateTime", ""))
        case ("request",):
            entry.host = _host(texts.get("url", ""))
            for name, value in _query(texts.get("url", "")):
                _named(entry, name, value, "address")
        case ("response", "content") | ("request", "postData"):
            _body(scanned, entry, one, _where(one.path))
        case (*_, str(kind), int()) if kind in _LISTS and "name" in texts:
            _pair(entry, kind, _where(one.path), texts["name"], texts.get("value", ""))


def _pair(entry: _Entry, kind: str, where: str, name: str, value: str) -> None:
    if kind == "cookies":
        entry.cookies.append((name, value, where))
    elif kind == "headers" and name.casefold() in ("cookie", "set-cookie"):
        parts = value.split("\n" if name.casefold() == "set-cookie" else ";")
        for part in parts:
            cookie, _, rest = part.partition("=")
            entry.cookies.append((cookie.strip(), rest.partition(";")[0].strip(), where))
    else:
        _named(entry, name, value, where)


def _named(entry: _Entry, name: str, value: str, where: str) -> None:
    token = tokens.named(name, value)
    if token is not None:
        entry.add(token, f"{where} {clean(name)}")


def _body(scanned: Scanned, entry: _Entry, one: Members, where: str) -> None:
    """A body: what stands in it under the name of a secret, where it is JSON or a form, and what was hidden from the search by base64."""
    kind, encoded = one.texts.get("mimeType", ""), one.texts.get("encoding") == "base64"
    fields = "json" in kind or "x-www-form-urlencoded" in kind
    if not (fields or encoded) or kind.startswith(("image/", "font/", "audio/", "video/")):
        return
    text = _decoded(one.texts.get("text", "")) if encoded else one.texts.get("text", "")
    if text is None or (not text and one.cut):
        scanned.unread += 1
        return
    if encoded:
        for token in tokens.in_text(text):
            entry.add(token, where)
    for name, value in _fields(text) if "json" in kind else _query(f"?{text}") if fields else ():
        _named(entry, name, value, where)


def _decoded(text: str) -> str | None:
    try:
        return base64.b64decode(text).decode("utf-8", "replace")
    except (ValueError, binascii.Error):
        return None


def _fields(text: str) -> Iterator[tuple[str, str]]:
    """Names and texts of a JSON body, as far as it is one; what has a form of its own was found already."""
    try:
        for one in strings([text]):
            if isinstance(one, Text) and one.path and isinstance(one.path[-1], str):
                yield one.path[-1], one.text
    except (CutShort, NotJson):
        return


def _close(scanned: Scanned, entry: _Entry, fingerprints: Fingerprints) -> None:
    """Count the entry, and make leaks of what it brought."""
    if entry.number < 0:
        return
    scanned.entries += 1
    scanned.left_out += entry.left_out
    for name, value, where in entry.cookies:
        token = tokens.cookie(name, value, entry.host)
        if token is None:
            if len(scanned.other_cookies) < MOST_NAMES:
                scanned.other_cookies.add(clean(name))
        elif tokens.redacted(value):
            scanned.redacted += 1
        else:
            entry.add(token, f"{where} {clean(name)}")
    for token, where in entry.found:
        _take(scanned, _leak(entry, token, where, fingerprints))


def _leak(entry: _Entry, token: Token, where: str, fingerprints: Fingerprints) -> Leak:
    host = f" of {clean(entry.host)}" if entry.host else ""
    return Leak(
        system=token.system,
        kind=token.kind,
        row=entry.number + 1,
        where=f"entry {entry.number + 1}, {where}{host}" if entry.number >= 0 else where,
        id=token.id,
        fingerprint="" if token.id else fingerprints.of(token.secret),
        owner=token.owner,
        issuer=token.issuer,
        expires=token.expires,
        at=entry.at,
    )


def _take(scanned: Scanned, leak: Leak) -> None:
    """Each once; the same secret under a better known name is that."""
    same = leak.id or leak.fingerprint
    known = scanned.leaks.get(same)
    if known is not None:
        better = (
            known if known.system != UNKNOWN or leak.system == UNKNOWN else replace(leak, row=known.row, where=known.where, at=known.at)
        )
        scanned.leaks[same] = replace(better, times=known.times + 1)
    elif len(scanned.leaks) < MOST_FOUND:
        scanned.leaks[same] = leak
    else:
        scanned.left_out += 1


def _where(place: Place) -> str:
    return _words(place[3:]) or "entry"


def _words(place: Place) -> str:
    return " ".join(clean(part) for part in place if isinstance(part, str))


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").casefold()
    except ValueError:
        return ""


def _query(url: str) -> Iterator[tuple[str, str]]:
    """Name and value of what stands behind the question mark, and behind the hash."""
    behind = url[min((at for at in (url.find("?"), url.find("#")) if at >= 0), default=len(url)) + 1 :]
    for part in behind.replace("#", "&").split("&"):
        name, _, value = part.partition("=")
        yield name, unquote_plus(value)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
