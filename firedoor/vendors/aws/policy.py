"""The simulator's reading of IAM policies: default deny, Deny over Allow, and refusal of every element it does not know.

Source: IAM's "Policy evaluation logic" and "IAM JSON policy elements reference". Left out: NotResource, NotPrincipal, permissions
boundaries, resource policies other than a role's trust and a secret's (see `spoken`), and every condition but those on
aws:TokenIssueTime, aws:PrincipalArn, identitystore:userId, iam:PolicyARN and, of all values, aws:TagKeys. Service control policies are
weighed by `controls`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from operator import eq, ge, gt, le, lt
from typing import Any, Final


class MalformedPolicy(ValueError):
    """AWS itself would refuse the document."""


class UnsupportedPolicy(ValueError):
    """AWS may well know the element; the simulator does not, and will not guess."""


class Effect(StrEnum):
    """What a statement does where it applies."""

    ALLOW = "Allow"
    DENY = "Deny"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as policies see it.

    ``resource`` None: the simulator cannot tell. ``issued`` None: a long-term key, which has no such time. ``principal`` is the ARN of the
    user or role, also for its sessions; ``sso_user`` the person's id in a session of Identity Center; ``policy`` the ARN of the
    policy that is attached or detached. "": the request does not have it. ``tags`` are the keys of the tags that it sets.
    """

    action: str
    resource: str | None
    issued: datetime | None = None
    principal: str = ""
    sso_user: str = ""
    policy: str = ""
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement, checked. ``principals`` is None in identity policies."""

    effect: Effect
    actions: tuple[str, ...]
    but_not: bool
    resources: tuple[str, ...]
    times: tuple[tuple[Callable[[datetime, datetime], bool], tuple[datetime, ...]], ...] = ()
    texts: tuple[tuple[Callable[[str, str], bool], str, tuple[str, ...]], ...] = ()
    tags: frozenset[str] | None = None
    principals: tuple[str, ...] | None = None

    def applies(self, asked: Asked) -> bool:
        """Whether the statement speaks of this request. Raises `UnsupportedPolicy` where the resource decides and is not known."""
        named = any(_matches(pattern.lower(), asked.action.lower()) for pattern in self.actions)
        if named is self.but_not or not self._in_time(asked.issued) or not self._said(asked):
            return False
        if "*" in self.resources or not self.resources:
            return True
        if asked.resource is None:
            raise UnsupportedPolicy(f"the simulator does not know which resource {asked.action} acts on")
        return any(_matches(pattern, asked.resource) for pattern in self.resources)

    def _in_time(self, issued: datetime | None) -> bool:
        # A condition on a key that the request does not have is not met.
        return all(issued is not None and any(compare(issued, limit) for limit in limits) for compare, limits in self.times)

    def _said(self, asked: Asked) -> bool:
        texts = ((compare, getattr(asked, field), wanted) for compare, field, wanted in self.texts)
        # Of all values: a request that sets no tag meets it.
        tagged = self.tags is None or asked.tags <= self.tags
        return tagged and all(text and any(compare(text, each) for each in wanted) for compare, text, wanted in texts)


_COMPARE: Final[Mapping[str, Callable[[datetime, datetime], bool]]] = {
    "DateLessThan": lt,
    "DateLessThanEquals": le,
    "DateGreaterThan": gt,
    "DateGreaterThanEquals": ge,
}
_PRINCIPAL: Final = {"aws:principalarn": "principal"}
_ARNS: Final = {**_PRINCIPAL, "iam:policyarn": "policy"}
_EITHER: Final = {**_PRINCIPAL, "identitystore:userid": "sso_user"}
_KEYS: Final = {"principal": "aws:PrincipalArn", "sso_user": "identitystore:userId", "policy": "iam:PolicyARN"}
# The operators on texts, each with the condition keys it is known for here, and the field of `Asked` that has the key's value.
_TEXTS: Final[Mapping[str, Mapping[str, str]]] = {
    "ArnEquals": _ARNS,
    "ArnLike": _ARNS,
    "StringEquals": _EITHER,
    "StringLike": _EITHER,
}
_OF_TAGS: Final = ("ForAllValues:StringEquals", "aws:tagkeys")
_ARN_COLONS: Final = 5
_IDENTITY: Final = frozenset({"Sid", "Effect", "Action", "NotAction", "Resource", "Condition"})
_TRUST: Final = frozenset({"Sid", "Effect", "Action", "Principal"})


@lru_cache(maxsize=4096)
def parse(document: str, *, trust: bool = False) -> tuple[Statement, ...]:
    """The statements of a policy document, or of a role's trust policy. Raises `MalformedPolicy` or `UnsupportedPolicy`."""
    try:
        body = json.loads(document)
    except ValueError as error:
        raise MalformedPolicy("the policy is not JSON") from error
    if not isinstance(body, dict) or "Statement" not in body:
        raise MalformedPolicy("the policy has no Statement")
    _known(body, {"Version", "Id", "Statement"})
    if body.get("Version", "2012-10-17") not in {"2012-10-17", "2008-10-17"}:
        raise MalformedPolicy("the policy has a version that IAM does not have")
    statements = body["Statement"]
    return tuple(_statement(each, trust=trust) for each in (statements if isinstance(statements, list) else [statements]))


