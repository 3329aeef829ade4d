"""Credentials of an Okta org as tasks and Okta's client pass them around: by id, with what is told of them, never a secret."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from firedoor.errors import BadInput
from firedoor.model import Target
from firedoor.vendors.okta.values import check_id, check_login, shown_title

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
