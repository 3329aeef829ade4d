"""What AWS refuses of writes to IAM that moto would take: beyond a quota, or to a role that only AWS itself may change.

Source: "IAM and AWS STS quotas"; the errors LimitExceeded and UnmodifiableEntity of each operation in the IAM API reference. Left out:
quotas that an account had raised, all quotas but those of policies, and the few changes that AWS admits to a role of its own.
"""

from __future__ import annotations

import re
from typing import Any, Final

from firedoor.vendors.aws import inline
from firedoor.vendors.aws.wire import Call, Refused
from firedoor.vendors.aws.world import Thing, holder

_READS: Final = re.compile(r"(Get|List|Simulate)\w*")
_HOLDERS: Final = {"UserName": "user", "GroupName": "group", "RoleName": "role"}
_INLINE_ROOM: Final = {"PutUserPolicy": inline.USER_ROOM, "PutGroupPolicy": 5120, "PutRolePolicy": inline.ROLE_ROOM}
_ATTACH: Final = re.compile(r"Attach(User|Group|Role)Policy")
_ATTACHED_AT_MOST: Final = 10
# Paths under which only AWS can make roles: those linked to a service, and those of Identity Center.
_AWS_OWN: Final = ("/aws-service-role/", "/aws-reserved/")


def check(call: Call, account: str) -> None:
    """Raises `Refused` where AWS would refuse this IAM call for what it is about. Who asks does not matter here."""
    named = next(((kind, call.text(field)) for field, kind in _HOLDERS.items() if call.text(field)), None)
    found = holder(Thing(kind=named[0], account=account, name=named[1])) if named else None
    if found is None or _READS.fullmatch(call.operation):
        return
    if str(found.path).startswith(_AWS_OWN):
        says = f"Cannot perform the operation on the protected role '{found.name}' - this role is only modifiable by AWS"
        raise Refused("UnmodifiableEntity", 400, says)
    if room := _INLINE_ROOM.get(call.operation):
        _check_room(found, call, room)
    if _ATTACH.fullmatch(call.operation):
        others = set(found.managed_policies) - {call.text("PolicyArn")}
        if len(others) >= _ATTACHED_AT_MOST:
            raise Refused("LimitExceeded", 409, f"Cannot exceed quota for PoliciesPer{call.operation[6:-6]}: {_ATTACHED_AT_MOST}")


def _check_room(found: Any, call: Call, room: int) -> None:
    others = [text for name, text in found.policies.items() if name != call.text("PolicyName")]
    if sum(map(inline.size, (*others, call.text("PolicyDocument")))) > room:
        raise Refused("LimitExceeded", 409, f"Maximum policy size of {room} bytes exceeded for {found.name}")
