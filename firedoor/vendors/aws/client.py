"""Firedoor's AWS client: IAM users and access keys in the configured accounts. No other code talks to AWS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Self, TypeVar

from pydantic import SecretStr

from firedoor.canonical import JSON, canonical
from firedoor.errors import BadInput, NotFound
from firedoor.vendors.access import Access, CallPolicy, Operation
from firedoor.vendors.aws.calls import Calls, text
from firedoor.vendors.aws.denials import DENY_ALL
from firedoor.vendors.aws.doors import BASE, Doors
from firedoor.vendors.aws.identity_center import IdentityCenter
from firedoor.vendors.aws.inline import InlinePolicy
from firedoor.vendors.aws.logins import Logins
from firedoor.vendors.aws.operations import OPERATIONS
from firedoor.vendors.aws.organizations import Organizations
from firedoor.vendors.aws.permits import Permits
from firedoor.vendors.aws.prepared import AwsPrepared
from firedoor.vendors.aws.principals import AwsPrincipal
from firedoor.vendors.aws.readers import Readers
from firedoor.vendors.aws.replies import malformed
from firedoor.vendors.aws.reports import Reports
from firedoor.vendors.aws.roles import Roles
from firedoor.vendors.aws.secrets import NewKey, Secrets
from firedoor.vendors.aws.session import AwsCredentials, Line
from firedoor.vendors.aws.values import (
    AccessKey,
    Caller,
    IamUser,
    KeyOwner,
    KeyStatus,
    check_account,
    check_key_id,
    check_policy_name,
    check_user_name,
)
from firedoor.vendors.aws.waf import Waf
from firedoor.vendors.pace import Pace
from firedoor.vendors.unclosed import Nobody, Unclosed

T = TypeVar("T")
R = TypeVar("R")
_CLOCK_GOOD_FOR: Final = 30.0
_STATUSES: Final = frozenset(status.value for status in KeyStatus)


class AwsClient:
    """Talks to AWS for the actions of this room; an async context manager.

    ``accounts`` maps account ids to the ARN of the role to assume there; "" uses the base credentials directly. With a role, a client that
    only reads asks AWS for a session that only can read; with base credentials only the guard in this process stands. ``credentials``
    None means botocore's own chain, ``endpoint`` "" botocore's own choice (AWS_ENDPOINT_URL and the profile are heard). ``timeout`` is in
    seconds, for connecting and again for each read. ``pool`` is the number of threads and of connections. ``prepared`` is what the operator
    made ready there: `organizations` and `identity_center` work with it. ``roles`` is the part that speaks of IAM roles, ``waf`` of IP
    sets, ``secrets`` of Secrets Manager, ``reports`` of credential reports, ``logins`` of passwords and the like,
    ``permits`` of what a user or role may do, ``readers`` of who can read a secret of those whom open incidents concern, which
    ``unclosed`` knows (None: there are none).

    Two are for listing credentials: ``tags``, whether the tags of each user are asked for as well, a call more for each; and ``regions``,
    where secrets are looked for (none: in ``region``). ``pace`` holds requests back (None: nobody does).
    """

    def __init__(
        self,
        accounts: Mapping[str, str],
        access: Access,
        *,
        region: str = "us-east-1",
        pool: int = 8,
        timeout: float = 10.0,
        profile: str = "",
        credentials: AwsCredentials | None = None,
        endpoint: str = "",
        prepared: AwsPrepared | None = None,
        pace: Pace | None = None,
        unclosed: Unclosed | None = None,
        tags: bool = False,
        regions: Sequence[str] = (),
    ) -> None:
        self.pool = pool
        self.tags = tags
        self.regions = tuple(regions) or (region,)
        self.prepared = prepared or AwsPrepared()
        self.policy = CallPolicy(vendor="aws", access=access, operations=OPERATIONS)
        line = Line(region=region, pool=pool, timeout=timeout, endpoint=endpoint)
        self._doors = Doors(accounts, policy=self.policy, line=line, credentials=credentials, profile=profile, pace=pace)
        self._calls = Calls(self._doors)
        self.roles = Roles(self._calls)
        self.secrets = Secrets(self._doors)
        self.reports = Reports(self._calls)
        self.logins = Logins(self._calls)
        self.permits = Permits(self._calls)
        self.readers = Readers(self._calls, self.permits, self.secrets, unclosed or Nobody())
        self.waf = Waf(self._doors)
        self.organizations = Organizations(self._doors, self.prepared)
        self.identity_center = IdentityCenter(self._doors, self.prepared)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._doors.close()

    async def each(self, work: Callable[[T], Awaitable[R]], items: Iterable[T]) -> list[R]:
        """What ``work`` gives for each item, in their order; at most as many at once as there are connections. Raises the first error."""
        found: dict[int, R] = {}
        left = enumerate(items)

        async def worker() -> None:
            for at, item in left:
                found[at] = await work(item)

        workers = [asyncio.ensure_future(worker()) for _ in range(self.pool)]
        try:
            await asyncio.gather(*workers)
        finally:
            for one in workers:
                one.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        return [found[at] for at in sorted(found)]

    @property
    def accounts(self) -> tuple[str, ...]:
        """The configured account ids, sorted."""
        return tuple(sorted(self._doors.accounts))

    def role(self, account: str) -> str:
        """The ARN of the role that is taken on in an account; "" where the base credentials do."""
        return self._doors.accounts.get(account, "")

    async def now(self, account: str) -> datetime:
        """AWS's clock, never behind the true one and at most about a second and a round trip ahead of it."""
        if self._doors.clock.age() > _CLOCK_GOOD_FOR:
            await self.whoami(account)
        now = self._doors.clock.now()
        if now is None:
            raise malformed(self._known("sts:GetCallerIdentity"), "the reply has no Date header")
        return now

    async def skew(self) -> timedelta:
        """How far this machine's clock is ahead of AWS's (negative: behind), to about a second."""
        await self.whoami()
        ahead = self._doors.clock.ahead()
        if ahead is None:
            raise malformed(self._known("sts:GetCallerIdentity"), "the reply has no Date header")
        return ahead

    async def whoami(self, account: str = BASE) -> Caller:
        """Whom AWS takes us for: in an account, or with the base credentials."""
        reply = await self._call(account, "sts:GetCallerIdentity")
        return Caller(account=text(self._known("sts:GetCallerIdentity"), reply, "Account"), arn=str(reply.get("Arn", "")))

    async def account_of_key(self, key_id: str) -> str:
        """The account an access key belongs to, whether or not it is one of ours or still works."""
        reply = await self._call(BASE, "sts:GetAccessKeyInfo", AccessKeyId=check_key_id(key_id), target=key_id)
        return check_account(text(self._known("sts:GetAccessKeyInfo"), reply, "Account"))

    async def owner_of_key(self, key_id: str) -> IamUser:
        """The user whose long-term key this is, with its path. Raises `BadInput` for a session's key, or a key of an account that is not
        configured.
        """
        return await self.user((await self.key_owner(key_id)).user)

    async def key_owner(self, key_id: str) -> KeyOwner:
        """The user whose long-term key this is, and its last use. The user's path is left open. Raises as `owner_of_key`."""
        if check_key_id(key_id).startswith("ASIA"):
            raise BadInput(
                "that is the key of a temporary session, which has no owner in IAM",
                target=key_id,
                advice="Find in CloudTrail which user or role the session was issued to, and revoke its sessions",
            )
        account = await self.account_of_key(key_id)
        if account not in self._doors.accounts:
            raise BadInput(
                f"the key belongs to account {account}, which is not among the configured ones",
                target=key_id,
                advice="Add the account and its role, or tell the account's owner",
            )
        name = "iam:GetAccessKeyLastUsed"
        reply = await self._call(account, name, AccessKeyId=key_id, target=key_id)
        usage = reply.get("AccessKeyLastUsed")
        usage = usage if isinstance(usage, Mapping) else {}
        used = usage.get("LastUsedDate")
        return KeyOwner(
            key=key_id,
            user=self._user(name, account, reply),
            last_used=used if isinstance(used, datetime) else None,
            service=str(usage.get("ServiceName", "")),
            region=str(usage.get("Region", "")),
        )

    async def user(self, user: IamUser) -> IamUser:
        """The user, if AWS has one of exactly that name. Raises `NotFound` otherwise.

        AWS compares names without regard to case in places; protected names are compared letter by letter.
        """
        reply = await self._on(user, "iam:GetUser")
        found = self._user("iam:GetUser", user.account, self._part("iam:GetUser", reply, "User"))
        if found.name != user.name:
            raise BadInput(f"AWS writes that name {found.name!r}", target=user.label, advice="Name the user as AWS does")
        return found

    async def principal(self, arn: str) -> AwsPrincipal:
        """The user or role, if AWS has one of exactly that ARN. Raises `NotFound` where there is none of that name.

        A policy compares ARNs letter by letter, with their paths; IAM finds a name in any spelling. An ARN that is nearly right would shut
        out nobody.
        """
        wanted = AwsPrincipal(arn=arn)
        name, part = ("iam:GetUser", "User") if wanted.kind == "user" else ("iam:GetRole", "Role")
        reply = await self._call(wanted.account, name, target=wanted.label, **{f"{part}Name": wanted.name})
        found = text(self._known(name), self._part(name, reply, part), "Arn")
        if found != arn:
            raise BadInput(f"AWS writes that ARN {found!r}", target=wanted.label, advice="Give the ARN as AWS does")
        return wanted

    async def users(self, account: str) -> tuple[IamUser, ...]:
        """Every user of an account, in AWS's order."""
        return tuple([user async for page in self.user_pages(account) for user in page])

    async def user_pages(self, account: str) -> AsyncIterator[tuple[IamUser, ...]]:
        """Every user of an account, one page held at a time, in AWS's order."""
        async for page in self._calls.page_by_page(account, "iam:ListUsers", "Users", {}, target=account):
            yield tuple(self._user("iam:ListUsers", account, each) for each in page)

    async def user_tags(self, user: IamUser) -> Mapping[str, str]:
        """A user's tags by key."""
        found = await self._pages(user.account, "iam:ListUserTags", "Tags", {"UserName": user.name}, target=user.label)
        operation = self._known("iam:ListUserTags")
        return {text(operation, each, "Key"): str(each.get("Value", "")) for each in found}

    async def tag_user(self, user: IamUser, key: str, value: str) -> None:
        """Set one of a user's tags, over any of that key."""
        await self._on(user, "iam:TagUser", Tags=[{"Key": key, "Value": value}])

    async def access_keys(self, user: IamUser) -> tuple[AccessKey, ...]:
        """A user's long-term keys, active or not, in AWS's order."""
        name = "iam:ListAccessKeys"
        found = await self._pages(user.account, name, "AccessKeyMetadata", {"UserName": user.name}, target=user.label)
        keys: list[AccessKey] = []
        for each in found:
            match each:
                case {"AccessKeyId": str(key_id), "Status": str(status), "CreateDate": datetime() as created} if status in _STATUSES:
                    keys.append(AccessKey(id=key_id, status=KeyStatus(status), created=created))
                case _:
                    raise malformed(self._known(name), "a key lacks its id, status or date", target=user.label)
        return tuple(keys)

    async def update_access_key(self, user: IamUser, key_id: str, status: KeyStatus) -> None:
        """Activate or deactivate a key. Setting the status it has already is no error. Enforced by AWS some seconds later."""
        if status is KeyStatus.EXPIRED:
            raise BadInput("a key can be made Active or Inactive", target=user.label)
        await self._on(user, "iam:UpdateAccessKey", AccessKeyId=check_key_id(key_id), Status=status.value)

    async def last_used(self, user: IamUser, key_id: str) -> datetime | None:
        """When AWS last saw one of a user's keys used; None where never. AWS may be hours behind."""
        reply = await self._call(user.account, "iam:GetAccessKeyLastUsed", AccessKeyId=check_key_id(key_id), target=user.label)
        used = self._part("iam:GetAccessKeyLastUsed", reply, "AccessKeyLastUsed").get("LastUsedDate")
        return used if isinstance(used, datetime) else None

    async def create_access_key(self, user: IamUser) -> NewKey:
        """Make one more access key. Not repeated where the reply is lost: then a key may exist whose secret nobody knows.

        Raises `Conflict` where the user has two keys already.
        """
        name = "iam:CreateAccessKey"
        match (await self._on(user, name)).get("AccessKey"):
            case {"AccessKeyId": str(key_id), "SecretAccessKey": str(secret)} if key_id and secret:
                return NewKey(id=key_id, secret=SecretStr(secret))
        raise malformed(self._known(name), "the reply holds no key with its secret", target=user.label)

    async def delete_access_key(self, user: IamUser, key_id: str) -> None:
        """Delete a key for good. Raises `NotFound` where there is none (also when a first reply was lost)."""
        await self._on(user, "iam:DeleteAccessKey", AccessKeyId=check_key_id(key_id))

    async def user_policies(self, user: IamUser) -> Mapping[str, InlinePolicy]:
        """A user's inline policies by name. One that is deleted while they are read is left out."""
        names = await self._pages(user.account, "iam:ListUserPolicies", "PolicyNames", {"UserName": user.name}, target=user.label)
        found: dict[str, InlinePolicy] = {}
        for name in names:
            try:
                reply = await self._on(user, "iam:GetUserPolicy", PolicyName=check_policy_name(str(name)))
            except NotFound:
                continue
            found[str(name)] = self._calls.document("iam:GetUserPolicy", reply, "PolicyDocument", target=user.label)
        return found

    async def put_user_policy(self, user: IamUser, name: str, document: Mapping[str, JSON]) -> None:
        """Write an inline policy, over any of that name. Raises `Conflict` where the user's inline policies have no room left."""
        await self._on(user, "iam:PutUserPolicy", PolicyName=check_policy_name(name), PolicyDocument=canonical(document))

    async def delete_user_policy(self, user: IamUser, name: str) -> None:
        """Delete an inline policy. Raises `NotFound` where there is none (also when a first reply was lost)."""
        await self._on(user, "iam:DeleteUserPolicy", PolicyName=check_policy_name(name))

    async def attached_policies(self, user: IamUser) -> tuple[str, ...]:
        """The ARNs of the managed policies attached to a user itself, in AWS's order; those of its groups are not among them."""
        name = "iam:ListAttachedUserPolicies"
        found = await self._pages(user.account, name, "AttachedPolicies", {"UserName": user.name}, target=user.label)
        return tuple(text(self._known(name), each, "PolicyArn") for each in found)

    async def attach_deny_all(self, user: IamUser) -> None:
        """Attach AWS's own policy that denies everything, and no other: the guard lets none pass. Repeating it is no error.

        Raises `Conflict` where the user has as many managed policies as the account's quota admits.
        """
        await self._on(user, "iam:AttachUserPolicy", PolicyArn=DENY_ALL)

    async def detach_deny_all(self, user: IamUser) -> None:
        """Detach that policy. Raises `NotFound` where it is not attached (also when a first reply was lost)."""
        await self._on(user, "iam:DetachUserPolicy", PolicyArn=DENY_ALL)

    async def _on(self, user: IamUser, name: str, **parameters: object) -> Mapping[str, Any]:
        return await self._call(user.account, name, target=user.label, UserName=user.name, **parameters)

    async def _call(self, account: str, name: str, *, target: str = "", **parameters: object) -> Mapping[str, Any]:
        return await self._doors.call(account, name, parameters, target=target)

    async def _pages(self, account: str, name: str, part: str, parameters: Mapping[str, str], *, target: str) -> list[Any]:
        return await self._calls.pages(account, name, part, parameters, target=target)

    def _user(self, name: str, account: str, part: Mapping[str, Any]) -> IamUser:
        # Where a reply names a user by the way, it has no path.
        return IamUser(account=account, name=check_user_name(text(self._known(name), part, "UserName")), path=str(part.get("Path") or "/"))

    def _part(self, name: str, reply: Mapping[str, Any], field: str) -> Mapping[str, Any]:
        part = reply.get(field)
        if not isinstance(part, Mapping):
            raise malformed(self._known(name), f"the reply has no readable {field}")
        return part

    def _known(self, name: str) -> Operation:
        return self.policy.operations[name]
