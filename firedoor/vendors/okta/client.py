"""Okta's Management API as Firedoor uses it. This is the only module that talks to Okta.

It stands on the SDK's request executor and not on its generated API classes, which take an error with an empty body for success, lose
transport failures, and reject a page of the System Log for one word they do not know. Authentication is by API token (SSWS).
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TypeVar
from urllib.parse import urlencode, urljoin, urlsplit

from firedoor.errors import BadInput, Malformed, Misconfigured, RateLimited, VendorError
from firedoor.vendors.access import Access, CallPolicy
from firedoor.vendors.okta import operations, replies, zones
from firedoor.vendors.okta.admins import AdminCalls
from firedoor.vendors.okta.apps import AppCalls
from firedoor.vendors.okta.calls import MOST_PAGES
from firedoor.vendors.okta.clientcredentials import ClientCredentialCalls
from firedoor.vendors.okta.factors import FactorCalls
from firedoor.vendors.okta.grants import GrantCalls
from firedoor.vendors.okta.logs import LOG_PAGE, LogCalls, moment_text
from firedoor.vendors.okta.operations import HttpOperation
from firedoor.vendors.okta.problems import problem
from firedoor.vendors.okta.ratelimits import date_of, on_our_clock, rate_limit
from firedoor.vendors.okta.tokens import TokenCalls
from firedoor.vendors.okta.transport import VENDOR, GuardedHttp, HoldsSecret, Reply, Token, origin_of
from firedoor.vendors.okta.values import LogEvent, RefreshToken, UserRecord, check_id, check_login
from firedoor.vendors.pace import Free, Pace
from firedoor.vendors.retry import send

if TYPE_CHECKING:
    from okta.request_executor import RequestExecutor

T = TypeVar("T")

TOKEN_PAGE: Final = 200
MOST_PAUSES: Final = 5
PAUSE_SECONDS: Final = 60.0  # the window of Okta's limits

_NEXT: Final = re.compile(r'<([^<>]*)>\s*;\s*rel="?next"?(?:\s*[;,]|\s*$)')


class OktaClient(FactorCalls, GrantCalls, AppCalls, AdminCalls, TokenCalls, ClientCredentialCalls, LogCalls):
    """An async context manager. A client made with `Access.READ` cannot send a write, whoever asks it to.

    ``org_url`` is ``https://`` and the org's host (plain http only to loopback), ``token`` an API token or a holder of one, ``timeout``
    seconds for one attempt, ``block_zone`` the id of the IP zone that blocks, where one was prepared, ``service_group`` the id of the group
    whose members are service users. ``pace`` is asked before each attempt and told Okta's rate headers after each reply, by the part of the
    API (``okta:apps``). Neither environment nor files are read. Raises `Misconfigured` where URL or token cannot be used.

    Every method may raise `BadInput`, `Unauthorized`, `Forbidden`, `NotFound`, `Rejected`, `RateLimited`, `Unreachable`, `Unavailable`,
    `Malformed` and `Unsupported`; `firedoor.vendors.okta.problems` tells which reply means which.
    A write raises `WriteRefused` on a read-only client, and its error's ``changed`` is None where its effect is unknown: read back then.
    """

    def __init__(
        self,
        *,
        org_url: str,
        token: str | HoldsSecret,
        access: Access,
        timeout: float = 10.0,
        block_zone: str = "",
        service_group: str = "",
        pace: Pace | None = None,
    ) -> None:
        self.block_zone = block_zone
        self.service_group = service_group
        self._pace = pace or Free()
        held = token = Token(token)  # from here on no variable of this frame prints it
        self._origin = origin_of(org_url)
        if timeout <= 0:
            raise Misconfigured("the time allowed for an answer of Okta must be above 0 seconds", advice="Leave it out for 10 seconds")
        self.policy = CallPolicy(vendor=VENDOR, access=access, operations=operations.OPERATIONS)
        self._http = GuardedHttp(origin=self._origin, token=held, policy=self.policy, timeout=timeout)
        self._executor: RequestExecutor | None = None
        self._ahead: float | None = None

    @property
    def org(self) -> str:
        """The org's host name."""
        return urlsplit(self._origin).hostname or ""

    async def __aenter__(self) -> Self:
        # About 1.5 s the first time in a process, so it is done before anyone waits on a containment step.
        from okta.cache.no_op_cache import NoOpCache  # noqa: PLC0415 - the catalogue loads without the SDK
        from okta.request_executor import RequestExecutor  # noqa: PLC0415

        # The executor never gets the token: the transport adds it to what has passed the guard.
        config = {"orgUrl": self._origin, "authorizationMode": "SSWS", "token": "", "requestTimeout": 0, "rateLimit": {"maxRetries": 0}}
        self._executor = RequestExecutor(  # type: ignore[no-untyped-call] # the SDK annotates none of its functions
            {"client": config},
            NoOpCache(),  # type: ignore[no-untyped-call]
            http_client=lambda _: self._http,
        )
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._executor = None
        await self._http.close()

    async def now(self) -> datetime:
        """Okta's clock: the Date header of what it last answered, and the time since. Never ahead of Okta, at most about a second behind.

        Asks `whoami` once where nothing was answered yet.
        """
        if self._ahead is None:
            await self.whoami()
        if self._ahead is None:
            raise Malformed("Okta's answers carry no Date", vendor=VENDOR, operation="clock", advice="Check FIREDOOR_OKTA_ORG_URL")
        moment = datetime.fromtimestamp(time.monotonic() + self._ahead, UTC)
        # Okta cuts its times to the millisecond; a finer moment could be later than the stamp of what happens after it.
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    async def skew(self) -> timedelta:
        """How far Okta's clock is ahead of this machine's. Below about a second it means nothing."""
        return await self.now() - datetime.now(UTC)

    async def whoami(self) -> UserRecord:
        """The owner of the API token (getUser with ``me``)."""
        return await self._read_one(operations.GET_USER, "me", replies.user, target="the owner of the API token")

    async def user(self, id_or_login: str) -> UserRecord:
        """One user (getUser). Raises `BadInput` where only the short form of a login matches, since that may mean someone else."""
        found = await self._read_one(operations.GET_USER, check_login(id_or_login), replies.user, target=id_or_login)
        if id_or_login != found.id and id_or_login.lower() != found.login.lower():
            raise BadInput(
                "Okta finds a user of that name only by the short form of their login", target=id_or_login, advice="Give the whole login"
            )
        return found

    async def suspend_user(self, user_id: str) -> None:
        """Suspend (suspendUser). Only an ACTIVE user can be: raises `Conflict` otherwise, also where they are suspended already."""
        await self._write(operations.SUSPEND_USER, user_id)

    async def unsuspend_user(self, user_id: str) -> None:
        """Back to ACTIVE (unsuspendUser). Only a SUSPENDED user can be: raises `Conflict` otherwise."""
        await self._write(operations.UNSUSPEND_USER, user_id)

    async def unlock_user(self, user_id: str) -> None:
        """From LOCKED_OUT to ACTIVE, with the password as it is (unlockUser). Raises `Conflict` for who is not locked out.

        Okta's own users only: one who comes from a directory is unlocked there.
        """
        await self._write(operations.UNLOCK_USER, user_id)

    async def reset_password(self, user_id: str) -> None:
        """Make the password worthless and end the sessions (resetPassword): the user is in RECOVERY then, and cannot sign in.

        No e-mail is sent, and the one-time link in Okta's reply is thrown away unread. Each call makes another one.
        """
        query = {"sendEmail": "false", "revokeSessions": "true"}
        await self._write(operations.RESET_PASSWORD, user_id, query=query, read=replies.unread)

    async def revoke_user_sessions(self, user_id: str, *, forget_devices: bool = True) -> None:
        """End every session at Okta, and revoke every OAuth refresh and access token (revokeUserSessions with oauthTokens).

        ``forget_devices`` also drops remembered factors; its default differs between Okta's engines, so it is always sent. Sessions that
        web and native apps hold of their own live on.
        """
        query = {"oauthTokens": "true", "forgetDevices": "true" if forget_devices else "false"}
        await self._write(operations.REVOKE_USER_SESSIONS, user_id, query=query)

    async def refresh_tokens(self, user_id: str) -> tuple[RefreshToken, ...]:
        """The refresh tokens of every client that acts for the user (listUserClients, listRefreshTokensForUserAndClient)."""
        path = operations.LIST_USER_CLIENTS.fill(check_id(user_id))
        clients = await self._pages(operations.LIST_USER_CLIENTS, path, replies.client_id, target=user_id)
        found: list[RefreshToken] = []
        for client in clients:
            path = operations.LIST_REFRESH_TOKENS.fill(user_id, client) + f"?limit={TOKEN_PAGE}"
            found += await self._pages(operations.LIST_REFRESH_TOKENS, path, replies.refresh_token, target=user_id)
        return tuple(found)

    async def log_events(self, *, filter: str, since: datetime, until: datetime | None = None) -> tuple[LogEvent, ...]:  # noqa: A002 - Okta's word
        """The System Log's entries that match a SCIM ``filter``, oldest first (listLogEvents).

        With ``until`` the bounds are on the time of publishing. Without it Okta reads on in the order of arrival and always offers a next
        page, so an empty page is the end. Entries may take some 30 s to show: an empty answer does not mean that nothing happened.
        """
        query = {"filter": filter, "since": moment_text(since), "limit": str(LOG_PAGE), "sortOrder": "ASCENDING"}
        if until is not None:
            query["until"] = moment_text(until)
        path = f"{operations.LIST_LOG_EVENTS.path}?{urlencode(query)}"
        return await self._pages(operations.LIST_LOG_EVENTS, path, replies.log_event, target="the System Log", polling=until is None)

    async def network_zone(self, zone_id: str) -> zones.ZoneRecord:
        """One network zone (getNetworkZone)."""
        return await self._read_one(operations.GET_NETWORK_ZONE, check_id(zone_id, kind=zones.KIND), replies.network_zone, target=zone_id)

    async def add_to_zone(self, zone_id: str, addresses: Sequence[str]) -> tuple[str, ...]:
        """Put those of ``addresses`` into an IP zone that blocks which it does not cover yet (replaceNetworkZone). Returns what was added.

        Raises `Conflict` where nothing is to add, the zone is full, or it is no zone that blocks. An edit that somebody else makes in the
        moment between our reading and our writing is lost: Okta has nothing to prevent it.
        """
        return await self._edit_zone(zone_id, zones.with_added, addresses)

    async def remove_from_zone(self, zone_id: str, addresses: Sequence[str]) -> tuple[str, ...]:
        """Take the entries that are exactly ``addresses`` out of an IP zone that blocks (replaceNetworkZone). Returns what was removed.

        Raises `Conflict` where there are none, nothing else would be left, or it is no zone that blocks. As to edits of others, see
        `add_to_zone`.
        """
        return await self._edit_zone(zone_id, zones.with_removed, addresses)

    async def _edit_zone(self, zone_id: str, edit: zones.Edit, addresses: Sequence[str]) -> tuple[str, ...]:
        path = operations.GET_NETWORK_ZONE.fill(check_id(zone_id, kind=zones.KIND))

        async def attempt() -> tuple[str, ...]:  # each reads anew: after a wait for the limit, the zone may be another
            whole, _ = await self._call(
                operations.GET_NETWORK_ZONE, path, lambda body: replies.one(body, replies.network_zone_whole), target=zone_id
            )
            wanted, changed = edit(*whole, addresses)
            await self._once(operations.REPLACE_NETWORK_ZONE, path, replies.nothing, target=zone_id, body=wanted)
            return changed

        return await send(operations.REPLACE_NETWORK_ZONE, attempt)

    async def _read_one(self, operation: HttpOperation, argument: str, read: Callable[[replies.Object], T], *, target: str) -> T:
        value, _ = await self._call(operation, operation.fill(argument), lambda body: replies.one(body, read), target=target)
        return value

    async def _write(
        self,
        operation: HttpOperation,
        subject: str,
        *others: str,
        query: Mapping[str, str] | None = None,
        read: Callable[[bytes], None] = replies.nothing,
    ) -> None:
        path = operation.fill(check_id(subject), *others) + (f"?{urlencode(query)}" if query else "")
        await self._call(operation, path, read, target=subject)

    async def _pages(
        self, operation: HttpOperation, path: str, read: Callable[[replies.Object], T], *, target: str, polling: bool = False
    ) -> tuple[T, ...]:
        pages = self._each_page(operation, path, read, target=target, polling=polling)
        return tuple([item async for page in pages for item in page])

    async def _each_page(
        self,
        operation: HttpOperation,
        path: str,
        read: Callable[[replies.Object], T],
        *,
        target: str,
        polling: bool = False,
        most: int = MOST_PAGES,
        patient: bool = False,
    ) -> AsyncIterator[tuple[T, ...]]:
        asked: set[str] = set()
        following: str | None = path
        while following is not None:
            if following in asked or len(asked) >= most:
                raise self._malformed(operation, "it hands out the same page again, or pages without end", target)
            asked.add(following)
            page, reply = await self._page(operation, following, read, target=target, pauses=MOST_PAUSES if patient else 0)
            yield page
            following = None if polling and not page else self._next(operation, path, reply, target)

    async def _page(
        self, operation: HttpOperation, path: str, read: Callable[[replies.Object], T], *, target: str, pauses: int
    ) -> tuple[tuple[T, ...], Reply]:
        while True:
            try:
                return await self._call(operation, path, lambda body: replies.many(body, read), target=target)
            except RateLimited as limited:
                if pauses <= 0:
                    raise
                pauses -= 1
                pause = PAUSE_SECONDS if limited.retry_after is None else limited.retry_after
            await asyncio.sleep(pause)

    def _next(self, operation: HttpOperation, path: str, reply: Reply, target: str) -> str | None:
        """The next page's path and query, None where Okta links to none."""
        links = [str(match[1]) for header in reply.headers.getall("Link", []) for match in _NEXT.finditer(header)]
        return self._follow(operation, path, links[0], target) if links else None

    def _follow(self, operation: HttpOperation, path: str, link: str, target: str) -> str:
        """The link is the vendor's word: it may lead to the same list of the same org, and nowhere else."""
        link = urljoin(self._origin + path, link)
        if not link.startswith(f"{self._origin}/") or urlsplit(link).path != urlsplit(path).path:
            raise self._malformed(operation, "its link to the next page leads elsewhere and was not followed", target)
        return link.removeprefix(self._origin)

    async def _call(
        self, operation: HttpOperation, path: str, read: Callable[[bytes], T], *, target: str, body: Mapping[str, object] | None = None
    ) -> tuple[T, Reply]:
        async def attempt() -> tuple[T, Reply]:
            return await self._once(operation, path, read, target=target, body=body)

        return await send(operation, attempt)

    async def _once(
        self,
        operation: HttpOperation,
        path: str,
        read: Callable[[bytes], T],
        *,
        target: str,
        body: Mapping[str, object] | None = None,
    ) -> tuple[T, Reply]:
        if self._executor is None:
            raise Misconfigured("the Okta client is used outside its async with block", advice="This is a defect in Firedoor")
        # What is empty stays in the body: without this the SDK drops it, and a list would never become empty.
        request, _ = await self._executor.create_request(operation.method, path, dict(body or {}), keep_empty_params=True)
        await self._pace.turn(operation.bucket)
        try:
            _, reply, _, _ = await self._executor.fire_request(request)
        except VendorError as error:
            error.target = target  # the transport knows the request, not what it is about
            raise
        assert isinstance(reply, Reply)
        self._hear_clock(reply)
        said = rate_limit(reply)
        if said is not None and not said.crowded:
            reset = on_our_clock(said.reset, reply)
            self._pace.heard(operation.bucket, limit=said.limit, remaining=said.remaining, reset=reset)
        refused = problem(operation, reply, target=target)
        if isinstance(refused, RateLimited):
            self._pace.refused(operation.bucket, seconds=PAUSE_SECONDS if refused.retry_after is None else refused.retry_after)
        if refused is not None:
            raise refused
        try:
            return read(reply.body), reply
        except replies.WrongShape as wrong:
            what = str(wrong)
        raise self._malformed(operation, what, target, status=reply.status)

    def _malformed(self, operation: HttpOperation, what: str, target: str, *, status: int = 200) -> Malformed:
        return Malformed(
            f"Okta's reply to {operation.name} cannot be used: {what}",
            vendor=VENDOR,
            operation=operation.name,
            status=status,
            target=target,
            changed=None if operation.writes else False,
            advice="Run it again; if it stays so, check FIREDOOR_OKTA_ORG_URL",
        )

    def _hear_clock(self, reply: Reply) -> None:
        """Take in a Date header. It is cut to the second and old on arrival, so each is at most the truth and the greatest is the best."""
        date = date_of(reply)
        if date is not None:
            heard = date.timestamp() - time.monotonic()
            self._ahead = heard if self._ahead is None else max(self._ahead, heard)
