"""What a role may do, asked of AWS itself and tried on nothing. Reached as `AwsClient.permits`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from firedoor.vendors.aws.calls import Calls, text

_SIMULATE: Final = "iam:SimulatePrincipalPolicy"
_ALLOWED: Final = "allowed"


class Permits:
    """Asks through the doors of an `AwsClient`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def refused(self, account: str, principal: str, actions: Collection[str]) -> tuple[str, ...]:
        """Those of ``actions`` (``iam:GetUser``) that the policies of a user or role, by its ARN, do not allow on every resource, sorted.

        AWS weighs the principal's own policies, its boundary and the organization's (SimulatePrincipalPolicy): no session policy, and no
        resource's. Raises `Forbidden` where the caller may not ask, `NotFound` where there is no such principal.
        """
        operation = self._calls.known(_SIMULATE)
        asked = {"PolicySourceArn": principal, "ActionNames": sorted(actions)}
        found = await self._calls.pages(account, _SIMULATE, "EvaluationResults", asked, target=principal)
        decided = {text(operation, each, "EvalActionName"): text(operation, each, "EvalDecision") for each in found}
        return tuple(sorted(action for action in actions if decided.get(action) != _ALLOWED))
