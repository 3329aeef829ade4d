"""People at work in processes of their own, over one database and one simulated company: the steps in Okta, approved as they are asked.

Each worker opens its house, says so, waits for the word to go, sends back how each of its runs ended, and waits for the word to end.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, cast

import pytest

from firedoor import lease, wiring
from firedoor.approval import Answer
from firedoor.asked import AskedBefore
from firedoor.channel import Ask, Silent
from firedoor.desk import Desk
from firedoor.errors import BadInput
from firedoor.journal import Event, Journal, Kind
from firedoor.lease import Held, Lease, Leases
from firedoor.model import Mode
from firedoor.playbook import Playbook
from firedoor.run import Via
from firedoor.seal import Seal
from firedoor.settings import Settings, load
from firedoor.stage import Plainly
from tests.fakes import hasten

FRESH = multiprocessing.get_context("forkserver")
FRESH.set_forkserver_preload(["tests.apart", "firedoor.wiring"])
PATIENCE = 50.0
TTL = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A run: a fresh one, or ``resume`` one. ``approves``: it is approved as soon as it asks."""

    playbook: str
    given: Mapping[str, tuple[str, ...]]
    requester: str
    approver: str
    run: str = ""
    resume: str = ""
    approves: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How it ended: with a report, or told of the run that does it already, or with another error."""

    run: str
    report: Mapping[str, Any] = field(default_factory=dict)
    before: str = ""
    error: str = ""

    @property
    def outcomes(self) -> Mapping[str, str]:
        """By step."""
        return {step["id"].partition("/")[0]: step["outcome"] for step in self.report["steps"]}


class _Approving(Silent):
    """A channel where somebody approves whatever is asked."""

    def __init__(self, journal: Journal, settings: Settings, approver: str) -> None:
        self._desk = Desk(journal=journal, roster=settings.roster, seal=Seal.kept_in(settings.state_dir))
        self._approver = approver

    async def asked(self, ask: Ask) -> None:
        await self._desk.decide(ask.order.run, self._desk.roster.by_name(self._approver), Answer.APPROVE, via="test")


class StoppedBefore(Journal):
    """The journal of a process that is stopped (SIGSTOP) in the instant before its first intent."""

    stopped = False

    async def append(
        self, run: str, kind: Kind, body: object, *, claim: str | None = None, seen: int | None = None, under: Lease | Held | None = None
    ) -> Event:
        if kind is Kind.INTENT and not self.stopped:
            self.stopped = True
            os.kill(os.getpid(), signal.SIGSTOP)
        return await super().append(run, kind, body, claim=claim, seen=seen, under=under)


def _book(name: str, known: Any) -> Playbook:
    """The playbook's steps in Okta."""
    book = wiring.load_playbook(name, known)
    steps = tuple(step for step in book.steps if step.action.startswith("okta."))
    sources = {step.source for step in steps}
    return book.model_copy(update={"steps": steps, "queries": {name: one for name, one in book.queries.items() if name in sources}})


async def _one(house: wiring.House, wanted: Wanted) -> Ended:
    known, stage = house.catalogue, Plainly()
    book = _book(wanted.playbook, known)
    order = wiring.take_order(book, wanted.given, mode=Mode.LIVE, requester=wanted.requester, via=Via.SLACK, run=wanted.run)
    try:
        if wanted.resume:
            return Ended(run=wanted.resume, report=await house.engine.resume(wanted.resume, stage))
        return Ended(run=order.run, report=await house.asked.contain(order, book, stage))
    except AskedBefore as before:
        return Ended(run=order.run, before=before.run, error=str(before))
    except BadInput as error:
        return Ended(run=order.run, error=str(error))


async def _all(environment: Mapping[str, str], wanted: Sequence[Wanted], ours: Connection) -> None:
    os.environ.update(environment)
    settings = load()
    first = wanted[0]

    def channel(journal: Journal, leases: Leases) -> Silent:
        del leases
        return _Approving(journal, settings, first.approver) if first.approves else Silent()

    async with wiring.open_house(settings, vendors=frozenset({"okta"}), writes=True, channel=channel) as house:
        ours.send("ready")
        await asyncio.to_thread(ours.recv)

        async def told(one: Wanted) -> None:
            ours.send(await _one(house, one))

        await asyncio.gather(*map(told, wanted))
        await asyncio.to_thread(ours.recv)


def work(environment: Mapping[str, str], wanted: Sequence[Wanted], ours: Connection, *, stops: bool, ttl: float) -> None:
    """The life of a worker. ``stops``: it is stopped before its first write. ``ttl``: how long a lease lasts unrenewed."""
    patch = pytest.MonkeyPatch()
    hasten(patch)
    patch.setattr(lease, "TTL_SECONDS", ttl)
    patch.setattr(lease, "RENEW_SECONDS", ttl / 4)
    if stops:
        patch.setattr(wiring, "Journal", StoppedBefore)
    asyncio.run(_all(environment, wanted, ours))


def _state(pid: int | None) -> str:
    """What the kernel says of a process: R, S, T."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@dataclass(slots=True)
class Worker:
    """A worker as the test sees it."""

    process: ForkServerProcess
    theirs: Connection

    async def hear(self) -> Any:
        """The next thing it says."""
        async with asyncio.timeout(PATIENCE):
            while not self.theirs.poll():  # noqa: ASYNC110 - a pipe between processes has no event
                await asyncio.sleep(0.01)
        return self.theirs.recv()

    async def ended(self) -> Ended:
        """How the next of its runs ended."""
        return cast("Ended", await self.hear())

    def go(self) -> None:
        self.theirs.send("go")

    def signal(self, number: signal.Signals) -> None:
        assert self.process.pid is not None
        os.kill(self.process.pid, number)

    async def stopped(self) -> None:
        """Wait until it is."""
        deadline = time.monotonic() + PATIENCE
        while _state(self.process.pid) != "T":
            assert time.monotonic() < deadline, "it never stopped"
            await asyncio.sleep(0.01)


@asynccontextmanager
async def workers(
    environment: Mapping[str, str], *wanted: Sequence[Wanted], stops: bool = False, ttl: float = lease.TTL_SECONDS
) -> AsyncIterator[Sequence[Worker]]:
    """A worker for each list, all ready. Whatever becomes of the test, none outlives it."""
    found = []
    try:
        for each in wanted:
            theirs, ours = FRESH.Pipe()
            process = FRESH.Process(target=work, args=(dict(environment), each, ours), kwargs={"stops": stops, "ttl": ttl})
            process.start()
            ours.close()
            found.append(Worker(process, theirs))
        for worker in found:
            assert await worker.hear() == "ready"
        yield found
        for worker in found:
            worker.theirs.send("end")
            await asyncio.to_thread(worker.process.join, PATIENCE)
            assert worker.process.exitcode == 0
    finally:
        for worker in found:
            if worker.process.is_alive():
                worker.signal(signal.SIGKILL)
                worker.process.join()
            worker.theirs.close()
            worker.process.close()
