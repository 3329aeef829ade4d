"""An organization to test with: a management account, a member with people and machines, and two prepared policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from firedoor.canonical import JSON
from tests.vendors.aws.conftest import ACCOUNT, KEY, OTHER, SECRET, allow

MANAGEMENT = "999900001111"
DENY, SSO = "p-denylist0", "p-ssousers0"
MALLORY, DEPLOYER = f"arn:aws:iam::{ACCOUNT}:user/mallory", f"arn:aws:iam::{ACCOUNT}:role/ci/deployer"
NOBODY, NO_ID = f"arn:aws:iam::{ACCOUNT}:role/nobody", "00000000-0000-0000-0000-000000000000"
SERVICE_ROLE = "AWSServiceRoleForDrills"
ADMIN = "AWSReservedSSO_Admin_0123456789abcdef"
ADA, EVE = "906712ab34-01234567-89ab-cdef-0123-456789abcdef", "906712ab34-76543210-89ab-cdef-0123-456789abcdef"
ADAS, EVES, THERE = "ASIAAAAAAAAAAAAAAAAA", "ASIAEEEEEEEEEEEEEEEE", "ASIAMMMMMMMMMMMMMMMM"
MANAGEMENT_KEY = "AKIAMMMMMMMMMMMMMMMM"


def deny(key: str, *names: str, operator: str = "ArnEquals", **more: JSON) -> dict[str, JSON]:
    """A prepared policy that lists these names."""
    statement: dict[str, JSON] = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {operator: {key: list(names)}}}
    return {"Version": "2012-10-17", "Statement": [{**statement, **more}]}


def listing(*names: str) -> dict[str, JSON]:
    """The prepared policy on principals."""
    return deny("aws:PrincipalArn", *names)


def blocking(*ids: str) -> dict[str, JSON]:
    """The prepared policy on people."""
    return deny("identitystore:userId", *ids, operator="StringEquals")


def session(account: str, name: str) -> dict[str, JSON]:
    """A session of the administrators' permission set in an account."""
    return {"account": account, "role": ADMIN, "secret": SECRET, "token": f"drill-only-token-{name}"}


def world(
    *, deny_policy: JSON = None, sso_policy: JSON = None, attached: tuple[JSON, ...] = ("root",), more: Mapping[str, JSON] | None = None
) -> dict[str, Any]:
    """The organization, with these documents in place of the prepared policies, and more policies by id."""
    reserved: JSON = {"path": "/aws-reserved/sso.amazonaws.com/", "policies": {"all": allow("*")}}
    organization: dict[str, JSON] = {
        "policies": {
            DENY: {"document": deny_policy or listing(NOBODY), "attached": list(attached)},
            SSO: {"document": sso_policy or blocking(NO_ID)},
            **(more or {}),
        },
        "prepared": {"deny_policy": DENY, "sso_policy": SSO},
        "sso_users": {
            ADA: {"login": "ada@acme.example", "sessions": {ADAS: session(ACCOUNT, "ada"), THERE: session(MANAGEMENT, "there")}},
            EVE: {"login": "eve@acme.example", "sessions": {EVES: session(ACCOUNT, "eve")}},
        },
    }
    service: JSON = {"path": "/aws-service-role/drills.amazonaws.com/", "policies": {"all": allow("*")}}
    return {
        MANAGEMENT: {
            "users": {"mallory": {"keys": {MANAGEMENT_KEY: {"secret": SECRET}}, "policies": {"all": allow("*")}}},
            "roles": {ADMIN: reserved},
            "organization": organization,
        },
        ACCOUNT: {
            "users": {"mallory": {"keys": {KEY: {"secret": SECRET}}, "policies": {"all": allow("*")}}, "amy": {}},
            "roles": {"deployer": {"path": "/ci/", "policies": {"all": allow("*")}}, ADMIN: reserved, SERVICE_ROLE: service},
        },
        OTHER: {"users": {"mallory": {"keys": {"AKIAAAAABBBBCCCCDDDD": {"secret": SECRET}}, "policies": {"all": allow("*")}}}},
    }
