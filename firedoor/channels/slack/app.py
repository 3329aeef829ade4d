"""The app: what the door lets in is handed to whom it concerns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from firedoor.channel import Office
from firedoor.channels.slack import alert, commands, deciding, home, ordering
from firedoor.channels.slack.audience import Audience
from firedoor.desk import Desk

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp


def listen(app: AsyncApp, *, desk: Desk, office: Office, audience: Audience) -> None:
    """Register the listeners. ``office`` takes people's orders, ``desk`` their decisions.

    People of other workspaces, in a shared channel, are nobody here.
    """
    forms = ordering.Ordering(office)
    ordering.listen(app, forms, audience=audience)
    alert.listen(app, forms, audience=audience)
    commands.listen(app, office=office, ordering=forms, audience=audience)
    deciding.listen(app, desk=desk, audience=audience)
    home.listen(app, office=office, desk=desk, audience=audience)
