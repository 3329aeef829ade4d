"""Whether the policy of a resource could let somebody in, by whom it names alone. AWS's simulator does not weigh such policies for roles.

Source: "AWS JSON policy elements: Principal" of the IAM user guide. Actions, resources and conditions are not looked at, and whatever is
not known here could mean anybody: the answer may be yes too often, and never no.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from firedoor.vendors.aws.principals import AwsPrincipal

_ACCOUNT: Final = re.compile(r"(?:arn:aws(?:-[a-z]+)*:iam::)?([0-9]{12})(?::root)?")
_SOMEBODY: Final = re.compile(r"arn:aws(?:-[a-z]+)*:iam::([0-9]{12}):(user|role)/(?:[^*?]*/)?([^*?/]+)")
_SESSION: Final = re.compile(r"arn:aws(?:-[a-z]+)*:sts::([0-9]{12}):assumed-(role)/([^*?/]+)/[^*?/]+")
_KINDS: Final = frozenset({"AWS", "Service", "Federated", "CanonicalUser"})


def may_let_in(document: str, principal: AwsPrincipal) -> bool:
    """Whether a statement that allows something names the principal, a session of it, its account or everybody, or cannot be read."""
    try:
        body = json.loads(document)
    except (ValueError, RecursionError):
        return True
    statements = body.get("Statement") if isinstance(body, dict) else None
    if isinstance(statements, dict):
        statements = [statements]
    return not isinstance(statements, list) or any(_may_mean(each, principal) for each in statements)


def _may_mean(statement: Any, principal: AwsPrincipal) -> bool:
    match statement:
        case {"Effect": "Deny"}:
            return False
        case {"Principal": dict(named)} if named.keys() <= _KINDS:
            names = named.get("AWS", [])
            return not all(_is_another(each, principal) for each in (names if isinstance(names, list) else [names]))
        case _:
            return True


def _is_another(name: Any, principal: AwsPrincipal) -> bool:
    """Whether a name is certain to mean somebody else. IAM tells names apart without regard to case."""
    if not isinstance(name, str):
        return False
    if (account := _ACCOUNT.fullmatch(name)) is not None:
        return account[1] != principal.account
    if (found := _SOMEBODY.fullmatch(name) or _SESSION.fullmatch(name)) is not None:
        return (found[1], found[2], found[3].casefold()) != (principal.account, principal.kind, principal.name.casefold())
    return False
