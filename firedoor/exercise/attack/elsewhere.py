"""What an attacker does without an account of ours: from an address of their own, and with a stolen chat session."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from typing import TextIO

import aiohttp

from firedoor.channels.slack.blocks import DENY
from firedoor.errors import FiredoorError
from firedoor.exercise.attack.foothold import Foothold, Loot
from firedoor.exercise.estate import CHANNEL
from firedoor.vendors.slack.people import Person, Post


class FromAddress(Foothold):
    """The company's web site, read from the attacker's address."""

    def __init__(self, http: aiohttp.ClientSession, loot: Loot) -> None:
        self.name = f"web site from {loot['address']}"
        self._http = http
        self._url = f"{loot['aws_url'].rstrip('/')}/web"
        self._headers = {"X-Forwarded-For": loot["address"]}

    async def use(self) -> str:
        """Whether the site lets that address in."""
        async with self._http.get(self._url, headers=self._headers) as reply:
            return "let in" if reply.status == 200 else ""


class GuessedPassword(Foothold):
    """The sign-in page from the same address, with the password of somebody of whom nobody knows that it is out."""

    def __init__(self, http: aiohttp.ClientSession, loot: Loot) -> None:
        self.name = f"okta sign-in from {loot['address']}"
        self._http = http
        self._url = f"{loot['okta_url'].rstrip('/')}/api/v1/authn"
        self._body = {"username": loot["guessed"]["login"], "password": loot["guessed"]["password"]}
        self._headers = {"X-Forwarded-For": loot["address"]}

    async def use(self) -> str:
        """Whether that address may sign in."""
        async with self._http.post(self._url, json=self._body, headers=self._headers) as reply:
            return "signed in" if reply.status == 200 else ""


async def deny_in_chat(loot: Loot, log: TextIO) -> None:
    """Press Deny on every request that shows up, from the stolen chat session. Each try is a line of the log."""
    tried: set[str] = set()
    async with Person(loot["slack_url"], loot["chat"]) as person:
        while True:
            with suppress(aiohttp.ClientError, OSError, FiredoorError):
                for post in await person.messages(CHANNEL):
                    if post.ts not in tried and any(button.action_id == DENY for button in post.buttons):
                        tried.add(post.ts)
                        accepted = await _deny(person, post)
                        log.write(json.dumps({"at": time.time(), "what": "deny in chat", "accepted": accepted}) + "\n")
                        log.flush()
            await asyncio.sleep(0.1)


async def _deny(person: Person, post: Post) -> bool:
    """Whether Firedoor took it: it offers the form to nobody whose answer it would not take."""
    await person.click(CHANNEL, post.ts, DENY)
    with suppress(TimeoutError):
        await person.wait_for_modal(lambda _: True, 2.0)
        return (await person.submit({"reason/text": "false alarm, all good"})).ok
    return False
