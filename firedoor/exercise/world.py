"""The world process of a drill: Okta, AWS, Slack and Jira on loopback, outliving the drill that started it.

``python -m firedoor.exercise.world FOLDER SCENARIO LAG SEED`` writes ``world.json`` (where everything listens, and Firedoor's own
credentials there), ``loot.json`` (what the attacker stole) and ``keys.json`` (the responders' hardware keys) into FOLDER, for their owner's
eyes only, and ``ready`` last. It stays while its parent lives, and `LINGER_SECONDS` more, so that a drill killed in the middle can be
resumed. On SIGTERM it writes ``state.json`` (how it was at first is in ``before.json``) and ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from firedoor.exercise import estate
from firedoor.vendors.access import Access
from firedoor.vendors.aws.simulator import AwsLag, AwsSimulator
from firedoor.vendors.jira.simulator import JiraSimulator
from firedoor.vendors.jira.values import Flavour
from firedoor.vendors.jira.world import world_of as jira_world
from firedoor.vendors.okta.simulator import OktaLag, OktaSimulator
from firedoor.vendors.okta.worlddata import world_of
from firedoor.vendors.slack.simulator import SlackSimulator

LINGER_SECONDS = 600.0
IAM_SECONDS, WAF_SECONDS, SYSTEM_LOG_SECONDS, JIRA_SECONDS = 4.0, 4.0, 30.0, 3.0


async def run(folder: Path, scenario: str, lag: float, seed: int) -> None:
    """Serve until the drill is over. ``lag`` scales the vendors' own: 1.0 is IAM 4 s, System Log 30 s."""
    scene = estate.make(seed)
    okta_lag, aws_lag = OktaLag(system_log=SYSTEM_LOG_SECONDS * lag), AwsLag(iam=IAM_SECONDS * lag, waf=WAF_SECONDS * lag)
    async with (
        OktaSimulator(world_of(scene.okta), lag=okta_lag) as okta,
        AwsSimulator(scene.aws, lag=aws_lag) as aws,
        SlackSimulator(scene.slack) as slack,
        JiraSimulator(jira_world(scene.jira, flavour=Flavour.CLOUD), index_lag=JIRA_SECONDS * lag) as jira,
    ):
        _write(folder / "world.json", {"scenario": scenario, "lag": lag, **_handle(scene, okta, aws, slack, jira)})
        _write(folder / "loot.json", {**scene.loot, "okta_url": okta.url, "aws_url": aws.url, "slack_url": slack.url})
        _write(folder / "keys.json", {member: key.keeping for member, key in scene.keys.items()})
        _write(folder / "before.json", _state(okta, aws, slack, jira))
        _write(folder / "ready", {"pid": os.getpid()})
        await _until_over()
        state = _state(okta, aws, slack, jira)
        writes = [f"okta {seen.operation} {seen.path}" for seen in okta.requests if seen.writes and seen.accepted]
        writes += [f"aws {record.name} {record.principal}" for record in aws.accepted_writes()]
        _write(folder / "state.json", {**state, "writes": writes})


def _state(okta: OktaSimulator, aws: AwsSimulator, slack: SlackSimulator, jira: JiraSimulator) -> dict[str, Any]:
    shown = {name: part for name, part in okta.world.state().items() if name != "sessions"}  # a session's id is what its cookie holds
    return {"okta": shown, "aws": aws.state(), "slack": slack.state(), "jira": jira.world.state()}


def _handle(scene: estate.Estate, okta: OktaSimulator, aws: AwsSimulator, slack: SlackSimulator, jira: JiraSimulator) -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "settings": {
            "okta_org_url": okta.url,
            "okta_api_token": scene.okta_token,
            "okta_preview_api_token": scene.okta_preview_token,
            "slack_base_url": f"{slack.url}api/",
            "slack_bot_token": scene.slack_bot_token,
            "slack_app_token": scene.slack_app_token,
            "slack_channel": estate.CHANNEL,
            "aws_accounts": dict(aws.roles(Access.WRITE)),
            "aws_preview_accounts": dict(aws.roles(Access.READ)),
            "people": list(scene.people),
            "jira_url": jira.url,
            "jira_api_token": scene.jira_token,
            **scene.prepared,
        },
        "aws": {"endpoint": aws.url, "key_id": aws.credentials.key_id, "secret": aws.credentials.secret},
        "slack_url": slack.url,
        "victims": list(scene.victims),
        "service": scene.service,
        "stolen_key": scene.stolen_key,
        "since": scene.since,
        "app": scene.app,
        "role": scene.role,
        "address": scene.address,
    }


async def _until_over() -> None:
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    asyncio.get_running_loop().add_signal_handler(
        signal.SIGINT, lambda: None
    )  # Ctrl-C is the drill's to handle; it ends this process itself
    parent, orphaned = os.getppid(), 0.0
    while not over.is_set():
        try:
            await asyncio.wait_for(over.wait(), 1.0)
        except TimeoutError:
            if os.getppid() != parent:
                orphaned = orphaned or time.monotonic()
                if time.monotonic() - orphaned > LINGER_SECONDS:
                    return


def _write(path: Path, data: object) -> None:
    """Whole or not at all, and for its owner's eyes only."""
    draft = path.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(data, default=str), encoding="utf-8")
    draft.replace(path)


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), int(sys.argv[4])))
