"""The simulated accounts: written into moto's own state from plain data, and read back as plain data.

A world is ``{account: {"users": {name: {...}}, "groups": {name: {...}}, "roles": {name: {...}}, "managed": {name: document}}}``:

* a user has ``path``, ``tags`` {key: value}, ``keys`` {key id: {"secret", "status", "created", "last_used"}} (each part optional, times in
  ISO 8601), ``password`` and ``service_credentials`` (see `simlogins`), ``policies`` {name: document}, ``managed`` [name of a policy in the
  account] and ``groups`` [name];
* a group has ``policies`` and ``managed``; a role has those, ``path`` and ``trust`` [account id, ARN, ``*``, a service's name or the ARN of
  an identity provider] (its own account by default).

An account's ``root_keys`` are those of its root user, at most two, [{"status", "created", "last_used"}].

AWS's own policy ``AWSDenyAll`` is in every account; a ``managed`` list may name it by its ARN. What an account that manages an organization
has besides is told in `orgworld`.
"""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from firedoor.canonical import JSON, canonical
from firedoor.vendors.aws import simlogins
from firedoor.vendors.aws.denials import DENIES_ALL, DENY_ALL
from firedoor.vendors.aws.policy import parse
from firedoor.vendors.aws.simlogins import utc
from firedoor.vendors.aws.values import check_account, check_key_id, check_path, check_role_name, check_user_name

World = Mapping[str, JSON]
_LETTERS: Final = string.ascii_letters + string.digits
_BASE32: Final = string.ascii_uppercase + "234567"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """What policies and keys hang on. ``kind`` is user, role, group or policy; a policy's ``name`` is its ARN."""

    kind: str
    account: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """An access key as the gate needs it."""

    secret: str = field(repr=False)
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """All of a thing that decides what it may do."""

    arn: str
    id: str
    keys: Mapping[str, Secret] = field(default_factory=dict)
    policies: tuple[str, ...] = ()
    managed: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    trust: str = ""
    seconds: int = 3600


def new_key_id(prefix: str = "AKIA") -> str:
    """A key id that AWS might have given out; it exists in the simulation only."""
    return prefix + "".join(secrets.choice(_BASE32) for _ in range(16))


def new_secret(length: int = 40) -> str:
    """A secret that opens nothing but the simulation."""
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def iam_of(account: str) -> Any:
    """Moto's own IAM of an account."""
    from moto.backends import get_backend  # noqa: PLC0415 - only drills and tests have moto

    return get_backend("iam")[account]["aws"]


def seed(world: World) -> None:
    """Write a world into moto. Raises `BadInput` for names AWS would not take, and what `policy.parse` raises for its documents."""
    for account, plan in world.items():
        _Seeder(check_account(account)).plant(_mapping(plan))


class _Seeder:
    def __init__(self, account: str) -> None:
        self.account = account
        self.iam = iam_of(account)

    def plant(self, plan: Mapping[str, JSON]) -> None:
        self._deny_all()
        for name, document in _mapping(plan.get("managed")).items():
            self.iam.create_policy("", "/", _document(document), name, [])
        for name, group in _mapping(plan.get("groups")).items():
            self._grant(self.iam.create_group(name), _mapping(group))
        for name, role in _mapping(plan.get("roles")).items():
            self._role(name, _mapping(role))
        for name, user in _mapping(plan.get("users")).items():
            self._user(check_user_name(name), _mapping(user))

    def _deny_all(self) -> None:
        from moto.iam.models import AWSManagedPolicy  # noqa: PLC0415

        document = {**DENIES_ALL, "Statement": [{"Sid": "DenyAll", "Effect": "Deny", "Action": ["*"], "Resource": "*"}]}
        since = "2019-05-01T22:36:14+00:00"
        data = {"DefaultVersionId": "v2", "Path": "/", "Document": document, "CreateDate": since, "UpdateDate": since}
        self.iam.managed_policies[DENY_ALL] = AWSManagedPolicy.from_data("AWSDenyAll", self.account, "us-east-1", data)

    def _role(self, name: str, plan: Mapping[str, JSON]) -> None:
        trust = _trust(_texts(plan.get("trust", [self.account])))
        self._grant(self.iam.create_role(check_role_name(name), trust, check_path(str(plan.get("path", "/"))), None, "", [], None), plan)

    def _user(self, name: str, plan: Mapping[str, JSON]) -> None:
        tags = [{"Key": key, "Value": str(value)} for key, value in _mapping(plan.get("tags")).items()]
        user = self.iam.create_user("aws", name, str(plan.get("path", "/")), tags)
        self._grant(user, plan)
        for group in _texts(plan.get("groups", [])):
            self.iam.add_user_to_group(group, name)
        for key_id, key in _mapping(plan.get("keys")).items():
            self._key(name, check_key_id(key_id), _mapping(key))
        simlogins.seed(user, plan)

    def _key(self, user: str, key_id: str, plan: Mapping[str, JSON]) -> None:
        from moto.iam.models import AccessKeyLastUsed  # noqa: PLC0415

        key = self.iam.create_access_key(user, status=str(plan.get("status", "Active")))
        del self.iam.access_keys[key.access_key_id]
        key.access_key_id = key_id
        key.secret_access_key = str(plan.get("secret") or new_secret())
        self.iam.access_keys[key_id] = key
        if "created" in plan:
            key.create_date = utc(plan["created"])
        if "last_used" in plan:
            key.last_used = AccessKeyLastUsed(utc(plan["last_used"]), "sts", "us-east-1")

    def _grant(self, holder: Any, plan: Mapping[str, JSON]) -> None:
        for name, document in _mapping(plan.get("policies")).items():
            holder.put_policy(name, _document(document))
        for name in _texts(plan.get("managed", [])):
            arn = name if name.startswith("arn:") else f"arn:aws:iam::{self.account}:policy/{name}"
            self.iam.managed_policies[arn].attach_to(holder)


