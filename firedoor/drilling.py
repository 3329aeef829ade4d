"""A drill, from an empty folder to a verdict: the world, the attacker, Prefect, Slack, the alert, the containment, the judge."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, cast, get_args

from firedoor import planview, prompts, staffed
from firedoor.clients import AwsStandIn
from firedoor.errors import BadInput
from firedoor.exercise import attended, judge, oncall, processes
from firedoor.exercise.scenario import SCENARIOS, Scenario, named
from firedoor.exercise.scripted import Scripted, yes
from firedoor.exercise.timeline import timeline
from firedoor.journal import Journal, Kind
from firedoor.model import Mode
from firedoor.orchestrating import orchestrate
from firedoor.run import Order, Resumption, Via, fold
from firedoor.settings import Settings, load
from firedoor.terminal import somebody_here

if TYPE_CHECKING:
    from firedoor import wiring
    from firedoor.exercise.page.server import ExercisePage
    from firedoor.vendors.slack.people import Modal

VENDORS: Final = frozenset({"okta", "aws", "slack", "jira"})
WORLD_SECONDS: Final = 40.0
PREFECT_SECONDS: Final = 45.0
FOOTHOLDS: Final = 10  # all of them have worked before the alert comes in
QUIET_SECONDS: Final = 3.0
OPENING_SECONDS: Final = 20.0

Report = Mapping[str, Any]
Say = Callable[[str], None]
Watched = Callable[["wiring.House", str, Coroutine[Any, Any, Report]], Awaitable[Report]]
Way = Literal["auto", "ask", "page"]


class Defenders(Protocol):
    """Those who contain the breach, scripted or not."""

    async def contain(self, playbook: str) -> str:
        """The name of the run with which they did, once it is over; empty where there is none."""

    async def undo(self, run: str) -> str:
        """The name of the run with which they undid that one, once it is over; empty where there is none."""


async def run(name: str, *, approve: str, lag: float, contains: bool, as_json: bool, undoes: bool = False) -> Report:
    """The whole exercise; with ``undoes``, the way back too. Raises `BadInput` for an unknown scenario or a wrong way of approving."""
    scenario = named(name)
    way = _way(approve, as_json=as_json)
    say: Say = _unsaid if as_json else _aside
    folder = load().state_dir / "drills" / f"{datetime.now(UTC):%y%m%d-%H%M%S}-{os.getpid()}"
    folder.mkdir(parents=True, mode=0o700)
    async with AsyncExitStack() as stack:
        say(f"Setting up {scenario.name}: a company of 290, its Okta, AWS, Slack and Jira on this machine")
        wanted = contains and not os.environ.get("PREFECT_API_URL")  # a server that is named already is the one to show it in
        server = stack.enter_context(processes.prefect_server(folder)) if wanted else None
        seed = random.randrange(10**6)  # noqa: S311 - it makes up names; secrets come from elsewhere
        stack.enter_context(processes.child("firedoor.exercise.world", folder, scenario.name, lag, seed, log=folder / "world.log"))
        if server is not None:
            await asyncio.to_thread(importlib.import_module, "flows.contain")  # three seconds, while the others start
        await processes.until((folder / "ready").exists, WORLD_SECONDS, f"the simulated vendors (see {folder / 'world.log'})")
        world = json.loads((folder / "world.json").read_text(encoding="utf-8"))
        settings, aws = stand_ins(world)
        house, _ = await staffed.with_slack(stack, settings, VENDORS, mode=Mode.DRILL, aws=aws)
        if server is not None:
            there = await server.ready(PREFECT_SECONDS)
            say(f"Prefect is up at {server.url}" if there else "Prefect did not come up in time; going on without it")
        attacker = stack.enter_context(processes.child("firedoor.exercise.attacker", folder, log=folder / "attacker.log"))
        await processes.until(lambda: len(_ways_in(folder)) >= FOOTHOLDS, WORLD_SECONDS, "the attacker")
        say("The attacker is in, ten ways")
        if way == "page" and contains:
            people = attended.Attended(journal=house.journal, folder=folder, before=await house.journal.runs(), say=_aside)
            page = await _at_the_page(stack, house, people, world, scenario, opens=somebody_here() and not as_json)
            defenders: Defenders = people
        else:
            page, mind = None, asking(house.journal) if way == "ask" else yes
            defenders = Scripted(journal=house.journal, settings=settings, slack_url=world["slack_url"], folder=folder, mind=mind)
        alerted = time.time()
        await oncall.alert(world["slack_url"], world)
        if page:
            page.alerted(alerted)
        say("The alert has come in")
        run_ = await defenders.contain(scenario.playbook) if contains else ""
        report = await verdict(house.journal, run_, scenario, world, folder, alerted=alerted)
        if undoes and report["run"]:
            processes.end(attacker.pid)  # what is let in again must not find them at the door
            say("The attacker is gone; undoing it all")
            way_back = await defenders.undo(run_)
            report = {**report, "undone": fold(way_back, await house.journal.events(way_back)).report if way_back else None}
        if page:
            page.over(outcome=report["outcome"], locked_out=report["attacker"]["locked_out"])
        return report


async def resume(settings: Settings, order: Order, *, say: Say, watched: Watched) -> Report:
    """Go on with a drill's run in the world it left behind, and judge it. Raises `BadInput` where that world is gone.

    ``watched`` lets people look on while it does.
    """
    folder, world = _world_of(settings, order.run)
    if folder is None or not processes.alive(world["pid"]):
        advice = "Start another drill; a drill's world waits ten minutes for its run to be resumed"
        raise BadInput(f"the simulated world of run {order.run} is gone", advice=advice)
    drill_settings, aws = stand_ins(world)
    async with AsyncExitStack() as stack:
        house, _ = await staffed.with_slack(stack, drill_settings, VENDORS, mode=Mode.DRILL, aws=aws)
        say(f"Run {order.run}: reading the simulated world before anything else")
        engine = house.engine
        job = orchestrate(order, lambda stage: engine.resume(order.run, stage, Resumption(via=Via.DRILL)), house.journal)
        await watched(house, order.run, job)
        report = await verdict(house.journal, order.run, SCENARIOS[world["scenario"]], world, folder, alerted=order.asked.timestamp())
        processes.end(world["pid"])
        return report


def settings_of(settings: Settings, run: str) -> Settings:
    """The settings of the drill that a run belongs to. Raises `BadInput` where its world left nothing behind."""
    folder, world = _world_of(settings, run)
    if folder is None:
        raise BadInput(f"the simulated world of run {run} is gone", advice="Start another drill")
    return stand_ins(world)[0]


def _world_of(settings: Settings, run: str) -> tuple[Path | None, Report]:
    """Where a drill's run was, and its world as it was handed out there."""
    for path in (settings.state_dir / "drills").glob("*/run"):
        if run in path.read_text().split():
            return path.parent, json.loads((path.parent / "world.json").read_text())
    return None, {}


