"""What the vendors of a drill's company hold, in each simulator's own format, and what was stolen of it."""

from __future__ import annotations

import random
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

ACCOUNTS: Final = ("111122223333", "444455556666")
DOMAIN: Final = "acme.example"
CHANNEL: Final = "C0INCIDENT"
SIEM: Final = "B0SIEM"
ZONE: Final = "nzosimblock1"
IP_SETS: Final = {"IPV4": "5f0c2a54-0b6e-4d3f-9a55-1f0e6c2b8d10", "IPV6": "7c1f2a54-0b6e-4d3f-9a55-1f0e6c2b8d11"}
ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


@dataclass(frozen=True, slots=True, kw_only=True)
class Robbed:
    """Who is robbed: two people, a machine's IAM user with the role it takes on, and a service app. ``guessed`` is a third person, of whose
    loss nobody knows; ``address`` is where the attacker comes from.
    """

    people: tuple[str, str]
    guessed: str
    machine: str
    account: str
    role: str
    app: str
    address: str


def okta(
    logins: Sequence[str], responders: Sequence[str], robbed: Robbed, tokens: Mapping[str, str], dice: random.Random
) -> tuple[dict[str, Any], dict[str, str], dict[str, Any]]:
    """Okta's world, everybody's passwords, and what was stolen there."""
    users = [_user(number, login, dice) for number, login in enumerate(logins)]
    for user in users:
        if user["login"] in responders[:2]:
            user["roles"] = ["SUPER_ADMIN"]
        if user["login"] == robbed.people[1]:
            user["roles"] = ["ORG_ADMIN"]
    passwords = {str(user["login"]): str(user["password"]) for user in users}
    owner = f"firedoor@{DOMAIN}"
    users.append({"id": _okta_id(9000), "login": owner, "name": "Firedoor", "roles": ["SUPER_ADMIN"]})
    sessions = {login: secrets.token_urlsafe(24) for login in robbed.people}
    oauth = {"login": robbed.people[0], "refresh": secrets.token_urlsafe(24), "access": secrets.token_urlsafe(24), "client": "0oasimcrm1"}
    app = {"id": robbed.app, "label": "Deploy bot", "secret": secrets.token_urlsafe(30)}
    world = {
        "users": users,
        "sessions": [{"id": sid, "user": login} for login, sid in sessions.items()],
        "oauth_tokens": [
            {"id": "oarsim1", "client": oauth["client"], "user": oauth["login"], "refresh": oauth["refresh"], "access": [oauth["access"]]}
        ],
        "api_tokens": [
            {"token": tokens["okta"], "owner": owner, "role": "SUPER_ADMIN"},
            {"token": tokens["preview"], "owner": owner, "role": "READ_ONLY_ADMIN"},
        ],
        "factors": [
            {"id": f"opfsim{number}", "user": login, "type": "push", "created": "2021-06-01T08:00:00Z"}
            for number, login in enumerate(robbed.people)
        ],
        "grants": [{"id": "oagsim1", "user": oauth["login"], "client": oauth["client"], "scope": "okta.users.read"}],
        "apps": [{**app, "type": "service"}],
        "zones": [{"id": ZONE, "name": "Firedoor", "gateways": ["198.51.100.200/32"]}],
    }
    return world, passwords, {"sessions": sessions, "oauth": oauth, "app": app}


def aws(services: Sequence[str], people: Sequence[str], robbed: Robbed, dice: random.Random) -> tuple[dict[str, Any], dict[str, str]]:
    """AWS's world, and the stolen key: two keys a service account, the robbed one aside, which has one; one for each of the people.

    The robbed account looks after its own keys and policies, as such accounts often may: its thief can add and take off.
    """
    users: dict[str, dict[str, Any]] = {account: {} for account in ACCOUNTS}
    for number, name in enumerate([*services, *(login.partition("@")[0] for login in people)]):
        count = 2 if name in services and name != robbed.machine else 1
        keys = {_key_id(): {"secret": secrets.token_urlsafe(30)} for _ in range(count)}
        work = [_allow("secretsmanager:ListSecrets", "s3:*")]
        users[ACCOUNTS[number % 2]][name] = {
            "keys": keys,
            "policies": {"work": _document(work)},
            "tags": {"owner": f"team-{dice.randrange(7)}@{DOMAIN}"},
        }
    machine = users[robbed.account][robbed.machine]
    arn = f"arn:aws:iam::{robbed.account}:user/{robbed.machine}"
    own = _allow("iam:*AccessKey*", "iam:*UserPolicy", "iam:*UserPolicies", "iam:ListAttachedUserPolicies", resource=arn)
    machine["policies"]["work"] = _document([_allow("secretsmanager:ListSecrets", "s3:*"), own])
    bystander = next(name for name in users[robbed.account] if name != robbed.machine)
    trust = [arn, f"arn:aws:iam::{robbed.account}:user/{bystander}"]
    roles = {robbed.role.rpartition("/")[2]: {"trust": trust, "policies": {"work": _document([_allow("secretsmanager:ListSecrets")])}}}
    world: dict[str, Any] = {account: {"users": of_account} for account, of_account in users.items()}
    world[robbed.account]["roles"] = roles
    secret = f"{robbed.machine}-AbCdEf"
    world[robbed.account]["secrets"] = {secret: {"versions": {"11111111-2222-4333-8444-555555555555": {"stages": ["AWSCURRENT"]}}}}
    machine["tags"]["firedoor:secret"] = f"arn:aws:secretsmanager:us-east-1:{robbed.account}:secret:{secret}"
    world[ACCOUNTS[0]]["ip_sets"] = [
        {"name": f"attackers-{version.lower()}", "id": name, "region": "us-east-1", "version": version, "addresses": []}
        for version, name in IP_SETS.items()
    ]
    key_id, key = next(iter(machine["keys"].items()))
    return world, {"account": robbed.account, "user": robbed.machine, "key_id": key_id, "secret": key["secret"]}


