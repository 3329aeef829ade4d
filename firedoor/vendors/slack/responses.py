"""Posting to a response_url: the one way in which an app speaks where it is not a member, and edits what only one person sees."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from aiohttp import web

from firedoor.vendors.slack.grants import Grants, ReplyAddress
from firedoor.vendors.slack.raw import Raw, Refusal, mapping
from firedoor.vendors.slack.web_api import Call
from firedoor.vendors.slack.web_chat import MOST_TEXT_POSTED, content
from firedoor.vendors.slack.world import Message, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Responses:
    """Serves ``/response/<secret>``."""

    world: World
    grants: Grants

    async def handle(self, request: web.Request) -> web.Response:
        """Take one post. Slack answers in plain text on success and in JSON otherwise."""
        try:
            raw = mapping(json.loads(await request.text()))
        except ValueError:
            return web.json_response({"ok": False, "error": "invalid_payload"}, status=400)
        try:
            address = self.grants.use(request.match_info["secret"])
        except Refusal as refusal:
            return web.json_response({"ok": False, "error": refusal.code}, status=404)
        try:
            self._apply(address, raw)
        except Refusal as refusal:
            return web.json_response({"ok": False, "error": refusal.code} | refusal.details, status=400)
        return web.Response(text="ok")

    def _apply(self, address: ReplyAddress, raw: Raw) -> None:
        original = self._original(address)
        if raw.get("delete_original") is True:
            if original is None:
                raise Refusal("message_not_found")
            self.world.remove(original)
            return
        said = content(raw, Call(arguments=raw, token=None), most=MOST_TEXT_POSTED)
        if not (said.text or said.blocks or said.attachments):
            raise Refusal("no_text")
        if raw.get("replace_original") is True:
            if original is None:
                raise Refusal("message_not_found")
            self.world.edit(replace(original, text=said.text, blocks=said.blocks, attachments=said.attachments))
            return
        only_for = "" if raw.get("response_type") == "in_channel" else address.user
        thread = raw.get("thread_ts")
        thread_ts = thread if isinstance(thread, str) else address.thread_ts
        self.world.post(replace(self.world.signed(said), channel=address.channel, only_for=only_for, thread_ts=thread_ts))

    def _original(self, address: ReplyAddress) -> Message | None:
        if not address.ts:
            return None
        mine = [one for one in self.world.ephemeral if one.ts == address.ts and one.channel == address.channel]
        return mine[0] if mine else self.world.messages[address.channel].get(address.ts)
