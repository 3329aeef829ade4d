"""One run, killed as often as its case says, resumed each time by another process, until it ends by itself."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any, Final

from firedoor.settings import ROOT
from tests.chaos.company import Company, Scene, company
from tests.chaos.figures import Figures
from tests.chaos.judge import Ending, judge
from tests.chaos.life import Death, Job

RUN, AGAIN, BACK, BACK_AGAIN = "250101-aaaaaa", "250101-bbbbbb", "250101-cccccc", "250101-dddddd"
MOST_LIVES: Final = 8
PATIENCE_SECONDS: Final = 90.0
MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a killed process has no disk to lose; a disk would only be slow


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A scene, and the death of each life but the last."""

    scene: Scene
    deaths: tuple[Death, ...] = ()
    broken: str = ""

    @property
    def words(self) -> str:
        """The case, for people."""
        return f"{self.scene.name}, killed {', then '.join(death.words for death in self.deaths)}"


@dataclass(slots=True)
class Helper:
    """A process of ours that is told what to do a line at a time."""

    process: asyncio.subprocess.Process

    async def ask(self, line: str) -> Mapping[str, Any]:
        """Its next answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())
        await self.process.stdin.drain()
        return await self.answer()

    async def answer(self) -> Mapping[str, Any]:
        """What it says next. Raises `RuntimeError` where it died."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            line = await self.process.stdout.readline()
        if not line:
            raise RuntimeError("a process that the tests started has ended")
        found: Mapping[str, Any] = json.loads(line)
        return found


@asynccontextmanager
async def helper(module: str, environment: Mapping[str, str] = MappingProxyType({})) -> AsyncIterator[Helper]:
    """A module of ours as a process, ended at the end of the block."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FIREDOOR_", "PREFECT_", "AWS_"))}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module),
        cwd=ROOT,
        env={**kept, **environment},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**24,
    )
    try:
        yield Helper(process)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


@dataclass(slots=True, kw_only=True)
class Ground:
    """Where cases are carried out, one after the other: the vendors, and the server that lives are forked from."""

    vendors: Helper
    forks: Helper

    async def put_up(self, made: Company, *, lag: float | None = None) -> Mapping[str, Any]:
        """The vendors with the company's worlds; where they are."""
        return await self.vendors.ask(json.dumps({"do": "open", "worlds": made.worlds, **({} if lag is None else {"lag": lag})}))

    async def world(self) -> Mapping[str, Any]:
        """Their worlds now."""
        return await self.vendors.ask(json.dumps({"do": "state"}))

    async def fault(self, vendor: str, **fault: Any) -> None:
        """Something goes wrong with the next call of an operation."""
        await self.vendors.ask(json.dumps({"do": "fault", "vendor": vendor, "fault": fault}))

    async def effect(self, vendor: str, operation: str, *, times: int = 1) -> None:
        """Until the write has had its effect."""
        await self.vendors.ask(json.dumps({"do": "await", "vendor": vendor, "operation": operation, "times": times}))

    async def begin(self, job: Job) -> int:
        """A life; its pid."""
        return int((await self.forks.ask(job.written))["pid"])

    async def end(self) -> int:
        """Wait until the life that was begun is over; how it ended."""
        return int((await self.forks.answer())["ended"])


@asynccontextmanager
async def ground(environment: Mapping[str, str] = MappingProxyType({})) -> AsyncIterator[Ground]:
    """A ground with nothing on it yet. ``environment`` is what each life has beyond ours."""
    async with AsyncExitStack() as stack:
        vendors = await stack.enter_async_context(helper("tests.chaos.vendors"))
        forks = await stack.enter_async_context(helper("tests.chaos.forks", environment))
        await forks.answer()
        yield Ground(vendors=vendors, forks=forks)


@dataclass(slots=True, kw_only=True)
class Run:
    """One run in its company: its next life is what ``job`` says."""

    ground: Ground
    made: Company
    job: Job
    kills: int = 0

    async def life(self, death: Death | None) -> bool:
        """The next life; whether it was killed."""
        job = self.job
        await self.ground.begin(replace(job, death=death))
        status = await self.ground.end()
        self.job = replace(job, resumes=True, number=job.number + 1)
        killed = status == -signal.SIGKILL
        self.kills += killed
        return killed

    async def killed_when(self, vendor: str, operation: str, *, times: int = 1) -> None:
        """A life that is killed as soon as that write has had its effect, whatever became of the reply."""
        pid = await self.ground.begin(self.job)
        ended = asyncio.create_task(self.ground.end())
        await self.ground.effect(vendor, operation, times=times)
        os.kill(pid, signal.SIGKILL)
        assert await ended == -signal.SIGKILL
        self.job = replace(self.job, resumes=True, number=self.job.number + 1)
        self.kills += 1

    async def ending(self) -> Ending:
        """What there is now."""
        last = replace(self.job, number=self.job.number - 1)
        told = json.loads(last.ending.read_text(encoding="utf-8")) if last.ending.exists() else {}
        log = Path(last.folder) / f"log-{last.number}"
        why = "" if told else (log.read_text(encoding="utf-8").strip().splitlines() or ["it says nothing"])[-1]
        papers = {path.name: "here" for path in (Path(last.folder) / "tickets").glob("*")}
        return Ending(
            world={**await self.ground.world(), "papers": papers}, report=told.get("report"), why=why, appended=told.get("appended", 0)
        )


@asynccontextmanager
async def run(at: Ground, scene: Scene, *, broken: str = "", lag: float | None = None) -> AsyncIterator[Run]:
    """A scene that is about to begin; of an undo, with the run that is to be undone behind it."""
    made = company(scene)
    street = await at.put_up(made, lag=lag)
    with TemporaryDirectory(prefix="chaos-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        job = Job(
            folder=folder,
            street=street,
            settings=made.settings,
            keys=made.keys,
            asker=made.asker,
            playbook=scene.playbook,
            given={name: list(values) for name, values in scene.given.items()},
            run=RUN,
            again=AGAIN,
            broken=broken,
        )
        found = Run(ground=at, made=made, job=job)
        if scene.undone:
            if await found.life(None):
                raise RuntimeError("nobody was to kill it")
            found.job = replace(job, run=BACK, again=BACK_AGAIN, undoes=RUN, number=1)
        yield found


async def carry_out(at: Ground, case: Case) -> tuple[Ending, int, Company]:
    """The case to its end: what there was then, how often a process was killed, and where."""
    async with run(at, case.scene, broken=case.broken) as it:
        for number in range(MOST_LIVES):
            if not await it.life(case.deaths[number] if number < len(case.deaths) else None):
                break
        return await it.ending(), it.kills, it.made


async def judged(at: Ground, case: Case, undisturbed: Ending) -> Figures:
    """The case, carried out and judged."""
    ending, kills, made = await carry_out(at, case)
    found = judge(undisturbed, ending, made.worlds, case.words)
    return replace(found, kills=kills)
