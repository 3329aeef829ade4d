"""Where the ticket of an incident is, or belongs: in Jira, or in a local file because somebody in the run could read it there.

A ticket stays where it was opened. Before it is, any doubt whether Jira is a safe place, or can be reached at all, decides for the file.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from firedoor.errors import RateLimited, VendorError
from firedoor.model import Snapshot
from firedoor.vendors.jira.client import JiraClient, unsettled
from firedoor.vendors.jira.problems import Unsettled
from firedoor.vendors.jira.values import Issue, Place, Ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts(Snapshot):
    """``file`` is the path of the ticket file, ``holds`` the digest of what it holds, ``why`` the reason that it is not in Jira.

    In Jira: the id of the security ``level`` that it must have (empty: we may not set it), our ``issues`` of the incident, the oldest
    first, and who in the run could be their ``readers``.
    """

    place: Place
    why: str = ""
    file: str = ""
    holds: str = ""
    level: str = ""
    issues: tuple[Issue, ...] = ()
    readers: tuple[str, ...] = ()


async def whereabouts(jira: JiraClient, ticket: Ticket) -> Whereabouts:
    """Look for the ticket. Raises `Unsettled` where one may have been opened that Jira does not show yet, `RateLimited`, and any
    `VendorError` once something was begun: a file would then be a second ticket.
    """
    paper = jira.paper(ticket.marker)
    on_file = Whereabouts(place=Place.FILE, file=paper.path, holds=paper.sha256)
    if paper.sha256 or ticket.place is Place.FILE:
        return on_file
    if jira.place.place is Place.FILE:
        return replace(on_file, why="Jira is not configured")
    if ticket.accounts:
        return replace(on_file, why=f"{ticket.accounts[0]} is in this run")
    try:
        found = await _in_jira(jira, ticket)
    except (RateLimited, Unsettled):
        raise
    except VendorError as error:
        if ticket.begun is not None:
            raise
        return replace(on_file, why=error.what)
    if found.readers and not found.issues:
        return replace(on_file, why=f"{found.readers[0]} is in this run, and could read it in Jira")
    return found


async def _in_jira(jira: JiraClient, ticket: Ticket) -> Whereabouts:
    levels = await jira.levels(ticket.project)
    issues = await jira.find(ticket.project, ticket.marker) if ticket.marker else ()
    told = bool(issues) and (not ticket.evidence or ticket.evidence in issues[0].files)
    readers = () if told else await jira.readers(ticket.project, ticket.people)
    if not issues and not readers and await _may_be_hidden(jira, ticket):
        raise unsettled(ticket.marker)
    level = next((level.id for level in levels if level.name == ticket.security_level), "")
    return Whereabouts(place=Place.JIRA, level=level, issues=issues, readers=readers)


async def _may_be_hidden(jira: JiraClient, ticket: Ticket) -> bool:
    """Whether a process that died may have opened it so lately that search need not show it. This client knows its own part."""
    if ticket.begun is None or not ticket.marker or jira.saw_through(ticket.marker):
        return False
    return await jira.now() < ticket.begun + jira.index_lag
