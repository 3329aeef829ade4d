"""Take back what an Okta user allowed OAuth clients to do.

Every consent that the user gave is revoked, so that a client must ask again, and every refresh token that a client holds for them, so that
it gets no new access token meanwhile. A consent to a client of the attacker's own outlives a new password and a new factor; that is why it
is taken back by itself. Afterwards both are listed again, and none may be left.

It does not end access tokens that are out already: where they are checked offline they work until they expire. Nor does it reach consents
that an administrator gave for everybody, or what an application keeps of its own accord once it was let in.

The approval covers the class of all of the user's consents and tokens, so that a client added in the meantime does not wait for an approval
of its own. There is no undo: the person is asked for their consent when they next use the application, and may give it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from firedoor.action import Action, Spec
from firedoor.errors import NotFound
from firedoor.model import Change, Cover, Intent, Plan, Receipt, Residual, Reversal, Snapshot, Tier
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.values import Consent, OktaUser

CLASS = "grants"
MOST_CLIENTS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantsState(Snapshot):
    """Consents that stand; ``tokens``: for each client that holds live refresh tokens, their ids; ``gone`` where there is no such user."""

    grants: tuple[Consent, ...] = ()
    tokens: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    gone: bool = False


class RevokeGrants(Action[OktaUser, GrantsState]):
    """`DELETE /api/v1/users/{id}/grants`, then `DELETE /api/v1/users/{id}/clients/{client}/tokens` for each client."""

    spec = Spec(
        id="okta.revoke_grants",
        title="Take back what an Okta user allowed OAuth clients to do",
        reads=frozenset({"okta.users.read"}),
        writes=frozenset({"okta.users.manage"}),
        tier=Tier.ONE,
        reversal=Reversal.OWNER,
        limit=50,
        settle_within=10.0,
        sources=("okta.suspend_user",),
        unestablished=("whether revoking a consent also revokes the refresh tokens issued under it; they are revoked by themselves",),
        pages=("https://developer.okta.com/docs/api/openapi/okta-management/management/tag/UserGrant/",),
    )
    target = OktaUser

    def __init__(self, okta: OktaClient) -> None:
        self._okta = okta

    async def clock(self, target: OktaUser) -> datetime:
        """Okta's."""
        del target
        return await self._okta.now()

    def lease(self, target: OktaUser) -> str:
        """The user's consents. Not the user: ending sessions holds that for as long as Okta's log lags."""
        return f"okta:grants:{target.user_id}"

    async def read(self, target: OktaUser) -> GrantsState:
        """Consents and refresh tokens."""
        try:
            grants = await self._okta.user_grants(target.user_id)
            tokens = [token for token in await self._okta.refresh_tokens(target.user_id) if token.status == "ACTIVE"]
        except NotFound:
            return GrantsState(gone=True)
        clients = sorted({token.client_id for token in tokens})
        held = {client: tuple(sorted(token.id for token in tokens if token.client_id == client)) for client in clients}
        standing = (grant for grant in grants if grant.status != "REVOKED")
        return GrantsState(grants=tuple(sorted(standing, key=lambda grant: grant.id)), tokens=held)

    def plan(self, target: OktaUser, before: GrantsState) -> Plan:
        """One change for all consents, then one for each client with tokens."""
        who = target.label
        if before.gone:
            return Plan(reason=f"{who} is no longer in Okta")
        changes = [_grants(target, before.grants)] if before.grants else []
        changes += [_tokens(target, client, tokens) for client, tokens in sorted(before.tokens.items()) if tokens]
        says = f"every consent of {who}, and the refresh tokens of at most {MOST_CLIENTS} clients"
        covers = (Cover(name=CLASS, says=says, at_most=MOST_CLIENTS + 1),)
        if not changes:
            return Plan(reason=f"{who} has no consent in force, and no client holds a refresh token of theirs", covers=covers)
        return Plan(changes=tuple(changes), covers=covers)

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        """One call, harmless to repeat."""
        if change.key == "grants":
            await self._okta.revoke_user_grants(change.at["user"])
        else:
            await self._okta.revoke_client_tokens(change.at["user"], change.at["client"])
        return self.receipt(change, intent)

    def receipt(self, change: Change, intent: Intent) -> Receipt:
        """What was taken back: ids, never a token."""
        return Receipt(change=change.key, at=intent.at, facts=change.before)

    def residuals(self, target: OktaUser, now: GrantsState) -> Sequence[Residual]:
        """What Okta cannot take back."""
        if now.gone:
            return ()
        return (
            Residual(
                what=f"OAuth access tokens of {target.label} that a resource server checks offline",
                until="they expire: an hour after issue by default, a day at the most",
                hours=24,
                closes_by="introspection at the resource server, or a new signing key for its authorization server",
            ),
        )


def _grants(target: OktaUser, grants: Sequence[Consent]) -> Change:
    clients = sorted({grant.client_id or "an unnamed client" for grant in grants})
    return Change(
        key="grants",
        subject=f"okta:grants:{target.user_id}",
        says=f"take back {len(grants)} consent(s) that {target.label} gave to {', '.join(clients)}",
        at={"user": target.user_id},
        before={"grants": [f"{grant.id} {grant.client_id} {grant.scope}" for grant in grants]},
        after={"grants": "none"},
        cover=CLASS,
    )


def _tokens(target: OktaUser, client: str, tokens: Sequence[str]) -> Change:
    return Change(
        key=f"tokens:{client}",
        subject=f"okta:tokens:{target.user_id}/{client}",
        says=f"revoke {len(tokens)} refresh token(s) that client {client} holds of {target.label}",
        at={"user": target.user_id, "client": client},
        before={"tokens": list(tokens)},
        after={"tokens": "none"},
        cover=CLASS,
    )
