"""The accounts that people and protected targets are named by: a login that is nobody's protects nobody, and bars nobody from approving."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from firedoor.clients import okta_client
from firedoor.doctor.checkup import Check, Diagnosis, Looks, failed, failure, not_checked, ok, warning
from firedoor.errors import BadInput, Forbidden, NotFound, VendorError
from firedoor.settings import Settings
from firedoor.vendors.access import Access

if TYPE_CHECKING:
    from firedoor.vendors.okta.client import OktaClient

AREA: Final = "roster"
AT_ONCE: Final = 5
USER: Final = "okta:user:"


def check(settings: Settings) -> Check:
    """The look at each of them in Okta."""
    return Check(
        area=AREA, at="accounts in Okta", look=partial(_look, settings), remedy="Set FIREDOOR_OKTA_ORG_URL and FIREDOOR_OKTA_API_TOKEN"
    )


async def _look(settings: Settings) -> Looks:
    for person in settings.people:
        if not person.accounts:
            says = "no account of theirs is named: nothing in a plan is known to be theirs, and they could approve what is done to them"
            yield warning(AREA, person.name, says, "List their own accounts (okta:user:LOGIN) under [[people]]")
    contains = settings.model_copy(update={"okta_preview_api_token": None})
    async with okta_client(contains, Access.READ) as client:
        gate = asyncio.Semaphore(AT_ONCE)
        for one in await asyncio.gather(*(_user(client, whose, login, gate) for whose, login in _logins(settings))):
            yield one


def _logins(settings: Settings) -> Sequence[tuple[str, str]]:
    named = [(person.name, name) for person in settings.people for name in person.accounts]
    named += [("[[protected]]", one.name) for one in settings.protected]
    return [(whose, name.removeprefix(USER)) for whose, name in named if name.startswith(USER)]


async def _user(client: OktaClient, whose: str, login: str, gate: asyncio.Semaphore) -> Diagnosis:
    at, remedy = f"{whose}: {USER}{login}", "Correct it to the whole login, or the id, of a user who is there"
    try:
        async with gate:
            found = await client.user(login)
    except NotFound:
        return failure(AREA, at, "Okta knows no such user, so it protects nobody", remedy)
    except BadInput as error:
        return failure(AREA, at, error.what, remedy)
    except Forbidden as error:
        return not_checked(AREA, at, error.what, error.advice)
    except VendorError as error:
        return failed(error, AREA, at)
    return ok(AREA, at, f"Okta knows them: {found.status}")
