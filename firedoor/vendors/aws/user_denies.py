"""How a deny gets onto an IAM user, and off again: as an inline policy, or by attaching AWS's own where inline policies have no room.

Two actions of this room share it; each says for itself what it denies and why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from firedoor.canonical import JSON
from firedoor.errors import NotFound
from firedoor.model import Change, Cover, Plan, Receipt, Snapshot
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.denials import ATTACHED_AT_MOST, DENY_ALL, Fate, fate, previous
from firedoor.vendors.aws.inline import USER_ROOM, fits
from firedoor.vendors.aws.values import IamUser

CLASS = "denies"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDenies(Snapshot):
    """The inline policy of our name as it stands (None: there is none); whether a deny of ours ``fits`` in its place; whether AWSDenyAll is
    ``attached``, and whether the user has as many managed policies as any can have (``full``); ``gone`` where IAM has no such user.
    """

    policy: Mapping[str, JSON] | None = None
    fits: bool = True
    attached: bool = False
    full: bool = False
    gone: bool = False


async def look(aws: AwsClient, user: IamUser, name: str, wanted: Mapping[str, JSON]) -> UserDenies:
    """The user's policies, as far as they matter for an inline policy ``name`` of the size of ``wanted``."""
    try:
        inline = await aws.user_policies(user)
        attached = await aws.attached_policies(user)
    except NotFound:
        return UserDenies(gone=True)
    return UserDenies(
        policy=inline[name].document if name in inline else None,
        fits=fits(wanted, name, inline, room=USER_ROOM),
        attached=DENY_ALL in attached,
        full=len(attached) >= ATTACHED_AT_MOST,
    )


def forms(user: IamUser, says: str) -> Cover:
    """The class of what `lay` may come to. A plan that finds the deny in place has it too: who may take it off may have put it there."""
    both = f"{says}; or everything to {user.label} by AWSDenyAll, where an inline policy has no room; and either again when it is taken off"
    return Cover(name=CLASS, says=both, at_most=2)


def lay(user: IamUser, before: UserDenies, name: str, wanted: JSON, says: str) -> Plan:
    """A plan that puts ``wanted`` under ``name``, or attaches AWSDenyAll where it has no room. One approval covers the one and the other:
    whoever may write the user's policies could fill the room in the meantime.
    """
    cover = forms(user, says)
    if before.fits:
        return Plan(changes=(_inline("deny", user, says, name, (before.policy, wanted)),), covers=(cover,))
    if before.full:
        return Plan(
            impossible=f"{user.label} has no room for an inline policy, and {ATTACHED_AT_MOST} managed ones attached, the most there can"
            " be: delete or detach one by hand, or deny the user's ARN by a service control policy"
        )
    attach = f"attach AWSDenyAll, which denies everything, to {user.label}, whose inline policies leave no room"
    return Plan(changes=(_managed("deny", user, attach, attached=True),), covers=(cover,))


async def carry_out(aws: AwsClient, change: Change, document: Mapping[str, JSON]) -> None:
    """Make a change of `lay` or `lift`. ``document`` is what `lay` wants put, with its T made definite. Repeating it is harmless."""
    user, name = IamUser(account=change.at["account"], name=change.at["user"]), change.at.get("policy", "")
    if not name:
        await (aws.attach_deny_all if change.after["attached"] else aws.detach_deny_all)(user)
    elif change.key == "deny:inline":
        await aws.put_user_policy(user, name, document)
    elif isinstance(before := change.after[name], Mapping):
        await aws.put_user_policy(user, name, before)
    else:
        await aws.delete_user_policy(user, name)


def facts(change: Change, document: Mapping[str, JSON]) -> Mapping[str, JSON]:
    """What a receipt keeps of a change of `lay`: what was put over what, or what was attached. Nothing of a change of `lift`."""
    match change.key:
        case "deny:inline":
            return {"put": document, "previous": change.before[change.at["policy"]]}
        case "deny:managed":
            return {"attached": DENY_ALL}
        case _:
            return {}


def lift(user: IamUser, receipts: Sequence[Receipt], now: UserDenies, name: str) -> Plan:
    """Take off what the receipts say was laid and nobody changed since. What somebody changed is reported once the rest is undone."""
    if now.gone:
        return Plan(reason=f"IAM has no user {user.label} any more")
    became, ours = fate(receipts, now.policy), any("attached" in receipt.facts for receipt in receipts)
    changes: list[Change] = []
    if became is Fate.OURS:
        says = f"take {name} off {user.label} again; what it denied works again"
        changes.append(_inline("undo", user, says, name, (now.policy, previous(receipts))))
    if ours and now.attached:
        says = f"detach AWSDenyAll from {user.label} again; what it denied works again"
        changes.append(_managed("undo", user, says, attached=False))
    if changes:
        return Plan(changes=tuple(changes))
    if became is Fate.REPLACED:
        return Plan(impossible=f"{name} on {user.label} {became}")
    also = "; AWSDenyAll is detached already" if ours else ""
    return Plan(reason=f"{name} on {user.label} {became}{also}")


def _inline(verb: str, user: IamUser, says: str, name: str, values: tuple[JSON, JSON]) -> Change:
    before, after = values
    change = _managed(verb, user, says, attached=False)
    return replace(change, key=f"{verb}:inline", at={**change.at, "policy": name}, before={name: before}, after={name: after})


def _managed(verb: str, user: IamUser, says: str, *, attached: bool) -> Change:
    return Change(
        key=f"{verb}:managed",
        subject=f"aws:policies:{user.account}/{user.name}",
        says=says,
        at={"account": user.account, "user": user.name},
        before={"attached": not attached},
        after={"attached": attached},
        cover=CLASS if verb == "deny" else "",
    )
