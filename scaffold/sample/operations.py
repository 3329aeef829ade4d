"""The one table of calls that Firedoor makes to Sample. What is not in it cannot be sent, by whomever.

Names and permissions are the vendor's own words, as its documentation has them.
"""

from __future__ import annotations

from typing import Final

from firedoor.vendors.http import HttpOperation

READ: Final = "accounts.read"
WRITE: Final = "accounts.write"

GET_SELF: Final = HttpOperation(name="getSelf", method="GET", path="/self", permission="", writes=False)
FIND_ACCOUNTS: Final = HttpOperation(name="findAccounts", method="GET", path="/accounts", permission=READ, writes=False)
GET_ACCOUNT: Final = HttpOperation(name="getAccount", method="GET", path="/accounts/{account}", permission=READ, writes=False)
# ``refusals``: how the vendor documents that it may refuse this write, beyond what any call may meet. Each needs a case.
DISABLE_ACCOUNT: Final = HttpOperation(
    name="disableAccount",
    method="POST",
    path="/accounts/{account}/disable",
    permission=WRITE,
    writes=True,
    refusals=("409 owner",),
)
ENABLE_ACCOUNT: Final = HttpOperation(name="enableAccount", method="POST", path="/accounts/{account}/enable", permission=WRITE, writes=True)

OPERATIONS: Final = (GET_SELF, FIND_ACCOUNTS, GET_ACCOUNT, DISABLE_ACCOUNT, ENABLE_ACCOUNT)