def _statement(body: Any, *, trust: bool) -> Statement:
    if not isinstance(body, dict):
        raise MalformedPolicy("a statement is no object")
    _known(body, _TRUST if trust else _IDENTITY)
    if body.get("Effect") not in {"Allow", "Deny"}:
        raise MalformedPolicy("a statement's Effect is neither Allow nor Deny")
    if ("Action" in body) is ("NotAction" in body):
        raise MalformedPolicy("a statement needs Action or NotAction")
    if not trust and "Resource" not in body:
        raise MalformedPolicy("a statement needs a Resource")
    return Statement(
        effect=Effect(body["Effect"]),
        actions=_texts(body.get("Action", body.get("NotAction"))),
        but_not="NotAction" in body,
        resources=() if trust else _texts(body["Resource"]),
        times=_times(body.get("Condition", {})),
        texts=_said_texts(body.get("Condition", {})),
        tags=_tags(body.get("Condition", {})),
        principals=_principals(body.get("Principal")) if trust else None,
    )


def _known(body: Mapping[str, Any], names: Iterable[str]) -> None:
    for strange in sorted(set(body) - set(names)):
        raise UnsupportedPolicy(f"the simulator does not know the policy element {strange}")


def _texts(value: Any) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise MalformedPolicy("an element that takes text has something else")
    if any("${" in text for text in texts):
        raise UnsupportedPolicy("the simulator does not know policy variables")
    return tuple(texts)


def _times(conditions: Any) -> tuple[tuple[Callable[[datetime, datetime], bool], tuple[datetime, ...]], ...]:
    if not isinstance(conditions, dict):
        raise MalformedPolicy("a Condition is no object")
    times: list[tuple[Callable[[datetime, datetime], bool], tuple[datetime, ...]]] = []
    for operator, keys in conditions.items():
        for key, limits in keys.items() if isinstance(keys, dict) else [("", None)]:
            if (operator, key.lower()) == _OF_TAGS or (operator in _TEXTS and key.lower() in _TEXTS[operator]):
                continue
            if operator not in _COMPARE or key.lower() != "aws:tokenissuetime":
                raise UnsupportedPolicy(f"the simulator does not know the condition {operator} on {key}")
            times.append((_COMPARE[operator], tuple(_moment(limit) for limit in _texts(limits))))
    return tuple(times)


def _said_texts(conditions: Mapping[str, Any]) -> tuple[tuple[Callable[[str, str], bool], str, tuple[str, ...]], ...]:
    """The conditions on texts. Operators and values are compared with regard to case, names of keys without."""
    found: list[tuple[Callable[[str, str], bool], str, tuple[str, ...]]] = []
    for operator, keys in conditions.items():
        for key, value in keys.items() if operator in _TEXTS and isinstance(keys, dict) else ():
            wanted = _texts(value)
            if operator.startswith("Arn") and any(each.count(":") < _ARN_COLONS for each in wanted):
                raise UnsupportedPolicy(f"the simulator does not know what {operator} does with what is no ARN")
            found.append((_COMPARE_TEXT[operator], _TEXTS[operator][key.lower()], wanted))
    return tuple(found)


def _tags(conditions: Mapping[str, Any]) -> frozenset[str] | None:
    """The keys that every tag must be among; None where the statement does not say."""
    operator, name = _OF_TAGS
    return next((frozenset(_texts(value)) for key, value in conditions.get(operator, {}).items() if key.lower() == name), None)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise MalformedPolicy("a date condition has no ISO 8601 date") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _principals(value: Any) -> tuple[str, ...]:
    if value == "*":
        return ("*",)
    if not isinstance(value, dict):
        raise MalformedPolicy("a trust statement needs a Principal")
    # A principal that is a service or an identity provider never calls through this gate.
    return _texts(value["AWS"]) if "AWS" in value else ()


@lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile("".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in text), re.DOTALL)


def _matches(pattern: str, text: str) -> bool:
    return _pattern(pattern).fullmatch(text) is not None


def _like(text: str, pattern: str) -> bool:
    return _matches(pattern, text)


# ArnEquals and ArnLike are one, and compare part by part; with all six parts given, no wildcard reaches past a colon anyway.
_COMPARE_TEXT: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "ArnEquals": _like,
    "ArnLike": _like,
    "StringEquals": eq,
    "StringLike": _like,
}


def decide(documents: Sequence[str], asked: Asked) -> Effect | None:
    """Deny where any statement denies, else Allow where one allows, else None: nobody spoke of it, which is a refusal too."""
    effects = {statement.effect for document in documents for statement in parse(document) if statement.applies(asked)}
    return Effect.DENY if Effect.DENY in effects else Effect.ALLOW if effects else None


def lacking(document: str, asked: Asked) -> frozenset[str]:
    """The condition keys that a policy asks for and the request does not have."""
    statements = parse(document)
    found = {"aws:TokenIssueTime" for each in statements if each.times and asked.issued is None}
    return frozenset(found | {_KEYS[field] for each in statements for _, field, _ in each.texts if not getattr(asked, field)})


def trusted(document: str, names: Iterable[str]) -> str:
    """The name among ``names`` (an ARN, an account's root, ``*``) that a trust policy lets assume its role; "" where none, or it denies."""
    statements = [each for each in parse(document, trust=True) if each.applies(Asked(action="sts:AssumeRole", resource=None))]
    known = set(names)
    if any(known & set(each.principals or ()) for each in statements if each.effect is Effect.DENY):
        return ""
    allowed = {name for each in statements if each.effect is Effect.ALLOW for name in each.principals or ()}
    # A name that says exactly who comes first: in the same account it needs no further permission.
    return min(known & allowed, key=lambda name: (name == "*" or name.endswith(":root") or name.isdigit(), name), default="")
