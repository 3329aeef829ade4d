"""A whole app in front of a simulated workspace: Ada asks, Ben and Cyd may approve, Dan is in the plan, the others may do nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast

import pytest

from firedoor import wiring
from firedoor.approval import Decision
from firedoor.asked import Asked
from firedoor.channels.slack.audience import Audience
from firedoor.channels.slack.blocks import APPROVE
from firedoor.channels.slack.channel import SlackChannel
from firedoor.channels.slack.serving import audience_of, connected, listening
from firedoor.desk import Desk
from firedoor.engine import Engine
from firedoor.exercise.keys import SecurityKey
from firedoor.journal import Journal, Kind
from firedoor.lease import Leases
from firedoor.model import Mode
from firedoor.playbook import Playbook
from firedoor.run import Order, fold
from firedoor.seen import Seen
from firedoor.settingkinds import Listen
from firedoor.settings import PersonTable, Settings
from firedoor.stage import Plainly, Stage
from firedoor.starts import Starts
from firedoor.store import Store
from firedoor.vendors.slack.delivery import Ack
from firedoor.vendors.slack.delivery import Kind as Way
from firedoor.vendors.slack.grants import Rules
from firedoor.vendors.slack.people import Modal, Person, Post
from firedoor.vendors.slack.raw import Raw
from firedoor.vendors.slack.signed import RequestUrl
from firedoor.vendors.slack.simulator import SlackSimulator
from tests import fakes
from tests.line import Line

BOT, READER, APP = "xoxb-planted-bot-token", "xoxb-planted-reader-token", "xapp-planted-app-token"
BLIND = "xoxb-planted-blind-token"
SIGNING = "planted-signing-secret"
ROOM = "C0INC"
SECONDS = 30.0
MEMBERS = ("ADA", "BEN", "CYD", "DAN", "EVE", "GUS", "FAR", "BOT")
KEYS: Mapping[str, SecurityKey] = {name: SecurityKey() for name in ("Ada", "Ben", "Cyd", "Eve")}
PEOPLE = (
    PersonTable(name="Ada", slack="U0ADA", keys=(KEYS["Ada"].public,)),
    PersonTable(name="Ben", slack="U0BEN", keys=(KEYS["Ben"].public,)),
    PersonTable(name="Cyd", slack="U0CYD", keys=(KEYS["Cyd"].public,)),
    PersonTable(name="Dan", slack="U0DAN", accounts=("fake:door:dans",)),
    PersonTable(name="Far", slack="U0FAR"),
)
Doors = Mapping[str, Mapping[str, str]]
DOORS: Doors = {"front": {"k1": "open", "k2": "open"}, "back": {"k3": "shut"}, "safe": {"k4": "open"}}
Report = Mapping[str, Any]
SlackMode = Literal["socket", "http"]


def world(
    *, events: Sequence[str] = (), users: Sequence[Mapping[str, object]] = (), groups: Mapping[str, Sequence[str]] | None = None
) -> dict[str, object]:
    """The workspace: one private channel with everybody in it, and two more that the app is not in.

    ``events`` are subscribed to, ``users`` more people, ``groups`` user groups by id.
    """
    known: list[Mapping[str, object]] = [{"id": f"U0{name}", "name": name.lower()} for name in MEMBERS[:5]]
    known += [{"id": "U0GUS", "name": "gus", "is_restricted": True}, {"id": "U0FAR", "name": "far", "team_id": "T0002"}, *users]
    everybody = [*(f"U0{name}" for name in MEMBERS), *(str(user["id"]) for user in users)]
    return {
        "team": {"id": "T0001", "name": "Acme", "domain": "acme"},
        "app": {
            "id": "A0001",
            "name": "Firedoor",
            "bot_id": "B0001",
            "bot_user": "U0BOT",
            "commands": ["/firedoor"],
            "shortcuts": {"contain_from_alert": "message"},
            "events": ["app_home_opened", *events],
            "tokens": [
                {"token": BOT, "kind": "bot"},
                {"token": READER, "kind": "bot", "scopes": ["chat:write"]},
                {"token": BLIND, "kind": "bot", "scopes": ["chat:write", "groups:read"]},
                {"token": APP, "kind": "app"},
            ],
        },
        "users": known,
        "usergroups": [{"id": name, "handle": name.lower(), "users": list(members)} for name, members in (groups or {}).items()],
        "integrations": [{"bot_id": "B0SIEM", "name": "SIEM"}],
        "channels": [
            {"id": ROOM, "name": "incident", "private": True, "members": everybody},
            {"id": "C0GEN", "name": "general", "members": ["U0ADA"]},
            {"id": "C0HID", "name": "hidden", "private": True, "members": ["U0ADA"]},
        ],
    }


def settings(slack: SlackSimulator, **changed: object) -> Settings:
    """Settings that point at the simulator."""
    base = {"slack_base_url": f"{slack.url}api/", "slack_bot_token": BOT, "slack_app_token": APP, "slack_channel": ROOM, "people": PEOPLE}
    base |= {"slack_signing_secret": SIGNING, "slack_listen": "127.0.0.1:0"}
    return Settings(**cast("Any", {**base, **changed}))


class SmallEngine:
    """The real engine; whatever playbook it is told to run, it shuts the doors of the laboratory."""

    def __init__(self, engine: Engine, lab: fakes.Lab) -> None:
        self._engine, self._lab = engine, lab
        self.orders: list[Order] = []
        self.resume, self.undo = engine.resume, engine.undo

    async def contain(self, order: Order, book: Playbook, stage: Stage) -> Report:
        del book
        self.orders.append(order)
        return await self._engine.contain(
            replace(order, playbook="fire", inputs={"doors": tuple(self._lab.vendor.doors)}), fakes.book(), stage
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process of Firedoor. ``url`` is its request URL, empty in Socket Mode."""

    url: str
    house: wiring.House
    channel: SlackChannel
    engine: Engine
    small: SmallEngine
    office: Starts
    desk: Desk
    audience: Audience