def _trust(trusted: Sequence[str]) -> str:
    """A trust policy: a statement for each kind of principal, since each kind comes in by a call of its own."""
    statements: list[JSON] = []
    for principal in trusted:
        if principal.isdigit():
            said: tuple[str, str, str] = ("AWS", f"arn:aws:iam::{principal}:root", "sts:AssumeRole")
        elif ":saml-provider/" in principal:
            said = ("Federated", principal, "sts:AssumeRoleWithSAML")
        elif ":oidc-provider/" in principal:
            said = ("Federated", principal, "sts:AssumeRoleWithWebIdentity")
        else:
            said = ("Service" if principal.endswith(".amazonaws.com") else "AWS", principal, "sts:AssumeRole")
        kind, name, action = said
        statements.append({"Effect": "Allow", "Principal": {kind: [name]}, "Action": action})
    return canonical({"Version": "2012-10-17", "Statement": statements})


def holder(thing: Thing) -> Any:
    """Moto's own user, group or role; None where it has none."""
    iam = iam_of(thing.account)
    match thing.kind:
        case "user":
            return iam.users.get(thing.name)
        case "group":
            return iam.groups.get(thing.name)
        case _:
            return next((role for role in iam.roles.values() if role.name == thing.name), None)


def read(thing: Thing) -> Standing | None:
    """A thing as moto has it now; None where it is gone."""
    iam = iam_of(thing.account)
    match thing.kind:
        case "user" if thing.name in iam.users:
            user = iam.users[thing.name]
            keys = {key.access_key_id: Secret(secret=key.secret_access_key, active=key.status == "Active") for key in user.access_keys}
            groups = tuple(group.name for group in iam.groups.values() if user in group.users)
            return Standing(arn=user.arn, id=user.id, keys=keys, groups=groups, **_granted(user))
        case "group" if thing.name in iam.groups:
            group = iam.groups[thing.name]
            return Standing(arn=group.arn, id=group.id, **_granted(group))
        case "role" if role := holder(thing):
            seconds = int(role.max_session_duration or 3600)
            return Standing(arn=role.arn, id=role.id, trust=role.assume_role_policy_document, seconds=seconds, **_granted(role))
        case "policy" if thing.name in iam.managed_policies:
            policy = iam.managed_policies[thing.name]
            document = next(version.document for version in policy.versions if version.version_id == policy.default_version_id)
            return Standing(arn=policy.arn, id=policy.id, policies=(document,))
    return None


def _granted(holder: Any) -> dict[str, Any]:
    return {"policies": tuple(holder.policies.values()), "managed": tuple(holder.managed_policies)}


def things(account: str) -> Iterator[Thing]:
    """Everything of an account that can be granted something."""
    iam = iam_of(account)
    yield from (Thing(kind="user", account=account, name=name) for name in iam.users)
    yield from (Thing(kind="group", account=account, name=name) for name in iam.groups)
    yield from (Thing(kind="role", account=account, name=role.name) for role in iam.roles.values())
    yield from (Thing(kind="policy", account=account, name=arn) for arn in iam.managed_policies)


def state(account: str, *, hidden: Collection[str] = ()) -> dict[str, JSON]:
    """The account as plain data: users with key statuses, policies, groups and tags; roles with path and policies. No secret, nothing
    volatile, and none of the ``hidden`` roles.
    """
    iam = iam_of(account)
    users: dict[str, JSON] = {}
    for name, user in iam.users.items():
        users[name] = {
            "keys": {key.access_key_id: key.status for key in user.access_keys},
            **_policies(user),
            "groups": sorted(group.name for group in iam.groups.values() if user in group.users),
            "tags": {tag["Key"]: tag["Value"] for tag in user.tags or ()},
            **simlogins.state(user),
        }
    roles: dict[str, JSON] = {
        role.name: {"path": role.path, "trust": json.loads(role.assume_role_policy_document), **_policies(role)}
        for role in iam.roles.values()
        if role.name not in hidden
    }
    return {"users": users, "roles": roles}


def _policies(holder: Any) -> dict[str, JSON]:
    inline = {name: json.loads(document) for name, document in holder.policies.items()}
    return {"policies": inline, "managed": sorted(holder.managed_policies)}


def _document(value: JSON) -> str:
    document = value if isinstance(value, str) else canonical(value)
    parse(document)
    return document


def _mapping(value: JSON) -> Mapping[str, JSON]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TypeError("a world has a mapping here")
    return value


def _texts(value: JSON) -> Sequence[str]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise TypeError("a world has a list here")
    return [str(each) for each in value]
