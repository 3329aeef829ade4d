"""The people: whether Slack knows each, whether each can sign, and whether there are enough of them to decide."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from firedoor import signing
from firedoor.approval import Person, Roster
from firedoor.clients import slack_client
from firedoor.doctor.checkup import Check, Diagnosis, Looks, failed, failure, not_checked, ok, warning
from firedoor.errors import Forbidden, NotFound, VendorError
from firedoor.model import Tier
from firedoor.settings import Settings
from firedoor.vendors.access import Access

if TYPE_CHECKING:
    from firedoor.vendors.slack.client import SlackClient

AREA: Final = "roster"
AT_ONCE: Final = 5


def checks(settings: Settings) -> Sequence[Check]:
    """The look at the roster itself, and at its people in Slack."""
    themselves = Check(area=AREA, at="[[people]]", look=partial(_themselves, settings.roster))
    in_slack = Check(area=AREA, at="[[people]] in Slack", look=partial(_in_slack, settings))
    return (themselves, in_slack) if settings.roster.people else (themselves,)


async def _themselves(roster: Roster) -> Looks:
    if not roster.people:
        yield failure(AREA, "[[people]]", "nobody is on the roster, so nothing can be approved", "List your responders under [[people]]")
        return
    for person in roster.people:
        yield _keys(person)
    if roster.in_slack:
        yield _enough(roster, "chat", "anybody", lambda person: bool(person.slack))
    yield _enough(roster, "signatures", "hardware keys", lambda person: any(signing.is_hardware(key) for key in person.keys))


def _keys(person: Person) -> Diagnosis:
    remedy = f"Add a hardware-backed SSH key of {person.name}'s (ssh-keygen -t ed25519-sk) to their keys under [[people]]"
    if not person.keys:
        says = "no signing key: where chat cannot be trusted, nothing that they decide counts, and at a terminal they can order nothing"
        return failure(AREA, person.name, says, remedy)
    if not any(signing.is_hardware(key) for key in person.keys):
        says = "no hardware key: where two must sign, theirs does not count"
        return warning(AREA, person.name, says, remedy)
    return ok(AREA, person.name, f"{len(person.keys)} signing key{'s' if len(person.keys) > 1 else ''}, hardware among them")


def _enough(roster: Roster, by: str, holders: str, fit: Callable[[Person], bool]) -> Diagnosis:
    """Whether two can approve whatever anybody asks for: whoever asks may not approve it."""
    at = f"decisions of two, by {by}"
    approvers = {person.name for person in roster.people if person.may_approve and fit(person)}
    short = [person.name for person in roster.people if person.may_request and len(approvers - {person.name}) < Tier.TWO]
    if not any(person.may_request for person in roster.people):
        return failure(AREA, at, "nobody may request a run", "Set may_request = true for somebody under [[people]]")
    if short:
        who = f"of {len(approvers)} approvers" if holders == "anybody" else f"of {len(approvers)} approvers with {holders}"
        says = f"{who}, fewer than two are left where {_one_of(short)} asks, so the run would expire"
        wanted = "people who may approve" if holders == "anybody" else f"{holders} of people who may approve"
        return failure(AREA, at, says, f"Add {wanted} under [[people]], until there are three, or two who never request")
    return ok(AREA, at, f"{len(approvers)} approvers: two are left, whoever asks")


def _one_of(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


async def _in_slack(settings: Settings) -> Looks:
    if settings.slack_bot_token is None or not settings.slack_channel:
        says = "the people's ids were not looked up: Slack is not set up"
        yield not_checked(AREA, "[[people]] in Slack", says, "Set FIREDOOR_SLACK_BOT_TOKEN and slack_channel")
        return
    contains = settings.model_copy(update={"slack_preview_bot_token": None})
    async with slack_client(contains, Access.READ) as client:
        await client.whoami()
        gate = asyncio.Semaphore(AT_ONCE)
        for one in await asyncio.gather(*(_member(client, person, gate) for person in settings.roster.in_slack)):
            yield one


async def _member(client: SlackClient, person: Person, gate: asyncio.Semaphore) -> Diagnosis:
    at = f"{person.name} ({person.slack})"
    remedy = f"Set slack of {person.name} to the member id in their profile, or take them off the roster"
    try:
        async with gate:
            found = await client.person(person.slack)
    except NotFound:
        return failure(AREA, at, "Slack has no member of that id", remedy)
    except Forbidden as error:
        return not_checked(AREA, at, error.what, error.advice)
    except VendorError as error:
        return failed(error, AREA, at)
    if found.bot:
        return failure(AREA, at, "that is a bot, and a bot approves nothing", remedy)
    if found.deleted:
        return failure(AREA, at, "their account in Slack is deactivated", remedy)
    return ok(AREA, at, "a member, and active")
