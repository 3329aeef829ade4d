"""A drill whose people are scripted: one starts the playbook, as many others as are needed decide. At most one mind is a person's own."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from firedoor.approval import Request
from firedoor.errors import FiredoorError
from firedoor.exercise import keys, oncall
from firedoor.journal import Journal, Kind
from firedoor.run import read_as
from firedoor.settings import Settings

if TYPE_CHECKING:
    from firedoor.vendors.slack.people import Modal

RUN_SECONDS: Final = 300.0
STARTED: Final = re.compile(r"Run (\S+) of ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scripted:
    """`Defenders` who act through the simulated Slack; ``mind`` makes up the approvers' minds."""

    journal: Journal
    settings: Settings
    slack_url: str
    folder: Path
    mind: oncall.Ask

    async def contain(self, playbook: str) -> str:
        """Two people contain the breach. Returns the run's name once it is over."""
        run = _started(await oncall.start(self.slack_url, self.settings.people[0].slack, playbook))
        (self.folder / "run").write_text(run)
        await self._decided(run)
        return run

    async def undo(self, run: str) -> str:
        """The same two people undo it. Returns the name of the undo once it is over."""
        way_back = _started(await oncall.undo(self.slack_url, self.settings.people[0].slack, run))
        (self.folder / "run").write_text(f"{run} {way_back}")
        await self._decided(way_back)
        return way_back

    async def _decided(self, run: str) -> None:
        """As many other people as are needed decide, one after another; then the run is waited for."""
        signing = partial(keys.sign, self.folder)
        others = iter(self.settings.people[1:])
        deciding: list[asyncio.Task[None]] = []
        left = 0
        async with asyncio.timeout(RUN_SECONDS):
            async for event in self.journal.follow(run):
                if event.kind == Kind.REQUESTED:
                    left = int(read_as(Request, event.body, event).required)
                if event.kind in (Kind.REQUESTED, Kind.DECIDED) and left > 0:
                    left -= 1
                    deciding.append(asyncio.create_task(oncall.decide(self.slack_url, next(others).slack, run, self.mind, signing)))
                if event.kind == Kind.FINISHED:
                    await asyncio.gather(*deciding)
                    break


async def yes(run: str, modal: Modal) -> bool:
    """A scripted person looks for the changes before they approve: an empty request would be a defect."""
    del run
    return "It will" in modal.shown


def _started(answer: str) -> str:
    if (started := STARTED.match(answer)) is None:
        raise FiredoorError(f"Firedoor did not start; it answered: {answer}", advice="See the drill's folder")
    return started[1]
