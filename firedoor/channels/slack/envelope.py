"""What came in from Slack, looked at from outside: whose it is, who did it, what tells it from all others. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from firedoor.channels.slack import alert, blocks, forms, home
from firedoor.channels.slack.people import Payload
from firedoor.seen import key

# What these begin is claimed in the journal, once, whoever asks for it how often: a decision by its request, a run by the name that its
# form was opened with. Or they begin nothing: a view opens, or follows a choice.
CLAIMED: Final = frozenset({blocks.APPROVE, blocks.DENY, blocks.STOP, blocks.DECIDE, forms.CONTAIN})
LOOKING: Final = frozenset({forms.CHOOSE, home.LOOK, home.REFUSE, alert.CONTAIN_FROM_ALERT})
LOOKS: Final = frozenset({"block_suggestion", "view_closed", "url_verification"})
SLACKBOT: Final = "USLACKBOT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """Where the app is installed, by the ids that Slack gave for its own token. ``bot`` and ``member`` are the app's own."""

    team: str
    enterprise: str
    app: str
    bot: str
    member: str


def foreign(body: Payload, here: Workspace) -> str:
    """Why what came is not for us to hear: another app, another workspace, no person. Empty where it is."""
    if body.get("type") == "url_verification":
        return ""
    if not _shaped(body):
        return "it lacks what Slack puts into everything of its type"
    if body.get("api_app_id", here.app) != here.app:
        return "it is of another app"
    if not any(_same(one, here) for one in _installations(body)):
        return "it is of another workspace"
    event = _part(body, "event")
    if who(body) in (here.member, SLACKBOT) or any(map(_by_bot, (event, _part(event, "message"), _part(event, "previous_message")))):
        return "a bot did it"
    return "" if who(body) or event else "nobody did it"


def keys(body: Payload, signature: str = "") -> tuple[str, ...]:
    """What tells it from all others, however often it is delivered: its own id, and for a signed request the signature.

    A trigger id is new at each thing that a person does: a second click has another, and so has a form that is submitted again after its
    errors were mended (its view is still the same, hash and all). Only what is delivered again has the same. An event has an id of its own.
    """
    found = []
    if kept := body.get("trigger_id"):
        found.append(key(str(body.get("type") or "command"), str(kept)))
    elif event := body.get("event_id"):
        found.append(key("event", str(event)))
    if signature:
        found.append(key("signature", signature))
    return tuple(found)


def claimed(body: Payload) -> bool:
    """Whether it may come again without harm: the journal makes it once, or it only looks."""
    match body.get("type"):
        case "block_actions":
            return all(one.get("action_id") in CLAIMED | LOOKING for one in body.get("actions", ()))
        case "view_submission":
            return _part(body, "view").get("callback_id") in CLAIMED
        case "message_action" | "shortcut":
            return body.get("callback_id") in LOOKING
        case kind:
            return kind in LOOKS


def who(body: Payload) -> str:
    """The member id of whoever did it; empty where nobody is named."""
    user = body.get("user_id") or body.get("user") or _part(body, "event").get("user") or ""
    return str(user.get("id", "") if isinstance(user, Mapping) else user)


def _shaped(body: Payload) -> bool:
    """Whether it has the parts that are relied upon here."""
    actions, view = body.get("actions"), _part(body, "view")
    match body.get("type"):
        case "event_callback":
            return isinstance(body.get("event"), Mapping)
        case "block_actions":
            pressed = actions if isinstance(actions, list) and actions else [None]
            names = [one.get("action_id") if isinstance(one, Mapping) else None for one in pressed]
            names += [_part(body, "container").get("type")]
        case "view_submission":
            names = [view.get("callback_id"), view.get("id")]
        case "message_action" | "shortcut":
            names = [body.get("callback_id")]
        case _:
            return True
    return all(isinstance(one, str) for one in (*names, body.get("trigger_id"), _part(body, "user").get("id")))


def _installations(body: Payload) -> list[tuple[str, str]]:
    """The team and the enterprise that it was sent for. An event of a shared channel may be another team's, and still be sent for ours."""
    authorizations = body.get("authorizations")
    if isinstance(authorizations, list):
        return [(str(one.get("team_id") or ""), str(one.get("enterprise_id") or "")) for one in authorizations if isinstance(one, Mapping)]
    team, enterprise = _part(body, "team"), _part(body, "enterprise")
    return [(str(body.get("team_id") or team.get("id") or ""), str(body.get("enterprise_id") or enterprise.get("id") or ""))]


def _same(installation: tuple[str, str], here: Workspace) -> bool:
    team, enterprise = installation
    return team == here.team and enterprise in ("", here.enterprise)


def _by_bot(message: Mapping[str, Any]) -> bool:
    return bool(message.get("bot_id") or message.get("bot_profile") or message.get("subtype") == "bot_message")


def _part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = body.get(name)
    return part if isinstance(part, Mapping) else {}
