"""The world process of a benchmark: Okta, Slack and Jira on loopback, with many ordinary people, and a clock beside each of their doors.

``python -m bench.world FOLDER LAG`` writes ``world.json`` into FOLDER, stays until SIGTERM, and then writes ``times.json``: when each thing
that people did was delivered and how long its ack took, and when each write to Okta was made. Slack and Okta limit nobody here: what is
measured is Firedoor.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any, Final

from firedoor.exercise import estate
from firedoor.vendors.jira.simulator import JiraSimulator
from firedoor.vendors.jira.values import Flavour
from firedoor.vendors.jira.world import world_of as jira_world
from firedoor.vendors.okta.meter import OktaLimits
from firedoor.vendors.okta.simulator import OktaLag, OktaSimulator, Seen
from firedoor.vendors.okta.worlddata import world_of
from firedoor.vendors.slack.simulator import SlackSimulator

RESPONDERS: Final = 50
TARGETS: Final = 600
UNLIMITED: Final = OktaLimits(**dict.fromkeys(("users", "apps", "logs", "others", "at_once"), 10**9))


class Timed(list[Seen]):
    """Okta's own record of requests, with the moment of each write beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[float] = []

    def append(self, seen: Seen) -> None:
        """Put on record as it is answered."""
        super().append(seen)
        if seen.writes and seen.accepted:
            self.writes.append(time.monotonic())


async def run(folder: Path, lag: float) -> None:
    """Serve until SIGTERM. ``lag``: seconds by which Okta's System Log is late."""
    scene = estate.make(7)
    okta_world, slack_world = dict(scene.okta), dict(scene.slack)
    okta_world["users"] = [*okta_world["users"], *(_target(number) for number in range(TARGETS))]
    people = [{"id": member(number), "name": f"responder-{number}", "real_name": name(number)} for number in range(RESPONDERS)]
    slack_world["users"] = [*slack_world["users"], *people]
    [room] = slack_world["channels"]
    slack_world["channels"] = [{**room, "members": [*room["members"], *(person["id"] for person in people)]}]
    async with (
        OktaSimulator(world_of(okta_world), lag=OktaLag(system_log=lag), limits=UNLIMITED) as okta,
        SlackSimulator(slack_world) as slack,
        JiraSimulator(jira_world(scene.jira, flavour=Flavour.CLOUD)) as jira,
    ):
        okta.requests = timed = Timed()
        slack.rates.limits.clear()
        _write(folder / "world.json", _handle(scene, okta, slack, jira))
        over = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
        await over.wait()
        deliveries = [
            {"kind": one.kind, "type": one.type, "at": one.at, "seconds": one.seconds, "acked": one.acked} for one in slack.deliveries
        ]
        _write(folder / "times.json", {"deliveries": deliveries, "writes": timed.writes})


def member(number: int) -> str:
    """A responder's member id in Slack."""
    return f"U0BENCH{number}"


def name(number: int) -> str:
    """A responder's name on the roster."""
    return f"Responder {number}"


def login(number: int) -> str:
    """Somebody ordinary whose sessions are stolen."""
    return f"target.{number}@{estate.DOMAIN}"


def _target(number: int) -> dict[str, Any]:
    return {"id": f"00ubench{number:012d}", "login": login(number), "name": f"Target {number}"}


def _handle(scene: estate.Estate, okta: OktaSimulator, slack: SlackSimulator, jira: JiraSimulator) -> dict[str, Any]:
    return {
        "slack_url": slack.url,
        "environment": {
            "FIREDOOR_OKTA_ORG_URL": okta.url,
            "FIREDOOR_OKTA_API_TOKEN": scene.okta_token,
            "FIREDOOR_OKTA_PREVIEW_API_TOKEN": scene.okta_preview_token,
            "FIREDOOR_SLACK_BASE_URL": f"{slack.url}api/",
            "FIREDOOR_SLACK_BOT_TOKEN": scene.slack_bot_token,
            "FIREDOOR_SLACK_APP_TOKEN": scene.slack_app_token,
            "FIREDOOR_SLACK_CHANNEL": estate.CHANNEL,
            "FIREDOOR_JIRA_URL": jira.url,
            "FIREDOOR_JIRA_USER": str(scene.prepared["jira_user"]),
            "FIREDOOR_JIRA_API_TOKEN": scene.jira_token,
            "FIREDOOR_JIRA": json.dumps(scene.prepared["jira"]),
            "FIREDOOR_OKTA_BLOCK_ZONE": str(scene.prepared["okta_block_zone"]),
            "FIREDOOR_LIMITS": json.dumps({"requests_per_hour": 1000}),
            "FIREDOOR_PEOPLE": json.dumps([{"name": name(number), "slack": member(number)} for number in range(RESPONDERS)]),
        },
    }


def _write(path: Path, data: object) -> None:
    draft = path.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(data), encoding="utf-8")
    draft.replace(path)


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), float(sys.argv[2])))
