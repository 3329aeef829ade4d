"""The simulated organization's say in every request: service control policies, as AWS enforces them some seconds behind its API.

Source: "SCP evaluation" and "Service control policies" of the Organizations user guide. At each level, from the root to the account, some
policy must allow the request and none may deny it. The management account, service-linked roles and accounts outside the organization are
not restricted. Left out: resource control policies, and delegated administrators (only the management account may call Organizations).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from firedoor.vendors.aws.denylist import ROOM
from firedoor.vendors.aws.orgworld import Levels, levels
from firedoor.vendors.aws.policy import Asked, Effect, MalformedPolicy, decide, parse
from firedoor.vendors.aws.wire import Call, Refused

_SERVICE_LINKED: Final = ":role/aws-service-role/"


class Controls:
    """What the organization allows, by time. `bars` answers as of ``lag()`` seconds ago; changes must be told with `note`."""

    def __init__(self, now: Callable[[], datetime], lag: Callable[[], float]) -> None:
        self._now = now
        self._lag = lag
        self._management = ""
        self._history: list[tuple[datetime, Levels]] = []

    def settle(self, management: str) -> None:
        """Take the organization of a management account as it is now for as it always was. "": there is none."""
        self._management = management
        self._history = [(self._long_ago(), levels(management))] if management else []

    def note(self) -> None:
        """The organization may have changed just now."""
        if self._management:
            self._history.append((self._now(), levels(self._management)))

    def bars(self, account: str, asked: Asked) -> bool:
        """Whether the organization denies, or nowhere allows, a request of a principal of that account."""
        if account == self._management or _SERVICE_LINKED in asked.principal:
            return False
        due = self._now() - timedelta(seconds=self._lag())
        enforced = next((known for since, known in reversed(self._history) if since <= due), {})
        return any(decide(documents, asked) is not Effect.ALLOW for documents in enforced.get(account, ()))

    def check(self, call: Call, account: str) -> None:
        """Refuse what Organizations would and moto does not: callers of other accounts, and contents that are no policy or too long."""
        if call.service != "organizations":
            return
        if account != self._management:
            raise Refused("AccessDenied", 403, "You don't have permissions to access this resource.")
        content = call.text("Content")
        if not content:
            return
        try:
            parse(content)
        except MalformedPolicy as no:
            raise Refused("MalformedPolicyDocumentException", 400, str(no)) from no
        if len(content.encode()) > ROOM:
            raise Refused("ConstraintViolationException", 400, "You have exceeded the maximum policy size.")

    def _long_ago(self) -> datetime:
        return datetime.min.replace(tzinfo=self._now().tzinfo)
