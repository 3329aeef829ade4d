"""Slack's Web API as Firedoor uses it to act. This is the only module through which tasks talk to Slack.

It stands on slack-sdk's `AsyncWebClient`, which sends through `firedoor.vendors.slack.web`. Where people are asked is another client: see
`firedoor.channels.slack`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from firedoor.errors import Malformed, Misconfigured, VendorError
from firedoor.vendors.access import Access, CallPolicy
from firedoor.vendors.retry import send
from firedoor.vendors.slack import operations, replies
from firedoor.vendors.slack.notices import blocks, fallback
from firedoor.vendors.slack.operations import SlackOperation
from firedoor.vendors.slack.problems import VENDOR, TooLong
from firedoor.vendors.slack.values import ChannelRecord, Mark, MessageRecord, PersonRecord, Words, check_channel, check_person

if TYPE_CHECKING:
    from firedoor.vendors.slack.web import GuardedWeb, HoldsSecret

T = TypeVar("T")

SLACK: Final = "https://slack.com/api/"
PAGE: Final = 200  # what Slack recommends
MOST_PAGES: Final = 10
# Not even a name typed as plain text becomes a mention, nothing is formatted, and no link is unfolded.
_VERBATIM: Final[Mapping[str, object]] = {
    "parse": "none",
    "link_names": False,
    "mrkdwn": False,
    "unfurl_links": False,
    "unfurl_media": False,
}


class SlackClient:
    """An async context manager. A client made with `Access.READ` cannot post, whoever asks it to.

    ``token`` is the app's bot token or a holder of one, ``channel`` the id of the prepared channel: no other is read or posted to.
    ``base_url`` is the Web API's address (plain http only to loopback), ``timeout`` seconds for one attempt. Neither environment nor files
    are read. Raises `Misconfigured` where address or token cannot be used, `BadInput` where the channel cannot be an id.

    Every method may raise `Unauthorized`, `Forbidden`, `NotFound`, `Conflict`, `Rejected`, `RateLimited`, `Unreachable`, `Unavailable` and
    `Malformed`; `firedoor.vendors.slack.problems` tells which reply means which. A write raises `WriteRefused` on a read-only client, and
    its error's ``changed`` is None where its effect is unknown: read back then.
    """

    def __init__(self, *, token: str | HoldsSecret, channel: str, access: Access, base_url: str = SLACK, timeout: float = 10.0) -> None:
        from firedoor.vendors.slack.web import GuardedWeb, Token, base_of  # noqa: PLC0415 - the catalogue loads without the SDK

        held = token = Token(token)  # type: ignore[assignment] # from here on no variable of this frame prints it
        if timeout <= 0:
            raise Misconfigured("the time allowed for an answer of Slack must be above 0 seconds", advice="Leave it out for 10 seconds")
        self.channel_id = check_channel(channel)
        self.policy = CallPolicy(vendor=VENDOR, access=access, operations=operations.OPERATIONS)
        self._web: GuardedWeb = GuardedWeb(base=base_of(base_url), token=held, channel=self.channel_id, policy=self.policy, timeout=timeout)
        self._bot = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._web.close()

    async def now(self) -> datetime:
        """Slack's clock: the Date header of what it last answered, and the time since. Never ahead of Slack, at most about a second behind.

        Asks `whoami` once where nothing was answered yet.
        """
        if self._web.ahead is None:
            await self._ask_who()
        if self._web.ahead is None:
            raise Malformed("Slack's answers carry no Date", vendor=VENDOR, operation="clock", advice="Check FIREDOOR_SLACK_BASE_URL")
        return datetime.fromtimestamp(time.monotonic() + self._web.ahead, UTC)

    async def skew(self) -> timedelta:
        """How far Slack's clock is ahead of this machine's. Below about a second it means nothing."""
        return await self.now() - datetime.now(UTC)

    async def whoami(self) -> str:
        """The id of the app's bot (auth.test), by which its messages are known. Asked once."""
        return self._bot or await self._ask_who()

    async def scopes(self) -> frozenset[str] | None:
        """The scopes that the token was given, by the X-OAuth-Scopes header of auth.test; None where Slack does not tell."""
        await self._ask_who()
        return self._web.granted

    async def channel(self, channel_id: str) -> ChannelRecord:
        """The channel (conversations.info). Raises `NotFound` also where it is private and the app is not in it."""
        found = await self._call(operations.CHANNEL_INFO, replies.channel, target=channel_id, channel=check_channel(channel_id))
        self._count(operations.CHANNEL_INFO, found)
        return found

    async def members(self, channel: ChannelRecord, *, at_most: int) -> tuple[str, ...]:
        """The ids of the people in it (conversations.members). Where there are more than ``at_most``, more than that many of them."""
        self._count(operations.CHANNEL_MEMBERS, channel)
        found: list[str] = []
        cursor = ""
        while True:
            page, cursor = await self._call(
                operations.CHANNEL_MEMBERS,
                lambda body: (replies.members(body), replies.cursor(body)),
                target=channel.id,
                channel=channel.id,
                limit=PAGE,
                **_from(cursor),
            )
            found += page
            if not cursor or len(found) > at_most:
                return tuple(found)

    async def person(self, user_id: str) -> PersonRecord:
        """One user (users.info)."""
        found = await self._call(operations.USER_INFO, replies.person, target=user_id, user=check_person(user_id))
        if found.email:
            self.policy.used.add(operations.EMAIL_SCOPE)
        return found

    async def person_by_email(self, email: str) -> PersonRecord:
        """The user with that e-mail address (users.lookupByEmail). Raises `NotFound` where nobody active has it."""
        return await self._call(operations.USER_BY_EMAIL, replies.person, target=email, email=email)

    async def find_message(self, channel: ChannelRecord, mark: Mark, *, since: datetime) -> MessageRecord | None:
        """The app's own message with that mark, not older than ``since`` (conversations.history).

        The newest come first; at most `MOST_PAGES` pages are looked through. Raises `TooLong` where there are more, and it may be in those.
        """
        self._count(operations.CHANNEL_HISTORY, channel)
        bot_id = await self.whoami()
        cursor = ""
        for _ in range(MOST_PAGES):
            page, cursor = await self._call(
                operations.CHANNEL_HISTORY,
                lambda body: (replies.own_messages(body, bot_id), replies.cursor(body)),
                target=channel.id,
                channel=channel.id,
                oldest=f"{since.timestamp():.6f}",
                include_all_metadata=True,
                limit=PAGE,
                **_from(cursor),
            )
            found = next((message for message in page if message.mark == mark), None)
            if found is not None or not cursor:
                return found
        raise TooLong(
            f"more than {MOST_PAGES * PAGE:,} messages stand there since {since:%Y-%m-%d %H:%M:%S} UTC; what is looked for may be older",
            vendor=VENDOR,
            operation=operations.CHANNEL_HISTORY.name,
            status=200,
            target=channel.id,
            advice="Look for it by hand, and tell people yourself where it is not there",
        )

    async def post(self, channel_id: str, words: Words, mark: Mark) -> str:
        """Post one message (chat.postMessage); returns its timestamp. Never repeated by itself where its fate is unknown."""
        metadata = {"event_type": replies.EVENT_TYPE, "event_payload": {"run": mark.run, "incident": mark.incident}}
        return await self._call(
            operations.POST_MESSAGE,
            replies.posted,
            target=channel_id,
            channel=check_channel(channel_id),
            text=fallback(words),
            blocks=blocks(words),
            metadata=metadata,
            **_VERBATIM,
        )

    async def delete(self, channel_id: str, ts: str) -> None:
        """Delete one of the app's own messages (chat.delete). Raises `NotFound` where it is gone already."""
        await self._call(operations.DELETE_MESSAGE, lambda _: None, target=channel_id, channel=check_channel(channel_id), ts=ts)

    async def _ask_who(self) -> str:
        self._bot = await self._call(operations.AUTH_TEST, replies.bot, target="the bot token")
        return self._bot

    def _count(self, operation: SlackOperation, channel: ChannelRecord) -> None:
        """Only the channel tells which of two scopes is used."""
        self.policy.used.add(operation.scope_in(private=channel.private))

    async def _call(self, operation: SlackOperation, read: Callable[[replies.Object], T], *, target: str, **arguments: Any) -> T:
        async def attempt() -> T:
            # The SDK puts JSON bodies on POST only, and writes into what it is handed.
            sent = {"json": dict(arguments)} if operation is operations.POST_MESSAGE else {"params": dict(arguments)}
            try:
                reply = await self._web.api_call(operation.name, http_verb=operation.verb, **sent)
            except VendorError as error:
                error.target = target  # the transport knows the request, not what it is about
                raise
            assert isinstance(reply.data, dict)
            try:
                return read(reply.data)
            except replies.WrongShape as wrong:
                what = str(wrong)
            raise Malformed(
                f"Slack's reply to {operation.name} cannot be used: {what}",
                vendor=VENDOR,
                operation=operation.name,
                status=200,
                target=target,
                changed=None if operation.writes else False,
                advice="Run it again; if it stays so, check FIREDOOR_SLACK_BASE_URL",
            )

        return await send(operation, attempt)


def _from(cursor: str) -> Mapping[str, str]:
    return {"cursor": cursor} if cursor else {}
