"""A drill, from an empty folder to a verdict: the world, the attacker, Prefect, Slack, the alert, the containment, the judge."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import random
import re
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from firedoor import running
from firedoor.approval import Answer, Request
from firedoor.clients import AwsStandIn
from firedoor.errors import BadInput, FiredoorError, nearest
from firedoor.exercise import judge, oncall, processes
from firedoor.exercise.scenario import SCENARIOS, Scenario
from firedoor.exercise.timeline import timeline
from firedoor.journal import Journal, Kind
from firedoor.model import Mode
from firedoor.orchestrating import orchestrate
from firedoor.report import RunOutcome
from firedoor.run import Order, fold, read_as
from firedoor.settings import Settings, load
from firedoor.words import report_markdown

if TYPE_CHECKING:
    from firedoor.vendors.slack.people import Modal

VENDORS: Final = frozenset({"okta", "aws", "slack", "jira"})
WORLD_SECONDS: Final = 40.0
PREFECT_SECONDS: Final = 45.0
FOOTHOLDS: Final = 10  # all of them have worked before the alert comes in
QUIET_SECONDS: Final = 3.0
RUN_SECONDS: Final = 300.0
STARTED: Final = re.compile(r"Run (\S+) of ")

Report = Mapping[str, Any]
Say = Callable[[str], None]


async def run(name: str, *, approve: str, lag: float, contains: bool, as_json: bool, undoes: bool = False) -> Report:
    """The whole exercise; with ``undoes``, the way back too. Raises `BadInput` for an unknown scenario or a wrong way of approving."""
    scenario = _scenario(name)
    mind = _mind(approve, as_json=as_json)
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
        house = await running.with_slack(stack, settings, VENDORS, mode=Mode.DRILL, aws=aws)
        if server is not None:
            there = await server.ready(PREFECT_SECONDS)
            say(f"Prefect is up at {server.url}" if there else "Prefect did not come up in time; going on without it")
        attacker = stack.enter_context(processes.child("firedoor.exercise.attacker", folder, log=folder / "attacker.log"))
        await processes.until(lambda: len(_ways_in(folder)) >= FOOTHOLDS, WORLD_SECONDS, "the attacker")
        say("The attacker is in, ten ways")
        alerted = time.time()
        await oncall.alert(world["slack_url"], world)
        say("The alert has come in")
        run_ = await _contained(house.journal, settings, scenario, world, mind, folder) if contains else ""
        report = await verdict(house.journal, run_, scenario, world, folder, alerted=alerted)
        if undoes and run_:
            processes.end(attacker.pid)  # what is let in again must not find them at the door
            say("The attacker is gone; undoing it all")
            report = {**report, "undone": await _undone(house.journal, settings, world, run_, mind, folder)}
        return report


async def resume(settings: Settings, order: Order, *, say: Say) -> Report:
    """Go on with a drill's run in the world it left behind, and judge it. Raises `BadInput` where that world is gone."""
    folder, world = _world_of(settings, order.run)
    if folder is None or not processes.alive(world["pid"]):
        advice = "Start another drill; a drill's world waits ten minutes for its run to be resumed"
        raise BadInput(f"the simulated world of run {order.run} is gone", advice=advice)
    drill_settings, aws = stand_ins(world)
    async with AsyncExitStack() as stack:
        house = await running.with_slack(stack, drill_settings, VENDORS, mode=Mode.DRILL, aws=aws)
        say(f"Run {order.run}: reading the simulated world before anything else")
        engine = house.engine
        await orchestrate(order, lambda stage: engine.resume(order.run, stage), house.journal)
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


async def _contained(journal: Journal, settings: Settings, scenario: Scenario, world: Report, mind: oncall.Ask, folder: Path) -> str:  # noqa: PLR0917
    """Two people contain the breach in the simulated Slack. Returns the run's name once it is over."""
    answer = await oncall.start(world["slack_url"], settings.people[0].slack, scenario.playbook)
    run = _started(answer)
    (folder / "run").write_text(run)
    await _decided(journal, settings, world, run, mind, folder)
    return run


async def _undone(journal: Journal, settings: Settings, world: Report, run: str, mind: oncall.Ask, folder: Path) -> Report:  # noqa: PLR0917
    """The same two people undo it. Returns the report of the undo."""
    way_back = _started(await oncall.undo(world["slack_url"], settings.people[0].slack, run))
    (folder / "run").write_text(f"{run} {way_back}")
    await _decided(journal, settings, world, way_back, mind, folder)
    report = fold(way_back, await journal.events(way_back)).report
    assert report is not None
    return report


def _started(answer: str) -> str:
    if (started := STARTED.match(answer)) is None:
        raise FiredoorError(f"Firedoor did not start; it answered: {answer}", advice="See the drill's folder")
    return started[1]


async def _decided(journal: Journal, settings: Settings, world: Report, run: str, mind: oncall.Ask, folder: Path) -> None:  # noqa: PLR0917
    """As many other people as are needed decide, one after another; then the run is waited for."""
    signing = partial(_sign, folder)
    others = iter(settings.people[1:])
    deciding: list[asyncio.Task[None]] = []
    left = 0
    async with asyncio.timeout(RUN_SECONDS):
        async for event in journal.follow(run):
            if event.kind == Kind.REQUESTED:
                left = int(read_as(Request, event.body, event).required)
            if event.kind in (Kind.REQUESTED, Kind.DECIDED) and left > 0:
                left -= 1
                deciding.append(asyncio.create_task(oncall.decide(world["slack_url"], next(others).slack, run, mind, signing)))
            if event.kind == Kind.FINISHED:
                await asyncio.gather(*deciding)
                break


