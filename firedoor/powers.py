"""Whether somebody in a plan administers the identity provider or the chat: then chat is downstream of whoever took their account over."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Sequence
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

    async def told(vendor: str, administers: Awaitable[bool]) -> str:
        async with gate:
            try:
                return f"an administrator of {vendor} is in the plan" if await administers else ""
            except NotFound:
                return ""
            except VendorError as error:
                log.warning("whether a target administers %s cannot be told: %s", vendor, error.what)
                return f"whether somebody in the plan administers {vendor} could not be read"

    ids = {name for name in people if _ID.fullmatch(name)}
    logins = {name.lower() for name in people if "@" in name}
    asked = [told("Okta", _in_okta(okta, user)) for user in sorted(ids)] if okta is not None else []
    asked += [told("Slack", _in_slack(slack, login)) for login in sorted(logins)] if slack is not None else []
    return tuple(dict.fromkeys(why for why in await asyncio.gather(*asked) if why))


async def _in_okta(okta: OktaClient, user: str) -> bool:
    return bool(await okta.admin_roles(user))


async def _in_slack(slack: SlackClient, login: str) -> bool:
    return (await slack.person_by_email(login)).admin
