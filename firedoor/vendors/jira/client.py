"""Jira as Firedoor uses it, Cloud and Data Center, and the file that stands in for it. This is the only module that actions see.

Atlassian's Python library is not used: it repeats calls by itself, logs its headers, and some of its addresses are fixed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from firedoor.canonical import JSON
from firedoor.errors import BadInput, Malformed, Misconfigured, NotFound, Unavailable, VendorError
from firedoor.vendors import fields
from firedoor.vendors.access import Access, CallPolicy
from firedoor.vendors.http import Upload
from firedoor.vendors.jira import audience, operations, paper, replies
from firedoor.vendors.jira.paper import Paper
from firedoor.vendors.jira.problems import URL_SETTING, VENDOR, Unsettled
from firedoor.vendors.jira.values import Account, Draft, Flavour, Issue, Level, Place, Ticket, encoded
from firedoor.vendors.jira.wire import Site, Wire
from firedoor.vendors.jira.wording import adf, quotation

INDEX_LAG: Final = 120.0  # seconds; Atlassian says that Cloud's search shows most changes within seconds, and some after minutes
FIRST_LOOK, LONGEST_LOOK = 0.05, 2.0
MOST_FOUND: Final = "10"


class JiraClient:
    """An async context manager. A client made with `Access.READ` can write neither to Jira nor to a file, whoever asks it to.

    ``folder`` is where ticket files go; without a ``site`` there are only these. ``timeout`` is in seconds, for one attempt.
    ``index_lag`` is how many seconds Jira's search may lag behind a write. Raises `Misconfigured` where address, user or token cannot be
    used.

    Every method that asks Jira may raise `Misconfigured` (no site), `Unauthorized`, `Forbidden`, `NotFound`, `Rejected`, `RateLimited`,
    `Unreachable`, `Unavailable` and `Malformed`; `firedoor.vendors.jira.problems` tells which reply means which. A write raises
    `WriteRefused` on a read-only client, and its error's ``changed`` is None where its effect is unknown.
    """

    def __init__(
        self, *, access: Access, folder: Path, site: Site | None = None, timeout: float = 10.0, index_lag: float = INDEX_LAG
    ) -> None:
        if timeout <= 0:
            raise Misconfigured("the time allowed for an answer of Jira must be above 0 seconds", advice="Leave it out for 10 seconds")
        self.policy = CallPolicy(vendor=VENDOR, access=access, operations=operations.OPERATIONS)
        self.index_lag = timedelta(seconds=index_lag)
        self.place = _place(site)
        self._folder = folder
        self._landing = min(timeout, index_lag)
        self._site = None if site is None else Wire(site, policy=self.policy, timeout=timeout)
        # What became of the issues that this client set out to make, by their marker: the key, or None where none was made.
        self._ends: dict[str, str | None] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._site is not None:
            await self._site.close()

    async def now(self) -> datetime:
        """Jira's clock, at most about a second behind it; this machine's where Jira has not answered: a file must not wait for it."""
        if self._site is None:
            return datetime.now(UTC)
        if self._site.now() is None:
            with suppress(VendorError):
                await self.whoami()
        return self._site.now() or datetime.now(UTC)

    async def skew(self) -> timedelta:
        """How far Jira's clock is ahead of this machine's. Below about a second it means nothing."""
        await self.whoami()
        now = self._wire.now()
        if now is None:
            raise Malformed("Jira's answers carry no Date", vendor=VENDOR, operation="clock", advice=f"Check {URL_SETTING}")
        return now - datetime.now(UTC)

    async def whoami(self) -> Account:
        """The owner of the token (getCurrentUser)."""
        return await audience.whoami(self._wire)

    async def levels(self, project: str) -> tuple[Level, ...]:
        """The security levels that we may set on issues of the project (getSecurityLevelsForProject); none where we may set none."""
        return await self._wire.call(operations.GET_LEVELS, project, read=lambda body: fields.one(body, replies.levels), target=project)

    async def permissions(self, project: str, asked: Collection[str]) -> frozenset[str]:
        """Those of the permissions ``asked`` about (their keys) that the token's owner has in the project (getMyPermissions).

        Raises `NotFound` where there is no such project, or they may not see it.
        """
        query = [("projectKey", project), ("permissions", ",".join(sorted(asked)))]
        read = partial(fields.one, read=replies.permissions)
        held = await self._wire.call(operations.GET_MY_PERMISSIONS, query=query, read=read, target=project)
        return held & frozenset(asked)

    async def readers(self, project: str, people: Sequence[str]) -> tuple[str, ...]:
        """Those of ``people`` (e-mail addresses) whose Jira account may browse the project. Raises `Forbidden` where nobody can tell."""
        return await audience.readers(self._wire, project, people)

    async def find(self, project: str, marker: str) -> tuple[Issue, ...]:
        """Our issues of the project with that label, the oldest first (a search, then getIssue for each).

        Only what this account made itself: a label is anybody's to set. Search may not show a new issue for a while; one that this client
        made is looked at by its key, which is always up to date.
        """
        jql = f'project = "{project}" AND labels = "{marker}" AND creator = currentUser() ORDER BY created ASC'
        query = [("jql", jql), ("fields", "summary"), ("maxResults", MOST_FOUND)]
        operation = operations.SEARCH_CLOUD if self._wire.flavour is Flavour.CLOUD else operations.SEARCH_DATA_CENTER
        keys = await self._wire.call(operation, query=query, read=lambda body: fields.one(body, replies.issue_keys), target=marker)
        made = self._ends.get(marker)
        issues = [await self._issue(key, marker) for key in sorted({*keys, *([made] if made else [])}, key=_number)]
        return tuple(issue for issue in issues if issue is not None)

    def saw_through(self, marker: str) -> bool:
        """Whether this client set out to make that issue and waited to see what became of it: what search does not show is not there."""
        return marker in self._ends

    async def open_issue(self, draft: Draft) -> Issue:
        """Make an issue (createIssue), restricted to its level, with its marker as label. Never repeated: a second call makes a second one.

        Where the reply is lost, the issue is looked for until the search must show it: the caller is told of the issue, or gets the error
        when there is none to be seen by then.
        """
        _check(draft.marker)
        content: JSON = {
            "project": {"key": draft.project},
            "issuetype": {"name": draft.issue_type},
            "summary": draft.summary,
            "description": adf(draft.text) if self._wire.flavour is Flavour.CLOUD else quotation(draft.text),
            "labels": [draft.marker],
            "security": {"id": draft.level},
        }
        read = partial(replies.created, site=self._wire.url)
        try:
            made = await self._wire.call(
                operations.CREATE_ISSUE, data={"fields": content}, read=lambda body: fields.one(body, read), target=draft.marker
            )
        except VendorError as error:
            lost = error
        else:
            self._ends[draft.marker] = made.key
            return made
        if lost.changed is False:
            self._ends[draft.marker] = None
            raise lost
        found = await _watch(lambda: self.find(draft.project, draft.marker), self.index_lag.total_seconds())
        self._ends[draft.marker] = found[0].key if found else None
        if not found:
            raise lost
        return found[0]

    async def attach(self, project: str, marker: str, name: str, text: str) -> Issue:
        """Attach a report to the issue of that marker (addAttachment), unless one of that name is there: a second call attaches it twice.

        Raises `Unsettled` where there is no such issue to be seen. Where the reply is lost, the attachments are looked at for as long again
        as the request was given: it may still arrive.
        """
        found = await self.find(project, marker)
        if not found:
            raise unsettled(marker)
        issue = found[0]
        if name in issue.files:
            return issue
        upload = Upload(name=name, content=encoded(text), type="text/markdown")
        headers = [("X-Atlassian-Token", "no-check")]
        try:
            await self._wire.call(
                operations.ADD_ATTACHMENT,
                issue.key,
                upload=upload,
                headers=headers,
                read=lambda body: fields.many(body, replies.file_name),
                target=issue.key,
            )
        except VendorError as error:
            lost = error
        else:
            return issue
        if lost.changed is False or not await _watch(partial(self._landed, issue.key, marker, name), self._landing):
            raise lost
        return issue

    def paper(self, marker: str) -> Paper:
        """The ticket file of that marker, as it is; without a marker, the folder. Raises `Unavailable` where it cannot be read."""
        if not marker:
            return Paper(path=str(self._folder))
        try:
            return paper.look(self._folder, marker)
        except OSError as error:
            why = error.strerror or type(error).__name__
        raise _unwritten(marker, f"the ticket file cannot be read ({why})", changed=False)

    def write_paper(self, marker: str, text: str) -> Paper:
        """Write the ticket file. Raises `WriteRefused` on a read-only client, `Unavailable` where the disk does not take it."""
        self.policy.admit(operations.WRITE_FILE.name)
        _check(marker)
        try:
            paper.write(self._folder, marker, text)
        except OSError as error:
            why = error.strerror or type(error).__name__
        else:
            return self.paper(marker)
        raise _unwritten(marker, f"the ticket file cannot be written ({why})", changed=None)

    @property
    def _wire(self) -> Wire:
        if self._site is None:
            raise Misconfigured("Jira is not configured", advice=f"Set {URL_SETTING}, and the token and project that belong to it")
        return self._site

    async def _issue(self, key: str, marker: str) -> Issue | None:
        """An issue as it is now; None where it is gone, or the label has been taken off it, which search may not know yet."""
        read = partial(replies.issue, site=self._wire.url)
        query = [("fields", "labels,security,attachment")]
        with suppress(NotFound):
            issue, labels = await self._wire.call(
                operations.GET_ISSUE, key, query=query, read=lambda body: fields.one(body, read), target=marker
            )
            return issue if marker in labels else None
        return None

    async def _landed(self, key: str, marker: str, name: str) -> tuple[Issue, ...]:
        issue = await self._issue(key, marker)
        return (issue,) if issue is not None and name in issue.files else ()


def _number(key: str) -> int:
    return int(key.rpartition("-")[2])


def unsettled(marker: str) -> Unsettled:
    """Nothing is to be seen of a ticket that may have been opened."""
    return Unsettled(
        "a ticket may have been opened, and Jira's search may not show it yet",
        vendor=VENDOR,
        operation=operations.CREATE_ISSUE.name,
        target=marker,
        advice=f"Look in Jira for the label {marker} before another one is opened",
    )


def _check(marker: str) -> None:
    if not marker:
        raise BadInput("a ticket of no incident could never be found again, so none was opened", advice="This is a defect in Firedoor")


def _unwritten(marker: str, what: str, *, changed: bool | None) -> Unavailable:
    return Unavailable(
        what,
        vendor=VENDOR,
        operation=operations.WRITE_FILE.name,
        target=marker,
        changed=changed,
        advice="Make room and rights in the folder for tickets, below state_dir",
    )


def _place(site: Site | None) -> Ticket:
    if site is None:
        return Ticket(place=Place.FILE)
    return Ticket(place=Place.JIRA, project=site.project, issue_type=site.issue_type, security_level=site.security_level)


async def _watch(look: Callable[[], Awaitable[Sequence[Issue]]], seconds: float) -> Sequence[Issue]:
    """What ``look`` shows, as soon as it shows something; nothing after so many seconds. A look that fails shows nothing."""
    until, pause = time.monotonic() + seconds, FIRST_LOOK
    while True:
        with suppress(VendorError):
            if found := await look():
                return found
        left = until - time.monotonic()
        if left <= 0:
            return ()
        await asyncio.sleep(min(pause, left))
        pause = min(pause * 1.6, LONGEST_LOOK)
