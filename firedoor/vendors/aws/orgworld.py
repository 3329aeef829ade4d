"""The simulated organization: written into moto's own state from plain data, and read back as plain data.

The account of a world that has an ``organization`` is its management account, and every other account of the world is a member:

* ``policies`` {policy id: {"document", "attached": ["root" or an account id], "type" (a service control policy by default)}};
* ``prepared`` {"management_account" (this one by default), "deny_policy", "sso_policy"}: what Firedoor is told was made ready;
* ``sso_users`` {user id: {"login", "sessions": {key id: {"account", "role", "secret", "token"}}}}: people of Identity Center, and sessions
  that it has handed them, of roles that the world has there. They begin with the world and end twelve hours later.

Every account has AWS's own policy FullAWSAccess at each level. The identity store is in us-east-1.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from firedoor.canonical import JSON, canonical
from firedoor.vendors.aws.policy import parse
from firedoor.vendors.aws.prepared import AwsPrepared
from firedoor.vendors.aws.principals import check_sso_user_id
from firedoor.vendors.aws.values import check_key_id
from firedoor.vendors.aws.world import World

SCP: Final = "SERVICE_CONTROL_POLICY"
STORE: Final = "d-0123456789"
_FULL_ACCESS: Final = "p-FullAWSAccess"
_REGION: Final = "us-east-1"

Levels = Mapping[str, tuple[tuple[str, ...], ...]]


def management_of(world: World) -> str:
    """The management account of the world's organization; "" where it has none."""
    found = [account for account, plan in world.items() if "organization" in _mapping(plan)]
    if len(found) > 1:
        raise ValueError("a world has at most one organization")
    return found[0] if found else ""


def prepared_of(world: World) -> AwsPrepared:
    """What was made ready in the world."""
    told = {name: str(value) for name, value in _mapping(_plan(world).get("prepared")).items()}
    if not told:
        return AwsPrepared()
    return AwsPrepared(
        management_account=told.get("management_account", management_of(world)),
        deny_policy=told.get("deny_policy", ""),
        sso_policy=told.get("sso_policy", ""),
    )


def seed_organization(world: World) -> None:
    """Write the world's organization and its identity store into moto. Raises `BadInput` for ids that AWS would not give out."""
    management = management_of(world)
    if not management:
        return
    from moto.organizations.models import FakeAccount, FakePolicy  # noqa: PLC0415 - only drills and tests have moto

    moto = _moto(management)
    moto.create_organization(_REGION)
    for member in world.keys() - {management}:
        account = FakeAccount(moto.org, AccountName=member, Email=f"{member}@aws.example")
        account.id = member
        moto.accounts.append(account)
        moto.attach_policy(PolicyId=_FULL_ACCESS, TargetId=member)
    for policy_id, plan in _mapping(_plan(world).get("policies")).items():
        body = _mapping(plan)
        document = body["document"] if isinstance(body["document"], str) else canonical(body["document"])
        policy = FakePolicy(moto.org, Name=policy_id, Description="", Type=str(body.get("type", SCP)), Content=document)
        if policy.type == SCP:
            parse(document)
        policy.id = policy_id
        moto.policies.append(policy)
        for place in _texts(body.get("attached", ["root"])):
            moto.attach_policy(PolicyId=policy_id, TargetId=moto.org.root_id if place == "root" else place)
    _seed_store(management, _mapping(_plan(world).get("sso_users")))


def _seed_store(management: str, users: Mapping[str, JSON]) -> None:
    from moto.backends import get_backend  # noqa: PLC0415
    from moto.identitystore.models import IdentityStoreData, User  # noqa: PLC0415

    get_backend("sso-admin")[management][_REGION].instances[0].identity_store_id = STORE
    store = get_backend("identitystore")[management][_REGION].identity_stores[STORE] = IdentityStoreData()
    for user_id, plan in users.items():
        blank: dict[str, Any] = dict.fromkeys(User._fields, "")
        known = {"UserId": check_sso_user_id(user_id), "IdentityStoreId": STORE, "UserName": str(_mapping(plan)["login"])}
        store.users[user_id] = User(**{**blank, "Emails": [], **known})


def sso_sessions(world: World) -> Iterator[Mapping[str, str]]:
    """The sessions that Identity Center has handed out: ``user``, ``login``, ``key_id``, ``account``, ``role``, ``secret``, ``token``."""
    for user_id, user in _mapping(_plan(world).get("sso_users")).items():
        for key_id, plan in _mapping(_mapping(user).get("sessions")).items():
            given = {name: str(value) for name, value in _mapping(plan).items()}
            yield {"user": user_id, "login": str(_mapping(user)["login"]), "key_id": check_key_id(key_id), **given}


def levels(management: str) -> Levels:
    """For each account of the organization, the documents of the service control policies at each level: its own, and up to the root."""
    moto = _moto(management)
    above = {unit.id: unit for unit in moto.ou}
    found: dict[str, tuple[tuple[str, ...], ...]] = {}
    for account in moto.accounts:
        path, place = [account], above.get(account.parent_id)
        while place is not None:
            path.append(place)
            place = above.get(place.parent_id)
        found[account.id] = tuple(tuple(policy.content for policy in each.attached_policies if policy.type == SCP) for each in path)
    return found


def arn(policy: str, management: str) -> str | None:
    """What policies call one of the organization's own; None where a call names none, or the account manages no organization."""
    moto = _moto(management)
    return next((str(each.arn) for each in moto.policies if each.id == policy), None)


def organization_state(account: str, world: World) -> Mapping[str, JSON]:
    """The organization as it is now, as plain data, for its management account; nothing for any other."""
    if account != management_of(world):
        return {}
    moto = _moto(account)
    return {
        "policies": {
            policy.id: {
                "document": _document(policy.content),
                "attached": sorted("root" if each.id == moto.org.root_id else each.id for each in policy.attachments),
            }
            for policy in moto.policies
            if not policy.aws_managed
        }
    }


def _document(content: str) -> JSON:
    try:
        document: JSON = json.loads(content)
    except ValueError:
        return content
    return document


def _moto(management: str) -> Any:
    from moto.backends import get_backend  # noqa: PLC0415

    return get_backend("organizations")[management]["aws"]


def _plan(world: World) -> Mapping[str, JSON]:
    management = management_of(world)
    return _mapping(_mapping(world[management])["organization"]) if management else {}


def _mapping(value: JSON) -> Mapping[str, JSON]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TypeError("a world has a mapping here")
    return value


def _texts(value: JSON) -> list[str]:
    if not isinstance(value, list):
        raise TypeError("a world has a list here")
    return [str(each) for each in value]
