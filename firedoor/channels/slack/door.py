"""The door: whatever Slack delivers, by socket or by signed request, is answered within its three seconds and let in at most once.

What that means for each kind, where it is delivered again because an ack was lost, or a process died in the middle:

- Decisions and filled-in forms go in however often they come. The journal takes each person's decision once, and each form's run once, so
  one whose first delivery died before it was recorded is recorded by the next, and one that was recorded changes nothing. So does what only
  opens a view: Slack opens one for it.
- Commands and all other buttons may begin a run, so they go in at most once, over all processes. Slack itself does not repeat them:
  where no ack comes, it shows the person an error, and they do it again, which is another act. Should one come again after all, once a
  process has ended in between, nobody can tell how far that one got; the person is told so, and nothing is begun.
- Events are repeated by Slack until an ack comes. They go in at most once too, and are not acked before they are on record as seen.

Where the database is slow the ack comes first and the rest follows; where it fails nothing is begun, and the person gets words.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final, TypeVar

from firedoor.channels.slack import blocks
from firedoor.channels.slack.calls import told
from firedoor.channels.slack.envelope import Workspace, claimed, foreign, keys, who
from firedoor.channels.slack.people import Payload, answer, update
from firedoor.defect import kind_and_place
from firedoor.errors import ChannelError, JournalError
from firedoor.seen import Seen
from firedoor.vendors.slack.text import Block

if TYPE_CHECKING:
    from slack_bolt.request.async_request import AsyncBoltRequest
    from slack_bolt.response import BoltResponse
    from slack_sdk.web.async_client import AsyncWebClient

ACK_WITHIN: Final = 2.5  # of the three seconds that Slack waits
EMPTY_ACK_WITHIN: Final = 0.25  # where the ack tells nothing, and a person looks at a spinning wheel
REMEMBERED: Final = 2000
TELLING: Final = frozenset({"view_submission", "block_suggestion", "event_callback", "url_verification"})  # what their acks say matters
SLOW: Final = "Firedoor is slow just now. What became of this will stand here."
BEFORE: Final = (
    "Firedoor has had this before, and has been started again since, so it was not begun another time. "
    "If you were never answered, look at `firedoor runs`, and do it again."
)
STRANGE: Final = "Firedoor knows no such button or form. If it looks like one of Firedoor's, tell the other responders."

log = logging.getLogger(__name__)

R = TypeVar("R")
Dispatch = Callable[["AsyncBoltRequest"], Awaitable["BoltResponse"]]


class Door:
    """In front of the app's listeners (``dispatch``). ``channel`` is where people are told what no other address was given for."""

    def __init__(self, dispatch: Dispatch, *, here: Workspace, seen: Seen, web: AsyncWebClient, channel: str) -> None:
        self._dispatch = dispatch
        self._here = here
        self._seen = seen
        self._web = web
        self._channel = channel
        self._known: dict[str, bool] = {}  # in the order of their coming; whether it is settled that they go in
        self._tasks: set[asyncio.Task[Any]] = set()

    async def take(self, request: AsyncBoltRequest, *, signature: str = "") -> BoltResponse:
        """The answer for Slack, in time. ``signature`` is that of the signed request which it came in."""
        body = request.body
        if why := foreign(body, self._here):
            log.info("something that Slack delivered was dropped: %s", why)
            return _reply()
        names = keys(body, signature)
        if known := [self._known[one] for one in names if one in self._known]:
            return _reply() if all(known) or not _repeated(body) else _reply(status=503)
        self._remember(names, settled=False)
        entering = self._begin(self._enter(request, names))
        await asyncio.wait({entering}, timeout=ACK_WITHIN if body.get("type") in TELLING else EMPTY_ACK_WITHIN)
        if entering.done():
            return entering.result()
        self._begin(self._follow(body, entering))
        if _repeated(body):
            return _reply(status=503)  # it comes again, and finds out what became of it
        return _reply(blocks.outcome("Still at it", SLOW)) if body.get("type") == "view_submission" else _reply()

    async def close(self) -> None:
        """End what is still on its way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _enter(self, request: AsyncBoltRequest, names: tuple[str, ...]) -> BoltResponse:
        """Let it in, if it is the first of its kind. It is never raised from."""
        body = request.body
        try:
            first = not names or claimed(body) or await self._seen.first(*names)
        except JournalError as error:
            for name in names:
                self._known.pop(name, None)
            return self._refuse(body, "Not done", f"Nothing was begun: {error} Do it again in a moment.")
        self._remember(names, settled=True)
        if not first:
            return self._refuse(body, "Not begun again", BEFORE, again=True)
        try:
            response = await self._dispatch(request)
            if response.status != 404:
                return response
            return _reply() if _repeated(body) else self._refuse(body, "Not done", STRANGE)  # nobody listens for it; again, nobody would
        except Exception as defect:  # noqa: BLE001 - bolt answers for its listeners; what comes through is a shape that it cannot read
            log.error("what Slack delivered could not be read: %s", kind_and_place(defect))  # noqa: TRY400 - a traceback may quote it
            return _reply(status=400)

    def _remember(self, names: tuple[str, ...], *, settled: bool) -> None:
        self._known |= dict.fromkeys(names, settled)
        while len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]

    def _refuse(self, body: Payload, title: str, words: str, *, again: bool = False) -> BoltResponse:
        """Nothing is begun, and the person is told; an event that could not be recorded is left for Slack to deliver again."""
        if body.get("type") == "view_submission":
            return _reply(blocks.outcome(title, words))
        if not _repeated(body) or (again and body["event"].get("type") in ("app_mention", "message")):
            self._begin(self._tell(body, words))
        return _reply(status=200 if again or not _repeated(body) else 503)

    async def _tell(self, body: Payload, words: str) -> None:
        """Tell the person alone, by the address that came with what they did, or else in the channel."""
        from slack_bolt.context.respond.async_respond import AsyncRespond  # noqa: PLC0415 - loaded with Slack's SDK only

        if address := body.get("response_url"):
            return await answer(AsyncRespond(response_url=str(address)), blocks.answer(words))
        message = {name: value for name, value in blocks.answer(words).items() if name in ("text", "blocks")}
        try:
            await told(self._web.chat_postEphemeral(channel=self._channel, user=who(body), **message))
        except ChannelError as error:
            log.warning("a person could not be answered in Slack: %s", error.what)

    async def _follow(self, body: Payload, entering: asyncio.Task[BoltResponse]) -> None:
        """Show what became of a form that was acked before it was known."""
        response = await entering
        if body.get("type") == "view_submission":
            await update(self._web, str(body["view"]["id"]), _outcome(response))

    def _begin(self, work: Coroutine[Any, Any, R]) -> asyncio.Task[R]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _repeated(body: Payload) -> bool:
    """Whether Slack delivers it again until an ack comes."""
    return body.get("type") == "event_callback"


def _reply(view: Block | None = None, *, status: int = 200) -> BoltResponse:
    from slack_bolt.response import BoltResponse  # noqa: PLC0415 - loaded with Slack's SDK only

    return BoltResponse(status=status, body={"response_action": "update", "view": view} if view else "")


def _outcome(response: BoltResponse) -> Block:
    """A late ack of a form, as the view that tells it."""
    said = json.loads(response.body) if response.body.startswith("{") else {}
    if response.status == 200 and (view := said.get("view")):
        return dict(view)
    if errors := said.get("errors"):
        return blocks.outcome("Not taken", "; ".join(map(str, errors.values())))
    return blocks.outcome("Taken", "It is taken in.") if response.status == 200 else blocks.outcome("Not done", "It could not be taken in.")