async def verdict(journal: Journal, run: str, scenario: Scenario, world: Report, folder: Path, *, alerted: float) -> Report:
    """The report with the attacker's side of it: after the run, every foothold is tried for another `QUIET_SECONDS`."""
    quiet_since = time.time()
    await asyncio.sleep(QUIET_SECONDS)
    attempts = judge.read(folder / "attempts.jsonl")
    events = await journal.events(run) if run else []
    report = fold(run, events).report if run else None
    approved = next((event.at.timestamp() for event in events if event.kind == Kind.CLOSED), alerted)
    meddling = judge.read_interference(folder / "interference.jsonl")
    found = judge.judge(attempts, approved=approved, quiet_since=quiet_since, interference=meddling)
    footholds = [{key: value for key, value in asdict(one).items() if key != "last_success_at"} for one in found.footholds]
    residual = (report or {}).get("residual", ())
    left = judge.leftovers(folder / "leftovers.jsonl", quiet_since=quiet_since)
    return {
        **(report or scenario.untouched()),
        "scenario": scenario.name,
        "lag": world["lag"],
        "attacker": {
            "attempts": found.attempts,
            "locked_out": found.locked_out,
            "footholds": footholds,
            "interference": {"tries": found.interference, "heeded": found.heeded},
            "leftovers": [{"name": name, "told": any(name in one["what"] for one in residual)} for name in left],
        },
        "clocks": scenario.clocks(found, alerted=alerted),
        "timeline": timeline(events, found, alerted=alerted),
    }


