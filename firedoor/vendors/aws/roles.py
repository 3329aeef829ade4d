"""The client's part that speaks of IAM roles: who may take one on, and its inline policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from firedoor.canonical import JSON, canonical
from firedoor.errors import BadInput, NotFound
from firedoor.vendors.aws.calls import Calls, text
from firedoor.vendors.aws.inline import InlinePolicy
from firedoor.vendors.aws.replies import malformed
from firedoor.vendors.aws.values import IamRole, check_policy_name


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedRole:
    """A role under its true path, and whom its trust policy lets take it on: ARNs, account ids, services, ``*``; sorted.

    Where the policy names those who may *not*, ``trusted`` has ``everybody but`` them.
    """

    role: IamRole
    trusted: tuple[str, ...]


class Roles:
    """Roles in the configured accounts; reached as ``AwsClient.roles``."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def get(self, role: IamRole) -> TrustedRole:
        """The role, if AWS has one of exactly that name. Raises `NotFound` otherwise, `BadInput` where AWS writes the name differently.

        Its path is AWS's, whatever the path of ``role``.
        """
        name = "iam:GetRole"
        part = (await self._on(role, name)).get("Role")
        if not isinstance(part, Mapping):
            raise malformed(self._calls.known(name), "the reply has no readable Role", target=role.label)
        found = text(self._calls.known(name), part, "RoleName")
        if found != role.name:
            raise BadInput(f"AWS writes that name {found!r}", target=role.label, advice="Name the role as AWS does")
        trust = self._calls.document(name, part, "AssumeRolePolicyDocument", target=role.label)
        path = text(self._calls.known(name), part, "Path")
        return TrustedRole(role=IamRole(account=role.account, name=found, path=path), trusted=trusted(trust.document))

    async def policies(self, role: IamRole) -> Mapping[str, InlinePolicy]:
        """A role's inline policies by name. One that is deleted while they are read is left out."""
        names = await self._calls.pages(role.account, "iam:ListRolePolicies", "PolicyNames", {"RoleName": role.name}, target=role.label)
        found: dict[str, InlinePolicy] = {}
        for name in names:
            try:
                reply = await self._on(role, "iam:GetRolePolicy", PolicyName=check_policy_name(str(name)))
            except NotFound:
                continue
            found[str(name)] = self._calls.document("iam:GetRolePolicy", reply, "PolicyDocument", target=role.label)
        return found

    async def put_policy(self, role: IamRole, name: str, document: Mapping[str, JSON]) -> None:
        """Write an inline policy, over any of that name.

        Raises `Conflict` where the role's inline policies have no room left, `Rejected` where only AWS itself may change the role.
        """
        await self._on(role, "iam:PutRolePolicy", PolicyName=check_policy_name(name), PolicyDocument=canonical(document))

    async def delete_policy(self, role: IamRole, name: str) -> None:
        """Delete an inline policy. Raises `NotFound` where there is none (also when a first reply was lost)."""
        await self._on(role, "iam:DeleteRolePolicy", PolicyName=check_policy_name(name))

    async def _on(self, role: IamRole, name: str, **parameters: object) -> Mapping[str, Any]:
        return await self._calls.call(role.account, name, target=role.label, RoleName=role.name, **parameters)


def trusted(document: Mapping[str, JSON]) -> tuple[str, ...]:
    """Whom a trust policy names in its statements that allow, each once, sorted."""
    said = document.get("Statement")
    statements = said if isinstance(said, list) else [said]
    names: set[str] = set()
    for each in statements:
        if not isinstance(each, Mapping) or each.get("Effect") != "Allow":
            continue
        names.update(_principals(each.get("Principal")))
        names.update(f"everybody but {name}" for name in _principals(each.get("NotPrincipal")))
    return tuple(sorted(names))


def _principals(said: JSON) -> list[str]:
    match said:
        case str():
            return [said]
        case Mapping():
            return [name for each in said.values() for name in _principals(each)]
        case list():
            return [name for name in said if isinstance(name, str)]
        case _:
            return []
