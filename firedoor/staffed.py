"""The whole house with people at it: Slack where it lets us in, and where it does not, signatures at a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import TYPE_CHECKING, Any, Final, TypeVar

from firedoor import wiring
from firedoor.approval import Person, Way
from firedoor.bystanding import Bystander
from firedoor.channel import Channel, Together
from firedoor.clients import AwsStandIn
from firedoor.defect import kind_and_place
from firedoor.ears import Ears
from firedoor.errors import FiredoorError, Misconfigured, SlackMissing
from firedoor.journal import Journal
from firedoor.lease import Leases
from firedoor.model import Mode
from firedoor.run import Order
from firedoor.settings import Settings
from firedoor.starts import Starts

if TYPE_CHECKING:
    from firedoor.channels.terminal import Show

T = TypeVar("T")
PERSON_SECONDS: Final = 20.0  # that somebody at a terminal waits for Slack
SERVICE_SECONDS: Final = 200.0


async def with_slack(
    stack: AsyncExitStack,
    settings: Settings,
    vendors: frozenset[str],
    *,
    mode: Mode = Mode.LIVE,
    aws: AwsStandIn | None = None,
    beside: Channel | None = None,
) -> tuple[wiring.House, Starts]:
    """The whole house with Slack as its channel (``beside`` another), listening; in an exercise, with no client that writes, and listening
    only where nobody else does. Raises `BadInput` with nothing touched.
    """
    from firedoor.channels.slack.catching_up import CatchingUp, recent
    from firedoor.channels.slack.channel import SlackChannel
    from firedoor.channels.slack.serving import audience_of, connected, listening

    _check_approvers(settings)
    patience = PERSON_SECONDS if beside else SERVICE_SECONDS
    web = await _let_in(stack.enter_async_context(connected(settings)), patience)
    audience = await _let_in(audience_of(settings, web), patience)

    telling: list[SlackChannel] = []

    def channel(journal: Journal, leases: Leases) -> Channel | Together:
        slack = SlackChannel(web=web, channel=settings.slack_channel, journal=journal, leases=leases, audience=audience)
        telling.append(slack)
        return Together(channels=(slack, beside)) if beside else slack

    writes = mode is not Mode.EXERCISE
    opened = wiring.open_house(settings, vendors=vendors, writes=writes, channel=channel, aws=aws, drills=mode is Mode.DRILL)
    house = await stack.enter_async_context(opened)
    starts = await stack.enter_async_context((Starts if writes else Bystander)(house, mode))

    def app() -> AbstractAsyncContextManager[object]:
        return listening(settings, web, desk=house.desk, office=starts, audience=audience, seen=house.seen)

    if settings.slack_mode == "socket" or beside is None:  # Slack posts to one request URL, and that is of `firedoor serve`
        await _let_in(stack.enter_async_context(app() if writes else Ears(house.leases, app)), patience)
    [slack] = telling

    async def own() -> Sequence[str]:
        return slack.runs

    owing = recent(house.journal, mode) if beside is None and mode is Mode.LIVE else own  # what others left is told by who listens
    await stack.enter_async_context(CatchingUp(slack, house.journal, owing))
    return house, starts


async def _let_in(entering: Coroutine[Any, Any, T], patience: float) -> T:
    """What Slack lets us into. Raises `SlackMissing`, also where it tells us to come back later than somebody can wait."""
    try:
        async with asyncio.timeout(patience):
            return await entering
    except TimeoutError:
        raise SlackMissing(f"Slack did not let us in within {patience:g} s", target="Slack", advice="See status.slack.com") from None
    except FiredoorError:
        raise
    except Exception as defect:  # noqa: BLE001 - nobody is left without a containment because chat has a defect
        raise SlackMissing(f"a defect on the way into Slack ({kind_and_place(defect)})", target="Slack", advice="Report it") from None


async def with_people(
    stack: AsyncExitStack,
    settings: Settings,
    vendors: frozenset[str],
    order: Order,
    *,
    say: Callable[[str], None],
    show: Show | None = None,
) -> wiring.House:
    """The whole house for an order from a terminal. Where Slack cannot be reached, people sign at terminals. ``show`` shows plans.

    Raises `BadInput` with nothing touched, also where nobody could decide on the order without Slack.
    """
    from firedoor.channels.terminal import Terminal

    _check_approvers(settings)
    try:
        async with AsyncExitStack() as trying:
            house, _ = await with_slack(trying, settings, vendors, mode=order.mode, beside=Terminal(say, show))
            stack.push_async_exit(trying.pop_all())
            return house
    except SlackMissing as why:
        if not any(_signs(person, order) for person in settings.roster.people):
            raise SlackMissing(
                f"{why.what}, and nobody on the roster who may decide on this has an SSH key",
                target=why.target,
                advice=f"{why.advice}; or add approvers' public keys under [[people]] in firedoor.toml",
            ) from None
        say(f"{why} Going on without Slack: whoever decides signs at a terminal.")
    opened = wiring.open_house(settings, vendors=vendors, writes=order.mode is not Mode.EXERCISE, channel=lambda *_: Terminal(say, show))
    return await stack.enter_async_context(opened)


def _signs(person: Person, order: Order) -> bool:
    """Whether they may decide on the order with a signature, as far as can be told before it is planned."""
    alone = order.way is not Way.ORDINARY
    return bool(person.keys) and (person.name == order.requester if alone else person.may_approve and person.name != order.requester)


def _check_approvers(settings: Settings) -> None:
    if not any(person.may_approve for person in settings.roster.people):
        raise Misconfigured("the roster has no approver, so nothing could be approved", advice="List them as [[people]] in firedoor.toml")
