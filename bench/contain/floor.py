"""``python -m bench.contain.floor JSON``: the least that the containment can be: the very calls that Firedoor makes, at once, by aiohttp.

No approval, no journal, no lease, no guard, no resumption, no report: each step reads, writes and reads until it sees what it wrote, and
reads once more to be sure; what comes after the suspension waits for it. As many connections as Firedoor's client has, and as many steps
at once. It says ``ready`` once Okta has answered, as Firedoor's client is greeted; the clock starts when it is told to go.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp

CLEARED: Final = "user.session.clear"
NEXT: Final = re.compile(r'<([^<>]*)>; rel="next"')
REST: Final = 0.05
PATIENCE: Final = 90.0


class Okta:
    """The calls."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def get(self, path: str) -> Any:
        """A JSON reply."""
        return (await self._sent("GET", path))[0]

    async def send(self, method: str, path: str) -> None:
        """A write."""
        await self._sent(method, path)

    async def cleared(self, user: str, since: str) -> bool:
        """Whether the log shows a clearing; read on until a page is empty, as the log's polling is meant."""
        wanted = f'eventType eq "{CLEARED}" and target.id eq "{user}"'
        query = {"filter": wanted, "since": since, "limit": "1000", "sortOrder": "ASCENDING"}
        path, found = f"/api/v1/logs?{urlencode(query)}", False
        while path:
            entries, links = await self._sent("GET", path)
            found = found or bool(entries)
            following = NEXT.search(links)
            path = following[1] if following and entries else ""
        return found

    async def _sent(self, method: str, path: str) -> tuple[Any, str]:
        async with self._session.request(method, path) as response:
            response.raise_for_status()
            body = await response.read()
            return json.loads(body) if body else None, ", ".join(response.headers.getall("Link", ()))


async def contain(okta: Okta, user: str) -> None:
    """One person, step by step."""
    await suspend(okta, user)

    async def sessions() -> None:
        await end_sessions(okta, user)
        await reset_factors(okta, user)

    await asyncio.gather(sessions(), take_back(okta, user))


async def suspend(okta: Okta, user: str) -> None:
    """Read, suspend, read Okta's time of it, and see it."""

    async def status() -> bool:
        return bool((await okta.get(f"/api/v1/users/{user}"))["status"] == "SUSPENDED")

    async def write() -> None:
        await okta.send("POST", f"/api/v1/users/{user}/lifecycle/suspend")
        await okta.get(f"/api/v1/users/{user}")

    await bring_about(status, write)


async def end_sessions(okta: Okta, user: str) -> None:
    """Read, end, and see it in the log."""

    async def ended() -> bool:
        since = (await okta.get(f"/api/v1/users/{user}"))["statusChanged"]
        held = await okta.get(f"/api/v1/users/{user}/clients")
        return await okta.cleared(user, since) and not held

    await bring_about(ended, lambda: okta.send("DELETE", f"/api/v1/users/{user}/sessions?oauthTokens=true&forgetDevices=true"))


async def take_back(okta: Okta, user: str) -> None:
    """Read, take the consents back, and see it."""

    async def gone() -> bool:
        grants = await okta.get(f"/api/v1/users/{user}/grants?limit=200")
        held = await okta.get(f"/api/v1/users/{user}/clients")
        return not grants and not held

    await bring_about(gone, lambda: okta.send("DELETE", f"/api/v1/users/{user}/grants"))


async def reset_factors(okta: Okta, user: str) -> None:
    """Read, take the factors off, and see it."""

    async def off() -> bool:
        suspended = (await okta.get(f"/api/v1/users/{user}"))["status"] == "SUSPENDED"
        return not await okta.get(f"/api/v1/users/{user}/factors") and suspended

    await bring_about(off, lambda: okta.send("POST", f"/api/v1/users/{user}/lifecycle/reset_factors"))


async def bring_about(so: Callable[[], Awaitable[bool]], write: Callable[[], Awaitable[None]]) -> None:
    """Write unless it is so, and read until it is; and once more."""
    if await so():
        return
    await write()
    deadline = time.monotonic() + PATIENCE
    while not await so():
        if time.monotonic() > deadline:
            raise TimeoutError("what was written could not be seen")
        await asyncio.sleep(REST)
    if not await so():
        raise RuntimeError("what was seen was gone again")


async def main(asked: Mapping[str, Any]) -> Mapping[str, float]:
    """Seconds, of the clock and of the processor."""
    headers = {"Authorization": f"SSWS {asked['token']}", "Accept": "application/json"}
    async with aiohttp.ClientSession(asked["okta"], headers=headers, cookie_jar=aiohttp.DummyCookieJar()) as session:
        okta, users = Okta(session), list(asked["users"].values())
        await okta.get("/api/v1/users/me")
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.readline)
        began, used = time.monotonic(), time.process_time()
        await asyncio.gather(*(contain(okta, user) for user in users))
        return {"seconds": time.monotonic() - began, "cpu": time.process_time() - used}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(json.loads(sys.argv[1])))) + "\n")
