"""Okta's replies as values. Each field is named here or it does not leave the client; what is not named is dropped unread.

Fields that Okta adds and words it has not used before are let through: a strict reader loses a whole page of evidence for one new word.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias, TypeVar

from firedoor.vendors.okta.credentials import ApiTokenRecord, ClientKeyRecord, ClientSecretRecord
from firedoor.vendors.okta.values import AdminRole, AppRecord, Consent, Factor, LogEntry, LogEvent, LogParty, RefreshToken, UserRecord
from firedoor.vendors.okta.zones import ZoneRecord

T = TypeVar("T")
Object: TypeAlias = Mapping[str, object]


class WrongShape(ValueError):
    """A reply is not what Okta documents. The message names the field, never its content."""


def one(body: bytes, read: Callable[[Object], T]) -> T:
    """The value that ``read`` finds in a JSON object."""
    return read(_object(_json(body), "the reply"))


def many(body: bytes, read: Callable[[Object], T]) -> tuple[T, ...]:
    """The values that ``read`` finds in a JSON array of objects, in Okta's order."""
    return tuple(read(_object(item, "an item of the list")) for item in _array(_json(body), "the reply"))


def nothing(body: bytes) -> None:
    """A reply that carries nothing: empty, or a JSON object whose content does not matter (Okta answers ``{}``)."""
    if body:
        _object(_json(body), "the reply")


def unread(body: bytes) -> None:
    """A reply whose content nobody may see, a one-time link for instance: it is not even parsed."""
    del body


def user(item: Object) -> UserRecord:
    """From Okta's User."""
    return UserRecord(
        id=_text(item, "id"),
        login=_text(_object(item.get("profile"), "profile"), "login"),
        status=_text(item, "status"),
        status_changed=_moment_or_none(item, "statusChanged"),
        created=_moment(item, "created"),
        last_login=_moment_or_none(item, "lastLogin"),
    )


def client_id(item: Object) -> str:
    """From Okta's OAuth2Client."""
    return _text(item, "client_id")


def refresh_token(item: Object) -> RefreshToken:
    """From Okta's OAuth2RefreshToken."""
    return RefreshToken(
        id=_text(item, "id"),
        client_id=_text(item, "clientId"),
        user_id=_text(item, "userId"),
        status=_text(item, "status"),
        created=_moment(item, "created"),
        expires=_moment_or_none(item, "expiresAt"),
    )


def network_zone(item: Object) -> ZoneRecord:
    """From Okta's NetworkZone, of any type. A gateway of a form that is not known here counts, as an empty one."""
    entries = () if item.get("gateways") is None else _array(item["gateways"], "gateways")
    proxies = () if item.get("proxies") is None else _array(item["proxies"], "proxies")
    return ZoneRecord(
        id=_text(item, "id"),
        name=_text(item, "name"),
        type=_text(item, "type"),
        status=_text(item, "status"),
        usage=_text(item, "usage"),
        system=item.get("system") is True,
        gateways=tuple(_text_or_empty(_object(entry, "a gateway"), "value") for entry in entries),
        proxies=len(proxies),
    )


def network_zone_whole(item: Object) -> tuple[Object, ZoneRecord]:
    """The same, with the object it was read from. That never leaves the client: it is what the next version of the zone is made of."""
    return item, network_zone(item)


def factor(item: Object) -> Factor:
    """From Okta's UserFactor. Its profile (phone numbers, devices, key ids) stays behind."""
    return Factor(
        id=_text(item, "id"),
        type=_text(item, "factorType"),
        provider=_text_or_empty(item, "provider"),
        status=_text_or_empty(item, "status"),
        created=_moment_or_none(item, "created"),
    )


def consent(item: Object) -> Consent:
    """From Okta's OAuth2ScopeConsentGrant."""
    return Consent(
        id=_text(item, "id"),
        client_id=_text_or_empty(item, "clientId"),
        scope=_text(item, "scopeId"),
        status=_text_or_empty(item, "status"),
        created=_moment_or_none(item, "created"),
    )


def app(item: Object) -> AppRecord:
    """From Okta's Application. Its credentials, client secret among them, stay behind."""
    settings = _object(item.get("settings") or {}, "settings")
    client = _object(settings.get("oauthClient") or {}, "oauthClient")
    return AppRecord(
        id=_text(item, "id"),
        label=_text_or_empty(item, "label"),
        status=_text(item, "status"),
        name=_text_or_empty(item, "name"),
        kind=_text_or_empty(client, "application_type"),
    )


def role_assignees(item: Object) -> tuple[tuple[str, ...], str]:
    """From Okta's RoleAssignedUsers: the users' ids, and the link to the next page, which stands in the body here (empty: the last)."""
    ids = tuple(_text(_object(each, "an assignee"), "id") for each in _array(item.get("value"), "value"))
    links = _object(item.get("_links") or {}, "_links")
    return ids, _text_or_empty(_object(links.get("next") or {}, "next"), "href")


