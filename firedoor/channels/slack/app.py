"""The app: what reaches it is heard once, and handed to whom it concerns."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from firedoor.channel import Office
from firedoor.channels.slack import alert, commands, deciding, ordering
from firedoor.channels.slack.people import Payload
from firedoor.desk import Desk

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp

REMEMBERED: Final = 1000


def listen(app: AsyncApp, *, desk: Desk, office: Office, team: str) -> None:
    """Register the listeners. ``office`` takes people's orders, ``desk`` their decisions.

    ``team`` is our own workspace: people of others, in a shared channel, are nobody here.
    """
    seen: deque[str] = deque(maxlen=REMEMBERED)

    @app.middleware
    async def once(body: Payload, next_: Callable[[], Awaitable[Any]]) -> Any:
        """What people do reaches us once, however often Slack delivers it."""
        from slack_bolt.response import BoltResponse  # noqa: PLC0415

        if body.get("trigger_id") in seen:
            return BoltResponse(status=200)
        seen.append(str(body.get("trigger_id")))
        return await next_()

    forms = ordering.Ordering(office)
    ordering.listen(app, forms, desk=desk, team=team)
    alert.listen(app, forms, desk=desk, team=team)
    commands.listen(app, desk=desk, office=office, ordering=forms, team=team)
    deciding.listen(app, desk=desk, team=team)
