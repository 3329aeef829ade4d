"""What other people do at the vendor between a run and its undo, or between the undo's approval and its write."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from firedoor.vendors.aws import simwaf
from firedoor.vendors.aws.world import iam_of
from firedoor.vendors.okta.zoneworld import entry_of
from firedoor.vendors.slack.world import Message
from tests.chaos.scenes import Scene

ACCOUNT, MANAGEMENT, REGION = "111122223333", "999900001111", "eu-west-1"
ADA, OURS = "ada@acme.example", ("203.0.113.7/32", "2001:db8::/48")
THEIRS: Final = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": ["*"]}]}
Deed = Callable[[Any], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that somebody does in the world of ``scene``, by ``deed``. ``stops``: there is no way back then."""

    scene: Scene
    says: str
    deed: Deed
    stops: bool = False


def _status(login: str, status: str) -> Deed:
    def deed(world: Any) -> None:
        user = world.user(login)
        user.status, user.status_changed = status, world.clock()

    return deed


def _suspended_anew(world: Any) -> None:
    _status(ADA, "ACTIVE")(world)
    _status(ADA, "SUSPENDED")(world)


def _deleted(world: Any) -> None:
    user = world.user(ADA)
    world.sessions = {name: each for name, each in world.sessions.items() if each.user != user.id}
    del world.users[user.id]


def _app_deleted(world: Any) -> None:
    del world.apps["0oabot1"]


def _zone(*, added: str = "", without: tuple[str, ...] = (), only: tuple[str, ...] = ()) -> Deed:
    def deed(world: Any) -> None:
        zone = world.zones["nzo1"]
        kept = [each for each in zone.gateways if each["value"] not in without and (not only or each["value"] in only)]
        zone.gateways = [*kept, *([entry_of(added)] if added else [])]
        zone.proxies = None if only else zone.proxies

    return deed


def _app(status: str) -> Deed:
    def deed(world: Any) -> None:
        world.apps["0oabot1"].status = status

    return deed


def _credential(kind: str, name: str, status: str | None) -> Deed:
    """A client's secret or key: another status, or deleted."""

    def deed(world: Any) -> None:
        if status is None:
            del getattr(world, kind)[name]
        else:
            getattr(world, kind)[name].status = status

    return deed


def _ip_set(change: Callable[[list[str]], list[str]]) -> Deed:
    def deed(_: Any) -> None:
        found = next(each for each in simwaf._ip_sets(ACCOUNT) if each.name == "attackers")
        found.update(None, change(list(found.addresses)))

    return deed


def _listed(policy_id: str, change: Callable[[list[str]], list[str]]) -> Deed:
    """The one list in a service control policy, changed."""

    def deed(_: Any) -> None:
        from moto.backends import get_backend  # noqa: PLC0415 - as the simulator has it

        policies: Any = get_backend("organizations")[MANAGEMENT]["aws"].policies
        policy = next(each for each in policies if each.id == policy_id)
        document = json.loads(policy.content)
        (test,) = document["Statement"][0]["Condition"].values()
        ((key, entries),) = test.items()
        test[key] = change(entries)
        policy.content = json.dumps(document)

    return deed


def _key(status: str | None) -> Deed:
    """The key that was switched off: another status, or deleted."""

    def deed(_: Any) -> None:
        user = iam_of(ACCOUNT).users["ci"]
        (key,) = (each for each in user.access_keys if each.access_key_id == "AKIAAAAABBBBCCCCDDDD")
        if status is None:
            user.access_keys.remove(key)
        else:
            key.status = status

    return deed


def _another_key(_: Any) -> None:
    iam_of(ACCOUNT).create_access_key("ci")


def _new_key_deleted(_: Any) -> None:
    user = iam_of(ACCOUNT).users["ci"]
    user.access_keys[:] = [each for each in user.access_keys if each.access_key_id == "AKIAAAAABBBBCCCCDDDD"]


def _secret(version: str, *, current: bool) -> Deed:
    """Somebody puts a version of their own into the secret."""

    def deed(_: Any) -> None:
        from moto.backends import get_backend  # noqa: PLC0415 - as the simulator has it

        versions: Any = get_backend("secretsmanager")[ACCOUNT][REGION].secrets["ci/aws"].versions
        if current:
            for each in versions.values():
                each["version_stages"] = [label for label in each["version_stages"] if label != "AWSCURRENT"]
        stages = ["AWSCURRENT"] if current else ["BLUE"]
        versions[version] = {"version_id": version, "version_stages": stages, "secret_string": "{}", "createdate": 0}

    return deed


def _policies(kind: str, name: str, policy: str, document: object) -> Deed:
    """An inline policy of a user or role is put, or (None) deleted."""

    def deed(_: Any) -> None:
        holder = getattr(iam_of(ACCOUNT), kind)
        found = holder[name] if kind == "users" else next(each for each in holder.values() if each.name == name)
        if document is None:
            del found.policies[policy]
        else:
            found.policies[policy] = json.dumps(document)

    return deed


def _user_deleted(_: Any) -> None:
    del iam_of(ACCOUNT).users["ci"]


