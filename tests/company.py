"""A whole simulated company in the test's own process: Okta, AWS and Slack on loopback, and the environment that points to them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from firedoor.exercise import estate
from firedoor.exercise.estate import Estate
from firedoor.vendors.access import Access
from firedoor.vendors.aws.simulator import AwsLag, AwsSimulator
from firedoor.vendors.okta.simulator import OktaLag, OktaSimulator
from firedoor.vendors.okta.worlddata import world_of
from firedoor.vendors.slack.simulator import SlackSimulator


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """The simulators, and what was seeded into them."""

    estate: Estate
    okta: OktaSimulator
    aws: AwsSimulator
    slack: SlackSimulator
    folder: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """What a person would set to point Firedoor at this company."""
        return {
            "FIREDOOR_CONFIG": str(self.folder / "firedoor.toml"),
            "FIREDOOR_STATE_DIR": str(self.folder / "state"),
            "FIREDOOR_OKTA_ORG_URL": self.okta.url,
            "FIREDOOR_OKTA_API_TOKEN": self.estate.okta_token,
            "FIREDOOR_OKTA_PREVIEW_API_TOKEN": self.estate.okta_preview_token,
            "FIREDOOR_SLACK_BASE_URL": f"{self.slack.url}api/",
            "FIREDOOR_SLACK_BOT_TOKEN": self.estate.slack_bot_token,
            "FIREDOOR_SLACK_APP_TOKEN": self.estate.slack_app_token,
            "AWS_ENDPOINT_URL": self.aws.url,
            "AWS_ACCESS_KEY_ID": self.aws.credentials.key_id,
            "AWS_SECRET_ACCESS_KEY": self.aws.credentials.secret,
        }

    @property
    def asker(self) -> str:
        """The roster name of who starts runs here."""
        return str(self.estate.people[0]["name"])

    def member(self, number: int) -> str:
        """The Slack member id of somebody on the roster."""
        return str(self.estate.people[number]["slack"])

    def writes(self) -> int:
        """How many writes the vendors of this company have accepted."""
        return sum(self.okta.accepted_writes.values()) + len(self.aws.accepted_writes())


@asynccontextmanager
async def company(folder: Path, *, log_lag: float = 0.2, iam_lag: float = 0.1) -> AsyncIterator[Company]:
    """A company with its ``firedoor.toml`` in ``folder``."""
    scene = estate.make(7)
    async with (
        OktaSimulator(world_of(scene.okta), lag=OktaLag(system_log=log_lag)) as okta,
        AwsSimulator(scene.aws, lag=AwsLag(iam=iam_lag)) as aws,
        SlackSimulator(scene.slack) as slack,
    ):
        found = Company(estate=scene, okta=okta, aws=aws, slack=slack, folder=folder)
        (folder / "firedoor.toml").write_text(_toml(found), encoding="utf-8")
        yield found


def _toml(found: Company) -> str:
    lines = [f'slack_channel = "{estate.CHANNEL}"']
    for person in found.estate.people:
        lines += ["[[people]]", f'name = "{person["name"]}"', f'slack = "{person["slack"]}"', f"accounts = {list(person['accounts'])}"]
    for access, table in ((Access.WRITE, "aws_accounts"), (Access.READ, "aws_preview_accounts")):
        lines += [f"[{table}]", *(f'{account} = "{role}"' for account, role in found.aws.roles(access).items())]
    return "\n".join(lines) + "\n"
