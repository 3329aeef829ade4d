"""The vendors' process of the sweep: Okta and AWS on loopback, told what to do a line at a time, as JSON on standard input.

``open`` with the worlds and limits; ``plant`` a key for a user once so many keys were deactivated; ``counts`` of what was asked of them, as
the vendors count it; ``state``, ``working``.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

from firedoor.vendors.access import Access
from firedoor.vendors.aws.simulator import AwsLag, AwsSimulator
from firedoor.vendors.aws.world import iam_of
from firedoor.vendors.okta.simulator import OktaLag, OktaSimulator
from firedoor.vendors.okta.worlddata import world_of

Told = Mapping[str, Any]


class Street:
    """Both of them."""

    def __init__(self, okta: OktaSimulator, aws: AwsSimulator) -> None:
        self.okta = okta
        self.aws = aws
        self.planting: asyncio.Task[None] | None = None
        self.planted = ""

    def addresses(self, shut: str) -> Told:
        """Where they are, as the settings name it. ``shut`` is an account whose role nobody made."""
        roles, reading = dict(self.aws.roles(Access.WRITE)), dict(self.aws.roles(Access.READ))
        if shut:
            roles[shut], reading[shut] = f"arn:aws:iam::{shut}:role/firedoor-contain", f"arn:aws:iam::{shut}:role/firedoor-preview"
        return {
            "settings": {"okta_org_url": self.okta.url, "aws_accounts": roles, "aws_preview_accounts": reading},
            "aws": {"endpoint": self.aws.url, "key_id": self.aws.credentials.key_id, "secret": self.aws.credentials.secret},
        }

    async def plant(self, account: str, user: str, after: int) -> None:
        """An attacker who makes another key in the middle of the sweep."""
        while sum(one.operation == "UpdateAccessKey" for one in self.aws.requests) < after:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.05)
        self.planted = iam_of(account).create_access_key(user).access_key_id

    def counts(self) -> Told:
        """Requests by operation and status, AWS's and Okta's."""
        aws = Counter(f"{one.name} {one.status}" for one in self.aws.requests)
        okta = Counter(f"{one.operation} {one.status}" for one in self.okta.requests)
        windows = [one for some in self.okta.meter.windows.values() for one in some]
        return {
            "aws": aws,
            "okta": okta,
            "planted": self.planted,
            "aws_refused": sum(self.aws.throttled.values()),
            "okta_refused": sum(one.refused for one in windows),
            "okta_over": sum(one.over for one in windows),
            "fullest": max(((one.requests / one.limit) for one in windows), default=0.0),
        }

    def working(self) -> Told:
        """The credentials that still work, by id."""
        aws = [
            key
            for account in self.aws.state().values()
            for user in account["users"].values()  # type: ignore[index,call-overload,union-attr]
            for key, one in user.get("keys", {}).items()  # type: ignore[union-attr]
            if one == "Active"
        ]
        okta = self.okta.world
        held = sorted(one.id for one in okta.client_secrets.values() if one.status == "ACTIVE")
        return {"aws": aws, "tokens": sorted(one.id for one in okta.api_tokens.values()), "client_secrets": held}


async def serve() -> None:
    """Until standard input ends."""
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader(limit=2**26)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with AsyncExitStack() as stack:
        street: Street | None = None
        while line := await lines.readline():
            told = json.loads(line)
            answer: Told = {}
            match told["do"]:
                case "open":
                    okta = await stack.enter_async_context(OktaSimulator(world_of(told["okta"]), lag=OktaLag(system_log=0.0)))
                    street = Street(
                        okta, await stack.enter_async_context(AwsSimulator(told["aws"], lag=AwsLag(iam=0.0), iam_rate=told["iam_rate"]))
                    )
                    answer = street.addresses(told["shut"])
                case "plant":
                    assert street is not None
                    street.planting = asyncio.create_task(street.plant(told["account"], told["user"], told["after"]))
                case "counts":
                    assert street is not None
                    answer = street.counts()
                case "state":
                    assert street is not None
                    answer = {"aws": street.aws.state()}
                case "working":
                    assert street is not None
                    answer = street.working()
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    asyncio.run(serve())
