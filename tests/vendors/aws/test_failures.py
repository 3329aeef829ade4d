from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import traceback
from datetime import timedelta

import pytest

from firedoor import observing
from firedoor.errors import (
    Conflict,
    Forbidden,
    Malformed,
    NotFound,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
    Unreachable,
    VendorError,
)
from firedoor.metrics import Metrics
from firedoor.vendors.access import Access
from firedoor.vendors.aws.client import AwsClient
from firedoor.vendors.aws.session import AwsCredentials
from firedoor.vendors.aws.simulator import AwsSimulator
from firedoor.vendors.aws.values import IamUser, KeyStatus
from firedoor.vendors.aws.wire import error_body
from firedoor.vendors.faults import Effect, Fault
from tests.vendors.aws.conftest import ACCOUNT, DEPLOY, KEY, client

UPDATE = "iam:UpdateAccessKey"

ERRORS: list[tuple[str, int, type[VendorError], bool | None]] = [
    ("InvalidClientTokenId", 403, Unauthorized, False),
    ("SignatureDoesNotMatch", 403, Unauthorized, False),
    ("ExpiredToken", 403, Unauthorized, False),
    ("AccessDenied", 403, Forbidden, False),
    ("NoSuchEntity", 404, NotFound, False),
    ("LimitExceeded", 409, Conflict, False),
    ("EntityTemporarilyUnmodifiable", 409, Conflict, False),
    ("ValidationError", 400, Rejected, False),
    ("NotSimulated", 501, Rejected, False),
    ("Throttling", 400, RateLimited, False),
    ("RequestLimitExceeded", 503, RateLimited, False),
    ("ServiceFailure", 500, Unavailable, None),
    ("ServiceUnavailable", 503, Unavailable, None),
    ("PermanentRedirect", 301, Rejected, None),
]


def counted(metrics: Metrics) -> dict[str, float]:
    """How many requests were counted, by the status that came back."""
    families = [family for family in metrics.registry.collect() if family.name == "firedoor_vendor_calls"]
    return {one.labels["status"]: one.value for family in families for one in family.samples if one.name.endswith("_total")}


@pytest.mark.parametrize("case", ERRORS, ids=lambda case: case[0])
async def test_every_refusal_has_its_class(
    case: tuple[str, int, type[VendorError], bool | None], writer: AwsClient, aws: AwsSimulator
) -> None:
    code, status, kind, changed = case
    aws.faults.plan(Fault(operation=UPDATE, status=status, body=error_body("iam", code, "words")), times=9)
    with pytest.raises(kind) as caught:
        await writer.update_access_key(DEPLOY, KEY, KeyStatus.INACTIVE)
    error = caught.value
    assert (type(error), error.code, error.status, error.operation, error.changed) == (kind, code, status, UPDATE, changed)
    assert error.advice or kind in {NotFound, Rejected}
    aws.faults.plan(Fault(operation="iam:ListUsers", status=status, body=error_body("iam", code, "words")), times=9)
    with pytest.raises(kind) as caught:
        await writer.users(ACCOUNT)
    assert caught.value.changed is False, "a look changes nothing, whatever comes back"


async def test_throttled_then_through(writer: AwsClient, aws: AwsSimulator) -> None:
    aws.faults.plan(Fault(operation=UPDATE, status=400, body=error_body("iam", "Throttling", "Rate exceeded")), times=3)
    metrics = Metrics()
    with observing.watched_by(metrics):
        await writer.update_access_key(DEPLOY, KEY, KeyStatus.INACTIVE)
    assert len(aws.accepted_writes()) == 1
    assert counted(metrics) == {"400": 3, "200": 1}
    assert metrics.registry.get_sample_value("firedoor_vendor_throttles_total", {"vendor": "aws"}) == 3


async def test_a_named_wait_beyond_the_deadline_is_not_waited_for(writer: AwsClient, aws: AwsSimulator) -> None:
    body = error_body("iam", "Throttling", "Rate exceeded")
    aws.faults.plan(Fault(operation=UPDATE, status=429, body=body, headers={"Retry-After": "900"}))
    with pytest.raises(RateLimited) as caught:
        await writer.update_access_key(DEPLOY, KEY, KeyStatus.INACTIVE)
    assert caught.value.retry_after == 900.0


