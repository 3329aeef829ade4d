"""Find the Okta users to let in again, with the proof of identity that was taken of them.

Every login must be a user's whole login, as in `okta.find_users`. One proof is for all of them: where they were verified in different ways,
each has a run of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from firedoor.action import Query, QuerySpec
from firedoor.errors import BadInput, NotFound
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.restoring import Proof, Restoration, proof_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """Logins, the name of who verified that it is they who ask, the way (one of `Proof`), and a ticket or case where that is on record."""

    users: tuple[str, ...]
    verified_by: str
    how: str
    reference: str


class FindRestorations(Query[Verified, Restoration]):
    """The users of the given logins, in their order, each with the proof."""

    spec = QuerySpec(
        id="okta.find_restorations",
        title="Find Okta users to let in again",
        reads=frozenset({"okta.users.read"}),
        pages=("https://developer.okta.com/docs/api/openapi/okta-management/management/tag/User/",),
    )
    question = Verified
    target = Restoration

    def __init__(self, okta: OktaClient) -> None:
        self._okta = okta

    async def find(self, question: Verified) -> Sequence[Restoration]:
        """One target a login. Raises `BadInput` where Okta has no such user, or the proof is none."""
        how = proof_of(question.how)
        return await asyncio.gather(*(self._one(login, how, question) for login in question.users))

    async def _one(self, login: str, how: Proof, question: Verified) -> Restoration:
        try:
            found = await self._okta.user(login)
        except NotFound as missing:
            raise BadInput("Okta has no user of that login", target=login, advice="Check its spelling, or leave it out") from missing
        return Restoration(
            user_id=found.id,
            login=found.login,
            verified_by=question.verified_by,
            how=how,
            reference=question.reference,
        )
