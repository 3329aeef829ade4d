"""The same conversations with three Jiras: our simulator as Cloud and as Data Center, and a Data Center that somebody else wrote.

That one knows no permissions, security levels or `creator` in JQL, and hides nothing from anybody; what rests on these is tested on the
simulator alone.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from firedoor.errors import Rejected
from firedoor.vendors.access import Access
from firedoor.vendors.jira.client import JiraClient
from firedoor.vendors.jira.problems import Unsettled
from firedoor.vendors.jira.simulator import JiraSimulator
from firedoor.vendors.jira.values import Draft, Flavour
from firedoor.vendors.jira.world import world_of
from tests.vendors.jira.conftest import ADDRESS, DATA, DRAFT, THIRD_PARTY, site


@dataclass(frozen=True, slots=True)
class Against:
    """A Jira to talk to, and the draft of an issue that it has not seen before."""

    url: str
    client: JiraClient
    draft: Draft
    ours: bool


@pytest.fixture(params=[*Flavour, THIRD_PARTY])
async def against(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Against]:
    draft = replace(DRAFT, marker=f"firedoor-inc-{uuid.uuid4().hex}")
    if request.param == THIRD_PARTY:
        url: str = request.getfixturevalue("third_party")
        async with JiraClient(access=Access.WRITE, folder=tmp_path, site=site(url, Flavour.DATA_CENTER), index_lag=0.1) as client:
            yield Against(url, client, draft, ours=False)
        return
    flavour = Flavour(request.param)
    async with (
        JiraSimulator(world_of(copy.deepcopy(DATA), flavour=flavour)) as jira,
        JiraClient(access=Access.WRITE, folder=tmp_path, site=site(jira.url, flavour), index_lag=0.1) as client,
    ):
        yield Against(jira.url, client, draft, ours=True)


async def test_it_tells_who_we_are_and_what_time_it_is(against: Against) -> None:
    me = await against.client.whoami()
    assert me.id
    assert me.email == (ADDRESS if against.ours else "admin@example.com")
    assert abs(await against.client.now() - datetime.now(UTC)) < timedelta(seconds=60)


async def test_what_was_opened_is_found_by_its_label(against: Against) -> None:
    client, draft = against.client, against.draft
    assert await client.find("SEC", draft.marker) == ()
    opened = await client.open_issue(draft)
    assert opened.url == f"{against.url}/browse/{opened.key}"
    (found,) = await client.find("SEC", draft.marker)
    assert (found.key, found.url, found.files) == (opened.key, opened.url, ())
    assert await client.find("SEC", f"{draft.marker}-2") == ()
    if against.ours:
        assert found.level == draft.level


async def test_another_client_finds_it_too(against: Against, tmp_path: Path) -> None:
    opened = await against.client.open_issue(against.draft)
    flavour = Flavour.CLOUD if against.ours and against.client._wire.flavour is Flavour.CLOUD else Flavour.DATA_CENTER
    async with JiraClient(access=Access.READ, folder=tmp_path, site=site(against.url, flavour)) as other:
        assert [issue.key for issue in await other.find("SEC", against.draft.marker)] == [opened.key]
        assert not other.saw_through(against.draft.marker)


async def test_a_report_is_attached_once(against: Against) -> None:
    client, draft = against.client, against.draft
    with pytest.raises(Unsettled):
        await client.attach("SEC", draft.marker, "report-1.md", "# a")
    await client.open_issue(draft)
    for _ in range(2):
        await client.attach("SEC", draft.marker, "report-1.md", "# a")
    await client.attach("SEC", draft.marker, "report-2.md", "# b \ud83d")
    (found,) = await client.find("SEC", draft.marker)
    assert found.files == ("report-1.md", "report-2.md")


async def test_a_wrong_issue_type_is_named(against: Against) -> None:
    with pytest.raises(Rejected) as refused:
        await against.client.open_issue(replace(against.draft, issue_type="Nonsense"))
    assert (refused.value.status, refused.value.code, refused.value.changed) == (400, "issuetype", False)
    assert await against.client.find("SEC", against.draft.marker) == ()
