"""Deactivate an Okta service app: an OAuth client that gets tokens for its own secret or key, with nobody signing in.

An app that is INACTIVE gets no new token, whoever holds its secret or its private key. First the app is switched off, which is what mints;
then, where Okta lists refresh tokens of it, those are revoked, and the access tokens issued with them. Both are in the plan.

Its client secrets and keys stay as they are: activating the app makes every one of them work again, the stolen one included. Rotate them
before that. Undo activates the app, where this run switched it off and it is still off; refresh tokens that were revoked do not come back.
Okta keeps no time of an app's status: whether somebody activated and deactivated it since cannot be told, and the plan of an undo says so.

It cannot reach access tokens that were got with client credentials: these have no refresh token, Okta lists them nowhere, and a resource
server that checks them offline takes them until they expire. Nor does it reach API service integrations from Okta's catalogue, which are no
apps of the org's own.

Only service apps are switched off here. With an app that people sign in through, Okta also removes assignments, which activating it would
not wholly restore; and Okta's own apps, such as the Admin Console, are never touched. The plan says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firedoor.action import Action, Spec
from firedoor.errors import NotFound
from firedoor.model import Change, Cover, Intent, Plan, Receipt, Residual, Reversal, Snapshot, Tier
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.values import OktaApp

GONE = "GONE"
OWN_CLIENT, SERVICE = "oidc_client", "service"
CLASS, SWITCH = "tokens", "switch"
# The catalogue keys of Okta's own apps, as seen in orgs: the Admin Console, and Workflows under its older one. Others begin with "okta_".
OF_OKTA, OKTAS = ("saasure", "flow"), "okta_"
AS_IT_IS = ", with the secrets and keys it has, also where somebody else has deactivated it again since"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppState(Snapshot):
    """``status`` is Okta's word, GONE where there is no app; ``name`` and ``kind`` tell what it is. ``tokens``: refresh tokens by id."""

    status: str
    name: str = ""
    kind: str = ""
    tokens: tuple[str, ...] = ()


