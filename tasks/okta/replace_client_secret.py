"""Replace a client secret of an Okta service app with one that nobody was told.

Okta does not let an app be without a secret that works. So another one is made first: Okta answers with it, and the answer is thrown away
but for the id. Then the old secret is deactivated, and from then on whoever holds it gets no token. Where the app has another active secret
already, none is made: only the named one is deactivated, and the other is a credential by itself. Okta lets an app have two: where the
other one is inactive, it is deleted first, to make room.

The app cannot sign in then. That is containment without a destination; its owner makes a secret in the Admin Console, installs it, and
deletes this run's. It does not reach access tokens that were got before: they live until they expire. Keys of the app are left alone.

The approval covers all of this as a class, so that nobody who adds or switches a secret meanwhile is in its way.

Each receipt of a new secret names it as `made`. Where Okta's answer was lost, the list is read: a secret that was not there before, made
since this run meant to make one, is taken for it, as an app has room for one more only. Where that could not be read either, the receipt
says which were there `beside` it, and since when.

Undo activates the old secret, where it is still there. The new one stays, and so does a deleted one away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from firedoor.action import Action, Spec
from firedoor.canonical import JSON
from firedoor.errors import BadInput, NotFound, VendorError
from firedoor.inventory import Credential, Disposition
from firedoor.model import Change, Cover, Intent, Plan, Receipt, Residual, Reversal, Snapshot, Tier
from firedoor.treatment import Treatment
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.clientcredentials import MOST_SECRETS
from firedoor.vendors.okta.credentials import OktaClientSecret
from firedoor.vendors.okta.problems import NotYet

ACTIVE, INACTIVE, GONE = "ACTIVE", "INACTIVE", "GONE"
CLASS, MOST = "secrets", 4  # one is deleted, or two where somebody puts another in the way, one made, one deactivated


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretsState(Snapshot):
    """The statuses of the app's secrets by their ids. ``service``: it is a service app of the org's own; ``gone``: there is no such app."""

    secrets: Mapping[str, str] = field(default_factory=dict)
    service: bool = True
    gone: bool = False


class ReplaceClientSecret(Treatment[OktaClientSecret, SecretsState], Action[OktaClientSecret, SecretsState]):
    """`DELETE /api/v1/apps/{id}/credentials/secrets/{other}`, `POST .../secrets`, `POST .../secrets/{old}/lifecycle/deactivate`."""

    spec = Spec(
        id="okta.replace_client_secret",
        title="Replace a client secret with one that nobody was told",
        reads=frozenset({"okta.apps.read"}),
        writes=frozenset({"okta.apps.manage"}),
        tier=Tier.ONE,
        reversal=Reversal.PARTIAL,
        limit=50,
        settle_within=10.0,
        unestablished=(
            "whether an inactive secret counts when Okta refuses to deactivate the only one; it is taken not to",
            "what Okta answers to deactivating a secret that is inactive, and whether every part of it refuses such a secret at once",
        ),
        pages=("https://developer.okta.com/docs/api/openapi/okta-management/management/tag/ApplicationSSOCredentialOAuth2ClientAuth/",),
    )
    target = OktaClientSecret
    treats = "okta.client_secret"
    ends_as = Disposition.REVOKED
    leaves = (
        Residual(
            what="access tokens that were got with these client secrets",
            until="they expire: an hour after issue by default, a day at the most",
            hours=24,
            closes_by="a new signing key for the authorization server, or the resource server refusing this client",
        ),
        Residual(
            what="these client secrets, which are inactive",
            until="somebody activates it, which makes it work again",
            closes_by="deleting it in the Admin Console, once nobody misses it",
        ),
        Residual(
            what="the outage of apps that cannot sign in with a secret that nobody was told",
            until="its owner makes a new secret and installs it",
            closes_by="making one in the Admin Console",
        ),
    )

    def __init__(self, okta: OktaClient) -> None:
        self._okta = okta

    def target_of(self, credential: Credential) -> OktaClientSecret:
        """By the ids of the app and of the secret."""
        return OktaClientSecret(app_id=credential.holder, title=str(credential.facts.get("app", "")), secret_id=credential.id)

    def seen(self, credential: Credential) -> SecretsState:
        """The list shows all secrets of the app. Raises `BadInput` where its facts lack them."""
        secrets = credential.facts.get("secrets")
        if not isinstance(secrets, Mapping):
            raise BadInput("the listing does not say which secrets the app has", target=credential.label, advice="List it again")
        return SecretsState(secrets={name: str(status) for name, status in secrets.items()})

    async def clock(self, target: OktaClientSecret) -> datetime:
        """Okta's."""
        del target
        return await self._okta.now()

    def lease(self, target: OktaClientSecret) -> str:
        """The app's secrets: what may be done to one hangs on the other."""
        return f"okta:client_secrets:{target.app_id}"

    async def read(self, target: OktaClientSecret) -> SecretsState:
        """What the app is, and its secrets."""
        try:
            app = await self._okta.app(target.app_id)
            if not app.is_service:
                return SecretsState(service=False, gone=app.status == "DELETED")
            return SecretsState(secrets=await self._statuses(target.app_id))
        except NotFound:
            return SecretsState(gone=True)

    def plan(self, target: OktaClientSecret, before: SecretsState) -> Plan:
        """What is left of: make room, make another, deactivate this one."""
        what, app = target.label, target.app.label
        status = before.secrets.get(target.secret_id, GONE)
        if before.gone:
            return Plan(reason=f"{app} is no longer in Okta")
        if not before.service:
            return Plan(impossible=f"{app} is no service app: people sign in through it; replace its secrets in the Admin Console")
        if status not in {ACTIVE, INACTIVE, GONE}:
            return Plan(impossible=f"{what} is {status}, which is no status that this knows; look at it in the Admin Console")
        says = f"deactivating {what}, after another one was made that nobody is told, and an inactive one deleted to make room for it"
        covers = (Cover(name=CLASS, says=says, at_most=MOST),)
        if status != ACTIVE:
            return Plan(reason=f"{what} is {'inactive' if status == INACTIVE else 'no longer in Okta'}", covers=covers)
        others = {name: status for name, status in sorted(before.secrets.items()) if name != target.secret_id}
        first = () if ACTIVE in others.values() else (*(_drop(target, name) for name in others), _make(target, before.secrets))
        hit = f"{app}: it cannot sign in with {target.secret_id} any more"
        return Plan(changes=(*first, _switch("deactivate", target, ACTIVE, INACTIVE)), also_hit=(hit,), covers=covers)

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        """One call. What builds on another looks first whether that one shows, and is `NotYet` to be made otherwise."""
        app, secret = change.at["app"], change.at["secret"]
        match change.key:
            case "make":
                if len(await self._statuses(app)) >= MOST_SECRETS:
                    raise _not_yet("there is no room for another secret yet", change)
                return Receipt(change=change.key, at=intent.at, facts=_made(change, intent, await self._make(app, change, intent)))
            case "deactivate":
                if not any(status == ACTIVE for name, status in (await self._statuses(app)).items() if name != secret):
                    raise _not_yet("no other secret of the app works yet", change)
                await self._okta.deactivate_client_secret(app, secret)
            case "activate":
                await self._okta.activate_client_secret(app, secret)
            case _:
                with suppress(NotFound):
                    await self._okta.delete_client_secret(app, secret)
        return self.receipt(change, intent)

    async def _make(self, app: str, change: Change, intent: Intent) -> str:
        """The id of a new secret; read from the list, where the answer was lost."""
        try:
            return (await self._okta.create_client_secret(app)).id
        except VendorError as error:
            if error.changed is not None:
                raise
            with suppress(VendorError):
                listed = await self._okta.client_secrets(app)
                for one in listed:
                    if one.id not in change.before and one.created is not None and one.created >= intent.at:
                        return one.id
            raise

    async def _statuses(self, app_id: str) -> Mapping[str, str]:
        return {secret.id: secret.status for secret in await self._okta.client_secrets(app_id)}

    def receipt(self, change: Change, intent: Intent) -> Receipt:
        """The status before; of a new secret, what tells it from those that were there."""
        facts = _made(change, intent, "") if change.key == "make" else change.before
        return Receipt(change=change.key, at=intent.at, facts=facts)

    def residuals(self, target: OktaClientSecret, now: SecretsState) -> Sequence[Residual]:
        """What goes on, and what does not."""
        if now.gone or not now.service:
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
            Residual(
                what=f"the outage of {target.app.label}, which cannot sign in with a secret that nobody was told",
                until="its owner makes a new secret and installs it",
                closes_by="making one in the Admin Console",
            ),
        )

    def plan_undo(self, target: OktaClientSecret, receipts: Sequence[Receipt], now: SecretsState) -> Plan:
        """Activate the secret that this run deactivated, if it still is inactive."""
        what = target.label
        if not any(receipt.change == "deactivate" and receipt.facts.get("status") == ACTIVE for receipt in receipts):
            return Plan(reason=f"this run did not deactivate {what}")
        match now.secrets.get(target.secret_id):
            case "INACTIVE":
                return Plan(changes=(_switch("activate", target, INACTIVE, ACTIVE),))
            case "ACTIVE":
                return Plan(reason=f"{what} is active; a secret that this run made stays")
            case _:
                return Plan(impossible=f"{what} has been deleted since, which nothing brings back; make a new one in the Admin Console")


