"""The simulated endpoints: what each operation of the table does to the world and what it answers.

Reply bodies follow Jira Cloud's specification; Data Center's differ where people are named. JQL is understood in the one form that
Firedoor asks in; any other is refused as wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.policy import HTTP
from typing import Final, TypeAlias

from aiohttp import web

from firedoor.canonical import JSON
from firedoor.vendors.http import HttpOperation
from firedoor.vendors.jira import operations
from firedoor.vendors.jira.values import Flavour
from firedoor.vendors.jira.world import EVERYTHING, LARGEST, FieldsRefused, Issue, JiraWorld, User

_JQL: Final = re.compile(
    r'project = "(?P<project>[A-Z0-9_]+)" AND labels = "(?P<label>[^"\\]+)" AND creator = currentUser\(\) ORDER BY created ASC'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request of somebody who is known: the world, who asks, what they sent, and the site's URL."""

    world: JiraWorld
    request: web.Request
    user: User
    body: bytes
    url: str

    @property
    def root(self) -> str:
        """Where the REST API is."""
        return f"{self.url}/rest/api/{3 if self.world.flavour is Flavour.CLOUD else 2}"

    def issue(self) -> Issue:
        """The issue that the path names. Raises `Refused` (404) where it is not there or hidden, which looks alike."""
        found = self.world.issue(self.request.match_info["issueIdOrKey"], self.user)
        if found is None:
            raise Refused(404, "Issue does not exist or you do not have permission to see it.")
        return found

    def needs(self, permission: str) -> None:
        """Raises `Refused` (403) where they lack it."""
        if not self.user.may(permission):
            raise Refused(403, "You do not have the permission to do this.")


class Refused(Exception):
    """Jira says no, with its error body."""

    def __init__(self, status: int, *messages: str, errors: Mapping[str, str] | None = None) -> None:
        super().__init__(*messages)
        self.status = status
        self.body: JSON = {"errorMessages": list(messages), "errors": dict(errors or {})}

    def response(self) -> web.Response:
        """As a reply."""
        return web.json_response(self.body, status=self.status)


Handler: TypeAlias = Callable[[Call], Awaitable[web.Response]]


async def get_current_user(call: Call) -> web.Response:
    """Whose token it is; their own address is never hidden from them."""
    return web.json_response({**_user(call, call.user), "emailAddress": call.user.email})


async def get_my_permissions(call: Call) -> web.Response:
    """What they may do in a project themselves. Cloud must be told which permissions are asked about; Data Center tells of all."""
    if call.request.query.get("projectKey") not in call.world.projects or not call.user.may("BROWSE_PROJECTS"):
        raise Refused(404, "No project could be found with that key.")
    asked = _asked(call, "permissions").split(",") if call.world.flavour is Flavour.CLOUD else list(EVERYTHING)
    if strange := sorted(set(asked) - set(EVERYTHING)):
        raise Refused(400, f"Unrecognized permission {strange[0]}.")
    found: JSON = {key: {"key": key, "type": _kind(key), "havePermission": call.user.may(key)} for key in asked}
    return web.json_response({"permissions": found})


def _kind(permission: str) -> str:
    return "GLOBAL" if permission == "USER_PICKER" else "PROJECT"


async def get_levels(call: Call) -> web.Response:
    """The levels of a project that they may set; an empty list for who may set none."""
    project = call.world.projects.get(call.request.match_info["projectKeyOrId"])
    if project is None or not call.user.may("BROWSE_PROJECTS"):
        raise Refused(404, "No project could be found with that key.")
    settable = [level for level in project.levels if call.user.may("SET_ISSUE_SECURITY") and call.user.id in level.members]
    levels: JSON = [{"self": f"{call.root}/securitylevel/{level.id}", "id": level.id, "name": level.name} for level in settable]
    return web.json_response({"levels": levels})


async def find_users(call: Call) -> web.Response:
    """Active users by the beginning of their address or name; nobody for who may not look for users."""
    words = _asked(call, "query" if call.world.flavour is Flavour.CLOUD else "username")
    found = call.world.people(words) if call.user.may("USER_PICKER") else []
    return web.json_response([_user(call, each) for each in found])


async def find_readers(call: Call) -> web.Response:
    """Active users who have all of the permissions in a project."""
    call.needs("ADMINISTER_PROJECTS")
    if call.request.query.get("projectKey") not in call.world.projects:
        raise Refused(404, "No project could be found with that key.")
    wanted = _asked(call, "permissions").split(",")
    if call.world.flavour is Flavour.CLOUD:
        identifier = _asked(call, "accountId")
        found = [user for user in call.world.users.values() if user.id == identifier]
    else:
        found = call.world.people(_asked(call, "username"))
    return web.json_response([_user(call, user) for user in found if all(user.may(each) for each in wanted)])


