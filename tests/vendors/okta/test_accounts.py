"""The client's parts for what belongs to an account, and for who administers the org."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import pytest

from firedoor.errors import BadInput, Conflict, Malformed, NotFound
from firedoor.vendors.faults import Fault
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.simulator import OktaSimulator
from firedoor.vendors.okta.world import OktaWorld
from firedoor.vendors.okta.worlddata import world_of
from firedoor.vendors.retry import ATTEMPTS
from tests.vendors.okta.conftest import BOT, JANE, LOGIN, OPS


async def test_factors_come_without_what_they_hold(client: OktaClient, okta: OktaSimulator) -> None:
    held = '[{"id": "sms1", "factorType": "sms", "created": "2023-02-01T09:00:00.000Z", "profile": {"phoneNumber": "+15550100"}, "new": 1}]'
    okta.faults.plan(Fault(operation="listFactors", status=200, body=held))
    (factor,) = await client.factors(JANE)
    assert (factor.id, factor.type, factor.provider, factor.created) == ("sms1", "sms", "", datetime(2023, 2, 1, 9, tzinfo=UTC))
    assert "+15550100" not in repr(factor)


async def test_okta_verify_goes_as_a_whole(client: OktaClient, world: OktaWorld) -> None:
    await client.unenroll_factor(JANE, "opf1", kind="push")
    assert [factor.id for factor in await client.factors(JANE)] == ["sms1"]
    with pytest.raises(NotFound):
        await client.unenroll_factor(JANE, "ost1", kind="token:software:totp")
    assert [entry.event_type for entry in world.log.entries] == ["user.mfa.factor.deactivate"] * 2


async def test_a_phone_goes_as_a_way_to_recover_too(client: OktaClient, okta: OktaSimulator) -> None:
    await client.unenroll_factor(JANE, "sms1", kind="sms")
    await client.unenroll_factor(JANE, "ost1", kind="token:software:totp")
    assert [seen.query for seen in okta.requests] == ["removeRecoveryEnrollment=true", ""]
    assert [factor.id for factor in await client.factors(JANE)] == ["opf1"]


async def test_all_factors_at_once_and_again(client: OktaClient, world: OktaWorld) -> None:
    await client.reset_factors(JANE)
    await client.reset_factors(JANE)
    assert await client.factors(JANE) == ()
    assert (await client.user(JANE)).status == "ACTIVE"
    assert list(world.factors) == ["fwf1"]


async def test_a_deactivated_user_keeps_their_factors(client: OktaClient, world: OktaWorld) -> None:
    world.user(JANE).status = "DEPROVISIONED"
    for refused in (client.reset_factors(JANE), client.unenroll_factor(JANE, "opf1", kind="push")):
        with pytest.raises(Conflict):
            await refused
    assert "opf1" in world.factors


async def test_unlocking(client: OktaClient, world: OktaWorld) -> None:
    world.user(JANE).status = "LOCKED_OUT"
    await client.unlock_user(JANE)
    assert (await client.user(JANE)).status == "ACTIVE"
    with pytest.raises(Conflict) as again:
        await client.unlock_user(JANE)
    assert (again.value.status, again.value.code, again.value.changed) == (403, "E0000032", False)


@pytest.mark.parametrize("status", ["ACTIVE", "PASSWORD_EXPIRED", "LOCKED_OUT", "RECOVERY"])
async def test_resetting_a_password(client: OktaClient, okta: OktaSimulator, world: OktaWorld, status: str) -> None:
    world.user(JANE).status = status
    await client.reset_password(JANE)
    assert (await client.user(JANE)).status == "RECOVERY"
    assert world.session("sid-leaked") is None
    assert world.sign_in(LOGIN, "pw-jane") is None
    assert [seen.query for seen in okta.requests if seen.writes] == ["sendEmail=false&revokeSessions=true"]
    await client.reset_password(JANE)
    assert len(world.handed_out) == 2, "each call makes another link"


@pytest.mark.parametrize("status", ["SUSPENDED", "DEPROVISIONED", "STAGED", "PROVISIONED"])
async def test_no_reset_lifts_a_suspension(client: OktaClient, world: OktaWorld, status: str) -> None:
    world.user(JANE).status = status
    with pytest.raises(Conflict) as refusal:
        await client.reset_password(JANE)
    assert (refusal.value.status, refusal.value.code) == (403, "E0000038")
    assert world.user(JANE).status == status


async def test_the_one_time_link_is_seen_by_nobody(
    client: OktaClient, okta: OktaSimulator, world: OktaWorld, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await client.reset_password(JANE)
    okta.faults.plan(Fault(operation="resetPassword", status=500, body='{"resetPasswordUrl": "https://acme.example/canary-link"}'))
    with pytest.raises(Exception, match="HTTP 500") as raised:
        await client.reset_password(JANE)
    okta.faults.plan(Fault(operation="resetPassword", status=200, body='{"resetPasswordUrl": "https://acme.example/canary-link'))
    await client.reset_password(JANE)  # cut short, and not even looked at: the reading tells
    told = caplog.text + repr(vars(raised.value)) + str(raised.value)
    assert not [secret for secret in [*world.handed_out, "canary-link"] if secret in told]
    assert world.handed_out


async def test_consents_and_tokens_of_one_client(client: OktaClient, world: OktaWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.vendors.okta.grants.GRANT_PAGE", 1)
    assert [(grant.id, grant.client_id, grant.scope, grant.status) for grant in await client.user_grants(JANE)] == [
        ("oag1", "0oaslides", "openid", "ACTIVE"),
        ("oag2", "0oacalendar", "offline_access", "ACTIVE"),
    ]
    await client.revoke_user_grants(JANE)
    await client.revoke_user_grants(JANE)
    assert await client.user_grants(JANE) == ()
    assert list(world.grants) == ["oag3"]
    assert {token.id for token in await client.refresh_tokens(JANE)} == {"oar1", "oar2"}, "a consent is no token"
    await client.revoke_client_tokens(JANE, "0oaslides")
    assert {token.id for token in await client.refresh_tokens(JANE)} == {"oar2"}
    assert {token.id for token in await client.refresh_tokens(OPS)} == {"oar3"}


async def test_an_app_comes_without_its_secret(client: OktaClient, okta: OktaSimulator) -> None:
    body = (
        f'{{"id": "{BOT}", "label": "Deploy bot", "status": "ACTIVE", "name": "oidc_client", "signOnMode": "OPENID_CONNECT",'
        ' "credentials": {"oauthClient": {"client_secret": "s3cret"}}, "settings": {"oauthClient": {"application_type": "service"}}}'
    )
    okta.faults.plan(Fault(operation="getApplication", status=200, body=body))
    found = await client.app(BOT)
    assert (found.id, found.label, found.status, found.name, found.kind) == (BOT, "Deploy bot", "ACTIVE", "oidc_client", "service")
    assert "s3cret" not in repr(found)


async def test_an_app_of_another_kind_has_no_client_in_it(client: OktaClient, okta: OktaSimulator) -> None:
    okta.faults.plan(Fault(operation="getApplication", status=200, body=f'{{"id": "{BOT}", "status": "ACTIVE", "settings": null}}'))
    found = await client.app(BOT)
    assert (found.label, found.name, found.kind) == ("", "", "")


async def test_switching_an_app_is_repeatable(client: OktaClient, okta: OktaSimulator, world: OktaWorld) -> None:
    for _ in range(2):
        await client.deactivate_app(BOT)
    assert (await client.app(BOT)).status == "INACTIVE"
    for _ in range(2):
        await client.activate_app(BOT)
    assert (await client.app(BOT)).status == "ACTIVE"
    assert okta.accepted_writes == {"deactivateApplication": 2, "activateApplication": 2}
    assert [entry.event_type for entry in world.log.entries] == ["application.lifecycle.deactivate", "application.lifecycle.activate"]


async def test_an_apps_tokens_are_those_of_all_its_users(client: OktaClient, world: OktaWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.vendors.okta.apps.APP_TOKEN_PAGE", 1)
    assert {token.user_id for token in await client.app_tokens("0oaslides")} == {JANE, OPS}
    await client.revoke_app_tokens("0oaslides")
    assert await client.app_tokens("0oaslides") == ()
    assert world.bearer("at-1") is None
    assert {token.id for token in await client.refresh_tokens(JANE)} == {"oar2"}


async def test_ids_of_apps_and_factors_are_checked(client: OktaClient, okta: OktaSimulator) -> None:
    for bad in ("..", "0oa/1", "me", "0oa1?x=1"):
        for asked in (client.app(bad), client.app_tokens(bad), client.deactivate_app(bad), client.activate_app(bad)):
            with pytest.raises(BadInput):
                await asked
    assert okta.requests == []


async def test_super_administrators_are_active_and_hold_the_role(client: OktaClient, world: OktaWorld) -> None:
    more = [
        {"id": "00uadm1", "login": "a1@acme.example", "roles": ["SUPER_ADMIN", "APP_ADMIN"]},
        {"id": "00uadm2", "login": "a2@acme.example", "roles": ["SUPER_ADMIN"], "status": "SUSPENDED"},
        {"id": "00uadm3", "login": "a3@acme.example", "roles": ["ORG_ADMIN"]},
        {"id": "00uadm4", "login": "a4@acme.example", "roles": ["SUPER_ADMIN"], "status": "LOCKED_OUT"},
    ]
    world.users.update(world_of({"users": more}).users)
    assert [user.login for user in await client.super_administrators()] == ["a1@acme.example", "ops@acme.example"]


async def test_super_administrators_through_all_pages(
    client: OktaClient, okta: OktaSimulator, world: OktaWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firedoor.vendors.okta.admins.ASSIGNEE_PAGE", 2)
    more = [{"id": f"00uadm{n}", "login": f"a{n}@acme.example", "roles": ["SUPER_ADMIN"]} for n in range(4)]
    world.users.update(world_of({"users": more}).users)
    assert len(await client.super_administrators()) == 5
    assert len([seen for seen in okta.requests if seen.operation == "listUsersWithRoleAssignments"]) == 3


async def test_an_administrator_who_is_gone_by_then_is_none(client: OktaClient, okta: OktaSimulator) -> None:
    okta.faults.plan(
        Fault(operation="listUsersWithRoleAssignments", status=200, body=f'{{"value": [{{"id": "00uGone"}}, {{"id": "{OPS}"}}]}}')
    )
    assert [user.id for user in await client.super_administrators()] == [OPS]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"value": [], "_links": {"next": {"href": "https://evil.example/api/v1/iam/assignees/users?after=1"}}}', "elsewhere"),
        ('{"value": [], "_links": {"next": {"href": "/api/v1/logs?after=1"}}}', "elsewhere"),
        ('{"value": [], "_links": {"next": {"href": "/api/v1/iam/assignees/users?limit=100"}}}', "same page again"),
        ('{"value": {}}', "not a list"),
        ("[]", "not an object"),
    ],
)
async def test_a_list_of_administrators_that_cannot_be_followed(client: OktaClient, okta: OktaSimulator, body: str, said: str) -> None:
    okta.faults.plan(Fault(operation="listUsersWithRoleAssignments", status=200, body=body), times=ATTEMPTS)
    with pytest.raises(Malformed, match=said):
        await client.super_administrators()
