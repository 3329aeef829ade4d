"""Find where tickets go: the project of the configuration, or another one of the same Jira; a local file where there is no Jira.

It names the place and no more. Whether a ticket may go there is looked at again when it is opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from firedoor.action import Query, QuerySpec
from firedoor.errors import BadInput, NotFound, VendorError
from firedoor.vendors.jira.client import JiraClient
from firedoor.vendors.jira.values import Place, Ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """The key of a project; empty for the one that is configured."""

    project: str = ""


class FindPlace(Query[Where, Ticket]):
    """The one ticket, not yet told of its incident."""

    spec = QuerySpec(
        id="jira.find_place",
        title="Find where the ticket of an incident goes",
        reads=frozenset({"BROWSE_PROJECTS"}),
        pages=("https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-security-level/",),
    )
    question = Where
    target = Ticket

    def __init__(self, jira: JiraClient) -> None:
        self._jira = jira

    async def find(self, question: Where) -> Sequence[Ticket]:
        """The ticket. Raises `BadInput` where Jira knows no such project; a Jira that does not answer holds nothing up."""
        place = self._jira.place
        if place.place is Place.FILE or not question.project:
            return (place,)
        asked = replace(place, project=question.project)
        try:
            await self._jira.levels(asked.project)
        except NotFound as missing:
            raise BadInput("Jira knows no such project, or hides it from us", target=asked.project, advice="Check its key") from missing
        except VendorError:
            pass  # the ticket then goes to a file
        return (asked,)
