"""Whose a leaked access key is, asked of AWS over the wire."""

from __future__ import annotations

from firedoor.leaks import Leak
from firedoor.scoping import with_owners
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.simulator import AwsSimulator
from tests.vendors.aws.conftest import ACCOUNT, KEY


async def test_a_leaked_key_gets_its_owner_and_one_that_nobody_knows_stays_left_over(aws: AwsSimulator, reader: AwsClient) -> None:
    leaks = [Leak(system="aws", kind="access_key", row=n, where="", id=key) for n, key in enumerate((KEY, "AKIA7777777777777777"))]
    leaks += [Leak(system="okta", kind="jwt", row=3, where="", fingerprint="fp:1", owner="okta:user:00u1")]
    assert [leak.owner for leak in await with_owners(leaks, reader)] == [f"aws:user:{ACCOUNT}/ci-deploy", "", "okta:user:00u1"]
    assert not [request for request in aws.requests if request.write]
