"""Whether somebody in a plan administers the identity provider or the chat: then chat is downstream of whoever took their account over."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from firedoor.errors import NotFound, VendorError

if TYPE_CHECKING:
    from firedoor.vendors.okta.client import OktaClient
    from firedoor.vendors.slack.client import SlackClient

AT_ONCE: Final = 8
USER: Final = "okta:user:"
_ID: Final = re.compile(r"00u[A-Za-z0-9]+")

log = logging.getLogger(__name__)


async def among(names: Sequence[str], *, okta: OktaClient | None, slack: SlackClient | None) -> Sequence[str]:
    """Why decisions must be signed where targets go by these names, a reason for each who has such power; empty where nobody has.

    A vendor that does not answer may hide one, so that counts as a reason too.
    """
    people = [name.removeprefix(USER) for name in names if name.startswith(USER)]
    gate = asyncio.Semaphore(AT_ONCE)

    async def of_okta(user: str) -> str:
        assert okta is not None
        async with gate:
            try:
                roles = await okta.admin_roles(user)
            except NotFound:
                return ""
            except VendorError as error:
                log.warning("whether a target administers Okta cannot be told: %s", error.what)
                return "whether somebody in the plan administers Okta could not be read"
        return "an administrator of Okta is in the plan" if roles else ""

    async def of_slack(login: str) -> str:
        assert slack is not None
        async with gate:
            try:
                found = await slack.person_by_email(login)
            except NotFound:
                return ""
            except VendorError as error:
                log.warning("whether a target administers Slack cannot be told: %s", error.what)
                return "whether somebody in the plan administers Slack could not be read"
        return "an administrator of Slack is in the plan" if found.admin else ""

    ids = {name for name in people if _ID.fullmatch(name)} if okta is not None else set()
    logins = {name.lower() for name in people if "@" in name} if slack is not None else set()
    found = await asyncio.gather(*(of_okta(user) for user in sorted(ids)), *(of_slack(login) for login in sorted(logins)))
    return tuple(dict.fromkeys(why for why in found if why))
