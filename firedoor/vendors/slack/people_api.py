"""The people's side over HTTP, under ``/people/``: what a scripted on-call person, or a page for a human one, sees and does.

It stands for Slack's own client. There is no sign-in: whoever reaches the loopback address may act as any person of the drill, web sites
excepted (`firedoor.vendors.pages`).
Refused acts answer with status 409 and ``{"ok": false, "error": ...}``; where the app failed, the answer has status 200 and the error that
the person is shown.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from aiohttp import web

from firedoor.vendors.slack import screen
from firedoor.vendors.slack.acts import Acts
from firedoor.vendors.slack.directory import User
from firedoor.vendors.slack.forms import Entry
from firedoor.vendors.slack.raw import Raw, Refusal, mapping, text, texts

Handler = Callable[[web.Request], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleApi:
    """Turns requests into acts."""

    acts: Acts

    def routes(self) -> list[web.RouteDef]:
        """All routes. ``{user}`` is the id of the person who acts."""
        return [
            web.get("/people", self._guarded(self._people)),
            web.post("/people/integrations/{bot}/messages", self._guarded(self._integration)),
            web.get("/people/{user}/me", self._guarded(self._me)),
            web.get("/people/{user}/screen", self._guarded(self._screen)),
            web.get("/people/{user}/channels", self._guarded(self._channels)),
            web.get("/people/{user}/channels/{channel}/messages", self._guarded(self._messages)),
            web.post("/people/{user}/channels/{channel}/messages", self._guarded(self._say)),
            web.post("/people/{user}/channels/{channel}/command", self._guarded(self._command)),
            web.post("/people/{user}/channels/{channel}/messages/{ts}/click", self._guarded(self._click)),
            web.post("/people/{user}/channels/{channel}/messages/{ts}/shortcut", self._guarded(self._shortcut)),
            web.post("/people/{user}/shortcut", self._guarded(self._shortcut)),
            web.get("/people/{user}/modal", self._guarded(self._modal)),
            web.post("/people/{user}/modal/submit", self._guarded(self._submit)),
            web.post("/people/{user}/modal/close", self._guarded(self._close)),
            web.post("/people/{user}/modal/click", self._guarded(self._click_modal)),
            web.get("/people/{user}/home", self._guarded(self._home)),
            web.post("/people/{user}/home/click", self._guarded(self._click_home)),
        ]

    def _guarded(self, run: Callable[[web.Request, Raw], Awaitable[Raw]]) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            try:
                body = await request.text()
                return web.json_response({"ok": True} | await run(request, mapping(json.loads(body)) if body else {}))
            except Refusal as refusal:
                return web.json_response({"ok": False, "error": refusal.code} | refusal.details, status=409)
            except ValueError:
                return web.json_response({"ok": False, "error": "invalid_json"}, status=400)

        return handle

    def _user(self, request: web.Request) -> User:
        return self.acts.person(request.match_info["user"])

    async def _integration(self, request: web.Request, body: Raw) -> Raw:
        return {"ts": self.acts.integrate(request.match_info["bot"], body).ts}

    async def _people(self, request: web.Request, body: Raw) -> Raw:
        del request, body
        return screen.people(self.acts.world)

    async def _me(self, request: web.Request, body: Raw) -> Raw:
        del body
        return screen.me(self.acts.world, self._user(request))

    async def _screen(self, request: web.Request, body: Raw) -> Raw:
        del body
        user, channel = self._user(request), request.query.get("channel")
        return screen.screen(self.acts.world, user, self.acts.channel(user, channel) if channel else None)

    async def _channels(self, request: web.Request, body: Raw) -> Raw:
        del body
        return {"channels": screen.channels(self.acts.world, self._user(request))}

    async def _messages(self, request: web.Request, body: Raw) -> Raw:
        del body
        user = self._user(request)
        channel = self.acts.channel(user, request.match_info["channel"])
        return {"messages": screen.messages(self.acts.world, user, channel)}

    async def _say(self, request: web.Request, body: Raw) -> Raw:
        said = self.acts.say(self._user(request), request.match_info["channel"], text(body.get("text")), text(body.get("thread_ts")))
        return {"ts": said.ts}

    async def _command(self, request: web.Request, body: Raw) -> Raw:
        return _shown(await self.acts.command(self._user(request), request.match_info["channel"], text(body.get("command"))))

    async def _click(self, request: web.Request, body: Raw) -> Raw:
        place, user = request.match_info, self._user(request)
        block, entry = text(body.get("block_id")), _entry(body.get("value"))
        return _shown(await self.acts.click(user, place["channel"], place["ts"], text(body.get("action_id")), block_id=block, entry=entry))

    async def _shortcut(self, request: web.Request, body: Raw) -> Raw:
        place = request.match_info
        callback = text(body.get("callback_id"))
        return _shown(await self.acts.shortcut(self._user(request), callback, place.get("channel", ""), place.get("ts", "")))

    async def _modal(self, request: web.Request, body: Raw) -> Raw:
        del body
        view = self.acts.modal(self._user(request))
        return {"modal": screen.view(view) if view else None}

    async def _submit(self, request: web.Request, body: Raw) -> Raw:
        return _shown(await self.acts.submit(self._user(request), _entries(body)))

    async def _close(self, request: web.Request, body: Raw) -> Raw:
        del body
        await self.acts.close(self._user(request))
        return {}

    async def _click_modal(self, request: web.Request, body: Raw) -> Raw:
        return await self._click_view(request, body, "modal")

    async def _home(self, request: web.Request, body: Raw) -> Raw:
        del body
        user = self._user(request)
        view = self.acts.world.homes.get(user.id)
        self.acts.open_home(user)
        return {"home": screen.view(view) if view else None}

    async def _click_home(self, request: web.Request, body: Raw) -> Raw:
        return await self._click_view(request, body, "home")

    async def _click_view(self, request: web.Request, body: Raw, where: Literal["modal", "home"]) -> Raw:
        user, action, block = self._user(request), text(body.get("action_id")), text(body.get("block_id"))
        entry, entries = _entry(body.get("value")), _entries(body)
        return _shown(await self.acts.click_view(user, where, action, block_id=block, entry=entry, entries=entries))


def _shown(error: str) -> Raw:
    return {"ok": not error, "error": error}


def _entry(value: object) -> Entry:
    return texts(value) if isinstance(value, list) else text(value)


def _entries(body: Raw) -> Mapping[str, Entry]:
    return {name: _entry(value) for name, value in mapping(body.get("values")).items()}
