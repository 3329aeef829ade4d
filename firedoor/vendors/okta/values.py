"""What tasks and Okta's client pass between them. Replies arrive here through the allow-lists of `firedoor.vendors.okta.replies`."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from firedoor.errors import BadInput
from firedoor.model import Target

_ID: Final = re.compile(r"[A-Za-z0-9]{1,64}")
_LOGIN_CHARACTER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+=?^_`{|}~.@-]")
_LOGIN_LIMIT: Final = 100  # Okta's own bound for profile.login
_TITLE_LIMIT: Final = 80


def check_login(text: str) -> str:
    """The login itself, where it can be nothing but a login.

    Raises `BadInput` naming the first character that is out of place: look-alikes (a Cyrillic letter), control characters, spaces, a slash
    (Okta finds such a login by id only), or ``..`` (which would bend a path).
    """
    shown = ascii(text[:_LOGIN_LIMIT])
    if not text or len(text) > _LOGIN_LIMIT:
        raise BadInput(
            f"an Okta login has 1 to {_LOGIN_LIMIT} characters, not {len(text)}", target=shown, advice="Copy the login from Okta"
        )
    for position, character in enumerate(text, start=1):
        if not _LOGIN_CHARACTER.fullmatch(character):
            name = unicodedata.name(character, "a control character")
            raise BadInput(
                f"character {position} of the login is {name} (U+{ord(character):04X}), which no login may have here",
                target=shown,
                advice="Type the login anew, or name the user by id",
            )
    if ".." in text:
        raise BadInput("the login holds two dots in a row", target=shown, advice="Type the login anew, or name the user by id")
    if text == "me":
        raise BadInput('"me" is Okta\'s word for the owner of the API token, not a login', target=shown, advice="Give the whole login")
    return text


def shown_title(text: str) -> str:
    """A name that anybody may have chosen, cut, and without characters that hide or turn text."""
    return "".join(character if character.isprintable() else "?" for character in text[:_TITLE_LIMIT])


def check_id(text: str, *, kind: str = "user") -> str:
    """The id itself, where Okta could have made it. Raises `BadInput` otherwise."""
    if not _ID.fullmatch(text) or text == "me":
        raise BadInput(
            f"that is no Okta {kind} id: letters and digits only, at most 64", target=ascii(text[:80]), advice="Copy it from Okta"
        )
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class OktaUser(Target):
    """One Okta user. ``cleared_before`` is the moment before which every session and token of theirs must be gone (Okta's clock).

    ``since``: what happened to the account from then on is suspect. None where nobody has named such a moment.
    """

    user_id: str
    login: str
    cleared_before: datetime | None = None
    since: datetime | None = None

    def __post_init__(self) -> None:
        check_id(self.user_id)
        check_login(self.login)
        if self.cleared_before is not None and self.cleared_before.tzinfo is None:
            raise BadInput("the moment to clear before has no time zone", target=self.login, advice="Give it in UTC")
        if self.since is not None and self.since.tzinfo is None:
            raise BadInput("the moment since which the account is suspect has no time zone", target=self.login, advice="Give it in UTC")

    @property
    def label(self) -> str:
        """The login."""
        return self.login

    @property
    def names(self) -> tuple[str, ...]:
        """By id and by login. Okta does not tell capitals from small letters, so a login with capitals goes by its small form too."""
        return tuple(dict.fromkeys((f"okta:user:{self.user_id}", f"okta:user:{self.login}", f"okta:user:{self.login.lower()}")))

    def bound(self, moment: datetime) -> Self:
        """The same user, to be cleared of what began before ``moment``."""
        return dataclasses.replace(self, cleared_before=moment)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRecord:
    """A user as Okta shows them. ``status`` is Okta's word (``ACTIVE``, ``SUSPENDED``...), kept as text since new ones appear."""

    id: str
    login: str
    status: str
    status_changed: datetime | None
    created: datetime
    last_login: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshToken:
    """An OAuth refresh token by its id; Okta never shows the token itself here."""

    id: str
    client_id: str
    user_id: str
    status: str
    created: datetime
    expires: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """A second factor that a user has enrolled. ``type`` is Okta's factorType (``push``, ``sms``...), ``provider`` who runs it.

    ``created`` is when it was enrolled, None where Okta does not tell. Numbers, device names and keys of it are not kept.
    """

    id: str
    type: str
    provider: str
    status: str
    created: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """A user's or an administrator's consent that a client may have a scope: Okta's grant. ``client_id`` may be empty."""

    id: str
    client_id: str
    scope: str
    status: str
    created: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OktaApp(Target):
    """One application of the org. ``title`` is its label in Okta, which anybody who may rename it may choose: it is shown, never looked up.

    For an OAuth client the id is also its client id, unless somebody chose another one when it was made.
    """

    app_id: str
    title: str

    def __post_init__(self) -> None:
        check_id(self.app_id, kind="app")

    @property
    def label(self) -> str:
        """The title, without characters that hide or turn text, and the id."""
        title = shown_title(self.title)
        return f"{title} ({self.app_id})" if title else self.app_id

    @property
    def names(self) -> tuple[str, ...]:
        """By id. A title is no name: two apps may share it."""
        return (f"okta:app:{self.app_id}",)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppRecord:
    """An app as Okta shows it. ``status`` is ``ACTIVE``, ``INACTIVE`` or ``DELETED``.

    ``name`` tells what it is an instance of: ``oidc_client`` for the org's own OAuth clients, the catalogue's key for any other.
    ``kind`` is an OAuth client's application_type (``service``, ``web``, ``browser``, ``native``), empty for other apps.
    """

    id: str
    label: str
    status: str
    name: str
    kind: str

    @property
    def is_service(self) -> bool:
        """Whether it is one of the org's own OAuth clients that get tokens for themselves, with nobody signing in."""
        return self.name == "oidc_client" and self.kind == "service" and self.status != "DELETED"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEvent:
    """One entry of the System Log. ``outcome`` is Okta's word (``SUCCESS``, ``FAILURE``...), empty where there is none."""

    uuid: str
    event_type: str
    published: datetime
    actor_id: str
    target_ids: tuple[str, ...]
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogParty:
    """Who acts in an entry of the System Log, or is acted on. ``name`` is Okta's alternateId: a login, an app's label, or ``unknown``."""

    id: str
    type: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One entry of the System Log, with what a hunt asks of it.

    ``session`` tells entries of one session from those of another: it is a hash, since the id of a session may open it. ``step`` is Okta's
    number of the authentication step, None where the entry has none. ``ip`` is where the request came from, as Okta wrote it.
    """

    uuid: str
    event_type: str
    published: datetime
    actor: LogParty
    targets: tuple[LogParty, ...]
    outcome: str
    ip: str
    session: str
    step: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminRole:
    """An administrator role that a user holds. ``assignment`` is ``USER``, or ``GROUP`` where it comes with a group."""

    id: str
    type: str
    label: str
    status: str
    assignment: str
