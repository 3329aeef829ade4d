"""Tickets over more than one process, and where they go: what a case file cannot say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from firedoor.canonical import plain
from firedoor.errors import BadInput, Misconfigured, Unreachable, WriteRefused
from firedoor.journal import Journal, Kind
from firedoor.lease import Leases
from firedoor.model import Intent, Mode, Outcome, Plan
from firedoor.run import Item, Order, Record, Started, StepResult, read_as
from firedoor.step import Bench, perform
from firedoor.store import Store
from firedoor.vendors.access import Access
from firedoor.vendors.faults import Effect, Fault
from firedoor.vendors.jira.client import JiraClient
from firedoor.vendors.jira.problems import Unsettled
from firedoor.vendors.jira.simulator import JiraSimulator
from firedoor.vendors.jira.values import Flavour, Place, Ticket
from firedoor.vendors.jira.wire import Site
from firedoor.vendors.jira.world import EVERYTHING, world_of
from tasks.jira.find_place import FindPlace, Where
from tasks.jira.open_ticket import OpenTicket

DATA: Any = {
    "users": [{"id": "firedoor", "email": "firedoor@acme.example", "token": "canary", "permissions": EVERYTHING}],
    "projects": [{"key": "SEC", "levels": [{"id": "10001", "name": "Responders", "members": ["firedoor"]}]}],
}
TICKET = Ticket(
    place=Place.JIRA,
    project="SEC",
    issue_type="Task",
    security_level="Responders",
    incident="inc-1",
    title="Breach",
    text="# Open",
    scope=("okta:user:ada@acme.example",),
)


class Quick(OpenTicket):
    spec = replace(OpenTicket.spec, settle_within=3.0)


@dataclass(slots=True)
class House:
    """A Jira, and what processes share beside it: a folder for tickets and a journal."""

    jira: JiraSimulator
    folder: Path

    def client(self, access: Access = Access.WRITE, *, index_lag: float = 0.5, url: str = "") -> JiraClient:
        site = Site(
            url=url or self.jira.url,
            flavour=Flavour.CLOUD,
            token="canary",
            project="SEC",
            issue_type="Task",
            security_level="Responders",
        )
        return JiraClient(access=access, folder=self.folder / "tickets", site=site, timeout=1.0, index_lag=index_lag)

    async def perform(self, *, index_lag: float = 0.5) -> StepResult:
        """What one process does: it takes up what the journal says was begun, and brings it to its end."""
        order = Order(
            run="r1", incident="inc-1", playbook="p", mode=Mode.LIVE, requester="Ada", asked=datetime.now(UTC), inputs={}, title="t"
        )
        item = Item(id="t/1", step="t", action=Quick.spec.id, label=TICKET.label, target=plain(TICKET), plan=Plan(reason="later"))  # type: ignore[arg-type]
        async with Store(f"sqlite:///{self.folder}/journal.db") as store, self.client(index_lag=index_lag) as client:
            journal = Journal(store)
            begun = [read_as(Started, event.body, event) for event in await journal.events("r1") if event.kind == Kind.INTENT]
            bench = Bench(journal=journal, leases=Leases(store, "a process"), grant=None, stopped=_nobody)
            return await perform(item, Quick(client), record=Record(order=order, items=(item,), intents=begun), bench=bench)


async def _nobody() -> str:
    return ""


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[House]:
    async with JiraSimulator(world_of(DATA, flavour=Flavour.CLOUD)) as jira:
        yield House(jira, folder)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.vendors.retry._BACKOFF", lambda _: 0.0)
    monkeypatch.setattr("firedoor.step.FIRST_POLL", 0.01)
    monkeypatch.setattr("firedoor.step.LONGEST_POLL", 0.05)


async def _die_in_the_middle(at: House) -> None:
    """A process that ends while its request is on the way."""
    process = asyncio.create_task(at.perform())
    while at.jira.faults._planned:  # noqa: ASYNC110 - the simulator has nobody to tell
        await asyncio.sleep(0.01)
    process.cancel()
    with pytest.raises(asyncio.CancelledError):
        await process


@pytest.mark.parametrize("lag", [0.0, 0.3])
@pytest.mark.parametrize("delay", [{"effect": Effect.NONE}, {"effect": Effect.FIRST}], ids=["before the effect", "after the effect"])
async def test_a_process_that_dies_while_opening_leaves_one_ticket(tmp_path: Path, lag: float, delay: dict[str, Effect]) -> None:
    async with house(tmp_path) as at:
        at.jira.world.index_lag = timedelta(seconds=lag)
        at.jira.faults.plan(Fault(operation="createIssue", delay=0.1, **delay))  # type: ignore[arg-type]
        await _die_in_the_middle(at)
        # The clock of a header is cut to the second: two of them are the least that can be told apart.
        result = await at.perform(index_lag=2.0)
        assert result.outcome is Outcome.CHANGED, result.reason
        assert [[file.name for file in issue.files] for issue in at.jira.world.issues.values()] == [[TICKET.evidence]]


async def test_what_was_begun_and_is_not_shown_is_waited_for_and_then_believed_to_be_absent(tmp_path: Path) -> None:
    async with house(tmp_path) as at, at.client(index_lag=60.0) as fresh:
        action = OpenTicket(fresh)
        now = await fresh.now()
        with pytest.raises(Unsettled, match="may not show it yet") as unsettled:
            await action.read(TICKET.bound(now - timedelta(seconds=50)))
        assert unsettled.value.retryable
        assert "firedoor-inc-1" in str(unsettled.value)
        seen = await action.read(TICKET.bound(now - timedelta(seconds=70)))
        assert [change.key for change in action.plan(TICKET, seen).changes] == ["open", "attach"]


async def test_once_begun_a_jira_that_is_away_is_waited_for_and_not_replaced_by_a_file(tmp_path: Path) -> None:
    async with house(tmp_path) as at, at.client(url="http://127.0.0.1:1") as away:
        action = OpenTicket(away)
        assert (await action.read(TICKET)).place is Place.FILE
        with pytest.raises(Unreachable):
            await action.read(TICKET.bound(datetime.now(UTC)))


async def test_a_ticket_stays_in_its_file_when_jira_comes_back(tmp_path: Path) -> None:
    async with house(tmp_path) as at, at.client(url="http://127.0.0.1:1") as away, at.client() as back:
        (change,) = OpenTicket(away).plan(TICKET, await OpenTicket(away).read(TICKET)).changes
        receipt = await OpenTicket(away).apply(change, _intent())
        assert receipt.facts == {"ticket": "firedoor-inc-1.md", "url": str(tmp_path / "tickets" / "firedoor-inc-1.md")}
        seen = await OpenTicket(back).read(TICKET)
        assert OpenTicket(back).plan(TICKET, seen).reason.startswith("the ticket is in ")
        assert at.jira.requests == []


async def test_the_place_is_no_part_of_the_effect(tmp_path: Path) -> None:
    """One that was begun in Jira and is written to a file instead is the same ticket, and settled once."""
    async with house(tmp_path) as at, at.client(url="http://127.0.0.1:1") as away, at.client() as here:
        effects = set()
        for client in (away, here):
            action = OpenTicket(client)
            plan = action.plan(TICKET, await action.read(TICKET))
            effects.add(plan.changes[0].effect(action.spec.id))
            assert plan.changes[0].before["place"] == (Place.FILE if client is away else Place.JIRA)
        assert len(effects) == 1


async def test_receipts_name_the_ticket(tmp_path: Path) -> None:
    async with house(tmp_path) as at, at.client() as client:
        action = OpenTicket(client)
        opening, attaching = action.plan(TICKET, await action.read(TICKET)).changes
        named = {"ticket": "SEC-1", "url": f"{at.jira.url}/browse/SEC-1"}
        assert (await action.apply(opening, _intent())).facts == named
        later = action.plan(TICKET, await action.read(TICKET)).changes
        assert [change.effect("a") for change in later] == [attaching.effect("a")]
        assert action.receipt(later[0], _intent()).facts == named
        assert (await action.apply(attaching, _intent())).facts == named


async def test_a_place_that_is_not_jira_and_a_second_ticket_are_left_to_people(tmp_path: Path) -> None:
    async with house(tmp_path) as at, at.client(url="http://127.0.0.1:1") as away, at.client() as one, at.client() as two:
        action = OpenTicket(away)
        (left,) = action.residuals(TICKET, await action.read(TICKET))
        assert "could not be reached" in left.what
        at.jira.world.index_lag = timedelta(hours=1)  # beyond what anybody allows for
        for client in (one, two):
            opening = OpenTicket(client).plan(TICKET, await OpenTicket(client).read(TICKET)).changes[0]
            await OpenTicket(client).apply(opening, _intent())
        for issue in at.jira.world.issues.values():
            issue.indexed = datetime(2023, 1, 1, tzinfo=UTC)
        (left,) = OpenTicket(one).residuals(TICKET, await OpenTicket(one).read(TICKET))
        assert "SEC-2, with the same label as SEC-1" in left.what


async def test_a_client_that_only_reads_opens_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as at, at.client(Access.READ) as reader, at.client(Access.READ, url="http://127.0.0.1:1") as away:
        for client in (reader, away):
            action = OpenTicket(client)
            for change in action.plan(TICKET, await action.read(TICKET)).changes[:1]:
                with pytest.raises(WriteRefused):
                    await action.apply(change, _intent())
        assert at.jira.world.issues == {}
        assert not (tmp_path / "tickets").exists()


async def test_where_tickets_go(tmp_path: Path) -> None:
    async with house(tmp_path) as at, at.client() as here, at.client(url="http://127.0.0.1:1") as away:
        bare = replace(TICKET, incident="", title="", text="", scope=())
        assert await FindPlace(here).find(Where()) == (bare,)
        assert await FindPlace(here).find(Where(project="SEC")) == (bare,)
        with pytest.raises(BadInput, match="no such project"):
            await FindPlace(here).find(Where(project="NONE"))
        with pytest.raises(BadInput, match="project key"):
            await FindPlace(here).find(Where(project='SEC" OR project = "HR'))
        assert await FindPlace(away).find(Where(project="OTHER")) == (replace(bare, project="OTHER"),)
    alone = JiraClient(access=Access.READ, folder=tmp_path)
    assert await FindPlace(alone).find(Where(project="SEC")) == (Ticket(place=Place.FILE),)


def test_a_site_of_names_that_cannot_be_is_refused_at_once(tmp_path: Path) -> None:
    place = Site(url="https://a.example", flavour=Flavour.CLOUD, token="canary", project="sec", issue_type="Task", security_level="R")
    with pytest.raises((BadInput, Misconfigured)):
        JiraClient(access=Access.READ, folder=tmp_path, site=place)


def _intent() -> Intent:
    return Intent(run="r1", item="t/1", key="k", at=datetime.now(UTC), fence=1)