async def _sign(folder: Path, member: str, run: str, answer: Answer) -> None:
    """What somebody does at their own terminal, with a hardware key that only they have."""
    from firedoor import terminal  # noqa: PLC0415 - only some drills need it
    from firedoor.exercise.keys import SecurityKey  # noqa: PLC0415

    key = SecurityKey.kept(json.loads((folder / "keys.json").read_text(encoding="utf-8"))[member])
    signer = terminal.Signer(public=key.public, sign=key.sign)
    await terminal.decide(run, answer, signer, reason="in the drill", confirm=lambda document: run in document)


def _ways_in(folder: Path) -> set[str]:
    return {attempt.foothold for attempt in judge.read(folder / "attempts.jsonl") if attempt.ok}


def _last(foothold: Report) -> str:
    if not foothold["locked_out"]:
        return "still in"
    seconds = foothold["last_success_seconds"]
    return "shut before the approval" if seconds is None else f"last success {seconds:.2f} s after the approval"


def exit_code(report: Report) -> int:
    """0 only when every step is verified and every further attempt of the attacker failed."""
    undone = report.get("undone")
    ended = RunOutcome(report["outcome"]).exit_code or (RunOutcome(undone["outcome"]).exit_code if undone else 0)
    attacker = report["attacker"]
    honest = all(one["told"] for one in attacker["leftovers"])
    return ended or (0 if attacker["locked_out"] and honest and not attacker["interference"]["heeded"] else 1)


def render(report: Report) -> str:
    """The report, the attacker's footholds, and the clocks beside those of 2023."""
    attacker = report["attacker"]
    lines = [report_markdown(report)] if report["run"] else ["# Nobody contained anything\n"]
    lines += ["## The attacker", "", f"{attacker['attempts']} attempts; {'locked out' if attacker['locked_out'] else 'STILL IN'}.", ""]
    lines += [f"- {one['name']}: {_last(one)}" for one in attacker["footholds"]]
    meddling = attacker["interference"]
    lines += [
        f"- a token that {one['name']} had before: still good, {'as the report says' if one['told'] else 'and the report does NOT say so'}"
        for one in attacker["leftovers"]
    ]
    lines.append(f"- Deny pressed from a stolen chat session: {meddling['tries']} times, heeded {meddling['heeded']} times")
    lines += ["", "## What happened, in seconds from the alert", ""]
    lines += [f"- {one['seconds']:7.2f}  {one['says']}" for one in report["timeline"]]
    lines += ["", "## The clocks, from the alert", ""]
    for clock in report["clocks"]:
        ours = "never" if clock["seconds"] is None else f"{clock['seconds']:.1f} s"
        lines.append(f"- {clock['historical']}: {clock['minutes']} minutes in 2023. Here, {clock['here']}: {ours}.")
    if report.get("undone"):
        lines += ["", "---", "", report_markdown(report["undone"])]
    return "\n".join(lines) + "\n"


def stand_ins(world: Report) -> tuple[Settings, AwsStandIn]:
    """Settings that point at a drill's world. Of the real ones only the state folder and the journal remain; no environment is read."""
    from firedoor.vendors.aws.session import AwsCredentials  # noqa: PLC0415 - only drills need it here

    real = load()
    aws = world["aws"]
    credentials = AwsCredentials(key_id=aws["key_id"], secret=aws["secret"])
    settings = Settings(**world["settings"], database_url=real.database_url, state_dir=real.state_dir)
    return settings, AwsStandIn(endpoint=aws["endpoint"], credentials=credentials)


def _scenario(name: str) -> Scenario:
    if name not in SCENARIOS:
        raise BadInput(f"there is no exercise {name!r}{nearest(name, SCENARIOS)}", advice=f"There is: {', '.join(SCENARIOS)}")
    return SCENARIOS[name]


def _mind(approve: str, *, as_json: bool) -> oncall.Ask:
    """What makes up the approver's mind: a script, or the person at this terminal."""
    interactive = sys.stdin.isatty() and not as_json
    way = approve or ("ask" if interactive else "auto")
    if way == "auto":
        return _yes
    if way != "ask":
        raise BadInput(f"--approve takes auto or ask, not {way!r}")
    if not sys.stdin.isatty():
        raise BadInput("--approve ask needs a terminal to ask in", advice="Use --approve auto")
    return _ask


def _aside(text: str) -> None:
    """Progress goes to standard error, so that standard output holds the result alone."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _unsaid(text: str) -> None:
    del text


async def _yes(modal: Modal) -> bool:
    """A scripted person looks for the changes before they approve: an empty request would be a defect."""
    return "It will" in modal.shown


async def _ask(modal: Modal) -> bool:
    text = modal.shown.replace("\u2060", "").replace("&gt;", ">")
    _aside(f"\n{text}\n")
    answer = await asyncio.to_thread(input, "You are on call. Approve? [y/N] ")
    return answer.strip().lower() in ("y", "yes")
