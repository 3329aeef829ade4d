from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from firedoor.vendors.jira.values import Ticket
from firedoor.vendors.jira.world import EVERYTHING
from tests.laws.worlds.base import Worlds
from tests.tasks.rooms.jira import ME

TARGET = {
    "place": "jira",
    "project": "SEC",
    "issue_type": "Task",
    "security_level": "Responders",
    "incident": "inc-1",
    "title": "Identity breach",
    "text": "# NOT contained\n\n- one door is open\n",
    "scope": ("okta:user:ada@acme.example",),
}


def sites() -> st.SearchStrategy[dict[str, Any]]:
    """A site of either flavour: an issue of the incident may be there, restricted or not, ours or another's; Ada may be a reader."""
    level = st.sampled_from(["10001", "10002", ""])
    issue = st.fixed_dictionaries(
        {"project": st.just("SEC"), "labels": st.just(["firedoor-inc-1"]), "level": level, "creator": st.sampled_from([ME, "ada"])}
    )
    ada = st.fixed_dictionaries(
        {
            "id": st.just("ada"),
            "email": st.just("ada@acme.example"),
            "token": st.just("canary-ada"),
            "permissions": st.sampled_from([[], ["BROWSE_PROJECTS"]]),
            "hides_email": st.booleans(),
        }
    )

    def project(*, restrictable: bool, known: bool) -> list[dict[str, Any]]:
        levels = [{"id": "10001", "name": "Responders", "members": [ME]}, {"id": "10002", "name": "Staff", "members": [ME, "ada"]}]
        return [{"key": "SEC", "levels": levels if known else levels[1:], "restrictable": restrictable}]

    return st.fixed_dictionaries(
        {
            "flavour": st.sampled_from(["cloud", "data_center"]),
            "users": ada.map(lambda one: [one]),
            "projects": st.builds(project, restrictable=st.just(value=True), known=st.booleans()),
            "issues": st.lists(issue, max_size=2),
            "jira": st.sampled_from(["here", "none", "down"]),
            "lacks": st.lists(st.sampled_from(EVERYTHING[3:]), max_size=1),
        }
    )


WORLDS = Worlds(targets={Ticket: TARGET}, worlds={Ticket: sites()})
