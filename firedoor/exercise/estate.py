"""The company that a drill defends, made anew each time from a seed: who works there, who is robbed, and of what.

What their vendors hold is in `firedoor.exercise.holdings`. All secrets are random and open nothing but the simulation.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from firedoor.exercise import holdings
from firedoor.exercise.holdings import ACCOUNTS, CHANNEL, DOMAIN, SIEM, Robbed, slack_id, title
from firedoor.exercise.keys import SecurityKey

__all__ = ["ACCOUNTS", "CHANNEL", "DOMAIN", "SIEM", "Estate", "make"]

PEOPLE, SERVICES = 250, 40
ADDRESS: Final = "203.0.113.66"
FIRST = ("ada", "ben", "chloe", "dev", "elif", "femi", "grace", "hugo", "ines", "jonas", "kira", "liam", "mei", "nora", "omar")
LAST = ("adeyemi", "berg", "costa", "dubois", "eriksen", "fischer", "garcia", "haddad", "ivanov", "jansen", "kim", "lopez", "moreau", "ng")


@dataclass(frozen=True, slots=True, kw_only=True)
class Estate:
    """The worlds of all vendors, who is who in them, and the loot: what the attacker stole, handed to the attacker process alone.

    ``keys`` are the responders' own hardware keys, by Slack member id: theirs alone, as the loot is the attacker's.
    """

    okta: Mapping[str, Any] = field(repr=False)
    aws: Mapping[str, Any] = field(repr=False)
    slack: Mapping[str, Any] = field(repr=False)
    jira: Mapping[str, Any] = field(repr=False)
    loot: Mapping[str, Any] = field(repr=False)
    okta_token: str = field(repr=False)
    okta_preview_token: str = field(repr=False)
    slack_bot_token: str = field(repr=False)
    slack_app_token: str = field(repr=False)
    jira_token: str = field(repr=False)
    prepared: Mapping[str, Any]
    people: Sequence[Mapping[str, Any]]
    keys: Mapping[str, SecurityKey] = field(repr=False)
    victims: Sequence[str]
    since: str
    service: str
    stolen_key: str
    app: str
    role: str
    address: str


def make(seed: int) -> Estate:
    """An estate of 250 people, 40 service accounts and 120 access keys in two accounts; two people, a machine and an app are robbed."""
    dice = random.Random(seed)  # noqa: S311 - names and dates only; every secret below comes from `secrets`
    logins = _logins(dice)
    responders = logins[:4]
    first, second, guessed = dice.sample(logins[20:], 3)
    services = [f"svc-{name}-{number:02d}" for number, name in zip(range(SERVICES), _cycle(), strict=False)]
    machine = dice.choice(services)
    account = ACCOUNTS[services.index(machine) % 2]
    robbed = Robbed(
        people=(first, second),
        guessed=guessed,
        machine=machine,
        account=account,
        role=f"arn:aws:iam::{account}:role/deploy",
        app="0oasimdeploy1",
        address=ADDRESS,
    )
    tokens = {name: secrets.token_urlsafe(30) for name in ("okta", "preview", "jira")}
    tokens |= {"okta": f"00{tokens['okta']}", "preview": f"00{tokens['preview']}"}
    bot, app = f"xoxb-{secrets.token_hex(16)}", f"xapp-1-{secrets.token_hex(16)}"
    keys = {slack_id(number): SecurityKey() for number in range(len(responders))}
    okta, passwords, stolen = holdings.okta(logins, responders, robbed, tokens, dice)
    aws, key = holdings.aws(services, logins[60:101], robbed, dice)
    return Estate(
        okta=okta,
        aws=aws,
        slack=holdings.slack(responders, robbed, bot, app),
        jira=holdings.jira(responders, robbed, tokens["jira"]),
        loot={
            **stolen,
            "aws": {**key, "role": robbed.role},
            "passwords": {login: passwords[login] for login in robbed.people},
            "guessed": {"login": guessed, "password": passwords[guessed]},
            "administrator": second,
            "address": robbed.address,
            "chat": slack_id(len(responders)),
        },
        okta_token=tokens["okta"],
        okta_preview_token=tokens["preview"],
        slack_bot_token=bot,
        slack_app_token=app,
        jira_token=tokens["jira"],
        prepared=holdings.prepared(),
        people=[_responder(number, login, keys[slack_id(number)]) for number, login in enumerate(responders)],
        keys=keys,
        victims=robbed.people,
        since=(datetime.now(UTC) - timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        service=f"{machine} in {account}",
        stolen_key=key["key_id"],
        app=robbed.app,
        role=robbed.role,
        address=robbed.address,
    )


def _logins(dice: random.Random) -> list[str]:
    names = [f"{first}.{last}" for first in FIRST for last in LAST]
    dice.shuffle(names)
    names += [f"{name}2" for name in names[: PEOPLE - len(names)]]
    return [f"{name}@{DOMAIN}" for name in names[:PEOPLE]]


def _responder(number: int, login: str, key: SecurityKey) -> dict[str, Any]:
    return {"name": title(login), "slack": slack_id(number), "accounts": [f"okta:user:{login}"], "keys": [key.public]}


def _cycle() -> Sequence[str]:
    return ("deploy", "backup", "billing", "search", "metrics", "mail", "crm", "etl") * 5
