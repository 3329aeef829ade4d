"""``python -m tests.chaos [--sample] [--only kills|faults]``: both; a table, build/chaos.json, and an error where one of them did harm."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import importlib.util
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from rich.console import Console

from firedoor.settings import ROOT
from tests.chaos import kills, with_prefect
from tests.chaos.figures import Figures
from tests.chaos.kills import Row

COUNTED: Final = ("kills", "faults", "doubled", "lost", "false_success", "false_failure")
LEAST: Final = 500
LEAST_WITH_PREFECT: Final = 20
SAMPLE: Final = 1
SAMPLE_OF_FAULTS: Final = 40
SHOWN: Final = 12
WORKERS: Final = 3
HEADS: Final = ("boundaries", "kills", "doubled", "lost", "false success", "false failure", "seconds")

console = Console(width=200, highlight=False)


def _line(name: str, *cells: object) -> None:
    console.print(f"{name:<36}" + "".join(f"{cell:>15}" for cell in cells), markup=False)


def _tell(row: Row) -> None:
    one = row.figures
    _line(row.scene, row.boundaries, one.kills, one.doubled, one.lost, one.false_success, one.false_failure, f"{row.seconds:.0f}")
    _wrong(one.found)


def _wrong(found: Sequence[str]) -> None:
    for words in found[:SHOWN]:
        console.print(f"  WRONG: {words}", markup=False, soft_wrap=True)
    if len(found) > SHOWN:
        console.print(f"  and {len(found) - SHOWN} more; build/chaos.json lists all")


async def _kills(*, sample: bool) -> tuple[Figures, list[Row]]:
    rows: list[Row] = []

    def tell(row: Row) -> None:
        rows.append(row)
        _tell(row)

    _line("killed", *HEADS)
    found = await kills.run(sample=SAMPLE if sample else None, workers=WORKERS, tell=tell)
    found += await with_prefect.run(sample=SAMPLE if sample else None, tell=tell)
    return found, rows


async def _faults(*, sample: bool) -> Figures:
    """The other half, where it is there."""
    if importlib.util.find_spec("tests.chaos.faults") is None:
        return Figures()
    made: Any = importlib.import_module("tests.chaos.faults").run(sample=SAMPLE_OF_FAULTS if sample else None, workers=WORKERS)
    found: Figures = await made if asyncio.iscoroutine(made) else made
    _wrong(found.found)
    return found


def main(arguments: Sequence[str]) -> int:
    """The exit code: 1 where anything was found wrong, or where there was too little to tell."""
    asked = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    asked.add_argument("--sample", action="store_true", help="a few of each kind only")
    asked.add_argument("--only", choices=("kills", "faults"), help="one half")
    wanted = asked.parse_args(arguments)
    began = time.monotonic()
    found, rows = Figures(), list[Row]()
    if wanted.only != "faults":
        found, rows = asyncio.run(_kills(sample=wanted.sample))
    if wanted.only != "kills":
        found += asyncio.run(_faults(sample=wanted.sample))
    figures = {name: getattr(found, name) for name in COUNTED}
    by_scene = {row.scene: {**asdict(row.figures), "boundaries": row.boundaries, "seconds": round(row.seconds, 1)} for row in rows}
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    told = {**figures, "found": found.found, "scenes": by_scene, "seconds": round(time.monotonic() - began, 1)}
    (build / "chaos.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    console.print(", ".join(f"{value} {name.replace('_', ' ')}" for name, value in figures.items()))
    return int(not found.clean or (not wanted.sample and not _enough(found, rows, only=wanted.only)))


def _enough(found: Figures, rows: Sequence[Row], *, only: str | None) -> bool:
    with_prefect_ = sum(row.figures.kills for row in rows if row.scene == with_prefect.NAME)
    killed = found.kills >= LEAST and with_prefect_ >= LEAST_WITH_PREFECT
    return (only == "faults" or killed) and (only == "kills" or found.faults >= LEAST)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
