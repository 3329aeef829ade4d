"""The way into each account: base credentials, assumed roles, and one call at a time through the pool of threads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, nullcontext
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar

from firedoor import observing
from firedoor.errors import BadInput, FiredoorError, Misconfigured, RateLimited
from firedoor.vendors.access import CallPolicy, Operation
from firedoor.vendors.aws.clock import VendorClock
from firedoor.vendors.aws.guard import Guard
from firedoor.vendors.aws.operations import ASSUME_ROLE, session_policy
from firedoor.vendors.aws.replies import VENDOR, Reply, headers_of, is_throttling, malformed, refusal, silence, status_of
from firedoor.vendors.aws.session import AwsCredentials, Door, Line, open_door
from firedoor.vendors.aws.values import check_account, check_role_arn
from firedoor.vendors.pace import Free, Pace
from firedoor.vendors.retry import send

R = TypeVar("R")
BASE: Final = ""
THROTTLED_SECONDS: Final = 1.0  # AWS says that it was too much, and not for how long
_SESSION_SECONDS: Final = 3600
_RENEW_BEFORE: Final = timedelta(minutes=5)


class Doors:
    """Calls AWS as the right identity of each account. ``accounts`` maps account ids to roles, "" meaning the base credentials."""

    def __init__(
        self,
        accounts: Mapping[str, str],
        *,
        policy: CallPolicy,
        line: Line,
        credentials: AwsCredentials | None,
        profile: str,
        pace: Pace | None = None,
    ) -> None:
        for account, role in accounts.items():
            check_account(account)
            if role and check_role_arn(role).split(":")[4] != account:
                raise Misconfigured(f"the role for account {account} is a role of another account", advice="Correct the role's ARN")
        self.accounts = dict(accounts)
        self.policy = policy
        self.clock = VendorClock()
        self._line = line
        self._credentials = credentials
        self._profile = profile
        self._pace = pace or Free()
        self._pool = ThreadPoolExecutor(max_workers=line.pool, thread_name_prefix="aws")
        self._open: dict[str, Door] = {}
        self._locks = {account: asyncio.Lock() for account in (BASE, *accounts)}

    async def close(self) -> None:
        """Wait for calls still under way, then give all connections back."""
        await asyncio.get_running_loop().run_in_executor(None, partial(self._pool.shutdown, cancel_futures=True))
        for door in self._open.values():
            door.close()
        self._open.clear()

    async def call(
        self,
        account: str,
        name: str,
        parameters: Mapping[str, object],
        *,
        target: str = "",
        region: str = "",
        turn: AbstractAsyncContextManager[None] | None = None,
    ) -> Mapping[str, Any]:
        """AWS's parsed reply to one operation (``iam:GetUser``), with retries. Raises the errors of `firedoor.vendors.aws.replies`.

        ``region`` "" is the line's own. ``turn`` is entered before each attempt, where AWS allows only so many a second.
        """
        operation = self.policy.admit(name)
        bucket = f"{VENDOR}:{name.partition(':')[0]}:{account or 'base'}"

        async def attempt() -> Mapping[str, Any]:
            door = await self.door(account)
            await self._pace.turn(bucket)
            async with turn or nullcontext():
                try:
                    return await self._once(door, operation, parameters, target, region)
                except RateLimited as limited:
                    self._pace.refused(bucket, seconds=limited.retry_after or THROTTLED_SECONDS)
                    raise

        return await send(operation, attempt)

    async def door(self, account: str) -> Door:
        """The open door to an account, renewed before its credentials end. ``BASE`` is the identity Firedoor started with."""
        if account not in self._locks:
            raise BadInput(f"account {account} is not among the configured ones", advice="Add it and its role to the configuration")
        async with self._locks[account]:
            door = self._open.get(account)
            if door is None or self._ending(door):
                door = await self._enter(account)
                self._open[account] = door
            return door

    def _ending(self, door: Door) -> bool:
        return door.expires is not None and door.expires - (self.clock.now() or datetime.now(UTC)) < _RENEW_BEFORE

    async def _enter(self, account: str) -> Door:
        role = self.accounts.get(account, "")
        if account == BASE or not role:
            credentials = self._credentials
        else:
            credentials = await self._assume(role)
        # Only the base door may take on roles: from inside an account nothing leads further.
        roles = frozenset(filter(None, self.accounts.values())) if account == BASE else frozenset[str]()
        guard = Guard(policy=self.policy, roles=roles)
        return await self._in_pool(
            partial(open_door, self._line, guard, credentials=credentials, profile=self._profile if credentials is None else ""),
            writes=False,
        )

    async def _assume(self, role: str) -> AwsCredentials:
        parameters = {
            "RoleArn": role,
            "RoleSessionName": f"firedoor-{self.policy.access}",
            "DurationSeconds": _SESSION_SECONDS,
            "Policy": session_policy(self.policy.access),
        }
        reply = await self.call(BASE, ASSUME_ROLE, parameters, target=role)
        match reply.get("Credentials"):
            case {"AccessKeyId": str(key), "SecretAccessKey": str(secret), "SessionToken": str(token), "Expiration": datetime() as end}:
                return AwsCredentials(key_id=key, secret=secret, token=token, expires=end)
        raise malformed(self.policy.operations[ASSUME_ROLE], "the reply holds no credentials", target=role)

    async def _once(
        self, door: Door, operation: Operation, parameters: Mapping[str, object], target: str, region: str
    ) -> Mapping[str, Any]:
        service, _, action = operation.name.partition(":")
        made = door.clients.get(service) if not region else None
        client = made or await self._in_pool(partial(door.client, service, region), writes=False)
        asked = time.monotonic()
        with observing.call(VENDOR, operation.name) as call:
            reply = await self._in_pool(partial(self._ask, client, action, parameters), writes=operation.writes)
            call.answered(status_of(reply), throttled=isinstance(reply, Reply) and is_throttling(reply))
        failure: FiredoorError | None = None
        if isinstance(reply, Reply):
            self.clock.hear(reply.headers.get("date", ""), asked=asked)
            failure = refusal(operation, reply, target=target, skew=self.clock.ahead())
        elif isinstance(reply, FiredoorError):
            failure = reply
        elif isinstance(reply, Exception):
            failure = silence(operation, reply, target=target)
        elif not reply.get("ResponseMetadata", {}).get("RequestId"):
            # botocore takes an empty body for a success.
            failure = malformed(operation, "the reply has no request id", target=target)
        if failure is not None:
            raise failure
        self.clock.hear(headers_of(reply).get("date", ""), asked=asked)
        return reply  # type: ignore[return-value] # the failures were told apart above

    @staticmethod
    def _ask(client: Any, action: str, parameters: Mapping[str, object]) -> Mapping[str, Any] | Reply | Exception:
        """One blocking call. Failures are returned, not raised: botocore's errors, and their frames, may hold a session token."""
        import botocore.exceptions  # noqa: PLC0415 - the catalogue loads without the SDK
        import botocore.utils  # noqa: PLC0415
        from botocore import xform_name  # noqa: PLC0415

        try:
            answer: Mapping[str, Any] = getattr(client, xform_name(action))(**parameters)
        except botocore.exceptions.ClientError as error:
            return _refused(error.response)
        except Exception as error:  # noqa: BLE001 - whatever the SDK raises becomes one of our errors, in one place
            return error
        return _refused(answer) if "Error" in answer else answer

    async def _in_pool(self, work: Callable[[], R], *, writes: bool) -> R:
        """Run blocking work in the pool.

        A thread cannot be cancelled, and a cancelled task whose write goes on could be followed by an undo that overtakes it. So a
        cancelled *write* that has begun is awaited to its end (at most botocore's two timeouts), and only then is the cancellation
        raised: when the task ends, no write of it is under way, and what it did is there to be read. A cancelled read is abandoned.
        """
        job = self._pool.submit(copy_context().run, work)  # what is logged there is of the run that is under way here
        future = asyncio.wrap_future(job)
        if not writes:
            return await future
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            if not job.cancel():
                await _to_its_end(future)
            raise


def _refused(response: Mapping[str, Any]) -> Reply:
    """What botocore parsed as an error. Inside a success (see `session`) it does not raise one."""
    metadata = response.get("ResponseMetadata", {})
    code = str(response.get("Error", {}).get("Code", ""))
    return Reply(code=code, status=int(metadata.get("HTTPStatusCode", 0)), headers=headers_of(response))


async def _to_its_end(future: asyncio.Future[R]) -> None:
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError:
            continue
    future.exception()
