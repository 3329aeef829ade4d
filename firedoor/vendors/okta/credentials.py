"""Credentials of an Okta org as tasks and Okta's client pass them around: by id, with what is told of them, never a secret."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from firedoor.errors import BadInput
from firedoor.model import Target
from firedoor.vendors.okta.values import OktaApp, check_id, check_login, shown_title

OWN: Final = "current"  # Okta's word, in place of an id, for the token that a request is made with


def check_token_id(text: str) -> str:
    """The id itself, where Okta could have given it to an API token. Raises `BadInput` otherwise."""
    if text == OWN:
        raise BadInput(
            f'"{OWN}" is Okta\'s word for the very token that is used, not an id', target=text, advice="Copy the id from Okta's list"
        )
    return check_id(text, kind="API token")


def user_names(user_id: str, login: str) -> tuple[str, ...]:
    """A user's names as targets have them; ``login`` may be empty."""
    logins = (login, login.lower()) if login else ()
    return tuple(dict.fromkeys((f"okta:user:{user_id}", *(f"okta:user:{each}" for each in logins))))


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiTokenRecord:
    """An API token as Okta shows it. ``user_id`` is its owner, whose administrator roles it has, ``name`` what the owner called it.

    ``network`` is where it may be used from: Okta's word (``ANYWHERE``, ``ZONE``), empty where Okta does not say.
    """

    id: str
    name: str
    user_id: str
    created: datetime | None
    last_updated: datetime | None
    expires: datetime | None
    client_name: str
    network: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OktaApiToken(Target):
    """One API token. ``user_id`` and ``login`` are its owner's; where the login is not known, it is empty."""

    token_id: str
    title: str
    user_id: str
    login: str = ""

    def __post_init__(self) -> None:
        check_token_id(self.token_id)
        check_id(self.user_id)
        if self.login:
            check_login(self.login)

    @property
    def label(self) -> str:
        """What its owner called it, its id, and whose it is."""
        title = shown_title(self.title)
        return f"API token {f'{title} ({self.token_id})' if title else self.token_id} of {self.login or self.user_id}"

    @property
    def names(self) -> tuple[str, ...]:
        """By its id and by its owner's names: whoever protects a user, Firedoor's own among them, protects their tokens."""
        return (f"okta:api_token:{self.token_id}", *user_names(self.user_id, self.login))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSecretRecord:
    """A client secret of an app by its id, without the secret and its hash, which Okta shows. ``status`` is ``ACTIVE`` or ``INACTIVE``."""

    id: str
    status: str
    created: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientKeyRecord:
    """A public key of an app by Okta's id. ``kid`` is its name in the app's key set, ``use`` ``sig`` or ``enc``, empty where not told."""

    id: str
    kid: str
    use: str
    status: str
    created: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OktaClientSecret(Target):
    """One client secret of one app. ``title`` is the app's label, which is shown, never looked up; it may be empty."""

    app_id: str
    title: str
    secret_id: str

    def __post_init__(self) -> None:
        check_id(self.app_id, kind="app")
        check_id(self.secret_id, kind="client secret")

    @property
    def app(self) -> OktaApp:
        """The app it belongs to."""
        return OktaApp(app_id=self.app_id, title=self.title)

    @property
    def label(self) -> str:
        """Its id, and the app."""
        return f"client secret {self.secret_id} of {self.app.label}"

    @property
    def names(self) -> tuple[str, ...]:
        """By its id and by its app's."""
        return (f"okta:client_secret:{self.secret_id}", *self.app.names)


@dataclass(frozen=True, slots=True, kw_only=True)
class OktaClientKey(Target):
    """One public key of one app, by Okta's id of it, not by its ``kid``. ``title`` is the app's label; it may be empty."""

    app_id: str
    title: str
    key_id: str

    def __post_init__(self) -> None:
        check_id(self.app_id, kind="app")
        check_id(self.key_id, kind="client key")

    @property
    def app(self) -> OktaApp:
        """The app it belongs to."""
        return OktaApp(app_id=self.app_id, title=self.title)

    @property
    def label(self) -> str:
        """Its id, and the app."""
        return f"client key {self.key_id} of {self.app.label}"

    @property
    def names(self) -> tuple[str, ...]:
        """By its id and by its app's."""
        return (f"okta:client_key:{self.key_id}", *self.app.names)


@dataclass(frozen=True, slots=True, kw_only=True)
class OktaGrant(Target):
    """One consent of one user that a client may have a scope. ``login``, ``client_id`` and ``scope`` may be empty; they are shown only."""

    grant_id: str
    user_id: str
    login: str = ""
    client_id: str = ""
    scope: str = ""

    def __post_init__(self) -> None:
        check_id(self.grant_id, kind="grant")
        check_id(self.user_id)
        if self.login:
            check_login(self.login)

    @property
    def label(self) -> str:
        """Its id, for what and to whom it is, and whose."""
        scope, client = shown_title(self.scope), shown_title(self.client_id)
        what = f" ({scope or 'a scope'} for {client or 'a client'})" if scope or client else ""
        return f"grant {self.grant_id}{what} of {self.login or self.user_id}"

    @property
    def names(self) -> tuple[str, ...]:
        """By its id and by its user's names."""
        return (f"okta:grant:{self.grant_id}", *user_names(self.user_id, self.login))
