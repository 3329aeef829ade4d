"""The simulated org's applications and the consents that people gave them, with Okta's rules for switching and revoking.

An OAuth client of type ``service`` gets access tokens for its id and secret alone. Left out: every other kind of client's own flows,
private keys, scopes, assignments. Played at its worst for the defender: an access token of a service app works until it expires, whatever
becomes of the app.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from firedoor.vendors.okta.systemlog import Party
from firedoor.vendors.okta.world import ACCESS_LIFETIME, FIRST_DAY, OAuthToken, OktaWorld, User


@dataclass(slots=True, kw_only=True)
class App:
    """An application; for an OAuth client, ``id`` is its client id too. ``access`` are access tokens, each with its expiry."""

    id: str
    label: str
    name: str = "oidc_client"
    type: str = "service"
    status: str = "ACTIVE"
    secret: str = field(default="", repr=False)
    access: dict[str, datetime | None] = field(default_factory=dict, repr=False)
    created: datetime = FIRST_DAY

    @property
    def works(self) -> bool:
        """Whether its clients are let in."""
        return self.status == "ACTIVE"

    @property
    def party(self) -> Party:
        """The app as the System Log names it."""
        return Party(id=self.id, type="AppInstance", name=self.label)


@dataclass(slots=True, kw_only=True)
class Grant:
    """A user's consent that a client may have a scope."""

    id: str
    user: str
    client: str
    scope: str = "openid"
    created: datetime = FIRST_DAY


def switch(world: OktaWorld, app: App, status: str, *, by: Party) -> None:
    """To ``ACTIVE`` or ``INACTIVE``. Already so is fine, and not logged."""
    if app.status != status:
        app.status = status
        event = "application.lifecycle.activate" if status == "ACTIVE" else "application.lifecycle.deactivate"
        world.log.write(event, at=world.clock(), actor=by, targets=[app.party])


def tokens(world: OktaWorld, *, client: str, user: str = "") -> list[OAuthToken]:
    """The working refresh tokens of a client, of one user or of all."""
    return [each for each in world.oauth_tokens.values() if each.client == client and user in ("", each.user) and world.listed(each)]


def revoke_tokens(world: OktaWorld, *, client: str, user: str = "", by: Party) -> None:
    """Revoke them, and the access tokens that came with them."""
    for each in tokens(world, client=client, user=user):
        each.status = "REVOKED"
        whose = world.users[each.user].party
        there = Party(id=client, type="PublicClientApp", name=client)
        world.log.write("app.oauth2.token.revoke", at=world.clock(), actor=by, targets=[whose, there])


def revoke_grants(world: OktaWorld, user: User, *, by: Party) -> None:
    """Take back every consent of a user. Tokens stay as they are: whether Okta revokes them too is not established."""
    for each in [each for each in world.grants.values() if each.user == user.id]:
        del world.grants[each.id]
        there = Party(id=each.client, type="PublicClientApp", name=each.client)
        world.log.write("app.oauth2.consent.revoke", at=world.clock(), actor=by, targets=[user.party, there])


def client_credentials(world: OktaWorld, client: str, secret: str) -> str | None:
    """An access token for a service app's id and secret; None where they are wrong or the app is not ACTIVE."""
    app = world.apps.get(client)
    if app is None or not app.works or app.type != "service" or not app.secret or app.secret != secret:
        return None
    access = world.mint("cat")
    app.access[access] = world.clock() + ACCESS_LIFETIME
    world.log.write("app.oauth2.token.grant.access_token", at=world.clock(), actor=app.party, targets=[app.party])
    return access


def holder(world: OktaWorld, access: str) -> App | None:
    """The service app whose access token this is, while it works."""
    for app in world.apps.values():
        if access in app.access and not world.over(app.access[access]):
            return app
    return None
