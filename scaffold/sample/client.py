"""The only code that talks to Sample. It sends what is in the table of operations, and with `Access.READ` only what reads."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Final, Self, TypeVar

from firedoor.errors import Conflict, Forbidden, Malformed, NotFound, RateLimited, Rejected, Unauthorized, Unavailable, VendorError
from firedoor.vendors import fields
from firedoor.vendors.access import Access, CallPolicy
from firedoor.vendors.http import GuardedHttp, HoldsSecret, HttpOperation, Reply, bearer, date_of, root_of, secret_of
from firedoor.vendors.retry import send
from scaffold.sample import operations
from scaffold.sample.values import AccountRecord, account

T = TypeVar("T")

VENDOR: Final = "sample"
URL_SETTING: Final = "FIREDOOR_SAMPLE_URL"
TOKEN_SETTING: Final = "FIREDOOR_SAMPLE_API_TOKEN"  # noqa: S105 - the name of the setting
# How a refusal is known: by its status alone, and never by its words.
REFUSALS: Final[dict[int, tuple[type[VendorError], str, str]]] = {
    401: (Unauthorized, "it does not know the token", f"Set {TOKEN_SETTING} to a live token"),
    403: (Forbidden, "the token may not do this", "Give its owner the permission that the action's page names"),
    404: (NotFound, "it knows no such thing", "Check the id"),
    409: (Conflict, "it refuses this in the present state", "Look at it in Sample"),
}


class SampleClient:
    """A client of one Sample; an async context manager. ``timeout`` is in seconds, for one attempt.

    Its methods raise `VendorError`s: `NotFound`, `Conflict`, `Forbidden`, `Unauthorized`, `RateLimited`, `Unreachable`, `Unavailable`,
    `Malformed`, `Rejected`, and `WriteRefused` for a write with `Access.READ`, which never leaves the process.
    """

    def __init__(self, *, url: str, token: str | HoldsSecret, access: Access, timeout: float = 15.0) -> None:
        self.policy = CallPolicy(vendor=VENDOR, access=access, operations=operations.OPERATIONS)
        self._ahead: float | None = None
        self._http = GuardedHttp(
            name="Sample",
            root=root_of(url, setting=URL_SETTING),
            authorization=bearer(secret_of(token, setting=TOKEN_SETTING)),
            policy=self.policy,
            timeout=timeout,
            setting=URL_SETTING,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._http.close()

    async def whoami(self) -> str:
        """The login that the token is of."""
        return await self._call(operations.GET_SELF, read=lambda body: fields.one(body, lambda item: fields.text(item, "login")))

    async def now(self) -> datetime:
        """Sample's clock."""
        if self._ahead is None:
            await self.whoami()
        return datetime.fromtimestamp(time.monotonic() + (self._ahead or 0.0), UTC)

    async def skew(self) -> timedelta:
        """How far Sample's clock is ahead of this machine's."""
        return await self.now() - datetime.now(UTC)

    async def accounts(self, login: str) -> Sequence[AccountRecord]:
        """The accounts of that login: one, or none."""
        return await self._call(
            operations.FIND_ACCOUNTS, target=login, query=[("login", login)], read=lambda body: fields.many(body, account)
        )

    async def account(self, name: str) -> AccountRecord:
        """The account of that id."""
        return await self._call(operations.GET_ACCOUNT, name, target=name, read=lambda body: fields.one(body, account))

    async def disable_account(self, name: str) -> None:
        """Switch it off. Sample calls it done where it is off already."""
        await self._call(operations.DISABLE_ACCOUNT, name, target=name, read=_done)

    async def enable_account(self, name: str) -> None:
        """Switch it on."""
        await self._call(operations.ENABLE_ACCOUNT, name, target=name, read=_done)

    async def _call(
        self,
        operation: HttpOperation,
        *arguments: str,
        read: Callable[[bytes], T],
        target: str = "",
        query: Sequence[tuple[str, str]] = (),
    ) -> T:
        """One call, as often as `firedoor.vendors.retry` allows."""

        async def attempt() -> T:
            reply = await self._http.send(operation, *arguments, query=query)
            self._hear_clock(reply)
            if (refused := _problem(operation, reply, target=target)) is not None:
                raise refused
            try:
                return read(reply.body)
            except fields.WrongShape as wrong:
                what = str(wrong)
            # Raised here: the error behind it would carry the reply along.
            raise Malformed(
                f"Sample's reply to {operation.name} cannot be used: {what}",
                vendor=VENDOR,
                operation=operation.name,
                status=reply.status,
                target=target,
                changed=None if operation.writes else False,
                advice=f"Run it again; if it stays so, check {URL_SETTING}",
            )

        return await send(operation, attempt)

    def _hear_clock(self, reply: Reply) -> None:
        """A Date header is cut to the second and old on arrival: each is at most the truth, and the greatest is the best."""
        if (date := date_of(reply)) is not None:
            heard = date.timestamp() - time.monotonic()
            self._ahead = heard if self._ahead is None else max(self._ahead, heard)


def _done(body: bytes) -> None:
    """A write is answered with the account as it is then; whether it is so is read again, and not believed."""
    fields.one(body, account)


def _problem(operation: HttpOperation, reply: Reply, *, target: str) -> VendorError | None:
    """The error that a reply stands for; None where Sample did as asked."""
    status, code = reply.status, _code(reply.body)
    if status in {200, 204}:
        return None
    if status == 429:
        after = reply.headers.get("Retry-After", "")
        return RateLimited(
            f"Sample answered {operation.name} with HTTP 429: too many requests",
            vendor=VENDOR,
            operation=operation.name,
            retry_after=min(float(after), 300.0) if after.isascii() and after.isdigit() else None,
        )
    failed = (Unavailable, "it failed by its own account", "Run it again; what is already done stays done")
    wrong = (Rejected, "it calls the request wrong", f"Check {URL_SETTING}")
    kind, what, advice = failed if status >= 500 else REFUSALS.get(status, wrong)
    return kind(
        f"Sample answered {operation.name} with HTTP {status}{f' ({code})' if code else ''}: {what}",
        vendor=VENDOR,
        operation=operation.name,
        status=status,
        code=code,
        target=target,
        changed=None if operation.writes and not 400 <= status < 500 else False,
        advice=advice,
    )


def _code(body: bytes) -> str:
    """Sample's own short word for an error, where it is one: anything else may be an echo of what was sent."""
    try:
        read = json.loads(body)
    except ValueError:
        return ""
    code = read.get("error") if isinstance(read, dict) else None
    return code if isinstance(code, str) and code.isascii() and code.isidentifier() and len(code) < 40 else ""
