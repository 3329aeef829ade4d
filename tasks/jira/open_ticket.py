"""Open the ticket of an incident, restricted, with the report attached.

The ticket is found again by its label, `firedoor-<incident>`, on an issue that this account made: found means that nothing is opened. Jira
has no way to say "once": where the reply to the opening is lost, the client looks for the issue until Jira's search must show it, and only
then may another be opened. The report is attached under a name made of its content, so the same report is there once.

It goes to a local file instead where somebody in the run could read it in Jira: their e-mail address belongs to an account that may browse
the project, or an Atlassian account is itself in the run. So it does where Jira is not configured, does not answer, or refuses us. Nobody
is asked; the report names the place.

It never opens a ticket that everybody in the project can read: where the security level cannot be set, it says so and opens none. It cannot
see administrators who could give themselves access to the project or the level, and it does not close the ticket: that is its owner's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from firedoor.action import Action, Spec
from firedoor.model import Change, Intent, Plan, Receipt, Residual, Reversal, Tier
from firedoor.vendors.jira.client import JiraClient
from firedoor.vendors.jira.values import Draft, Place, Ticket, paper, sha256
from firedoor.vendors.jira.whereabouts import Whereabouts, whereabouts


class OpenTicket(Action[Ticket, Whereabouts]):
    """`POST /rest/api/3/issue` and `POST /rest/api/3/issue/{key}/attachments`; version 2 of them at Data Center."""

    spec = Spec(
        id="jira.open_ticket",
        title="Open the ticket of an incident",
        reads=frozenset({"BROWSE_PROJECTS", "SET_ISSUE_SECURITY", "USER_PICKER", "ADMINISTER_PROJECTS"}),
        writes=frozenset({"CREATE_ISSUES", "CREATE_ATTACHMENTS"}),
        tier=Tier.AUTO,
        reversal=Reversal.OWNER,
        limit=1,
        settle_within=180.0,
        unestablished=(
            "how long Jira Cloud's search may lag at most; Atlassian says seconds, and sometimes minutes: two are allowed for",
            "whether a user who hides their e-mail address is found by it",
            "whether Jira counts the markup of a description against its 32,767 characters; 20,000 of the report are used",
        ),
        pages=(
            "https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/",
            "https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-attachments/",
            "https://developer.atlassian.com/cloud/jira/platform/search-and-reconcile/",
        ),
    )
    target = Ticket

    def __init__(self, jira: JiraClient) -> None:
        self._jira = jira

    async def clock(self, target: Ticket) -> datetime:
        """Jira's, or this machine's where Jira does not answer: a ticket file does not wait for it."""
        del target
        return await self._jira.now()

    def lease(self, target: Ticket) -> str:
        """The incident's ticket."""
        return f"jira:ticket:{target.marker}"

    async def read(self, target: Ticket) -> Whereabouts:
        """Where the ticket is, or belongs."""
        return await whereabouts(self._jira, target)

    def plan(self, target: Ticket, before: Whereabouts) -> Plan:
        """To open it, and to attach the report once there is one."""
        if before.place is Place.FILE:
            if before.holds == sha256(paper(target.summary, target.text)):
                return Plan(reason=f"the ticket is in {before.file}")
            return Plan(changes=(_opening(target, before),))
        return _plan_in_jira(target, before)

    async def apply(self, change: Change, intent: Intent) -> Receipt:
        """Open it, in Jira or as a file, or attach the report. No call is repeated blindly."""
        at, text = change.at, str(change.after["text"])
        if change.key == "attach":
            issue = await self._jira.attach(at["project"], at["marker"], at["name"], text)
        elif change.before["place"] == Place.FILE:
            self._jira.write_paper(at["marker"], paper(str(change.after["summary"]), text))
            return self.receipt(change, intent)
        else:
            level, summary = str(change.before["level"]), str(change.after["summary"])
            draft = Draft(project=at["project"], issue_type=at["issue_type"], level=level, marker=at["marker"], summary=summary, text=text)
            issue = await self._jira.open_issue(draft)
        return replace(self.receipt(change, intent), facts={"ticket": issue.key, "url": issue.url})

    def receipt(self, change: Change, intent: Intent) -> Receipt:
        """Which ticket it is, where that was known before."""
        facts = {name: change.before[name] for name in ("ticket", "url") if name in change.before}
        return Receipt(change=change.key, at=intent.at, facts=facts)

    def residuals(self, target: Ticket, now: Whereabouts) -> Sequence[Residual]:
        """A ticket that a person has to take into Jira, and tickets that are there twice."""
        moved = "taking it into Jira by hand, once nobody who is contained could read it there"
        paper_only = Residual(
            what=f"the ticket as a local file, {now.file}: {now.why}", until="somebody takes it into Jira", closes_by=moved
        )
        closed = "closing the one without the report, by hand"
        return (
            *((paper_only,) if target.place is Place.JIRA and now.why else ()),
            *(
                Residual(what=f"{issue.key}, with the same label as {now.issues[0].key}", until="one of them is closed", closes_by=closed)
                for issue in now.issues[1:]
            ),
        )


def _plan_in_jira(target: Ticket, before: Whereabouts) -> Plan:
    level = f"the security level {target.security_level!r}"
    attaching = (_attaching(target, before),) if target.evidence else ()
    if not before.issues:
        if before.level:
            return Plan(changes=(_opening(target, before), *attaching))
        words = f"{target.project} has not {level} among those that Firedoor may set, and a ticket that is open to all is never made"
        return Plan(impossible=f"{words}; set jira_security_level, or give Firedoor's account that level and SET_ISSUE_SECURITY")
    issue = before.issues[0]
    if not issue.level or issue.level != before.level:
        return Plan(impossible=f"{issue.key} has not {level}: restrict it by hand, then resume the run to have the report attached")
    if not attaching or target.evidence in issue.files:
        return Plan(reason=f"the ticket is {issue.key}: {issue.url}")
    if before.readers:
        words = f"{before.readers[0]} is in this run and could read {issue.key}, so the report is not attached"
        return Plan(impossible=f"{words}; keep it from them by hand, then resume the run")
    return Plan(changes=attaching)


def _opening(target: Ticket, before: Whereabouts) -> Change:
    """To open it. Where is no part of the effect: it is the same ticket in either place, and opened once."""
    here = before.place is Place.FILE
    known = {"ticket": before.file.rpartition("/")[2], "url": before.file} if here else {"level": before.level}
    return Change(
        key="open",
        subject=f"jira:ticket:{target.marker}",
        says=f"write the ticket to {before.file}"
        if here
        else f"open a ticket in {target.project}, restricted to {target.security_level!r}",
        at={"marker": target.marker, "project": target.project, "issue_type": target.issue_type},
        before={"place": before.place.value, **known},
        after={"summary": target.summary, "text": target.text},
    )


def _attaching(target: Ticket, before: Whereabouts) -> Change:
    return Change(
        key="attach",
        subject=f"jira:ticket:{target.marker}",
        says=f"attach the report as {target.evidence}",
        at={"marker": target.marker, "project": target.project, "name": target.evidence},
        before={"ticket": before.issues[0].key, "url": before.issues[0].url} if before.issues else {},
        after={"text": target.text},
    )
