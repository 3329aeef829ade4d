"""A stand: a world in a process of its own, `firedoor serve` in another, and the people of it, who are this process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.world import login, member, name
from firedoor.channels.slack.blocks import APPROVE
from firedoor.errors import FiredoorError
from firedoor.exercise.estate import CHANNEL
from firedoor.journal import Event, Journal, Kind
from firedoor.settings import ROOT
from firedoor.store import Store
from firedoor.vendors.slack.people import Person

START_SECONDS: Final = 60.0
RUN_SECONDS: Final = 120.0
LOOK_SECONDS: Final = 0.05


@dataclass(slots=True, kw_only=True)
class Stand:
    """What can be done at a stand. ``targets`` counts the people whose sessions have been ended."""

    folder: Path
    slack_url: str
    journal: Journal
    targets: int = 0
    times: Mapping[str, Any] = field(default_factory=dict)

    async def ask(self, asker: int) -> str:
        """A responder asks for a run against somebody whom no run was against yet. The run's name, once its request stands."""
        target, self.targets = login(self.targets), self.targets + 1
        async with Person(self.slack_url, member(asker)) as person:
            shown = await person.command(CHANNEL, f"/firedoor contain session-hijack users={target}")
        if not shown.ok:
            raise FiredoorError(f"the command was not acked ({shown.error})")
        async with asyncio.timeout(RUN_SECONDS):
            while True:
                for event in await self.journal.opened(most=1, requester=name(asker)):
                    if event.body["inputs"] and target in str(event.body["inputs"]) and await self.place(event.run):
                        return event.run
                await asyncio.sleep(LOOK_SECONDS)

    async def approve(self, approver: int, run: str) -> None:
        """Another responder looks, and approves."""
        place = await self.place(run)
        async with Person(self.slack_url, member(approver)) as person:
            await person.click(CHANNEL, place, APPROVE)
            await person.wait_for_modal(lambda modal: bool(modal.submit) and run in modal.shown, RUN_SECONDS)
            shown = await person.submit({})
            if not shown.ok:
                raise FiredoorError(f"the decision was not acked ({shown.error})")
            while await person.modal() is not None:
                await person.close_modal()

    async def ended(self, run: str) -> str:
        """How the run ended, once it has."""
        async with asyncio.timeout(RUN_SECONDS):
            while True:
                for event in await self.journal.events(run):
                    if event.kind == Kind.FINISHED:
                        return str(event.body["outcome"])
                await asyncio.sleep(LOOK_SECONDS * 4)

    async def place(self, run: str) -> str:
        """Where the run's request stands; empty while it does not."""
        events: list[Event] = [event for event in await self.journal.events(run) if event.kind == Kind.NOTED]
        return next((str(event.body["ts"]) for event in events if event.body.get("slack") == "request" and "ts" in event.body), "")


@asynccontextmanager
async def stand(folder: Path, *, lag: float) -> AsyncIterator[Stand]:
    """A stand, ready; its ``times`` are there once the block is left. ``lag``: seconds by which Okta's System Log is late."""
    folder.mkdir(parents=True)  # noqa: ASYNC240 - nothing else goes on yet
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("FIREDOOR_", "PREFECT_", "AWS_"))}
    with _child("bench.world", folder, lag, env=plain, log=folder / "world.log") as world_process:
        await _until(world_process, folder / "world.json")
        world = json.loads((folder / "world.json").read_text(encoding="utf-8"))
        (folder / "firedoor.toml").touch()
        own = {"FIREDOOR_STATE_DIR": str(folder / "state"), "FIREDOOR_CONFIG": str(folder / "firedoor.toml")}
        env = {**plain, **world["environment"], **own}
        serve = ("cProfile", "-o", folder / "serve.prof", "-m", "firedoor") if os.environ.get("BENCH_PROFILE") else ("firedoor",)
        with _child(*serve, "serve", env=env, log=folder / "serve.log") as served:
            await _until(served, folder / "serve.log", "Listening in Slack")
            async with Store(f"sqlite:///{folder / 'state' / 'journal.db'}") as store:
                found = Stand(folder=folder, slack_url=world["slack_url"], journal=Journal(store))
                yield found
    found.times = json.loads((folder / "times.json").read_text(encoding="utf-8"))


@contextmanager
def _child(module: str, *arguments: object, env: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", module, *map(str, arguments)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output)  # noqa: S603 - our own
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM if module == "bench.world" else signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def _until(process: subprocess.Popen[bytes], path: Path, words: str = "") -> None:
    """Wait until the process has written the file, with these words in it."""
    try:
        async with asyncio.timeout(START_SECONDS):
            while not path.exists() or words not in path.read_text(encoding="utf-8"):  # noqa: ASYNC240 - processes tell by files
                if process.poll() is not None:
                    raise FiredoorError(f"a process ended before it was ready; see {path.parent}")
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError:
        raise FiredoorError(f"nothing came up within {START_SECONDS:.0f} s; see {path.parent}") from None
