"""Two companies: one in which all is well, and one with a dozen things set up wrongly, each named with what must be said of it."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from firedoor.canonical import JSON
from firedoor.cli_permissions import on_the_shelf
from firedoor.doctor import look, told
from firedoor.exercise.estate import Estate
from firedoor.exercise.holdings import ACCOUNTS
from firedoor.settings import load
from firedoor.vendors.access import Access
from firedoor.vendors.aws.operations import permissions
from firedoor.vendors.aws.simulator import HOME
from firedoor.vendors.slack.directory import BOT_SCOPES
from tests.company import Company, company

OURS: Final = ("FIREDOOR_", "AWS_", "PREFECT_")
UNKNOWN: Final = "00nobody-knows-this-token-nobody"
STRANGE_APP: Final = "xapp-1-nobody-knows-this-one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """One thing that is wrong: where it must be found, a word of what must be said, and one of the remedy."""

    area: str
    at: str
    says: str
    remedy: str


PLANTED: Final[Mapping[str, Planted]] = {
    "a token that Okta does not know": Planted(
        area="okta", at="FIREDOOR_OKTA_PREVIEW_API_TOKEN", says="does not know the API token", remedy="FIREDOOR_OKTA_PREVIEW_API_TOKEN"
    ),
    "a block zone that is not there": Planted(area="okta", at="okta_block_zone nzo0gone", says="no network zone", remedy="BLOCKLIST"),
    "a role that cannot be assumed": Planted(
        area="aws", at=f"aws_preview_accounts {ACCOUNTS[1]}", says="does not let Firedoor in", remedy="trust policy"
    ),
    "a role that may not contain": Planted(
        area="aws", at=f"aws_accounts {ACCOUNTS[0]}", says="iam:PutUserPolicy", remedy="firedoor permissions aws"
    ),
    "an IP set that is not there": Planted(area="aws", at="aws_ip_sets attackers-ipv4", says="no IP set", remedy="list-ip-sets"),
    "a missing scope": Planted(area="slack", at="FIREDOOR_SLACK_BOT_TOKEN", says="lacks the scope im:write", remedy="slack-manifest.yaml"),
    "an app token that Slack does not know": Planted(
        area="slack", at="FIREDOOR_SLACK_APP_TOKEN", says="does not take the app-level token", remedy="connections:write"
    ),
    "a person who is deactivated": Planted(area="roster", at="(U0ONCALL1)", says="deactivated", remedy="take them off the roster"),
    "a person without a key": Planted(area="roster", at="", says="no signing key", remedy="ed25519-sk"),
    "too few approvers": Planted(area="roster", at="decisions of two, by chat", says="fewer than two", remedy="until there are three"),
    "a clock that is off": Planted(area="clock", at="this machine and Jira", says="4 minutes apart", remedy="chrony"),
    "a security level that is not there": Planted(
        area="jira", at="security level Nobody of project SEC", says="there are: Responders", remedy="security_level"
    ),
    "a database that cannot be reached": Planted(
        area="journal", at="the database journal at 127.0.0.1:1", says="does not answer", remedy="it is up, and reachable"
    ),
}


@asynccontextmanager
async def well(folder: Path) -> AsyncIterator[Company]:
    """A company whose preview token is a read-only administrator's own."""
    async with company(folder, change=_own_previewer, files=False) as acme:
        with _set(acme.environment):
            yield acme


@asynccontextmanager
async def ill(folder: Path) -> AsyncIterator[Company]:
    """The same with everything of `PLANTED`."""
    async with company(folder, change=_spoil, files=False) as acme:
        config = folder / "firedoor.toml"
        config.write_text(_spoiled(config.read_text(), acme), encoding="utf-8")
        acme.jira.world.clock = lambda: datetime.now(UTC) + timedelta(seconds=245)
        wrong = {
            "FIREDOOR_OKTA_PREVIEW_API_TOKEN": UNKNOWN,
            "FIREDOOR_SLACK_APP_TOKEN": STRANGE_APP,
            "FIREDOOR_DATABASE_URL": "postgresql://firedoor:a-password-of-the-journal@127.0.0.1:1/journal",
        }
        with _set({**acme.environment, **wrong}):
            yield acme


async def diagnosed() -> Mapping[str, Any]:
    """What the doctor finds with the environment as it is."""
    return told.told(await look.diagnose(load(), on_the_shelf()))


def found(data: Mapping[str, Any], state: str) -> Sequence[Mapping[str, str]]:
    return [one for one in data["findings"] if one["state"] == state]


@contextmanager
def _set(environment: Mapping[str, str]) -> Iterator[None]:
    """The environment, with nothing of Firedoor's and the vendors' in it but this."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith(OURS)]:
        del os.environ[name]
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _own_previewer(scene: Estate) -> None:
    okta: Any = scene.okta
    previewer = "firedoor-preview@acme.example"
    okta["users"].append({"id": "00usim009001", "login": previewer, "name": "Firedoor Preview", "roles": ["READ_ONLY_ADMIN"]})
    okta["api_tokens"][1]["owner"] = previewer


def _spoil(scene: Estate) -> None:
    _own_previewer(scene)
    slack: Any = scene.slack
    slack["app"]["tokens"][0]["scopes"] = sorted(BOT_SCOPES - {"im:write"})
    slack["users"][1]["deleted"] = True
    aws: Any = scene.aws
    actions: list[JSON] = [*sorted(set(permissions(Access.WRITE)) - {"iam:PutUserPolicy", "wafv2:UpdateIPSet"})]
    policy: JSON = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    role = {"trust": [f"arn:aws:iam::{HOME}:user/firedoor"], "policies": {"looks": policy}}
    aws[ACCOUNTS[0]].setdefault("roles", {})["firedoor-narrow"] = role


def _spoiled(toml: str, acme: Company) -> str:
    prepared = acme.estate.prepared
    people = acme.estate.people
    for old, new in (
        (prepared["okta_block_zone"], "nzo0gone"),
        (prepared["aws_ip_sets"][0]["id"], "00000000-0b6e-4d3f-9a55-1f0e6c2b8d10"),
        ('security_level = "Responders"', 'security_level = "Nobody"'),
        (f"{ACCOUNTS[0]}:role/firedoor-contain", f"{ACCOUNTS[0]}:role/firedoor-narrow"),
        (f"{ACCOUNTS[1]}:role/firedoor-preview", f"{ACCOUNTS[1]}:role/firedoor-gone"),
        (f"keys = {list(people[2]['keys'])}", "keys = []\nmay_approve = false"),
        (f"keys = {list(people[3]['keys'])}", f"keys = {list(people[3]['keys'])}\nmay_approve = false"),
    ):
        assert old in toml, old
        toml = toml.replace(old, new)
    return toml


def secrets(acme: Company) -> Sequence[str]:
    """Every secret that the doctor could come by in these companies."""
    estate = acme.estate
    named = [estate.okta_token, estate.okta_preview_token, estate.slack_bot_token, estate.slack_app_token, estate.jira_token]
    planted = [UNKNOWN, STRANGE_APP, "a-password-of-the-journal", acme.aws.credentials.secret]
    return [*named, *planted, *acme.aws.secrets, *(json.loads(json.dumps(estate.loot))["passwords"].values())]
