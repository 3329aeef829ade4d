"""Settings, read once at the top: tokens from the environment (``FIREDOOR_*``), everything else from there or from ``firedoor.toml``."""

from __future__ import annotations

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, StringConstraints, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from firedoor import logs
from firedoor.approval import Person, Roster
from firedoor.errors import Misconfigured, nearest
from firedoor.settingkinds import AccountId, Listen, ListenAt, ListenOrNot, Network, PublicKey, SafeUrl, SlackGroup, TargetName, Words

ROOT = Path(__file__).resolve().parent.parent
SECRETS = (
    "okta_api_token",
    "okta_preview_api_token",
    "okta_sweep_api_token",
    "slack_bot_token",
    "slack_preview_bot_token",
    "slack_app_token",
    "slack_signing_secret",
    "jira_api_token",
    "jira_preview_api_token",
)


def _terminal() -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    """Where somebody sits who came here by SSH; nothing otherwise."""
    came_from = os.environ.get("SSH_CONNECTION", "").partition(" ")[0].partition("%")[0]
    try:
        return (ipaddress.ip_network(came_from),)
    except ValueError:
        return ()


def _distinct(people: tuple[PersonTable, ...]) -> tuple[PersonTable, ...]:
    """One person listed as two could approve twice."""
    for kind, values in (
        ("name", [one.name.casefold() for one in people]),
        ("slack", [one.slack for one in people if one.slack]),
        ("key", [key for one in people for key in one.keys]),
    ):
        if twice := sorted({value for value in values if values.count(value) > 1}):
            raise ValueError(f"two people have the same {kind}: {', '.join(twice)}")
    if mute := [one.name for one in people if not one.slack and not one.keys]:
        raise ValueError(f"whoever is on the roster needs slack, or keys to sign with, and has neither: {', '.join(mute)}")
    return people


def _several(value: object) -> object:
    """One value, where a list is wanted, is a list of one."""
    return (value,) if isinstance(value, str) else value


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class PersonTable(_Table):
    """``[[people]]``: somebody who may request or approve."""

    name: Words
    """Their name, as Firedoor calls them."""
    slack: Annotated[str, StringConstraints(pattern=r"^([UW][A-Z0-9]{2,20})?$")] = ""
    """Their member id in Slack, not their display name; none for whoever decides by signature alone."""
    accounts: tuple[TargetName, ...] = ()
    """Their own accounts, as target names: in a plan, they protect it and bar their owner from approving it."""
    keys: tuple[PublicKey, ...] = ()
    """Their public SSH keys, with which they decide where chat cannot be trusted; hardware-backed (sk-) ones for what two must sign."""
    networks: tuple[Network, ...] = ()
    """Where they work from, which is never blocked."""
    may_request: bool = True
    """Whether they may ask for runs."""
    may_approve: bool = True
    """Whether they may approve what others ask for."""


class ProtectedTable(_Table):
    """``[[protected]]``: a target that no ordinary run may touch (``okta:user:admin@example.com``), and why."""

    name: TargetName
    """A target name (okta:user:admin@example.com)."""
    why: Words
    """Why it is protected, in words for whoever is refused."""


class IpSetTable(_Table):
    """``[[aws_ip_sets]]``: a WAFv2 IP set that a blocking rule of a web ACL refers to. Its name and id are in the console's address bar."""

    account: AccountId
    """The account that it is in."""
    region: Words
    """Its region; us-east-1 for CloudFront."""
    scope: Literal["REGIONAL", "CLOUDFRONT"]
    """REGIONAL or CLOUDFRONT."""
    version: Literal["IPV4", "IPV6"]
    """IPV4 or IPV6: a set holds one of the two."""
    name: Words
    """Its name."""
    id: Words
    """Its id, a UUID."""


class JiraTable(_Table):
    """``[jira]``: where tickets go, and the name of the security level that they are kept to."""

    project: Words
    """The key of the project."""
    security_level: Words
    """The name of the security level that tickets are kept to; without it none is opened in Jira."""
    issue_type: Words = "Task"
    """The name of the issue type."""
    flavour: Literal["cloud", "data_center"] = "cloud"
    """cloud or data_center."""


