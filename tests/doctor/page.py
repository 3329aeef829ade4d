"""docs/doctor.md: its prose as it is, and what the doctor says of the two companies and of facts, as it said it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final

from firedoor.cli_permissions import on_the_shelf
from firedoor.doctor import facts_told, told, verifying
from firedoor.settings import ROOT, load
from tests.company import Company
from tests.doctor.estates import PLANTED, diagnosed, ill, well

PAGE: Final = ROOT / "docs" / "doctor.md"
FOLDER: Final = "/var/lib/firedoor"  # in the place of a folder that is another each time
FIRST: Final = "## A company in which all is well\n\n"


async def page() -> str:
    """The page as it is to be."""
    prose = PAGE.read_text(encoding="utf-8").partition(FIRST)[0]
    return (
        prose
        + FIRST
        + await _transcript(well)
        + f"## One with {len(PLANTED)} things wrong\n\n"
        + "".join(f"- {name}\n" for name in PLANTED)
        + "\nToo few approvers are too few with hardware keys as well, so one more line is said.\n\n"
        + await _transcript(ill)
        + "## The facts that units rest on at Slack, before anybody has looked\n\n"
        + await _facts()
    ).rstrip("\n") + "\n"


async def _facts() -> str:
    with tempfile.TemporaryDirectory() as folder:
        async with well(Path(folder)):
            data = facts_told.told(await verifying.look(load(), on_the_shelf(), vendor="slack"))
    words = "firedoor doctor --verify --system slack"
    return f"```\n$ {words}\n{facts_told.markdown(data)}\n$ echo $?\n{facts_told.exit_code(data)}\n```\n\n"


async def _transcript(estate: Callable[[Path], AbstractAsyncContextManager[Company]]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        async with estate(Path(folder)):
            data = await diagnosed()
    return f"```\n$ firedoor doctor\n{told.markdown(data).replace(folder, FOLDER)}\n$ echo $?\n{told.exit_code(data)}\n```\n\n"
