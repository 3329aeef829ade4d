"""A whole simulated company in the test's own process: Okta, AWS, Slack and Jira on loopback, and the environment that points there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from firedoor.approval import Answer
from firedoor.channels.slack.blocks import ADVISE, APPROVE
from firedoor.desk import Desk
from firedoor.exercise import estate
from firedoor.exercise.estate import Estate
from firedoor.journal import Journal
from firedoor.seal import Seal
from firedoor.settings import load
from firedoor.store import Store
from firedoor.terminal import Signer, Who
from firedoor.vendors.access import Access
from firedoor.vendors.aws.simulator import AwsLag, AwsSimulator
from firedoor.vendors.jira.simulator import JiraSimulator
from firedoor.vendors.jira.values import Flavour
from firedoor.vendors.jira.world import world_of as jira_world
from firedoor.vendors.okta.simulator import OktaLag, OktaSimulator
from firedoor.vendors.okta.worlddata import world_of
from firedoor.vendors.slack.people import Person, Post
from firedoor.vendors.slack.simulator import SlackSimulator


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """The simulators, and what was seeded into them."""

    estate: Estate
    okta: OktaSimulator
    aws: AwsSimulator
    slack: SlackSimulator
    jira: JiraSimulator
    folder: Path
    answered: set[str] = field(default_factory=set)

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
            "FIREDOOR_JIRA_URL": self.jira.url,
            "FIREDOOR_JIRA_USER": str(self.estate.prepared["jira_user"]),
            "FIREDOOR_JIRA_API_TOKEN": self.estate.jira_token,
            "AWS_ENDPOINT_URL": self.aws.url,
            "AWS_ACCESS_KEY_ID": self.aws.credentials.key_id,
            "AWS_SECRET_ACCESS_KEY": self.aws.credentials.secret,
        }

    @property
    def asker(self) -> str:
        """The roster name of who starts runs here."""
        return str(self.estate.people[0]["name"])

    def who(self, number: int = 0) -> Who:
        """How somebody on the roster signs at a terminal, with the hardware key that only they have; the first one starts runs here."""
        key = self.estate.keys[self.member(number)]
        return lambda: Signer(public=key.public, sign=key.sign)

    def key(self, number: int = 0) -> Path:
        """Another key of theirs, in a file: for the command itself."""
        return self.folder / f"id{number}"

    def member(self, number: int) -> str:
        """The Slack member id of somebody on the roster."""
        return str(self.estate.people[number]["slack"])

    async def approve(self, number: int = 1, *, seconds: float = 20.0) -> None:
        """Somebody approves the request that stands in the channel: there, or by signature where chat only advises."""
        async with Person(self.slack.url, self.member(number)) as person:
            post = await person.wait_for_message(estate.CHANNEL, lambda one: self._waits(number, one), seconds)
            self.answered.add(f"{number} {post.ts}")
            await person.click(estate.CHANNEL, post.ts, APPROVE)
            modal = await person.wait_for_modal(lambda one: bool(one.submit), 10)  # not the last one, which says "Recorded"
            if modal.submit != ADVISE:
                await person.submit({})
                return
        await self.sign(next(button.value for button in post.buttons if button.action_id == APPROVE), number)

    def _waits(self, number: int, post: Post) -> bool:
        """Whether that person has not answered it here: the buttons of one that was may stand for a moment longer."""
        return f"{number} {post.ts}" not in self.answered and any(button.action_id == APPROVE for button in post.buttons)

    async def sign(self, run: str, number: int, answer: Answer = Answer.APPROVE) -> None:
        """What somebody does at their own terminal, with the hardware key that only they have."""
        roster, state = load(self.folder / "firedoor.toml").roster, self.folder / "state"
        async with Store(f"sqlite:///{state / 'journal.db'}") as store:
            desk = Desk(journal=Journal(store), roster=roster, seal=Seal.kept_in(state))
            person = desk.roster.by_slack(self.member(number))
            decision, document = await desk.draw_up(run, person, answer, via="terminal")
            await desk.submit(run, replace(decision, proof=self.estate.keys[self.member(number)].sign(document).proof))

    def writes(self) -> int:
        """How many writes the vendors of this company have accepted."""
        told = sum(self.jira.accepted_writes.values()) + sum(one.method == "chat.postMessage" and one.ok for one in self.slack.requests)
        return sum(self.okta.accepted_writes.values()) + len(self.aws.accepted_writes()) + told


@asynccontextmanager
async def company(
    folder: Path, *, log_lag: float = 0.2, iam_lag: float = 0.1, change: Callable[[Estate], None] = lambda _: None, files: bool = True
) -> AsyncIterator[Company]:
    """A company with its ``firedoor.toml`` in ``folder``. ``change`` may change its worlds before they begin.

    ``files``: everybody has a key in a file too, beside the one in hardware.
    """
    scene = estate.make(7)
    change(scene)
    async with (
        OktaSimulator(world_of(scene.okta), lag=OktaLag(system_log=log_lag)) as okta,
        AwsSimulator(scene.aws, lag=AwsLag(iam=iam_lag, waf=iam_lag)) as aws,
        SlackSimulator(scene.slack) as slack,
        JiraSimulator(jira_world(scene.jira, flavour=Flavour.CLOUD)) as jira,
    ):
        found = Company(estate=scene, okta=okta, aws=aws, slack=slack, jira=jira, folder=folder)
        for number in range(len(scene.people)) if files else ():
            write_key(found.key(number))
        (folder / "firedoor.toml").write_text(_toml(found), encoding="utf-8")
        yield found


def write_key(path: Path) -> str:
    """A fresh key in a file as OpenSSH keeps it, and its public half beside it, which is returned too."""
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    path.touch(0o600)
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    path.with_name(f"{path.name}.pub").write_text(f"{public}\n")
    return public


def _toml(found: Company) -> str:
    prepared = found.estate.prepared
    lines = [f'slack_channel = "{estate.CHANNEL}"', f'okta_block_zone = "{prepared["okta_block_zone"]}"']
    for number, person in enumerate(found.estate.people):
        written = [path.read_text().strip() for path in (found.key(number).with_suffix(".pub"),) if path.exists()]
        lines += [
            "[[people]]",
            f'name = "{person["name"]}"',
            f'slack = "{person["slack"]}"',
            f"accounts = {list(person['accounts'])}",
            f"keys = {[*person['keys'], *written]}",
        ]
    for one in prepared["aws_ip_sets"]:
        lines += ["[[aws_ip_sets]]", *(f'{key} = "{value}"' for key, value in one.items())]
    lines += ["[jira]", *(f'{key} = "{value}"' for key, value in prepared["jira"].items())]
    for access, table in ((Access.WRITE, "aws_accounts"), (Access.READ, "aws_preview_accounts")):
        lines += [f"[{table}]", *(f'{account} = "{role}"' for account, role in found.aws.roles(access).items())]
    return "\n".join(lines) + "\n"
