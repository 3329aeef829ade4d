"""What is needed for what: policies and scopes as the command prints them, without a vendor."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml
from slack_sdk.web.async_client import AsyncWebClient

from firedoor import cli, permissions
from firedoor.channels.slack import methods
from firedoor.cli_permissions import on_the_shelf
from firedoor.errors import BadInput, Misconfigured
from firedoor.permissions import ITSELF, MANIFEST, Purpose, Shelf, needed
from firedoor.settings import ROOT, Settings
from firedoor.vendors.access import Access, Operation
from firedoor.vendors.aws import operations as aws_operations
from firedoor.vendors.aws import rolepolicy
from firedoor.vendors.aws.prepared import AwsPrepared, IpSet
from firedoor.vendors.aws.session import _models
from firedoor.vendors.okta import operations as okta_operations
from tests.permissions.enforced import actions_of

pytestmark = pytest.mark.identities

PURPOSES = pytest.mark.parametrize("purpose", Purpose)
TABLES: dict[str, tuple[Operation, ...]] = {"aws": aws_operations.OPERATIONS, "okta": okta_operations.OPERATIONS}
SLACK = Path(methods.__file__).parent
IP_SET = {"account": "111122223333", "region": "us-east-1", "scope": "REGIONAL", "version": "IPV4", "name": "attackers", "id": "0d3a"}
PREPARED: dict[str, Any] = {
    "aws_ip_sets": [IP_SET, {**IP_SET, "scope": "CLOUDFRONT", "id": "1e4b"}],
    "aws_management_account": "999900001111",
    "aws_deny_policy": "p-1a2b3c4d",
    "aws_sso_policy": "p-5e6f7a8b",
}


@pytest.fixture(scope="module")
def shelf() -> Shelf:
    return on_the_shelf()


def statements(policy: Any) -> list[dict[str, Any]]:
    return list(policy["Statement"])


@pytest.mark.parametrize("vendor", TABLES)
def test_a_preview_only_reads(vendor: str, shelf: Shelf) -> None:
    written = {operation.permission for operation in TABLES[vendor] if operation.writes}
    wanted = needed(vendor, Purpose.PREVIEW, shelf)
    assert wanted
    assert not wanted.keys() & written
    assert needed(vendor, Purpose.CONTAIN, shelf).keys() & written, "and one that writes would be seen"


@pytest.mark.parametrize("vendor", TABLES)
@PURPOSES
def test_nothing_is_needed_that_no_call_asks_for(vendor: str, purpose: Purpose, shelf: Shelf) -> None:
    assert needed(vendor, purpose, shelf).keys() <= {operation.permission for operation in TABLES[vendor]}


@pytest.mark.parametrize("vendor", TABLES)
def test_what_is_needed_comes_from_the_units_on_the_shelf(vendor: str, shelf: Shelf) -> None:
    found = needed(vendor, Purpose.CONTAIN, shelf)
    users = {step.action for book in shelf.playbooks for step in book.steps}
    users |= {question.query for book in shelf.playbooks for question in book.queries.values()}
    users -= {"aws.find_ip_sets"}  # it finds all that it needs in the settings
    assert set().union(*found.values()) - {ITSELF} == {name for name in users if name.startswith(f"{vendor}.")}
    bare = Shelf(known=shelf.known, playbooks=(), sweeps=())
    own = permissions.OWN_READS[vendor]
    assert needed(vendor, Purpose.CONTAIN, bare) == dict.fromkeys(sorted(own.always), frozenset({ITSELF}))
    assert needed(vendor, Purpose.SWEEP, bare).keys() == own.always | own.sweeps
    assert needed(vendor, Purpose.PREVIEW, bare).keys() >= own.always | own.sweeps | own.hunts, "whatever the playbooks are"


def test_a_sweep_has_no_right_that_only_containment_needs(shelf: Shelf) -> None:
    swept, contained = (needed("aws", purpose, shelf).keys() for purpose in (Purpose.SWEEP, Purpose.CONTAIN))
    assert {"iam:PutUserPolicy", "iam:AttachUserPolicy", "organizations:UpdatePolicy", "wafv2:UpdateIPSet"} <= contained - swept
    assert "okta.users.manage" not in needed("okta", Purpose.SWEEP, shelf)


@PURPOSES
def test_a_policy_is_of_the_form_that_aws_takes(purpose: Purpose, shelf: Shelf) -> None:
    policy = permissions.aws_policy(purpose, shelf, Settings(**PREPARED))
    assert policy["Version"] == "2012-10-17"
    assert len(json.dumps(policy, separators=(",", ":"))) <= rolepolicy.MOST_CHARACTERS
    found = statements(policy)
    assert all(one["Effect"] == "Allow" and one["Sid"].isalnum() for one in found)
    assert len({one["Sid"] for one in found}) == len(found)
    services = [{action.partition(":")[0] for action in one["Action"]} for one in found]
    assert all(len(one) == 1 for one in services)
    assert [min(one) for one in services] == sorted(min(one) for one in services)
    assert all(one["Action"] == sorted(one["Action"]) for one in found)
    assert sorted(actions_of(policy)) == sorted(needed("aws", purpose, shelf)), "each once, and none lost"


def test_what_was_prepared_narrows_the_policy(shelf: Shelf) -> None:
    found = {action: one for one in statements(_contain(shelf, **PREPARED)) for action in one["Action"]}
    names = [f"arn:*:organizations::999900001111:policy/o-*/service_control_policy/{one}" for one in ("p-1a2b3c4d", "p-5e6f7a8b")]
    assert found["organizations:UpdatePolicy"]["Resource"] == found["organizations:DescribePolicy"]["Resource"] == names
    assert found["organizations:DescribeAccount"]["Resource"] == "*"
    sets = [f"arn:*:wafv2:us-east-1:111122223333:{place}" for place in ("global/ipset/attackers/1e4b", "regional/ipset/attackers/0d3a")]
    assert found["wafv2:UpdateIPSet"]["Resource"] == sets
    condition = {"ArnEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/AWSDenyAll"}}
    assert found["iam:AttachUserPolicy"]["Condition"] == found["iam:DetachUserPolicy"]["Condition"] == condition
    assert "Condition" not in found["iam:PutUserPolicy"]
    bare = {action: one for one in statements(_contain(shelf)) for action in one["Action"]}
    assert bare["organizations:UpdatePolicy"]["Resource"] == bare["wafv2:UpdateIPSet"]["Resource"] == "*"


def _contain(shelf: Shelf, **settings: Any) -> rolepolicy.Policy:
    return permissions.aws_policy(Purpose.CONTAIN, shelf, Settings(**settings))


def test_a_sweep_sets_its_own_tag_alone(shelf: Shelf) -> None:
    found = {action: one for one in statements(permissions.aws_policy(Purpose.SWEEP, shelf, Settings())) for action in one["Action"]}
    assert found["iam:TagUser"]["Condition"] == {"ForAllValues:StringEquals": {"aws:TagKeys": "firedoor:off"}}


def test_a_policy_that_aws_would_not_take_is_not_printed() -> None:
    sets = tuple(IpSet(**{**IP_SET, "id": f"{number:036}"}) for number in range(80))
    assert rolepolicy.role_policy(["wafv2:GetIPSet"], AwsPrepared(ip_sets=sets[:20]))
    with pytest.raises(BadInput, match=r"this policy has [0-9]+ characters, and AWS takes 6144 in a managed one"):
        rolepolicy.role_policy(["wafv2:GetIPSet"], AwsPrepared(ip_sets=sets))


ONE, TWO = (f"arn:aws:iam::111122223333:role/{name}" for name in ("FiredoorContain", "FiredoorPreview"))


@pytest.mark.parametrize(
    ("purpose", "settings", "roles"),
    [
        (Purpose.CONTAIN, {"aws_accounts": {"111122223333": ONE}}, ONE),
        (Purpose.PREVIEW, {"aws_accounts": {"111122223333": ONE}, "aws_preview_accounts": {"111122223333": TWO}}, TWO),
        (Purpose.PREVIEW, {"aws_accounts": {"111122223333": ONE}}, ONE),
        (Purpose.SWEEP, {"aws_accounts": {"111122223333": ONE}, "aws_sweep_accounts": {"111122223333": TWO}}, TWO),
        (
            Purpose.CONTAIN,
            {"aws_accounts": {"111122223333": ONE, "999900001111": ""}, "aws_organization_role": "Firedoor"},
            ["arn:*:iam::*:role/Firedoor", ONE],
        ),
    ],
)
def test_who_takes_roles_on_may_take_on_those_alone(purpose: Purpose, settings: dict[str, Any], roles: object) -> None:
    assume, info = statements(permissions.aws_base_policy(purpose, Settings(**settings)))
    assert (assume["Action"], assume["Resource"]) == (["sts:AssumeRole"], roles)
    assert (info["Action"], info["Resource"]) == (["sts:GetAccessKeyInfo"], "*")


def test_without_roles_there_is_nobody_to_take_them_on() -> None:
    with pytest.raises(BadInput, match="no role is set"):
        permissions.aws_base_policy(Purpose.SWEEP, Settings(aws_accounts={"111122223333": ""}))


@pytest.mark.parametrize("operation", aws_operations.OPERATIONS, ids=lambda one: one.name)
def test_every_permission_of_aws_is_that_of_an_operation_that_there_is(operation: Operation) -> None:
    """By botocore's own models: a permission is the operation's name after what its service signs for."""
    session = botocore.session.Session()
    session.register_component("data_loader", _models())
    service, _, name = operation.name.partition(":")
    model = session.get_service_model(service)
    assert name in model.operation_names
    assert operation.permission == ("" if operation.name == "sts:GetCallerIdentity" else f"{model.signing_name}:{name}")


@pytest.mark.parametrize("access", Access)
def test_a_session_policy_is_short_enough(access: Access) -> None:
    assert len(aws_operations.session_policy(access)) <= 2048, "AssumeRole, Policy: in characters"


def test_the_manifest_asks_for_what_is_declared() -> None:
    text = (ROOT / MANIFEST).read_text(encoding="utf-8")
    assert set(permissions.slack_manifest(text)["oauth_config"]["scopes"]["bot"]) == permissions.slack_scopes()
    assert "connections:write" not in permissions.slack_scopes(), "it is the app-level token's"
    other = text.replace("- im:write ", "- files:write ")
    with pytest.raises(Misconfigured, match=r"slack-manifest\.yaml lacks im:write and asks in vain for files:write"):
        permissions.slack_manifest(other)


def test_every_method_of_slack_that_the_channel_calls_is_declared_and_no_other() -> None:
    called = {name for path in sorted(SLACK.glob("*.py")) for name in _called(path)}
    assert called == {method.replace(".", "_") for method in methods.METHODS}


def _called(path: Path) -> Iterator[str]:
    """The methods of Slack's client that a file calls, as the SDK writes them."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and "_" in node.attr and not node.attr.startswith("_") and hasattr(AsyncWebClient, node.attr):
            yield node.attr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["gcp"], "aws, okta, slack"),
        (["awz"], "did you mean 'aws'"),
        (["aws"], "preview, sweep, contain"),
        (["okta", "--for", "prewiew"], "preview, sweep, contain: 'prewiew' is none of them; did you mean 'preview'"),
        (["slack", "--for", "prview"], "--for is one of"),
        (["okta", "--for", "contain", "--base"], "--base is for aws"),
    ],
)
def test_a_wrong_word_is_answered_with_the_right_ones(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.obey(["permissions", *words]) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert (told.out, told.err.count("\n")) == ("", 1)


@pytest.fixture
def _no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "firedoor.toml").write_text("")
    monkeypatch.setenv("FIREDOOR_CONFIG", str(tmp_path / "firedoor.toml"))


