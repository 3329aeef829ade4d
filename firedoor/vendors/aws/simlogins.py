"""The simulator's passwords and service specific credentials: moto has no dates of the first, and none of the second at all.

A user of a world may have ``password`` {"secret", "created", "last_used"} and ``service_credentials`` {id: {"service", "status",
"created"}}, each part optional. Both hang on moto's own user and go when it goes. Left out: making either, and paging.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from firedoor.canonical import JSON
from firedoor.vendors.aws.wire import Call, Refused

OPERATIONS: Final = frozenset({"GetLoginProfile", "ListServiceSpecificCredentials", "UpdateServiceSpecificCredential"})


def utc(moment: JSON) -> datetime:
    """A moment as moto has them: UTC, and no word of that."""
    given = datetime.fromisoformat(str(moment))
    return given.astimezone(UTC).replace(tzinfo=None) if given.tzinfo else given


def seed(user: Any, plan: Mapping[str, Any]) -> None:
    """Hang on moto's user what the plan says. ``password_made`` and ``service_credentials`` are ours."""
    password = plan.get("password")
    if isinstance(password, Mapping):
        user.password = str(password.get("secret") or secrets.token_urlsafe(20))
        user.password_made = utc(password["created"]) if "created" in password else user.create_date
        user.password_last_used = utc(password["last_used"]) if "last_used" in password else None
    user.service_credentials = {
        name: {
            "UserName": user.name,
            "ServiceSpecificCredentialId": name,
            "ServiceName": str(each.get("service", "codecommit.amazonaws.com")),
            "ServiceUserName": f"{user.name}-at-simulated",
            "Status": str(each.get("status", "Active")),
            "CreateDate": _said(utc(each["created"]) if "created" in each else user.create_date),
        }
        for name, each in plan.get("service_credentials", {}).items()
    }


def state(user: Any) -> dict[str, JSON]:
    """What there is of both, as plain data without secrets; nothing where there is none."""
    held = {name: each["Status"] for name, each in getattr(user, "service_credentials", {}).items()}
    return {**({"password": True} if user.password else {}), **({"service_credentials": held} if held else {})}


def answer(call: Call, users: Mapping[str, Any]) -> Mapping[str, object] | None:
    """The reply's result, None where it has none. Raises `Refused`."""
    user = users.get(call.text("UserName"))
    if user is None:
        raise Refused("NoSuchEntity", 404, f"The user with name {call.text('UserName')} cannot be found.")
    held: dict[str, dict[str, str]] = getattr(user, "service_credentials", {})
    match call.operation:
        case "GetLoginProfile":
            if not user.password:
                raise Refused("NoSuchEntity", 404, f"Login Profile for User {user.name} cannot be found.")
            made = _said(getattr(user, "password_made", user.create_date))
            return {"LoginProfile": {"UserName": user.name, "CreateDate": made, "PasswordResetRequired": "false"}}
        case "ListServiceSpecificCredentials":
            return {"ServiceSpecificCredentials": list(held.values()), "IsTruncated": "false"}
        case _:
            name = call.text("ServiceSpecificCredentialId")
            if name not in held:
                raise Refused("NoSuchEntity", 404, f"The service specific credential {name} cannot be found.")
            held[name]["Status"] = call.text("Status")
            return None


def _said(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
