from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path

import pytest

from firedoor.errors import Misconfigured
from firedoor.settingkinds import Listen
from firedoor.settings import ROOT, SECRETS, PersonTable, Settings, load

SECRET = "00correct-horse-battery"
Write = Callable[[str], Path]


@pytest.fixture(autouse=True)
def nothing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("FIREDOOR_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def file(text: str) -> Path:
        path = tmp_path / "firedoor.toml"
        path.write_text(text)
        return path

    return file


def refused(config: Path | None = None) -> str:
    with pytest.raises(Misconfigured) as error:
        load(config)
    assert error.value.exit_code == 2
    whole = "".join(traceback.format_exception(error.value))
    assert SECRET not in whole
    return str(error.value)


def test_nothing_at_all_is_enough_to_look(tmp_path: Path) -> None:
    settings = load()
    assert settings.okta_api_token is None
    assert settings.roster.people == ()
    assert settings.journal_url == f"sqlite:///{ROOT / '.firedoor' / 'journal.db'}"
    assert Settings(state_dir=tmp_path).journal_url == f"sqlite:///{tmp_path / 'journal.db'}"


def test_a_whole_file(write: Write) -> None:
    path = write(
        """
        okta_org_url = "https://example.okta.com"
        own_networks = ["203.0.113.0/24", "2001:db8::/32"]
        [aws_accounts]
        111122223333 = "arn:aws:iam::111122223333:role/firedoor"
        [[people]]
        name = " Ada "
        slack = "U0ADA"
        accounts = ["okta:user:ada@example.com"]
        [[people]]
        name = "Ben"
        slack = "W0BEN"
        may_request = false
        [[protected]]
        name = "okta:user:root@example.com"
        why = "the last administrator"
        [limits]
        targets = 7
        """
    )
    settings = load()
    assert settings == load(path)
    assert settings.okta_org_url == "https://example.okta.com"
    assert settings.own_networks == (ip_network("203.0.113.0/24"), ip_network("2001:db8::/32"))
    ada, ben = settings.roster.people
    assert (ada.name, ada.slack, ada.names, ada.may_request, ada.may_approve) == (
        "Ada",
        "U0ADA",
        ("okta:user:ada@example.com",),
        True,
        True,
    )
    assert ben.may_request is False
    assert settings.limits.targets == 7


def test_the_environment_wins(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write('okta_org_url = "https://file.example"\naws_region = "eu-west-1"\n[limits]\ntargets = 7')
    monkeypatch.setenv("FIREDOOR_OKTA_ORG_URL", "https://env.example")
    monkeypatch.setenv("FIREDOOR_LIMITS", '{"targets": 9}')
    monkeypatch.setenv("FIREDOOR_PEOPLE", json.dumps([{"name": "Ada", "slack": "U0ADA"}]))
    settings = load()
    assert (settings.okta_org_url, settings.aws_region, settings.limits.targets) == ("https://env.example", "eu-west-1", 9)
    assert settings.people == (PersonTable(name="Ada", slack="U0ADA"),)


def test_another_file_can_be_named(tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write('aws_region = "here"')
    (tmp_path / "other.toml").write_text('aws_region = "there"')
    monkeypatch.setenv("FIREDOOR_CONFIG", "other.toml")
    assert load().aws_region == "there"
    monkeypatch.setenv("FIREDOOR_CONFIG", "absent.toml")
    assert "absent.toml cannot be read (No such file or directory)" in refused()


def test_made_directly_it_reads_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIREDOOR_OKTA_API_TOKEN", SECRET)
    assert Settings().okta_api_token is None
    token = load().okta_api_token
    assert token is not None
    assert token.get_secret_value() == SECRET


def test_secrets_are_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRETS:
        monkeypatch.setenv(f"FIREDOOR_{name.upper()}", SECRET)
    monkeypatch.setenv("FIREDOOR_DATABASE_URL", f"postgresql://u:{SECRET}@h/d")
    settings = load()
    assert SECRET in settings.journal_url
    assert SECRET not in f"{settings!r} {settings}"
    monkeypatch.setenv("FIREDOOR_AWS_REGION", "x")
    monkeypatch.setenv("FIREDOOR_LIMITS", f'{{"targets": "{SECRET}"}}')
    assert "limits.targets: Input should be a valid integer" in refused()


@pytest.mark.parametrize("name", SECRETS)
def test_a_token_in_the_file_is_refused_and_not_repeated(write: Write, name: str) -> None:
    said = refused(write(f'{name} = "{SECRET}"'))
    assert f"holds {name}; tokens and passwords do not belong in a file" in said
    assert f"Set FIREDOOR_{name.upper()} in the environment, and replace the secret" in said


@pytest.mark.parametrize("address", [f"postgresql://u:{SECRET}@h/d", f"postgresql://u:{SECRET}@[h/d"])
def test_a_password_in_the_file_is_refused_too(write: Write, address: str) -> None:
    assert "holds database_url" in refused(write(f'database_url = "{address}"'))
    assert load(write('database_url = "postgresql://u@h/d"')).journal_url == "postgresql://u@h/d"


@pytest.mark.parametrize(
    "url", ["https://example.okta.com", "https://example.okta.com:8443/a/b", "http://127.0.0.1:80/", "http://localhost:1", "http://[::1]:9"]
)
def test_an_address_that_is_safe(url: str) -> None:
    assert Settings(okta_org_url=url, slack_base_url=url).okta_org_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://example.okta.com", "http://127.0.0.1.evil.com", "http://localhost.evil.com", "http://127.0.0.1@evil.com", "http://127.0.0.2",
        "https://user:pass@example.com", "https://@example.com", "https://", "https:///path", "https:", "ftp://example.com", "",
        "example.com",
        "https://exa mple.com", "https://example.com\n.evil.com", "https://example.com\\@evil.com", "https://example.com?next=x",
        "https://example.com#x", "https://ex\u0430mple.com", "https://[::1", "https://example.com:99999", "https://example.com:x",
        "//example.com", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_an_address_that_is_not_is_refused(url: str, write: Write) -> None:
    said = refused(write(f"okta_org_url = {json.dumps(url)}"))
    assert "the settings are wrong: okta_org_url: " in said
    assert "Mend them in" in said


PEOPLE = '[[people]]\nname = "Ada"\nslack = "U0ADA"\n[[people]]\nname = "{name}"\nslack = "{slack}"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (PEOPLE.format(name="Ada", slack="U0BEN"), "people: two people have the same name: ada"),
        (PEOPLE.format(name="ADA ", slack="U0BEN"), "people: two people have the same name: ada"),
        (PEOPLE.format(name="Ben", slack="U0ADA"), "people: two people have the same slack: U0ADA"),
        (PEOPLE.format(name="Ben", slack="@ben"), "people.1.slack: String should match pattern"),
        (PEOPLE.format(name=" ", slack="U0BEN"), "people.1.name: String should have at least 1 character"),
        (
            '[[people]]\nname = "Ada"',
            "people: whoever is on the roster needs slack, or keys to sign with, and has neither: Ada",
        ),
        ('[[people]]\nname = "Ada"\nslack = "U0ADA"\naccounts = ["ada@example.com"]', "people.0.accounts.0: String should match pattern"),
        ('[[protected]]\nname = "root@example.com"\nwhy = "w"', "protected.0.name: String should match pattern"),
        ('[[protected]]\nname = "okta:user:x"\nwhy = ""', "protected.0.why: String should have at least 1 character"),
        ('own_networks = ["10.0.0.1/8"]', "own_networks.0: 10.0.0.1/8 has host bits set"),
        ('own_networks = ["ten"]', "own_networks.0: 'ten' does not appear to be an IPv4 or IPv6 network"),
        ('own_networks = "10.0.0.0/8"', "own_networks: Input should be a valid tuple"),
        ('[aws_accounts]\n123 = "x"', "aws_accounts.123.[key]: String should match pattern"),
        ('[aws_accounts]\n"' + "\u0661" * 12 + '" = "x"', "[key]: String should match pattern"),
        ("[limits]\ntargets = 0", "limits.targets: Input should be greater than or equal to 1"),
        ("[limits]\nrequests_per_hour = 0", "limits.requests_per_hour: Input should be greater than or equal to 1"),
        ("[limits]\ntarget = 5", "limits.target: there is no such setting"),
        ('slack_chanel = "C1"', "slack_chanel: there is no such setting; did you mean 'slack_channel'?"),
        ("aws_region = 5", "aws_region: Input should be a valid string"),
        ("aws_region = ", "firedoor.toml is not TOML: Invalid value (at end of document)"),
        ('a = 1\na = "x"', "firedoor.toml is not TOML: Cannot overwrite a value"),
        ("x = " + "[" * 10_000, "firedoor.toml is not TOML"),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong_says_where(write: Write, text: str, words: str) -> None:
    assert words in refused(write(text))


def test_a_binary_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "firedoor.toml"
    path.write_bytes(b"\xff\x00" * 1000)
    assert "is not TOML: 'utf-8' codec can't decode byte 0xff" in refused(path)
    assert "cannot be read (Is a directory)" in refused(tmp_path)


def test_a_variable_that_should_be_json_is_refused_unquoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIREDOOR_PEOPLE", f"[{{{SECRET}")
    said = refused()
    assert "people" in said
    assert "Mend FIREDOOR_* in the environment" in said


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:3000", "127.0.0.1", 3000),
        ("[::1]:80", "::1", 80),
        ("slack.internal:65535", "slack.internal", 65535),
        ("10.0.0.1:0", "10.0.0.1", 0),
    ],
)
def test_where_to_listen_is_a_host_and_a_port(write: Write, text: str, host: str, port: int) -> None:
    write(f'slack_mode = "http"\nslack_listen = "{text}"')
    settings = load()
    assert (settings.slack_mode, settings.slack_listen) == ("http", Listen(host, port))
    assert str(settings.slack_listen) == text
    assert (Settings().slack_mode, str(Settings().slack_listen)) == ("socket", "127.0.0.1:3000")


@pytest.mark.parametrize(
    "text", ["3000", ":3000", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:80", "http://127.0.0.1:3000", "a b:1", "a:-1"]
)
def test_where_nobody_can_listen_is_refused(write: Write, text: str) -> None:
    write(f'slack_listen = "{text}"')
    assert "slack_listen: it is a host and a port" in refused()


def test_there_are_two_ways_to_hear_slack(write: Write) -> None:
    write('slack_mode = "carrier pigeon"')
    assert "slack_mode" in refused()


def test_home_is_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FIREDOOR_STATE_DIR", "~/state")
    assert load().state_dir == tmp_path / "state"


def test_the_readmes_example_can_be_used_as_it_stands(tmp_path: Path) -> None:
    readme = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")
    (tmp_path / "firedoor.toml").write_text(readme.split("```toml\n")[1].split("```")[0], encoding="utf-8")
    settings = load(tmp_path / "firedoor.toml")
    assert [one.name for one in settings.people] == ["Ada", "Grace"]
    assert settings.jira is not None
    assert settings.aws_ip_sets[0].version == "IPV4"
    assert "where Ada works from" in settings.where_we_are.values()
