"""``python -m tests.abuse``: every hostile attempt, judged by the world; a table, build/slack-abuse.json, and an error where one got through."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from firedoor.settings import ROOT
from tests.abuse import alone, crowds, journals, lines, messages, signatures, strangers, tainted, views, wire
from tests.abuse.attempt import Theme, Verdict
from tests.abuse.running import summed, verdicts

THEMES: Final[Sequence[Theme]] = tuple(
    room.THEME for room in (wire, strangers, messages, views, lines, journals, signatures, alone, tainted, crowds)
)
LEAST: Final = 300
WORDS: Final = 90


async def made() -> list[Verdict]:
    """All of them, one after the other."""
    found: list[Verdict] = []
    for theme in THEMES:
        for way in theme.ways:
            sys.stderr.write(f"{theme.name}, by {way}\n")
            found += [verdict async for verdict in verdicts(theme, way)]
    return found


def table(figures: Mapping[str, Any]) -> Table:
    """A line a kind."""
    shown = Table(title="Hostile attempts in Slack, by kind", show_lines=False)
    for name in ("kind", "attempts", "accepted", "crashes", "what most of their senders saw"):
        shown.add_column(name, justify="right" if name in ("attempts", "accepted", "crashes") else "left")
    for kind, one in figures["kinds"].items():
        words = next(iter(one["words"]), "")
        shown.add_row(kind, str(one["attempts"]), str(one["accepted"]), str(one["crashes"]), words[:WORDS])
    return shown


def main() -> int:
    """The exit code: 1 where anything was accepted or broke, or where there were too few to tell."""
    figures = summed(asyncio.run(made()))
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    (build / "slack-abuse.json").write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    console = Console(width=200)
    console.print(table(figures))
    for one in figures["kinds"].values():
        for wrong in one["wrong"]:
            console.print(f"WRONG: {wrong}", markup=False)
    console.print(f"{figures['attempts']} attempts, {figures['accepted']} accepted, {figures['crashes']} crashes, {figures['controls']} controls")
    return int(bool(figures["accepted"] or figures["crashes"]) or figures["attempts"] < LEAST)


if __name__ == "__main__":
    sys.exit(main())