class LimitsTable(_Table):
    """``[limits]``: how much one run, and one person, may do."""

    targets: Annotated[int, Field(ge=1, le=10_000)] = 50
    """How many targets one run may touch."""
    requests_per_hour: Annotated[int, Field(ge=1, le=1000)] = 20
    """How many runs one person may ask for in an hour; stops are free."""


class Settings(_Table):
    """All of it. Secrets print as asterisks. Made directly, it reads no environment: a drill must not reach a real vendor by accident."""

    model_config = ConfigDict(hide_input_in_errors=True)

    okta_org_url: SafeUrl | None = None
    """The address of your Okta org."""
    okta_api_token: SecretStr | None = None
    """The API token that contains. What it may do is what its owner's administrator roles allow."""
    okta_preview_api_token: SecretStr | None = None
    """A read-only administrator's token, used for everything before the approval."""
    okta_sweep_api_token: SecretStr | None = None
    """The token of processes that only sweep; without it they use the first."""
    okta_block_zone: str = ""
    """The id of an IP zone with usage BLOCKLIST, for attackers' addresses."""
    okta_service_group: str = ""
    """The id of the group of the users that are programs: a sweep asks these for their OAuth grants."""
    aws_region: str = "us-east-1"
    """The region that is asked where none is named."""
    aws_accounts: dict[AccountId, str] = {}
    """Account id = the ARN of the role that may contain there. Left out, your own credentials are used as they are."""
    aws_preview_accounts: dict[AccountId, str] = {}
    """Account id = the ARN of the role that may only read there, used for everything before the approval."""
    aws_sweep_accounts: dict[AccountId, str] = {}
    """Account id = the ARN of the role of processes that only sweep; without it they use the first."""
    aws_requests_per_second: Annotated[float, Field(ge=0.0, le=1000.0)] = 15.0
    """The most requests a second that a sweep sends to one service in one account; 0 for as many as come."""
    aws_tags: bool = True
    """Whether the tags of each user are read when credentials are listed: a call more for each."""
    aws_trail: tuple[Annotated[Path, AfterValidator(Path.expanduser)], ...] = ()
    """Folders or files of CloudTrail's logs, with which a sweep is compared, and whose sessions the inventory shows."""
    aws_connections: Annotated[int, Field(ge=1, le=200)] = 8
    """How many calls to AWS may be under way at once."""
    aws_ip_sets: tuple[IpSetTable, ...] = ()
    """WAFv2 IP sets in which addresses are blocked, one for each IP version."""
    aws_management_account: Annotated[str, StringConstraints(pattern=r"^([0-9]{12})?$")] = ""
    """The account where the organization's policies are kept."""
    aws_organization_role: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_+=,.@-]{0,64}$")] = ""
    """The name of a role that is in every active account of the organization, which then are all worked in."""
    aws_deny_policy: str = ""
    """The id of a prepared service control policy that denies everything to the principals listed in it (aws:PrincipalArn)."""
    aws_sso_policy: str = ""
    """The id of a prepared one that denies everything to the Identity Center users listed in it (identitystore:userId)."""
    jira_url: SafeUrl | None = None
    """The address of Jira. Without Jira, tickets are files in the state folder."""
    jira_user: str = ""
    """The address of the token's owner, for Cloud. Without it, the token is a personal access token of Data Center."""
    jira_api_token: SecretStr | None = None
    """The token that opens tickets."""
    jira_preview_api_token: SecretStr | None = None
    """A token that can only read, used for everything before the approval."""
    jira: JiraTable | None = None
    """Where tickets go, and who may read them."""
    slack_base_url: SafeUrl = "https://slack.com/api/"
    """The address of Slack's Web API."""
    slack_bot_token: SecretStr | None = None
    """The app's bot token (xoxb-...)."""
    slack_preview_bot_token: SecretStr | None = None
    """A bot token that can only read, used for everything before the approval."""
    slack_app_token: SecretStr | None = None
    """The app-level token (xapp-...) with connections:write, for slack_mode = "socket"."""
    slack_signing_secret: SecretStr | None = None
    """The app's signing secret, for slack_mode = "http"."""
    slack_mode: Literal["socket", "http"] = "socket"
    """How Slack reaches Firedoor: over a socket that Firedoor opens, or by signed requests that it listens for."""
    slack_listen: ListenAt = Listen("127.0.0.1", 3000)
    """The host and port that are listened on where slack_mode is "http"."""
    slack_channel: str = ""
    """The id of the private channel where people are asked and told; the app must be in it."""
    slack_groups: tuple[SlackGroup, ...] = ()
    """The ids of user groups: whoever decides must be in one of them. None: being on the roster is enough."""
    database_url: Annotated[str, Field(repr=False)] = ""
    """Where the journal is: sqlite:///path or postgresql://user@host/name. Left out, a file in the state folder."""
    sweep_keeps: Annotated[float, Field(ge=0.0, le=0.9)] = 0.2
    """The share of a vendor's rate limit that sweeps leave to everybody else."""
    state_dir: Annotated[Path, AfterValidator(Path.expanduser)] = ROOT / ".firedoor"
    """The folder of the journal, the approval key and tickets that are files; by default .firedoor in Firedoor's own folder."""
    journal_standby: bool = True
    """Whether a file in the state folder takes the place of a shared database that is out of reach."""
    people: Annotated[tuple[PersonTable, ...], AfterValidator(_distinct)] = ()
    """The roster: who may request and approve. An empty one approves nothing."""
    protected: tuple[ProtectedTable, ...] = ()
    """Targets that no ordinary run may touch."""
    own_networks: tuple[Network, ...] = ()
    """Your own networks, which are never blocked."""
    limits: LimitsTable = LimitsTable()
    """How much one run, and one person, may do."""
    exercise_inputs: dict[str, Annotated[tuple[Words, ...], BeforeValidator(_several)]] = {}
    """What a tabletop exercise on the real estate is about: inputs of its playbook, naming accounts that are there for exercises."""
    log_format: logs.Format = "text"
    """text or json: how lines on standard error are written."""
    log_level: logs.Level = "warning"
    """debug, info, warning or error: from where on Firedoor logs. Of libraries, warnings and worse are told without their words."""
    metrics_listen: ListenOrNot = None
    """The host and port where `firedoor serve` answers Prometheus at /metrics; empty for nowhere. It takes the extra observe."""
    traces_endpoint: SafeUrl | None = None
    """The address of an OTLP collector over HTTP, which traces are sent to. It takes the extra observe."""

    sweeps: ClassVar[bool] = False

    @property
    def journal_url(self) -> str:
        """Where the journal is: SQLite in the state folder, unless told otherwise."""
        return self.database_url or f"sqlite:///{self.state_dir / 'journal.db'}"

    @property
    def rates(self) -> Mapping[str, float]:
        """Requests per second that a vendor without rate headers is asked at most (0: as many as come), by the beginning of its buckets."""
        return {"aws:": self.aws_requests_per_second}

    @property
    def standby(self) -> Path | None:
        """The folder of the journal's stand-by, for as long as a shared database is out of reach; None where none is wanted."""
        return self.state_dir / "standby" if self.journal_standby else None

    @property
    def one_credential(self) -> frozenset[str]:
        """The vendors without a second credential that can only read: their first is used for reads too."""
        second = {
            "okta": self.okta_preview_api_token,
            "aws": self.aws_preview_accounts and not self.aws_organization_role,
            "slack": self.slack_preview_bot_token,
            "jira": self.jira_preview_api_token or not self.jira_url,
        }
        return frozenset(vendor for vendor, there in second.items() if not there)

    @property
    def where_we_are(self) -> Mapping[ipaddress.IPv4Network | ipaddress.IPv6Network, str]:
        """The networks that must never be blocked, each with whose it is: our own, our responders', and that of whoever sits at this
        terminal over SSH.
        """
        here = dict.fromkeys(_terminal(), "the address that this terminal is reached from")
        people = {network: f"where {one.name} works from" for one in self.people for network in one.networks}
        return {**here, **people, **dict.fromkeys(self.own_networks, "our own network")}

    @property
    def roster(self) -> Roster:
        """The people who may request and approve."""
        return Roster(
            people=tuple(
                Person(
                    name=one.name,
                    slack=one.slack,
                    names=one.accounts,
                    keys=one.keys,
                    may_request=one.may_request,
                    may_approve=one.may_approve,
                )
                for one in self.people
            )
        )