async def search(call: Call) -> web.Response:
    """Issues by JQL, as far as the index goes. Cloud's reconciling with issues by their ids is left out."""
    asked = _JQL.fullmatch(call.request.query.get("jql", ""))
    if asked is None or asked["project"] not in call.world.projects:
        raise Refused(400, "The JQL cannot be understood, or names what is not there.")
    found = call.world.search(call.user, asked["project"], asked["label"])
    issues: JSON = [
        {"id": issue.id, "key": issue.key, "self": f"{call.root}/issue/{issue.id}", "fields": {"summary": issue.summary}} for issue in found
    ]
    if call.world.flavour is Flavour.CLOUD:
        return web.json_response({"issues": issues, "isLast": True})
    return web.json_response({"startAt": 0, "maxResults": 50, "total": len(found), "issues": issues})


async def get_issue(call: Call) -> web.Response:
    """An issue with the fields that are asked for."""
    issue = call.issue()
    level = next((level for level in issue.project.levels if level.id == issue.level), None)
    fields: dict[str, JSON] = {
        "summary": issue.summary,
        "labels": list(issue.labels),
        "security": None if level is None else {"id": level.id, "name": level.name},
        "attachment": [_attachment(call, issue, name) for name in range(len(issue.files))],
        "creator": _user(call, call.world.users[issue.creator]),
        "description": issue.description,
    }
    wanted = call.request.query.get("fields", ",".join(fields)).split(",")
    body: JSON = {
        "id": issue.id,
        "key": issue.key,
        "self": f"{call.root}/issue/{issue.id}",
        "fields": {name: value for name, value in fields.items() if name in wanted},
    }
    return web.json_response(body)


async def create_issue(call: Call) -> web.Response:
    """A new issue, every time it is asked for."""
    try:
        given = json.loads(call.body)
    except ValueError:
        raise Refused(400, "The body is not JSON.") from None
    fields = given.get("fields") if isinstance(given, dict) else None
    if not isinstance(fields, dict):
        raise Refused(400, "The body has no fields.")
    call.needs("CREATE_ISSUES")
    try:
        issue = call.world.create(call.user, fields)
    except FieldsRefused as refused:
        raise Refused(400, errors=refused.errors) from None
    return web.json_response({"id": issue.id, "key": issue.key, "self": f"{call.root}/issue/{issue.id}"}, status=201)


async def add_attachment(call: Call) -> web.Response:
    """One more file, every time it is sent, under the name that it is sent with."""
    if call.request.headers.get("X-Atlassian-Token") != "no-check":
        return web.Response(status=403, text="XSRF check failed")
    issue = call.issue()
    call.needs("CREATE_ATTACHMENTS")
    sent = _files(call)
    if not sent:
        raise Refused(400, "There is no part called file.")
    if any(len(content) > LARGEST for _, content in sent):
        raise Refused(413, "The file is larger than attachments may be.")
    start = len(issue.files)
    for name, content in sent:
        call.world.attach(issue, call.user, name, content)
    return web.json_response([_attachment(call, issue, position) for position in range(start, len(issue.files))])


def _files(call: Call) -> list[tuple[str, bytes]]:
    """The names and contents of the parts called ``file``."""
    head = f"Content-Type: {call.request.headers.get('Content-Type', '')}\r\n\r\n".encode()
    parts = message_from_bytes(head + call.body, policy=HTTP).iter_parts()
    named = [part for part in parts if part.get_param("name", header="Content-Disposition") == "file"]
    return [(part.get_filename() or "file", bytes(part.get_payload(decode=True) or b"")) for part in named]


def _asked(call: Call, name: str) -> str:
    """A query parameter that must be there. Raises `Refused` (400)."""
    text = call.request.query.get(name, "")
    if not text:
        raise Refused(400, f"The parameter {name} is missing.")
    return text


def _user(call: Call, user: User) -> dict[str, JSON]:
    shown: dict[str, JSON] = {"displayName": user.name, "active": user.active}
    if not user.hides_email:
        shown["emailAddress"] = user.email
    if call.world.flavour is Flavour.CLOUD:
        return {"self": f"{call.root}/user?accountId={user.id}", "accountId": user.id, "accountType": "atlassian", **shown}
    return {"self": f"{call.root}/user?username={user.id}", "key": user.id, "name": user.id, **shown}


def _attachment(call: Call, issue: Issue, position: int) -> JSON:
    file = issue.files[position]
    return {
        "self": f"{call.root}/attachment/{file.id}",
        "id": file.id,
        "filename": file.name,
        "created": _stamp(file.at),
        "size": len(file.content),
        "mimeType": "text/markdown",
        "content": f"{call.root}/attachment/content/{file.id}",
    }


def _stamp(moment: datetime) -> str:
    """A time as Jira writes it: ``2023-11-23T16:00:00.000+0000``."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+0000"


HANDLERS: Final[Mapping[HttpOperation, Handler]] = {
    operations.GET_CURRENT_USER: get_current_user,
    operations.GET_MY_PERMISSIONS: get_my_permissions,
    operations.GET_LEVELS: get_levels,
    operations.FIND_USERS: find_users,
    operations.FIND_READERS: find_readers,
    operations.SEARCH_CLOUD: search,
    operations.SEARCH_DATA_CENTER: search,
    operations.GET_ISSUE: get_issue,
    operations.CREATE_ISSUE: create_issue,
    operations.ADD_ATTACHMENT: add_attachment,
}
