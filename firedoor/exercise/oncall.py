"""The people of a drill: the one who starts the playbook, and the one who approves. They see only what the simulated Slack shows."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from firedoor.channels.slack.blocks import APPROVE, DENY
from firedoor.exercise.estate import CHANNEL, SIEM
from firedoor.vendors.slack.people import Modal, Person, Post

PATIENCE: Final = 60.0
LOGIN: Final = re.compile(r"[a-z0-9.]+@[a-z.]+")
KEY: Final = re.compile(r"AKIA[A-Z2-7]{16}")

Ask = Callable[[Modal], Awaitable[bool]]


async def alert(slack_url: str, world: Mapping[str, Any]) -> None:
    """The alert, as the company's SIEM posts it."""
    import aiohttp  # noqa: PLC0415 - only drills have a Slack of their own

    text = (
        f"ALERT 16:00: sessions of {' and '.join(world['victims'])} are in use from an unknown address, with cookies out of a support "
        f"case's HAR file. Access key {world['stolen_key']} ({world['service']}) is in use from the same address."
    )
    async with aiohttp.ClientSession() as http:
        url = f"{slack_url}people/integrations/{SIEM}/messages"
        async with http.post(url, json={"channel": CHANNEL, "text": text}) as reply:
            reply.raise_for_status()


async def start(slack_url: str, member: str, playbook: str) -> str:
    """Somebody on call reads the alert and starts the playbook with what it names. Returns what Firedoor answers them."""
    async with Person(slack_url, member) as person:
        post = await person.wait_for_message(CHANNEL, lambda post: post.text.startswith("ALERT"), PATIENCE)
        users, keys = LOGIN.findall(post.text), KEY.findall(post.text)
        await person.command(CHANNEL, f"/firedoor contain {playbook} users={','.join(users)} access_keys={','.join(keys)}")
        return (await person.wait_for_message(CHANNEL, lambda post: post.ephemeral, PATIENCE)).text


async def decide(slack_url: str, member: str, run: str, ask: Ask) -> None:
    """Another person looks at the request closely, and approves or denies it. ``ask`` is what makes up their mind."""

    def is_request(post: Post) -> bool:
        return any(button.action_id == APPROVE and button.value == run for button in post.buttons)

    async with Person(slack_url, member) as person:
        post = await person.wait_for_message(CHANNEL, is_request, PATIENCE)
        await person.click(CHANNEL, post.ts, APPROVE)
        modal = await person.wait_for_modal(lambda _: True, PATIENCE)
        if await ask(modal):
            await person.submit({})
            return
        await person.close_modal()
        await person.click(CHANNEL, post.ts, DENY)
        await person.wait_for_modal(lambda _: True, PATIENCE)
        await person.submit({"reason/text": "denied in the drill"})
