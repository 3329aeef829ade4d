"""The simulated org's applications and the consents that people gave them, with Okta's rules for switching and revoking.

An OAuth client of type ``service`` gets access tokens for its id and secret alone. Left out: every other kind of client's own flows, what a
private key signs, scopes, assignments. Played at its worst for the defender: an access token of a service app works until it expires,
whatever becomes of the app and of the secret that it was got with.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from firedoor.vendors.okta.systemlog import Party
from firedoor.vendors.okta.world import ACCESS_LIFETIME, FIRST_DAY, OAuthToken, OktaWorld, User, WrongState

MOST_SECRETS: Final = 2
_VERBS: Final = {"ACTIVE": "activate", "INACTIVE": "deactivate"}


@dataclass(slots=True, kw_only=True)
class App:
    """An application; for an OAuth client, ``id`` is its client id too. ``access`` are access tokens, each with its expiry."""

    id: str
    label: str
    name: str = "oidc_client"
    type: str = "service"
    status: str = "ACTIVE"
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


@dataclass(slots=True, kw_only=True)
class ClientSecret:
    """One of an app's secrets, two at the most."""

    id: str
    app: str
    secret: str = field(repr=False)
    status: str = "ACTIVE"
    created: datetime = FIRST_DAY


@dataclass(slots=True, kw_only=True)
class ClientKey:
    """A public key of an app: nobody signs anything with its private one here."""

    id: str
    app: str
    kid: str
    use: str = "sig"
    status: str = "ACTIVE"
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
        revoke_grant(world, each, by=by)


def revoke_grant(world: OktaWorld, grant: Grant, *, by: Party) -> None:
    """Take back one."""
    del world.grants[grant.id]
    there = Party(id=grant.client, type="PublicClientApp", name=grant.client)
    world.log.write("app.oauth2.consent.revoke", at=world.clock(), actor=by, targets=[world.users[grant.user].party, there])


def client_credentials(world: OktaWorld, client: str, secret: str) -> str | None:
    """An access token for a service app's id and secret; None where they are wrong or the app is not ACTIVE."""
    app = world.apps.get(client)
    if app is None or not app.works or app.type != "service":
        return None
    if not any(each.secret == secret and each.status == "ACTIVE" for each in secrets_of(world, app)):
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


def secrets_of(world: OktaWorld, app: App) -> list[ClientSecret]:
    """The app's secrets, the oldest first."""
    return [each for each in world.client_secrets.values() if each.app == app.id]


def make_secret(world: OktaWorld, app: App, *, by: Party, status: str = "ACTIVE") -> ClientSecret:
    """Another secret, of Okta's own making. Raises `WrongState` where the app has two."""
    if len(secrets_of(world, app)) >= MOST_SECRETS:
        raise WrongState("it has two")
    made = ClientSecret(id=world.mint("ocs"), app=app.id, secret=world.mint("secret"), status=status, created=world.clock())
    world.client_secrets[made.id] = made
    world.handed_out |= {made.secret, hash_of(made)}
    world.log.write("app.oauth2.client.lifecycle.create_secret", at=world.clock(), actor=by, targets=[app.party])
    return made


def switch_secret(world: OktaWorld, secret: ClientSecret, status: str, *, by: Party) -> None:
    """To ``ACTIVE`` or ``INACTIVE``. Raises `WrongState` where no other active one would be left.

    Okta's words are that the only secret cannot be deactivated. Whether one that is inactive counts beside it is not established; at its
    worst it does not.
    """
    app = world.apps[secret.app]
    if status == "INACTIVE" and not any(each.status == "ACTIVE" for each in secrets_of(world, app) if each is not secret):
        raise WrongState("it is the only one")
    secret.status = status
    world.log.write(f"app.oauth2.client.lifecycle.{_VERBS[status]}_secret", at=world.clock(), actor=by, targets=[app.party])


def delete_secret(world: OktaWorld, secret: ClientSecret, *, by: Party) -> None:
    """For good. Raises `WrongState` while it is ACTIVE."""
    if secret.status == "ACTIVE":
        raise WrongState("it is active")
    del world.client_secrets[secret.id]
    world.log.write("app.oauth2.client.lifecycle.delete_secret", at=world.clock(), actor=by, targets=[world.apps[secret.app].party])


def switch_key(world: OktaWorld, key: ClientKey, status: str, *, by: Party) -> None:
    """To ``ACTIVE`` or ``INACTIVE``. Raises `WrongState` for deactivating a key that is not for signing."""
    if status == "INACTIVE" and key.use == "enc":
        raise WrongState("it is for encryption")
    key.status = status
    event = f"app.oauth2.client.lifecycle.{_VERBS[status]}_jwk"
    world.log.write(event, at=world.clock(), actor=by, targets=[world.apps[key.app].party])


def hash_of(secret: ClientSecret) -> str:
    """What stands for Okta's secret_hash: of a secret's length, and as little for others' eyes."""
    return f"hashof{secret.secret}"
