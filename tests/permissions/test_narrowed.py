"""What the generated policies leave out is refused by AWS itself: with Firedoor's credentials stolen, and its own guards out of the way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from firedoor.permissions import Purpose, needed
from firedoor.vendors.access import Access
from firedoor.vendors.aws.denials import DENY_ALL
from firedoor.vendors.aws.prepared import AwsPrepared, IpSet
from firedoor.vendors.aws.rolepolicy import role_policy
from firedoor.vendors.aws.simulator import AwsLag, AwsSimulator
from tests.permissions.enforced import put_in_force
from tests.permissions.shelves import ON
from tests.vendors.aws.conftest import ACCOUNT, OTHER, RawAws
from tests.vendors.aws.organization import DENY, MANAGEMENT, NOBODY, SSO, listing, world
from tests.vendors.aws.test_simulator import do, said

pytestmark = pytest.mark.identities

STRANGE, OURS, THEIRS = "p-strange00", "0d3a6391-aacf-444c-b8b3-296941d1e720", "7c1f2a54-0b6e-4d3f-9a55-1f0e6c2b8d10"
PREPARED = AwsPrepared(
    ip_sets=(IpSet(account=ACCOUNT, region="us-east-1", scope="REGIONAL", version="IPV4", name="attackers", id=OURS),),
    management_account=MANAGEMENT,
    deny_policy=DENY,
    sso_policy=SSO,
)


@pytest.fixture
async def aws() -> AsyncIterator[AwsSimulator]:
    there = world(more={STRANGE: {"document": listing(NOBODY)}})
    there[ACCOUNT] |= {"ip_sets": [{"name": "attackers", "id": OURS}, {"name": "customers", "id": THEIRS}]}
    async with AwsSimulator(there, lag=AwsLag(iam=0.0, waf=0.0)) as simulator:
        yield simulator


@pytest.fixture
def raw(aws: AwsSimulator) -> Iterator[RawAws]:
    with RawAws(aws.url) as made:
        yield made


async def session(aws: AwsSimulator, raw: RawAws, purpose: Purpose, account: str = ACCOUNT) -> dict[str, str]:
    """A session of Firedoor's role without any session policy: all that the role may do."""
    put_in_force(aws, {Access.WRITE: role_policy(needed("aws", purpose, ON), PREPARED)})
    sts = raw.client("sts", aws.credentials.key_id, aws.credentials.secret)
    found: Any = await do(sts.assume_role, RoleArn=aws.roles(Access.WRITE)[account], RoleSessionName="thief")
    return dict(found["Credentials"])


async def test_no_policy_is_attached_but_the_one_that_denies_everything(aws: AwsSimulator, raw: RawAws) -> None:
    iam = raw.session("iam", await session(aws, raw, Purpose.CONTAIN))
    assert await said(iam.attach_user_policy, UserName="amy", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess") == "AccessDenied"
    assert await said(iam.attach_user_policy, UserName="amy", PolicyArn=DENY_ALL) == ""
    assert await said(iam.detach_user_policy, UserName="amy", PolicyArn=DENY_ALL) == ""


async def test_a_sweep_sets_no_tag_but_its_own_and_writes_no_policy(aws: AwsSimulator, raw: RawAws) -> None:
    iam = raw.session("iam", await session(aws, raw, Purpose.SWEEP))
    ours, theirs = {"Key": "firedoor:off", "Value": "x"}, {"Key": "firedoor:secret", "Value": "arn:x"}
    assert await said(iam.tag_user, UserName="amy", Tags=[theirs]) == "AccessDenied"
    assert await said(iam.tag_user, UserName="amy", Tags=[ours, theirs]) == "AccessDenied"
    assert await said(iam.tag_user, UserName="amy", Tags=[ours]) == ""
    assert await said(iam.put_user_policy, UserName="amy", PolicyName="x", PolicyDocument="{}") == "AccessDenied"


async def test_no_policy_of_the_organization_is_changed_but_those_prepared(aws: AwsSimulator, raw: RawAws) -> None:
    organizations = raw.session("organizations", await session(aws, raw, Purpose.CONTAIN, MANAGEMENT))
    assert await said(organizations.update_policy, PolicyId=STRANGE, Name="x") == "AccessDeniedException"
    assert await said(organizations.describe_policy, PolicyId=STRANGE) == "AccessDeniedException"
    assert await said(organizations.update_policy, PolicyId=DENY, Name=DENY) == ""
    assert await said(organizations.describe_policy, PolicyId=SSO) == ""


async def test_no_ip_set_is_changed_but_those_prepared(aws: AwsSimulator, raw: RawAws) -> None:
    waf = raw.session("wafv2", await session(aws, raw, Purpose.CONTAIN))
    assert await said(waf.get_ip_set, Name="customers", Scope="REGIONAL", Id=THEIRS) == "AccessDeniedException"
    assert await said(waf.get_ip_set, Name="attackers", Scope="REGIONAL", Id=OURS) == ""


async def test_a_preview_writes_nothing(aws: AwsSimulator, raw: RawAws) -> None:
    iam = raw.session("iam", await session(aws, raw, Purpose.PREVIEW))
    assert await said(iam.list_users) == ""
    assert await said(iam.create_access_key, UserName="amy") == "AccessDenied"
    assert await said(iam.put_user_policy, UserName="amy", PolicyName="x", PolicyDocument="{}") == "AccessDenied"


async def test_who_takes_roles_on_takes_on_no_other_and_does_nothing_else(aws: AwsSimulator, raw: RawAws) -> None:
    await session(aws, raw, Purpose.CONTAIN)
    sts, iam = (raw.client(service, aws.credentials.key_id, aws.credentials.secret) for service in ("sts", "iam"))
    preview = aws.roles(Access.READ)[OTHER]
    assert await said(sts.assume_role, RoleArn=preview, RoleSessionName="thief") == "AccessDenied"
    assert await said(iam.list_users) == "AccessDenied"
    assert await said(sts.get_access_key_info, AccessKeyId=aws.credentials.key_id) == ""
