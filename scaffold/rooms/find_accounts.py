"""Find accounts of Sample by their logins."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from firedoor.action import FoundInPart, Query, QuerySpec
from scaffold.sample.client import SampleClient
from scaffold.sample.values import SampleAccount


@dataclass(frozen=True, slots=True, kw_only=True)
class Logins:
    """Logins of accounts."""

    logins: tuple[str, ...]


class FindAccounts(Query[Logins, SampleAccount]):
    """`GET /accounts?login=...`, once a login."""

    spec = QuerySpec(
        id="sample.find_accounts",
        title="Find accounts of Sample",
        reads=frozenset({"accounts.read"}),
        pages=("https://docs.example.com/api/accounts",),
    )
    question = Logins
    target = SampleAccount

    def __init__(self, sample: SampleClient) -> None:
        self._sample = sample

    async def find(self, question: Logins) -> Sequence[SampleAccount]:
        """In the order of the logins. Raises `FoundInPart` naming those that Sample does not know."""
        found = await asyncio.gather(*(self._sample.accounts(login) for login in question.logins))
        known = tuple(SampleAccount(account_id=one.id, login=one.login) for accounts in found for one in accounts)
        unknown = [login for login, accounts in zip(question.logins, found, strict=True) if not accounts]
        if unknown:
            raise FoundInPart(f"Sample knows no account {', '.join(unknown)}", found=known, advice="Check the spelling")
        return known
