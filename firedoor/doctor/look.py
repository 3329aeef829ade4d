"""All checks for an estate, by its settings: what is set up is looked at, and what is not is said."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from firedoor.doctor import accounts, aws, facts, jira, journal, okta, prefect, roster, slack
from firedoor.doctor.checkup import Check, Diagnosis, Looks, examine, not_checked
from firedoor.doctor.identities import identities
from firedoor.permissions import Shelf
from firedoor.settings import Settings


async def diagnose(settings: Settings, on: Shelf) -> Sequence[Diagnosis]:
    """Everything that was looked at, changed by nothing. Credentials are measured by what is needed for all that is ``on`` the shelf."""
    # The same may be found with several identities, which then is said once.
    return tuple(dict.fromkeys(await examine(checks(settings, on))))


def checks(settings: Settings, on: Shelf) -> Sequence[Check]:
    """The checks that there is reason for."""
    found: list[Check] = []
    for area, is_set_up, look, without in (
        (okta, okta.is_set_up(settings), okta.check, "Okta is not set up, so nothing there can be contained"),
        (aws, aws.is_set_up(settings), aws.check, "AWS is not set up, so nothing there can be contained"),
        (slack, slack.is_set_up(settings), slack.check, "Slack is not set up, so people are asked at terminals, by signature"),
        (jira, jira.is_set_up(settings), jira.check, "Jira is not set up, so tickets are files in the state folder"),
    ):
        if is_set_up:
            found += [look(one) for one in identities(area.AREA, settings, on)]
        else:
            found.append(Check(area=area.AREA, at="settings", look=_without(area.AREA, without)))
    if slack.is_set_up(settings):
        found.append(slack.way_in(settings))
    found += roster.checks(settings)
    if okta.is_set_up(settings):
        found.append(accounts.check(settings))
    found.append(journal.check(settings))
    found.append(facts.check(settings, on))
    return [*found, prefect.check()] if prefect.is_set_up() else found


def _without(area: str, says: str) -> Callable[[], Looks]:
    async def look() -> Looks:
        yield not_checked(area, "settings", says, "Set it up as README.md says, if you have it")

    return look
