"""The sides of a comparison, each a process of its own that is told where the vendor is and tells what it took."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from firedoor.errors import FiredoorError
from firedoor.settings import ROOT
from tests.chaos.killing import Helper

CUSTODIAN: Final = ROOT / ".venv-c7n" / "bin" / "python"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What is run, and what it is told besides."""

    name: str
    command: tuple[str, ...]
    told: Mapping[str, Any] = field(default_factory=dict)


def ours() -> Side:
    """Firedoor's whole sweep."""
    return Side(name="Firedoor", command=(sys.executable, "-m", "bench.compare.ours"))


def floor(threads: int) -> Side:
    """The bare script."""
    name = f"a script with {threads} threads" if threads > 1 else "a script, one call after the other"
    return Side(name=name, command=(sys.executable, "-m", "bench.compare.floor"), told={"threads": threads})


def custodian() -> Side:
    """Cloud Custodian."""
    if not CUSTODIAN.exists():
        raise FiredoorError(f"Cloud Custodian is not in {CUSTODIAN}", advice="Run `make bench-sweep`, which puts it there")
    return Side(name="Cloud Custodian", command=(str(CUSTODIAN), "bench/compare/custodian.py"))


async def run(side: Side, vendor: Helper, **opening: Any) -> Mapping[str, Any]:
    """Let one side sweep a vendor that was begun anew. What it took, and the calls as the vendor counts them.

    Raises `FiredoorError` where it failed, or left a key that works: then there is nothing to compare.
    """
    where = await vendor.ask(json.dumps({"do": "open", **opening}))
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("FIREDOOR_", "PREFECT_", "AWS_"))}
    with tempfile.TemporaryDirectory(prefix="firedoor-side-") as folder:
        told = json.dumps({**where, **opening, **side.told, "folder": folder})
        process = await asyncio.create_subprocess_exec(
            *side.command, told, cwd=ROOT, env=plain, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        said, complaints = await process.communicate()
    if process.returncode:
        raise FiredoorError(f"{side.name} failed: {complaints.decode()[-2000:]}")
    taken: Mapping[str, Any] = json.loads(said)
    if (left := (await vendor.ask('{"do": "working"}'))["active"]) or taken.get("ended"):
        raise FiredoorError(f"{side.name} left {left} keys that work: {complaints.decode()[-2000:]}")
    return {**taken, "calls": await vendor.ask('{"do": "counts"}')}
