"""Jira: the token, what it may do in the project, and the security level that tickets are kept to."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from firedoor.clients import jira_client
from firedoor.doctor import clocks
from firedoor.doctor.checkup import Check, Diagnosis, Looks, failure, ok, untold, warning
from firedoor.doctor.identities import Identity, variable
from firedoor.errors import NotFound, VendorError
from firedoor.settings import JiraTable, Settings
from firedoor.vendors.access import Access

if TYPE_CHECKING:
    from firedoor.vendors.jira.client import JiraClient

AREA: Final = "jira"
MAY_RESTRICT: Final = "SET_ISSUE_SECURITY"


def is_set_up(settings: Settings) -> bool:
    """Whether Firedoor was told of Jira at all."""
    return bool(settings.jira_url or settings.jira_api_token or settings.jira)


def check(identity: Identity) -> Check:
    """The look at one token, and what it sees of the project."""
    token = variable(identity.setting)
    remedy = f"Set FIREDOOR_JIRA_URL, {token} to a live token, and FIREDOOR_JIRA_USER to its owner's address (of Cloud)"
    return Check(area=AREA, at=token, look=partial(_look, identity), remedy=remedy)


async def _look(identity: Identity) -> Looks:
    settings, token = identity.settings, variable(identity.setting)
    lacking = [
        name
        for name, value in (("FIREDOOR_JIRA_URL", settings.jira_url), (token, settings.jira_api_token), ("[jira]", settings.jira))
        if not value
    ]
    if lacking or settings.jira is None:
        are, them = ("is", "it") if len(lacking) == 1 else ("are", "them")
        says = f"{' and '.join(lacking)} {are} not set, so tickets are files in the state folder"
        yield failure(AREA, token, says, f"Set {them}, or take out what else is set of Jira")
        return
    async with jira_client(settings, Access.READ) as client:
        me = await client.whoami()
        yield ok(AREA, token, f"Jira knows it: {me.email or me.id}")
        if identity.first:
            yield clocks.compared("Jira", await client.skew())
        yield await _allowed(client, identity, settings.jira)
        if identity.first:
            yield await _level(client, settings.jira)


async def _allowed(client: JiraClient, identity: Identity, jira: JiraTable) -> Diagnosis:
    at = f"{variable(identity.setting)} in project {jira.project}"
    try:
        held = await client.permissions(jira.project, identity.needs | identity.never)
    except NotFound:
        remedy = (
            f"Set project in [jira] to the key of one that is there, and give the token's owner {', '.join(sorted(identity.needs))} in it"
        )
        return failure(AREA, at, "Jira knows no such project, or does not show it to the token's owner", remedy)
    except VendorError as error:
        return untold(error, AREA, at)
    if lacks := sorted(identity.needs - held):
        return failure(AREA, at, f"its owner lacks {', '.join(lacks)}", "Give them to its owner in the project's permission scheme")
    if could := sorted(identity.never & held):
        says = f"its owner has {', '.join(could)}: what only looks could change things"
        return warning(AREA, at, says, "Make the token as another user, who may browse the project and no more")
    return ok(AREA, at, f"its owner has all {len(identity.needs)} permissions that the units declare")


async def _level(client: JiraClient, jira: JiraTable) -> Diagnosis:
    at = f"security level {jira.security_level} of project {jira.project}"
    try:
        levels = await client.levels(jira.project)
    except VendorError as error:
        return untold(error, AREA, at)
    if jira.security_level not in {level.name for level in levels}:
        there = ", ".join(sorted(level.name for level in levels)) or "none"
        says = f"there is no such level that the token's owner may set (there are: {there}), so no ticket is opened in Jira"
        remedy = f"Set security_level in [jira] to one of the project's levels, which the token's owner is in, and give them {MAY_RESTRICT}"
        return failure(AREA, at, says, remedy)
    return ok(AREA, at, "it is there, and may be set")