def _ways_in(folder: Path) -> set[str]:
    return {attempt.foothold for attempt in judge.read(folder / "attempts.jsonl") if attempt.ok}


def stand_ins(world: Report) -> tuple[Settings, AwsStandIn]:
    """Settings that point at a drill's world. Of the real ones only the state folder and the journal remain; no environment is read."""
    from firedoor.vendors.aws.session import AwsCredentials  # noqa: PLC0415 - only drills need it here

    real = load()
    aws = world["aws"]
    credentials = AwsCredentials(key_id=aws["key_id"], secret=aws["secret"])
    settings = Settings(**world["settings"], database_url=real.database_url, state_dir=real.state_dir)
    return settings, AwsStandIn(endpoint=aws["endpoint"], credentials=credentials)


def _aside(text: str) -> None:
    """Progress goes to standard error, so that standard output holds the result alone."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _unsaid(text: str) -> None:
    del text


def _way(approve: str, *, as_json: bool) -> Way:
    """How the breach is to be contained: by scripted people, by them with one mind asked here, or by whoever is at the drill's page."""
    interactive = somebody_here() and not as_json
    way = approve or ("page" if interactive else "auto")
    if way not in get_args(Way):
        raise BadInput(f"--approve takes auto, ask or page, not {way!r}")
    if way == "ask" and not somebody_here():
        raise BadInput("--approve ask needs a terminal to ask in", advice="Use --approve auto")
    return cast("Way", way)


async def _at_the_page(
    stack: AsyncExitStack, house: wiring.House, people: attended.Attended, world: Report, scenario: Scenario, *, opens: bool
) -> ExercisePage:
    """The drill's page, once somebody has it before them, or after `OPENING_SECONDS`. ``opens``: in the browser of whoever is here."""
    from firedoor.exercise.page.keyring import Keyring  # noqa: PLC0415 - as is the rest of the page, it is for people only
    from firedoor.exercise.page.server import ExercisePage  # noqa: PLC0415

    terminal = Keyring(desk=house.desk, runs=people.runs, folder=people.folder)
    called = {person.slack: person.name for person in house.settings.people}
    page = await stack.enter_async_context(
        ExercisePage(folder=people.folder, slack_url=world["slack_url"], scenario=scenario, people=called, terminal=terminal)
    )
    _aside(f"The drill is at {page.url}")
    if opens and not await attended.show(page.url):
        _aside("There is no browser to open it in. Without one: make drill ARGS='--approve auto', or ask in place of auto")
    await page.opened(OPENING_SECONDS)
    return page


def asking(journal: Journal) -> oncall.Ask:
    """Whoever is at the terminal makes up each approver's mind: they see the plan as it is shown before any containment, once."""
    shown = set[str]()

    async def ask(run: str, modal: Modal) -> bool:
        del modal
        record = fold(run, await journal.events(run))
        assert record.request is not None
        needed, why = int(record.request.required), record.request.out_of_band
        if run not in shown:
            shown.add(run)
            planview.show(planview.lines(record.order, record.items, required=needed, why=why), sys.stderr, os.environ)
        answer = await prompts.line(f"You are on call: approval {len(record.decisions) + 1} of {needed}. Approve? [y/N] ")
        return answer.strip().lower() in ("y", "yes")

    return ask
