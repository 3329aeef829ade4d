"""``python -m tests.abuse [--sample]``: every hostile attempt, judged by the world.

It prints a table, writes build/slack-abuse.json, and ends with an error where one got in.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from firedoor.settings import ROOT
from tests.abuse.attempt import Verdict
from tests.abuse.running import summed
from tests.abuse.themes import THEMES, every

LEAST: Final = 300
SAMPLE: Final = 8
WORDS: Final = 90


def made(most: int | None) -> list[Verdict]:
    """All of them, or so many of each kind, in two processes."""
    parts = [(number, way, most) for number, theme in enumerate(THEMES) for way in theme.ways]
    with ProcessPoolExecutor(max_workers=2, mp_context=multiprocessing.get_context("spawn")) as pool:
        return [verdict for part in pool.map(every, parts) for verdict in part]


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
    asked = argparse.ArgumentParser(prog="python -m tests.abuse", description=__doc__)
    asked.add_argument("--sample", action="store_true", help=f"{SAMPLE} of each kind, in each way, only")
    figures = summed(made(SAMPLE if asked.parse_args().sample else None))
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    (build / "slack-abuse.json").write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    console = Console(width=200)
    console.print(table(figures))
    for kind, one in figures["kinds"].items():
        for wrong in one["wrong"]:
            console.print(f"WRONG: {kind}: {wrong}", markup=False)
    told = ", ".join(f"{figures[name]} {name}" for name in ("attempts", "accepted", "crashes", "controls"))
    console.print(told)
    return int(bool(figures["accepted"] or figures["crashes"]) or figures["attempts"] < LEAST)


if __name__ == "__main__":
    sys.exit(main())
