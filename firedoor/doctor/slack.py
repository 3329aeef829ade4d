"""Slack: the tokens, their scopes, the channel, and the way by which Slack reaches Firedoor."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from firedoor.channels.slack import serving
from firedoor.clients import slack_client
from firedoor.doctor import clocks
from firedoor.doctor.checkup import Check, Diagnosis, Looks, failed, failure, not_checked, ok, untold, warning
from firedoor.doctor.identities import Identity, variable
from firedoor.errors import Forbidden, VendorError
from firedoor.permissions import MANIFEST, slack_scopes
from firedoor.settings import Settings
from firedoor.vendors.access import Access

if TYPE_CHECKING:
    from firedoor.vendors.slack.client import SlackClient

AREA: Final = "slack"
GROUPS: Final = "usergroups:read"
# Of each pair a token needs the one for the kind of channel that it is in.
PRIVATE, PUBLIC = "groups:", "channels:"


def is_set_up(settings: Settings) -> bool:
    """Whether Firedoor was told of Slack at all."""
    return bool(settings.slack_bot_token or settings.slack_app_token or settings.slack_signing_secret or settings.slack_channel)


def check(identity: Identity) -> Check:
    """The look at one bot token, and what it sees of the channel."""
    token = variable(identity.setting)
    return Check(
        area=AREA, at=token, look=partial(_look, identity), remedy=f"Set {token} to the app's bot token (xoxb-...), and slack_channel"
    )


def way_in(settings: Settings) -> Check:
    """The look at how Slack reaches Firedoor."""
    at = "FIREDOOR_SLACK_SIGNING_SECRET" if settings.slack_mode == "http" else "FIREDOOR_SLACK_APP_TOKEN"
    return Check(area=AREA, at=at, look=partial(_way_in, settings, at))


async def _look(identity: Identity) -> Looks:
    token = variable(identity.setting)
    async with slack_client(identity.settings, Access.READ) as client:
        bot = await client.whoami()
        yield ok(AREA, token, f"Slack knows it: bot {bot}")
        if identity.first:
            yield clocks.compared("Slack", await client.skew())
        private, channel = await _channel(client)
        yield await _scopes(client, identity, private=private)
        yield channel


async def _channel(client: SlackClient) -> tuple[bool, Diagnosis]:
    """Whether it is private, as it should be where nobody can tell; and how it stands."""
    at = f"slack_channel {client.channel_id}"
    try:
        channel = await client.channel(client.channel_id)
    except Forbidden as error:
        return True, untold(error, AREA, at)
    except VendorError as error:
        return True, failed(error, AREA, at)
    if channel.archived:
        return channel.private, failure(AREA, at, f"#{channel.name} is archived", "Set slack_channel to another")
    if not channel.joined:
        return channel.private, failure(AREA, at, f"the app is not in #{channel.name}", "Invite it there, or set slack_channel to another")
    return channel.private, ok(AREA, at, f"the app is in #{channel.name}, which is {'private' if channel.private else 'public'}")


async def _scopes(client: SlackClient, identity: Identity, *, private: bool) -> Diagnosis:
    at, needs = variable(identity.setting), needed(identity, private=private)
    held = await client.scopes()
    if held is None:
        remedy = f"Compare the app's bot scopes with {MANIFEST}: {', '.join(sorted(needs))}"
        return not_checked(AREA, at, "Slack does not tell its scopes", remedy)
    if lacks := needs - held:
        remedy = f"Add {'them' if len(lacks) > 1 else 'it'} to the app's bot scopes, as {MANIFEST} has them, and install the app again"
        return failure(AREA, at, f"it lacks {'the scopes' if len(lacks) > 1 else 'the scope'} {', '.join(sorted(lacks))}", remedy)
    if could := sorted(identity.never & held):
        says = f"it has {', '.join(could)}: what only looks could post"
        return warning(AREA, at, says, "Make it in an app of its own: `firedoor permissions slack --for preview`")
    return ok(AREA, at, f"it has all {len(needs)} scopes that are needed")


def needed(identity: Identity, *, private: bool) -> frozenset[str]:
    """The scopes for a bot token in a channel of that kind: for all that people are asked and told, or for reading alone."""
    if not identity.first:
        return frozenset(scope for scope in identity.needs if not scope.startswith(PUBLIC if private else PRIVATE))
    scopes = slack_scopes() - (frozenset() if identity.settings.slack_groups else {GROUPS})
    if private:
        return scopes
    return frozenset(PUBLIC + scope.removeprefix(PRIVATE) if scope.startswith(PRIVATE) else scope for scope in scopes)


async def _way_in(settings: Settings, at: str) -> Looks:
    if settings.slack_mode == "http":
        if settings.slack_signing_secret is None:
            yield failure(AREA, at, "it is not set, and slack_mode is http", "Set it to the app's signing secret (Basic Information)")
        else:
            says = f"only Slack can sign with it: it is proved by the first request to {settings.slack_listen}"
            yield not_checked(AREA, at, says, "Press a button, or save the request URL once more in the app's settings")
        return
    if settings.slack_app_token is None:
        remedy = "Set it to an app-level token (xapp-...) with connections:write, or slack_mode to http"
        yield failure(AREA, at, "it is not set, and slack_mode is socket", remedy)
        return
    await serving.check_app_token(settings)
    yield ok(AREA, at, "Slack opens a socket for it")
