"""The process of the vendors: Okta and Slack on loopback, with so many people whose sessions were stolen. Okta limits nobody here.

A line of JSON on standard input is answered by one on standard output: ``open`` with the number of ``people`` begins anew, and each call
to Okta then takes ``latency`` seconds on top; ``begin`` counts from now on; ``counts`` of the calls since, by operation; ``working``: how
many people still hold something, or may sign in.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final

from bench.world import UNLIMITED, login
from firedoor.exercise import estate
from firedoor.vendors.faults import Effect, Fault, Faults
from firedoor.vendors.okta.simulator import OktaLag, OktaSimulator
from firedoor.vendors.okta.worlddata import world_of
from firedoor.vendors.slack.simulator import SlackSimulator

CLIENT: Final = "0oasimcrm1"


class Far(Faults):
    """Nothing goes wrong, but every request is so many seconds under way before it arrives."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    def take(self, operation: str) -> Fault | None:
        """The way, of each call."""
        return Fault(operation=operation, effect=Effect.NONE, delay=self._seconds) if self._seconds else None


def user_id(number: int) -> str:
    """A target's id in Okta."""
    return f"00ubench{number:012d}"


def held(people: int) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """What each of the people is and holds: a session, two factors, a consent."""
    numbers = range(people)
    factors = ("push", "sms")
    return {
        "users": [{"id": user_id(one), "login": login(one), "name": f"Target {one}"} for one in numbers],
        "sessions": [{"id": f"stolen-{one}", "user": login(one)} for one in numbers],
        "factors": [{"id": f"opf{kind}{one}", "user": login(one), "type": kind} for one in numbers for kind in factors],
        "grants": [{"id": f"oagbench{one}", "user": login(one), "client": CLIENT, "scope": "okta.users.read"} for one in numbers],
    }


class Street:
    """The vendors that stand now."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._people = 0

    async def open(self, people: int, latency: float) -> Mapping[str, Any]:
        """Begin anew; where they are, and with what Firedoor and others get in."""
        await self.close()
        scene, more = estate.make(7), held(people)
        world = {**scene.okta, **{name: [*scene.okta[name], *rows] for name, rows in more.items()}}
        okta = OktaSimulator(world_of(world), lag=OktaLag(system_log=0.0), limits=UNLIMITED)
        self._okta = await self._stack.enter_async_context(okta)
        slack = await self._stack.enter_async_context(SlackSimulator(scene.slack))
        slack.rates.limits.clear()
        self._okta.faults, self._people = Far(latency), people
        return {
            "okta": okta.url,
            "token": scene.okta_token,
            "users": {login(one): user_id(one) for one in range(people)},
            "environment": {
                "okta_org_url": okta.url,
                "okta_api_token": scene.okta_token,
                "okta_preview_api_token": scene.okta_preview_token,
                "slack_base_url": f"{slack.url}api/",
                "slack_bot_token": scene.slack_bot_token,
                "slack_channel": estate.CHANNEL,
            },
        }

    def begin(self) -> None:
        """Count from now on."""
        self._okta.requests.clear()

    @property
    def counts(self) -> Mapping[str, int]:
        """The calls by operation."""
        return dict(sorted(Counter(one.operation for one in self._okta.requests).items()))

    @property
    def working(self) -> int:
        """How many of the people are not shut out of everything."""
        world = self._okta.world
        mine = {user_id(one) for one in range(self._people)}
        open_ = {name for name, user in world.users.items() if user.status != "SUSPENDED"}
        open_ |= {one.user for one in world.sessions.values() if one.live}
        open_ |= {one.user for one in world.factors.values()} | {one.user for one in world.grants.values()}
        return len(mine & open_)

    async def close(self) -> None:
        """Nobody is there any more."""
        await self._stack.aclose()


async def serve() -> None:
    """Until standard input ends."""
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    street = Street()
    while line := await lines.readline():
        told = json.loads(line)
        answer: Mapping[str, Any] = {}
        match told["do"]:
            case "open":
                answer = await street.open(told["people"], told.get("latency", 0.0))
            case "begin":
                street.begin()
            case "counts":
                answer = street.counts
            case "working":
                answer = {"active": street.working}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    await street.close()


if __name__ == "__main__":
    asyncio.run(serve())
