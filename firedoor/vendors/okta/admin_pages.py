"""Pages of a simulated list: what ``limit`` and ``after`` ask for, and where the next page begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from aiohttp import web

from firedoor.canonical import JSON
from firedoor.vendors.okta.admin import Call, cursor

T = TypeVar("T")


def part(call: Call, rows: Sequence[T], *, default: int, most: int, code: str = "E0000031") -> tuple[Sequence[T], str]:
    """The page's rows, and where the next one begins (empty: this is the last). ``code`` is what a bad cursor is refused with."""
    start = cursor(call.request.query.get("after", "0"), code)
    end = start + call.limit(default=default, most=most)
    return rows[start:end], str(end) if end < len(rows) else ""


def page(call: Call, rows: Sequence[JSON], *, default: int, most: int, code: str = "E0000031") -> web.Response:
    """A page with its Link header."""
    shown, following = part(call, rows, default=default, most=most, code=code)
    response = web.json_response(list(shown))
    if following:
        response.headers.add("Link", call.next_link(following))
    return response
