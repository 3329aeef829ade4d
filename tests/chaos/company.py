"""A small company whose vendors can be put up anew for every kill, and what each playbook is asked to do there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final
from unittest.mock import patch

from firedoor.canonical import canonical
from firedoor.exercise import estate
from firedoor.exercise.estate import Estate
from firedoor.exercise.holdings import ACCOUNTS, CHANNEL, DOMAIN

PEOPLE, SERVICES, SEED = 26, 4, 6
ORGANIZATION: Final = "999900001111"
SSO_USER, SSO_LOGIN = "906712ab34-01234567-89ab-cdef-0123-456789abcdef", f"mallory@{DOMAIN}"
ADDRESSES: Final = ("203.0.113.66", "2001:db8:66::/48")

Given = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A playbook with its inputs. ``suspended``: the people it is about have been suspended before.

    ``undone``: it is carried out in peace, and the undo of it is what is killed.
    """

    name: str
    playbook: str
    given: Given = field(default_factory=dict)
    undone: bool = False
    suspended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """The worlds of its vendors as JSON data, and Firedoor's settings there but for the addresses."""

    worlds: Mapping[str, Any] = field(repr=False)
    settings: Mapping[str, Any] = field(repr=False)
    keys: Mapping[str, str] = field(repr=False)
    asker: str


@cache
def made() -> Estate:
    """The company, made once a process: its secrets are random."""
    with patch.object(estate, "PEOPLE", PEOPLE), patch.object(estate, "SERVICES", SERVICES):
        return estate.make(SEED)


def company(scene: Scene) -> Company:
    """The company as a scene begins."""
    found = made()
    okta, aws = json.loads(canonical(found.okta)), json.loads(canonical(found.aws))
    if scene.suspended:
        for user in okta["users"]:
            if user["login"] in scene.given["users"]:
                user["status"] = "SUSPENDED"
    needed = {*(ACCOUNTS[:1] if "addresses" in scene.given else ()), found.service.rpartition(" in ")[2]}
    aws = {account: plan for account, plan in aws.items() if account in needed}  # each account costs every life its clients
    if {"principals", "sso_users"} & scene.given.keys():
        aws[ORGANIZATION] = _organization()
    settings = {
        "okta_api_token": found.okta_token,
        "okta_preview_api_token": found.okta_preview_token,
        "slack_bot_token": found.slack_bot_token,
        "slack_app_token": found.slack_app_token,
        "slack_channel": CHANNEL,
        "people": list(found.people),
        "jira_api_token": found.jira_token,
        "aws_management_account": ORGANIZATION,
        "aws_deny_policy": "p-denylist0",
        "aws_sso_policy": "p-ssousers0",
        **found.prepared,
    }
    return Company(
        worlds={"okta": okta, "aws": aws, "slack": found.slack, "jira": found.jira},
        settings=json.loads(canonical(settings)),
        keys={str(person["name"]): found.keys[str(person["slack"])].keeping for person in found.people},
        asker=str(found.people[0]["name"]),
    )


def _organization() -> Mapping[str, Any]:
    def listing(condition: str, name: str, first: str) -> Mapping[str, Any]:
        statement = {"Sid": "Listed", "Effect": "Deny", "Action": ["*"], "Resource": "*", "Condition": {condition: {name: [first]}}}
        return {"attached": ["root"], "document": {"Version": "2012-10-17", "Statement": [statement]}}

    policies = {
        "p-denylist0": listing("ArnEquals", "aws:PrincipalArn", f"arn:aws:iam::{ACCOUNTS[0]}:role/nobody"),
        "p-ssousers0": listing("StringEquals", "identitystore:userId", "00000000-0000-0000-0000-000000000000"),
    }
    prepared = {"deny_policy": "p-denylist0", "sso_policy": "p-ssousers0"}
    return {"organization": {"policies": policies, "prepared": prepared, "sso_users": {SSO_USER: {"login": SSO_LOGIN}}}}


@cache
def scenes() -> tuple[Scene, ...]:
    """Every playbook on the shelf, and the way back from what can be taken back."""
    found = made()
    machine, _, account = found.service.partition(" in ")
    one, admin = found.victims  # with an administrator of Okta in the plan, chat is out of band
    keys, roles = (found.stolen_key,), (found.role,)
    principal = (f"arn:aws:iam::{account}:user/{machine}",)
    blocking = Scene(name="block-addresses", playbook="block-addresses", given={"addresses": ADDRESSES})
    freezing = Scene(name="freeze", playbook="freeze", given={"users": (one,), "access_keys": keys})
    machines = Scene(
        name="service-account-compromised",
        playbook="service-account-compromised",
        given={"apps": (found.app,), "aws_users": (f"{account}/{machine}",), "principals": principal},
    )
    everything = {
        "users": (admin,),
        "since": (found.since,),
        "access_keys": keys,
        "apps": (found.app,),
        "roles": roles,
        "sso_users": (SSO_LOGIN,),
        "addresses": ADDRESSES[:1],
    }
    return (
        blocking,
        freezing,
        Scene(name="identity-breach", playbook="identity-breach", given=everything),
        Scene(name="leaked-aws-key", playbook="leaked-aws-key", given={"access_keys": keys, "roles": roles}),
        Scene(
            name="restore-user",
            playbook="restore-user",
            given={"users": (one,), "verified_by": ("Grace Hopper",), "how": ("in_person",), "reference": ("HR-1234",)},
            suspended=True,
        ),
        Scene(name="rotate-after-containment", playbook="rotate-after-containment", given={"access_keys": keys}),
        machines,
        Scene(name="session-hijack", playbook="session-hijack", given={"users": (one,)}),
        Scene(name="undo of service-account-compromised", playbook=machines.playbook, given=machines.given, undone=True),
        Scene(name="undo of freeze", playbook=freezing.playbook, given=freezing.given, undone=True),
    )
