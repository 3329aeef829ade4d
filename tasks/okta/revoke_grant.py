"""Take back one grant: that one OAuth client may have one scope of one Okta user.

The client must ask for consent again. Where there is no such grant any more, it is done.

There is no undo: only the user can consent anew, and a program that stands behind the user cannot click. It does not revoke the refresh
tokens that the client holds for the user, of which Okta does not say whether they go with the grant, nor access tokens that are out.
`okta.revoke_grants` takes back everything of one user, refresh tokens too.
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
from firedoor.vendors.okta.credentials import OktaGrant

REVOKED = "REVOKED"


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantState(Snapshot):
    """To which client it is, and for which scope; ``gone`` where it is revoked, or there is none."""

    client: str = ""
    scope: str = ""
    gone: bool = False


class RevokeGrant(Treatment[OktaGrant, GrantState], Action[OktaGrant, GrantState]):
    """`DELETE /api/v1/users/{id}/grants/{grant}`."""

    spec = Spec(
        id="okta.revoke_grant",
        title="Take back one grant of an Okta user",
        reads=frozenset({"okta.users.read"}),
        writes=frozenset({"okta.users.manage"}),
        tier=Tier.ONE,
        reversal=Reversal.NEVER,
        limit=50,
        settle_within=10.0,
        after=("okta.suspend_user",),
        unestablished=(
            "whether revoking a grant also revokes the refresh tokens issued under it; it is taken not to",
            "whether a revoked grant is shown as REVOKED or not at all; both are taken for revoked",
        ),
        pages=("https://developer.okta.com/docs/api/openapi/okta-management/management/tag/UserGrant/",),
    )
    target = OktaGrant
    treats = "okta.grant"
    ends_as = Disposition.REVOKED
    leaves = (
        Residual(
            what="refresh tokens, and access tokens out already, of these grants",
            until="they expire or are revoked",
            closes_by="okta.revoke_grants for the user, and waiting for the access tokens",
        ),
    )

    def __init__(self, okta: OktaClient) -> None:
        self._okta = okta

    def target_of(self, credential: Credential) -> OktaGrant:
        """By the ids of the grant and of its user."""
        login, client, scope = (str(credential.facts.get(fact, "")) for fact in ("login", "client", "scope"))
        return OktaGrant(grant_id=credential.id, user_id=credential.holder, login=login, client_id=client, scope=scope)

    def seen(self, credential: Credential) -> GrantState:
        """The list shows all that is read."""
        if credential.facts.get("status") == REVOKED:
            return GrantState(gone=True)
        return GrantState(client=str(credential.facts.get("client", "")), scope=str(credential.facts.get("scope", "")))

    async def clock(self, target: OktaGrant) -> datetime:
        """Okta's."""
        del target
        return await self._okta.now()

    def lease(self, target: OktaGrant) -> str:
        """The user's grants."""
        return f"okta:grants:{target.user_id}"

    async def read(self, target: OktaGrant) -> GrantState:
        """Whether it is in force, and what for."""
        try:
            grant = await self._okta.user_grant(target.user_id, target.grant_id)
        except NotFound:
            return GrantState(gone=True)
        return GrantState(gone=True) if grant.status == REVOKED else GrantState(client=grant.client_id, scope=grant.scope)

    def plan(self, target: OktaGrant, before: GrantState) -> Plan:
        """One change, where it is in force."""
        what = target.label
        if before.gone:
            return Plan(reason=f"Okta has no {what} in force")
        change = Change(
            key="revoke",
            subject=f"okta:grant:{target.grant_id}",
            says=f"take back {what}",
            at={"user": target.user_id, "grant": target.grant_id},
            before={"client": before.client, "scope": before.scope},
            after={"grant": "none"},
        )
        return Plan(changes=(change,), also_hit=(f"client {before.client or 'without a name'}: it gets no new token for this scope",))

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        """One call. That there is no such grant is what was wanted; the reading afterwards tells."""
        with suppress(NotFound):
            await self._okta.revoke_user_grant(change.at["user"], change.at["grant"])
        return self.receipt(change, intent)

    def receipt(self, change: Change, intent: Intent) -> Receipt:
        """To which client it was, and for which scope."""
        return Receipt(change=change.key, at=intent.at, facts=change.before)

    def residuals(self, target: OktaGrant, now: GrantState) -> Sequence[Residual]:
        """What the client may still hold."""
        del now
        return (
            Residual(
                what=f"refresh tokens, and access tokens out already, of {target.label}",
                until="they expire or are revoked",
                closes_by="okta.revoke_grants for the user, and waiting for the access tokens",
            ),
        )
