"""The part of the AWS client that speaks with Organizations: prepared service control policies, kept in the management account."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from firedoor.canonical import canonical
from firedoor.errors import Conflict, NotFound
from firedoor.vendors.aws.denylist import ROOM, Deny, DenyState, Missing, document_of, size
from firedoor.vendors.aws.doors import Doors
from firedoor.vendors.aws.prepared import AwsPrepared
from firedoor.vendors.aws.replies import VENDOR, malformed
from firedoor.vendors.aws.values import check_account

UPDATE: Final = "organizations:UpdatePolicy"
_TYPE: Final = "SERVICE_CONTROL_POLICY"
_PAGE: Final = 20
# Somebody else's change is under way, and AWS made none of ours: read again, and try again.
_RACES: Final = frozenset({"ConcurrentModificationException", "PolicyChangesInProgressException"})
_PAUSES: Final = (0.05, 0.2, 0.8, 2.0)  # seconds


class Organizations:
    """Reads and amends the policies that `AwsPrepared` names. All calls go to the management account."""

    def __init__(self, doors: Doors, prepared: AwsPrepared) -> None:
        self._doors = doors
        self._management = prepared.management_account
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def state(self, policy: str, *, account: str = "") -> DenyState:
        """A prepared policy as it stands, and whether ``account``, if given, is in the organization at all."""
        if not policy or not self._management:
            return DenyState(missing=Missing.NOT_PREPARED)
        if self._management not in self._doors.accounts:
            return DenyState(policy=policy, management=self._management, missing=Missing.NOT_CONFIGURED)
        try:
            kind, content = await self._policy(policy)
            attached = await self._targets(policy)
        except NotFound:
            return DenyState(policy=policy, management=self._management, missing=Missing.GONE)
        return DenyState(
            policy=policy,
            management=self._management,
            missing=None if kind == _TYPE else Missing.OTHER_TYPE,
            attached=attached,
            document=document_of(content),
            outside=bool(account) and not await self._member(account),
        )

    async def amend(self, policy: str, deny: Deny, entry: str, *, listed: bool) -> None:
        """Put one entry on a policy's list, or take it off, beside whatever else is there now. Being so already is no error.

        AWS compares no version, so the policy is read and written in one turn. Raises `Conflict` where it is not of the expected shape any
        more, has no room, or somebody keeps changing it.
        """
        async with self._turns[policy]:
            for pause in (*_PAUSES, None):
                before = document_of((await self._policy(policy))[1])
                after = (deny.listing if listed else deny.unlisting)(before, entry) if before is not None else None
                if after is None:
                    raise self._refusal(policy, "it is not of the expected shape any more", "Look at who changed it, and put it back")
                if size(after) > ROOM and listed:
                    raise self._refusal(policy, "it has no room left", "Take names off it that no longer need to be there")
                if after == before:
                    return
                try:
                    await self._call(UPDATE, policy, PolicyId=policy, Content=canonical(after))
                except Conflict as race:
                    if race.code not in _RACES or pause is None:
                        raise
                    await asyncio.sleep(pause)
                else:
                    return

    async def _policy(self, policy: str) -> tuple[str, str]:
        """A policy's type and content."""
        name = "organizations:DescribePolicy"
        reply = await self._call(name, policy, PolicyId=policy)
        match reply.get("Policy"):
            case {"PolicySummary": {"Type": str(kind)}, "Content": str(content)}:
                return kind, content
        raise malformed(self._doors.policy.operations[name], "the reply has no type or content", target=policy)

    async def accounts(self) -> tuple[str, ...]:
        """The ids of the organization's active accounts, the management account's too, sorted. Raises `BadInput` where that one is not
        configured, and `NotFound` where it manages no organization.
        """
        found = await self._pages("organizations:ListAccounts", "Accounts", self._management)
        # AWS is replacing Status by State, which knows more.
        active = [str(each.get("Id", "")) for each in found if (each.get("State") or each.get("Status")) == "ACTIVE"]
        return tuple(sorted(map(check_account, active)))

    async def _targets(self, policy: str) -> tuple[str, ...]:
        """The ids of all that a policy is attached to, sorted."""
        name = "organizations:ListTargetsForPolicy"
        found = await self._pages(name, "Targets", policy, PolicyId=policy)
        if not all(each.get("TargetId") for each in found):
            raise malformed(self._doors.policy.operations[name], "the reply has no readable Targets", target=policy)
        return tuple(sorted(str(each["TargetId"]) for each in found))

    async def _pages(self, name: str, part: str, target: str, **parameters: object) -> list[Mapping[str, Any]]:
        """Every item of a listing. A page without its list, or a token that comes twice, would lose or repeat items: `Malformed`."""
        items: list[Mapping[str, Any]] = []
        token, seen = "", {""}
        while True:
            page = await self._call(name, target, MaxResults=_PAGE, **parameters, **({"NextToken": token} if token else {}))
            match page.get(part):
                case [*found] if all(isinstance(each, Mapping) for each in found):
                    items.extend(found)
                case _:
                    raise malformed(self._doors.policy.operations[name], f"the reply has no readable {part}", target=target)
            token = str(page.get("NextToken") or "")
            if not token:
                return items
            if token in seen:
                raise malformed(self._doors.policy.operations[name], "the listing does not go on: its token came before", target=target)
            seen.add(token)

    async def _member(self, account: str) -> bool:
        try:
            await self._call("organizations:DescribeAccount", account, AccountId=account)
        except NotFound:
            return False
        return True

    async def _call(self, name: str, target: str, **parameters: object) -> Mapping[str, Any]:
        return await self._doors.call(self._management, name, parameters, target=target)

    @staticmethod
    def _refusal(policy: str, what: str, advice: str) -> Conflict:
        return Conflict(f"{policy} was left alone: {what}", vendor=VENDOR, operation=UPDATE, target=policy, advice=advice)
