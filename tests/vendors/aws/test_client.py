from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from firedoor.errors import BadInput, Conflict, Misconfigured, NotFound, Rejected
from firedoor.vendors.access import Access
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.simulator import HOME, AwsSimulator
from firedoor.vendors.aws.values import IamRole, IamUser, KeyStatus
from tests.vendors.aws.conftest import ACCOUNT, DEPLOY, KEY, OTHER, allow, client


async def test_it_reads_keys_tags_policies_and_users(reader: AwsClient) -> None:
    (key,) = await reader.access_keys(DEPLOY)
    assert (key.id, key.status, key.created) == (KEY, KeyStatus.ACTIVE, datetime(2023, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert await reader.user_tags(DEPLOY) == {"team": "build"}
    assert list(await reader.user_policies(DEPLOY)) == ["deploy"]
    assert [user.name for user in await reader.users(ACCOUNT)] == ["ci-deploy", "idle"]
    assert await reader.access_keys(IamUser(account=ACCOUNT, name="idle")) == ()
    assert await reader.user(DEPLOY) == DEPLOY
    assert (await reader.whoami(OTHER)).account == OTHER
    assert (await reader.whoami()).arn == f"arn:aws:iam::{HOME}:user/firedoor"
    assert (await reader.whoami()).name == IamUser(account=HOME, name="firedoor").names[0]
    assert (await reader.whoami(OTHER)).name == IamRole(account=OTHER, name="firedoor-preview").names[0], "a lock-out can be told by it"


async def test_it_finds_the_owner_of_a_key(reader: AwsClient) -> None:
    assert await reader.account_of_key("AKIAAAAABBBBCCCCDDDD") == OTHER
    assert await reader.owner_of_key("AKIAAAAABBBBCCCCDDDD") == IamUser(account=OTHER, name="other")
    owner = await reader.key_owner(KEY)
    assert (owner.user, owner.last_used, owner.service) == (DEPLOY, datetime(2023, 10, 18, 12, tzinfo=UTC), "sts")


async def test_a_key_it_cannot_place_is_answered_in_words(aws: AwsSimulator) -> None:
    async with AwsClient({ACCOUNT: aws.roles(Access.READ)[ACCOUNT]}, Access.READ, credentials=aws.credentials, endpoint=aws.url) as narrow:
        with pytest.raises(BadInput, match="belongs to account 444455556666, which is not among the configured ones"):
            await narrow.owner_of_key("AKIAAAAABBBBCCCCDDDD")
        with pytest.raises(BadInput, match="temporary session"):
            await narrow.owner_of_key("ASIAAAAABBBBCCCCDDDD")
        with pytest.raises(BadInput, match="not among the configured"):
            await narrow.users(OTHER)
        with pytest.raises(Rejected):
            await narrow.owner_of_key("AKIAAAAABBBBCCCCDDD2")


async def test_a_key_goes_off_and_on_and_twice_is_once(writer: AwsClient, aws: AwsSimulator) -> None:
    for status in (KeyStatus.INACTIVE, KeyStatus.INACTIVE, KeyStatus.ACTIVE):
        await writer.update_access_key(DEPLOY, KEY, status)
        (key,) = await writer.access_keys(DEPLOY)
        assert key.status is status
    assert [record.name for record in aws.accepted_writes()] == ["iam:UpdateAccessKey"] * 3
    assert writer.policy.used == {"sts:AssumeRole", "iam:UpdateAccessKey", "iam:ListAccessKeys"}
    with pytest.raises(BadInput):
        await writer.update_access_key(DEPLOY, KEY, KeyStatus.EXPIRED)


async def test_inline_policies_are_put_over_and_deleted(writer: AwsClient) -> None:
    await writer.put_user_policy(DEPLOY, "X", allow("a:A"))
    await writer.put_user_policy(DEPLOY, "X", allow("a:B"))
    assert (await writer.user_policies(DEPLOY))["X"].document == allow("a:B")
    await writer.delete_user_policy(DEPLOY, "X")
    with pytest.raises(NotFound) as gone:
        await writer.delete_user_policy(DEPLOY, "X")
    assert (gone.value.code, gone.value.status, gone.value.changed) == ("NoSuchEntity", 404, False)


async def test_a_user_without_room_for_a_policy_is_a_conflict(writer: AwsClient, aws: AwsSimulator) -> None:
    before = aws.state()
    with pytest.raises(Conflict) as full:
        await writer.put_user_policy(DEPLOY, "X", allow(*(f"service:Operation{n}" for n in range(150))))
    assert full.value.code == "LimitExceeded"
    assert aws.state() == before


async def test_the_clock_is_never_behind_awss(reader: AwsClient, aws: AwsSimulator) -> None:
    aws.clock.shift(timedelta(seconds=-120))
    truth = aws.clock.now()
    now = await reader.now(ACCOUNT)
    assert truth <= now
    assert now - aws.clock.now() <= timedelta(seconds=1.5)
    assert abs(await reader.skew() - timedelta(seconds=120)) < timedelta(seconds=1)
    sent = len(aws.requests)
    await reader.now(ACCOUNT)
    assert len(aws.requests) == sent, "a clock heard just now is not asked for again"


async def test_roles_are_taken_on_again_before_their_session_ends(reader: AwsClient, aws: AwsSimulator) -> None:
    await reader.users(ACCOUNT)
    await reader.users(ACCOUNT)
    assert [record.name for record in aws.requests].count("sts:AssumeRole") == 1
    reader._doors.clock.hear("Mon, 01 Jan 2125 00:00:00 GMT", asked=reader._doors.clock._asked)
    await reader.users(ACCOUNT)
    assert [record.name for record in aws.requests].count("sts:AssumeRole") == 2


async def test_base_credentials_serve_an_account_without_a_role(aws: AwsSimulator) -> None:
    async with AwsClient({HOME: ""}, Access.READ, credentials=aws.credentials, endpoint=aws.url) as made:
        assert (await made.whoami(HOME)).account == HOME
    assert [record.name for record in aws.requests] == ["sts:GetCallerIdentity"]


async def test_the_environment_names_endpoint_and_credentials(aws: AwsSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", aws.credentials.key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", aws.credentials.secret)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with AwsClient(aws.roles(Access.READ), Access.READ) as made:
        assert len(await made.users(ACCOUNT)) == 2


async def test_without_credentials_it_says_what_to_set() -> None:
    async with AwsClient({ACCOUNT: ""}, Access.READ, endpoint="http://127.0.0.1:9") as made:
        with pytest.raises(Misconfigured, match="AWS_PROFILE"):
            await made.users(ACCOUNT)
    async with AwsClient({ACCOUNT: ""}, Access.READ, profile="none-such") as made:
        with pytest.raises(Misconfigured, match="ProfileNotFound"):
            await made.users(ACCOUNT)


@pytest.mark.parametrize("way", ["argument", "environment"])
async def test_plain_http_goes_nowhere_but_here(way: str, aws: AwsSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    place = "http://aws.example.com"
    if way == "environment":
        monkeypatch.setenv("AWS_ENDPOINT_URL", place)
    async with client(aws, Access.READ, endpoint=place if way == "argument" else "") as made:
        with pytest.raises(Misconfigured, match="plain http"):
            await made.whoami()


def test_a_role_of_another_account_is_refused_at_once() -> None:
    with pytest.raises(Misconfigured, match="role of another account"):
        AwsClient({ACCOUNT: f"arn:aws:iam::{OTHER}:role/x"}, Access.READ)