def _switch(verb: str, target: OktaClientSecret, before: str, after: str) -> Change:
    return Change(
        key=verb,
        subject=f"okta:client_secret:{target.secret_id}",
        says=f"{verb} {target.label}",
        at={"app": target.app_id, "secret": target.secret_id},
        before={"status": before},
        after={"status": after},
        cover=CLASS if verb == "deactivate" else "",
    )


def _make(target: OktaClientSecret, there: Mapping[str, str]) -> Change:
    return Change(
        key="make",
        subject=f"okta:client_secrets:{target.app_id}",
        says=f"make a new client secret of {target.app.label} that nobody is told",
        at={"app": target.app_id, "secret": target.secret_id},
        before=dict(there),
        after={"secret": "a new one"},
        cover=CLASS,
    )


def _drop(target: OktaClientSecret, other: str) -> Change:
    return Change(
        key=f"drop:{other}",
        subject=f"okta:client_secret:{other}",
        says=f"delete client secret {other} of {target.app.label}, which is inactive, to make room for another",
        at={"app": target.app_id, "secret": other},
        before={"status": INACTIVE},
        after={"status": "none"},
        cover=CLASS,
    )


def _not_yet(why: str, change: Change) -> NotYet:
    return NotYet(f"{why}, so this was not tried: {change.says}", operation=change.key, target=change.at["secret"])


def _made(change: Change, intent: Intent, made: str) -> dict[str, JSON]:
    """What a receipt says of a new secret: its id, or else which were there beside it, and since when it is."""
    return {"made": made} if made else {"beside": sorted(change.before), "since": intent.at.isoformat()}
