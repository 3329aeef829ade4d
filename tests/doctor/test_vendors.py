"""What each vendor may have against our credentials and against what was prepared there, one thing at a time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import yaml

from firedoor.canonical import JSON
from firedoor.cli_permissions import on_the_shelf
from firedoor.doctor import aws, okta, slack
from firedoor.doctor.checkup import Diagnosis, State, examine
from firedoor.doctor.identities import identities
from firedoor.exercise.holdings import ACCOUNTS, ZONE
from firedoor.permissions import MANIFEST, Purpose, aws_policy
from firedoor.settings import ROOT, Settings, load
from firedoor.vendors.access import Access
from firedoor.vendors.aws.prepared import AwsPrepared
from firedoor.vendors.aws.rolepolicy import role_policy
from firedoor.vendors.aws.simulator import HOME, AwsSimulator
from firedoor.vendors.faults import Fault
from tests.company import Company
from tests.doctor.asking import of, say
from tests.permissions.enforced import put_in_force
from tests.vendors.aws import organization

pytestmark = pytest.mark.identities

DENIED = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"


def _roles(acme: Company, login: str, *roles: str) -> None:
    user = next(user for user in acme.okta.world.users.values() if user.login == login)
    user.roles = list(roles)


async def test_what_the_owners_roles_allow(acme: Company) -> None:
    contains, previews = of("okta")
    for roles, said in (
        ((), "failure: FIREDOOR_OKTA_API_TOKEN: its owner is no administrator"),
        (
            ("READ_ONLY_ADMIN",),
            "failure: FIREDOOR_OKTA_API_TOKEN: its owner is Read Only Admin, and it cannot write: okta.apiTokens.manage",
        ),
        (("ORG_ADMIN",), "not checked: FIREDOOR_OKTA_API_TOKEN: its owner is Org Admin, and Okta does not tell"),
        (("ORG_ADMIN", "SUPER_ADMIN"), "Okta knows it"),
    ):
        _roles(acme, "firedoor@acme.example", *roles)
        assert (await say(okta.check(contains)))[0].startswith(said), roles
    _roles(acme, "firedoor-preview@acme.example", "READ_ONLY_ADMIN", "SUPER_ADMIN")
    (words,) = await say(okta.check(previews))
    assert words.startswith("warning: FIREDOOR_OKTA_PREVIEW_API_TOKEN: its owner is Read Only Admin and Super Admin: what only looks")


async def test_where_okta_does_not_tell_roles_nothing_is_claimed(acme: Company) -> None:
    contains = of("okta")[0]
    acme.okta.faults.plan(Fault(operation="listAssignedRolesForUser", status=403, body='{"errorCode": "E0000006"}'), times=9)
    (words,) = await say(okta.check(contains))
    assert words.startswith("not checked: FIREDOOR_OKTA_API_TOKEN")
    assert "okta.users.manage" in words


async def test_a_zone_that_blocks_nobody(acme: Company) -> None:
    zone = acme.okta.world.zones[ZONE]
    zone.status = "INACTIVE"
    assert await say(okta.check(of("okta")[0])) == [f"failure: okta_block_zone {ZONE}: the zone Firedoor is INACTIVE. {_zone_remedy()}"]
    zone.status, zone.usage = "ACTIVE", "POLICY"
    (words,) = await say(okta.check(of("okta")[0]))
    assert "blocks nobody: its type is IP, its usage POLICY" in words


def _zone_remedy() -> str:
    return "Set okta_block_zone to the id of an active IP zone with usage BLOCKLIST"


async def test_a_role_that_may_not_ask_what_it_may_do(acme: Company) -> None:
    acme.aws.faults.plan(Fault(operation="iam:SimulatePrincipalPolicy", status=403, body=DENIED), times=9)
    words = await say(aws.check(of("aws")[0]))
    assert len(words) == len(ACCOUNTS)
    assert all(one.startswith("not checked: aws_accounts ") and "Allow it iam:SimulatePrincipalPolicy" in one for one in words)


async def test_a_role_that_only_looks_and_could_change_things(acme: Company) -> None:
    contains = acme.aws.roles(Access.WRITE)
    words = await say(aws.check(of("aws", aws_preview_accounts=contains)[1]))
    assert [one.partition(":")[0] for one in words] == ["warning"] * len(ACCOUNTS)
    assert "iam:UpdateAccessKey" in words[0]
    assert ("wafv2:UpdateIPSet" in words[0], "wafv2:UpdateIPSet" in words[1]) == (True, False)


@pytest.mark.usefixtures("acme")
async def test_the_base_credentials_alone() -> None:
    (words,) = await say(aws.check(of("aws", aws_accounts={}, aws_preview_accounts={}, aws_ip_sets=())[0]))
    assert words.startswith(f"not checked: aws_accounts {HOME}, by the base credentials: what it may do was not checked: it may not ask")
    assert "Or: compare its policies with what `firedoor permissions aws` prints" in words


@pytest.mark.usefixtures("acme")
async def test_base_credentials_that_aws_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-and-never-shown")
    (words,) = await say(aws.check(of("aws")[0]))
    assert words.startswith("failure: the base credentials: sts:GetCallerIdentity: AWS does not accept our credentials")
    assert "Renew the credentials" in words
    assert "wrong-and-never-shown" not in words


async def test_one_account_that_does_not_answer_hides_no_other(acme: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.doctor.aws.SECONDS", 1.0)
    acme.aws.faults.plan(Fault(operation="iam:SimulatePrincipalPolicy", delay=2.5))
    words = await say(aws.check(of("aws")[0]))
    assert len(words) == 1
    assert "no answer within 1 s" in words[0]


@pytest.mark.usefixtures("acme")
async def test_prepared_policies_and_ip_sets_that_cannot_be_worked_with() -> None:
    sets = load().aws_ip_sets
    wrong = (sets[0].model_copy(update={"version": "IPV6"}), sets[1].model_copy(update={"account": "000000000000"}))
    words = await say(aws.check(of("aws", aws_ip_sets=wrong, aws_deny_policy="p-12345678")[0]))
    assert "it is for IPV4, and set up for IPV6. Set its version to IPV4" in words[0]
    assert "account 000000000000 is not among the configured ones" in words[1]
    assert "aws_deny_policy p-12345678: it cannot be worked with (not prepared)" in words[2]


async def test_an_account_that_fails_is_not_told_to_change_its_role(acme: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.vendors.retry._BACKOFF", lambda _: 0.01)
    acme.aws.faults.plan(Fault(operation="sts:AssumeRole", status=500), times=99)
    of_accounts = [one for one in await say(aws.check(of("aws")[0])) if "aws_accounts" in one]
    assert len(of_accounts) == len(ACCOUNTS)
    assert all("AWS failed by its own account" in one and "trust policy" not in one for one in of_accounts)


async def test_roles_with_the_generated_policies_and_no_more_are_enough(acme: Company) -> None:
    shelf, settings = on_the_shelf(), load()
    contains = aws_policy(Purpose.CONTAIN, shelf, settings)
    sweeps = aws_policy(Purpose.SWEEP, shelf, settings)
    statements = [{**one, "Sid": f"S{number}"} for number, one in enumerate((*contains["Statement"], *sweeps["Statement"]))]  # type: ignore[misc]
    both: dict[str, JSON] = {**contains, "Statement": [*statements]}
    put_in_force(acme.aws, {Access.WRITE: both, Access.READ: aws_policy(Purpose.PREVIEW, shelf, settings)})
    for identity in of("aws"):
        found = await examine([aws.check(identity)])
        assert {one.state for one in found} == {State.OK}, found
    put_in_force(acme.aws, {Access.WRITE: contains, Access.READ: aws_policy(Purpose.PREVIEW, shelf, settings)})
    words = await say(aws.check(of("aws")[0]))
    assert all("its policies do not allow" in one and "iam:ListUsers" in one for one in words), "nobody else is there to sweep"
    assert len(words) == len(ACCOUNTS)


@pytest.mark.usefixtures("acme")
async def test_credentials_of_another_account_than_they_are_set_up_for() -> None:
    words = await say(aws.check(of("aws", aws_accounts={ACCOUNTS[0]: ""}, aws_ip_sets=())[0]))
    assert len(words) == 1
    assert words[0].startswith(f"failure: aws_accounts {ACCOUNTS[0]}, by the base credentials: the credentials are of account {HOME}. Name")


async def _of_organization(world: dict[str, Any], monkeypatch: pytest.MonkeyPatch, **given: str) -> Sequence[Diagnosis]:
    async with AwsSimulator(world) as found:
        monkeypatch.setenv("AWS_ENDPOINT_URL", found.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", found.credentials.key_id)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", found.credentials.secret)
        accounts = dict(found.roles(Access.WRITE))
        settings = Settings(aws_accounts=accounts, aws_management_account=organization.MANAGEMENT, **given)
        identity = identities("aws", settings, on_the_shelf())[0]
        if not settings.aws_sso_policy:  # one that is gone has no place in a policy that the simulator could judge
            prepared = AwsPrepared(management_account=organization.MANAGEMENT, deny_policy=organization.DENY)
            put_in_force(found, {Access.WRITE: role_policy(identity.needs, prepared)})
        return await examine([aws.check(identity)])


async def test_an_organization_with_its_prepared_policies(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = await _of_organization(organization.world(), monkeypatch, aws_deny_policy=organization.DENY, aws_sso_policy="p-gone00000")
    wrong = [one for one in seen if one.state is not State.OK]
    assert [(one.at, one.says) for one in wrong] == [("aws_sso_policy p-gone00000", "it cannot be worked with (gone)")]
    (denies,) = [one for one in seen if one.at == f"aws_deny_policy {organization.DENY}"]
    assert denies.says.startswith("it is there, and attached to r-")
    allowed = {one.at.split()[1].strip(","): one.says for one in seen if "its policies allow all" in one.says}
    most = max(allowed, key=lambda account: int(re.sub(r"\D", "", allowed[account])))
    assert most == organization.MANAGEMENT, "only there the organization's permissions are needed"


async def test_a_prepared_policy_that_denies_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = await _of_organization(organization.world(attached=()), monkeypatch, aws_deny_policy=organization.DENY)
    (wrong,) = [one for one in seen if one.state is not State.OK]
    assert (wrong.state, wrong.says) == (State.FAILURE, "it is attached to nothing, so it denies nothing")


async def test_scopes_that_slack_does_not_tell(acme: Company) -> None:
    acme.slack.faults.plan(Fault(operation="auth.test", status=200, body='{"ok": true, "bot_id": "B0FIREDOOR"}'), times=2)
    found = await examine([slack.check(of("slack")[0])])
    assert {one.state for one in found} == {State.OK}, "the reply on the channel told them"
    acme.slack.faults.plan(Fault(operation="auth.test", status=200, body='{"ok": true, "bot_id": "B0FIREDOOR"}'), times=2)
    acme.slack.faults.plan(Fault(operation="conversations.info", status=200, body='{"ok": false, "error": "channel_not_found"}'))
    words = await say(slack.check(of("slack")[0]))
    assert words[0].startswith("not checked: FIREDOOR_SLACK_BOT_TOKEN: Slack does not tell its scopes. Compare the app's bot scopes")


def test_the_scopes_are_those_of_the_manifest() -> None:
    manifest = yaml.safe_load((ROOT / MANIFEST).read_text(encoding="utf-8"))
    identity = identities("slack", Settings(slack_groups=("S0ONCALL",)), on_the_shelf())[0]
    assert slack.needed(identity, private=True) == set(manifest["oauth_config"]["scopes"]["bot"])
    public = slack.needed(identity, private=False)
    assert public == {
        scope.replace("groups:", "channels:") if scope.startswith("groups:") else scope for scope in slack.needed(identity, private=True)
    }
    assert slack.GROUPS not in slack.needed(identities("slack", Settings(), on_the_shelf())[0], private=True)


async def test_a_channel_that_cannot_be_used(acme: Company) -> None:
    contains = of("slack")[0]
    there = acme.slack.world.channels["C0INCIDENT"]
    for changed, said in (
        ({"archived": True}, "#incidents is archived"),
        ({"private": False, "members": there.members[:1]}, "the app is not in #incidents"),
        ({"members": there.members[:1]}, "it shows the app no such thing"),
    ):
        acme.slack.world.channels["C0INCIDENT"] = replace(there, **changed)
        assert any(said in one and "failure: slack_channel C0INCIDENT" in one for one in await say(slack.check(contains))), said


@pytest.mark.usefixtures("acme")
async def test_a_preview_token_that_could_post() -> None:
    token = load().slack_bot_token
    (words,) = await say(slack.check(of("slack", slack_preview_bot_token=token)[1]))
    assert words.startswith("warning: FIREDOOR_SLACK_PREVIEW_BOT_TOKEN: it has chat:write")


@pytest.mark.usefixtures("acme")
async def test_how_slack_reaches_us() -> None:
    settings = load()
    assert await say(slack.way_in(settings)) == ["Slack opens a socket for it"]
    (unset,) = await say(slack.way_in(settings.model_copy(update={"slack_app_token": None})))
    assert unset.startswith("failure: FIREDOOR_SLACK_APP_TOKEN: it is not set")
    http = settings.model_copy(update={"slack_mode": "http"})
    (unset,) = await say(slack.way_in(http))
    assert unset.startswith("failure: FIREDOOR_SLACK_SIGNING_SECRET: it is not set")
    (unproved,) = await say(slack.way_in(http.model_copy(update={"slack_signing_secret": settings.slack_app_token})))
    assert unproved.startswith("not checked: FIREDOOR_SLACK_SIGNING_SECRET")


async def test_a_project_and_permissions_that_are_not_there(acme: Company) -> None:
    from firedoor.doctor import jira  # noqa: PLC0415 - beside what it is about

    settings = load()
    assert settings.jira is not None
    (preview,) = await say(jira.check(of("jira", jira_preview_api_token=settings.jira_api_token)[1]))
    assert "what only looks could change things" in preview
    words = await say(jira.check(of("jira", jira=settings.jira.model_copy(update={"project": "GONE"}))[0]))
    assert "failure: FIREDOOR_JIRA_API_TOKEN in project GONE: Jira knows no such project" in words[0]
    me = next(user for user in acme.jira.world.users.values() if user.token)
    me.permissions = [one for one in me.permissions if one not in ("CREATE_ISSUES", "USER_PICKER")]
    (lacks,) = await say(jira.check(of("jira")[0]))
    assert "its owner lacks CREATE_ISSUES, USER_PICKER" in lacks
    (half,) = await say(jira.check(of("jira", jira_url=None)[0]))
    assert half.startswith("failure: FIREDOOR_JIRA_API_TOKEN: FIREDOOR_JIRA_URL is not set, so tickets are files")
