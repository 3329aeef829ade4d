"""The people of a drill: the one who starts the playbook, and the one who approves. They see only what the simulated Slack shows."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from firedoor.approval import Answer
from firedoor.channels.slack.blocks import ADVISE, APPROVE, DENY
from firedoor.exercise.estate import CHANNEL, SIEM
from firedoor.vendors.slack.people import Modal, Person, Post

PATIENCE: Final = 60.0
# What somebody on call copies out of an alert, by the playbook's input.
FOUND: Final[Mapping[str, re.Pattern[str]]] = {
    "users": re.compile(r"[a-z0-9.]+@[a-z.]+[a-z]"),
    "access_keys": re.compile(r"AKIA[A-Z2-7]{16}"),
    "apps": re.compile(r"0oa\w+"),
    "roles": re.compile(r"arn:aws:iam::\d{12}:role/\w+"),
    "addresses": re.compile(r"\d+\.\d+\.\d+\[\.\]\d+"),
    "since": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
}

Ask = Callable[[str, Modal], Awaitable[bool]]
Sign = Callable[[str, str, Answer], Awaitable[object]]


async def alert(slack_url: str, world: Mapping[str, Any]) -> None:
    """The alert, as the company's SIEM posts it."""
    import aiohttp  # noqa: PLC0415 - only drills have a Slack of their own

    address = "[.]".join(world["address"].rsplit(".", 1))
    text = (
        f"ALERT 16:00: since {world['since']} sessions of {' and '.join(world['victims'])} are in use from {address}, "
        f"with cookies out of a support case's HAR file. So are access key {world['stolen_key']} ({world['service']}), "
        f"the role {world['role']} that it takes on, and the secret of the service app {world['app']}."
    )
    async with aiohttp.ClientSession() as http:
        url = f"{slack_url}people/integrations/{SIEM}/messages"
        async with http.post(url, json={"channel": CHANNEL, "text": text}) as reply:
            reply.raise_for_status()


async def start(slack_url: str, member: str, playbook: str) -> str:
    """Somebody on call reads the alert and starts the playbook with what it names. Returns what Firedoor answers them."""
    async with Person(slack_url, member) as person:
        post = await person.wait_for_message(CHANNEL, lambda post: post.text.startswith("ALERT"), PATIENCE)
        given = [f"{name}={','.join(pattern.findall(post.text))}" for name, pattern in FOUND.items()]
        await person.command(CHANNEL, f"/firedoor contain {playbook} {' '.join(given)}")
        return (await person.wait_for_message(CHANNEL, lambda post: post.ephemeral, PATIENCE)).text


async def undo(slack_url: str, member: str, run: str) -> str:
    """Somebody asks for the run to be undone. Returns what Firedoor answers them."""
    async with Person(slack_url, member) as person:
        seen = {post.ts for post in await person.messages(CHANNEL)}
        await person.command(CHANNEL, f"/firedoor undo {run}")
        return (await person.wait_for_message(CHANNEL, lambda post: post.ephemeral and post.ts not in seen, PATIENCE)).text


async def decide(slack_url: str, member: str, run: str, ask: Ask, sign: Sign) -> None:
    """Another person looks at the request closely, and approves or denies it. ``ask`` makes up their mind about the run, or what they see.

    Where chat only advises they ``sign``, at their own terminal.
    """

    def is_request(post: Post) -> bool:
        return any(button.action_id == APPROVE and button.value == run for button in post.buttons)

    async with Person(slack_url, member) as person:
        post = await person.wait_for_message(CHANNEL, is_request, PATIENCE)
        await person.click(CHANNEL, post.ts, APPROVE)
        modal = await person.wait_for_modal(lambda modal: run in modal.shown, PATIENCE)  # not what became of an earlier decision
        yes = await ask(run, modal)
        if modal.submit == ADVISE:
            await person.close_modal()
            await sign(member, run, Answer.APPROVE if yes else Answer.DENY)
            return
        if yes:
            await person.submit({})
            return
        await person.close_modal()
        await person.click(CHANNEL, post.ts, DENY)
        await person.wait_for_modal(lambda _: True, PATIENCE)
        await person.submit({"reason/text": "denied in the drill"})