@dataclass(slots=True, kw_only=True)
class Scene:
    """The app at work. ``runs`` are the runs that the test itself started; ``now`` is the process that is there.

    What the app calls goes over the ``line``, where the scene was made with one.
    """

    slack: SlackSimulator
    lab: fakes.Lab
    people: Mapping[str, Person]
    now: Process
    own: Settings
    line: Line
    running: AsyncExitStack
    runs: list[asyncio.Task[Report]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.now.url

    @property
    def house(self) -> wiring.House:
        return self.now.house

    @property
    def channel(self) -> SlackChannel:
        return self.now.channel

    @property
    def engine(self) -> Engine:
        return self.now.engine

    @property
    def desk(self) -> Desk:
        return self.now.desk

    @property
    def small(self) -> SmallEngine:
        return self.now.small

    @property
    def office(self) -> Starts:
        return self.now.office

    @property
    def audience(self) -> Audience:
        return self.now.audience

    async def end(self) -> None:
        """The process ends where it stands, and with it all its runs, and the listeners that bolt has begun."""
        here = [task for task in asyncio.all_tasks() if "run_ack_function_asynchronously" in repr(task.get_coro())]
        for task in (*self.runs, *here):
            task.cancel()
        await asyncio.gather(*self.runs, *here, return_exceptions=True)
        self.runs.clear()
        await self.running.aclose()

    async def restart(self) -> None:
        """The process ends, and another takes its place, with nothing of it but the journal's file and the key."""
        await self.end()
        if self.url:  # where it was: what is still on its way goes there
            port = int(self.url.rpartition(":")[2].partition("/")[0])
            self.own = self.own.model_copy(update={"slack_listen": Listen("127.0.0.1", port)})
        store = await self.running.enter_async_context(Store(f"sqlite:///{self.lab.path}"))
        journal = Journal(store)
        self.now = await self.running.enter_async_context(process(self.slack, self.lab, self.own, store=store, journal=journal))

    async def resume(self, run: str = "r1") -> asyncio.Task[Report]:
        """Go on with a run in the process that is there."""
        task = asyncio.create_task(cast("Any", self.engine.resume(run, Plainly())))
        self.runs.append(task)
        return task

    async def ask(self, run: str = "r1", *, post: bool = True, doors: Sequence[str] | None = None, **book: Any) -> asyncio.Task[Report]:
        """Start a run of Ada's, and wait until its request stands in the channel, and on record."""
        job = self.engine.contain(self.lab.order(run, doors=doors), fakes.book(**book), Plainly())
        task = asyncio.create_task(cast("Any", job))
        self.runs.append(task)
        if post:
            await self.request(run)
            await self.until(lambda: self.noted(run))
        return task

    async def noted(self, run: str) -> bool:
        """Whether the journal knows where the request stands."""
        return await self.channel._posts.place(run, "request") is not None

    async def request(self, run: str = "r1") -> Post:
        """The run's request with its buttons, as everybody sees it."""
        return await self.people["ben"].wait_for_message(ROOM, lambda one: any(button.value == run for button in one.buttons), SECONDS)

    async def open(self, name: str, *, run: str = "r1", action: str = APPROVE) -> Modal:
        """Somebody presses a button, and the modal comes."""
        person = self.people[name]
        await person.click(ROOM, (await self.request(run)).ts, action)
        return await person.wait_for_modal(lambda modal: bool(modal.submit), SECONDS)

    async def submit(self, name: str, reason: str = "") -> Modal:
        """Somebody submits the modal; what stands in its place then."""
        person = self.people[name]
        assert (await person.submit({"reason/text": reason} if reason else {})).ok
        return await person.wait_for_modal(lambda modal: not modal.submit and modal.title != "Recording", SECONDS)

    async def say(self, name: str, line: str) -> str:
        """Somebody runs the command; the newest thing that only they are told."""
        person = self.people[name]
        before = {one.ts for one in await person.messages(ROOM)}
        assert (await person.command(ROOM, line)).ok
        return (await person.wait_for_message(ROOM, lambda one: one.ephemeral and one.ts not in before, SECONDS)).shown

    async def told(self, name: str) -> Post:
        """What only that person is told."""
        return await self.people[name].wait_for_message(ROOM, lambda one: one.ephemeral, SECONDS)

    async def decisions(self, run: str = "r1") -> list[Decision]:
        """What is on record."""
        return fold(run, await self.lab.events(run)).decisions

    async def thread(self) -> list[Post]:
        """Everything the app has said to all."""
        return [one for one in await self.people["ben"].messages(ROOM) if not one.ephemeral]

    async def deliver(self, kind: Way, payload: Raw) -> Ack:
        """Deliver a payload as Slack would, whatever the way."""
        return await self.slack._app().ask(kind, payload)

    def calls(self, method: str) -> int:
        """How often the app has called it."""
        return sum(request.method == method for request in self.slack.requests)

    def posted(self) -> int:
        """How many messages for all there are, by Slack's own count."""
        return len(cast("list[Raw]", cast("Raw", self.slack.state()["messages"])[ROOM]))

    async def until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        """Wait for it."""
        async with asyncio.timeout(SECONDS):
            while not await holds():  # noqa: ASYNC110 - the simulator and the journal's other readers have no event to wait on
                await asyncio.sleep(0.01)

    async def recorded(self, kind: Kind, run: str = "r1") -> bool:
        """Whether the run has such an event."""
        return kind in await self.lab.kinds(run)


@asynccontextmanager
async def process(
    slack: SlackSimulator, lab: fakes.Lab, own: Settings, *, store: Store, journal: Journal, listens: bool = True
) -> AsyncIterator[Process]:
    """What one process of Firedoor holds, listening and ready. Leaving the block ends it where it stands; its runs are not finished."""
    async with AsyncExitStack() as stack:
        web = await stack.enter_async_context(connected(own))
        audience = await audience_of(own, web)
        leases = Leases(store, wiring.holder())
        channel = SlackChannel(web=web, channel=ROOM, journal=journal, leases=leases, audience=audience)
        engine = lab.engine(journal=journal, channel=channel)
        desk = Desk(journal=journal, roster=own.roster, seal=lab.seal)
        small = SmallEngine(engine, lab)
        leases = Leases(store, "the app")
        house = wiring.House(
            settings=own,
            journal=journal,
            desk=desk,
            engine=cast("Engine", small),
            catalogue=wiring.load_catalogue(),
            seen=Seen(store),
            leases=leases,
            asked=Asked(engine=cast("Engine", small), journal=journal, leases=leases, desk=desk, channel=channel),
        )
        office = await stack.enter_async_context(Starts(house, Mode.LIVE))
        app = listening(own, web, desk=desk, office=office, audience=audience, seen=house.seen)
        url = await stack.enter_async_context(app) if listens else ""
        if url:
            await slack.send_to(RequestUrl(url=url, secret=SIGNING))
        yield Process(url=url, house=house, channel=channel, engine=engine, small=small, office=office, desk=desk, audience=audience)


@asynccontextmanager
async def scene(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    listens: bool = True,
    doors: Doors = DOORS,
    mode: SlackMode = "socket",
    rules: Rules | None = None,
    events: Sequence[str] = (),
    users: Sequence[Mapping[str, object]] = (),
    groups: Mapping[str, Sequence[str]] | None = None,
    lined: bool = False,
    **changed: object,
) -> AsyncIterator[Scene]:
    """The app, listening and ready; ``changed`` are settings. Everything it began has ended when the block is left.

    ``lined``: what it calls goes over a line that can be shut, while people see the workspace all the time.

    ``users`` are more people of the workspace. Where there are user ``groups``, who decides is in one of them.
    """
    fakes.hasten(monkeypatch)
    monkeypatch.setattr("firedoor.journal.POLL_SECONDS", 0.25)  # all happens in this process, whose appends are told at once
    monkeypatch.setattr("firedoor.channels.slack.channel.EDIT_SECONDS", 0.1)
    monkeypatch.setattr("firedoor.channels.slack.channel.RETRY_SECONDS", 0.05)
    monkeypatch.setattr("firedoor.channels.slack.posts.AGAIN_SECONDS", 0.02)
    monkeypatch.setattr("firedoor.channels.slack.ordering.SETTLE_SECONDS", 0.05)
    monkeypatch.setattr("firedoor.voices.GOODBYE_SECONDS", 5.0)
    async with AsyncExitStack() as stack:
        slack = await stack.enter_async_context(SlackSimulator(world(events=events, users=users, groups=groups), rules=rules))
        line = Line(port=int(slack.url.rpartition(":")[2].strip("/")), url=f"{slack.url}api/")
        if lined:
            await line.open()
            stack.push_async_callback(line.shut)
            changed["slack_base_url"] = line.address
        own = settings(slack, slack_mode=mode, slack_groups=tuple(groups or ()), **changed)
        lab = await stack.enter_async_context(
            fakes.lab(folder, doors, roster=own.roster, protected={"fake:door:safe": "nobody shuts the safe"})
        )
        people = {name.lower(): await stack.enter_async_context(Person(slack.url, f"U0{name}")) for name in MEMBERS if name != "BOT"}
        running = AsyncExitStack()
        first = await running.enter_async_context(process(slack, lab, own, store=lab.store, journal=lab.journal, listens=listens))
        found = Scene(slack=slack, lab=lab, people=people, now=first, own=own, line=line, running=running)
        try:
            yield found
        finally:
            await found.end()
