"""What a role may do, asked of AWS itself and tried on nothing. Reached as `AwsClient.permits`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from firedoor.vendors.aws.calls import Calls, text
from firedoor.vendors.aws.denials import DENY_ALL
from firedoor.vendors.aws.operations import SIMULATE
from firedoor.vendors.aws.renewal import OFF

_ALLOWED: Final = "allowed"
# What requests of Firedoor's have, where a policy may ask for it: no other policy is attached, and no other tag set.
_CONTEXT: Final = [
    {"ContextKeyName": "iam:PolicyARN", "ContextKeyType": "string", "ContextKeyValues": [DENY_ALL]},
    {"ContextKeyName": "aws:TagKeys", "ContextKeyType": "stringList", "ContextKeyValues": [OFF]},
]


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
