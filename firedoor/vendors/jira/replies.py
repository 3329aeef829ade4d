"""Jira's replies as values. Each field is named here or it does not leave the client; what is not named is dropped unread."""

from __future__ import annotations

import re
from typing import Final

from firedoor.vendors.fields import Object, WrongShape, an_object, each, text, text_or_empty
from firedoor.vendors.jira.values import Account, Flavour, Issue, Level

_ID: Final = re.compile(r"\d{1,19}")
_KEY: Final = re.compile(r"[A-Z][A-Z0-9_]{1,79}-\d{1,12}")


def account(item: Object, *, flavour: Flavour) -> Account:
    """From Jira's User. Cloud knows people by account id, Data Center by username; an e-mail address may be hidden by its owner."""
    identifier = text(item, "accountId" if flavour is Flavour.CLOUD else "name")
    return Account(id=identifier, email=text_or_empty(item, "emailAddress"), name=text_or_empty(item, "displayName"))


def levels(item: Object) -> tuple[Level, ...]:
    """From Jira's ProjectIssueSecurityLevels."""
    return each(item.get("levels"), "levels", lambda level: Level(id=_id(level), name=text(level, "name")))


def permissions(item: Object) -> frozenset[str]:
    """From Jira's Permissions: the keys of those that the account has."""
    found = an_object(item.get("permissions"), "permissions")
    return frozenset(key for key, one in found.items() if an_object(one, "a permission").get("havePermission") is True)


def issue_keys(item: Object) -> tuple[str, ...]:
    """From a page of search results."""
    return each(item.get("issues"), "issues", _key)


def created(item: Object, *, site: str) -> Issue:
    """From Jira's CreatedIssue."""
    return Issue(key=_key(item), url=f"{site}/browse/{_key(item)}")


def issue(item: Object, *, site: str) -> tuple[Issue, tuple[str, ...]]:
    """From an issue: itself and its labels."""
    fields = an_object(item.get("fields"), "fields")
    level = fields.get("security")
    files = each(fields.get("attachment") or [], "attachment", lambda file: text(file, "filename"))
    labels = fields.get("labels") or []
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise WrongShape("labels is not a list of texts")
    found = Issue(
        key=_key(item),
        url=f"{site}/browse/{_key(item)}",
        level="" if level is None else _id(an_object(level, "security")),
        files=files,
    )
    return found, tuple(labels)


def file_name(item: Object) -> str:
    """From Jira's Attachment."""
    return text(item, "filename")


def _id(item: Object) -> str:
    value = text(item, "id")
    if not _ID.fullmatch(value):
        raise WrongShape("id is not a number")
    return value


def _key(item: Object) -> str:
    value = text(item, "key")
    if not _KEY.fullmatch(value):
        raise WrongShape("key is no issue key")
    return value