def _detached(_: Any) -> None:
    iam = iam_of(ACCOUNT)
    iam.detach_user_policy("arn:aws:iam::aws:policy/AWSDenyAll", "ci")


def _message_deleted(world: Any) -> None:
    (message,) = world.messages["C0INC"].values()
    world.remove(message)


def _said(*, below: bool) -> Deed:
    def deed(world: Any) -> None:
        (notice,) = world.messages["C0INC"].values()
        world.post(Message(channel="C0INC", ts="", text="I saw it", user="U0BEN", thread_ts=notice.ts if below else ""))

    return deed


def _of(action: str, *events: tuple[str, Deed] | tuple[str, Deed, bool], case: str = "ordinary") -> list[Event]:
    scene = Scene(action=action, case=case, back=True)
    return [Event(scene=scene, says=each[0], deed=each[1], stops=len(each) == 3) for each in events]


def _inline(action: str, kind: str, name: str, policy: str) -> list[Event]:
    return _of(
        action,
        ("somebody takes the policy off", _policies(kind, name, policy, None)),
        ("somebody rewrites the policy", _policies(kind, name, policy, THEIRS), True),
        ("somebody puts another policy", _policies(kind, name, "theirs", THEIRS)),
    )


EVENTS: Final = (
    *_of(
        "okta.suspend_user",
        ("somebody unsuspends them", _status(ADA, "ACTIVE")),
        ("somebody deactivates them", _status(ADA, "DEPROVISIONED"), True),
        ("somebody suspends them anew", _suspended_anew, True),
        ("somebody deletes them", _deleted, True),
    ),
    *_of(
        "okta.unsuspend_user",
        ("somebody suspends them", _status(ADA, "SUSPENDED")),
        ("somebody deactivates them", _status(ADA, "DEPROVISIONED"), True),
        ("somebody locks them out", _status(ADA, "LOCKED_OUT"), True),
    ),
    *_of(
        "okta.block_addresses",
        ("somebody adds an address", _zone(added="198.51.100.0/24")),
        ("somebody takes one of ours out", _zone(without=OURS[:1])),
        ("somebody takes all of ours out", _zone(without=OURS)),
        ("somebody leaves nothing but ours", _zone(only=OURS), True),
    ),
    *_of(
        "okta.deactivate_service_app",
        ("somebody activates it", _app("ACTIVE")),
        ("somebody deletes it", _app_deleted, True),
    ),
    *_of(
        "okta.replace_client_secret",
        ("somebody activates it", _credential("client_secrets", "ocs1", "ACTIVE")),
        ("somebody deletes it", _credential("client_secrets", "ocs1", None), True),
        ("somebody deletes the new one", _credential("client_secrets", "ocssim00000001", None)),
    ),
    *_of(
        "okta.deactivate_client_key",
        ("somebody activates it", _credential("client_keys", "pks1", "ACTIVE")),
        ("somebody deletes it", _credential("client_keys", "pks1", None), True),
    ),
    *_of(
        "aws.block_addresses",
        ("somebody adds an address", _ip_set(lambda found: [*found, "192.0.2.0/24"])),
        ("somebody takes ours out", _ip_set(lambda found: [each for each in found if each != OURS[0]])),
    ),
    *_of(
        "aws.block_sso_user",
        ("somebody adds another user", _listed("p-ssousers0", lambda found: [*found, "906712ab34-11111111-89ab-cdef-0123-456789abcdef"])),
        ("somebody takes ours off the list", _listed("p-ssousers0", lambda found: found[:1])),
    ),
    *_of(
        "aws.deny_principal",
        ("somebody adds another role", _listed("p-denylist0", lambda found: [*found, f"arn:aws:iam::{ACCOUNT}:role/other"])),
        ("somebody takes ours off the list", _listed("p-denylist0", lambda found: found[:1])),
    ),
    *_of(
        "aws.deactivate_access_keys",
        ("somebody activates it", _key("Active")),
        ("somebody deletes it", _key(None), True),
        ("somebody makes another key", _another_key),
    ),
    *_inline("aws.quarantine_user", "users", "ci", "FiredoorQuarantine"),
    *_of("aws.quarantine_user", ("somebody deletes the user", _user_deleted)),
    *_of("aws.quarantine_user", ("somebody detaches it", _detached), case="no_room_for_an_inline_policy"),
    *_inline("aws.revoke_user_sessions", "users", "ci", "AWSRevokeOlderSessions"),
    *_inline("aws.revoke_role_sessions", "roles", "deployer", "AWSRevokeOlderSessions"),
    *_of(
        "aws.rotate_access_key",
        ("somebody activates the old key", _key("Active")),
        ("somebody deletes the old key", _key(None), True),
        ("somebody deletes the new key", _new_key_deleted, True),
        ("somebody makes a version of theirs current", _secret(str(uuid4()), current=True), True),
        ("somebody adds a version", _secret(str(uuid4()), current=False)),
    ),
    *_of(
        "slack.notify",
        ("somebody deletes it", _message_deleted),
        ("somebody answers below it", _said(below=True), True),
        ("somebody says something else", _said(below=False)),
    ),
)