@pytest.mark.usefixtures("_no_settings")
@PURPOSES
def test_the_command_prints_a_policy_and_scopes(purpose: Purpose, shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.obey(["permissions", "aws", "--for", purpose]) == 0
    assert json.loads(capsys.readouterr().out) == permissions.aws_policy(purpose, shelf, Settings())
    scopes = sorted(needed("okta", purpose, shelf))
    assert cli.obey(["permissions", "okta", "--for", purpose]) == 0
    told = capsys.readouterr()
    assert told.out.split() == scopes
    assert ("read-only administrator" in told.err) == (purpose is Purpose.PREVIEW)
    assert ("Make it as a super administrator" in told.err) == (purpose is not Purpose.PREVIEW)
    assert cli.obey(["permissions", "okta", "--for", purpose, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == scopes


def test_the_command_prints_the_manifest(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.obey(["permissions", "slack"]) == 0
    text = (ROOT / MANIFEST).read_text(encoding="utf-8")
    assert capsys.readouterr().out == text
    assert cli.obey(["permissions", "slack", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == permissions.slack_manifest(text)


def test_the_app_that_previews_reads_what_the_other_reads_and_posts_nothing(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.obey(["permissions", "slack", "--for", "preview"]) == 0
    manifest = yaml.safe_load(capsys.readouterr().out)
    scopes = manifest["oauth_config"]["scopes"]["bot"]
    assert scopes == ["groups:history", "groups:read", "users:read", "users:read.email"]
    assert set(scopes) < permissions.slack_scopes()
    assert cli.obey(["permissions", "slack", "--for", "preview", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == manifest == permissions.slack_preview_manifest(shelf)
    assert cli.obey(["permissions", "slack", "--for", "contain"]) == 0
    assert capsys.readouterr().out == (ROOT / MANIFEST).read_text(encoding="utf-8")


def test_whoever_sweeps_needs_nothing_at_slack(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.obey(["permissions", "slack", "--for", "sweep"]) == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert "needs no token of Slack" in told.err
