"""The simulated Jira's rules: users, projects with security levels, issues, and a search whose index may be late.

What it leaves out: workflows, comments, links, custom fields, editing, groups and roles (who may what is said of each user), moving and
deleting issues, and clusters. A new issue is shown by search once the index has it; everything else shows at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from firedoor.canonical import JSON
from firedoor.errors import BadInput, nearest
from firedoor.vendors.jira.values import LONGEST_SUMMARY, Flavour

EVERYTHING: Final = (
    "BROWSE_PROJECTS",
    "CREATE_ISSUES",
    "CREATE_ATTACHMENTS",
    "SET_ISSUE_SECURITY",
    "ADMINISTER_PROJECTS",
    "USER_PICKER",
)
FIRST_DAY: Final = datetime(2023, 1, 1, tzinfo=UTC)
LARGEST: Final = 10 * 1024 * 1024

_KEYS: Final = {
    "users": {"id", "email", "name", "token", "permissions", "hides_email", "active"},
    "projects": {"key", "issue_types", "levels", "restrictable"},
    "issues": {"project", "summary", "labels", "level", "creator", "files"},
}


class FieldsRefused(Exception):
    """Jira refuses to make the issue: what is wrong, by field."""

    def __init__(self, **errors: str) -> None:
        super().__init__(", ".join(errors))
        self.errors = errors


@dataclass(slots=True, kw_only=True)
class User:
    """A user. ``permissions`` hold in every project. ``id`` is the account id of Cloud, and the username of Data Center."""

    id: str
    email: str
    name: str = "Sim User"
    token: str = field(default="", repr=False)
    permissions: Sequence[str] = ()
    hides_email: bool = False
    active: bool = True

    def may(self, permission: str) -> bool:
        """Whether they have the permission."""
        return self.active and permission in self.permissions


@dataclass(slots=True, kw_only=True)
class Level:
    """A security level: issues of that level are seen by its members only."""

    id: str
    name: str
    members: Sequence[str]


@dataclass(slots=True, kw_only=True)
class Project:
    """A project. ``restrictable``: the security level is on its create screen."""

    key: str
    issue_types: Sequence[str] = ("Task",)
    levels: Sequence[Level] = ()
    restrictable: bool = True


@dataclass(slots=True, kw_only=True)
class Attachment:
    """A file of an issue."""

    id: str
    name: str
    content: bytes = field(repr=False)
    by: str
    at: datetime


@dataclass(slots=True, kw_only=True)
class Issue:
    """An issue; search shows it from ``indexed`` on. ``level`` is the id of its security level, empty where it has none."""

    id: str
    key: str
    project: Project
    issue_type: str
    summary: str
    labels: Sequence[str]
    level: str
    creator: str
    indexed: datetime
    description: JSON = None
    files: list[Attachment] = field(default_factory=list)

    def seen_by(self, user: User) -> bool:
        """Whether the user sees it at all."""
        members = next((level.members for level in self.project.levels if level.id == self.level), None)
        return user.may("BROWSE_PROJECTS") and (members is None or user.id in members)


class JiraWorld:
    """The site, empty at first; `world_of` makes one from plain data. ``clock`` is its own time (aware, UTC)."""

    def __init__(self, *, flavour: Flavour, clock: Callable[[], datetime] | None = None) -> None:
        self.flavour = flavour
        self.clock = clock or (lambda: datetime.now(UTC))
        self.index_lag = timedelta(0)
        self.users: dict[str, User] = {}
        self.projects: dict[str, Project] = {}
        self.issues: dict[str, Issue] = {}
        self._minted = 10_000

    def create(self, user: User, fields: Mapping[str, JSON]) -> Issue:
        """A new issue. Raises `FieldsRefused`."""
        project = self.projects.get(_named(fields.get("project"), "key"))
        if project is None or not user.may("BROWSE_PROJECTS"):
            raise FieldsRefused(project="valid project is required")
        kind, summary, labels = _named(fields.get("issuetype"), "name"), fields.get("summary"), fields.get("labels") or []
        if kind not in project.issue_types:
            raise FieldsRefused(issuetype="The issue type selected is invalid.")
        if not isinstance(summary, str) or not summary.strip() or "\n" in summary or len(summary) > LONGEST_SUMMARY:
            raise FieldsRefused(summary="You must specify a summary of the issue, of one line and at most 255 characters.")
        if not isinstance(labels, list) or not all(isinstance(one, str) and one and " " not in one for one in labels):
            raise FieldsRefused(labels="The label contains spaces which is invalid.")
        if unknown := fields.keys() - {"project", "issuetype", "summary", "labels", "description", "security"}:
            raise FieldsRefused(**dict.fromkeys(unknown, "Field cannot be set. It is not on the appropriate screen, or unknown."))
        issue = Issue(
            id=self.mint(),
            key=f"{project.key}-{sum(each.project is project for each in self.issues.values()) + 1}",
            project=project,
            issue_type=kind,
            summary=summary,
            labels=[str(label) for label in labels],
            level=self._level(project, user, fields),
            creator=user.id,
            indexed=self.clock() + self.index_lag,
            description=self._description(fields.get("description")),
        )
        self.issues[issue.id] = issue
        return issue

    def attach(self, issue: Issue, user: User, name: str, content: bytes) -> Attachment:
        """One more file, whatever is there already."""
        made = Attachment(id=self.mint(), name=name, content=content, by=user.id, at=self.clock())
        issue.files.append(made)
        return made

    def issue(self, id_or_key: str, user: User) -> Issue | None:
        """An issue that the user sees."""
        found = self.issues.get(id_or_key) or next((issue for issue in self.issues.values() if issue.key == id_or_key), None)
        return found if found is not None and found.seen_by(user) else None

    def search(self, user: User, project: str, label: str) -> list[Issue]:
        """Their own issues of a project with a label, as far as the index goes, the oldest first."""
        now = self.clock()
        return [
            issue
            for issue in self.issues.values()
            if issue.project.key == project and label in issue.labels and issue.creator == user.id and issue.seen_by(user)
            if issue.indexed <= now
        ]

    def people(self, words: str) -> list[User]:
        """Active users whose address, name or username begins with the words."""
        begins = words.lower()
        return [
            user for user in self.users.values() if user.active and any(_begins(text, begins) for text in (user.email, user.name, user.id))
        ]

    def mint(self) -> str:
        """A new id, the same in every world where the same things are done."""
        self._minted += 1
        return str(self._minted)

    def state(self) -> dict[str, JSON]:
        """The issues as plain data, to compare with what they should be."""
        return {
            issue.key: {
                "project": issue.project.key,
                "type": issue.issue_type,
                "summary": issue.summary,
                "labels": list(issue.labels),
                "level": next((level.name for level in issue.project.levels if level.id == issue.level), ""),
                "creator": issue.creator,
                "files": [file.name for file in issue.files],
            }
            for issue in self.issues.values()
        }

    def _level(self, project: Project, user: User, fields: Mapping[str, JSON]) -> str:
        if "security" not in fields:
            return ""
        if not project.restrictable or not user.may("SET_ISSUE_SECURITY"):
            raise FieldsRefused(security="Field 'security' cannot be set. It is not on the appropriate screen, or unknown.")
        wanted = _named(fields["security"], "id")
        if wanted not in {level.id for level in project.levels if user.id in level.members}:
            raise FieldsRefused(security="The security level is not valid.")
        return wanted

    def _description(self, given: JSON) -> JSON:
        if self.flavour is Flavour.CLOUD and given is not None and not (isinstance(given, Mapping) and given.get("type") == "doc"):
            raise FieldsRefused(description="Operation value must be an Atlassian Document (see the Atlassian Document Format)")
        if self.flavour is Flavour.DATA_CENTER and given is not None and not isinstance(given, str):
            raise FieldsRefused(description="Operation value must be a string")
        return given


def world_of(
    data: Mapping[str, Sequence[Mapping[str, object]]], *, flavour: Flavour, clock: Callable[[], datetime] | None = None
) -> JiraWorld:
    """The site that the data describes. Raises `BadInput` for keys that nothing reads: a misspelt one would mean something else.

    users:    [{id: 5b10, email: ada@acme.example, token: ..., permissions: [BROWSE_PROJECTS], hides_email: true}]
    projects: [{key: SEC, issue_types: [Task], levels: [{id: '10001', name: Responders, members: [5b10]}], restrictable: true}]
    issues:   [{project: SEC, summary: ..., labels: [firedoor-i], level: '10001', creator: 5b10, files: {report.md: content}}]
    """
    _check(data)
    world = JiraWorld(flavour=flavour, clock=clock)
    for row in data.get("users", ()):
        user = User(**row)  # type: ignore[arg-type]
        world.users[user.id] = user
    for row in data.get("projects", ()):
        levels: object = row.get("levels", ())
        assert isinstance(levels, Sequence)
        project = Project(**{**row, "levels": [Level(**level) for level in levels]})  # type: ignore[arg-type]
        world.projects[project.key] = project
    for row in data.get("issues", ()):
        _add(world, row)
    return world


def _add(world: JiraWorld, row: Mapping[str, object]) -> None:
    project = world.projects[str(row["project"])]
    labels, files = row.get("labels", ()), row.get("files", {})
    assert isinstance(labels, Sequence)
    assert isinstance(files, Mapping)
    issue = Issue(
        id=world.mint(),
        key=f"{project.key}-{len(world.issues) + 1}",
        project=project,
        issue_type=project.issue_types[0],
        summary=str(row.get("summary", "an issue")),
        labels=[str(label) for label in labels],
        level=str(row.get("level", "")),
        creator=str(row["creator"]),
        indexed=FIRST_DAY,
    )
    world.issues[issue.id] = issue
    for name, content in files.items():
        world.attach(issue, world.users[issue.creator], str(name), str(content).encode())


def _check(data: Mapping[str, Sequence[Mapping[str, object]]]) -> None:
    for kind, rows in data.items():
        if kind not in _KEYS:
            raise BadInput(f"a simulated Jira has no {kind!r}{nearest(kind, _KEYS)}", advice=f"Use: {', '.join(_KEYS)}")
        for row in rows:
            for key in row.keys() - _KEYS[kind]:
                raise BadInput(f"{kind} have no {key!r}{nearest(key, _KEYS[kind])}", advice=f"Use: {', '.join(sorted(_KEYS[kind]))}")


def _begins(text: str, begins: str) -> bool:
    return bool(begins) and any(word.startswith(begins) for word in (text.lower(), *text.lower().split()))


def _named(value: JSON, key: str) -> str:
    found = value.get(key) if isinstance(value, Mapping) else None
    return found if isinstance(found, str) else ""
