"""The ground that attempts are made on: a whole app, people at it, and what each of them gets to see."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, cast

import aiohttp

from firedoor.approval import Answer, Decision, Person
from firedoor.channels.slack import blocks, forms, request_url
from firedoor.channels.slack.alert import CONTAIN_FROM_ALERT
from firedoor.errors import MustBeSigned
from firedoor.journal import Kind
from firedoor.playbook import Playbook
from firedoor.run import Record
from firedoor.stage import Plainly
from firedoor.vendors.slack.delivery import Ack
from firedoor.vendors.slack.delivery import Kind as Way
from firedoor.vendors.slack.directory import User
from firedoor.vendors.slack.payloads import Payloads
from firedoor.vendors.slack.people import words
from firedoor.vendors.slack.raw import Raw, mapping, objects, text
from firedoor.vendors.slack.world import Message, View
from firedoor.wiring import load_playbook, name_run
from tests.channels.slack.scene import KEYS, ROOM, Report, Scene, SlackMode
from tests.channels.slack.signing import Sent, post
from tests.fakes import Effect, Trouble, resumption

SECONDS: Final = 5.0
KEY: Final = "AKIAIOSFODNN7EXAMPLE"
# What goes on for as long as there is an app, or a run that waits for people: an answer waits for none of these.
STANDING: Final = (
    "RequestHandler.start",
    "SocketModeClient.",
    "AsyncBaseSocketModeClient.",
    "PatientSockets.",
    "Engine.",
    "_remind",
    "Leases._renew_all",
    "Starts._told",
    "Voices._speak",
)


class Ground:
    """Run ``open`` waits for its approval, run ``over`` has ended; ``troubles`` are what went wrong with the app's answers.

    ``laid`` are the views that people were given here, not by the app; ``kept`` is what a theme has kept for its attempts, ``plain`` the
    vendor's doors, ``asking`` how runs are asked for.
    """

    def __init__(self, stage: Scene, way: SlackMode) -> None:
        self.stage = stage
        self.way = way
        self.open, self.over = "", "r0"
        self.troubles: list[str] = []
        self.laid: set[str] = set()
        self.kept: dict[str, Any] = {}
        self.plain: Mapping[str, Mapping[str, str]] = {"front": {"k1": "open"}}
        self.asking: Mapping[str, Any] = {}
        self._asked = 0
        self._book: Playbook | None = None
        self._answers: list[str] = []
        stage.slack.rates.limits.clear()  # Slack would slow an attacker down: here they all get through

    async def prepare(self) -> None:
        """The runs that are attacked."""
        self.restore()
        await self.stage.ask(self.over, **self.asking)
        await self.approve(self.over)
        await self.stage.runs[-1]
        await self.ask()

    async def approve(self, run: str = "") -> None:
        """As many as it needs approve the run; with their keys, where chat does not count."""
        for name in await self._needed(run):
            await self.decide(name, Answer.APPROVE, run)

    async def decide(self, name: str, answer: Answer, run: str = "") -> Decision:
        """Somebody decides, in a way that counts."""
        desk, run, person = self.stage.desk, run or self.open, self.person(name)
        try:
            return await desk.decide(run, person, answer, via="test")
        except MustBeSigned:
            decision, document = await desk.draw_up(run, person, answer, via="terminal")
            return await desk.submit(run, replace(decision, proof=KEYS[name].sign(document).proof))

    async def _needed(self, run: str = "") -> Sequence[str]:
        request = (await self.record(run)).request
        assert request is not None
        return ("Ben", "Cyd")[: request.required]

    async def ask(self) -> None:
        """Another run waits; at the vendor there is something to do again.

        Where whoever was let in writes only now, there is not, and the run ends at once: then another one is begun.
        """
        while True:
            self._asked += 1
            self.open = f"r{self._asked}"
            self.restore()
            run = await self.stage.ask(self.open, post=False, **self.asking)
            posted = asyncio.create_task(self.stage.request(self.open))
            await asyncio.wait({run, posted}, return_when=asyncio.FIRST_COMPLETED)
            if not run.done():
                await posted
                await self.stage.until(lambda: self.stage.noted(self.open))
                return
            posted.cancel()
            await asyncio.gather(posted, return_exceptions=True)

    async def resume(self, run: str) -> asyncio.Task[Report]:
        """Ada goes on with a run that was stopped: that takes a person's word."""
        by = resumption((await self.record(run)).order, roster=self.stage.desk.roster, keys=KEYS)
        return asyncio.create_task(cast("Any", self.stage.engine.resume(run, Plainly(), by)))

    async def restart(self) -> None:
        """The process ends, and another goes on with the run that waits."""
        await self.stage.restart()
        await self.stage.resume(self.open)

    def restore(self) -> None:
        """The vendor as it was."""
        self.stage.lab.vendor.doors = {name: dict(keys) for name, keys in self.plain.items()}

    def person(self, name: str) -> Person:
        """Somebody on the roster."""
        found = self.stage.desk.roster.by_name(name)
        assert found is not None
        return found

    def user(self, member: str) -> User:
        """A member as Slack has them; for one that it does not know, what a forger would write."""
        found = self.stage.slack.world.directory.users.get(member)
        return found or User(id=member, name="nobody", team_id=self.stage.slack.world.directory.team_id)

    async def record(self, run: str = "") -> Record:
        """What is on record of a run."""
        return await self.stage.desk.record(run or self.open)

    async def place(self, run: str = "") -> str:
        """Where the run's request stands."""
        return await self.stage.channel._posts.place(run or self.open, "request") or "1700000000.000001"

    # What people do, as Slack would tell the app of it.

    def view(self, member: str, definition: Raw, values: Raw) -> View:
        """A view that the person has before them, filled in."""
        world = self.stage.slack.world
        made = world.new_view(member, definition)
        made = View(id=made.id, user=member, definition=definition, hash=made.hash, root_id=made.id, values=cast("Any", values))
        world.modals[member] = [made]
        self.laid.add(made.id)
        return made

    async def decision(self, member: str, *, approve: bool = True, run: str = "", reason: str = "because") -> Raw:
        """A decision's modal is submitted."""
        record = await self.record(run)
        assert record.request is not None
        ask = blocks.ask_of(record, record.request)
        definition = cast("Raw", blocks.decide(ask, approve=approve, at=f"{ROOM} {await self.place(run)}"))
        view = self.view(member, definition, {"reason": {"text": {"type": "plain_text_input", "value": reason}}})
        return self._payloads.submission(self.user(member), view)

    async def halt(self, member: str) -> Raw:
        """The modal in which a run is stopped is submitted."""
        definition = cast("Raw", blocks.halt((await self.record()).order))
        return self._payloads.submission(self.user(member), self.view(member, definition, {}))

    async def press(self, member: str, action: str) -> Raw:
        """A button under the run's request is pressed."""
        world = self.stage.slack.world
        message, run = world.messages[ROOM][await self.place()], self.open
        pressed: Raw = {"type": "button", "action_id": action, "block_id": blocks.place(run), "value": run, "action_ts": world.next_ts()}
        return self._payloads.message_click(self.user(member), world.channel(ROOM), message, pressed)

    def press_at_home(self, member: str, action: str) -> Raw:
        """A button in the home tab is pressed."""
        view = self.stage.slack.world.new_view(member, {"type": "home", "blocks": []})
        pressed: Raw = {"type": "button", "action_id": action, "block_id": f"home:{self.open}", "value": self.open, "action_ts": "1.1"}
        return self._payloads.view_click(self.user(member), view, pressed)

    def alert(self, member: str, words: str) -> Raw:
        """The shortcut in the menu of a message is used."""
        world = self.stage.slack.world
        message = Message(channel=ROOM, ts=world.next_ts(), text=words, bot_id="B0SIEM")
        return self._payloads.message_shortcut(self.user(member), world.channel(ROOM), message, CONTAIN_FROM_ALERT)

    def command(self, member: str, line: str) -> Raw:
        """A line after the command."""
        return self._payloads.command(self.user(member), self.stage.slack.world.channel(ROOM), "/firedoor", line)

    def form(self, member: str, *, run: str = "", keys: str = KEY, playbook: str = "leaked-aws-key") -> Raw:
        """The form for a run is submitted."""
        self._book = book = self._book or load_playbook("leaked-aws-key", self.stage.house.catalogue)
        values: Raw = {
            forms.PLAYBOOK: {forms.CHOOSE: {"type": "static_select", "selected_option": {"value": playbook}}},
            forms.FIELD + "access_keys": {"value": {"type": "plain_text_input", "value": keys}},
        }
        definition = cast("Raw", forms.form([book], run=run or name_run(), chosen=book))
        return self._payloads.submission(self.user(member), self.view(member, definition, values))

    @property
    def _payloads(self) -> Payloads:
        return self.stage.slack._people.acts.payloads

    async def send(self, kind: Way, payload: Raw) -> Raw:
        """Deliver it as Slack would, and wait until the app has done with it; what the app answers. If it does not, that is trouble."""
        tasks = asyncio.all_tasks()
        ack = await self.stage.deliver(kind, payload)
        await self.settle(tasks)
        self.take([ack])
        return ack.payload

    def take(self, acks: Iterable[Ack]) -> None:
        """Take in the app's answers."""
        for ack in acks:
            if ack.error and ack.error != "http_client_error":
                self.troubles.append(f"no answer: {ack.error}")
            self._answers += _told(ack.payload, ack.error)

    async def post(self, sent: Sent, *, verb: str = "POST", path: str = "") -> int:
        """Send a request to the app's URL, whoever signed it, and wait until the app has done with it; its status."""
        tasks = asyncio.all_tasks()
        url = self.stage.url.removesuffix(request_url.PATH) + path if path else self.stage.url
        try:
            status, said, _ = await post(url, sent, verb=verb)
        except aiohttp.ClientError as error:
            self.troubles.append(f"no answer: {type(error).__name__}")
            return 0
        await self.settle(tasks)
        if status >= 500:
            self.troubles.append(f"HTTP {status}")
        told = _told(mapping(json.loads(said)), "") if said.startswith("{") else []
        self._answers += told or [f"HTTP {status} {said}".strip()]
        return status

    # What comes of it.

    async def settle(self, before: set[asyncio.Task[Any]]) -> None:
        """Wait until the app has done whatever it does about it. A run that begins meanwhile waits for people, as the judge sees."""
        until = time.monotonic() + SECONDS
        while busy := _busy(asyncio.all_tasks() - before):
            if time.monotonic() > until:
                self.troubles.append(f"still at work after {SECONDS} s: {', '.join(busy)}")
                return
            await asyncio.sleep(0.002)

    def seen(self, shown: int) -> tuple[str, ...]:
        """What the maker of an attempt has been told since ``shown`` things had been shown to single people."""
        answers, self._answers = self._answers, []
        new = self.stage.slack.world.ephemeral[shown:]
        return tuple(dict.fromkeys([*answers, *(words(one.blocks) or one.text for one in new)]))

    async def control(self) -> None:
        """The run that was attacked is decided upon by those who may, and ends as they say. Raises where it does not."""
        approve, before = self._asked % 3 != 0, sum(self.stage.lab.vendor.effects.values())
        request = (await self.record()).request
        assert request is not None
        for name in (await self._needed())[: None if approve else 1]:
            if request.out_of_band:
                await self.decide(name, Answer.APPROVE if approve else Answer.DENY)
            else:
                answer = await self.send("interactive", await self.decision(self.person(name).slack, approve=approve))
                assert "Recorded" in json.dumps(answer), answer
        async with asyncio.timeout(SECONDS):
            report = await self.stage.runs[-1]
        made = sum(self.stage.lab.vendor.effects.values()) - before
        assert made == (len(self.plain["front"]) if approve else 0), made
        assert report["outcome"] in (("contained", "partial") if approve else ("denied",)), report["outcome"]
        await self.ask()


def held(gate: asyncio.Event) -> Trouble:
    """A write that waits at the vendor."""

    async def hold(effect: Effect) -> None:
        await gate.wait()
        effect()

    return hold


async def begun(ground: Ground, run: str, writes: int) -> bool:
    """Whether the run has begun so many writes."""
    return (await ground.stage.lab.kinds(run)).count(Kind.INTENT) == writes


def _busy(tasks: Iterable[asyncio.Task[Any]]) -> Sequence[str]:
    names = [getattr(task.get_coro(), "__qualname__", "") for task in tasks if not task.done()]
    return [name for name in names if not name.startswith(STANDING)]


def _told(answer: Raw, error: str) -> list[str]:
    """The words of an ack: of the view that it shows, or of the errors under its fields."""
    view = mapping(answer.get("view"))
    title, shown = text(mapping(view.get("title")).get("text")), words(objects(view.get("blocks")))
    errors = [str(one) for one in mapping(answer.get("errors")).values()]
    return [one for one in (error, f"[{title}] {shown}" if view else "", text(answer.get("text")), *errors) if one]