async def test_a_lost_reply_is_asked_again(writer: AwsClient, aws: AwsSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.faults.plan(Fault(operation=UPDATE, effect=Effect.FIRST, drop=True))
    metrics = Metrics()
    runs: set[str] = set()
    monkeypatch.setattr("firedoor.vendors.aws.guard._log.debug", lambda *_: runs.add(observing.current_run.get()))
    with observing.watched_by(metrics), observing.run("261126-abcdef"):
        await writer.update_access_key(DEPLOY, KEY, KeyStatus.INACTIVE)
    assert counted(metrics) == {"0": 1, "200": 1}
    assert runs == {"261126-abcdef"}, "what is logged in the pool's threads is of the run too"
    assert len(aws.accepted_writes()) == 2
    assert (await writer.access_keys(DEPLOY))[0].status is KeyStatus.INACTIVE


@pytest.mark.parametrize("effect", list(Effect))
async def test_replies_that_stay_lost_leave_it_open(effect: Effect, writer: AwsClient, aws: AwsSimulator) -> None:
    aws.faults.plan(Fault(operation=UPDATE, effect=effect, drop=True), times=9)
    with pytest.raises(Unreachable) as caught:
        await writer.update_access_key(DEPLOY, KEY, KeyStatus.INACTIVE)
    assert (caught.value.changed, caught.value.target) == (None, DEPLOY.label)


async def test_a_reply_that_comes_too_late_is_no_reply(aws: AwsSimulator) -> None:
    async with client(aws, Access.WRITE, timeout=0.2) as made:
        await made.access_keys(DEPLOY)
        aws.faults.plan(Fault(operation=UPDATE, effect=Effect.FIRST, delay=0.5), times=9)
        with pytest.raises(Unreachable, match="ReadTimeoutError") as caught:
            await made.update_access_key(DEPLOY, KEY, KeyStatus.INACTIVE)
        assert caught.value.changed is None


async def test_nobody_there_means_nothing_was_changed() -> None:
    made = AwsClient({ACCOUNT: ""}, Access.WRITE, credentials=AwsCredentials(key_id=KEY, secret="x"), endpoint="http://127.0.0.1:9")
    async with made:
        with pytest.raises(Unreachable) as caught:
            await made.update_access_key(DEPLOY, KEY, KeyStatus.INACTIVE)
    assert caught.value.changed is False


@pytest.mark.parametrize("body", ["", "<UpdateAccessKeyResponse>", "<html>hello</html>"])
async def test_a_success_that_is_none_is_malformed(body: str, writer: AwsClient, aws: AwsSimulator) -> None:
    # With an effect first, the simulator sends an empty body as it is.
    aws.faults.plan(Fault(operation=UPDATE, effect=Effect.FIRST, status=200, body=body), times=9)
    with pytest.raises(Malformed) as caught:
        await writer.update_access_key(DEPLOY, KEY, KeyStatus.INACTIVE)
    assert caught.value.changed is None


async def test_an_error_inside_a_success_is_that_error(writer: AwsClient, aws: AwsSimulator) -> None:
    body = '{"__type": "com.amazonaws.organizations#ServiceException", "message": "no"}'
    request_id = {"x-amzn-requestid": "r"}
    aws.faults.plan(Fault(operation="organizations:DescribePolicy", status=200, body=body, headers=request_id), times=9)
    with pytest.raises(Unavailable) as caught:
        await writer._doors.call(ACCOUNT, "organizations:DescribePolicy", {"PolicyId": "p-denylist0"})
    assert caught.value.code == "ServiceException"
    aws.faults.plan(Fault(operation="organizations:UpdatePolicy", status=200, body=body, headers=request_id), times=1)
    with pytest.raises(Unavailable) as caught:
        await writer._doors.call(ACCOUNT, "organizations:UpdatePolicy", {"PolicyId": "p-denylist0", "Content": "{}"})
    assert caught.value.changed is None, "it may have had its effect all the same"


async def test_a_lie_is_only_found_by_reading_back(writer: AwsClient, aws: AwsSimulator) -> None:
    aws.faults.plan(Fault(operation=UPDATE, status=200))
    await writer.update_access_key(DEPLOY, KEY, KeyStatus.INACTIVE)
    assert (await writer.access_keys(DEPLOY))[0].status is KeyStatus.ACTIVE


def _page(names: str, *, marker: str = "", cut: bool = True) -> str:
    users = "".join(f"<member><UserName>{name}</UserName></member>" for name in names)
    more = f"<IsTruncated>{str(cut).lower()}</IsTruncated>" + (f"<Marker>{marker}</Marker>" if marker else "")
    meta = "<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>"
    return f"<ListUsersResponse><ListUsersResult><Users>{users}</Users>{more}</ListUsersResult>{meta}</ListUsersResponse>"


async def test_listings_go_on_to_their_end(reader: AwsClient, aws: AwsSimulator) -> None:
    for body in (_page("ab", marker="1"), _page("c", marker="2"), _page("d", cut=False)):
        aws.faults.plan(Fault(operation="iam:ListUsers", status=200, body=body))
    assert [user.name for user in await reader.users(ACCOUNT)] == list("abcd")


@pytest.mark.parametrize("marker", ["1", ""])
async def test_a_listing_that_does_not_go_on_is_malformed(marker: str, reader: AwsClient, aws: AwsSimulator) -> None:
    for body in (_page("ab", marker="1"), _page("ab", marker=marker)):
        aws.faults.plan(Fault(operation="iam:ListUsers", status=200, body=body))
    with pytest.raises(Malformed, match="does not go on"):
        await reader.users(ACCOUNT)


async def test_a_listing_without_its_list_is_malformed(reader: AwsClient, aws: AwsSimulator) -> None:
    body = "<ListUsersResponse><ListUsersResult><IsTruncated>false</IsTruncated></ListUsersResult>"
    body += "<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></ListUsersResponse>"
    aws.faults.plan(Fault(operation="iam:ListUsers", status=200, body=body))
    with pytest.raises(Malformed, match="no Users"):
        await reader.users(ACCOUNT)


@pytest.mark.parametrize(("minutes", "says"), [(20, "s behind AWS's"), (-20, "s ahead of AWS's")])
async def test_a_wrong_clock_is_named_with_its_error(minutes: int, says: str, reader: AwsClient, aws: AwsSimulator) -> None:
    aws.clock.shift(timedelta(minutes=minutes))
    with pytest.raises(Unauthorized) as caught:
        await reader.whoami()
    assert says in caught.value.advice
    assert any(f"clock is {seconds} s" in caught.value.advice for seconds in range(1198, 1203))


async def test_a_user_that_is_gone_is_not_found(reader: AwsClient) -> None:
    with pytest.raises(NotFound):
        await reader.user(IamUser(account=ACCOUNT, name="nobody"))


async def test_a_cancelled_write_is_seen_to_its_end(writer: AwsClient, aws: AwsSimulator) -> None:
    await writer.access_keys(DEPLOY)
    aws.faults.plan(Fault(operation=UPDATE, effect=Effect.FIRST, delay=0.3))
    task = asyncio.create_task(writer.update_access_key(DEPLOY, KEY, KeyStatus.INACTIVE))
    await asyncio.sleep(0.15)
    assert len(aws.accepted_writes()) == 1
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0.01)
        assert not task.done(), "the thread is still writing"
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(aws.accepted_writes()) == 1


