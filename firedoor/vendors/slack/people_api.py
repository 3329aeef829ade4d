"""The people's side over HTTP, under ``/people/``: what a scripted on-call person, or a page for a human one, sees and does.

It stands for Slack's own client. There is no sign-in: whoever reaches the loopback address may act as any person of the drill.
Refused acts answer with status 409 and ``{"ok": false, "error": ...}``; where the app failed, the answer has status 200 and the error that
the person is shown.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from firedoor.vendors.slack.acts import Acts
from firedoor.vendors.slack.directory import User
from firedoor.vendors.slack.forms import Entry
from firedoor.vendors.slack.raw import Raw, Refusal, mapping, text, texts
from firedoor.vendors.slack.world import Message, View

Handler = Callable[[web.Request], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleApi:
    """Turns requests into acts."""

    acts: Acts

    def routes(self) -> list[web.RouteDef]:
        """All routes. ``{user}`` is the id of the person who acts."""
        return [
            web.post("/people/integrations/{bot}/messages", self._guarded(self._integration)),
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

    async def _channels(self, request: web.Request, body: Raw) -> Raw:
        del body
        user, world = self._user(request), self.acts.world
        seen = [channel for channel in world.channels.values() if world.sees(user, channel)]
        return {
            "channels": [
                {"id": one.id, "name": one.name, "private": one.private, "direct": one.direct, "member": user.id in one.members}
                for one in seen
            ]
        }

    async def _messages(self, request: web.Request, body: Raw) -> Raw:
        del body
        user = self._user(request)
        channel = self.acts.channel(user, request.match_info["channel"])
        return {"messages": [self._seen(message) for message in self.acts.world.seen_by(user, channel)]}

    def _seen(self, message: Message) -> Raw:
        users = self.acts.world.directory.users
        author = users[message.user].name if message.user in users else message.username
        return {
            "ts": message.ts,
            "thread_ts": message.thread_ts if message.is_reply else "",
            "author": message.user or message.bot_id,
            "author_name": author,
            "text": message.text,
            "blocks": list(message.blocks),
            "attachments": list(message.attachments),
            "ephemeral": bool(message.only_for),
            "edited": bool(message.edited_ts),
            "reactions": [name for name, _ in message.reactions],
        }

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
        return {"modal": _view(view) if view else None}

    async def _submit(self, request: web.Request, body: Raw) -> Raw:
        return _shown(await self.acts.submit(self._user(request), _entries(body)))

    async def _close(self, request: web.Request, body: Raw) -> Raw:
        del body
        await self.acts.close(self._user(request))
        return {}

    async def _click_modal(self, request: web.Request, body: Raw) -> Raw:
        user, entry = self._user(request), _entry(body.get("value"))
        return _shown(await self.acts.click_view(user, "modal", text(body.get("action_id")), entry=entry, entries=_entries(body)))

    async def _home(self, request: web.Request, body: Raw) -> Raw:
        del body
        user = self._user(request)
        view = self.acts.world.homes.get(user.id)
        self.acts.open_home(user)
        return {"home": _view(view) if view else None}

    async def _click_home(self, request: web.Request, body: Raw) -> Raw:
        user, entry = self._user(request), _entry(body.get("value"))
        return _shown(await self.acts.click_view(user, "home", text(body.get("action_id")), entry=entry, entries=_entries(body)))


def _shown(error: str) -> Raw:
    return {"ok": not error, "error": error}


def _entry(value: object) -> Entry:
    return texts(value) if isinstance(value, list) else text(value)


def _entries(body: Raw) -> Mapping[str, Entry]:
    return {name: _entry(value) for name, value in mapping(body.get("values")).items()}


def _view(view: View) -> Raw:
    """What is on the screen; private_metadata and ids of the app's own are not."""
    shown = {key: view.definition.get(key) for key in ("title", "submit", "close", "blocks")}
    return {
        **shown,
        "view_id": view.id,
        "errors": dict(view.errors),
        "values": {block: dict(found) for block, found in view.values.items()},
    }
