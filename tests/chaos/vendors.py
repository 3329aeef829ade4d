"""The vendors' process: Okta, AWS, Slack and Jira on loopback, put up anew for each run that is to be killed.

``python -m tests.chaos.vendors`` is told what to do a line at a time, as JSON on standard input, and answers with a line of JSON each:
``open`` with the worlds, ``state``, ``made`` (how often each write had its effect), ``fault``, ``await`` a write's effect.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from firedoor.vendors.access import Access
from firedoor.vendors.aws.simulator import AwsLag, AwsSimulator
from firedoor.vendors.faults import Effect, Fault
from firedoor.vendors.jira.simulator import JiraSimulator
from firedoor.vendors.jira.values import Flavour
from firedoor.vendors.jira.world import world_of as jira_world
from firedoor.vendors.okta.simulator import OktaLag, OktaSimulator
from firedoor.vendors.okta.worlddata import world_of
from firedoor.vendors.slack.simulator import SlackSimulator

LAG, INDEX_LAG = 0.02, 0.1
LOOK = 0.001

Told = Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class Street:
    """The four of them."""

    okta: OktaSimulator
    aws: AwsSimulator
    slack: SlackSimulator
    jira: JiraSimulator

    @classmethod
    async def open(cls, stack: AsyncExitStack, worlds: Told, lag: float) -> Street:
        """All of them, listening."""
        return cls(
            okta=await stack.enter_async_context(OktaSimulator(world_of(worlds["okta"]), lag=OktaLag(system_log=lag))),
            aws=await stack.enter_async_context(AwsSimulator(worlds["aws"], lag=AwsLag(iam=lag, waf=lag, rotation=lag))),
            slack=await stack.enter_async_context(SlackSimulator(worlds["slack"])),
            jira=await stack.enter_async_context(JiraSimulator(jira_world(worlds["jira"], flavour=Flavour.CLOUD), index_lag=INDEX_LAG)),
        )

    def addresses(self) -> Told:
        """Where they are, as Firedoor's settings name it, and what AWS calls Firedoor."""
        return {
            "settings": {
                "okta_org_url": self.okta.url,
                "slack_base_url": f"{self.slack.url}api/",
                "jira_url": self.jira.url,
                "aws_accounts": dict(self.aws.roles(Access.WRITE)),
                "aws_preview_accounts": dict(self.aws.roles(Access.READ)),
            },
            "aws": {"endpoint": self.aws.url, "key_id": self.aws.credentials.key_id, "secret": self.aws.credentials.secret},
        }

    def state(self) -> Told:
        """Their worlds as they are."""
        slack = self.slack.state()
        return {
            "okta": self.okta.world.state(),
            "aws": self.aws.state(),
            "slack": {"messages": slack["messages"]},
            "jira": self.jira.world.state(),
        }

    def plan(self, vendor: str, fault: Told) -> None:
        """What is to go wrong there."""
        getattr(self, vendor).faults.plan(Fault(**{**fault, "effect": Effect(fault.get("effect", "none"))}))

    def made(self, vendor: str) -> Mapping[str, int]:
        """How often each writing operation had its effect."""
        if vendor == "aws":
            names = [one.name for one in self.aws.accepted_writes()]
            return {name: names.count(name) for name in names}
        if vendor == "slack":
            methods = [one.method for one in self.slack.requests if one.ok]
            return {name: methods.count(name) for name in methods}
        if vendor == "jira":  # it puts a request on record only when it is answered
            issues = self.jira.world.issues.values()
            return {"createIssue": len(issues), "addAttachment": sum(len(issue.files) for issue in issues)}
        return dict(self.okta.accepted_writes)


async def serve() -> None:
    """Until standard input ends."""
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader(limit=2**24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with AsyncExitStack() as stack:
        street: Street | None = None
        while line := await lines.readline():
            told = json.loads(line)
            answer: Told = {}
            if told["do"] == "open":
                await stack.aclose()
                street = await Street.open(stack, told["worlds"], told.get("lag", LAG))
                answer = street.addresses()
            else:
                assert street is not None
                answer = await _done(street, told)
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


async def _done(street: Street, told: Told) -> Told:
    match told["do"]:
        case "state":
            return street.state()
        case "made":
            return street.made(told["vendor"])
        case "fault":
            street.plan(told["vendor"], told["fault"])
        case "await":
            while street.made(told["vendor"]).get(told["operation"], 0) < told["times"]:  # noqa: ASYNC110 - they only keep records
                await asyncio.sleep(LOOK)
        case unknown:
            raise ValueError(unknown)
    return {}


if __name__ == "__main__":
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # a request that its sender did not live to finish is no news here
    asyncio.run(serve())
