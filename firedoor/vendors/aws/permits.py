"""What a user or role may do, asked of AWS itself and tried on nothing. Reached as `AwsClient.permits`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from firedoor.vendors.aws.calls import Calls, text
from firedoor.vendors.aws.denials import DENY_ALL
from firedoor.vendors.aws.operations import SIMULATE
from firedoor.vendors.aws.renewal import OFF
from firedoor.vendors.aws.replies import malformed

_ALLOWED: Final = "allowed"
_REFUSED: Final = frozenset({"explicitDeny", "implicitDeny"})
# What requests of Firedoor's have, where a policy may ask for it: no other policy is attached, and no other tag set.
_CONTEXT: Final = [
    {"ContextKeyName": "iam:PolicyARN", "ContextKeyType": "string", "ContextKeyValues": [DENY_ALL]},
    {"ContextKeyName": "aws:TagKeys", "ContextKeyType": "stringList", "ContextKeyValues": [OFF]},
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What AWS says of one action on one resource. ``lacking`` are the condition keys that its policies ask for, and the question left out.

    ``by_organization``: a service control policy is what refuses it, of which AWS does not tell what it asks for.
    """

    allowed: bool
    lacking: frozenset[str] = frozenset()
    by_organization: bool = False


class Permits:
    """Asks through the doors of an `AwsClient`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def refused(
        self, account: str, principal: str, actions: Collection[str], *, resources: Collection[str] = ("*",)
    ) -> tuple[str, ...]:
        """Those of ``actions`` (``iam:GetUser``) that the policies of a user or role, by its ARN, do not allow on all of ``resources``,
        sorted. The request is taken to have what Firedoor's have: the policy that is attached, the tag that is set.

        AWS weighs the principal's own policies, its boundary and the organization's (SimulatePrincipalPolicy): no session policy, and no
        resource's. Raises `Forbidden` where the caller may not ask, `NotFound` where there is no such principal.
        """
        if not actions:
            return ()
        operation = self._calls.known(SIMULATE)
        asked = {
            "PolicySourceArn": principal,
            "ActionNames": sorted(actions),
            "ResourceArns": sorted(resources),
            "ContextEntries": _CONTEXT,
        }
        found = await self._calls.pages(account, SIMULATE, "EvaluationResults", asked, target=principal)
        decided = [(text(operation, each, "EvalActionName"), text(operation, each, "EvalDecision")) for each in found]
        refused = {action for action, said in decided if said != _ALLOWED}
        told = {action for action, _ in decided}
        return tuple(sorted(action for action in actions if action in refused or action not in told))

    async def decision(
        self, account: str, principal: str, action: str, resource: str, *, policy: str = "", context: Sequence[Mapping[str, object]] = ()
    ) -> Decision:
        """What AWS decides on one action on one resource by its ARN. ``policy`` is the resource's own ("": none): for users only.

        Raises as `refused`; `Malformed` where the reply decides nothing.
        """
        operation = self._calls.known(SIMULATE)
        asked: dict[str, object] = {"PolicySourceArn": principal, "ActionNames": [action], "ResourceArns": [resource]}
        asked |= {"ResourcePolicy": policy} if policy else {}
        asked |= {"ContextEntries": list(context)} if context else {}
        found = await self._calls.pages(account, SIMULATE, "EvaluationResults", asked, target=principal)
        told = [each for each in found if str(each.get("EvalActionName", "")).casefold() == action.casefold()]
        parts = [*told, *(part for each in told for part in each.get("ResourceSpecificResults") or ())]
        said = {str(part.get("EvalDecision") or part.get("EvalResourceDecision") or "") for part in parts}
        if not said or not said <= _REFUSED | {_ALLOWED}:
            raise malformed(operation, f"the reply does not say whether {action} is allowed", target=principal)
        lacking = frozenset(str(key) for part in parts for key in part.get("MissingContextValues") or ())
        return Decision(allowed=_ALLOWED in said, lacking=lacking, by_organization=any(map(_barred, parts)))


def _barred(part: Mapping[str, Any]) -> bool:
    return (part.get("OrganizationsDecisionDetail") or {}).get("AllowedByOrganizations") is False
