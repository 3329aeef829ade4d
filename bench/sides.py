"""The sides of a comparison, each a process of its own that is told where the vendor is and tells what it took.

A side that says ``ready`` before is warm, and begins when it is told to; the vendor's count of calls begins with it.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from bench.figures import Figure
from firedoor.errors import FiredoorError
from firedoor.settings import ROOT
from tests.chaos.killing import Helper

Taken: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What is run, and what it is told besides. It takes part in the first ``rounds`` of a race; in each, where that is none."""

    name: str
    command: tuple[str, ...]
    told: Mapping[str, Any] = field(default_factory=dict)
    rounds: int | None = None


def of_module(name: str, module: str, *, rounds: int | None = None, **told: Any) -> Side:
    """A side in Firedoor's own environment."""
    return Side(name=name, command=(sys.executable, "-m", module), told=told, rounds=rounds)


async def run(side: Side, vendor: Helper, **opening: Any) -> Taken:
    """Let one side work at a vendor that was begun anew. What it took, and the calls as the vendor counts them.

    Raises `FiredoorError` where it failed, or left something open: then there is nothing to compare.
    """
    where = await vendor.ask(json.dumps({"do": "open", **opening}))
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("FIREDOOR_", "PREFECT_", "AWS_"))}
    with tempfile.TemporaryDirectory(prefix="firedoor-side-") as folder, (Path(folder) / "complaints").open("w+b") as complaints:
        told = json.dumps({**where, **opening, **side.told, "folder": folder})
        process = await asyncio.create_subprocess_exec(
            *side.command, told, cwd=ROOT, env=plain, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=complaints
        )
        assert process.stdin is not None
        assert process.stdout is not None
        said = await process.stdout.readline()
        if said.strip() == b"ready":
            await vendor.ask('{"do": "begin"}')
            process.stdin.write(b"go\n")
            said = await process.stdout.readline()
        await process.communicate()
        complaints.seek(0)
        why = complaints.read().decode()[-2000:]
    if process.returncode:
        raise FiredoorError(f"{side.name} failed: {why}")
    taken: Taken = json.loads(said)
    if (left := (await vendor.ask('{"do": "working"}'))["active"]) or taken.get("ended"):
        raise FiredoorError(f"{side.name} left {left} open: {why}")
    return {**taken, "calls": await vendor.ask('{"do": "counts"}')}


async def race(sides: Sequence[Side], vendor: Helper, *, rounds: int, **opening: Any) -> Mapping[str, Sequence[Taken]]:
    """Side after side, several times over, every other round beginning with the second: what each took, by its name."""
    taken: dict[str, list[Taken]] = {side.name: [] for side in sides}
    for round_ in range(rounds):
        for side in [*sides[round_ % 2 :], *sides[: round_ % 2]]:
            if side.rounds is None or round_ < side.rounds:
                found = await run(side, vendor, **opening)
                taken[side.name].append(found)
                sys.stderr.write(f"round {round_ + 1}: {side.name} took {found['seconds']:.2f} s; {_told(found['calls'])}\n")
    return taken


def seconds(name: str, found: Sequence[Taken], **of: Any) -> Figure:
    """The median of the rounds."""
    each = [round(one["seconds"], 3) for one in found]
    return Figure(name=name, value=statistics.median(each), unit="s", of={"rounds": each, "calls": found[-1]["calls"], **of})


def ratio(name: str, mine: Sequence[Taken], theirs: Sequence[Taken], most: float | None) -> Figure:
    """The median of the rounds' own ratios, of those that both took part in: what a machine is busy with besides is much the same then."""
    value = statistics.median(one["seconds"] / other["seconds"] for one, other in zip(mine, theirs, strict=False))
    return Figure(name=name, value=value, at_most=most)


def _told(calls: Mapping[str, int]) -> str:
    return ", ".join(f"{many} {name}" for name, many in calls.items())