class SweepSettings(Settings):
    """The settings as sweeps have them: the identities that only sweep, where there are any, and no stand-by: workers share one database,
    or wait for it. ``aws_tags``: whether the tags of each user are read.
    """

    sweeps: ClassVar[bool] = True

    @classmethod
    def of(cls, settings: Settings, *, aws_tags: bool) -> SweepSettings:
        """Those of a process that only sweeps."""
        changed = {
            "okta_api_token": settings.okta_sweep_api_token or settings.okta_api_token,
            "aws_accounts": settings.aws_sweep_accounts or settings.aws_accounts,
            "journal_standby": False,
            "aws_tags": aws_tags,
        }
        return cls.model_construct(**{**{name: getattr(settings, name) for name in Settings.model_fields}, **changed})


class ExerciseSettings(Settings):
    """The settings as an exercise on the real estate has them: where there is a second credential that can only read, the first is left
    out. Slack's stays, to talk to people with. No stand-by: who only rehearses takes none into use.
    """

    @classmethod
    def of(cls, settings: Settings) -> ExerciseSettings:
        """Those of a process that holds an exercise."""
        changed = {
            "okta_api_token": settings.okta_preview_api_token or settings.okta_api_token,
            "okta_sweep_api_token": None,
            "aws_accounts": settings.aws_preview_accounts or settings.aws_accounts,
            "aws_sweep_accounts": {},
            "jira_api_token": settings.jira_preview_api_token or settings.jira_api_token,
        }
        return cls.model_construct(**{**{name: getattr(settings, name) for name in Settings.model_fields}, **changed})


