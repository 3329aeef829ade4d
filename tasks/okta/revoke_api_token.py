"""Revoke an Okta API token.

The token stops working at once, for whoever holds it: the program that it was made for, and whoever stole it. It is named by its id; its
value, which Okta never shows again once it is made, is not needed. Where there is no live token of that id, it is done: Okta does not say
whether there ever was one.

There is no undo. An administrator makes a new token in the Admin Console, and installs it where the old one was. Whoever can sign in as an
administrator can make one too: where the owner is in the attacker's hands, suspend them first and end their sessions.

Firedoor's own token is known by its owner alone. Where Firedoor has several tokens with owners of their own, only the owner of the one in
use is known: name the others under `protected`. A target goes by its owner's names too, so the guard refuses the tokens of Firedoor's own
user and of everybody else who is protected; and a token that turns out to be another user's than the target says is left alone. It does
not reach the access tokens of OAuth clients, which are no API tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from firedoor.action import Action, Spec
from firedoor.errors import NotFound
from firedoor.inventory import Credential, Disposition
from firedoor.model import Change, Intent, Plan, Receipt, Residual, Reversal, Snapshot, Tier
from firedoor.treatment import Treatment
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.credentials import OktaApiToken


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiTokenState(Snapshot):
    """Whose the token is and what they called it; ``gone`` where there is no live one of that id."""

    user_id: str = ""
    name: str = ""
    gone: bool = False


class RevokeApiToken(Treatment[OktaApiToken, ApiTokenState], Action[OktaApiToken, ApiTokenState]):
    """`DELETE /api/v1/api-tokens/{id}`."""

    spec = Spec(
        id="okta.revoke_api_token",
        title="Revoke an Okta API token",
        reads=frozenset({"okta.apiTokens.read"}),
        writes=frozenset({"okta.apiTokens.manage"}),
        tier=Tier.ONE,
        reversal=Reversal.NEVER,
        limit=50,
        settle_within=10.0,
        after=("okta.suspend_user", "okta.revoke_sessions"),
        unestablished=("how soon every part of Okta refuses a revoked token; it is taken to be at once, as the list shows it",),
        pages=("https://developer.okta.com/docs/api/openapi/okta-management/management/tag/ApiToken/",),
    )
    target = OktaApiToken
    treats = "okta.api_token"
    ends_as = Disposition.REVOKED
    leaves = (
        Residual(
            what="API tokens that the owners of these make anew, or whoever signs in as them",
            until="they can no longer sign in as an administrator",
            closes_by="okta.suspend_user, then okta.revoke_sessions",
        ),
    )

    def __init__(self, okta: OktaClient) -> None:
        self._okta = okta

    def target_of(self, credential: Credential) -> OktaApiToken:
        """By the ids of the token and of its owner."""
        name, login = (str(credential.facts.get(fact, "")) for fact in ("name", "login"))
        return OktaApiToken(token_id=credential.id, title=name, user_id=credential.holder, login=login)

    def seen(self, credential: Credential) -> ApiTokenState:
        """The list shows all that is read."""
        return ApiTokenState(user_id=credential.holder, name=str(credential.facts.get("name", "")))

    async def clock(self, target: OktaApiToken) -> datetime:
        """Okta's."""
        del target
        return await self._okta.now()

    def lease(self, target: OktaApiToken) -> str:
        """The token."""
        return f"okta:api_token:{target.token_id}"

    async def read(self, target: OktaApiToken) -> ApiTokenState:
        """Whether it lives, and whose it is."""
        try:
            token = await self._okta.api_token(target.token_id)
        except NotFound:
            return ApiTokenState(gone=True)
        return ApiTokenState(user_id=token.user_id, name=token.name)

    def plan(self, target: OktaApiToken, before: ApiTokenState) -> Plan:
        """One change, where it lives and is whose the target says."""
        what = target.label
        if before.gone:
            return Plan(reason=f"Okta has no live {what}")
        if before.user_id != target.user_id:
            return Plan(impossible=f"{what} belongs to another user, {before.user_id}, and is left alone; name it by its true owner")
        change = Change(
            key="revoke",
            subject=f"okta:api_token:{target.token_id}",
            says=f"revoke {what} in Okta",
            at={"token": target.token_id},
            before={"name": before.name, "owner": before.user_id},
            after={"token": "none"},
        )
        return Plan(changes=(change,), also_hit=(f"the program that uses {what}: Okta refuses it until somebody gives it another token",))

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        """One call. That there is no such token is what was wanted; the reading afterwards tells."""
        with suppress(NotFound):
            await self._okta.revoke_api_token(change.at["token"])
        return self.receipt(change, intent)

    def receipt(self, change: Change, intent: Intent) -> Receipt:
        """What it was called, and whose it was."""
        return Receipt(change=change.key, at=intent.at, facts=change.before)

    def residuals(self, target: OktaApiToken, now: ApiTokenState) -> Sequence[Residual]:
        """What its owner can still do."""
        del now
        return (
            Residual(
                what=f"API tokens that {target.login or target.user_id} makes anew, or whoever signs in as them",
                until="they can no longer sign in as an administrator",
                closes_by="okta.suspend_user, then okta.revoke_sessions",
            ),
        )
