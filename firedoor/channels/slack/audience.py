"""Who is called upon to decide, and whether somebody who does is still who the roster says: asked of Slack at the moment they act."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from firedoor.approval import Person, Request, Roster, Way, eligible
from firedoor.channels.slack.calls import SlackRefused, told
from firedoor.errors import ChannelError, DecisionRefused

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

MOST_CALLED: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """The roster, our own workspace, and the user groups that are asked, in turn. Without groups, the roster alone counts."""

    roster: Roster
    team: str
    groups: tuple[str, ...] = ()

    def mention(self, request: Request, *, urgency: int, decided: Sequence[str] = ()) -> str:
        """Those who are to decide, in Slack's form: at first the first group, then one more each time; without groups, each who may."""
        if request.way is not Way.ORDINARY:
            return "<!channel>"
        if self.groups:
            return " ".join(f"<!subteam^{group}>" for group in self.groups[: urgency + 1])
        waited_for = [person for person in eligible(request, self.roster) if person.name not in decided]
        if urgency > 1 or len(waited_for) > MOST_CALLED:
            return "<!channel>" if urgency else ""
        return " ".join(f"<@{person.slack}>" for person in waited_for if person.slack)

    async def person(self, client: AsyncWebClient, member: str, from_team: str, *, decides: bool = False) -> Person | None:
        """The person on the roster with that member id, as Slack has them now; None for a stranger. Whoever ``decides`` is in a group.

        Raises `DecisionRefused` in words for them where their account is no longer one that may act here, or Slack does not say.
        Source: docs.slack.dev, "User object" (deleted, is_bot, is_restricted, is_ultra_restricted, is_stranger) and usergroups.users.list.
        """
        person = self.roster.by_slack(member) if from_team == self.team else None
        if person is None:
            return None
        try:
            user: Any = (await told(client.users_info(user=member)))["user"]
            asked = self.groups if decides else ()
            groups = [set((await told(client.usergroups_users_list(usergroup=group)))["users"]) for group in asked]
        except SlackRefused as refused:
            if refused.code in ("user_not_found", "user_not_visible"):
                raise _no_longer("Slack knows no such member any more") from refused
            raise DecisionRefused(f"Slack did not say whether your account is in order ({refused.code})", advice=_OTHERWISE) from refused
        except ChannelError as silent:
            raise DecisionRefused("Slack did not say whether your account is in order", advice=_OTHERWISE) from silent
        if user.get("team_id") != self.team or user.get("is_stranger"):
            raise _no_longer("your account belongs to another workspace")
        for flag, words in _FLAGS.items():
            if user.get(flag):
                raise _no_longer(words)
        if groups and not any(member in group for group in groups):
            raise DecisionRefused("you are in none of the user groups that decide here", advice="Ask somebody who is on call")
        return person


_OTHERWISE: Final = "Try again, or sign at your own terminal: firedoor approve|deny|stop RUN --key FILE"
_FLAGS: Final = {
    "deleted": "your account is deactivated",
    "is_bot": "bots have no say here",
    "is_restricted": "guests have no say here",
    "is_ultra_restricted": "guests have no say here",
}


def _no_longer(why: str) -> DecisionRefused:
    return DecisionRefused(f"{why}, whatever the roster says", advice="Ask another approver, and have the roster mended")
