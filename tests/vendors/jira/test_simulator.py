"""The simulator's own rules, asked over the wire as anybody would."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import timedelta
from io import BytesIO
from typing import Any

import aiohttp
import pytest

from firedoor.errors import BadInput
from firedoor.vendors.faults import Effect, Fault
from firedoor.vendors.jira.simulator import JiraSimulator
from firedoor.vendors.jira.values import Flavour
from firedoor.vendors.jira.world import LARGEST, world_of
from tests.vendors.jira.conftest import ADDRESS, CANARY, DATA, LESSER

ADMIN = {"Authorization": f"Bearer {CANARY}"}
FIELDS: Mapping[str, Any] = {"project": {"key": "SEC"}, "issuetype": {"name": "Task"}, "summary": "s", "labels": ["l"]}
JQL = 'project = "SEC" AND labels = "l" AND creator = currentUser() ORDER BY created ASC'


def root(jira: JiraSimulator) -> str:
    return f"{jira.url}/rest/api/{3 if jira.world.flavour is Flavour.CLOUD else 2}"


async def ask(
    jira: JiraSimulator, method: str, path: str, *, headers: Mapping[str, str] = ADMIN, params: Any = None, **more: Any
) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as http, http.request(method, root(jira) + path, headers=headers, params=params, **more) as response:
        return response.status, await response.json() if response.content_type == "application/json" else await response.text()


async def make(jira: JiraSimulator, **fields: Any) -> tuple[int, Any]:
    return await ask(jira, "POST", "/issue", json={"fields": {**FIELDS, **fields}})


def search(jira: JiraSimulator) -> str:
    return "/search/jql" if jira.world.flavour is Flavour.CLOUD else "/search"


async def test_it_makes_another_one_each_time_it_is_asked(jira: JiraSimulator) -> None:
    assert [(await make(jira))[1]["key"] for _ in range(2)] == ["SEC-1", "SEC-2"]
    status, found = await ask(jira, "GET", search(jira), params={"jql": JQL})
    assert (status, [issue["key"] for issue in found["issues"]]) == (200, ["SEC-1", "SEC-2"])


async def test_it_attaches_another_one_each_time_it_is_sent(jira: JiraSimulator) -> None:
    await make(jira)
    for _ in range(2):
        form = aiohttp.FormData()
        form.add_field("file", b"\x00\r\n--x\r\n\xff", filename="r.md")
        form.add_field("comment", "not a file")
        status, sent = await ask(jira, "POST", "/issue/SEC-1/attachments", headers={**ADMIN, "X-Atlassian-Token": "no-check"}, data=form)
        assert (status, [file["filename"] for file in sent]) == (200, ["r.md"])
    (issue,) = jira.world.issues.values()
    assert [file.content for file in issue.files] == [b"\x00\r\n--x\r\n\xff"] * 2


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"project": {"key": "NONE"}}, "project"),
        ({"issuetype": {"name": "Epic"}}, "issuetype"),
        ({"summary": ""}, "summary"),
        ({"summary": "a\nb"}, "summary"),
        ({"summary": "x" * 256}, "summary"),
        ({"labels": ["two words"]}, "labels"),
        ({"security": {"id": "10002"}}, "security"),
        ({"security": {"name": "Responders"}}, "security"),
        ({"description": 7}, "description"),
        ({"customfield_1": 7}, "customfield_1"),
    ],
)
async def test_a_field_that_is_wrong_is_named(jira: JiraSimulator, wrong: dict[str, Any], field: str) -> None:
    status, refused = await make(jira, **wrong)
    assert (status, list(refused["errors"])) == (400, [field])
    assert jira.world.issues == {}


async def test_the_two_flavours_want_their_own_description_and_search(jira: JiraSimulator, flavour: Flavour) -> None:
    cloud = flavour is Flavour.CLOUD
    assert (await make(jira, description="text"))[0] == (400 if cloud else 201)
    assert (await make(jira, description={"type": "doc", "version": 1, "content": []}))[0] == (201 if cloud else 400)
    assert (await ask(jira, "GET", "/search" if cloud else "/search/jql", params={"jql": JQL}))[0] == 404


async def test_refusals(jira: JiraSimulator) -> None:
    lesser = {"Authorization": f"Bearer {LESSER}"}
    await make(jira, security={"id": "10001"})
    for path, headers, params, status in (
        ("/myself", {}, None, 401),
        ("/myself", {"Authorization": "Bearer unknown"}, None, 401),
        ("/myself", {"Authorization": "Bearer "}, None, 401),
        ("/myself", {"Authorization": "Basic !!"}, None, 401),
        ("/project/NONE/securitylevel", ADMIN, None, 404),
        ("/issue/SEC-9", ADMIN, None, 404),
        ("/issue/SEC-1", lesser, None, 404),  # a level hides it from who is no member
        ("/user/permission/search", lesser, {"projectKey": "SEC", "permissions": "BROWSE_PROJECTS"}, 403),
        ("/user/permission/search", ADMIN, {"projectKey": "NONE", "permissions": "BROWSE_PROJECTS"}, 404),
        ("/user/permission/search", ADMIN, {"projectKey": "SEC"}, 400),
        ("/user/search", ADMIN, None, 400),
        (search(jira), ADMIN, {"jql": "order by key"}, 400),
        ("/nothing", ADMIN, None, 404),
    ):
        assert (await ask(jira, "GET", path, headers=headers, params=params))[0] == status, path
    assert (await ask(jira, "POST", "/issue", data=b"{"))[0] == 400
    assert (await ask(jira, "POST", "/issue", json=[]))[0] == 400
    assert (await ask(jira, "POST", "/issue/SEC-1/attachments", data=b""))[0] == 403  # no X-Atlassian-Token
    checked = {**ADMIN, "X-Atlassian-Token": "no-check"}
    form = aiohttp.FormData({"other": "x"})
    assert (await ask(jira, "POST", "/issue/SEC-1/attachments", headers=checked, data=form))[0] == 400
    large = aiohttp.FormData()
    large.add_field("file", BytesIO(b"x" * (LARGEST + 1)), filename="r.md")
    assert (await ask(jira, "POST", "/issue/SEC-1/attachments", headers=checked, data=large))[0] == 413
    assert jira.accepted_writes == {"createIssue": 1}


async def test_who_may_not_look_for_users_finds_nobody(jira: JiraSimulator) -> None:
    by = "query" if jira.world.flavour is Flavour.CLOUD else "username"
    assert len((await ask(jira, "GET", "/user/search", params={by: "bob@"}))[1]) == 1
    assert await ask(jira, "GET", "/user/search", params={by: "bob@"}, headers={"Authorization": f"Bearer {LESSER}"}) == (200, [])
    jira.world.users["bob"].active = False
    assert (await ask(jira, "GET", "/user/search", params={by: "bob@"}))[1] == []


async def test_basic_authentication_is_clouds(jira: JiraSimulator, flavour: Flavour) -> None:
    for email, status in ((ADDRESS, 200), ("bob@acme.example", 401)):
        given = base64.b64encode(f"{email}:{CANARY}".encode()).decode()
        answered = await ask(jira, "GET", "/myself", headers={"Authorization": f"Basic {given}"})
        assert answered[0] == (status if flavour is Flavour.CLOUD else 401)


async def test_search_is_late_and_the_issue_is_not(jira: JiraSimulator) -> None:
    jira.world.index_lag = timedelta(hours=1)
    await make(jira)
    assert (await ask(jira, "GET", search(jira), params={"jql": JQL}))[1]["issues"] == []
    assert (await ask(jira, "GET", "/issue/SEC-1"))[0] == 200


async def test_a_lie_has_no_effect_and_a_lost_reply_has(jira: JiraSimulator) -> None:
    jira.faults.plan(Fault(operation="createIssue", status=201, body='{"id": "1", "key": "SEC-7"}'))
    assert await make(jira) == (201, {"id": "1", "key": "SEC-7"})
    assert jira.world.issues == {}
    jira.faults.plan(Fault(operation="createIssue", effect=Effect.FIRST, drop=True))
    with pytest.raises(aiohttp.ClientError):
        await make(jira)
    assert [issue.key for issue in jira.world.issues.values()] == ["SEC-1"]
    assert [(seen.operation, seen.accepted, seen.status) for seen in jira.requests] == [
        ("createIssue", False, 201),
        ("createIssue", True, 0),
    ]


@pytest.mark.parametrize("wrong", [{"user": []}, {"users": [{"id": "a", "mail": "b"}]}, {"issues": [{"key": "SEC-1"}]}])
def test_a_world_with_a_misspelt_word_is_refused(wrong: Any, flavour: Flavour) -> None:
    with pytest.raises(BadInput):
        world_of({**DATA, **wrong}, flavour=flavour)
