"""One Jira on the wire: where it is, who we are there, what it answers and what time it is there."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from firedoor.canonical import JSON
from firedoor.errors import Malformed, Misconfigured, VendorError
from firedoor.vendors import fields
from firedoor.vendors.access import CallPolicy
from firedoor.vendors.http import GuardedHttp, HoldsSecret, HttpOperation, Reply, Upload, basic, bearer, date_of, root_of, secret_of
from firedoor.vendors.jira.problems import TOKEN_SETTING, URL_SETTING, USER_SETTING, VENDOR, problem
from firedoor.vendors.jira.values import Flavour
from firedoor.vendors.retry import send

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where Jira is, who we are there, and where its tickets go.

    ``user`` is the e-mail address that Cloud wants with an API token; without it the token is sent as a bearer's, which is how a personal
    access token of Data Center is sent. ``project`` is a key, ``issue_type`` and ``security_level`` are names.
    """

    url: str
    flavour: Flavour
    token: str | HoldsSecret = field(repr=False)
    project: str
    issue_type: str
    security_level: str
    user: str = ""


class Wire:
    """The calls to one site. ``timeout`` is in seconds, for one attempt.

    Raises `Misconfigured` where address, user or token cannot be used.
    """

    def __init__(self, site: Site, *, policy: CallPolicy, timeout: float) -> None:
        token = secret_of(site.token, setting=TOKEN_SETTING)
        if not site.user.isascii() or not site.user.isprintable() or ":" in site.user:
            raise Misconfigured(f"{USER_SETTING} is no e-mail address", advice="Set it to the address of the token's owner")
        self.flavour = site.flavour
        self.url = root_of(site.url, setting=URL_SETTING)
        self._ahead: float | None = None
        self._http = GuardedHttp(
            name="Jira",
            root=f"{self.url}/rest/api/{3 if site.flavour is Flavour.CLOUD else 2}",
            authorization=basic(site.user, token) if site.user else bearer(token),
            policy=policy,
            timeout=timeout,
            setting=URL_SETTING,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def now(self) -> datetime | None:
        """Jira's clock: the Date header of what it last answered, and the time since. None where nothing was answered yet."""
        return None if self._ahead is None else datetime.fromtimestamp(time.monotonic() + self._ahead, UTC)

    async def call(
        self,
        operation: HttpOperation,
        *arguments: str,
        read: Callable[[bytes], T],
        target: str,
        query: Sequence[tuple[str, str]] = (),
        data: JSON = None,
        upload: Upload | None = None,
        headers: Sequence[tuple[str, str]] = (),
    ) -> T:
        """Make one call, as often as `firedoor.vendors.retry` allows, and read the reply. Raises what `JiraClient` says."""

        async def attempt() -> T:
            try:
                reply = await self._http.send(operation, *arguments, query=query, data=data, upload=upload, headers=headers)
            except VendorError as error:
                error.target = target  # the transport knows the request, not what it is about
                raise
            self._hear_clock(reply)
            refused = problem(operation, reply, target=target)
            if refused is not None:
                raise refused
            try:
                return read(reply.body)
            except fields.WrongShape as wrong:
                what = str(wrong)
            raise Malformed(
                f"Jira's reply to {operation.name} cannot be used: {what}",
                vendor=VENDOR,
                operation=operation.name,
                status=reply.status,
                target=target,
                changed=None if operation.writes else False,
                advice=f"Run it again; if it stays so, check {URL_SETTING} and jira_flavour",
            )

        return await send(operation, attempt)

    def _hear_clock(self, reply: Reply) -> None:
        """Take in a Date header. It is cut to the second and old on arrival, so each is at most the truth and the greatest is the best."""
        date = date_of(reply)
        if date is not None:
            heard = date.timestamp() - time.monotonic()
            self._ahead = heard if self._ahead is None else max(self._ahead, heard)
