"""The company that a drill defends, made anew each time from a seed: people, service accounts, access keys, a Slack workspace.

All secrets in it are random and open nothing but the simulation.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

PEOPLE, SERVICES = 250, 40
ACCOUNTS: Final = ("111122223333", "444455556666")
DOMAIN: Final = "acme.example"
CHANNEL: Final = "C0INCIDENT"
SIEM: Final = "B0SIEM"
FIRST = ("ada", "ben", "chloe", "dev", "elif", "femi", "grace", "hugo", "ines", "jonas", "kira", "liam", "mei", "nora", "omar")
LAST = ("adeyemi", "berg", "costa", "dubois", "eriksen", "fischer", "garcia", "haddad", "ivanov", "jansen", "kim", "lopez", "moreau", "ng")
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loot:
    """What the attacker stole. It is handed to the attacker process and to nobody else."""

    sessions: Mapping[str, str] = field(repr=False)
    passwords: Mapping[str, str] = field(repr=False)
    oauth: Mapping[str, str] = field(repr=False)
    aws: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estate:
    """The worlds of all vendors, and who is who in them."""

    okta: Mapping[str, Any] = field(repr=False)
    aws: Mapping[str, Any] = field(repr=False)
    slack: Mapping[str, Any] = field(repr=False)
    loot: Loot
    okta_token: str = field(repr=False)
    okta_preview_token: str = field(repr=False)
    slack_bot_token: str = field(repr=False)
    slack_app_token: str = field(repr=False)
    people: Sequence[Mapping[str, Any]]
    victims: Sequence[str]
    service: str
    stolen_key: str


def make(seed: int) -> Estate:
    """An estate of 250 people, 40 service accounts and 120 access keys in two accounts; two people and one service account are robbed."""
    dice = random.Random(seed)  # noqa: S311 - names and dates only; every secret below comes from `secrets`
    logins = _logins(dice)
    responders, victims = logins[:4], dice.sample(logins[20:], 2)
    users = [_okta_user(number, login, dice) for number, login in enumerate(logins)]
    passwords = {str(user["login"]): str(user["password"]) for user in users}
    users.append({"id": _okta_id(9000), "login": f"firedoor@{DOMAIN}", "name": "Firedoor", "roles": ["SUPER_ADMIN"]})
    sessions = {login: secrets.token_urlsafe(24) for login in victims}
    oauth = {"login": victims[0], "refresh": secrets.token_urlsafe(24), "access": secrets.token_urlsafe(24), "client": "0oasimcrm1"}
    okta_token, preview_token = (f"00{secrets.token_urlsafe(30)}" for _ in range(2))
    services = [f"svc-{name}-{number:02d}" for number, name in zip(range(SERVICES), _cycle(), strict=False)]
    aws, stolen = _aws(services, logins[60:100], dice)
    bot, app = f"xoxb-{secrets.token_hex(16)}", f"xapp-1-{secrets.token_hex(16)}"
    return Estate(
        okta={
            "users": users,
            "sessions": [{"id": sid, "user": login} for login, sid in sessions.items()],
            "oauth_tokens": [_oauth_token(oauth)],
            "api_tokens": [
                {"token": okta_token, "owner": f"firedoor@{DOMAIN}", "role": "SUPER_ADMIN"},
                {"token": preview_token, "owner": f"firedoor@{DOMAIN}", "role": "READ_ONLY_ADMIN"},
            ],
        },
        aws=aws,
        slack=_slack(responders, bot, app),
        loot=Loot(sessions=sessions, passwords={login: passwords[login] for login in victims}, oauth=oauth, aws=stolen),
        okta_token=okta_token,
        okta_preview_token=preview_token,
        slack_bot_token=bot,
        slack_app_token=app,
        people=[_responder(number, login) for number, login in enumerate(responders)],
        victims=victims,
        service=f"{stolen['user']} in {stolen['account']}",
        stolen_key=stolen["key_id"],
    )


def _logins(dice: random.Random) -> list[str]:
    names = [f"{first}.{last}" for first in FIRST for last in LAST]
    dice.shuffle(names)
    names += [f"{name}2" for name in names[: PEOPLE - len(names)]]
    return [f"{name}@{DOMAIN}" for name in names[:PEOPLE]]


def _okta_user(number: int, login: str, dice: random.Random) -> dict[str, Any]:
    created = datetime(2021, 1, 1, tzinfo=UTC) + timedelta(days=dice.randrange(700))
    return {
        "id": _okta_id(number),
        "login": login,
        "name": _title(login),
        "password": secrets.token_urlsafe(12),
        "created": created.isoformat(),
        "status_changed": created.isoformat(),
    }


def _oauth_token(oauth: Mapping[str, str]) -> dict[str, Any]:
    return {"id": "oarsim1", "client": oauth["client"], "user": oauth["login"], "refresh": oauth["refresh"], "access": [oauth["access"]]}


def _responder(number: int, login: str) -> dict[str, Any]:
    return {"name": _title(login), "slack": _slack_id(number), "accounts": [f"okta:user:{login}"]}


def _aws(services: Sequence[str], people: Sequence[str], dice: random.Random) -> tuple[dict[str, Any], dict[str, str]]:
    """Two keys for each service account and one for each of forty people; one service account's newer key is stolen."""
    users: dict[str, dict[str, Any]] = {account: {} for account in ACCOUNTS}
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["secretsmanager:ListSecrets", "s3:*"], "Resource": "*"}]}
    for number, name in enumerate([*services, *(login.partition("@")[0] for login in people)]):
        keys = {_key_id(): {"secret": secrets.token_urlsafe(30)} for _ in range(2 if name in services else 1)}
        users[ACCOUNTS[number % 2]][name] = {"keys": keys, "policies": {"work": allow}, "tags": {"owner": f"team-{number % 7}@{DOMAIN}"}}
    robbed = dice.choice(services)
    account = next(account for account in ACCOUNTS if robbed in users[account])
    key_id, key = list(users[account][robbed]["keys"].items())[-1]
    stolen = {"account": account, "user": robbed, "key_id": key_id, "secret": key["secret"]}
    return {account: {"users": of_account} for account, of_account in users.items()}, stolen


def _slack(responders: Sequence[str], bot: str, app: str) -> dict[str, Any]:
    members = [_slack_id(number) for number in range(len(responders))]
    users = [
        {"id": member, "name": login.partition("@")[0], "real_name": _title(login), "email": login}
        for member, login in zip(members, responders, strict=True)
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
        },
        "users": users,
        "channels": [{"id": CHANNEL, "name": "incidents", "private": True, "members": [*members, "U0FIREDOOR"]}],
        "integrations": [{"bot_id": SIEM, "name": "SIEM"}],
    }


def _cycle() -> Sequence[str]:
    return ("deploy", "backup", "billing", "search", "metrics", "mail", "crm", "etl") * 5


def _key_id() -> str:
    return "AKIA" + "".join(secrets.choice(ALPHABET) for _ in range(16))


def _okta_id(number: int) -> str:
    return f"00usim{number:06d}"


def _slack_id(number: int) -> str:
    return f"U0ONCALL{number}"


def _title(login: str) -> str:
    return login.partition("@")[0].replace(".", " ").title()