class _Sources(Settings, BaseSettings):
    model_config = SettingsConfigDict(env_prefix="FIREDOOR_", frozen=True, extra="forbid", hide_input_in_errors=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over what `load` read from the file and passed in."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings


def load(config: Path | None = None) -> Settings:
    """The settings in force; from then on, what the process logs is logged as they say.

    Raises `Misconfigured` naming each setting that is wrong, and where it stands.
    """
    named = config or (Path(os.environ["FIREDOOR_CONFIG"]) if os.environ.get("FIREDOOR_CONFIG") else None)
    path = named or next((path for path in (Path("firedoor.toml"), ROOT / "firedoor.toml") if path.is_file()), None)
    table = _read(path) if path else {}
    if leaked := [name for name in SECRETS if name in table] + ["database_url"] * _has_password(table.get("database_url")):
        raise Misconfigured(
            f"{path} holds {', '.join(leaked)}; tokens and passwords do not belong in a file that is shared",
            advice=f"Set FIREDOOR_{leaked[0].upper()} in the environment, and replace the secret: it may have been read",
        )
    try:
        found = _Sources(**table)  # type: ignore[arg-type]
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {_words(fault)}" for fault in error.errors(include_input=False))
        raise Misconfigured(f"the settings are wrong: {faults}", advice=f"Mend them in {path or 'the environment (FIREDOOR_*)'}") from None
    except SettingsError as error:  # an environment variable that should be JSON; the error behind it quotes the value
        raise Misconfigured(f"the settings are wrong: {error}", advice="Mend FIREDOOR_* in the environment") from None
    logs.speak(found.log_format, found.log_level)
    return found


def _has_password(url: object) -> bool:
    try:
        return isinstance(url, str) and urlsplit(url).password is not None
    except ValueError:
        return True  # unreadable: it may hold anything


def _words(fault: ErrorDetails) -> str:
    if fault["type"] == "extra_forbidden":
        return f"there is no such setting{nearest(str(fault['loc'][-1]), Settings.model_fields)}"
    return fault["msg"].removeprefix("Value error, ")


def _read(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Misconfigured(f"{path} is not TOML: {error}") from error
