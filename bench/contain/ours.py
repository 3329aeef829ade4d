"""``python -m bench.contain.ours JSON``: Firedoor's side, the playbook ``identity-breach`` from its approval until each person is verified.

It is what `firedoor contain` does: whole house, engine, journal on the disk (``synchronous=FULL``), leases, ticket, notice. It says
``ready`` once people are asked, and the approver, who is on the roster, says yes as soon as told to go. The clock starts just before that,
and ends with the record of the last person's last step; ``told`` is when the report was out, with ticket and notice behind it.
"""

from __future__ import annotations

import asyncio
import cProfile
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bench.memory import peak_mb
from firedoor import wiring
from firedoor.approval import Answer
from firedoor.channels.terminal import Terminal
from firedoor.errors import FiredoorError
from firedoor.exercise.keys import SecurityKey
from firedoor.journal import Kind
from firedoor.model import Mode
from firedoor.orchestrating import orchestrate
from firedoor.run import Via
from firedoor.settings import Settings

PLAYBOOK: Final = "identity-breach"
VENDORS: Final = frozenset({"okta", "slack", "jira"})
PEOPLE: Final = ("Ada", "Ben")


async def contain(environment: Mapping[str, str], logins: Sequence[str], folder: Path) -> Mapping[str, Any]:
    """What it took."""
    people = [{"name": name, "slack": f"U{number}", "keys": [SecurityKey().public]} for number, name in enumerate(PEOPLE, 10)]
    settings = Settings.model_validate({**environment, "people": people, "state_dir": folder})
    with (folder / "terminal").open("w", encoding="utf-8") as terminal:

        def channel(*_: object) -> Terminal:
            return Terminal(lambda line: print(line, file=terminal))

        async with wiring.open_house(settings, vendors=VENDORS, writes=True, channel=channel) as house:
            book = wiring.load_playbook(PLAYBOOK, house.catalogue)
            order = wiring.take_order(book, {"users": logins}, mode=Mode.LIVE, requester=PEOPLE[0], via=Via.SLACK)
            work = asyncio.create_task(orchestrate(order, lambda stage: house.asked.contain(order, book, stage), house.journal))
            await _asked(house, order.run, work)
            await _told_to_go()
            began, at, used = time.monotonic(), datetime.now(UTC), time.process_time()
            await house.desk.decide(order.run, house.settings.roster.by_name(PEOPLE[1]), Answer.APPROVE, via="bench")
            report = await work
            told, used = time.monotonic() - began, time.process_time() - used
            events = await house.journal.events(order.run)
    telling = {step["id"] for step in report["steps"] if step["telling"]}
    ends = [event.at for event in events if event.kind == Kind.ENDED and event.body["item"] not in telling]
    return {
        "seconds": (max(ends) - at).total_seconds(),
        "told": told,
        "cpu": used,
        "peak_mb": peak_mb(),
        "events": len(events),
        "outcome": report["outcome"],
        "ended": report["outcome"] != "contained",
    }


async def _asked(house: wiring.House, run: str, work: asyncio.Task[Any]) -> None:
    """Until people are asked. Raises what the run raises where it ends before."""

    async def asked() -> None:
        async for event in house.journal.follow(run):
            if event.kind == Kind.REQUESTED:
                return

    waiting = asyncio.create_task(asked())
    await asyncio.wait({waiting, work}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if work.done():
        raise FiredoorError(f"it ended as {work.result()['outcome']}, and nobody was asked")


async def _told_to_go() -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)


def main(asked: Mapping[str, Any]) -> None:
    """Contain, and tell what it took."""
    work = contain(asked["environment"], list(asked["users"]), Path(asked["folder"]))
    if out := os.environ.get("BENCH_PROFILE"):
        profile = cProfile.Profile(time.thread_time)
        found = profile.runcall(asyncio.run, work)
        profile.dump_stats(out)
    else:
        found = asyncio.run(work)
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
