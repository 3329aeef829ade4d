"""What a notice says, in full and where it may tell nothing. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from firedoor.canonical import JSON
from firedoor.errors import BadInput
from firedoor.vendors.slack.text import Block, context, header, pack, plain, said, shorten
from firedoor.vendors.slack.values import Mark, Notice, Words

MOST_LINES: Final = 24  # a screenful
UNDER_WAY: Final = "An incident is under way"

_HEADING: Final = re.compile(r"\A#{1,6}\s+")


def in_full(notice: Notice) -> Words:
    """What a notice says among responders: the report, cut to a screenful from its end, and where the whole of it is."""
    lines = tuple(_HEADING.sub("", line) for line in notice.text.splitlines() if line.strip())
    last = f"Run {notice.run}, incident {notice.incident}. All of it: firedoor show {notice.run}"
    return Words(title=notice.title.strip() or UNDER_WAY, lines=lines, last=last)


def in_brief(notice: Notice) -> Words:
    """What it says where a target might read it: neither whom nor what it is about, nor why it says so little."""
    return Words(
        title=UNDER_WAY,
        lines=("Details are not given in this channel.",),
        last=f"Ask the responders on call, or look with: firedoor show {notice.run}",
    )


def blocks(words: Words) -> list[Block]:
    """The message. All of it is plain text, in which Slack forms no mention and no link."""
    body = pack(words.lines, most=MOST_LINES, sections=1)
    return [header(words.title), *(said(text) for text in body), context(plain(shorten(words.last)))]


def fallback(words: Words) -> str:
    """What notifications show, escaped."""
    return shorten(words.title)


def written(notice: Notice, *, brief: bool) -> Mapping[str, JSON]:
    """What is to be posted, as data: the words, and the mark by which they are found again."""
    words = in_brief(notice) if brief else in_full(notice)
    return {"run": notice.run, "incident": notice.incident, "title": words.title, "lines": words.lines, "last": words.last}


def read_back(data: object) -> tuple[Words, Mark]:
    """The words and the mark in what `written` wrote. Raises `BadInput` where the notice was told of no run."""
    assert isinstance(data, Mapping)
    if not data["run"]:
        raise BadInput("the notice was told of no run, so there is nothing to post", advice="This is a defect in Firedoor")
    words = Words(title=str(data["title"]), lines=tuple(map(str, data["lines"])), last=str(data["last"]))
    return words, Mark(run=str(data["run"]), incident=str(data["incident"]))