class DeactivateServiceApp(Action[OktaApp, AppState]):
    """`POST /api/v1/apps/{id}/lifecycle/deactivate`, then `DELETE /api/v1/apps/{id}/tokens`."""

    spec = Spec(
        id="okta.deactivate_service_app",
        title="Deactivate an Okta service app",
        reads=frozenset({"okta.apps.read"}),
        writes=frozenset({"okta.apps.manage"}),
        tier=Tier.ONE,
        reversal=Reversal.PARTIAL,
        limit=20,
        settle_within=10.0,
        unestablished=(
            "whether Okta's own introspection still calls an access token good whose app is inactive; it is taken to",
            "that saasure, flow and what begins with okta_ are the catalogue keys of Okta's own apps; no such app is acted on in any case",
        ),
        pages=(
            "https://developer.okta.com/docs/api/openapi/okta-management/management/tag/Application/",
            "https://developer.okta.com/docs/api/openapi/okta-management/management/tag/ApplicationTokens/",
        ),
    )
    target = OktaApp

    def __init__(self, okta: OktaClient) -> None:
        self._okta = okta

    async def clock(self, target: OktaApp) -> datetime:
        """Okta's."""
        del target
        return await self._okta.now()

    def lease(self, target: OktaApp) -> str:
        """The app."""
        return f"okta:app:{target.app_id}"

    async def read(self, target: OktaApp) -> AppState:
        """What the app is, its status, and its refresh tokens where it is one that this acts on."""
        try:
            app = await self._okta.app(target.app_id)
            ours = app.name == OWN_CLIENT and app.kind == SERVICE and app.status != "DELETED"
            tokens = await self._okta.app_tokens(target.app_id) if ours else ()
        except NotFound:
            return AppState(status=GONE)
        live = tuple(sorted(token.id for token in tokens if token.status == "ACTIVE"))
        return AppState(status=app.status, name=app.name, kind=app.kind, tokens=live)

    def plan(self, target: OktaApp, before: AppState) -> Plan:
        """Switch it off, then revoke its tokens, whichever is left to do."""
        what = target.label
        if before.status in (GONE, "DELETED"):
            return Plan(reason=f"{what} is no longer in Okta")
        if before.name in OF_OKTA or before.name.startswith(OKTAS):
            return Plan(impossible=f"{what} is an app of Okta's own ({before.name}), which is never switched off from here")
        if before.name != OWN_CLIENT or before.kind != SERVICE:
            kind = before.kind or before.name or "another kind of"
            words = f"{what} is no service app but a {kind} app, and deactivating it would drop assignments; do that in the Admin Console"
            return Plan(impossible=words)
        if before.status not in ("ACTIVE", "INACTIVE"):
            return Plan(impossible=f"{what} is {before.status}, which is no status that this knows; look at it in the Admin Console")
        changes = [_switch("deactivate", target, "ACTIVE", "INACTIVE")] if before.status == "ACTIVE" else []
        changes += [_revoke(target, before.tokens)] if before.tokens else []
        covers = (
            Cover(name=SWITCH, says=f"deactivating {what}, should somebody activate it meanwhile", at_most=1),
            Cover(name=CLASS, says=f"the refresh tokens of {what}, all at once", at_most=1),
        )
        if not changes:
            return Plan(reason=f"{what} is inactive, and Okta lists no refresh token of it", covers=covers)
        return Plan(changes=tuple(changes), covers=covers)

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        """One call, harmless to repeat."""
        match change.key:
            case "deactivate":
                await self._okta.deactivate_app(change.at["app"])
            case "activate":
                await self._okta.activate_app(change.at["app"])
            case _:
                await self._okta.revoke_app_tokens(change.at["app"])
        return self.receipt(change, intent)

    def receipt(self, change: Change, intent: Intent) -> Receipt:
        """What was there before: the status, or the ids of the tokens."""
        return Receipt(change=change.key, at=intent.at, facts=change.before)

    def residuals(self, target: OktaApp, now: AppState) -> Sequence[Residual]:
        """What lives on without the app."""
        if now.status == GONE:
            return ()
        return (
            Residual(
                what=f"access tokens that {target.label} got with client credentials",
                until="they expire: an hour after issue by default, a day at the most",
                hours=24,
                closes_by="a new signing key for the authorization server, or the resource server refusing this client",
            ),
            Residual(
                what=f"client secrets and keys of {target.label}, stolen ones among them",
                until="the app is activated again, which makes them work",
                closes_by="rotating each of them before that",
            ),
        )

    def plan_undo(self, target: OktaApp, receipts: Sequence[Receipt], now: AppState) -> Plan:
        """Activate the app that this run switched off, if it still is off."""
        what = target.label
        if not any(receipt.facts.get("status") == "ACTIVE" for receipt in receipts):
            return Plan(reason=f"this run did not deactivate {what}")
        match now.status:
            case "INACTIVE":
                return Plan(changes=(_switch("activate", target, "INACTIVE", "ACTIVE"),))
            case "ACTIVE":
                return Plan(reason=f"{what} is active")
            case status:
                return Plan(impossible=f"{what} is not as this run left it, but {status}; look by hand")


def _switch(verb: str, target: OktaApp, before: str, after: str) -> Change:
    return Change(
        key=verb,
        subject=f"okta:app:{target.app_id}",
        says=f"{verb} {target.label} in Okta" + (AS_IT_IS if verb == "activate" else ""),
        at={"app": target.app_id},
        before={"status": before},
        after={"status": after},
        cover=SWITCH if verb == "deactivate" else "",
    )


def _revoke(target: OktaApp, tokens: Sequence[str]) -> Change:
    return Change(
        key="tokens",
        subject=f"okta:tokens:{target.app_id}",
        says=f"revoke {len(tokens)} refresh token(s) of {target.label}",
        at={"app": target.app_id},
        before={"tokens": list(tokens)},
        after={"tokens": "none"},
        cover=CLASS,
    )