async def test_secrets_are_nowhere_to_be_read(aws: AwsSimulator, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    # boto's loggers keep the level that the client gave them; the root asks for everything.
    async with client(aws, Access.WRITE) as made:
        await made.update_access_key(DEPLOY, KEY, KeyStatus.INACTIVE)
        door = await made._doors.door(ACCOUNT)
        taken = door.session.get_credentials()
        texts = [repr(made), repr(door), repr(aws.credentials), repr(list(aws._standings.sessions.values())), repr(made._doors)]
        aws.faults.plan(Fault(operation=UPDATE, drop=True), times=9)
        aws.faults.plan(Fault(operation="iam:GetUser", status=403, body=error_body("iam", "AccessDenied", "no")))
        for attempt in (made.update_access_key(DEPLOY, KEY, KeyStatus.ACTIVE), made.user(DEPLOY)):
            with pytest.raises(VendorError) as caught:
                await attempt
            error = caught.value
            assert error.__cause__ is None
            assert error.__context__ is None
            texts += [repr(error), str(error), str(vars(error)), "".join(traceback.format_exception(error))]
    texts += [record.getMessage() for record in caplog.records] + [str(record.__dict__) for record in caplog.records]
    assert any("sending iam:UpdateAccessKey" in text for text in texts)
    for secret in (aws.credentials.secret, taken.secret_key, taken.token):
        assert secret
        assert not [text for text in texts if secret in text]


def test_the_room_loads_without_its_sdk() -> None:
    code = (
        "import sys, firedoor.vendors.aws.client, firedoor.vendors.aws.simulator;"
        "sys.exit(any(name.split('.')[0] in {'boto3', 'botocore', 'moto', 'werkzeug', 'flask'} for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