def prepared() -> dict[str, Any]:
    """What was prepared by daylight, as settings."""
    sets = [
        {
            "account": ACCOUNTS[0],
            "region": "us-east-1",
            "scope": "REGIONAL",
            "version": version,
            "name": f"attackers-{version.lower()}",
            "id": name,
        }
        for version, name in IP_SETS.items()
    ]
    jira_ = {"project": "SEC", "security_level": "Responders", "issue_type": "Task", "flavour": "cloud"}
    return {"okta_block_zone": ZONE, "aws_ip_sets": sets, "jira_user": f"firedoor@{DOMAIN}", "jira": jira_}


def slack(responders: Sequence[str], robbed: Robbed, bot: str, app: str) -> dict[str, Any]:
    """Slack's workspace: the responders' channel, in which the first of the robbed people sits too."""
    there = [*responders, robbed.people[0]]
    users = [
        {"id": slack_id(number), "name": login.partition("@")[0], "real_name": title(login), "email": login}
        for number, login in enumerate(there)
    ]
    return {
        "team": {"id": "T0ACME", "name": "Acme"},
        "app": {
            "id": "A0FIREDOOR",
            "name": "Firedoor",
            "bot_id": "B0FIREDOOR",
            "bot_user": "U0FIREDOOR",
            "tokens": [{"token": bot, "kind": "bot"}, {"token": app, "kind": "app"}],
            "commands": ["/firedoor"],
            "shortcuts": {"contain_from_alert": "message"},
            "shortcut_names": {"contain_from_alert": "Contain from this alert"},
            "events": ["app_home_opened"],
        },
        "users": users,
        "channels": [{"id": CHANNEL, "name": "incidents", "private": True, "members": [*(user["id"] for user in users), "U0FIREDOOR"]}],
        "integrations": [{"bot_id": SIEM, "name": "SIEM"}],
    }


def jira(responders: Sequence[str], robbed: Robbed, token: str) -> dict[str, Any]:
    """Jira's site: a project with a security level that only the responders and Firedoor see."""
    everything = ["BROWSE_PROJECTS", "CREATE_ISSUES", "CREATE_ATTACHMENTS", "SET_ISSUE_SECURITY", "ADMINISTER_PROJECTS", "USER_PICKER"]
    users = [{"id": "jira-firedoor", "email": f"firedoor@{DOMAIN}", "name": "Firedoor", "token": token, "permissions": everything}]
    users += [
        {"id": f"jira-{number}", "email": login, "name": title(login), "permissions": ["BROWSE_PROJECTS"]}
        for number, login in enumerate(responders)
    ]
    users += [{"id": f"jira-robbed-{number}", "email": login, "name": title(login)} for number, login in enumerate(robbed.people)]
    members = [user["id"] for user in users if user.get("permissions")]
    return {"users": users, "projects": [{"key": "SEC", "levels": [{"id": "10001", "name": "Responders", "members": members}]}]}


def slack_id(number: int) -> str:
    """The member id of the person of that number in the channel."""
    return f"U0ONCALL{number}"


def title(login: str) -> str:
    """A person's name, from their login."""
    return login.partition("@")[0].replace(".", " ").title()


def _user(number: int, login: str, dice: random.Random) -> dict[str, Any]:
    created = datetime(2021, 1, 1, tzinfo=UTC) + timedelta(days=dice.randrange(700))
    return {
        "id": _okta_id(number),
        "login": login,
        "name": title(login),
        "password": secrets.token_urlsafe(12),
        "created": created.isoformat(),
        "status_changed": created.isoformat(),
    }


def _allow(*actions: str, resource: str = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}


def _document(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


def _key_id() -> str:
    return "AKIA" + "".join(secrets.choice(ALPHABET) for _ in range(16))


def _okta_id(number: int) -> str:
    return f"00usim{number:06d}"
