"""Deactivate a public key that an Okta service app is known by.

An app signs its requests for tokens with its private key; once Okta holds the public one for inactive, what is signed with it is refused,
whoever signs. The private key need not be found for that. The app cannot sign in then, unless it has another key: its owner adds a new one
in the Admin Console.

It does not reach access tokens that were got before, which live until they expire, nor client secrets of the same app. Only signing keys
are deactivated here: nobody signs in with an encryption key.

Undo activates the key, where this run deactivated it and it is still inactive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firedoor.action import Action, Spec
from firedoor.errors import NotFound
from firedoor.inventory import Credential, Disposition
from firedoor.model import Change, Cover, Intent, Plan, Receipt, Residual, Reversal, Snapshot, Tier
from firedoor.treatment import Treatment
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.credentials import OktaClientKey

GONE, CLASS = "GONE", "switch"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyState(Snapshot):
    """Okta's word for the key's status, GONE where there is none. ``signs``: it is no encryption key; ``service``: its app is a service."""

    status: str
    signs: bool = True
    service: bool = True


class DeactivateClientKey(Treatment[OktaClientKey, KeyState], Action[OktaClientKey, KeyState]):
    """`POST /api/v1/apps/{id}/credentials/jwks/{key}/lifecycle/deactivate`."""

    spec = Spec(
        id="okta.deactivate_client_key",
        title="Deactivate a public key of an Okta service app",
        reads=frozenset({"okta.apps.read"}),
        writes=frozenset({"okta.apps.manage"}),
        tier=Tier.ONE,
        reversal=Reversal.EXACT,
        limit=50,
        settle_within=10.0,
        unestablished=(
            "whether Okta refuses to deactivate an app's only key, as it does with secrets; it is tried, and a refusal changes nothing",
            "how soon every part of Okta refuses what an inactive key signed",
        ),
        pages=("https://developer.okta.com/docs/api/openapi/okta-management/management/tag/ApplicationSSOPublicKeys/",),
    )
    target = OktaClientKey
    treats = "okta.client_key"
    ends_as = Disposition.REVOKED
    leaves = (
        Residual(
            what="access tokens that were got with these client keys",
            until="they expire: an hour after issue by default, a day at the most",
            hours=24,
            closes_by="a new signing key for the authorization server, or the resource server refusing this client",
        ),
        Residual(
            what="these client keys, which are inactive",
            until="somebody activates it, which makes it work again",
            closes_by="deleting it in the Admin Console, once nobody misses it",
        ),
    )

    def __init__(self, okta: OktaClient) -> None:
        self._okta = okta

    def target_of(self, credential: Credential) -> OktaClientKey:
        """By the ids of the app and of the key."""
        return OktaClientKey(app_id=credential.holder, title=str(credential.facts.get("app", "")), key_id=credential.id)

    def seen(self, credential: Credential) -> KeyState | None:
        """The list shows all that is read."""
        status = credential.facts.get("status")
        return KeyState(status=status) if isinstance(status, str) else None

    async def clock(self, target: OktaClientKey) -> datetime:
        """Okta's."""
        del target
        return await self._okta.now()

    def lease(self, target: OktaClientKey) -> str:
        """The app's keys."""
        return f"okta:client_keys:{target.app_id}"

    async def read(self, target: OktaClientKey) -> KeyState:
        """What the app is, and what the key is among its keys."""
        try:
            app = await self._okta.app(target.app_id)
            keys = await self._okta.client_keys(target.app_id) if app.is_service else ()
        except NotFound:
            return KeyState(status=GONE)
        if not app.is_service:
            return KeyState(status=GONE if app.status == "DELETED" else "", service=False)
        found = [key for key in keys if key.id == target.key_id]
        return KeyState(status=found[0].status, signs=found[0].use != "enc") if found else KeyState(status=GONE)

    def plan(self, target: OktaClientKey, before: KeyState) -> Plan:
        """One change, where the key is active."""
        what, app = target.label, target.app.label
        if before.status == GONE:
            return Plan(reason=f"{what} is no longer in Okta")
        if not before.service:
            return Plan(impossible=f"{app} is no service app: people sign in through it; see to its keys in the Admin Console")
        if not before.signs:
            return Plan(impossible=f"{what} is for encryption: nobody signs in with it, and Okta deactivates signing keys only")
        covers = (Cover(name=CLASS, says=f"deactivating {what}, should somebody activate it meanwhile", at_most=1),)
        if before.status == "INACTIVE":
            return Plan(reason=f"{what} is inactive", covers=covers)
        if before.status != "ACTIVE":
            return Plan(impossible=f"{what} is {before.status}, which is no status that this knows; look at it in the Admin Console")
        hit = (f"{app}: it cannot sign in with {target.key_id} any more",)
        return Plan(changes=(_switch("deactivate", target, "ACTIVE", "INACTIVE"),), also_hit=hit, covers=covers)

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        """One call."""
        if change.key == "deactivate":
            await self._okta.deactivate_client_key(change.at["app"], change.at["key"])
        else:
            await self._okta.activate_client_key(change.at["app"], change.at["key"])
        return self.receipt(change, intent)

    def receipt(self, change: Change, intent: Intent) -> Receipt:
        """The status before."""
        return Receipt(change=change.key, at=intent.at, facts=change.before)

    def residuals(self, target: OktaClientKey, now: KeyState) -> Sequence[Residual]:
        """What goes on without the key."""
        if now.status == GONE or not now.service:
            return ()
        return (
            Residual(
                what=f"access tokens that were got with {target.label}",
                until="they expire: an hour after issue by default, a day at the most",
                hours=24,
                closes_by="a new signing key for the authorization server, or the resource server refusing this client",
            ),
            Residual(
                what=f"{target.label}, which is inactive",
                until="somebody activates it, which makes it work again",
                closes_by="deleting it in the Admin Console, once nobody misses it",
            ),
        )

    def plan_undo(self, target: OktaClientKey, receipts: Sequence[Receipt], now: KeyState) -> Plan:
        """Activate the key that this run deactivated, if it still is inactive."""
        what = target.label
        if not any(receipt.facts.get("status") == "ACTIVE" for receipt in receipts):
            return Plan(reason=f"this run did not deactivate {what}")
        match now.status:
            case "INACTIVE":
                return Plan(changes=(_switch("activate", target, "INACTIVE", "ACTIVE"),))
            case "ACTIVE":
                return Plan(reason=f"{what} is active")
            case _:
                return Plan(impossible=f"{what} is not as this run left it: it was deleted, or its app changed; look by hand")


def _switch(verb: str, target: OktaClientKey, before: str, after: str) -> Change:
    return Change(
        key=verb,
        subject=f"okta:client_key:{target.key_id}",
        says=f"{verb} {target.label}",
        at={"app": target.app_id, "key": target.key_id},
        before={"status": before},
        after={"status": after},
        cover=CLASS if verb == "deactivate" else "",
    )
