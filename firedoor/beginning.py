"""The two files to begin with, made from the settings themselves: what each setting means, with an example. Nothing is written over."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from firedoor.errors import BadInput
from firedoor.settings import SECRETS, IpSetTable, JiraTable, LimitsTable, PersonTable, ProtectedTable, Settings

TOML, ENV = "firedoor.toml", ".env.example"
WIDTH: Final = 100
# In TOML whatever follows a table belongs to it, so plain settings come first.
TABLES: Final[Mapping[str, type[BaseModel]]] = {
    "people": PersonTable,
    "protected": ProtectedTable,
    "aws_ip_sets": IpSetTable,
    "jira": JiraTable,
    "limits": LimitsTable,
}
ARRAYS: Final = ("people", "protected", "aws_ip_sets")
# It may hold a password, and `load` refuses a file that does.
FROM_THE_ENVIRONMENT: Final = (*SECRETS, "database_url")
KEY: Final = (
    "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIIN5cpziVxhm26A3HMrjJ+aluvzmZ3Hn5ZdxzRb8mkDIAAAABHNzaDo="
)
EXAMPLES: Final[Mapping[str, str]] = {
    "okta_org_url": '"https://example.okta.com"',
    "okta_block_zone": '"nzo1q7jEOsoCnoKcj0g4"',
    "okta_service_group": '"00g1emaKYZTWRYYRRTSK"',
    "aws_region": '"us-east-1"',
    "aws_accounts": '{ "111122223333" = "arn:aws:iam::111122223333:role/FiredoorContain" }',
    "aws_preview_accounts": '{ "111122223333" = "arn:aws:iam::111122223333:role/FiredoorPreview" }',
    "aws_sweep_accounts": '{ "111122223333" = "arn:aws:iam::111122223333:role/FiredoorSweep" }',
    "aws_requests_per_second": "15.0",
    "aws_tags": "true",
    "aws_trail": '["/var/lib/cloudtrail"]',
    "aws_connections": "8",
    "aws_management_account": '"999900001111"',
    "aws_organization_role": '"FiredoorContain"',
    "aws_deny_policy": '"p-1a2b3c4d"',
    "aws_sso_policy": '"p-5e6f7a8b"',
    "jira_url": '"https://example.atlassian.net"',
    "jira_user": '"firedoor@example.com"',
    "slack_base_url": '"https://slack.com/api/"',
    "slack_mode": '"socket"',
    "slack_listen": '"127.0.0.1:3000"',
    "slack_channel": '"C0123456789"',
    "slack_groups": '["S0123456789"]',
    "sweep_keeps": "0.2",
    "state_dir": '"/var/lib/firedoor"',
    "journal_standby": "true",
    "own_networks": '["198.51.100.0/24"]',
    "exercise_inputs": '{ users = ["exercise-1@example.com"] }',
    "log_format": '"json"',
    "log_level": '"info"',
    "metrics_listen": '"127.0.0.1:9464"',
    "traces_endpoint": '"http://127.0.0.1:4318/v1/traces"',
    "people.name": '"Ada"',
    "people.slack": '"U0123456789"',
    "people.accounts": '["okta:user:ada@example.com"]',
    "people.keys": f'["{KEY}"]',
    "people.networks": '["203.0.113.8/32"]',
    "people.may_request": "true",
    "people.may_approve": "true",
    "protected.name": '"okta:user:breakglass@example.com"',
    "protected.why": '"the break-glass account"',
    "aws_ip_sets.account": '"111122223333"',
    "aws_ip_sets.region": '"us-east-1"',
    "aws_ip_sets.scope": '"REGIONAL"',
    "aws_ip_sets.version": '"IPV4"',
    "aws_ip_sets.name": '"attackers"',
    "aws_ip_sets.id": '"0d3a6391-aacf-444c-b8b3-296941d1e720"',
    "jira.project": '"SEC"',
    "jira.security_level": '"Responders"',
    "jira.issue_type": '"Task"',
    "jira.flavour": '"cloud"',
    "limits.targets": "50",
    "limits.requests_per_hour": "20",
}
HEAD: Final = """\
# Firedoor's settings. Everything is commented out: take the # away from what you set, then run `firedoor doctor`.
# Secrets do not belong here, and are refused: see .env.example. An environment variable FIREDOOR_<NAME> wins over this file.
"""
ENV_HEAD: Final = """\
# The secrets that Firedoor takes from the environment, by name. It does not read this file: have whatever starts it set them,
# from a store of secrets if you have one. Never commit a file with their values.
"""
OF_OTHERS: Final[Mapping[str, str]] = {
    "FIREDOOR_CONFIG": f"Another {TOML} than the one in the folder that Firedoor is started in.",
    "FIREDOOR_SSH_KEY": "Your own SSH key, or the .pub of one in your agent: you sign with it what you order and decide at a terminal.",
    "AWS_PROFILE": "The identity that takes on the roles in aws_accounts; or AWS's other variables, or the machine's own role.",
    "PREFECT_API_URL": "A Prefect server to show runs in; without one Firedoor does without.",
    "PREFECT_API_AUTH_STRING": "The server's user:password.",
}


def write(folder: Path) -> Sequence[Path]:
    """Write both files; returns where they are. Raises `BadInput` with nothing touched where one is there already, or cannot be made."""
    texts = {folder / TOML: toml(), folder / ENV: env()}
    there = [str(path) for path in texts if os.path.lexists(path)]
    if there:
        are, them = ("is", "it") if len(there) == 1 else ("are", "them")
        raise BadInput(f"{' and '.join(there)} {are} there already", advice=f"Name another folder, or move {them} away")
    made: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            with path.open("x", encoding="utf-8") as file:
                made.append(path)
                file.write(text)
    except OSError as error:
        for path in made:
            path.unlink(missing_ok=True)
        advice = "Name a folder that this user may write to"
        raise BadInput(f"{error.filename or folder} cannot be written ({error.strerror})", advice=advice) from error
    return made


def toml() -> str:
    """What goes into firedoor.toml: every setting but the secrets, commented out, so that it loads as it is."""
    plain = [name for name in Settings.model_fields if name not in TABLES and name not in FROM_THE_ENVIRONMENT]
    return "\n".join([HEAD, *(line for name in plain for line in _setting(Settings, name, name)), *_tables()])


def env() -> str:
    """What goes into .env.example: the names of the secrets, and of the variables that no file can hold."""
    lines = [ENV_HEAD]
    for name in FROM_THE_ENVIRONMENT:
        lines += [*_comment(_meaning(Settings, name)), f"# FIREDOOR_{name.upper()}=", ""]
    for name, meaning in OF_OTHERS.items():
        lines += [*_comment(meaning), f"# {name}=", ""]
    return "\n".join(lines)


def _tables() -> Iterator[str]:
    for name, table in TABLES.items():
        yield from _comment(_meaning(Settings, name))
        yield f"# [[{name}]]" if name in ARRAYS else f"# [{name}]"
        for field in table.model_fields:
            yield from _setting(table, field, f"{name}.{field}")


def _setting(table: type[BaseModel], name: str, example: str) -> Iterator[str]:
    yield from _comment(_meaning(table, name))
    yield f"# {name} = {EXAMPLES[example]}"
    yield ""


def _meaning(table: type[BaseModel], name: str) -> str:
    return str(table.model_fields[name].description)


def _comment(text: str) -> Sequence[str]:
    return [f"## {line}" for line in textwrap.wrap(text, WIDTH)]
