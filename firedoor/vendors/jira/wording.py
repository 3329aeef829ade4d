"""A report in Markdown as the description of an issue: a document for Cloud, a quotation for Data Center.

Neither lets the text do anything: in a report stand names that an attacker may have chosen, and Data Center's markup would load their
pictures and open their links.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Final

from firedoor.canonical import JSON

LONGEST: Final = 20_000  # characters; Jira's own bound is 32,767 and may count markup. The whole report is attached.
_CUT: Final = "\n\n(cut here; the whole report is attached)"
_FENCE: Final = "{noformat}"
_OPENS: Final = re.compile(r"\{(?=noformat)", re.IGNORECASE)


def adf(markdown: str) -> JSON:
    """The text in Atlassian Document Format: headings, lists of points, paragraphs. Any other mark stays as it is written."""
    return {"type": "doc", "version": 1, "content": [*_blocks(cut(markdown))]}


def quotation(markdown: str) -> str:
    """The text as a block that Data Center shows letter by letter."""
    return f"{_FENCE}\n{_OPENS.sub('{ ', cut(markdown))}\n{_FENCE}"


def cut(markdown: str) -> str:
    """The text, shortened where it is too long for a description, saying so."""
    return markdown if len(markdown) <= LONGEST else markdown[: LONGEST - len(_CUT)] + _CUT


def _blocks(markdown: str) -> Iterator[JSON]:
    lines = (line.strip() for line in markdown.splitlines())
    for points, group in groupby((line for line in lines if line), key=lambda line: line.startswith("- ")):
        if points:
            yield {"type": "bulletList", "content": [{"type": "listItem", "content": [_paragraph(line[2:])]} for line in group]}
        else:
            yield from map(_line, group)


def _line(line: str) -> JSON:
    hashes = len(line) - len(line.lstrip("#"))
    if 1 <= hashes <= 6 and line[hashes:].startswith(" ") and line[hashes:].strip():
        return {"type": "heading", "attrs": {"level": hashes}, "content": [_text(line[hashes:].strip())]}
    return _paragraph(line)


def _paragraph(line: str) -> JSON:
    return {"type": "paragraph", "content": [_text(line.strip())] if line.strip() else []}


def _text(words: str) -> JSON:
    return {"type": "text", "text": words}
