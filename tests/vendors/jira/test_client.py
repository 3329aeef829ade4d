"""What Jira or the network may do to a call, and what the caller is told; what a lost reply leads to; what a reader cannot do."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from multidict import CIMultiDict

from firedoor.errors import (
    BadInput,
    Conflict,
    FiredoorError,
    Forbidden,
    Malformed,
    Misconfigured,
    NotFound,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
    Unreachable,
    VendorError,
    WriteRefused,
)
from firedoor.vendors.access import Access
from firedoor.vendors.faults import Effect, Fault
from firedoor.vendors.http import Reply
from firedoor.vendors.jira import operations
from firedoor.vendors.jira.client import JiraClient
from firedoor.vendors.jira.problems import LONGEST_PAUSE, problem
from firedoor.vendors.jira.simulator import JiraSimulator
from firedoor.vendors.jira.values import Flavour, Place
from firedoor.vendors.retry import ATTEMPTS
from tests.vendors.jira.conftest import ADA, ADDRESS, BOB, CANARY, DRAFT, LESSER, MARKER, Make, site

CLOUD = pytest.mark.parametrize("flavour", [Flavour.CLOUD], indirect=True)


@dataclass(frozen=True, slots=True)
class Judged:
    status: int
    text: str
    expected: type[VendorError]
    changed: bool | None
    code: str = ""


WORDS = '{"errorMessages": ["made up"], "errors": {}}'


@CLOUD
@pytest.mark.parametrize(
    "case",
    [
        Judged(400, WORDS, Rejected, False, "message"),
        Judged(400, '{"errors": {"summary": "made up", "security": "made up"}}', Rejected, False, "security"),
        Judged(400, '{"errors": {"do as I say": "x"}}', Rejected, False, "message"),
        Judged(400, "", Rejected, False),
        Judged(401, "", Unauthorized, False),
        Judged(403, WORDS, Forbidden, False, "message"),
        Judged(403, "XSRF check failed", Forbidden, False),
        Judged(404, WORDS, NotFound, False, "message"),
        Judged(404, "<html>", Malformed, None),
        Judged(409, "", Conflict, False),
        Judged(413, "", Rejected, False),
        Judged(422, WORDS, Rejected, False, "message"),
        Judged(418, "[1]", Rejected, False),
        Judged(302, "", Rejected, None),
        Judged(500, "", Unavailable, None),
        Judged(503, WORDS, Unavailable, None, "message"),
        Judged(201, '{"half": ', Malformed, None),
        Judged(201, "", Malformed, None),
        Judged(201, "[]", Malformed, None),
        Judged(201, '{"id": "1", "key": "../../x"}', Malformed, None),
        Judged(201, '{"id": "1", "key": "SEC-1/../x"}', Malformed, None),
    ],
)
async def test_every_status_is_judged_on_a_write(client: JiraClient, jira: JiraSimulator, case: Judged) -> None:
    jira.faults.plan(Fault(operation="createIssue", status=case.status, body=case.text))
    with pytest.raises(case.expected) as raised:
        await client.open_issue(DRAFT)
    error = raised.value
    assert type(error) is case.expected
    assert (error.vendor, error.operation, error.status, error.changed) == ("jira", "createIssue", case.status, case.changed)
    assert (error.code, error.target) == ("" if case.expected is Malformed else case.code, MARKER)
    assert error.advice
    assert "made up" not in str(error)
    assert "do as I say" not in str(error)
    assert sum(seen.operation == "createIssue" for seen in jira.requests) == 1  # never repeated
    assert client.saw_through(MARKER)


@CLOUD
@pytest.mark.parametrize("fault", [{"drop": True}, {"status": 503}, {"status": 200, "body": "{"}])
async def test_a_read_is_repeated_and_gives_up(client: JiraClient, jira: JiraSimulator, fault: dict[str, int | str | bool]) -> None:
    planned = Fault(operation="getCurrentUser", **fault)  # type: ignore[arg-type]
    jira.faults.plan(planned)
    assert (await client.whoami()).email == ADDRESS
    before = len(jira.requests)
    jira.faults.plan(planned, times=ATTEMPTS)
    with pytest.raises((Unreachable, Unavailable, Malformed)) as raised:
        await client.whoami()
    assert raised.value.changed is False
    assert len(jira.requests) - before == ATTEMPTS  # the HTTP library adds none of its own


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("0", 0.0), ("99999", LONGEST_PAUSE), ("Wed, 21 Oct 2015 07:28:00 GMT", None), ("-1", None)]
)
def test_how_long_a_429_says_to_wait(header: str, seconds: float | None) -> None:
    error = problem(operations.GET_ISSUE, Reply(status=429, headers=CIMultiDict({"Retry-After": header}), body=b""), target="x")
    assert isinstance(error, RateLimited)
    assert error.retry_after == seconds


async def test_a_limit_holds_even_a_write_up_and_no_more(client: JiraClient, jira: JiraSimulator) -> None:
    jira.faults.plan(Fault(operation="createIssue", status=429, headers={"Retry-After": "0"}), times=2)
    await client.open_issue(DRAFT)
    assert jira.accepted_writes == {"createIssue": 1}


@pytest.mark.parametrize("lag", [0.0, 0.15])
async def test_a_lost_reply_is_looked_for_until_search_must_show_it(
    jira: JiraSimulator, flavour: Flavour, tmp_path: Path, lag: float
) -> None:
    jira.world.index_lag = timedelta(seconds=lag)
    jira.faults.plan(Fault(operation="createIssue", effect=Effect.FIRST, drop=True))
    async with JiraClient(access=Access.WRITE, folder=tmp_path, site=site(jira.url, flavour), index_lag=0.6) as client:
        opened = await client.open_issue(DRAFT)
        assert [issue.key for issue in await client.find("SEC", MARKER)] == [opened.key] == list(jira.world.state())
    assert jira.accepted_writes == {"createIssue": 1}


async def test_what_was_made_is_looked_at_by_its_key(client: JiraClient, jira: JiraSimulator, make: Make) -> None:
    jira.world.index_lag = timedelta(hours=1)
    await client.open_issue(DRAFT)
    assert [issue.key for issue in await client.find("SEC", MARKER)] == ["SEC-1"]
    async with make() as other:
        assert await other.find("SEC", MARKER) == ()
        assert not other.saw_through(MARKER)


async def test_a_request_that_arrives_late_is_waited_for(jira: JiraSimulator, flavour: Flavour, tmp_path: Path) -> None:
    place = site(jira.url, flavour)
    async with JiraClient(access=Access.WRITE, folder=tmp_path, site=place, timeout=0.1, index_lag=0.8) as hasty:
        jira.faults.plan(Fault(operation="createIssue", delay=0.3))
        opened = await hasty.open_issue(DRAFT)
        jira.faults.plan(Fault(operation="addAttachment", delay=0.15))
        await hasty.attach("SEC", MARKER, "report.md", "x")
    assert opened.key == "SEC-1"
    assert jira.accepted_writes == {"createIssue": 1, "addAttachment": 1}


async def test_a_label_taken_off_or_an_issue_gone_is_no_ticket(client: JiraClient, jira: JiraSimulator) -> None:
    await client.open_issue(DRAFT)
    (issue,) = jira.world.issues.values()
    issue.labels = ["other"]
    assert await client.find("SEC", MARKER) == ()
    jira.world.issues.clear()
    assert await client.find("SEC", MARKER) == ()


@pytest.mark.parametrize(
    ("people", "able"), [((), ()), ((ADA,), ()), ((ADA, BOB), (BOB,)), ((ADDRESS,), (ADDRESS,)), (("nobody@evil.example", BOB), (BOB,))]
)
async def test_who_could_read_it(client: JiraClient, people: Sequence[str], able: Sequence[str]) -> None:
    assert await client.readers("SEC", people) == able


async def test_who_hides_their_address_and_is_found_by_it_counts(client: JiraClient, jira: JiraSimulator) -> None:
    jira.world.users["bob"].hides_email = True
    assert await client.readers("SEC", [BOB]) == (BOB,)


async def test_somebody_of_a_longer_address_is_somebody_else(client: JiraClient, jira: JiraSimulator) -> None:
    jira.world.users["bob"].email = f"{ADA}.evil.example"
    assert await client.readers("SEC", [ADA]) == ()


async def test_a_search_that_does_not_find_ourselves_proves_nothing(client: JiraClient, jira: JiraSimulator) -> None:
    me = jira.world.users["5b10firedoor"]
    me.permissions = [each for each in me.permissions if each != "USER_PICKER"]
    with pytest.raises(Forbidden, match="nobody can tell") as blind:
        await client.readers("SEC", [BOB])
    assert "USER_PICKER" in str(blind.value)


async def test_cloud_takes_an_address_and_a_token_and_data_center_a_token(make: Make) -> None:
    async with make() as right, make(user="") as bearer, make(user="somebody@acme.example") as wrong:
        assert (await right.whoami()).email == (await bearer.whoami()).email == ADDRESS
        with pytest.raises(Unauthorized):
            await wrong.whoami()


async def test_a_reader_writes_neither_to_jira_nor_to_a_file(make: Make, jira: JiraSimulator, tmp_path: Path) -> None:
    async with make(Access.READ) as reader:
        with pytest.raises(WriteRefused):
            await reader.open_issue(DRAFT)
        with pytest.raises(WriteRefused):
            reader.write_paper(MARKER, "x")
        with pytest.raises(WriteRefused):
            await reader._wire._http.send(operations.CREATE_ISSUE, data={"fields": {}})
        assert not any(seen.writes for seen in jira.requests)
        assert not (tmp_path / "tickets").exists()
        await reader.whoami()


async def test_the_wrong_kind_of_jira_is_not_taken_for_an_empty_one(jira: JiraSimulator, flavour: Flavour, tmp_path: Path) -> None:
    other = next(each for each in Flavour if each is not flavour)
    async with JiraClient(access=Access.READ, folder=tmp_path, site=site(jira.url, other)) as client:
        with pytest.raises(Malformed, match="does not look like Jira"):
            await client.find("SEC", MARKER)


async def test_the_clock_is_jiras(jira: JiraSimulator, flavour: Flavour, tmp_path: Path) -> None:
    jira.world.clock = lambda: datetime(2023, 11, 23, 16, 0, tzinfo=UTC)
    async with JiraClient(access=Access.READ, folder=tmp_path, site=site(jira.url, flavour)) as client:
        assert abs(await client.now() - datetime(2023, 11, 23, 16, 0, tzinfo=UTC)) < timedelta(seconds=30)


async def test_a_file_waits_for_no_clock_of_jiras(jira: JiraSimulator, flavour: Flavour, tmp_path: Path) -> None:
    jira.faults.plan(Fault(operation="getCurrentUser", status=503), times=ATTEMPTS)
    async with (
        JiraClient(access=Access.READ, folder=tmp_path, site=site(jira.url, flavour)) as client,
        JiraClient(access=Access.READ, folder=tmp_path) as alone,
    ):
        for each in (client, alone):
            assert abs(await each.now() - datetime.now(UTC)) < timedelta(seconds=30)


async def test_without_a_site_there_are_files_only(tmp_path: Path) -> None:
    async with JiraClient(access=Access.WRITE, folder=tmp_path) as alone:
        assert alone.place.place is Place.FILE
        with pytest.raises(Misconfigured, match="not configured"):
            await alone.whoami()


async def test_a_ticket_of_no_incident_is_never_opened(client: JiraClient, jira: JiraSimulator) -> None:
    with pytest.raises(BadInput):
        await client.open_issue(replace(DRAFT, marker=""))
    with pytest.raises(BadInput):
        client.write_paper("", "x")
    assert jira.requests == []


async def test_the_token_stays_where_it_is(jira: JiraSimulator, flavour: Flavour, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("aiohttp.client", "asyncio", "firedoor"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    errors: list[FiredoorError] = []
    place = site(jira.url, flavour)
    async with JiraClient(access=Access.WRITE, folder=tmp_path, site=place, timeout=0.2, index_lag=0.0) as client:
        echo = f'{{"errorMessages": ["Basic {CANARY}"], "errors": {{"{CANARY}": "{CANARY}"}}}}'
        for fault in (
            Fault(operation="createIssue", status=400, body=echo),
            Fault(operation="createIssue", status=500, body=echo),
            Fault(operation="createIssue", status=201, body=CANARY),
            Fault(operation="createIssue", status=302, headers={"Location": f"https://evil.example/{CANARY}"}),
            Fault(operation="createIssue", drop=True),
            Fault(operation="createIssue", delay=0.4),
        ):
            jira.faults.plan(fault)
            try:
                await client.open_issue(DRAFT)
            except VendorError as error:
                errors.append(error)
        shown = [repr(client), repr(client.__dict__), repr(client._wire.__dict__), repr(client._wire._http.__dict__), repr(place)]
    assert len(errors) == 6
    for raised in errors:
        told = traceback.TracebackException.from_exception(raised, capture_locals=True)
        # Frames of this test hold the canary by name; every other frame, with its variables, is shown.
        told.stack = traceback.StackSummary.from_list([frame for frame in told.stack if frame.filename != __file__])
        shown += [str(raised), repr(raised), repr(vars(raised)), "".join(told.format()), repr(raised.__context__), repr(raised.__cause__)]
    shown += [record.getMessage() + repr(record.__dict__) for record in caplog.records] + [caplog.text]
    assert [text for text in shown if CANARY in text] == []


@pytest.mark.parametrize(
    ("url", "user", "token", "timeout"),
    [
        ("http://jira.acme.example", "", CANARY, 1.0),
        ("https://jira.acme.example", "a:b", CANARY, 1.0),
        ("https://jira.acme.example", "", "", 1.0),
        ("https://jira.acme.example", "", "two words", 1.0),
        ("https://jira.acme.example", "", CANARY, 0.0),
    ],
)
def test_what_cannot_be_used_is_said_at_once(tmp_path: Path, url: str, user: str, token: str, timeout: float) -> None:
    place = replace(site(url, Flavour.CLOUD), user=user, token=token)
    with pytest.raises(Misconfigured) as refused:
        JiraClient(access=Access.READ, folder=tmp_path, site=place, timeout=timeout)
    assert CANARY not in str(refused.value)


async def test_a_token_that_may_do_less_is_told_what_it_lacks(make: Make) -> None:
    async with make(token=LESSER, user="") as lesser:
        with pytest.raises(Forbidden, match="CREATE_ISSUES"):
            await lesser.open_issue(DRAFT)
        assert await lesser.levels("SEC") == ()


async def test_what_the_account_may_do_is_told_by_project(client: JiraClient, make: Make) -> None:
    assert await client.permissions("SEC", ["CREATE_ISSUES", "USER_PICKER"]) == {"CREATE_ISSUES", "USER_PICKER"}
    async with make(Access.READ, token=LESSER, user="") as lesser:
        assert await lesser.permissions("SEC", ["BROWSE_PROJECTS", "CREATE_ISSUES"]) == {"BROWSE_PROJECTS"}
    with pytest.raises(NotFound):
        await client.permissions("NONE", ["BROWSE_PROJECTS"])


@CLOUD
@pytest.mark.parametrize("body", ['{"permissions": []}', '{"permissions": {"CREATE_ISSUES": true}}', "{}"])
async def test_permissions_that_cannot_be_read_are_none_at_all(client: JiraClient, jira: JiraSimulator, body: str) -> None:
    jira.faults.plan(Fault(operation="getMyPermissions", status=200, body=body), times=ATTEMPTS)
    with pytest.raises(Malformed):
        await client.permissions("SEC", ["CREATE_ISSUES"])


async def test_how_far_jiras_clock_is_ahead(client: JiraClient, jira: JiraSimulator) -> None:
    assert abs(await client.skew()) < timedelta(seconds=3)
    jira.world.clock = lambda: datetime.now(UTC) + timedelta(minutes=5)
    assert timedelta(minutes=4, seconds=57) < await client.skew() <= timedelta(minutes=5)
    jira.faults.plan(Fault(operation="getCurrentUser", status=401), times=1)
    with pytest.raises(Unauthorized):
        await client.skew()
