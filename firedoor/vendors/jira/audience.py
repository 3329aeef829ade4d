"""Who of the people in a run could read a ticket in a project.

Jira answers "nobody" to who may not look for users, just as it does where nobody is. So the account looks for itself first: a search that
does not show even that one proves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from firedoor.errors import Forbidden
from firedoor.vendors import fields
from firedoor.vendors.http import HttpOperation
from firedoor.vendors.jira import operations, replies
from firedoor.vendors.jira.problems import VENDOR
from firedoor.vendors.jira.values import Account, Flavour
from firedoor.vendors.jira.wire import Wire

_MOST: Final = "50"


async def readers(wire: Wire, project: str, people: Sequence[str]) -> tuple[str, ...]:
    """Those of ``people`` (e-mail addresses) who have an account that may browse the project. Raises `Forbidden` where nobody can tell."""
    if not people:
        return ()
    me = await whoami(wire)
    if me.id not in {found.id for found in await _users(wire, me.email or me.id)}:
        raise Forbidden(
            "Jira does not let us look for its users, so nobody can tell who would read the ticket",
            vendor=VENDOR,
            operation=operations.FIND_USERS.name,
            advice=f"Give Firedoor's account the global permission {operations.FIND_USERS.permission}",
        )
    return tuple([person for person in people if person == me.email.lower() or await _reads(wire, project, person)])


async def whoami(wire: Wire) -> Account:
    """The owner of the token."""
    read = partial(replies.account, flavour=wire.flavour)
    target = "the owner of the Jira token"
    return await wire.call(operations.GET_CURRENT_USER, read=lambda body: fields.one(body, read), target=target)


async def _reads(wire: Wire, project: str, person: str) -> bool:
    """Whether an account of that address may browse the project. One that hides its address and is found by it counts."""
    by = "accountId" if wire.flavour is Flavour.CLOUD else "username"
    for account in await _users(wire, person):
        if account.email and account.email.lower() != person:
            continue
        query = [(by, account.id), ("permissions", operations.BROWSE), ("projectKey", project)]
        if account.id in {able.id for able in await _accounts(wire, operations.FIND_READERS, query, target=project)}:
            return True
    return False


async def _users(wire: Wire, words: str) -> tuple[Account, ...]:
    by = "query" if wire.flavour is Flavour.CLOUD else "username"
    return await _accounts(wire, operations.FIND_USERS, [(by, words)], target=words)


async def _accounts(wire: Wire, operation: HttpOperation, query: list[tuple[str, str]], *, target: str) -> tuple[Account, ...]:
    read = partial(replies.account, flavour=wire.flavour)
    return await wire.call(operation, query=[*query, ("maxResults", _MOST)], read=lambda body: fields.many(body, read), target=target)
