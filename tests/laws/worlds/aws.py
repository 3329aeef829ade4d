from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from firedoor.canonical import JSON
from firedoor.vendors.aws.denials import DENY_ALL
from firedoor.vendors.aws.ipsets import IpSetBlock
from firedoor.vendors.aws.keys import AwsKey
from firedoor.vendors.aws.logins import UserCredential
from firedoor.vendors.aws.principals import AwsPrincipal, SsoUser
from firedoor.vendors.aws.rotation import KeyRotation
from firedoor.vendors.aws.secretrotation import SecretRotation
from firedoor.vendors.aws.user_denies import UserDenies
from firedoor.vendors.aws.values import AccessKey, IamRole, IamUser, KeyStatus
from tasks.aws.revoke_role_sessions import RoleSessions
from tests.laws.worlds import awsorg, awssecrets, awswaf
from tests.laws.worlds.base import MOMENTS, STAMPS, Worlds

ACCOUNT = "111122223333"
KEY, SERVICE = "AKIAAAAABBBBCCCCDDDD", "ACCAAAAABBBBCCCCDDDD"
KEY_IDS = st.from_regex(r"\AAKIA[A-Z2-7]{16}\Z")

st.register_type_strategy(AccessKey, st.builds(AccessKey, id=KEY_IDS, status=st.sampled_from(KeyStatus), created=MOMENTS))

_JSON: st.SearchStrategy[JSON] = st.recursive(
    st.none() | st.booleans() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


def documents() -> st.SearchStrategy[Any]:
    """Inline policies: those of our shape, those that only look like it, and any JSON object."""
    times = STAMPS | st.sampled_from(["2099-01-01T00:00:00Z", "2099-01-01T00:00:00", "never", ""])
    extra = st.sampled_from([{}, {"DateGreaterThan": {"aws:TokenIssueTime": "2098-01-01T00:00:00Z"}}])

    def document(effect: str, cutoff: str, more: dict[str, JSON]) -> dict[str, JSON]:
        condition: JSON = {"DateLessThan": {"aws:TokenIssueTime": cutoff}, **more}
        return {"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": ["*"], "Resource": ["*"], "Condition": condition}]}

    return st.builds(document, st.sampled_from(["Deny", "Allow"]), times, extra)


def denials() -> st.SearchStrategy[Any]:
    """What may stand under the name of our quarantine: ours, and an allow of everything."""
    return st.sampled_from(["Deny", "Allow"]).map(
        lambda effect: {"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": ["*"], "Resource": ["*"]}]}
    )


def full(characters: int) -> st.SearchStrategy[dict[str, Any]]:
    """Now and then, an inline policy that leaves no room for another."""
    resources = [f"arn:aws:s3:::{'x' * 80}" for _ in range(characters // 97)]
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": resources}]}
    return st.sampled_from([{}, {}, {"full": policy}])


def inline(characters: int) -> st.SearchStrategy[dict[str, Any]]:
    """Inline policies under our names and others."""
    valid = documents().filter(_written_well)
    ours = st.dictionaries(st.sampled_from(["AWSRevokeOlderSessions", "work"]), valid, max_size=2)
    quarantine = st.dictionaries(st.just("FiredoorQuarantine"), denials(), max_size=1)
    return st.builds(lambda *parts: {name: each for part in parts for name, each in part.items()}, ours, quarantine, full(characters))


def users() -> st.SearchStrategy[dict[str, Any]]:
    """An account with the target's keys in any status and policies of many kinds; the target may be missing."""
    keys = st.dictionaries(KEY_IDS, st.fixed_dictionaries({"status": st.sampled_from(["Active", "Inactive"])}), max_size=2)
    managed = st.sampled_from([[], [], [DENY_ALL]])
    password = {"password": st.just({"created": "2023-01-01T00:00:00Z"})}
    user = st.fixed_dictionaries({"keys": keys, "policies": inline(2048), "managed": managed}, optional=password)
    return st.dictionaries(st.just("ci"), user, max_size=1).map(lambda users: {ACCOUNT: {"users": users}})


def keys() -> st.SearchStrategy[dict[str, Any]]:
    """An account with the target's key beside another of its user, in any status; key and user may be missing."""
    key = st.fixed_dictionaries({"status": st.sampled_from(["Active", "Inactive"])})
    held = st.dictionaries(st.sampled_from([KEY, "AKIAEEEEFFFFGGGGHHHH"]), key, max_size=2)
    return st.dictionaries(st.just("ci"), st.fixed_dictionaries({"keys": held}), max_size=1).map(lambda users: {ACCOUNT: {"users": users}})


def service_credentials() -> st.SearchStrategy[dict[str, Any]]:
    """An account with the target's credential for a service beside another of its user, in any status; each may be missing."""
    one = st.fixed_dictionaries({"status": st.sampled_from(["Active", "Inactive", "Expired"])})
    held = st.dictionaries(st.sampled_from([SERVICE, "ACCAEEEEFFFFGGGGHHHH"]), one, max_size=2)
    user = st.fixed_dictionaries({"service_credentials": held})
    return st.dictionaries(st.just("ci"), user, max_size=1).map(lambda users: {ACCOUNT: {"users": users}})


def roles() -> st.SearchStrategy[dict[str, Any]]:
    """An account with the target under some path, trusting all kinds of principals; it may be missing."""
    path = st.sampled_from(["/", "/", "/", "/team/", "/aws-service-role/x.amazonaws.com/", "/aws-reserved/sso.amazonaws.com/eu-west-1/"])
    trust = st.lists(st.sampled_from([ACCOUNT, "*", "ec2.amazonaws.com", f"arn:aws:iam::{ACCOUNT}:saml-provider/okta"]), max_size=3)
    role = st.fixed_dictionaries({"path": path, "trust": trust, "policies": inline(10_240)})
    return st.dictionaries(st.just("deployer"), role, max_size=1).map(lambda roles: {ACCOUNT: {"roles": roles}})


def _written_well(document: Any) -> bool:
    return not any(word in json.dumps(document) for word in ("never", '""'))


_POLICIES = st.none() | documents() | denials() | st.dictionaries(st.text(max_size=8), _JSON, max_size=3)

WORLDS = Worlds(
    targets={
        AwsKey: {"account": ACCOUNT, "user": "ci", "key": KEY},
        IamUser: {"account": ACCOUNT, "name": "ci"},
        IamRole: {"account": ACCOUNT, "name": "deployer"},
        UserCredential: {"account": ACCOUNT, "user": "ci", "credential": SERVICE},
        **awswaf.TARGETS,
        **awssecrets.TARGETS,
        **awsorg.TARGETS,
    },
    worlds={
        AwsKey: keys(),
        IamUser: users(),
        IamRole: roles(),
        UserCredential: service_credentials(),
        IpSetBlock: awswaf.ip_sets(),
        KeyRotation: awswaf.rotations(),
        SecretRotation: awssecrets.secrets(),
        AwsPrincipal: awsorg.organizations(awsorg.PRINCIPALS, "deny_policy"),
        SsoUser: awsorg.organizations(awsorg.SSO_USERS, "sso_policy"),
    },
    snapshots={
        UserDenies: st.builds(UserDenies, policy=_POLICIES),
        RoleSessions: st.builds(RoleSessions, policy=_POLICIES),
        **awswaf.SNAPSHOTS,
        **awssecrets.SNAPSHOTS,
        **awsorg.SNAPSHOTS,
    },
)
