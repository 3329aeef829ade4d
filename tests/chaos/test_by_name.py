"""The deaths that are known by name, each a real one: the world ends as if there had been none, and the report says so."""

from __future__ import annotations

import pytest

from firedoor.vendors.aws.wire import error_body
from tests.chaos.conftest import SCENES
from tests.chaos.figures import Figures
from tests.chaos.judge import Ending, judge
from tests.chaos.killing import Ground, Run, run
from tests.chaos.kills import peace

pytestmark = [pytest.mark.chaos, pytest.mark.asyncio(loop_scope="package")]

NEVER = 30.0  # seconds that a reply is withheld: nobody waits for it so long
ROTATION, BLOCKING, LEAK, RESTORING, FREEZING = (
    SCENES[name] for name in ("rotate-after-containment", "block-addresses", "leaked-aws-key", "restore-user", "freeze")
)


async def resumed(it: Run, undisturbed: Ending) -> tuple[Ending, Figures]:
    """Another process goes on, to the end; what there is then, and what is wrong with it."""
    assert not await it.life(None)
    ending = await it.ending()
    return ending, judge(undisturbed, ending, it.made.worlds, it.job.playbook)


async def test_a_key_was_made_and_the_reply_lost(at: Ground) -> None:
    undisturbed = await peace(at, ROTATION)
    async with run(at, ROTATION) as it:
        await at.fault("aws", operation="iam:CreateAccessKey", effect="first", delay=NEVER)
        await it.killed_when("aws", "iam:CreateAccessKey")
        ending, figures = await resumed(it, undisturbed)
    assert figures == Figures(), "the key that nobody knows the secret of is gone, another one is delivered"
    assert ending.report is not None
    assert ending.report["outcome"] == "contained"


async def test_a_secret_was_stored_and_the_receipt_lost(at: Ground) -> None:
    undisturbed = await peace(at, ROTATION)
    async with run(at, ROTATION) as it:
        await at.fault("aws", operation="secretsmanager:PutSecretValue", effect="first", delay=NEVER)
        await it.killed_when("aws", "secretsmanager:PutSecretValue")
        _, figures = await resumed(it, undisturbed)
        made = (await at.vendors.ask('{"do": "made", "vendor": "aws"}'))["iam:CreateAccessKey"]
    assert figures == Figures()
    assert made == 1, "the key that was delivered is the one that counts"


async def test_an_issue_was_created_and_not_recorded(at: Ground) -> None:
    undisturbed = await peace(at, BLOCKING)
    async with run(at, BLOCKING) as it:
        await at.fault("jira", operation="createIssue", effect="first", delay=NEVER)
        await it.killed_when("jira", "createIssue")
        ending, figures = await resumed(it, undisturbed)
    assert figures == Figures()
    assert len(ending.world["jira"]) == 1


async def test_an_update_of_a_web_firewall_lost_its_race(at: Ground) -> None:
    undisturbed = await peace(at, BLOCKING)
    lost = error_body("wafv2", "WAFOptimisticLockException", "somebody else was faster")
    async with run(at, BLOCKING) as it:
        for _ in range(2):
            await at.fault("aws", operation="wafv2:UpdateIPSet", status=400, body=lost)
        await at.fault("aws", operation="wafv2:UpdateIPSet", effect="first", delay=NEVER)
        await it.killed_when("aws", "wafv2:UpdateIPSet")
        await at.fault("aws", operation="wafv2:UpdateIPSet", status=400, body=lost)
        _, figures = await resumed(it, undisturbed)
    assert figures == Figures()


@pytest.mark.parametrize("which", [1, 2, 3, 4], ids=["request", "progress or notice", "notice or progress", "report"])
async def test_a_message_was_posted_and_not_recorded(at: Ground, which: int) -> None:
    undisturbed = await peace(at, RESTORING)
    async with run(at, RESTORING) as it:
        for _ in range(which - 1):
            await at.fault("slack", operation="chat.postMessage")
        await at.fault("slack", operation="chat.postMessage", effect="first", delay=NEVER)
        await it.killed_when("slack", "chat.postMessage", times=which)
        _, figures = await resumed(it, undisturbed)
    assert figures == Figures()


async def test_a_word_to_a_person_was_posted_and_not_recorded(at: Ground) -> None:
    """Where one person acts alone, each is told by themselves: the message is looked for in their own conversation."""
    undisturbed = await peace(at, FREEZING)
    async with run(at, FREEZING) as it:
        await at.fault("slack", operation="chat.postMessage")
        await at.fault("slack", operation="chat.postMessage", effect="first", delay=NEVER)
        await it.killed_when("slack", "chat.postMessage", times=2)
        _, figures = await resumed(it, undisturbed)
    assert figures == Figures()


async def test_a_policy_was_put_and_does_not_show_yet(at: Ground) -> None:
    undisturbed = await peace(at, LEAK)
    async with run(at, LEAK) as it:
        await at.fault("aws", operation="iam:PutUserPolicy", effect="first", delay=NEVER)
        await it.killed_when("aws", "iam:PutUserPolicy")
        for _ in range(4):
            unseen = error_body("iam", "NoSuchEntity", "The user policy with that name cannot be found.")
            await at.fault("aws", operation="iam:GetUserPolicy", status=404, body=unseen)
        _, figures = await resumed(it, undisturbed)
    assert figures == Figures()
