"""Settings, read once at the top: tokens from the environment (``FIREDOOR_*``), everything else from there or from ``firedoor.toml``."""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, StringConstraints, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from firedoor.approval import Person, Roster
from firedoor.errors import BadInput, Misconfigured, nearest
from firedoor.signing import check_key

ROOT = Path(__file__).resolve().parent.parent
LOOPBACK = ("127.0.0.1", "::1", "localhost")
LISTEN = re.compile(r"(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})")
PLAIN_URL = re.compile(r"[A-Za-z0-9:/._~%@\[\]-]+")
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


def _safe_url(url: str) -> str:
    if not PLAIN_URL.fullmatch(url):
        raise ValueError("an address is plain: letters, digits and :/._~%-, with no query")
    parts = urlsplit(url)
    if parts.hostname is None or parts.username is not None or parts.port == 0:
        raise ValueError("an address is https:// and a host, and holds no name or password")
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK):
        return url
    raise ValueError("it must begin with https:// (plain http:// only to 127.0.0.1)")


SafeUrl = Annotated[str, AfterValidator(_safe_url)]


def _public_key(text: str) -> str:
    try:
        return check_key(text)
    except BadInput as error:
        raise ValueError(str(error)) from None


@dataclass(frozen=True, slots=True)
class Listen:
    """An address to listen on."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _listen(text: object) -> object:
    if not isinstance(text, str):
        return text
    found = LISTEN.fullmatch(text)
    if found is None or int(found["port"]) > 65535:
        raise ValueError("it is a host and a port, for example 127.0.0.1:3000")
    return Listen(found["host"].strip("[]"), int(found["port"]))


def _network(text: object) -> object:
    return ipaddress.ip_network(text) if isinstance(text, str) else text


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
        ("slack", [one.slack for one in people]),
        ("key", [key for one in people for key in one.keys]),
    ):
        if twice := sorted({value for value in values if values.count(value) > 1}):
            raise ValueError(f"two people have the same {kind}: {', '.join(twice)}")
    return people


AccountId = Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")]
TargetName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+:[a-z0-9_]+:\S")]
Network = Annotated[ipaddress.IPv4Network | ipaddress.IPv6Network, BeforeValidator(_network)]
PublicKey = Annotated[str, AfterValidator(_public_key)]
SlackGroup = Annotated[str, StringConstraints(pattern=r"^S[A-Z0-9]{2,20}$")]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PersonTable(_Table):
    """``[[people]]``: somebody who may request or approve. ``accounts`` are their own accounts as target names, ``keys`` their public SSH
    keys, with which they decide where chat cannot be trusted, ``networks`` where they work from, which is never blocked.
    """

    name: Words
    slack: Annotated[str, StringConstraints(pattern=r"^[UW][A-Z0-9]{2,20}$")]
    accounts: tuple[TargetName, ...] = ()
    keys: tuple[PublicKey, ...] = ()
    networks: tuple[Network, ...] = ()
    may_request: bool = True
    may_approve: bool = True


class ProtectedTable(_Table):
    """``[[protected]]``: a target that no ordinary run may touch (``okta:user:admin@example.com``), and why."""

    name: TargetName
    why: Words


class IpSetTable(_Table):
    """``[[aws_ip_sets]]``: a WAFv2 IP set that a blocking rule of a web ACL refers to. Its name and id are in the console's address bar."""

    account: AccountId
    region: Words
    scope: Literal["REGIONAL", "CLOUDFRONT"]
    version: Literal["IPV4", "IPV6"]
    name: Words
    id: Words


class JiraTable(_Table):
    """``[jira]``: where tickets go, and the name of the security level that they are kept to."""

    project: Words
    security_level: Words
    issue_type: Words = "Task"
    flavour: Literal["cloud", "data_center"] = "cloud"


class LimitsTable(_Table):
    """``[limits]``. ``requests_per_hour``: how many runs one person may ask for; stops are not counted."""

    targets: Annotated[int, Field(ge=1, le=10_000)] = 50
    requests_per_hour: Annotated[int, Field(ge=1, le=1000)] = 20