def log_event(item: Object) -> LogEvent:
    """From Okta's LogEvent. Actor, targets and outcome may be missing: an entry is evidence even without them."""
    targets = item.get("target")
    outcome = item.get("outcome")
    actor = item.get("actor")
    return LogEvent(
        uuid=_text(item, "uuid"),
        event_type=_text(item, "eventType"),
        published=_moment(item, "published"),
        actor_id="" if actor is None else _text_or_empty(_object(actor, "actor"), "id"),
        target_ids=()
        if targets is None
        else tuple(filter(None, (_text_or_empty(_object(each, "target"), "id") for each in _array(targets, "target")))),
        outcome="" if outcome is None else _text_or_empty(_object(outcome, "outcome"), "result"),
    )


def log_entry(item: Object) -> LogEntry:
    """From Okta's LogEvent, with what a hunt asks of it. debugContext, which may hold hashes of secrets, and all else stay behind."""
    outcome, client = _object(item.get("outcome") or {}, "outcome"), _object(item.get("client") or {}, "client")
    authentication = _object(item.get("authenticationContext") or {}, "authenticationContext")
    session, step = _text_or_empty(authentication, "externalSessionId"), authentication.get("authenticationStep")
    return LogEntry(
        uuid=_text(item, "uuid"),
        event_type=_text(item, "eventType"),
        published=_moment(item, "published"),
        actor=_party(item.get("actor") or {}, "actor"),
        targets=tuple(_party(each, "target") for each in _array(item.get("target") or [], "target")),
        outcome=_text_or_empty(outcome, "result"),
        ip=_text_or_empty(client, "ipAddress"),
        session=hashlib.sha256(session.encode()).hexdigest()[:16] if session else "",
        step=step if isinstance(step, int) else None,
    )


def _party(value: object, name: str) -> LogParty:
    item = _object(value, name)
    return LogParty(id=_text_or_empty(item, "id"), type=_text_or_empty(item, "type"), name=_text_or_empty(item, "alternateId"))


def admin_role(item: Object) -> AdminRole:
    """From Okta's StandardRole or CustomRole."""
    return AdminRole(
        id=_text(item, "id"),
        type=_text(item, "type"),
        label=_text_or_empty(item, "label"),
        status=_text_or_empty(item, "status"),
        assignment=_text_or_empty(item, "assignmentType"),
    )


def api_token(item: Object) -> ApiTokenRecord:
    """From Okta's ApiToken. Its owner must be there: without it nobody could tell whether the token is Firedoor's own."""
    network = item.get("network")
    return ApiTokenRecord(
        id=_text(item, "id"),
        name=_text_or_empty(item, "name"),
        user_id=_text(item, "userId"),
        created=_moment_or_none(item, "created"),
        last_updated=_moment_or_none(item, "lastUpdated"),
        expires=_moment_or_none(item, "expiresAt"),
        client_name=_text_or_empty(item, "clientName"),
        network="" if network is None else _text_or_empty(_object(network, "network"), "connection"),
    )


def client_secret(item: Object) -> ClientSecretRecord:
    """From Okta's OAuth2ClientSecret, which holds the secret itself and its hash. Both stay behind."""
    return ClientSecretRecord(id=_text(item, "id"), status=_text(item, "status"), created=_moment_or_none(item, "created"))


def client_key(item: Object) -> ClientKeyRecord:
    """From Okta's JSON Web Key of a client. The key stays behind, public as it is."""
    return ClientKeyRecord(
        id=_text(item, "id"),
        kid=_text_or_empty(item, "kid"),
        use=_text_or_empty(item, "use"),
        status=_text(item, "status"),
        created=_moment_or_none(item, "created"),
    )


def _json(body: bytes) -> object:
    try:
        read: object = json.loads(body)
    except ValueError:
        # Not chained: the JSON error carries the whole body, and with it fields that must not leave.
        read = _BROKEN
    if read is _BROKEN:
        raise WrongShape("the reply is empty" if not body else "the reply is not whole JSON")
    return read


_BROKEN = object()


def _object(value: object, name: str) -> Object:
    if not isinstance(value, Mapping):
        raise WrongShape(f"{name} is not an object")
    return value


def _array(value: object, name: str) -> Sequence[object]:
    if not isinstance(value, list):
        raise WrongShape(f"{name} is not a list")
    return value


def _text(item: Object, name: str) -> str:
    value = item.get(name)
    if not isinstance(value, str) or not value:
        raise WrongShape(f"{name} is missing or not text")
    return value


def _text_or_empty(item: Object, name: str) -> str:
    return _text(item, name) if item.get(name) else ""


def _moment(item: Object, name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(_text(item, name))
    except ValueError:
        raise WrongShape(f"{name} is missing or not a time") from None
    if moment.tzinfo is None:
        raise WrongShape(f"{name} has no time zone")
    return moment


def _moment_or_none(item: Object, name: str) -> datetime | None:
    return None if item.get(name) is None else _moment(item, name)
