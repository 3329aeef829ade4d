"""A user's second factors: the part of `OktaClient` that lists them and takes them off."""

from __future__ import annotations

from typing import Final

from firedoor.vendors.okta import operations, replies
from firedoor.vendors.okta.calls import Calls
from firedoor.vendors.okta.values import Factor, check_id

_PHONES: Final = ("sms", "call")


class FactorCalls(Calls):
    """See `OktaClient` for the errors that every method may raise."""

    async def factors(self, user_id: str) -> tuple[Factor, ...]:
        """The factors that the user has enrolled (listFactors).

        Okta leaves out those that the enrolment policy in force for the user does not offer; whoever asks is who it takes the policy for.
        """
        path = operations.LIST_FACTORS.fill(check_id(user_id))
        return await self._pages(operations.LIST_FACTORS, path, replies.factor, target=user_id)

    async def reset_factors(self, user_id: str) -> None:
        """Take all factors off (resetFactors). The user's status stays: an active one may enrol another at once, whoever they are."""
        await self._write(operations.RESET_FACTORS, user_id)

    async def unenroll_factor(self, user_id: str, factor_id: str, *, kind: str) -> None:
        """Take one factor off (unenrollFactor). Raises `NotFound` where it is off already.

        With a ``push`` or ``signed_nonce`` Okta takes the user's other Okta Verify factors off too. A phone (``sms``, ``call``) is taken
        off as a way to recover the password as well.
        """
        query = {"removeRecoveryEnrollment": "true"} if kind in _PHONES else None
        await self._write(operations.UNENROLL_FACTOR, user_id, factor_id, query=query)