class Settings(_Table):
    """All of it. Secrets print as asterisks. Made directly, it reads no environment: a drill must not reach a real vendor by accident."""

    model_config = ConfigDict(hide_input_in_errors=True)

    okta_org_url: SafeUrl | None = None
    okta_api_token: SecretStr | None = None
    okta_preview_api_token: SecretStr | None = None
    okta_sweep_api_token: SecretStr | None = None
    okta_block_zone: str = ""
    okta_service_group: str = ""
    aws_region: str = "us-east-1"
    aws_accounts: dict[AccountId, str] = {}
    aws_preview_accounts: dict[AccountId, str] = {}
    aws_sweep_accounts: dict[AccountId, str] = {}
    aws_requests_per_second: Annotated[float, Field(ge=0.0, le=1000.0)] = 15.0
    aws_tags: bool = True
    aws_trail: tuple[Annotated[Path, AfterValidator(Path.expanduser)], ...] = ()
    aws_connections: Annotated[int, Field(ge=1, le=200)] = 8
    aws_ip_sets: tuple[IpSetTable, ...] = ()
    aws_management_account: Annotated[str, StringConstraints(pattern=r"^([0-9]{12})?$")] = ""
    aws_organization_role: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_+=,.@-]{0,64}$")] = ""
    aws_deny_policy: str = ""
    aws_sso_policy: str = ""
    jira_url: SafeUrl | None = None
    jira_user: str = ""
    jira_api_token: SecretStr | None = None
    jira_preview_api_token: SecretStr | None = None
    jira: JiraTable | None = None
    slack_base_url: SafeUrl = "https://slack.com/api/"
    slack_bot_token: SecretStr | None = None
    slack_preview_bot_token: SecretStr | None = None
    slack_app_token: SecretStr | None = None
    slack_signing_secret: SecretStr | None = None
    slack_mode: Literal["socket", "http"] = "socket"
    slack_listen: Annotated[Listen, BeforeValidator(_listen)] = Listen("127.0.0.1", 3000)
    slack_channel: str = ""
    slack_groups: tuple[SlackGroup, ...] = ()
    database_url: Annotated[str, Field(repr=False)] = ""  # it may hold a password
    sweep_keeps: Annotated[float, Field(ge=0.0, le=0.9)] = 0.2
    state_dir: Annotated[Path, AfterValidator(Path.expanduser)] = ROOT / ".firedoor"
    journal_standby: bool = True
    people: Annotated[tuple[PersonTable, ...], AfterValidator(_distinct)] = ()
    protected: tuple[ProtectedTable, ...] = ()
    own_networks: tuple[Network, ...] = ()
    limits: LimitsTable = LimitsTable()

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
    """The settings in force. Raises `Misconfigured` naming each setting that is wrong, and where it stands."""
    named = config or (Path(os.environ["FIREDOOR_CONFIG"]) if os.environ.get("FIREDOOR_CONFIG") else None)
    path = named or next((path for path in (Path("firedoor.toml"), ROOT / "firedoor.toml") if path.is_file()), None)
    table = _read(path) if path else {}
    if leaked := [name for name in SECRETS if name in table] + ["database_url"] * _has_password(table.get("database_url")):
        raise Misconfigured(
            f"{path} holds {', '.join(leaked)}; tokens and passwords do not belong in a file that is shared",
            advice=f"Set FIREDOOR_{leaked[0].upper()} in the environment, and replace the secret: it may have been read",
        )
    try:
        return _Sources(**table)  # type: ignore[arg-type]
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {_words(fault)}" for fault in error.errors(include_input=False))
        raise Misconfigured(f"the settings are wrong: {faults}", advice=f"Mend them in {path or 'the environment (FIREDOOR_*)'}") from None
    except SettingsError as error:  # an environment variable that should be JSON; the error behind it quotes the value
        raise Misconfigured(f"the settings are wrong: {error}", advice="Mend FIREDOOR_* in the environment") from None


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
