"""The pages that people write, and the commands in them. What the code generates lists commands, and is not read here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Final

from firedoor.settings import ROOT

GENERATED: Final = (
    "actions/*.md",
    "playbooks.md",
    "okta-watchlist.md",
    "permission-table.md",
    "commands.md",
    "settings.md",
    "outcomes.md",
    "metrics.md",
)
_FENCE: Final = re.compile(r"^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE: Final = re.compile(r"`(?:\.venv/bin/)?(?P<words>(?:firedoor|make) [^`]+)`")
_INDENTED: Final = re.compile(r"^(?: {4,}(?:firedoor|make) .+| +```sh)$", re.MULTILINE)
_COMMENT: Final = re.compile(r"(?:^|\s+)#\s(?P<words>.*)$")
_CODE: Final = re.compile(r"exit code (?P<code>\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command of a page, as it is typed, what its comment says beside it, and the lines that the page says one sees then."""

    page: str
    line: int
    text: str
    comment: str = ""
    shows: tuple[str, ...] = ()

    @property
    def code(self) -> int:
        """The exit code that the page implies: 0, or the one that the comment names."""
        found = _CODE.search(self.comment)
        return int(found["code"]) if found else 0

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"


@cache
def pages() -> tuple[Path, ...]:
    """Every page that somebody wrote, the decisions and the changelog aside."""
    docs = ROOT / "docs"
    generated = {path for pattern in GENERATED for path in docs.glob(pattern)}
    written = sorted(path for path in docs.rglob("*.md") if path not in generated and path.parent.name != "adr")
    return (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *written)


@cache
def commands() -> tuple[Command, ...]:
    """Every command in a block of shell, page by page, in the page's order."""
    return tuple(command for path in pages() for command in commands_in(path.read_text(encoding="utf-8"), named(path)))


def named(path: Path) -> str:
    """What a page is called here."""
    return path.relative_to(ROOT).as_posix()


def commands_in(text: str, page: str) -> Iterator[Command]:
    """The commands of one page. A line that ends with a backslash goes on in the next one.

    A block of ``text`` that follows a block of shell is what its last command shows, with ``...`` for what is left out.
    """
    fences = list(_FENCE.finditer(text))
    for block, following in zip_longest(fences, fences[1:]):
        if block["kind"] != "sh":
            continue
        found = list(_typed(block["text"], page, text.count("\n", 0, block.start("text")) + 1))
        if following is not None and following["kind"] == "text":
            shown = (line.strip().removesuffix("...").rstrip() for line in following["text"].splitlines())
            shows = tuple(line for line in shown if line)
            found[-1] = replace(found[-1], shows=shows)
        yield from found


def _typed(block: str, page: str, first: int) -> Iterator[Command]:
    whole: list[str] = []
    for number, line in enumerate(block.splitlines(), first):
        whole.append(line.removesuffix("\\").strip())
        if line.endswith("\\"):
            continue
        comment = _COMMENT.search(typed := " ".join(whole))
        if words := _COMMENT.sub("", typed):
            yield Command(page=page, line=number, text=words, comment=comment["words"] if comment else "")
        whole = []


def blocks(kind: str) -> Iterator[tuple[str, str]]:
    """Every block of a kind (``toml``), with its page."""
    for path in pages():
        for block in _FENCE.finditer(path.read_text(encoding="utf-8")):
            if block["kind"] == kind:
                yield named(path), block["text"]


def mentioned(path: Path) -> Iterator[str]:
    """Every command that stands in a sentence or a table of any page."""
    text = _FENCE.sub("", path.read_text(encoding="utf-8"))
    yield from (found["words"] for found in _INLINE.finditer(text))


def indented(path: Path) -> Iterator[str]:
    """Commands in an indented block, which is not read here."""
    yield from _INDENTED.findall(_FENCE.sub("", path.read_text(encoding="utf-8")))
