"""Organizations with a prepared service control policy, in any state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from firedoor.canonical import JSON
from firedoor.model import Snapshot, Target
from firedoor.vendors.aws.denylist import DenyState, Missing
from firedoor.vendors.aws.principals import AwsPrincipal, SsoUser

ACCOUNT = "111122223333"
ARN, NOBODY = f"arn:aws:iam::{ACCOUNT}:role/ci", f"arn:aws:iam::{ACCOUNT}:role/nobody"
USER_ID, NO_ID = "906712ab34-01234567-89ab-cdef-0123-456789abcdef", "00000000-0000-0000-0000-000000000000"

_JSON: st.SearchStrategy[JSON] = st.recursive(
    st.none() | st.booleans() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


def denies(key: str, operators: list[str], names: list[str]) -> st.SearchStrategy[Any]:
    """Service control policies: those of the expected shape with anybody on the list, those that only look like it, and an allow beside."""

    def document(does: tuple[str, str], operator: str, listed: list[str], more: dict[str, JSON], beside: list[JSON]) -> dict[str, JSON]:
        condition: JSON = {operator: {key: listed}, **more}
        deny: JSON = {"Effect": does[0], "Action": does[1], "Resource": "*", "Condition": condition}
        return {"Version": "2012-10-17", "Statement": [*beside, deny]}

    allow: JSON = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    listed = st.lists(st.sampled_from(names), min_size=1, max_size=4) | st.just([f"{names[0]}{n:05}" for n in range(130)])
    more = st.sampled_from([{}, {}, {"DateLessThan": {"aws:TokenIssueTime": "2001-01-01T00:00:00Z"}}])
    does = st.sampled_from([("Deny", "*"), ("Deny", "*"), ("Deny", "*"), ("Deny", "s3:*"), ("Allow", "*")])
    return st.builds(document, does, st.sampled_from(operators), listed, more, st.sampled_from([[], [allow]]))


def organizations(documents: st.SearchStrategy[Any], name: str) -> st.SearchStrategy[dict[str, Any]]:
    """A management account with a prepared policy, or none, attached somewhere, or nowhere, and the target's account."""
    attached = st.lists(st.sampled_from(["root", "root", ACCOUNT, "999900001111"]), max_size=2, unique=True)
    policies = st.fixed_dictionaries({"p-prepared0": st.fixed_dictionaries({"document": documents, "attached": attached})})
    prepared = st.sampled_from([{name: "p-prepared0"}, {name: "p-prepared0"}, {name: "p-gonegone"}, {}])
    management = st.fixed_dictionaries({"organization": st.fixed_dictionaries({"policies": policies, "prepared": prepared})})
    return management.map(lambda plan: {"999900001111": plan, ACCOUNT: {}})


PRINCIPALS = denies("aws:PrincipalArn", ["ArnEquals", "ArnLike", "StringEquals", "StringLike"], [NOBODY, ARN])
SSO_USERS = denies("identitystore:userId", ["StringEquals", "StringLike"], [NO_ID, USER_ID])
TARGETS: Mapping[type[Target], Mapping[str, Any]] = {
    AwsPrincipal: {"arn": ARN},
    SsoUser: {"user_id": USER_ID, "login": "ci@acme.example"},
}
SNAPSHOTS: Mapping[type[Snapshot], st.SearchStrategy[Any]] = {
    DenyState: st.builds(
        DenyState,
        policy=st.just("p-prepared0"),
        management=st.just("999900001111"),
        missing=st.none() | st.none() | st.sampled_from(Missing),
        attached=st.lists(st.sampled_from(["r-abcd", "ou-abcd-12345678", ACCOUNT, "999900001111"]), max_size=2).map(tuple),
        document=st.none() | PRINCIPALS | SSO_USERS | st.dictionaries(st.sampled_from(["Statement", "Version"]), _JSON, max_size=2),
    ),
}
