"""The app: what the door lets in is handed to whom it concerns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from firedoor.channels.slack import commands, deciding
from firedoor.channels.slack.commands import Start
from firedoor.desk import Desk

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp


def listen(app: AsyncApp, *, desk: Desk, starts: Mapping[str, Start], team: str) -> None:
    """Register the listeners. ``starts`` are words after ``/firedoor``, each a function of the person's name and the rest of the line.

    ``team`` is our own workspace: people of others, in a shared channel, are nobody here.
    """
    commands.listen(app, desk=desk, commands=starts, team=team)
    deciding.listen(app, desk=desk, team=team)
