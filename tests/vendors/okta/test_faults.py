"""What Okta, its edge or the network may do to a call, and what the caller is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from multidict import CIMultiDict

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
    Unsupported,
    VendorError,
)
from firedoor.vendors.access import Access
from firedoor.vendors.faults import Effect, Fault
from firedoor.vendors.okta import operations
from firedoor.vendors.okta.client import OktaClient
from firedoor.vendors.okta.meter import OktaLimits
from firedoor.vendors.okta.problems import LONGEST_PAUSE, Locked, problem
from firedoor.vendors.okta.simulator import OktaSimulator
from firedoor.vendors.okta.transport import Reply
from firedoor.vendors.okta.world import OktaWorld
from firedoor.vendors.okta.worlddata import world_of
from firedoor.vendors.retry import ATTEMPTS
from tests.vendors.okta.conftest import CANARY, DATA, JANE

NOON = datetime(2023, 11, 23, 12, tzinfo=UTC)


def body(code: str) -> str:
    return f'{{"errorCode": "{code}", "errorSummary": "made up", "errorId": "oae1", "errorCauses": []}}'


@dataclass(frozen=True, slots=True)
class Judged:
    status: int
    text: str
    expected: type[VendorError]
    changed: bool | None


@pytest.mark.parametrize(
    "case",
    [
        Judged(200, body("E0000009"), Malformed, None),
        Judged(403, "", Forbidden, False),
        Judged(500, "", Unavailable, None),
        Judged(503, "", Unavailable, None),
        Judged(504, "<html>", Unavailable, None),
        Judged(400, body("E0000001"), Conflict, False),
        Judged(400, body("E0000003"), Rejected, False),
        Judged(400, "", Rejected, False),
        Judged(401, body("E0000011"), Unauthorized, False),
        Judged(401, body("E0000015"), Unsupported, False),
        Judged(401, "", Unauthorized, False),
        Judged(403, body("E0000006"), Forbidden, False),
        Judged(403, body("E0000038"), Conflict, False),
        Judged(404, body("E0000007"), NotFound, False),
        Judged(404, "", Malformed, None),
        Judged(409, "", Conflict, False),
        Judged(405, body("E0000022"), Rejected, False),
        Judged(423, body("E0000239"), Locked, False),
        Judged(302, "", Rejected, None),
        Judged(200, '{"half": ', Malformed, None),
        Judged(200, "<html>sign in</html>", Malformed, None),
        Judged(200, "[]", Malformed, None),
        Judged(418, "[1, 2]", Rejected, False),
        Judged(400, '{"errorCode": "E0000001; do as I say"}', Rejected, False),
    ],
)
async def test_every_status_is_judged_on_a_write(client: OktaClient, okta: OktaSimulator, case: Judged) -> None:
    okta.faults.plan(Fault(operation="suspendUser", status=case.status, body=case.text))
    with pytest.raises(case.expected) as raised:
        await client.suspend_user(JANE)
    error = raised.value
    assert type(error) is case.expected
    assert (error.vendor, error.operation, error.status, error.changed) == ("okta", "suspendUser", case.status, case.changed)
    assert error.target == JANE
    assert error.advice
    assert "made up" not in str(error)
    assert "do as I say" not in str(error)
    assert len(okta.requests) == 1  # a suspend is never repeated: the caller reads back


@pytest.mark.parametrize("fault", [{"drop": True}, {"status": 503}, {"status": 200, "body": "{"}])
async def test_a_read_is_repeated_and_gives_up(client: OktaClient, okta: OktaSimulator, fault: dict[str, int | str | bool]) -> None:
    planned = Fault(operation="getUser", **fault)  # type: ignore[arg-type]
    okta.faults.plan(planned)
    assert (await client.user(JANE)).id == JANE
    before = len(okta.requests)
    okta.faults.plan(planned, times=ATTEMPTS)
    with pytest.raises((Unreachable, Unavailable, Malformed)) as raised:
        await client.user(JANE)
    assert raised.value.changed is False
    assert len(okta.requests) - before == ATTEMPTS  # the HTTP library adds none of its own


async def test_an_idempotent_write_is_repeated_after_a_lost_reply(client: OktaClient, okta: OktaSimulator, world: OktaWorld) -> None:
    okta.faults.plan(Fault(operation="revokeUserSessions", effect=Effect.FIRST, drop=True))
    await client.revoke_user_sessions(JANE)
    assert okta.accepted_writes["revokeUserSessions"] == 2
    assert world.session("sid-leaked") is None


async def test_a_lost_reply_to_a_suspend_leaves_it_open(client: OktaClient, okta: OktaSimulator) -> None:
    okta.faults.plan(Fault(operation="suspendUser", effect=Effect.FIRST, drop=True))
    with pytest.raises(Unreachable) as raised:
        await client.suspend_user(JANE)
    assert raised.value.changed is None
    assert "not known whether" in str(raised.value)
    assert (await client.user(JANE)).status == "SUSPENDED"
    assert okta.accepted_writes == {"suspendUser": 1}


async def test_a_slow_reply_runs_out_of_time(okta: OktaSimulator) -> None:
    async with OktaClient(org_url=okta.url, token=CANARY, access=Access.WRITE, timeout=0.1) as hasty:
        okta.faults.plan(Fault(operation="suspendUser", effect=Effect.FIRST, delay=0.4))
        with pytest.raises(Unreachable, match=r"within 0\.1 s") as raised:
            await hasty.suspend_user(JANE)
        assert raised.value.changed is None
        assert (await hasty.user(JANE)).status == "SUSPENDED"


async def test_nobody_there(okta: OktaSimulator) -> None:
    url = okta.url
    await okta.__aexit__(None, None, None)
    async with OktaClient(org_url=url, token=CANARY, access=Access.WRITE) as client:
        with pytest.raises(Unreachable) as read:
            await client.whoami()
        with pytest.raises(Unreachable) as write:
            await client.suspend_user(JANE)
    assert (read.value.changed, write.value.changed, write.value.target) == (False, None, JANE)


async def test_429_waits_for_the_reset_even_on_a_write(client: OktaClient, okta: OktaSimulator) -> None:
    past = {
        "X-Rate-Limit-Limit": "600",
        "X-Rate-Limit-Remaining": "0",
        "X-Rate-Limit-Reset": "1",
        "Date": format_datetime(NOON, usegmt=True),
    }
    okta.faults.plan(Fault(operation="suspendUser", status=429, headers=past), times=2)
    okta.faults.plan(Fault(operation="suspendUser", status=429))
    await client.suspend_user(JANE)
    assert okta.accepted_writes == {"suspendUser": 1}


def reply_429(**headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=429, headers=CIMultiDict(named), body=b"")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Date": format_datetime(NOON), "X_Rate_Limit_Reset": str(int(NOON.timestamp()) + 10)}, 11.0),
        ({"Date": format_datetime(NOON), "X_Rate_Limit_Reset": str(int(NOON.timestamp()) - 10)}, 0.0),
        ({"Date": format_datetime(NOON), "X_Rate_Limit_Reset": "99999999999"}, LONGEST_PAUSE),
        ({"Date": format_datetime(NOON), "X_Rate_Limit_Reset": "soon"}, None),
        ({"Date": "yesterday", "X_Rate_Limit_Reset": "1700000000"}, None),
        ({"X_Rate_Limit_Reset": "1700000000"}, None),
        ({}, None),
        ({"X_Rate_Limit_Limit": "0", "X_Rate_Limit_Remaining": "0", "X_Rate_Limit_Reset": "1700000000"}, 1.0),
    ],
)
def test_how_long_a_429_says_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    error = problem(operations.GET_USER, reply_429(**headers), target=JANE)
    assert isinstance(error, RateLimited)
    assert error.retry_after == seconds


async def test_a_limit_far_off_is_raised_at_once() -> None:
    async with (
        OktaSimulator(world_of(DATA), limits=OktaLimits(users=1)) as okta,
        OktaClient(org_url=okta.url, token=CANARY, access=Access.READ) as client,
    ):
        await client.user(JANE)
        with pytest.raises(RateLimited) as raised:
            await client.user(JANE)
        assert raised.value.retry_after is not None
        assert 30 < raised.value.retry_after <= 62
        assert len(okta.requests) == 2


async def test_a_redirect_is_never_followed(client: OktaClient, okta: OktaSimulator, world: OktaWorld) -> None:
    async with OktaSimulator(world) as elsewhere:
        for status in (301, 302, 303, 307, 308):
            okta.faults.plan(Fault(operation="getUser", status=status, headers={"Location": f"{elsewhere.url}/api/v1/users/{JANE}"}))
            with pytest.raises(Rejected):
                await client.user(JANE)
        assert elsewhere.requests == []


@pytest.mark.parametrize(
    "template", ["{other}/api/v1/logs?after=1", "//{host}/api/v1/logs", "{own}.evil.example/api/v1/logs", "{own}/api/v1/users"]
)
async def test_a_cursor_that_leads_elsewhere_is_not_followed(
    client: OktaClient, okta: OktaSimulator, world: OktaWorld, template: str
) -> None:
    async with OktaSimulator(world) as elsewhere:
        link = template.format(other=elsewhere.url, host=elsewhere.url.removeprefix("http://"), own=okta.url)
        okta.faults.plan(Fault(operation="listLogEvents", status=200, body="[]", headers={"Link": f'<{link}>; rel="next"'}), times=ATTEMPTS)
        with pytest.raises(Malformed, match="elsewhere"):
            await client.log_events(filter='eventType eq "x"', since=NOON, until=NOON + timedelta(days=1))
        assert elsewhere.requests == []
        assert len(okta.requests) == 1


async def test_a_cursor_that_comes_back_ends_the_reading(client: OktaClient, okta: OktaSimulator) -> None:
    link = f'<{okta.url}/api/v1/logs?after=7>; rel="next"'
    okta.faults.plan(Fault(operation="listLogEvents", status=200, body="[]", headers={"Link": link}), times=5)
    with pytest.raises(Malformed, match="same page again"):
        await client.log_events(filter='eventType eq "x"', since=NOON, until=NOON + timedelta(days=1))
    assert len(okta.requests) == 2


async def test_new_words_and_new_fields_do_not_lose_a_page(client: OktaClient, okta: OktaSimulator) -> None:
    event = (
        '{"uuid": "u1", "eventType": "user.new.thing", "published": "2023-11-23T12:00:00.000Z", "brandNew": {"a": [1]},'
        ' "outcome": {"result": "PONDERING"}, "actor": {"id": "00u1", "type": "Robot"}, "target": null,'
        ' "debugContext": {"debugData": {"clientSecret": "s3cret"}}}'
    )
    okta.faults.plan(Fault(operation="listLogEvents", status=200, body=f"[{event}]"))
    (read,) = await client.log_events(filter='eventType eq "x"', since=NOON, until=NOON)
    assert (read.outcome, read.target_ids, read.published) == ("PONDERING", (), NOON)
    assert "s3cret" not in repr(read)


@pytest.mark.parametrize("text", ['[{"uuid": "u1"}]', '[{"uuid": 1, "eventType": "x", "published": "now"}]', '["x"]', "{}", "", "null"])
async def test_a_reply_of_another_shape(client: OktaClient, okta: OktaSimulator, text: str) -> None:
    okta.faults.plan(Fault(operation="listLogEvents", status=200, body=text), times=ATTEMPTS)
    with pytest.raises(Malformed):
        await client.log_events(filter='eventType eq "x"', since=NOON, until=NOON)


@asynccontextmanager
async def raw_server(payload: bytes) -> AsyncIterator[str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(payload)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{"id": "00u', Malformed),
        (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"id"\r\n', Malformed),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope", Malformed),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\xff\xfe\xfd", Malformed),
        (b"garbage\r\n\r\n", Unreachable),
        (b"", Unreachable),
    ],
)
@pytest.mark.parametrize("write", [False, True])
async def test_a_reply_that_breaks_off(payload: bytes, expected: type[VendorError], *, write: bool) -> None:
    async with raw_server(payload) as url, OktaClient(org_url=url, token=CANARY, access=Access.WRITE) as client:
        with pytest.raises(expected) as raised:
            await (client.suspend_user(JANE) if write else client.user(JANE))
    assert raised.value.changed is (None if write else False)
